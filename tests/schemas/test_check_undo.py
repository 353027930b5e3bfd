"""The rules about taking a write back: a good file is broken, and exactly that rule speaks."""

import copy
from pathlib import Path
from typing import Any

import pytest
from acme import (
    GET,
    ID,
    IMPORT,
    NAME,
    UPDATE,
    Acme,
    change,
    example,
    good_files,
    operation,
    schema,
    with_headings,
    write,
)

from crm_mcp.check import check

DELETE = "acme/things/acme_things_delete.json"
CREATE = "acme/things/acme_things_create.json"
BACK = {"kind": "exact", "tool": "acme_things_delete", "arguments": {"id": "/result/id"}}
EXAMPLE = example({"id": "7"}, {"method": "DELETE", "path": "/things/7"}, {"status": "done"})
EXAMPLE[0]["result"]["data"] = {"id": "7"}
CLOSED = {"/inputSchema/properties/things/items/additionalProperties": False}


def files() -> dict[str, Any]:
    """Copy the good files, with a create and the delete that undoes it."""
    delete = operation(
        "acme_things_delete",
        "delete",
        6,
        inputSchema=schema({"id": ID, "force": NAME}, "id"),
        request={"method": "DELETE", "path": "/things/{id}"},
        before={"tool": "acme_things_get", "arguments": {"id": "/id"}},
        undo={"kind": "none"},
        confirm="Delete the thing {id}.",
        examples=EXAMPLE,
    )
    create = operation(
        "acme_things_create",
        "create",
        7,
        inputSchema=schema({"name": NAME}, "name"),
        request={"method": "POST", "path": "/things/one", "args_in": "json"},
        undo=BACK,
        confirm="Create the thing {name}.",
        examples=example(
            {"name": "Lid"},
            {"method": "POST", "path": "/things/one", "json": {"name": "Lid"}},
            {"data": {"id": "7"}, "status": "done"},
        ),
    )
    given = good_files() | copy.deepcopy({DELETE: delete, CREATE: create})
    given.pop("acme/_documented.json")
    bulk = {"kind": "exact", "tool": "acme_things_import_many", "arguments": {"size": "/now/size"}}
    before = {"tool": "acme_things_get", "each": "/things", "arguments": {"id": "/name"}}
    given[IMPORT] |= {"effect": "update", "undo": bulk, "before": before}
    name = "acme_things_update_many"
    given[IMPORT] |= {"name": name, "undo": bulk | {"tool": name}}
    given[MANY] = given.pop(IMPORT)
    return with_headings(given)


MANY = "acme/things/acme_things_update_many.json"


def broken(tmp_path: Path, file: str, changes: dict[str, Any]) -> list[tuple[str, str, str]]:
    given = files()
    for pointer, value in changes.items():
        change(given[file], pointer, value)
    write(tmp_path, given)
    return [(found.rule, found.file, found.message) for found in check(tmp_path, [Acme()])]


def test_undos_that_keep_every_rule_have_no_problems(tmp_path: Path) -> None:
    assert broken(tmp_path, CREATE, {}) == []


def test_a_constant_gives_what_the_inverse_requires(tmp_path: Path) -> None:
    assert broken(tmp_path, CREATE, {"/undo/arguments": {}, "/undo/const": {"id": "7"}}) == []


@pytest.mark.parametrize(
    ("file", "words", "changes"),
    [
        (CREATE, "does not exist", {"/undo/tool": "acme_things_gone"}),
        (CREATE, "names its tool", {"/undo": {"kind": "exact"}}),
        (CREATE, "which changes nothing", {"/undo/tool": "acme_things_get"}),
        (CREATE, "does not give id, which acme_things_delete requires", {"/undo/arguments": {}}),
        (CREATE, "gives key, which is no argument", {"/undo/arguments/key": "/result/id"}),
        (CREATE, "does not begin with one of", {"/undo/arguments/id": "/reply/id"}),
        (CREATE, "does not begin with one of", {"/undo/arguments/id": ""}),
        (
            CREATE,
            "takes /arguments/key, which is no place",
            {"/undo/arguments/id": "/arguments/key"},
        ),
        (CREATE, "/before/id, but before names no read", {"/undo/arguments/id": "/before/id"}),
        (
            DELETE,
            "/now/name, but nothing reads the record then",
            {
                "/undo": {
                    "kind": "exact",
                    "tool": "acme_things_create",
                    "arguments": {"name": "/now/name"},
                }
            },
        ),
        (
            CREATE,
            "name it, or take them out",
            {"/undo": {"kind": "none", "arguments": {"id": "/result/id"}}},
        ),
        (CREATE, "does not give id, which", {"/undo/arguments": {}, "/undo/const": {"force": "x"}}),
        (CREATE, "gives key, which is no argument", {"/undo/const": {"key": "x"}}),
        (
            CREATE,
            "name it, or take them out",
            {"/undo": {"kind": "none", "const": {"id": "7"}}},
        ),
        (
            CREATE,
            "translates /result/name, which undo.arguments does not take",
            {"/undo/words": {"/result/name": {"on": "off"}}},
        ),
        (UPDATE, "only if before names a read", {"/before": {"none": "No such read."}}),
        (UPDATE, "gives key, which is no argument", {"/undo/arguments": {"key": "/now/key"}}),
        (
            MANY,
            "gives key, which is no argument",
            {**CLOSED, "/undo/arguments": {"key": "/now/key"}},
        ),
        (
            MANY,
            "takes /arguments/key, which",
            {**CLOSED, "/undo/arguments": {"size": "/arguments/key"}},
        ),
    ],
)
def test_a_broken_rule_of_undo_is_told_alone_and_in_words(
    tmp_path: Path, file: str, words: str, changes: dict[str, Any]
) -> None:
    found = broken(tmp_path, file, changes)

    assert [(rule, where) for rule, where, _ in found] == [("undo", file)]
    assert words in found[0][2]


@pytest.mark.parametrize(
    ("file", "changes"),
    [
        (CREATE, {"/undo/arguments/force": "/arguments/name"}),
        (CREATE, {"/undo/arguments/force": "/now/name"}),
        (UPDATE, {"/undo/arguments": {"name": "/before/name"}}),
        (MANY, {"/undo/arguments": {"size": "/arguments/size"}}),
        (MANY, {"/undo/arguments": {"things": "/arguments/things"}}),
        (
            CREATE,
            {"/undo": {"kind": "partial", "tool": "acme_things_delete", "stays": "a number"}},
        ),
        (GET, {}),
    ],
)
def test_what_the_format_allows_of_an_undo_is_no_problem(
    tmp_path: Path, file: str, changes: dict[str, Any]
) -> None:
    assert broken(tmp_path, file, changes) == []
