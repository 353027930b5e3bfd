"""What the Cirrus stand-in reads out and takes in, operation by operation, and whom it lets in."""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import httpx
import pytest
from cirrus_caller import LET_IN, Caller, Row, believable, operations, told

from crm_mcp.operation import Operation
from crm_mcp.sandbox.app import Sandbox
from crm_mcp.sandbox.base import FORM, Call
from crm_mcp.sandbox.cirrus.access import CLIENT, TOKEN, TOKEN_PATH
from crm_mcp.sandbox.cirrus.finding import filter_rule, sort_column
from crm_mcp.sandbox.cirrus.shapes import read_shape
from crm_mcp.sandbox.cirrus.tables import TABLES

READS = [entry for entry in operations().values() if entry.effect == "read"]
WRITES = [entry for entry in operations().values() if entry.is_write]
LISTS = [entry for entry in READS if entry.pagination]
PAGED = [entry for entry in LISTS if "per_page" in entry.properties]

NOTHING_SHOWS = {
    "cirrus_bankid_signatures_start": "there is no list; the tests of its work check it by its id",
    "cirrus_bankid_old_signatures_start": "the same",
    "cirrus_credit_checks_run": "the document has no read of the checks that were made",
}


@pytest.fixture
def crm() -> Caller:
    return Caller()


def kind(value: Any) -> str:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return "number" if is_number else type(value).__name__


def unlike(documented: Any, own: Any, where: str = "") -> Iterator[str]:
    """What the document shows and the sandbox does not; null says nothing of a kind."""
    if documented is None or own is None:
        return
    if kind(documented) != kind(own):
        yield f"{where}: {documented!r} is {own!r}"
    elif isinstance(documented, dict):
        yield from (f"{where}/{name} is missing" for name in documented if name not in own)
        for name in documented.keys() & own.keys():
            yield from unlike(documented[name], own[name], f"{where}/{name}")
    elif isinstance(documented, list) and documented and own:
        yield from unlike(documented[0], own[0], f"{where}/0")


# Every operation


@pytest.mark.parametrize("operation", READS, ids=lambda entry: entry.name)
def test_each_read_answers_in_its_documented_shape(crm: Caller, operation: Operation) -> None:
    answer = crm.send(operation.name, **believable(operation, crm.crm))
    assert (answer.status, answer.changed) == (200, False)
    body = told(answer)
    assert list(unlike(operation.examples[0].reply.body, body)) == []
    if operation in PAGED:
        assert body[0]["items"], "the seed has something for each list"


def snapshot(crm: Caller, toolset: str) -> Row:
    """What all reads of a toolset show, at one moment."""
    shown = {}
    for one in READS:
        if one.toolset == toolset:
            more = {"per_page": 50} if one in PAGED else {}
            shown[one.name] = told(crm.send(one.name, **believable(one, crm.crm) | more))
    return shown


@cache
def as_seeded(toolset: str) -> Row:
    return snapshot(Caller(), toolset)


@pytest.mark.parametrize("operation", WRITES, ids=lambda entry: entry.name)
def test_each_write_changes_what_a_read_then_shows(crm: Caller, operation: Operation) -> None:
    arguments = believable(operation, crm.crm)
    before = crm.crm.world.now
    answer = crm.send(operation.name, **arguments)
    assert (answer.status, answer.changed) == (200, True), answer.content
    crm.crm.world.now = before
    differs = snapshot(crm, operation.toolset) != as_seeded(operation.toolset)
    assert differs is (operation.name not in NOTHING_SHOWS)


def likely(schema: Any) -> list[Any]:
    """Values that a filter takes."""
    if "enum" in schema:
        found: list[Any] = schema["enum"]
        return found
    values: Row = {"integer": 1, "number": 1.5, "string": "2026-03-02", "boolean": True}
    if schema["type"] == "array":
        return [[value] for value in likely(schema["items"])]
    return [values[schema["type"]]]


@pytest.mark.parametrize("operation", LISTS, ids=lambda entry: entry.name)
def test_each_filter_and_each_order_of_a_list_is_known(operation: Operation) -> None:
    crm = Caller()
    given = believable(operation, crm.crm)
    pairs: Row = {"dynamicfield_id": {"dynamicfield_val": ["x"]}}
    pairs |= {"dynamicfield_val": {"dynamicfield_id": [1]}}
    special: Row = {"nearto": ["{53.8, -1.5}"], "distance": ["5"], "X-Fields": ["{id}"]}
    for name, schema in operation.properties.items():
        for value in [] if name in given else special.get(name) or likely(schema):
            answer = crm.send(operation.name, **given, **{name: value}, **pairs.get(name, {}))
            assert answer.status == 200, (name, value, answer.content)


# Who is let in


@pytest.mark.parametrize(
    "headers",
    [
        *({}, {"x-token": ""}, {"x-token": "another"}, {"authorization": "Bearer another"}),
        *({"authorization": f"Bearer {LET_IN['x-token']}"}, {"authorization": "Bearer"}),
    ],
)
def test_nobody_is_let_in_without_the_right_token(crm: Caller, headers: dict[str, str]) -> None:
    answer = crm.arrive(Call("GET", "/accounts", headers=headers))
    assert (answer.status, told(answer)) == (
        401,
        {"message": "X-Token is missing or not valid"},
    )


def ask_for_token(crm: Caller, fields: str, **headers: str) -> tuple[int, Row]:
    call = Call("POST", TOKEN_PATH, headers={"content-type": FORM, **headers})
    answer = crm.arrive(Call(call.method, call.path, (), call.headers, fields.encode()))
    return answer.status, told(answer)


GRANT = "grant_type=client_credentials"
IN_FORM = "&".join(f"{name}={value}" for name, value in CLIENT.items())


def test_the_client_gets_a_bearer_that_is_good_until_it_ends(crm: Caller) -> None:
    status, token = ask_for_token(crm, f"{GRANT}&{IN_FORM}")
    assert (status, token["token_type"]) == (200, "Bearer")
    headers = {"authorization": f"Bearer {token['access_token']}"}
    call = Call("GET", "/accounts/accounttypes", headers=headers)
    assert crm.arrive(call).status == 200
    crm.crm.controls["expire_tokens"]()
    assert crm.arrive(call).status == 401


@pytest.mark.parametrize(
    ("fields", "headers", "error"),
    [
        (GRANT, {}, "invalid_client"),
        (f"{GRANT}&client_id=sandbox-client&client_secret=wrong", {}, "invalid_client"),
        (GRANT, {"authorization": "Basic !"}, "invalid_client"),
        (GRANT, {"authorization": "Basic /w=="}, "invalid_client"),
        (f"grant_type=password&{IN_FORM}", {}, "unsupported_grant_type"),
        (IN_FORM, {}, "unsupported_grant_type"),
    ],
)
def test_no_token_is_given_to_anybody_else(
    crm: Caller, fields: str, headers: dict[str, str], error: str
) -> None:
    status, body = ask_for_token(crm, fields, **headers)
    assert status in (400, 401)
    assert body == {"error": error}


@pytest.mark.anyio
@pytest.mark.parametrize("way", ["basic", "body"])
async def test_over_http_a_token_is_asked_for_in_both_ways(way: str) -> None:
    sandbox = Sandbox({"cirrus": tuple(operations().values())})
    settings = sandbox.settings("cirrus", "http://sandbox.localhost")
    assert settings == {"base_url": "http://sandbox.localhost/cirrus", "token": TOKEN}
    auth = httpx.BasicAuth(*CLIENT.values()) if way == "basic" else httpx.Auth()
    data = {"grant_type": "client_credentials", **(CLIENT if way == "body" else {})}
    async with httpx.AsyncClient(transport=sandbox.transport()) as http:
        address = settings["base_url"]
        reply = await http.post(f"{address}{TOKEN_PATH}", data=data, auth=auth)
        bearer = {"authorization": f"Bearer {reply.json()['access_token']}"}
        found = await http.get(f"{address}/users/me", headers=bearer)
    assert found.json()["name"] == "Maya"


# The tables


def test_a_word_that_no_column_stands_behind_is_a_mistake_of_the_tables() -> None:
    table = TABLES["role"]
    with pytest.raises(LookupError, match="role has no filter colour"):
        filter_rule(table, "colour")
    with pytest.raises(LookupError, match="role is not sorted by colour"):
        sort_column(table, "colour")
    with pytest.raises(ValueError, match="no field: a-b"):
        read_shape("{a-b}")


# Refusals


def test_an_address_that_no_operation_has_is_not_found(crm: Caller) -> None:
    answer = crm.arrive(Call("GET", "/nothing", headers=LET_IN))
    assert (answer.status, told(answer)) == (404, {"message": "The requested URL was not found"})


GETS = [one for one in READS if "{id}" in one.request.path]


@pytest.mark.parametrize("operation", GETS, ids=lambda entry: entry.name)
def test_an_id_that_nobody_has_is_not_found(crm: Caller, operation: Operation) -> None:
    for key in ("987654", "none", "9" * 5000, "-1"):
        path = operation.request.path.replace("{id}", key)
        answer = crm.arrive(Call("GET", path, headers=LET_IN))
        assert answer.status == 404, (key, answer.content)


@pytest.mark.parametrize(
    ("content", "fields"),
    [
        (b"{", None),
        (b"[]", None),
        (b'{"name": NaN}', None),
        (b'{"name": 1e999}', None),
        (b"[" * 100_000, None),
        (b"{}", ["name", "typeid", "userid"]),
        (b'{"name": 1, "typeid": 1, "userid": 1}', ["name"]),
        (b'{"name": "A", "typeid": "1", "userid": 1}', ["typeid"]),
        (b'{"name": "A", "typeid": 99, "userid": 98}', ["typeid", "userid"]),
        (b'{"name": "A", "typeid": 1, "userid": 1, "colour": "red"}', ["colour"]),
        (b'{"name": "\\ud800", "typeid": 1, "userid": 1}', None),
    ],
)
def test_a_bad_body_is_refused_and_changes_nothing(
    crm: Caller, content: bytes, fields: list[str] | None
) -> None:
    before = crm.crm.world.revision
    answer = crm.arrive(Call("POST", "/accounts", headers=LET_IN, content=content))
    assert answer.status == 422
    if fields is not None:
        assert sorted(told(answer)["errors"]) == fields
        assert crm.crm.world.revision == before


@pytest.mark.parametrize(
    ("name", "arguments", "fields"),
    [
        ("contacts_create", {"name": "A", "surname": "B", "accountid": 99}, ["accountid"]),
        ("accounts_update", {"id": 1, "parentaccountid": 99}, ["parentaccountid"]),
        ("accounts_update", {"id": 1, "tags": [{"id": 99}]}, ["tags"]),
        ("accounts_update", {"id": 1, "accountgroups": [{"name": "x"}]}, ["accountgroups"]),
        ("orders_update", {"id": 1001, "rows": [{"article": {"id": 99}}]}, ["rows.0.article"]),
        ("orders_update", {"id": 1001, "status": {"id": 99}}, ["status"]),
        ("leads_update", {"id": 1, "user": {"id": 99}, "source": {"id": 98}}, ["source", "user"]),
        ("quote_relations_create", {"quoteid": 1002, "type": "order", "otherid": 9}, ["otherid"]),
        ("quote_relations_create", {"quoteid": 1002, "type": "moon", "otherid": 9}, ["type"]),
        ("departments_create", {"id": 1, "name": "Again"}, ["id"]),
    ],
)
def test_what_a_record_is_related_to_must_be_there(
    crm: Caller, name: str, arguments: Row, fields: list[str]
) -> None:
    assert crm.refusal(name, **arguments) == (422, fields)


@pytest.mark.parametrize(
    ("path", "given", "missing"),
    [
        ("articles", "name", "description"),
        ("opportunities", "title", "statusid"),
        ("files", "name", "content"),
    ],
)
def test_a_full_update_repeats_what_is_required(
    crm: Caller, path: str, given: str, missing: str
) -> None:
    content = json.dumps({given: "x"}).encode()
    answer = crm.arrive(Call("PUT", f"/{path}/1", headers=LET_IN, content=content))
    assert answer.status == 422
    assert missing in told(answer)["errors"]
