"""A vendor's document, as somebody downloaded it: read if it is one, explained if not."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given as over
from hypothesis import strategies as st

from crm_mcp.bindings import document as reading
from crm_mcp.bindings.document import read_document
from crm_mcp.bindings.openapi import Described, Document, Parameter, read_openapi
from crm_mcp.errors import DocumentError

SMALL = {"swagger": "2.0", "paths": {"/things/{id}": {"get": {"operationId": "get_thing_api"}}}}


def read(folder: Path, content: str | bytes) -> Any:
    file = folder / "document"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_document(file).tree


def refused(folder: Path, content: str | bytes) -> str:
    with pytest.raises(DocumentError) as caught:
        read_openapi(read(folder, content))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def of_get(operation: Any, **document: Any) -> Document:
    paths = {"/things": {"get": operation}}
    return read_openapi({"openapi": "3.0.0", "paths": paths, **document})


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "is empty"),
        (" \n", "is empty"),
        ("<!DOCTYPE html><html></html>", "is a web page"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "is not text"),
        ("{", "is not JSON"),
        ("[" * 100_000, "is nested"),
        ("[" * 300 + "]" * 300, "is nested"),
        ("{" + '"a":{' * 200 + "}" * 201, "is nested"),
        ('{"a":1,"a":2}', "says 'a' twice"),
        ("[" + "1," * 1_000_001 + "1]", "more than 1000000 values"),
        ("a: [", "neither JSON nor YAML"),
        ("a: b: c", "neither JSON nor YAML"),
        ("\tswagger: 2.0", "neither JSON nor YAML"),
        ("swagger: '2.0'\nswagger: '3.0'", "says 'swagger' twice in one object (line 2)"),
        ("- " * 300 + "1", "is nested"),
        ("a: &x [*x]", "contains itself (line 1)"),
        ("a: *x", "an alias of nothing (line 1)"),
        ("a: 1\n--- \nb: 2", "several documents (line 2)"),
        ("a: !!python/object/apply:os.system ['true']", "the YAML tag"),
        ("a: !secret x", "the YAML tag '!secret'"),
        ("? [1, 2]\n: 3", "no plain text"),
        ("a: &a {x: 1}\nb:\n  <<: *a", "merges by << (line 3)"),
        ("just some words", "not even an object"),
        ("[1, 2]", "not even an object"),
        ("{}", "says none of them"),
        ('{"swagger": "1.2"}', "says swagger 1.2"),
        ("openapi: 4.0.0", "says openapi 4.0.0"),
        ("swagger: 2.0", "describes no operation"),
        ('{"swagger": "2.0", "paths": []}', "/paths: an object is expected"),
        ('{"swagger": "2.0", "paths": {"/a": 7}}', "/paths/~1a: an object is expected"),
        ('{"swagger": "2.0", "paths": {"/a": {"get": null}}}', "/paths/~1a/get: an object"),
    ],
)
def test_what_is_no_such_document_is_explained_on_one_line(
    content: str | bytes, words: str, tmp_path: Path
) -> None:
    assert words in refused(tmp_path, content)


def test_a_bomb_of_aliases_is_counted_as_if_it_were_written_out(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]

    assert "more than 1000000 values" in refused(tmp_path, "\n".join(lines))


def test_aliases_within_aliases_count_their_depth(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x]", *(f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 120))]

    assert "is nested more than" in refused(tmp_path, "\n".join(lines))


def test_a_file_that_is_not_there_or_too_big_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(DocumentError, match="is no file"):
            read_document(path)

    monkeypatch.setattr(reading, "MAX_BYTES", 10)
    assert "more than 10 bytes" in refused(tmp_path, json.dumps(SMALL))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_json_is_read_in_every_encoding_it_may_have(encoding: str, tmp_path: Path) -> None:
    assert read(tmp_path, json.dumps(SMALL).encode(encoding)) == SMALL


def test_the_same_document_reads_the_same_from_yaml_with_aliases(tmp_path: Path) -> None:
    text = """
    swagger: 2.0
    x-one: &one {get: {operationId: get_thing_api}}
    paths: {"/things/{id}": *one}
    """

    assert read(tmp_path, text)["paths"] == SMALL["paths"]
    assert read_openapi(read(tmp_path, text)).version == "swagger 2.0"


def test_words_of_yaml_stay_words_but_for_true_false_and_nothing(tmp_path: Path) -> None:
    text = "no: yes\non: off\ntrue: True\nday: 2026-04-03\ncode: 007\nnone: ~\nempty:\nsaid: 'true'"

    assert read(tmp_path, text) == {
        "no": "yes",
        "on": "off",
        "true": True,
        "day": "2026-04-03",
        "code": "007",
        "none": None,
        "empty": None,
        "said": "true",
    }


def test_a_scalar_may_have_an_alias_too(tmp_path: Path) -> None:
    assert read(tmp_path, "a: &x 1\nb: *x\n*x : 2") == {"a": "1", "b": "1", "1": "2"}


def test_a_file_that_may_not_be_read_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", forbidden)
    (tmp_path / "document").touch()

    with pytest.raises(DocumentError, match="cannot be read: Permission denied"):
        read_document(tmp_path / "document")


@over(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_no_bytes_do_more_than_be_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    file = tmp_path_factory.getbasetemp() / "any"
    file.write_bytes(content)
    with pytest.raises(DocumentError):
        read_openapi(read_document(file).tree)


_JSON = st.recursive(
    st.none() | st.booleans() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
_KEYS = ("parameters", "requestBody", "tags", "schema", "content", "allOf", "properties", "$ref")


@over(st.dictionaries(st.sampled_from(_KEYS), _JSON | st.just([{"$ref": "#/paths"}])))
def test_no_operation_does_more_than_be_read_or_refused(operation: Any) -> None:
    try:
        document = of_get(operation)
    except DocumentError:
        return
    assert [one.label for one in document.operations] == ["GET /things"]


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("https://example.com/a.json#/x", "outside this file; nothing is fetched"),
        ("other.yaml", "outside this file"),
        ("file:///etc/passwd", "outside this file"),
        ("#/components/schemas/Nothing", "refers to nothing"),
        ("#/components/schemas/Circle", "runs in a circle"),
    ],
)
def test_a_reference_leads_to_something_within_the_file(reference: str, words: str) -> None:
    schemas = {"Circle": {"$ref": "#/components/schemas/Circle"}}
    body = {"content": {"application/json": {"schema": {"$ref": reference}}}}

    with pytest.raises(DocumentError, match=words):
        of_get({"requestBody": body}, components={"schemas": schemas})


def test_schemas_that_contain_themselves_are_read_once() -> None:
    node = {
        "required": ["name"],
        "properties": {"name": {}, "children": {"items": {"$ref": "#/components/schemas/Node"}}},
        "allOf": [{"$ref": "#/components/schemas/Node"}, {"$ref": "#/components/schemas/Twice"}],
    }
    twice = {"allOf": [{"$ref": "#/components/schemas/Node"}] * 50}
    body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Node"}}}}

    document = of_get({"requestBody": body}, components={"schemas": {"Node": node, "Twice": twice}})

    assert document.operations[0].parameters == (
        Parameter("body", "name", required=True),
        Parameter("body", "children"),
    )


def test_an_operation_is_told_by_its_own_words_and_by_those_of_its_path() -> None:
    tree = {
        "swagger": "2.0",
        "host": "crm.example.com",
        "basePath": "/api/",
        "schemes": ["http", "https"],
        "parameters": {"page": {"in": "query", "name": "page", "default": 1, "required": True}},
        "paths": {
            "x-note": "nothing",
            "/things/{id}": {
                "parameters": [
                    {"in": "path", "name": "id", "required": True},
                    {"in": "header", "name": "X-Fields"},
                    {"in": "header", "name": "Authorization"},
                ],
                "post": {
                    "operationId": "post_thing_api",
                    "description": "\n Changes a thing \nand more",
                    "tags": ["things"],
                    "parameters": [
                        {"$ref": "#/parameters/page"},
                        {"in": "header", "name": "X-Fields", "required": True},
                        {"in": "cookie", "name": "crumb"},
                        {"in": "formData", "name": "file", "required": True},
                        {"in": "body", "name": "x", "schema": {"oneOf": [{"required": ["a"]}]}},
                    ],
                },
            },
        },
    }

    document = read_openapi(tree)

    assert (document.base, document.notes) == ("https://crm.example.com/api", ())
    assert document.operations == (
        Described(
            method="POST",
            path="/things/{id}",
            operation_id="post_thing_api",
            summary="Changes a thing",
            tags=("things",),
            parameters=(
                Parameter("path", "id", required=True),
                Parameter("header", "X-Fields", required=True),
                Parameter("query", "page"),
                Parameter("form", "file", required=True),
            ),
            free_body=True,
        ),
    )


def test_fields_that_only_come_back_are_not_sent() -> None:
    schema = {"required": ["id", "kind"], "properties": {"id": {"readOnly": True}, "kind": {}}}
    body = {"content": {"text/plain": {}, "application/json": {"schema": schema}}}

    operation = of_get({"requestBody": body}).operations[0]

    assert operation.parameters == (Parameter("body", "kind", required=True),)


@pytest.mark.parametrize("path", ["things", "//evil.example.com/x", "/a/../b", "/a?b=c", "/a b"])
def test_a_path_that_could_lead_elsewhere_is_left_out_with_a_note(path: str) -> None:
    tree = {"openapi": "3.1.0", "paths": {"/ok": {"get": {}}, path: {"get": {}}}}

    document = read_openapi(tree)

    assert [one.path for one in document.operations] == ["/ok"]
    assert document.notes == (f"GET {path} is left out: its path is more than a path",)


def test_an_operation_with_an_address_of_its_own_is_left_out_with_a_note() -> None:
    elsewhere = {"servers": [{"url": "https://evil.example.com"}]}
    paths: Any = {"/ok": {"get": {}, "put": elsewhere}, "/away": {**elsewhere, "get": {}}}

    document = read_openapi({"openapi": "3.0.0", "paths": paths})

    assert [one.label for one in document.operations] == ["GET /ok"]
    assert [note.partition(" is")[0] for note in document.notes] == ["PUT /ok", "GET /away"]


def test_no_more_operations_are_read_than_a_vendor_can_have() -> None:
    paths: Any = {f"/a{number}": {"get": {}} for number in range(2_001)}

    with pytest.raises(DocumentError, match="more than 2000 operations"):
        read_openapi({"openapi": "3.0.0", "paths": paths})
