"""The rules about ids: what `_ids.json` says holds, and so does what operations say of theirs."""

import json
from pathlib import Path
from typing import Any

import pytest
from acme import GET, IMPORT, LIST, UPDATE, Acme, change, good_files, write

from crm_mcp.check import check

IDS = "acme/_ids.json"
OWNER = "/inputSchema/properties/owner"
ID_OF_OWNER = {"type": "string", "description": "Id of the thing that it belongs to."}
THING: dict[str, Any] = {
    "tool": "acme_things_get",
    "argument": "id",
    "label": ["/name", "/id"],
    "find": "acme_things_list",
}
SEEN: dict[str, Any] = {
    "title": "Seen",
    "arguments": {"id": "8"},
    "request": {"method": "GET", "path": "/things/8"},
    "reply": {"json": {"id": "8"}},
    "result": {"data": {"id": "8"}},
}


def found(
    root: Path, kind: Any = None, file: str = UPDATE, **changes: Any
) -> list[tuple[str, str, str]]:
    """Give a write the id of an owner, a thing like itself; changes are by pointer into `file`."""
    files = good_files()
    files[GET]["examples"].append(SEEN)
    files[UPDATE] |= {"ids": {"/owner": "thing"}}
    change(files[UPDATE], OWNER, dict(ID_OF_OWNER))
    for pointer, value in changes.items():
        change(files[file], pointer, value)
    write(root, files | {IDS: {"thing": THING | (kind or {})}})
    return [(problem.rule, problem.file, problem.message) for problem in check(root, [Acme()])]


def test_ids_that_keep_every_rule_are_no_problem(tmp_path: Path) -> None:
    assert found(tmp_path) == []


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ({"tool": "acme_nowhere_get"}, "thing names acme_nowhere_get, which does not exist"),
        ({"find": "acme_nowhere_list"}, "thing names acme_nowhere_list, which does not exist"),
        ({"find": "acme_things_update"}, "thing names acme_things_update, which is no read"),
        ({"argument": "key", "arguments": {"id": "/id"}}, "thing gives key, which is no argument"),
        (
            {"argument": "", "match": "/id"},
            "thing does not give id, which acme_things_get requires",
        ),
        ({"pattern": "("}, "the pattern of thing is no regular expression"),
        ({"label": ["/nmae"]}, "no example of acme_things_get has what the label of thing names"),
        ({"match": "/key"}, "no example of acme_things_get has what thing is matched by"),
    ],
)
def test_a_kind_that_does_not_hold_is_told(tmp_path: Path, kind: Any, words: str) -> None:
    [(rule, file, text)] = found(tmp_path, kind)

    assert (rule, file) == ("ids", IDS)
    assert words in text


def test_a_kind_is_told_by_a_read(tmp_path: Path) -> None:
    kind = {"tool": "acme_things_update", "label": ["/id"]}

    [(rule, file, text)] = found(tmp_path, kind)

    assert (rule, file, text) == ("ids", IDS, "thing names acme_things_update, which is no read")


@pytest.mark.parametrize(
    ("file", "changes", "words"),
    [
        (LIST, {"/ids": {"/page": "thing"}}, "only the ids of a write are looked up"),
        (UPDATE, {"/ids": {"/id": "thing"}}, "before reads the record of /id already"),
        (UPDATE, {"/ids": {"/keeper": "thing"}}, "ids names /keeper, which is no place"),
        (UPDATE, {"/ids": {"/owner/id": "thing"}}, "ids names /owner/id, which is no place"),
        (UPDATE, {f"{OWNER}/type": "boolean"}, "/owner, which is neither a text nor a number"),
        (UPDATE, {f"{OWNER}/type": "integer"}, "/owner is a number, which id of acme_things_get"),
        (IMPORT, {"/ids": {"/things": "thing"}}, "/things, which is neither a text nor a number"),
        (IMPORT, {"/ids": {"/things/*/key": "thing"}}, ""),
        (IMPORT, {"/ids": {"/things/*/name": "thing"}}, ""),
        (IMPORT, {"/ids": {"/things/*/size/maker": "thing"}}, ""),
    ],
)
def test_ids_stand_at_their_place_and_fit_their_read(
    tmp_path: Path, file: str, changes: dict[str, Any], words: str
) -> None:
    problems = found(tmp_path, file=file, **changes)

    if words:
        [(rule, where, text)] = problems
        assert (rule, where) == ("ids", file)
        assert words in text
    else:
        assert problems == []


def test_what_links_two_records_shows_the_names_of_both(tmp_path: Path) -> None:
    link = {"tool": "acme_things_list", "arguments": {"page": "/id", "size": "/owner"}}
    changes: dict[str, Any] = {"/before": link | {"may_be_missing": True}}

    told = found(tmp_path, **changes)
    [(_, _, text), *_] = found(tmp_path / "b", **{**changes, "/before": link})

    assert told == []
    assert "before reads the record of /owner already" in text


def test_what_before_reads_item_by_item_is_not_read_again(tmp_path: Path) -> None:
    before = {"tool": "acme_things_get", "each": "/things", "arguments": {"id": "/name"}}
    changes = {"/before": before, "/ids": {"/things/*/name": "thing"}}

    [(rule, file, text)] = found(tmp_path, file=IMPORT, **changes)

    assert (rule, file) == ("ids", IMPORT)
    assert "before reads the record of /things/*/name already" in text


def test_what_a_kind_takes_from_the_arguments_stands_there(tmp_path: Path) -> None:
    kind = {"argument": "", "match": "/id", "arguments": {"id": "/parent"}}

    [(rule, file, text)] = found(tmp_path, kind)

    assert (rule, file) == ("ids", UPDATE)
    assert text == "the kind thing takes id from /parent, which is no place in the arguments"


def test_a_kind_that_is_not_there_is_told_where_it_is_named(tmp_path: Path) -> None:
    changes: dict[str, Any] = {"/ids": {"/owner": "person"}}

    problems = found(tmp_path, **changes)

    assert problems == [
        ("load", UPDATE, "ids names the kind 'person', which _ids.json lacks"),
    ]


@pytest.mark.parametrize("content", ["{", "[]", json.dumps({"thing": {}}), '{"thing": 7}'])
def test_an_unreadable_file_of_kinds_is_told_instead_of_every_file_that_needs_it(
    tmp_path: Path, content: str
) -> None:
    write(tmp_path, good_files() | {IDS: content})

    [(rule, file)] = [(problem.rule, problem.file) for problem in check(tmp_path, [Acme()])]

    assert (rule, file) == ("load", IDS)


def test_the_kinds_of_an_operation_are_no_part_of_its_file(tmp_path: Path) -> None:
    files = good_files()
    change(files[UPDATE], "/kinds", [])
    write(tmp_path, files)

    [problem] = check(tmp_path, [Acme()])

    assert problem.message == "kinds is not said in the file; take it out"
