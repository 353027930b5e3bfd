"""Operation files: found, read, their references inlined, and every fault told with its place."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from crm_mcp import loader
from crm_mcp.errors import SchemaError
from crm_mcp.loader import inline_refs, load_operation, load_vendor, schemas_root, vendor_ids
from crm_mcp.operation import Operation

NAME = "acme_things_list"
CONTENT: Mapping[str, Any] = {
    "name": NAME,
    "title": "List the things",
    "description": "Lists the things of a made-up CRM.",
    "effect": "read",
    "source": {"document": "acme.txt", "line": 1, "section": "1. Things", "evidence": "documented"},
    "inputSchema": {"type": "object", "properties": {"size": {"$ref": "_shared.json#/$defs/Size"}}},
    "request": {"method": "GET", "path": "/things"},
    "response": {},
    "examples": [
        {
            "title": "Sample",
            "arguments": {"size": 3},
            "request": {"method": "GET", "path": "/things", "query": {"size": "3"}},
            "reply": {"json": []},
            "result": {"data": []},
        }
    ],
}
SHARED: Mapping[str, Any] = {"Size": {"type": "integer", "description": "How many."}}


def write(root: Path, file: str, content: object) -> Path:
    path = root / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Make a folder of operation files with one made-up vendor."""
    write(tmp_path, f"acme/things/{NAME}.json", CONTENT)
    write(tmp_path, "acme/_shared.json", {"$defs": SHARED})
    return tmp_path


def load_changed(tmp_path: Path, **changes: Any) -> Operation:
    path = write(tmp_path, f"acme/things/{NAME}.json", {**CONTENT, **changes})
    return load_operation(path, SHARED)


def test_an_operation_file_and_its_folders_become_an_operation(root: Path) -> None:
    (operation,) = load_vendor(root, "acme")

    assert operation.model_dump(mode="json", by_alias=True, exclude_unset=True) == {
        **CONTENT,
        "vendor": "acme",
        "toolset": "things",
        "inputSchema": {"type": "object", "properties": {"size": SHARED["Size"]}},
        "sample": '{"size": 3}',
    }


def test_without_its_examples_an_operation_keeps_one_sample_and_its_digest(root: Path) -> None:
    (whole,) = load_vendor(root, "acme")
    (lean,) = load_vendor(root, "acme", examples=False)

    assert len(whole.examples) == 1
    assert lean == whole.model_copy(update={"examples": ()})
    assert lean.digest == whole.digest


def test_the_operations_of_a_vendor_come_by_toolset_and_name(root: Path) -> None:
    for toolset, name in (("zoo", "acme_a_get"), ("area", "acme_z_get"), ("area", "acme_b_get")):
        write(root, f"acme/{toolset}/{name}.json", {**CONTENT, "name": name})

    loaded = [(operation.toolset, operation.name) for operation in load_vendor(root, "acme")]

    assert loaded == [
        ("area", "acme_b_get"),
        ("area", "acme_z_get"),
        ("things", NAME),
        ("zoo", "acme_a_get"),
    ]


def test_the_vendors_are_the_folders_in_alphabetical_order(root: Path) -> None:
    (root / "zebra").mkdir()
    (root / "aardvark").mkdir()
    write(root, "operation.schema.json", {})

    assert vendor_ids(root) == ("aardvark", "acme", "zebra")


def test_the_files_stand_beside_the_package_in_a_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loader, "__file__", str(tmp_path / "crm_mcp" / "loader.py"))

    assert schemas_root() == tmp_path / "tool_schemas"


def test_the_files_stand_inside_the_package_once_it_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = tmp_path / "crm_mcp" / "tool_schemas"
    inside.mkdir(parents=True)
    monkeypatch.setattr(loader, "__file__", str(tmp_path / "crm_mcp" / "loader.py"))

    assert schemas_root() == inside


def test_the_schema_that_editors_use_is_no_part_of_an_operation(tmp_path: Path) -> None:
    assert load_changed(tmp_path, **{"$schema": "../../operation.schema.json"}).name == NAME


KINDS = {
    "thing": {"tool": "acme_things_get", "argument": "id", "label": ["/name"]},
    "deal_stage": {"tool": "acme_stages_list", "match": "/id", "label": ["/name"]},
    "taskList": {"tool": "acme_lists_get", "argument": "id", "label": ["/title"]},
}


def test_an_operation_has_the_kinds_that_its_ids_name_and_shares_them(root: Path) -> None:
    for name in ("acme_a_create", "acme_b_create"):
        ids = {"/id": "thing", "/ids/*": "thing"}
        content = {**CONTENT, "name": name, "effect": "create", "ids": ids}
        write(root, f"acme/things/{name}.json", content)
    write(root, "acme/_ids.json", KINDS)

    one, other, without = load_vendor(root, "acme")

    assert [(kind.name, kind.words, kind.tool) for kind in one.kinds] == [
        ("thing", "thing", "acme_things_get")
    ]
    assert one.kinds[0] is other.kinds[0]
    assert without.kinds == ()


def test_the_name_of_a_kind_is_read_as_words(root: Path) -> None:
    path = write(root, "acme/_ids.json", KINDS)

    words = [kind.words for kind in loader.read_kinds(path.parent).values()]

    assert words == ["thing", "deal stage", "task list"]


def test_an_approval_dies_when_a_kind_changes(root: Path) -> None:
    content = {**CONTENT, "effect": "create", "ids": {"/id": "deal_stage"}}
    write(root, f"acme/things/{NAME}.json", content)
    digests = set()
    for label in ("/name", "/code"):
        kinds = {"deal_stage": KINDS["deal_stage"] | {"label": [label]}}
        write(root, "acme/_ids.json", kinds)
        digests.add(load_vendor(root, "acme")[0].digest)

    assert len(digests) == 2


@pytest.mark.parametrize(
    ("kinds", "problem"),
    [
        ({"thing": []}, "thing: a JSON object is expected"),
        ({"Thing": KINDS["thing"]}, "Thing.name: String should match pattern"),
        ({"thing": {**KINDS["thing"], "colour": 1}}, "thing.colour: Extra inputs"),
        ({"thing": {**KINDS["thing"], "label": []}}, "thing.label: Tuple should have at least 1"),
        (
            {"thing": {"tool": "acme_things_get", "label": ["/name"]}},
            "thing: Value error, a kind names the argument that takes the id, or match",
        ),
    ],
)
def test_a_kind_that_does_not_fit_the_model_is_told(root: Path, kinds: Any, problem: str) -> None:
    path = write(root, "acme/_ids.json", kinds)

    with pytest.raises(SchemaError) as caught:
        load_vendor(root, "acme")

    assert str(caught.value).startswith(f"{path}: {problem}")


def test_a_vendor_s_personal_fields_are_those_of_all_its_operations(root: Path) -> None:
    write(root, "acme/zoo/acme_b_get.json", {**CONTENT, "name": "acme_b_get"})
    (before, _) = load_vendor(root, "acme")
    write(root, "acme/_personal.json", {"keeper": "person"})

    one, other = load_vendor(root, "acme")

    assert one.personal == other.personal == {"keeper": "person"}
    assert before.personal == {}
    assert before.digest != one.digest


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"keeper": "nobody"}, "keeper: Input should be 'person'"),
        ({"keeper": ["person"]}, "keeper: Input should be 'person'"),
        (["keeper"], "a JSON object is expected"),
    ],
)
def test_a_personal_field_of_no_kind_is_told(root: Path, fields: Any, problem: str) -> None:
    path = write(root, "acme/_personal.json", fields)

    with pytest.raises(SchemaError) as caught:
        load_vendor(root, "acme")

    assert str(caught.value).startswith(f"{path}: {problem}")


@pytest.mark.parametrize(
    ("ids", "problem"),
    [
        ({"/id": "thing"}, "ids names the kind 'thing', which _ids.json lacks"),
        ({"/id": ["thing"]}, "ids./id: Input should be a valid string"),
        (["thing"], "ids: Input should be a valid dictionary"),
        ({"/id": "/kind"}, "ids takes a kind from no argument with an enum"),
        ({"/id": "/id"}, "ids takes a kind from no argument with an enum"),
        ({"id": "x"}, "ids names the kind 'x', which _ids.json lacks"),
    ],
)
def test_ids_of_no_kind_are_refused(tmp_path: Path, ids: Any, problem: str) -> None:
    with pytest.raises(SchemaError) as caught:
        load_changed(tmp_path, ids=ids)

    assert str(caught.value) == f"{tmp_path / f'acme/things/{NAME}.json'}: {problem}"


@pytest.mark.parametrize("examples", [[], [CONTENT["examples"][0] | {"arguments": {"name": "ü"}}]])
def test_the_sample_is_the_arguments_of_the_first_example_as_json(
    tmp_path: Path, examples: list[dict[str, Any]]
) -> None:
    operation = load_changed(tmp_path, examples=examples)

    assert operation.sample == ('{"name": "ü"}' if examples else "{}")


@pytest.mark.parametrize("key", ["vendor", "toolset", "sample", "kinds", "personal"])
def test_a_file_may_not_say_what_its_place_says(tmp_path: Path, key: str) -> None:
    with pytest.raises(SchemaError) as caught:
        load_changed(tmp_path, **{key: "acme"})

    path = tmp_path / f"acme/things/{NAME}.json"
    assert str(caught.value) == f"{path}: {key} is not said in the file; take it out"


def test_a_name_that_is_not_the_files_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SchemaError) as caught:
        load_changed(tmp_path, name="acme_things_get")

    path = tmp_path / f"acme/things/{NAME}.json"
    assert str(caught.value) == f"{path}: name is 'acme_things_get', the file's name says '{NAME}'"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        (
            {"effect": "guess"},
            "effect: Input should be 'read', 'create', 'update', 'delete' or 'action'",
        ),
        ({"colour": "red"}, "colour: Extra inputs are not permitted"),
        ({"title": None}, "title: Input should be a valid string"),
        ({"inputSchema": None}, "inputSchema: Input should be a valid dictionary"),
        ({"examples": None}, "examples: Input should be a valid tuple"),
        (
            {"rules": [{"together": ["a"], "same_length": ["a"]}]},
            "rules.0: Value error, a rule has exactly one condition",
        ),
        ({"rules": [{}]}, "rules.0: Value error, a rule has exactly one condition"),
        (
            {"before": {"tool": "acme_things_get", "none": "There is one."}},
            "before: Value error, before names a tool, or says in none why there is none",
        ),
        (
            {"before": {}},
            "before: Value error, before names a tool, or says in none why there is none",
        ),
    ],
)
def test_a_file_that_does_not_fit_the_model_is_told_by_its_first_fault(
    tmp_path: Path, changes: dict[str, Any], problem: str
) -> None:
    with pytest.raises(SchemaError) as caught:
        load_changed(tmp_path, **changes)

    assert str(caught.value) == f"{tmp_path / f'acme/things/{NAME}.json'}: {problem}"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"{", "not JSON: Expecting property name enclosed in double quotes"),
        (b"\xff\xfe\xff", "not JSON: 'utf-16-le' codec can't decode"),
        (b"[]", "a JSON object is expected"),
    ],
)
def test_a_file_that_is_no_json_object_is_refused(
    tmp_path: Path, content: bytes, problem: str
) -> None:
    path = tmp_path / f"{NAME}.json"
    path.write_bytes(content)

    with pytest.raises(SchemaError) as caught:
        load_operation(path, {})

    assert str(caught.value).startswith(f"{path}: {problem}")


def test_a_vendor_without_shared_fragments_has_none_to_refer_to(root: Path) -> None:
    (root / "acme/_shared.json").unlink()

    with pytest.raises(SchemaError) as caught:
        load_vendor(root, "acme")

    path = root / f"acme/things/{NAME}.json"
    reference = "_shared.json#/$defs/Size"
    assert str(caught.value) == f"{path}: $ref {reference!r} is not a fragment of _shared.json"


@pytest.mark.parametrize("fragments", [[], "Size", None])
def test_shared_fragments_are_an_object(root: Path, fragments: object) -> None:
    path = write(root, "acme/_shared.json", {"$defs": fragments})

    with pytest.raises(SchemaError) as caught:
        load_vendor(root, "acme")

    assert str(caught.value) == f"{path}: $defs must be an object"


def test_references_are_replaced_wherever_they_stand() -> None:
    shared = {
        "Id": {"type": "integer"},
        "Thing": {"properties": {"id": {"$ref": "_shared.json#/$defs/Id"}}},
    }
    schema = {"anyOf": [{"$ref": "_shared.json#/$defs/Thing"}, {"type": "null"}], "title": "T"}

    assert inline_refs(schema, shared, Path("file.json")) == {
        "anyOf": [{"properties": {"id": {"type": "integer"}}}, {"type": "null"}],
        "title": "T",
    }


def test_keys_beside_a_reference_win_over_the_fragment_and_may_refer_themselves() -> None:
    shared = {
        "Id": {"type": "integer", "description": "Any id."},
        "Pair": {"type": "array", "maxItems": 2},
    }
    node = {
        "$ref": "_shared.json#/$defs/Pair",
        "maxItems": 1,
        "items": {"$ref": "_shared.json#/$defs/Id", "description": "Id of the thing."},
    }

    assert inline_refs(node, shared, Path("file.json")) == {
        "type": "array",
        "maxItems": 1,
        "items": {"type": "integer", "description": "Id of the thing."},
    }


def test_one_fragment_may_be_used_twice() -> None:
    node = [{"$ref": "_shared.json#/$defs/Id"}, {"$ref": "_shared.json#/$defs/Id"}]

    assert inline_refs(node, {"Id": {"type": "integer"}}, Path("file.json")) == [
        {"type": "integer"},
        {"type": "integer"},
    ]


@pytest.mark.parametrize(
    "reference", ["_shared.json#/$defs/Nothing", "#/$defs/Id", "Id", "../other.json#/$defs/Id", 7]
)
def test_a_reference_to_anything_else_is_refused(reference: object) -> None:
    with pytest.raises(SchemaError) as caught:
        inline_refs({"$ref": reference}, {"Id": {}}, Path("file.json"))

    assert str(caught.value) == (f"file.json: $ref {reference!r} is not a fragment of _shared.json")


def test_references_in_a_circle_are_refused_with_the_way_they_took() -> None:
    shared = {
        "A": {"items": {"$ref": "_shared.json#/$defs/B"}},
        "B": {"items": {"$ref": "_shared.json#/$defs/A"}},
    }

    with pytest.raises(SchemaError) as caught:
        inline_refs({"$ref": "_shared.json#/$defs/A"}, shared, Path("file.json"))

    assert str(caught.value) == "file.json: $ref runs in a circle: A -> B -> A"


def test_the_files_of_this_package_load() -> None:
    root = schemas_root()

    loaded = {vendor: load_vendor(root, vendor) for vendor in vendor_ids(root)}

    assert len(loaded["fivecrm"]) == 14
    assert all(loaded.values())
