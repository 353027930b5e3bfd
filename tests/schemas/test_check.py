"""Each rule for one operation: a good file is broken, and exactly that rule speaks."""

from pathlib import Path
from typing import Any

import pytest
from acme import (
    DELETED,
    GET,
    IMPORT,
    LIST,
    NAME,
    SESSION,
    UPDATE,
    Acme,
    change,
    good_files,
    with_headings,
    write,
)

from crm_mcp.check import check
from crm_mcp.check.effects import verb_of

UNBOUNDED = {"type": "array", "description": "Names.", "items": {"type": "string"}}
PROPERTIES = "/inputSchema/properties"


def nested(levels: int) -> dict[str, Any]:
    """Make a schema of objects in each other."""
    return {"properties": {"a": nested(levels - 1)}} if levels else {}


GET_TOOL = "acme_things_get"


# rule, file, what is said, and the changes that break the rule
Row = tuple[str, str, str, dict[str, Any]]

NAMES_AND_TRAITS: tuple[Row, ...] = (
    ("traits", UPDATE, "named twice", {"/traits": ["outbound", "outbound"]}),
    ("traits", GET, "never destructive, outbound", {"/traits": ["outbound", "destructive"]}),
    ("traits", IMPORT, "destroys nothing", {"/traits": ["bulk", "destructive"]}),
    ("traits", UPDATE, "only an action", {"/traits": ["session"]}),
    ("traits", SESSION, "cannot be outbound", {"/traits": ["session", "outbound"]}),
    ("traits", UPDATE, "contradict", {"/traits": ["irreversible"]}),
    ("confirm", UPDATE, "needs confirm", {"/confirm": ""}),
    ("confirm", GET, "take confirm out", {"/confirm": "Look?"}),
    ("confirm", UPDATE, "{name} in confirm", {"/confirm": "Change {id} to {name}."}),
    ("confirm", UPDATE, "{thing id} in confirm", {"/confirm": "Change {thing id}."}),
    ("undo", UPDATE, "needs undo", {"/undo": DELETED}),
    ("undo", GET, "take undo out", {"/undo": {"kind": "none"}}),
    ("undo", UPDATE, "names its tool", {"/undo/tool": ""}),
    ("undo", IMPORT, "says in stays", {"/undo/stays": ""}),
    ("undo", UPDATE, "acme_nowhere_get, which", {"/undo/tool": "acme_nowhere_get"}),
    ("before", UPDATE, "say in before", {"/before": DELETED}),
    ("before", GET, "take before out", {"/before": {"none": "It is the read."}}),
    ("before", UPDATE, "acme_nowhere_get, which", {"/before/tool": "acme_nowhere_get"}),
    ("before", UPDATE, "gives key, which", {"/before/arguments/key": "/id"}),
    ("before", UPDATE, "does not give id", {"/before/arguments": {}}),
    ("before", UPDATE, "from /key, which", {"/before/arguments/id": "/key"}),
    ("before", UPDATE, "from /id/deep, which", {"/before/arguments/id": "/id/deep"}),
    ("before", UPDATE, "each is /id, which", {"/before/each": "/id"}),
    ("before", UPDATE, "gives name, which", {"/before/along": ["name"]}),
    (
        "before",
        UPDATE,
        "along names page, which",
        {"/before": {"tool": "acme_things_list", "along": ["page"]}},
    ),
    ("before", UPDATE, "fills /key, which is no", {"/before/fill": {"/key": "/key"}}),
    ("before", UPDATE, "fills /id, which is required", {"/before/fill": {"/id": "/id"}}),
    (
        "before",
        UPDATE,
        "acme_things_import_many, which is no read",
        {"/before": {"tool": "acme_things_import_many", "arguments": {"things": "/id"}}},
    ),
    ("pagination", LIST, "how it is paged", {"/pagination": DELETED}),
    ("pagination", LIST, "position names seite", {"/pagination/position": "seite"}),
    ("pagination", LIST, "so tags must be an integer", {"/pagination/size": "tags"}),
    ("pagination", LIST, "names its size", {"/pagination/size": ""}),
)
SCHEMAS: tuple[Row, ...] = (
    ("schema", GET, "inputSchema/type is not JSON Schema", {"/inputSchema/type": "thing"}),
    ("schema", GET, "regex", {f"{PROPERTIES}/id/pattern": "("}),
    ("root", SESSION, '"type": "object"', {"/inputSchema/type": DELETED}),
    ("root", GET, "additionalProperties", {"/inputSchema/additionalProperties": DELETED}),
    ("root", GET, "take anyOf", {"/inputSchema/anyOf": [{"required": ["id"]}]}),
    ("references", GET, "take $defs from the root", {"/inputSchema/$defs": {}}),
    ("references", GET, "take $comment from id", {f"{PROPERTIES}/id/$comment": "?"}),
    ("argument-names", GET, "'a b'", {f"{PROPERTIES}/a b": NAME}),
    ("argument-names", GET, "a leading _", {f"{PROPERTIES}/_raw": NAME}),
    ("required", SESSION, "key is required", {"/inputSchema/required": ["key"]}),
    (
        "required",
        IMPORT,
        "things[].key is required",
        {f"{PROPERTIES}/things/items/required": ["name", "key"]},
    ),
    ("described", GET, "no more than its name", {f"{PROPERTIES}/id/description": " "}),
    ("described", GET, "no more than its name", {f"{PROPERTIES}/id/description": "The id."}),
    ("described", GET, "has 201 characters", {f"{PROPERTIES}/id/description": "x" * 201}),
    (
        "described",
        IMPORT,
        "the description of things[].name says no more",
        {f"{PROPERTIES}/things/items/properties/name/description": "Its name."},
    ),
    (
        "described",
        GET,
        "the description of id.(anyOf).x says no more",
        {f"{PROPERTIES}/id/anyOf": [{"properties": {"x": {"description": "X"}}}, {}]},
    ),
    (
        "max-items",
        IMPORT,
        "of things[].tags",
        {f"{PROPERTIES}/things/items/properties/tags": UNBOUNDED},
    ),
    ("bulk", UPDATE, "array with maxItems", {"/traits": ["bulk"]}),
    ("entry-size", GET, "at most 8000", {f"{PROPERTIES}/id/enum": ["7", "x" * 8000]}),
    ("dialect", GET, "take contentEncoding from id", {f"{PROPERTIES}/id/contentEncoding": "x"}),
    (
        "dialect",
        GET,
        "the format uri-template from id",
        {f"{PROPERTIES}/id/format": "uri-template"},
    ),
    ("dialect", LIST, "say items of tags", {f"{PROPERTIES}/tags/items": DELETED}),
    ("dialect", GET, "holds 7, which is none", {f"{PROPERTIES}/id/enum": ["7", 7]}),
    ("dialect", GET, "is more than 10 levels deep", {f"{PROPERTIES}/id/anyOf": [nested(9), {}]}),
)
REQUESTS: tuple[Row, ...] = (
    ("targets", UPDATE, "name is sent nowhere", {"/request/bind/name": []}),
    ("targets", UPDATE, "id and name go to", {"/request/bind/name": "json#/id"}),
    ("targets", UPDATE, "(json#/id)", {"/request/bind/name": "json#/id/deep"}),
    ("targets", UPDATE, "id and name go to", {"/request/bind/name": "json"}),
    ("targets", UPDATE, "id and id go to", {"/request/bind/id": ["path", "json#/id", "json#/id"]}),
    (
        "targets",
        UPDATE,
        "(header:x-one)",
        {"/request/bind/name": "header:X-One", "/request/bind/id": ["path", "header:x-one"]},
    ),
    ("targets", UPDATE, "one body", {"/request/bind/name": "form"}),
    ("placeholders", GET, "{key} in the path is no", {"/request/path": "/things/{id}/{key}"}),
    ("placeholders", GET, "must be a required", {"/inputSchema/required": []}),
    ("placeholders", GET, "is not filled", {"/request/bind": {"id": "query"}}),
    ("placeholders", UPDATE, "has no {name}", {"/request/bind/name": "path"}),
    ("constants", GET, "into the path itself", {"/request/const": {"path": "things"}}),
    ("constants", GET, "names no parameter", {"/request/const": {"query": "x"}}),
    ("constants", UPDATE, "name would replace", {"/request/bind/name": "query:cmd"}),
    ("constants", GET, "go to the same", {"/request/const": {"form:a": "1", "form:a#/x": "2"}}),
    ("arguments", GET, "request.bind names key", {"/request/bind": {"key": "query"}}),
    ("arguments", GET, "request.arrays names key", {"/request/arrays": {"key": "json"}}),
    ("arguments", GET, "rules.same_length names key", {"/rules": [{"same_length": ["key"]}]}),
    ("arguments", GET, "rules.together names key", {"/rules": [{"together": ["id", "key"]}]}),
    ("arrays", LIST, "how tags is written", {"/request/arrays": {}}),
    ("arrays", LIST, "take page from", {"/request/arrays/page": "json"}),
    ("arrays", IMPORT, "take things from", {"/request/arrays": {"things": "json"}}),
    (
        "arrays",
        LIST,
        "how tags is written",
        {"/request/arrays": {}, "/request/bind": {"tags": "header:X-Tags"}},
    ),
    (
        "arrays",
        GET,
        "id is an array and cannot fill a path",
        {f"{PROPERTIES}/id/type": DELETED, f"{PROPERTIES}/id/anyOf": [UNBOUNDED]},
    ),
    ("same-length", UPDATE, "id is no array", {"/rules": [{"same_length": ["id"]}]}),
)
EXAMPLES: tuple[Row, ...] = (
    ("example", GET, "its arguments do not fit", {"/examples/0/arguments": {"key": "7"}}),
    ("example", GET, "do not fit", {"/examples/0/arguments/id": ".."}),
    ("example", GET, 'request/path is "/things/8"', {"/examples/0/arguments/id": "8"}),
    ("example", GET, "request/query is absent", {"/examples/0/request/query": {"a": "b"}}),
    ("example", UPDATE, 'request/json/name is "Lid"', {"/examples/0/request/json/name": "lid"}),
    ("example", UPDATE, "request/json/id is", {"/examples/0/request/json/id": 7}),
    ("example", LIST, "request/query/tags/1 is", {"/examples/0/request/query/tags/1": "c"}),
    ("example", LIST, 'tags is ["a","b"]', {"/examples/0/request/query/tags": ["a"]}),
    ("example", LIST, "says 1.0", {"/examples/0/result/page/returned": 1.0}),
    ("example", GET, 'result/error is "not_found"', {"/examples/0/result/error": "rejected"}),
    ("example", GET, "result/error is absent", {"/examples/0/reply": {"json": {"id": "7"}}}),
    ("example", GET, "at least one example", {"/examples": []}),
    (
        "files",
        UPDATE,
        "no example has content at /file",
        {"/response/files": [{"at": "/file", "content": "content"}]},
    ),
    (
        "files",
        UPDATE,
        "no example has id at /*",
        {"/response/files": [{"at": "", "content": "id"}, {"at": "/*", "content": "id"}]},
    ),
    (
        "files",
        UPDATE,
        "no example",
        {"/response/files": [{"at": "", "content": "id", "name": "n"}]},
    ),
    ("example", UPDATE, "x…", {"/examples/0/result/data/id": "x" * 300}),
)


def broken(tmp_path: Path, file: str, changes: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Change one good file and tell what `check` finds."""
    files = good_files()
    for pointer, value in changes.items():
        change(files[file], pointer, value)
    write(tmp_path, files)
    return [(problem.rule, problem.file, problem.message) for problem in check(tmp_path, [Acme()])]


def test_files_that_keep_every_rule_have_no_problems(tmp_path: Path) -> None:
    write(tmp_path, good_files())
    assert check(tmp_path, [Acme()]) == []


@pytest.mark.parametrize(
    ("rule", "file", "words", "changes"),
    [*NAMES_AND_TRAITS, *SCHEMAS, *REQUESTS, *EXAMPLES],
)
def test_a_broken_rule_is_told_alone_and_in_words(
    tmp_path: Path, rule: str, file: str, words: str, changes: dict[str, Any]
) -> None:
    found = broken(tmp_path, file, changes)
    assert [(problem[0], problem[1]) for problem in found] == [(rule, file)]
    assert words in found[0][2]


def named(tmp_path: Path, name: str, effect: str) -> list[str]:
    """Give the update another name and effect, and tell which rules complain in which words."""
    files = good_files()
    renamed = files.pop(UPDATE) | {"name": name, "effect": effect, "undo": {"kind": "none"}}
    write(tmp_path, with_headings(files | {f"acme/things/{name}.json": renamed}))
    return [f"{problem.rule}: {problem.message}" for problem in check(tmp_path, [Acme()])]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("things_all_update", "name: a name in this folder begins with acme_"),
        ("acme_update", "name: a name is acme_<resource>_<verb>"),
    ],
)
def test_a_name_has_vendor_resource_and_verb(tmp_path: Path, name: str, words: str) -> None:
    assert named(tmp_path, name, "update") == [words]


@pytest.mark.parametrize(
    ("verb", "effect"),
    [
        ("update", "update"),
        ("update_many", "update"),
        ("set", "update"),
        ("upload_file", "create"),
        ("register", "create"),
        ("trigger", "create"),
        ("trigger", "action"),
        ("delete", "delete"),
        ("approve", "action"),
        ("download_pdf", "action"),
        ("import", "action"),
    ],
)
def test_a_verb_says_its_effect_and_may_have_a_qualifier_behind_it(
    tmp_path: Path, verb: str, effect: str
) -> None:
    assert named(tmp_path, f"acme_things_{verb}", effect) == []


@pytest.mark.parametrize(
    ("verb", "effect", "words"),
    [
        ("search", "action", "the verb search promises the effect read, not action"),
        ("delete_many", "action", "the verb delete promises the effect delete, not action"),
        ("list", "update", "list is no verb of the effect update"),
        ("approve", "create", "approve is no verb of the effect create"),
        ("listen", "create", "listen is no verb of the effect create"),
        ("register", "update", "register is no verb of the effect update"),
        ("thing", "delete", "use one of clear, delete, detach, remove, wipe"),
    ],
)
def test_a_verb_of_another_effect_is_told(
    tmp_path: Path, verb: str, effect: str, words: str
) -> None:
    [problem] = named(tmp_path, f"acme_things_{verb}", effect)
    assert problem.startswith("verb: ")
    assert words in problem


@pytest.mark.parametrize("verb", ["listen", "watch", "find"])
def test_the_verbs_of_a_read_say_that_it_only_reads(tmp_path: Path, verb: str) -> None:
    problems = named(tmp_path, f"acme_things_{verb}", "read")

    assert [problem for problem in problems if problem.startswith("verb: ")] == []


def test_of_a_name_made_of_qualifiers_the_first_word_counts_as_verb() -> None:
    assert verb_of("all_files") == "all"


@pytest.mark.parametrize(
    "name",
    ["password", "apikey", "X-API-Key", "authToken", "oldPassword", "sha512password", "user_pwd"],
)
@pytest.mark.parametrize(
    ("file", "place"), [(GET, PROPERTIES), (IMPORT, f"{PROPERTIES}/things/items/properties")]
)
def test_an_argument_named_like_a_credential_is_told(
    tmp_path: Path, name: str, file: str, place: str
) -> None:
    [(rule, where, text)] = broken(tmp_path, file, {f"{place}/{name}": NAME})
    assert (rule, where) == ("credentials", file)
    assert f"{name} is named like a credential" in text


@pytest.mark.parametrize("name", ["hashtag", "tokenised", "key", "user", "apiKeyboard", "passed"])
def test_only_whole_words_make_a_name_look_like_a_credential(tmp_path: Path, name: str) -> None:
    assert broken(tmp_path, GET, {f"{PROPERTIES}/{name}": NAME}) == []


def test_an_operation_about_a_credential_may_take_one(tmp_path: Path) -> None:
    secret = NAME | {"writeOnly": True}
    changes = {f"{PROPERTIES}/newPassword": secret, "/traits": ["credential"]}
    assert broken(tmp_path, UPDATE, changes) == []


def test_a_credential_among_the_arguments_must_be_marked_so_that_it_is_masked(
    tmp_path: Path,
) -> None:
    changes = {f"{PROPERTIES}/newPassword": NAME, "/traits": ["credential"]}
    [(rule, _, text)] = broken(tmp_path, UPDATE, changes)
    assert rule == "credentials"
    assert "mark it writeOnly" in text


@pytest.mark.parametrize(
    ("file", "changes"),
    [
        (UPDATE, {"/before": {"none": "No such read."}, "/undo": {"kind": "none"}}),
        (UPDATE, {"/undo": {"kind": "none"}, "/traits": ["irreversible"]}),
        (LIST, {"/pagination": {"style": "none"}, "/examples/0/result/page": {"returned": 1}}),
        (
            UPDATE,
            {
                "/request/bind/name": "query:input#/name",
                "/examples/0/request/query/input": '{"name":"Lid"}',
                "/examples/0/request/json": {"id": "7"},
            },
        ),
        (
            IMPORT,
            {
                "/before": {
                    "tool": "acme_things_get",
                    "each": "/things",
                    "arguments": {"id": "/size/any/number"},
                }
            },
        ),
        (GET, {"/aliases": ["acme_things_read"]}),
        (GET, {f"{PROPERTIES}/id/description": "x" * 200}),
        (LIST, {"/rules": [{"same_length": ["tags"]}]}),
        (
            UPDATE,
            {
                f"{PROPERTIES}/file": NAME,
                "/request/bind/file": "file:json#/name",
                "/rules": [{"at_most_one": ["name", "file"]}],
            },
        ),
        (
            SESSION,
            {
                "/request/const": {"query:cmd": "in", "query:v": "2"},
                "/examples/0/request/query": {"cmd": "in", "v": "2"},
            },
        ),
        (
            SESSION,
            {
                "/request/const": {"json#/a": "in", "json#/b": "2"},
                "/examples/0/request/json": {"a": "in", "b": "2"},
            },
        ),
        (GET, {f"{PROPERTIES}/open": {"description": "Any.", "not": {"type": "null"}}}),
    ],
)
def test_what_the_format_allows_is_no_problem(
    tmp_path: Path, file: str, changes: dict[str, Any]
) -> None:
    assert broken(tmp_path, file, changes) == []


def test_a_place_below_a_text_is_told(tmp_path: Path) -> None:
    before = {"tool": "acme_things_get", "each": "/things", "arguments": {"id": "/name/x/y"}}
    [(rule, _, text)] = broken(tmp_path, IMPORT, {"/before": before})
    assert rule == "before"
    assert "/name/x/y" in text


@pytest.mark.parametrize(
    ("target", "words"),
    [("/name", "is required"), ("/size", ""), ("/size/unit", ""), ("/x", "no place")],
)
def test_what_is_filled_in_is_a_place_of_an_item_that_may_be_left_out(
    tmp_path: Path, target: str, words: str
) -> None:
    fill = {target: "/name"}
    arguments = {"id": "/name"}
    before = {"tool": GET_TOOL, "each": "/things", "arguments": arguments, "fill": fill}
    closed = f"{PROPERTIES}/things/items/additionalProperties"
    found = broken(tmp_path, IMPORT, {"/before": before, closed: False})
    assert [rule for rule, _, _ in found] == (["before"] if words else [])
    assert all(words in text for _, _, text in found)


@pytest.mark.parametrize(("items", "rules"), [(True, []), (False, ["before"])])
def test_items_of_any_form_have_every_place_and_impossible_ones_none(
    tmp_path: Path, *, items: bool, rules: list[str]
) -> None:
    tags = {"type": "array", "maxItems": 3, "description": "Marks.", "items": items}
    before = {"tool": "acme_things_get", "each": "/tags", "arguments": {"id": "/id"}}
    changes = {f"{PROPERTIES}/tags": tags, "/before": before}
    assert [rule for rule, _, _ in broken(tmp_path, UPDATE, changes)] == rules
