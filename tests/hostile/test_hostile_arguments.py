"""No hostile argument leaves its place: read as its receiver reads it, a request says it alone."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import httpx
import pytest
from corpus import HOSTILE, VALUES, WHOLE, Entry, entries, every
from hypothesis import given, settings
from hypothesis import strategies as st
from operations import CASES, Case, marks_in, swapped
from other_vendors import OTHER_VENDORS
from wire import BASE, connected

from crm_mcp.bind import bind
from crm_mcp.errors import InvalidArguments
from crm_mcp.operation import Operation, Request
from crm_mcp.request import RequestSpec, encode_pairs
from crm_mcp.validate import ArgumentValidator
from crm_mcp.vendors.base import VendorSettings

CAN_REFUSE = ("path", "header")


def read(spec: RequestSpec) -> dict[str, Any]:
    """Read a request off its wire form, knowing nothing of how it was made."""
    address = urlsplit(f"{BASE}{spec.target}")
    assert (address.scheme, address.netloc) == ("https", "crm.example.com")
    assert address.fragment == ""
    assert spec.target.isascii()
    assert spec.target.isprintable()
    return {
        "method": spec.method,
        "path": [unquote(step, errors="strict") for step in address.path.split("/")],
        "query": _pairs(address.query),
        "headers": list(spec.headers),
        "form": php(_pairs(encode_pairs(spec.form))),
        "json": json.loads(spec.json) if spec.json is not None else None,
    }


def _pairs(text: str) -> list[tuple[str, str]]:
    return parse_qsl(text, keep_blank_values=True, strict_parsing=True, errors="strict")


def php(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """Read form fields as PHP does: `a[0][b]` is a place, and a later field overwrites."""
    form: dict[str, Any] = {}
    for name, value in pairs:
        first, brackets = re.fullmatch(r"([^\[]*)(.*)", name, re.DOTALL).groups()  # type: ignore[union-attr]
        steps = [first, *re.findall(r"\[([^\]]*)\]", brackets)]
        place = form
        for step in steps[:-1]:
            place = place.setdefault(step, {})
        place[steps[-1]] = value
    return form


def expected(plain: Any, found: Any, texts: Mapping[str, str]) -> Any:
    """Put the texts where the marks stand in the request of the marks; documents are opened."""
    if isinstance(plain, list) and isinstance(found, list) and len(plain) == len(found):
        return [expected(one, other, texts) for one, other in zip(plain, found, strict=True)]
    if isinstance(plain, tuple) and isinstance(found, tuple):
        return tuple(expected(one, other, texts) for one, other in zip(plain, found, strict=True))
    is_document = isinstance(plain, str) and plain[:1] in ("{", "[")
    if is_document and json.loads(found) == swapped(json.loads(plain), texts):
        return found
    return swapped(plain, texts)


def assert_in_place(case: Case, texts: Mapping[str, str]) -> None:
    plain = read(bind(case.operation, case.arguments))
    found = read(bind(case.operation, case.with_texts(texts)))
    assert found == {part: expected(plain[part], found[part], texts) for part in plain}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_text_stays_in_every_place_of_every_operation(case: Case) -> None:
    free = [mark for mark in case.marks if mark not in marks_in(case, *CAN_REFUSE)]
    for shift in range(0, len(WHOLE) if free else 0, max(1, len(free) // 16)):
        texts = {mark: WHOLE[(shift + at) % len(WHOLE)].text for at, mark in enumerate(free)}
        assert_in_place(case, texts)


@pytest.fixture(scope="session")
def base() -> Operation:
    return CASES[0].operation


def shaped(base: Operation, **request: Any) -> Operation:
    """Copy an operation with the arguments `a` and `b`, and another request."""
    changes = {
        "input_schema": {"type": "object", "properties": {"a": {}, "b": {}}},
        "request": Request.model_validate({"method": "GET", "path": "/things", **request}),
    }
    return base.model_copy(update=changes)


STEPS = {"path": "/things/{a}/notes/{b}"}
HEADER = {"bind": {"a": "header:X-Fields"}}
CLIMBS = re.compile(r"(^|[/\\])\.\.?($|[/\\;])")


def decoded(text: str) -> set[str]:
    """List what stations on the way may make of a text that is decoded once too often."""
    readings = [text]
    for _ in range(3):
        readings.append(unquote(readings[-1]))
    return set(readings)


@every(WHOLE)
def test_a_text_is_one_step_of_a_path_or_is_refused(base: Operation, entry: Entry) -> None:
    try:
        found = read(bind(shaped(base, **STEPS), {"a": entry.text, "b": "end"}))
    except InvalidArguments:
        climbs = any(CLIMBS.search(reading) for reading in decoded(entry.text))
        assert climbs or not entry.text or not entry.text.replace("\u00a0", " ").isprintable()
        return

    assert found["path"] == ["", "base", "things", entry.text, "notes", "end"]
    assert found["query"] == []
    assert not any(CLIMBS.search(reading) for reading in decoded(found["path"][3]))


@every([one for one in WHOLE if "climb" in one.name])
def test_a_climb_is_refused_unless_it_says_nothing_once_decoded(
    base: Operation, entry: Entry
) -> None:
    harmless = {"climb in overlong UTF-8", "climb in 16-bit codes", "climb with fullwidth dots"}
    harmless |= {"climb without effect"}
    if entry.name in harmless:
        bind(shaped(base, **STEPS), {"a": entry.text, "b": "end"})
        return

    with pytest.raises(InvalidArguments, match="cannot stand in an address"):
        bind(shaped(base, **STEPS), {"a": entry.text, "b": "end"})


@every(WHOLE)
def test_a_text_is_the_value_of_its_header_or_is_refused(base: Operation, entry: Entry) -> None:
    try:
        spec = bind(shaped(base, **HEADER), {"a": entry.text, "b": "x"})
    except InvalidArguments:
        text = entry.text
        assert text != text.strip() or not (text.isascii() and text.isprintable())
        return

    assert spec.headers == (("X-Fields", entry.text),)
    assert httpx.Headers(spec.headers).raw == [(b"X-Fields", entry.text.encode("ascii"))]


@settings(max_examples=40)
@given(text=HOSTILE, other=HOSTILE)
def test_texts_put_together_stay_in_place_too(text: str, other: str) -> None:
    for case in CASES:
        places = [mark for mark in case.marks if mark not in marks_in(case, *CAN_REFUSE)][:4]
        assert_in_place(case, dict(zip(places, (text, other, text + other, ""), strict=False)))


@settings(max_examples=200)
@given(value=VALUES)
def test_any_nested_value_comes_back_from_a_form_or_is_refused(value: Any) -> None:
    operation = shaped(CASES[0].operation, args_in="form")
    try:
        found = read(bind(operation, {"a": value, "b": "end"}))
    except InvalidArguments:
        assert not can_be_said(value)
        return

    assert can_be_said(value)
    assert found["form"] == {"a": as_form(value), "b": "end"}


def can_be_said(value: Any) -> bool:
    """Tell whether a form has words for a value: nothing empty, no null, no brackets in names."""
    if isinstance(value, dict):
        names = all(key and not {"[", "]"} & set(key) for key in value)
        return bool(value) and names and all(map(can_be_said, value.values()))
    if isinstance(value, list):
        return bool(value) and all(map(can_be_said, value))
    return value is not None


def as_form(value: Any) -> Any:
    """Write a value as PHP sees it: lists by number, everything else as text."""
    if isinstance(value, list):
        return {str(at): as_form(item) for at, item in enumerate(value)}
    if isinstance(value, dict):
        return {key: as_form(item) for key, item in value.items()}
    return value if isinstance(value, str) else json.dumps(value)


@given(items=st.lists(HOSTILE, max_size=4), style=st.sampled_from(["comma", "lines", "repeat"]))
def test_a_list_has_as_many_items_as_were_given_or_is_refused(items: list[str], style: str) -> None:
    operation = shaped(CASES[0].operation, arrays={"a": style})
    try:
        found = read(bind(operation, {"a": items}))
    except InvalidArguments:
        held = {"comma": ",", "lines": "\r\n", "repeat": ""}[style]
        assert not items or any(sign in item for item in items for sign in held)
        return

    written = [value for _, value in found["query"]]
    parts = {"comma": ",", "lines": "\r"}.get(style)
    assert (written if parts is None else written[0].split(parts)) == (items or [""])


@every(entries("ids"))
def test_an_id_is_refused_or_is_one_whole_number_of_the_path(entry: Entry) -> None:
    (case,) = (one for one in CASES if one.operation.name == "cirrus_departments_get")
    value = json.loads(entry.text)
    try:
        ArgumentValidator().check(case.operation, {"id": value})
        found = read(bind(case.operation, {"id": value}))
    except InvalidArguments:
        assert type(value) is not int
        return

    assert found["path"][:-1] == ["", "base", "users", "departments"]
    assert not isinstance(value, bool)
    assert json.loads(found["path"][-1]) == value == int(value)


@every(entries("ids"))
def test_an_id_of_any_kind_stays_in_its_place_where_no_kind_is_demanded(
    base: Operation, entry: Entry
) -> None:
    value = json.loads(entry.text)
    usual = read(bind(shaped(base), {"a": "x", "b": "end"}))
    shapes: tuple[dict[str, Any], ...] = ({}, {"args_in": "json"}, {"args_in": "form"}, STEPS)
    for request in shapes:
        try:
            found = read(bind(shaped(base, **request), {"a": value, "b": "end"}))
        except InvalidArguments:
            continue
        if "path" not in request:
            assert found["path"] == usual["path"]
            values = [*found["query"], *found["form"].items(), *(found["json"] or {}).items()]
            assert len(values) == 2
            assert values[1] == ("b", "end")
        else:
            assert found["path"][-2:] == ["notes", "end"]
            assert len(found["path"]) == 6


@pytest.mark.anyio
async def test_on_the_wire_every_text_is_one_request_to_the_same_host(base: Operation) -> None:
    sent: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200)

    settings = VendorSettings(base_url=BASE, rate=100_000)
    shapes: tuple[dict[str, Any], ...] = (
        *({}, STEPS, HEADER),
        *({"args_in": "json"}, {"args_in": "form"}),
    )
    transport = httpx.MockTransport(answer)
    async with connected(OTHER_VENDORS[0], settings, transport=transport) as line:
        for entry in WHOLE:
            for request in shapes:
                operation = shaped(base, **request)
                try:
                    spec = bind(operation, {"a": entry.text, "b": "end"})
                except InvalidArguments:
                    continue
                sent.clear()
                await line.send(operation, spec)
                assert_same_place(sent, spec)


def assert_same_place(sent: list[httpx.Request], spec: RequestSpec) -> None:
    (request,) = sent
    assert (request.url.scheme, request.url.netloc) == ("https", b"crm.example.com")
    assert request.url.raw_path == f"/base{spec.target}".encode()
    assert (request.method, request.headers["host"]) == ("GET", "crm.example.com")
    names = [name.lower() for name, _ in request.headers.raw]
    assert len(names) == len(set(names))
    assert set(names) <= {
        *(b"host", b"accept", b"accept-encoding", b"user-agent", b"content-type"),
        *(b"content-length", b"x-fields"),
    }
    assert request.content == (spec.json or encode_pairs(spec.form)).encode()
    assert int(request.headers.get("content-length", 0)) == len(request.content)


def test_the_digest_tells_every_two_texts_apart(base: Operation) -> None:
    texts = {entry.text for entry in WHOLE}
    specs = [bind(shaped(base), {"a": text, "b": ""}) for text in texts]
    moved = [replace(spec, query=spec.query[::-1]) for spec in specs]

    assert len({spec.digest for spec in (*specs, *moved)}) == len({*specs, *moved})
