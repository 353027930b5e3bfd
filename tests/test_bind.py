"""An operation and its arguments become one request, and no value leaves its place in it."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_mcp.bind import bind
from crm_mcp.errors import InvalidArguments
from crm_mcp.operation import Operation, Request
from crm_mcp.request import RequestSpec, encode_pairs

TEXTS = st.text(st.characters(codec="utf-8"))
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4)
)
CONTROLS = [*map(chr, range(0x20)), *map(chr, range(0x7F, 0xA0)), "\u2028", "\u2029"]


@pytest.fixture(scope="session")
def base(five: Mapping[str, Operation]) -> Operation:
    """Give a real operation, for `shaped` to change."""
    return five["fivecrm_areas_get"]


def shaped(base: Operation, arguments: Iterable[str], **request: Any) -> Operation:
    """Copy an operation with other arguments, in this order, and another request."""
    changes = {
        "input_schema": {"type": "object", "properties": {name: {} for name in arguments}},
        "request": Request.model_validate({"method": "GET", "path": "/things", **request}),
    }
    return base.model_copy(update=changes)


def spec_of(**parts: Any) -> RequestSpec:
    """Write the request that `shaped` operations become, apart from these parts."""
    usual = RequestSpec("fivecrm", "fivecrm_areas_get", "GET", "/things")
    return replace(usual, **parts)


@pytest.mark.parametrize(
    ("arguments", "request_parts", "expected"),
    [
        pytest.param({}, {}, {}, id="no arguments make a bare request"),
        pytest.param(
            {"q": "a b"}, {}, {"query": (("q", "a b"),)}, id="the query is the usual place"
        ),
        pytest.param(
            {"n": 7, "yes": True, "f": 1.5, "big": 10**30},
            {},
            {"query": (("n", "7"), ("yes", "true"), ("f", "1.5"), ("big", "1" + "0" * 30))},
            id="numbers and truth values are written as in JSON",
        ),
        pytest.param(
            {"q": "x"},
            {"const": {"query:cmd": "find", "header:X-Api": "2", "form:mode": "m"}},
            {
                "query": (("cmd", "find"), ("q", "x")),
                "headers": (("X-Api", "2"),),
                "form": (("mode", "m"),),
            },
            id="constants come first, each in its place",
        ),
        pytest.param(
            {"id": "7"}, {"path": "/things/{id}"}, {"path": "/things/7"}, id="path by name"
        ),
        pytest.param(
            {"id": 7, "of": "a/b?c#d%2F"},
            {"path": "/things/{of}/{id}"},
            {"path": "/things/a%2Fb%3Fc%23d%252F/7"},
            id="a path argument is one segment",
        ),
        pytest.param(
            {"size": 5}, {"bind": {"size": "query:rows"}}, {"query": (("rows", "5"),)}, id="renamed"
        ),
        pytest.param(
            {"id": "7"},
            {"path": "/things/{id}", "bind": {"id": ["path", "json#/id"]}},
            {"path": "/things/7", "json": '{"id":"7"}'},
            id="one argument in two places",
        ),
        pytest.param(
            {"X-Fields": "a, b"},
            {"bind": {"X-Fields": "header"}},
            {"headers": (("X-Fields", "a, b"),)},
            id="a header under its own name",
        ),
        pytest.param(
            {"mask": ["a", "b"]},
            {"bind": {"mask": "header:X-Fields"}, "arrays": {"mask": "comma"}},
            {"headers": (("X-Fields", "a,b"),)},
            id="a list in a header",
        ),
        pytest.param(
            {"l": [1, "a"]},
            {"bind": {"l": "header"}, "arrays": {"l": "repeat"}},
            {"headers": (("l", "1,a"),)},
            id="a list in a header that would be repeated elsewhere",
        ),
        pytest.param(
            {"l": [1, "a"], "o": {"k": "ü"}},
            {},
            {"query": (("l", '[1,"a"]'), ("o", '{"k":"ü"}'))},
            id="lists and objects in a query are JSON",
        ),
        pytest.param(
            {"l": [1, "a"]},
            {"arrays": {"l": "repeat"}},
            {"query": (("l", "1"), ("l", "a"))},
            id="a list repeated",
        ),
        pytest.param(
            {"l": [1, "a"]}, {"arrays": {"l": "comma"}}, {"query": (("l", "1,a"),)}, id="by commas"
        ),
        pytest.param(
            {"l": ["a,b", "c"]},
            {"arrays": {"l": "lines"}},
            {"query": (("l", "a,b\rc"),)},
            id="a list by lines",
        ),
        pytest.param(
            {"a": 1, "o": {"p": [True, {"q": ""}]}},
            {"args_in": "form"},
            {"form": (("a", "1"), ("o[p][0]", "true"), ("o[p][1][q]", ""))},
            id="nested form fields",
        ),
        pytest.param(
            {"city": "Köln", "a/b~c": None},
            {"args_in": "json", "bind": {"city": "json#/address/city"}},
            {"json": '{"address":{"city":"Köln"},"a/b~c":null}'},
            id="places in the JSON body",
        ),
        pytest.param({"all": [1]}, {"bind": {"all": "json#"}}, {"json": "[1]"}, id="a whole body"),
        pytest.param(
            {"all": False}, {"bind": {"all": "json"}}, {"json": "false"}, id="a body of false"
        ),
        pytest.param(
            {"data": [{"n": 1}], "a": "x", "v": 2},
            {"bind": {"data": "query:input#/data", "v": "query:input#/v"}},
            {"query": (("input", '{"data":[{"n":1}],"v":2}'), ("a", "x"))},
            id="a JSON document in a parameter keeps the turn of its first value",
        ),
        pytest.param(
            {"data": 1},
            {"bind": {"data": "form:input#/data"}},
            {"form": (("input", '{"data":1}'),)},
            id="a JSON document in a form field",
        ),
        pytest.param(
            {"seconds": 5, "q": "x"},
            {"bind": {"seconds": "local"}},
            {"query": (("q", "x"),), "local": (("seconds", "5"),)},
            id="what steers our side of the call is not sent",
        ),
        pytest.param(
            {"file": "aGk="},
            {"args_in": "json", "bind": {"file": "file:json#/base64"}},
            {"json": '{"base64":"aGk="}'},
            id="the content of a file, where it belongs",
        ),
        pytest.param(
            {"data": 1}, {"bind": {"data": "query#"}}, {"query": (("data", "1"),)}, id="whole value"
        ),
    ],
)
def test_arguments_go_where_their_targets_say(
    base: Operation,
    arguments: dict[str, Any],
    request_parts: dict[str, Any],
    expected: dict[str, Any],
) -> None:
    operation = shaped(base, arguments, **request_parts)

    assert bind(operation, arguments) == spec_of(**expected)


def test_the_order_is_the_files_and_not_the_callers(base: Operation) -> None:
    operation = shaped(base, ["first", "left_out", "last"])

    spec = bind(operation, {"last": "2", "first": "1"})

    assert spec == spec_of(query=(("first", "1"), ("last", "2")))


def test_a_real_operation_becomes_the_request_of_its_document(
    five: Mapping[str, Operation],
) -> None:
    products = [{"account": "1", "product": "Chair & Co", "manufacturer": ""}]

    spec = bind(
        five["fivecrm_customer_products_import"], {"area": "001", "customerProducts": products}
    )

    assert spec == RequestSpec(
        vendor="fivecrm",
        operation="fivecrm_customer_products_import",
        method="POST",
        path="/api2.php",
        form=(
            ("mode", "importCustomerProducts"),
            ("area", "001"),
            ("customerProducts[0][account]", "1"),
            ("customerProducts[0][product]", "Chair & Co"),
            ("customerProducts[0][manufacturer]", ""),
        ),
    )
    assert encode_pairs(spec.form) == (
        "mode=importCustomerProducts&area=001&customerProducts[0][account]=1"
        "&customerProducts[0][product]=Chair%20%26%20Co&customerProducts[0][manufacturer]="
    )


ID_IN_PATH = {"path": "/things/{a}"}
IN_HEADER = {"bind": {"a": "header:X-A"}}


@pytest.mark.parametrize(
    ("value", "request_parts", "problem"),
    [
        ("", ID_IN_PATH, "a is '', which cannot stand in an address"),
        (".", ID_IN_PATH, "a is '.', which cannot stand in an address"),
        ("..", ID_IN_PATH, "a is '..', which cannot stand in an address"),
        ("../b", ID_IN_PATH, "a is '../b', which cannot stand in an address"),
        ("b/..", ID_IN_PATH, "a is 'b/..', which cannot stand in an address"),
        ("%252e%252E%5Cb", ID_IN_PATH, "a is '%252e%252E%5Cb', which cannot stand in an address"),
        ("..;/b", ID_IN_PATH, "a is '..;/b', which cannot stand in an address"),
        ("a\nb", ID_IN_PATH, "a holds the control character U+000A"),
        ([1], ID_IN_PATH, "a must be a single value"),
        ({}, ID_IN_PATH, "a must be a single value"),
        (None, ID_IN_PATH, "a must be a single value"),
        ("a\r\nX-B: c", IN_HEADER, "a holds the control character U+000D"),
        ("é", IN_HEADER, "a goes into a header and may hold ASCII characters only"),
        (None, {}, "a must be a single value"),
        (None, {"args_in": "form"}, "a must be a single value"),
        ([{}], {"arrays": {"a": "comma"}}, "a must be a single value"),
        ([None], {"arrays": {"a": "repeat"}}, "a must be a single value"),
        (
            ["x,y", "z"],
            {"arrays": {"a": "comma"}},
            "a has an item that holds the separator of its list",
        ),
        (
            ["x\ry"],
            {"arrays": {"a": "lines"}},
            "a has an item that holds the separator of its list",
        ),
        (
            ["x\ny"],
            {"arrays": {"a": "lines"}},
            "a has an item that holds the separator of its list",
        ),
        ([], {"arrays": {"a": "repeat"}}, "a is empty, which an address cannot say"),
        ({"": 1}, {"args_in": "form"}, "a has a name '', which a form cannot say"),
        ({"x][y": 1}, {"args_in": "form"}, "a has a name 'x][y', which a form cannot say"),
    ],
)
def test_a_value_that_cannot_stand_in_its_place_is_told(
    base: Operation, value: Any, request_parts: dict[str, Any], problem: str
) -> None:
    with pytest.raises(InvalidArguments) as caught:
        bind(shaped(base, ["a"], **request_parts), {"a": value})

    assert caught.value.message == f"fivecrm_areas_get: {problem}."
    assert caught.value.hint == 'Arguments that fit, for example: {"area": "001"}'


def test_a_null_deep_in_a_form_is_told_with_its_full_name(base: Operation) -> None:
    with pytest.raises(InvalidArguments) as caught:
        bind(shaped(base, ["a"], args_in="form"), {"a": [{"b": None}]})

    assert caught.value.message == "fivecrm_areas_get: a[0][b] must be a single value."


@pytest.mark.parametrize("control", CONTROLS)
@pytest.mark.parametrize("request_parts", [ID_IN_PATH, IN_HEADER])
def test_no_control_character_reaches_an_address_or_a_header(
    base: Operation, control: str, request_parts: dict[str, Any]
) -> None:
    with pytest.raises(InvalidArguments, match="holds the control character"):
        bind(shaped(base, ["a"], **request_parts), {"a": f"x{control}y"})


@given(text=TEXTS)
def test_any_text_stays_in_its_path_segment(base: Operation, text: str) -> None:
    operation = shaped(base, ["a"], path="/things/{a}/notes")
    try:
        spec = bind(operation, {"a": text})
    except InvalidArguments:
        assert not text or "." in unquote(text) or any(control in text for control in CONTROLS)
        return

    split = urlsplit(f"https://crm.example.com{spec.target}")
    assert (split.netloc, split.query, split.fragment) == ("crm.example.com", "", "")
    before, segment, after = split.path.removeprefix("/").split("/")
    assert (before, unquote(segment, errors="strict"), after) == ("things", text, "notes")


@given(text=TEXTS)
def test_any_text_stays_in_its_query_parameter(base: Operation, text: str) -> None:
    spec = bind(shaped(base, ["a", "b"]), {"a": text, "b": "end"})

    split = urlsplit(f"https://crm.example.com{spec.target}")
    assert (split.netloc, split.path, split.fragment) == ("crm.example.com", "/things", "")
    assert parse_qsl(split.query, keep_blank_values=True, strict_parsing=True) == [
        ("a", text),
        ("b", "end"),
    ]


@given(text=TEXTS, key=TEXTS)
def test_any_text_stays_in_its_form_field(base: Operation, text: str, key: str) -> None:
    operation = shaped(base, ["a", "b"], args_in="form")
    try:
        spec = bind(operation, {"a": [{key: text}], "b": "end"})
    except InvalidArguments:
        assert not key or {"[", "]"} & set(key)
        return

    body = encode_pairs(spec.form)
    assert body.isascii()
    assert parse_qsl(body, keep_blank_values=True, strict_parsing=True) == [
        (f"a[0][{key}]", text),
        ("b", "end"),
    ]


@given(text=TEXTS)
def test_any_text_stays_in_its_header_or_is_refused(base: Operation, text: str) -> None:
    operation = shaped(base, ["a"], **IN_HEADER)
    try:
        spec = bind(operation, {"a": text})
    except InvalidArguments:
        blank = text != text.strip()
        assert blank or not text.isascii() or any(control in text for control in CONTROLS)
        return

    assert spec == spec_of(headers=(("X-A", text),))
    assert text.isascii()
    assert text.isprintable()


@given(value=VALUES)
def test_any_value_comes_back_from_the_json_body(base: Operation, value: Any) -> None:
    spec = bind(shaped(base, ["a/b"], args_in="json"), {"a/b": value})

    assert json.loads(spec.json or "") == {"a/b": value}


@given(value=VALUES, beside=TEXTS)
def test_any_value_comes_back_from_a_document_in_the_query(
    base: Operation, value: Any, beside: str
) -> None:
    operation = shaped(base, ["a", "b"], bind={"a": "query:input#/data"})

    spec = bind(operation, {"a": value, "b": beside})

    (name, document), last = parse_qsl(urlsplit(spec.target).query, keep_blank_values=True)
    assert (name, json.loads(document), last) == ("input", {"data": value}, ("b", beside))


@given(items=st.lists(TEXTS))
def test_a_list_by_commas_has_as_many_items_as_were_given(
    base: Operation, items: list[str]
) -> None:
    operation = shaped(base, ["a"], arrays={"a": "comma"})
    try:
        spec = bind(operation, {"a": items})
    except InvalidArguments:
        assert any("," in item for item in items)
        return

    ((_, written),) = spec.query
    assert written.split(",") == (items or [""])


def test_the_digest_sees_every_part_of_a_request() -> None:
    spec = spec_of(query=(("a", "1"),), form=(("b", "2"),))
    others = [
        replace(spec, vendor="interact"),
        replace(spec, operation="fivecrm_areas_list"),
        replace(spec, method="POST"),
        replace(spec, path="/thing"),
        replace(spec, query=()),
        replace(spec, query=(("a", "2"),)),
        replace(spec, query=(("b", "2"),), form=(("a", "1"),)),
        replace(spec, query=(("a", "1"), ("b", "2")), form=()),
        replace(spec, headers=(("a", "1"),)),
        replace(spec, json=""),
        replace(spec, local=(("a", "1"),)),
    ]

    assert len({other.digest for other in (spec, *others)}) == len(others) + 1
    assert replace(spec).digest == spec.digest


@pytest.mark.parametrize(
    ("pairs", "written"),
    [
        ((), ""),
        ((("a b", "c+d e"),), "a%20b=c%2Bd%20e"),
        ((("a[0][b]", "[x]"), ("", "")), "a[0][b]=%5Bx%5D&="),
        ((("k", "ü/~._-"),), "k=%C3%BC%2F~._-"),
    ],
)
def test_pairs_are_percent_encoded(pairs: tuple[tuple[str, str], ...], written: str) -> None:
    assert encode_pairs(pairs) == written


def test_the_target_is_the_path_and_where_there_is_one_the_query() -> None:
    assert spec_of().target == "/things"
    assert spec_of(query=(("a", "?"), ("b", "&"))).target == "/things?a=%3F&b=%26"
