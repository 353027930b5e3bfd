"""What the Cirrus stand-in reads out and takes in, operation by operation, and whom it lets in."""

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
    pairs = {"dynamicfield_id": {"dynamicfield_val": ["x"]}}
    pairs |= {"dynamicfield_val": {"dynamicfield_id": [1]}}
    special = {"nearto": ["{53.8, -1.5}"], "distance": ["5"], "X-Fields": ["{id}"]}
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
    assert answer.status in (422, 200 if b"ud800" in content else 422)
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
        ("departments_create", {"id": 1, "name": "Again"}, ["id"]),
    ],
)
def test_what_a_record_is_related_to_must_be_there(
    crm: Caller, name: str, arguments: Row, fields: list[str]
) -> None:
    assert crm.refusal(name, **arguments) == (422, fields)


@pytest.mark.parametrize(
    ("path", "body"),
    [("articles", "description"), ("opportunities", "statusid"), ("files", "content")],
)
def test_a_full_update_repeats_what_is_required(crm: Caller, path: str, body: str) -> None:
    answer = crm.arrive(Call("PUT", f"/{path}/1", headers=LET_IN, content=b'{"name": "x"}'))
    assert answer.status == 422
    assert body in told(answer)["errors"]


# Lists


def test_a_page_has_ten_records_unless_more_are_asked_for(crm: Caller) -> None:
    (page,) = crm.call("accounts_list")
    assert {name: page[name] for name in ("page", "pages", "per_page", "total")} == {
        "page": 1,
        "pages": 2,
        "per_page": 10,
        "total": 12,
    }
    assert len(page["items"]) == 10
    assert len(crm.items("accounts_list", page=2)) == 2
    assert crm.items("accounts_list", page=9) == []
    assert len(crm.items("accounts_list", per_page=50)) == 12


def test_a_page_of_more_than_fifty_is_refused(crm: Caller) -> None:
    call = Call("GET", "/accounts", (("per_page", "51"),), LET_IN)
    assert crm.arrive(call).status == 422


@pytest.mark.parametrize(
    ("filters", "ids"),
    [
        ({"name": "nordkamm%"}, [3]),
        ({"name": "%GmbH"}, [9, 3, 6]),
        ({"name": "%a%e%"}, None),
        ({"name": "Nordkamm"}, []),
        ({"name": "%"}, None),
        ({"accountnumber": "57A"}, [6]),
        ({"userid": 3}, [3, 6]),
        ({"userids": [2, 3]}, [2, 1, 3, 6]),
        ({"typeid": 2, "sorting": "number_desc"}, [9, 8, 7]),
        ({"postal_city": "leeds"}, [1]),
        ({"fulltext": "canal parade"}, [1]),
        ({"followedby": 4}, [4, 7]),
        ({"missionid": 4}, [9, 8]),
        ({"missionid": 4, "missionresult": 1}, [8]),
        ({"activity": 1, "activity_type": 3}, [2]),
        ({"activity": 1, "activity_closed": 0}, [4, 8]),
        ({"activity": 0, "typeid": 1}, []),
        ({"dynamicfield_id": [1], "dynamicfield_val": ["Offices"]}, [1]),
        ({"dynamicfield_id": [1], "dynamicfield_val": ["Health"]}, []),
        ({"active": 0}, []),
    ],
)
def test_accounts_are_found_by_their_filters(
    crm: Caller, filters: Row, ids: list[int] | None
) -> None:
    found = crm.ids("accounts_list", per_page=50, **filters)
    assert (len(found) > 5) if ids is None else (found == ids)


def test_inactive_records_show_when_they_are_asked_for(crm: Caller) -> None:
    crm.call("accounts_update", id=2, active=0)
    assert 2 not in crm.ids("accounts_list", per_page=50)
    assert crm.ids("accounts_list", active=0) == [2]
    assert len(crm.ids("accounts_list", active=2, per_page=50)) == 12


@pytest.mark.parametrize(
    ("name", "filters", "ids"),
    [
        ("activities_list", {"startdate": "2026-02-18", "enddate": "2026-02-24"}, [13, 12]),
        ("activities_list", {"contactid": 3, "sorting": "date_desc"}, [10, 9]),
        ("activities_list", {"accounttypeids": [2], "closed": 0}, [16]),
        ("opportunities_list", {"statusids": [3, 4]}, [1, 5, 6]),
        ("opportunities_list", {"actual_startdate": "2026-01-01"}, [1]),
        ("opportunities_list", {"accountuserids": [4]}, [5]),
        ("orders_list", {"datespan_start": "2026-01-01"}, [1001]),
        ("orders_list", {"accountresponsibleids": [4]}, [1005]),
        ("quotes_list", {"opportunityids": [4]}, [1004]),
        ("quotes_list", {"validtodate_start": "2026-04-01"}, []),
        ("contacts_list", {"surname": "%h%", "accountid": 1}, [1]),
        ("article_groups_list", {"name": "sea"}, [1]),
        ("contracts_list", {"objectids": [1]}, [1]),
        ("price_lists_list", {"accountnumber": "57A"}, [1]),
        ("emails_list", {"date": "2026-02-18"}, [5]),
        ("missions_list", {"accountids": [8]}, [4]),
        ("challenges_list", {}, [1]),
        ("challenges_list", {"status": "lost"}, [2]),
        ("account_groups_list", {"accountid": 3}, [2]),
        (
            "leads_list",
            {"source": 1, "created": "2026-02-16", "sorting": "value_desc"},
            [4, 3, 2, 1],
        ),
    ],
)
def test_other_lists_are_filtered_by_what_they_relate_to(
    crm: Caller, name: str, filters: Row, ids: list[int]
) -> None:
    assert crm.ids(name, **filters) == ids


def test_unpaired_dynamic_fields_are_refused(crm: Caller) -> None:
    call = Call("GET", "/accounts", (("dynamicfield_id", "1"),), LET_IN)
    assert told(crm.arrive(call))["errors"].keys() == {"dynamicfield_id"}


# Masks


def test_a_mask_leaves_the_fields_it_names(crm: Caller) -> None:
    mask = "{id, name, account{id}, followers{name}}"
    assert crm.call("contacts_get", id=1, **{"X-Fields": mask}) == {
        "id": 1,
        "name": "Eleanor",
        "account": {"id": 1},
        "followers": [{"name": "Owen"}],
    }


@pytest.mark.parametrize(
    ("mask", "keys", "item"),
    [
        ("{id,name}", {"page", "pages", "per_page", "total", "items"}, {"id", "name"}),
        ("id", {"page", "pages", "per_page", "total", "items"}, {"id"}),
        ("{total,items{id}}", {"total", "items"}, {"id"}),
        ("{items{*,user{id}}}", {"items"}, None),
    ],
)
def test_a_mask_of_a_list_is_one_of_its_records_or_of_the_page(
    crm: Caller, mask: str, keys: set[str], item: set[str] | None
) -> None:
    (page,) = crm.call("accounts_list", **{"X-Fields": mask})
    assert page.keys() == keys
    assert (
        (page["items"][0].keys() == item) if item else (page["items"][0]["user"].keys() == {"id"})
    )


@pytest.mark.parametrize(
    "mask", ["{id", "id}", "{{id}}", "{id}{name}", "{a{" * 30, "{id},name", ","]
)
def test_a_mask_that_is_none_is_refused_or_names_nothing(crm: Caller, mask: str) -> None:
    call = Call("GET", "/contacts/1", headers=LET_IN | {"x-fields": mask})
    answer = crm.arrive(call)
    assert answer.status == (200 if mask == "," else 422)
