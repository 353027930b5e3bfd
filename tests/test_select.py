"""`_select`: only these fields of each record, and nothing is hidden worse for it."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from mcp import Client

from crm_mcp.app import load_catalogue
from crm_mcp.sandbox.app import Sandbox
from crm_mcp.sandbox.synergist import SynergistStandIn
from crm_mcp.selection import near, picked, stands
from crm_mcp.testing import sandbox_client

ACCOUNTS = "cirrus_accounts_list"
RECORD = {
    "id": 1,
    "name": "Ada",
    "address": {"city": "Leeds", "zip": "LS1"},
    "contacts": [{"name": "Bo", "phone": "1"}, {"name": "Cy"}],
    "a.b": {"c": 2},
    "empty": None,
}


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with sandbox_client() as client:
        yield client


async def told(client: Client, tool: str = ACCOUNTS, **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool(tool, arguments)
    assert result.structured_content is not None
    return dict(result.structured_content)


@pytest.mark.parametrize(
    ("paths", "kept"),
    [
        (["id"], {"id": 1}),
        (["address"], {"address": {"city": "Leeds", "zip": "LS1"}}),
        (["address.city"], {"address": {"city": "Leeds"}}),
        (["contacts.name"], {"contacts": [{"name": "Bo"}, {"name": "Cy"}]}),
        (["contacts.phone"], {"contacts": [{"phone": "1"}, {}]}),
        (["address", "address.city"], {"address": {"city": "Leeds", "zip": "LS1"}}),
        (["a.b"], {"a.b": {"c": 2}}),
        (["a.b.c"], {"a.b": {"c": 2}}),
        (["empty"], {"empty": None}),
        (["name.first"], {}),
        (["nothing"], {}),
    ],
)
def test_a_path_leads_through_objects_and_lists(paths: list[str], kept: dict[str, Any]) -> None:
    assert picked(RECORD, paths) == kept
    assert picked([RECORD, RECORD], paths) == [kept, kept]


def test_what_is_no_record_stays_as_it_is() -> None:
    assert picked(["a", 1, None], ["id"]) == ["a", 1, None]


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("address.city", True),
        ("address.town", False),
        ("contacts.phone", True),
        ("a.b.c", True),
        ("name.first", False),
        ("empty.city", None),
        ("nothing", False),
    ],
)
def test_whether_a_field_is_there_is_told_where_it_can_be(path: str, answer: bool | None) -> None:  # noqa: FBT001 - a parameter of a test
    assert stands(RECORD, path) is answer


def test_a_field_that_one_record_of_many_has_is_known() -> None:
    assert stands([{"id": 1}, {"id": 2, "rare": 3}], "rare") is True
    assert stands([], "rare") is None
    assert stands([{"parts": []}], "parts.name") is None


def test_names_that_are_like_a_path_are_found_without_regard_to_capitals() -> None:
    assert near([RECORD], "CITY") == ["address.city"]
    assert near([RECORD], "contact.name")[0] in ("name", "contacts.name")
    assert near({str(number): 1 for number in range(1_000)}, "xyz") == []


@pytest.mark.anyio
@pytest.mark.parametrize("select", ["id, addresses.postal.city", ["id", "addresses.postal.city"]])
async def test_of_each_record_only_these_fields_stay(client: Client, select: Any) -> None:
    whole = await told(client, per_page=5)

    result = await told(client, per_page=5, _select=select)

    assert result["data"] == [
        {"id": one["id"], "addresses": {"postal": {"city": one["addresses"]["postal"]["city"]}}}
        for one in whole["data"]
    ]
    assert "warnings" not in result
    assert "truncated" not in result
    assert result["page"]["next"] == {"per_page": 5, "page": 2, "_select": select}


@pytest.mark.anyio
async def test_a_single_record_is_shortened_as_well(client: Client) -> None:
    result = await told(client, "cirrus_accounts_get", id=1, _select="name")

    assert result["data"] == {"name": "Calder & Wrenfield Solicitors"}


@pytest.mark.anyio
@pytest.mark.parametrize("select", ["", [], " , "])
async def test_to_name_no_field_is_to_want_all(client: Client, select: Any) -> None:
    assert (await told(client, _select=select))["data"] == (await told(client))["data"]


@pytest.mark.anyio
async def test_a_field_that_no_record_has_is_said_with_names_near_to_it(client: Client) -> None:
    result = await told(client, _select="id,Name,postal.city")

    assert result["data"][0].keys() == {"id"}
    unknown, nested = result["warnings"]
    assert unknown.startswith("_select: no record here has Name; near: name")
    assert "addresses.postal.city" in nested


@pytest.mark.anyio
@pytest.mark.parametrize("select", [7, {"id": 1}, [1], None, "x" * 201, ["a"] * 2 + ["b" * 300]])
async def test_what_are_no_paths_is_refused(client: Client, select: Any) -> None:
    result = await told(client, _select=select)

    assert result["error"] == "invalid_arguments"
    assert "_select" in result["message"]


@pytest.mark.anyio
async def test_a_write_takes_none(client: Client) -> None:
    result = await told(client, "cirrus_accounts_create", name="x", _select="id")

    assert "_select is unknown" in result["message"]


@pytest.mark.anyio
async def test_a_name_is_hidden_in_texts_although_the_field_that_tells_it_is_not_wanted() -> None:
    sandbox = Sandbox(load_catalogue())
    crm = sandbox.stand_in("synergist")
    assert isinstance(crm, SynergistStandIn)
    activity = crm.world.all("activity")[0]
    crm.world.change(activity, {"activitySubject": "Ask Tobias Ekström first"})
    tool, given = "synergist_activities_list", {"company": 1, "_select": "activitySubject"}

    async with sandbox_client(sandbox=sandbox) as client:
        plain = await told(client, tool, **given)
    async with sandbox_client(sandbox=sandbox, personal_data="mask") as client:
        masked = await told(client, tool, **given)

    assert {"activitySubject": "Ask Tobias Ekström first"} in plain["data"]
    assert {"activitySubject": "Ask <person:hidden> first"} in masked["data"]
