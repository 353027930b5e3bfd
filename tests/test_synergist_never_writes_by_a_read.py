"""Synergist writes by GET: no read, and no call of a server that only reads, names a write."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from bypass import connected, kind_of
from client_programs import ERAS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from open_crm import catalogue, former, opened, settings_in
from synergist_tap import (
    OPERATIONS,
    READS,
    VENDOR,
    WRITES,
    WRITING,
    Tapped,
    actions_in,
    misdeeds,
    words_of,
)

from crm_mcp.app import App, open_app
from crm_mcp.errors import InvalidArguments, UpstreamError
from crm_mcp.operation import Operation
from crm_mcp.parties import Caller
from crm_mcp.request import encode_pairs
from crm_mcp.testing import dialog

pytestmark = pytest.mark.anyio

AWAY = (
    "{0}",
    " {0} ",
    "x&action={0}",
    "x&Action={0}&",
    "x%26action%3D{0}",
    "x%2526action%253D{0}",
    "x;action={0}",
    "x?action={0}",
    "x#&action={0}",
    "\r\n&action={0}",
    "x HTTP/1.1\r\nHost: a\r\n\r\nGET /jsonapi/jobs.json?action={0}",
    '"}}],"action":"{0}","data":[{{"x":"',
    '"]}}&action={0}',
    "../../jsonapi/jobs.json?action={0}",
    "..%2f..%2fjobs.json%3Faction={0}",
    "\x00&action={0}",
    "\uff06action\uff1d{0}",
    "\u2028&action={0}",
    "\\u0026action={0}",
    "+&+action={0}",
)
"""Texts that want to leave their argument; a writing word stands in each."""
EVERYTHING = "".join(AWAY).format(*WRITING)
NAMES = ("action", "Action", "ACTION", "action[]", "input", "data", "action ", "x&action")
ALL = tuple(one.name for ones in catalogue().values() for one in ones)
FREE = frozenset({"type", "minLength", "maxLength", "description", "default", "title"})

WORDS = st.sampled_from(sorted(WRITING))
HOSTILE = st.one_of(
    WORDS,
    st.builds(str.format, st.sampled_from(AWAY), WORDS),
    st.builds(lambda *parts: "".join(parts), st.text(max_size=5), WORDS, st.text(max_size=5)),
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | HOSTILE,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(HOSTILE, inner, max_size=2),
    max_leaves=4,
)


def fitting(schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """Draw a value that a schema allows, as hostile as it can be."""
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return st.one_of(*(_of_kind(kind, schema) for kind in kinds))


def _of_kind(kind: str, schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    if kind == "array":
        return st.lists(fitting(schema["items"]), min_size=schema.get("minItems", 0), max_size=3)
    if kind == "integer":
        return st.integers(schema.get("minimum"), schema.get("maximum"))
    assert kind == "string"
    return st.from_regex(schema["pattern"]) if "pattern" in schema else HOSTILE


@cache
def arguments_of(name: str) -> st.SearchStrategy[dict[str, Any]]:
    """Draw the arguments of a read: most fit, some are anything, and some have other names."""
    read = next(one for one in READS if one.name == name)
    values = {
        name: st.one_of(*[fitting(schema)] * 8, ANYTHING)
        for name, schema in read.properties.items()
    }
    given = longest_example(read)
    foreign = {name: HOSTILE for name in NAMES if name not in values}
    fits = st.fixed_dictionaries(
        {name: values[name] for name in given},
        optional={name: values[name] for name in values.keys() - given.keys()},
    )
    strange = st.fixed_dictionaries(values, optional=foreign)
    return st.one_of(fits, fits, fits, strange)


@st.composite
def calls(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """Draw a call of a read."""
    name = draw(st.sampled_from([read.name for read in READS]))
    return name, draw(arguments_of(name))


def longest_example(read: Operation) -> dict[str, Any]:
    most = max(len(one.arguments) for one in read.examples)
    return next(dict(one.arguments) for one in read.examples if len(one.arguments) == most)


@pytest.fixture(scope="module")
def crm() -> Tapped:
    return Tapped()


@pytest.fixture(scope="module")
async def app(crm: Tapped, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[App]:
    folder = tmp_path_factory.mktemp("reads")
    async with opened(folder, crm, mode="read_only", allow=ALL) as app:
        yield app


async def requests_of(app: App, crm: Tapped, name: str, arguments: Any) -> list[bytes]:
    """Call a read; lists what reached the CRM."""
    before = len(crm.requests)
    try:
        await app.pipeline.call(name, arguments, Caller())
    except InvalidArguments:
        assert len(crm.requests) == before
    except UpstreamError:
        assert len(crm.requests) == before + 1
    return crm.requests[before:]


def test_the_writing_words_are_those_of_the_operation_files() -> None:
    assert len(WRITING) > 70
    assert all(words_of(one.operation) for one in WRITES)
    assert {"create", "update", "comment", "approve", "timerstartnormal"} <= WRITING


def test_no_read_has_a_writing_word() -> None:
    found = {read.name: words_of(read) & WRITING for read in READS}

    assert len(found) > 80
    assert not any(found.values()), found


@settings(max_examples=600, suppress_health_check=[HealthCheck.too_slow])
@given(call=calls())
async def test_no_argument_of_a_read_makes_a_write_of_it(
    app: App, crm: Tapped, call: tuple[str, dict[str, Any]]
) -> None:
    name, arguments = call

    requests = await requests_of(app, crm, name, arguments)

    assert misdeeds(app.pipeline.registry.find(name), requests) == []


async def test_every_text_of_every_read_arrives_as_what_it_is(app: App, crm: Tapped) -> None:
    """Without this the texts above might be beaten back before they do any harm."""
    brought = 0
    for operation in READS:
        arguments = longest_example(operation)
        texts = {name: EVERYTHING for name in arguments if is_free(operation.properties[name])}
        (target,) = await requests_of(app, crm, operation.name, {**arguments, **texts})

        assert misdeeds(operation, [target]) == []
        query = dict(parse_qsl(target.decode().partition("?")[2], keep_blank_values=True))
        assert {name: query[name] for name in texts} == texts
        brought += len(texts)
    assert brought > 40


def is_free(schema: Mapping[str, Any]) -> bool:
    return schema.get("type") == "string" and schema.keys() <= FREE


@pytest.mark.parametrize("era", ERAS)
async def test_a_server_that_only_reads_sends_no_writing_word_for_any_call(
    tmp_path: Path, era: str
) -> None:
    crm, person = Tapped(), dialog(lambda _: "approve")
    async with connected(tmp_path, crm, era, person, mode="read_only", allow=ALL) as (_, client):
        for name, arguments in writing_calls():
            assert await kind_of(client, name, arguments) == "refused"
        assert crm.requests == []
        for name, arguments in misled_reads():
            assert await kind_of(client, name, arguments) == "invalid_arguments"
        assert crm.requests == []
        for read in READS:
            await client.call_tool(read.name, dict(read.examples[0].arguments))
    assert len(crm.requests) == len(READS)
    assert crm.written == []
    assert not any(seen.changed for seen in crm.log)


def writing_calls() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every write by its name and a former one, with every action word that it takes."""
    for write in WRITES:
        arguments = dict(write.arguments)
        yield former(write.name), arguments
        yield write.name, {**arguments, "_dry_run": True}
        words = write.operation.properties.get("action", {}).get("enum", ())
        yield from ((write.name, {**arguments, "action": word}) for word in words)
        yield write.name, arguments


def misled_reads() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every read with the action words that write at its address."""
    for read in READS:
        there = (one for one in WRITES if one.operation.request.path == read.request.path)
        words = {word for one in there for word in words_of(one.operation)} or {"create"}
        for word in sorted(words):
            yield read.name, {**read.examples[0].arguments, "action": word}


async def test_a_server_that_only_reads_lists_the_reads_alone(tmp_path: Path) -> None:
    async with connected(tmp_path, Tapped(), mode="read_only", allow=ALL) as (_, client):
        listed = {tool.name for tool in (await client.list_tools()).tools}

    assert listed & {one.name for one in OPERATIONS} == {one.name for one in READS}


# The tests above can fail


def mutant(change: Callable[[dict[str, Any]], Any]) -> Operation:
    """Make a read that somebody got wrong."""
    right = next(one for one in READS if one.name == "synergist_expense_line_currencies_list")
    content = right.model_dump(by_alias=True, mode="json")
    change(content)
    return Operation.model_validate(content)


def _property(content: dict[str, Any], name: str, schema: Any, target: str = "query") -> None:
    content["inputSchema"]["properties"][name] = {"description": "x", **schema}
    content["request"]["bind"][name] = target


def _free_area(content: dict[str, Any]) -> None:
    _property(content, "area", {"type": "string"}, "path")
    content["request"]["path"] = "/jsonapi/{area}.json"


MUTANTS: dict[str, tuple[Callable[[dict[str, Any]], Any], dict[str, Any]]] = {
    "a free action": (
        lambda one: _property(one, "action", {"type": "string"}),
        {"action": "create"},
    ),
    "an action more": (
        lambda one: _property(one, "action", {"type": "string", "enum": ["update"]}),
        {"action": "update"},
    ),
    "an action too long": (
        lambda one: _property(one, "action", {"type": "string", "pattern": "^[a-z]+ "}),
        {"action": "expenselineapprove -1"},
    ),
    "a fixed action": (
        lambda one: one["request"]["const"].update({"query:action": "UPDATE"}),
        {},
    ),
    "a second action": (
        lambda one: _property(one, "note", {"type": "string"}, "query:action"),
        {"note": "expenselinedelete"},
    ),
    "an action by another name": (
        lambda one: _property(one, "note", {"type": "string"}, "query:Action[]"),
        {"note": "expenselinedelete"},
    ),
    "another address": (
        lambda one: one["request"].update(path="/jsonapi/expenselinesdelete.json"),
        {},
    ),
    "a free address": (
        _free_area,
        {"area": "expenselines"},
    ),
}


@pytest.mark.parametrize("name", MUTANTS)
async def test_a_read_that_somebody_got_wrong_is_found(name: str, tmp_path: Path) -> None:
    change, more = MUTANTS[name]
    wrong, crm = mutant(change), Tapped()
    known = {**catalogue(), VENDOR: (wrong,)}
    given = settings_in(tmp_path, crm, mode="read_only", allow=())
    async with open_app(given, known, crm) as app:
        requests = await requests_of(app, crm, wrong.name, longest_example(wrong) | more)

    assert len(requests) == 1
    assert misdeeds(wrong, requests) != []


async def test_a_request_that_is_not_encoded_is_found(
    app: App, crm: Tapped, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crm_mcp.request.quote", lambda text, **_: text)
    assert encode_pairs((("name", "x&action=create"),)) == "name=x&action=create"
    read = next(one for one in READS if any(map(is_free, one.properties.values())))
    texts = {name: "x&action=create" for name, one in read.properties.items() if is_free(one)}

    requests = await requests_of(app, crm, read.name, longest_example(read) | texts)

    assert misdeeds(read, requests) != []


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("action=create", {"create"}),
        ("action=list&action=Create", {"list", "create"}),
        ("x=1;action=create", {"create"}),
        ("%61ction=%63reate", {"create"}),
        ("%2561ction=%252563reate", {"create", "63reate", "2563reate"}),
        ("action=create%20-7", {"create", "7", "20"}),
        ("name=action%3Dcreate", set()),
        ("name=x%26action%3Dcreate", set()),
    ],
)
def test_actions_are_read_as_any_server_might_read_them(query: str, words: set[str]) -> None:
    found = actions_in(f"/jsonapi/jobs.json?{query}".encode())

    assert words <= found
    assert not (found & WRITING) - words
