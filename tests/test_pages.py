"""`_pages`: several pages of a list in one call, one after the other, and nothing lost."""

import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from mcp import Client
from tapped import TappedSandbox

from crm_mcp.commands.call import CallRequest, call
from crm_mcp.commands.setup import Setup
from crm_mcp.config import General, Settings
from crm_mcp.sandbox.cirrus import CirrusStandIn
from crm_mcp.sandbox.faults import Fault
from crm_mcp.testing import sandbox_client
from crm_mcp.wishes import MAX_PAGES

TERMS = "cirrus_delivery_terms_list"
MANY = 45

pytestmark = pytest.mark.anyio


@pytest.fixture
def sandbox() -> TappedSandbox:
    sandbox = TappedSandbox()
    crm = sandbox.stand_in("cirrus")
    assert isinstance(crm, CirrusStandIn)
    for row in crm.world.all("deliveryTerm"):
        crm.world.remove("deliveryTerm", row["id"])
    for number in range(MANY):
        crm.world.add("deliveryTerm", name=f"term {number:02}", default=0)
    return sandbox


@pytest.fixture
async def client(sandbox: TappedSandbox) -> AsyncIterator[Client]:
    async with sandbox_client(sandbox=sandbox) as client:
        yield client


async def told(client: Client, tool: str = TERMS, **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool(tool, arguments)
    assert result.structured_content is not None
    return dict(result.structured_content)


def names(result: dict[str, Any]) -> list[str]:
    return [record["name"] for record in result["data"]]


def terms(first: int, last: int) -> list[str]:
    return [f"term {number:02}" for number in range(first, last + 1)]


async def test_several_pages_are_one_list(client: Client, sandbox: TappedSandbox) -> None:
    result = await told(client, _pages=3)

    assert names(result) == terms(0, 29)
    assert result["page"] == {
        "returned": 30,
        "total": MANY,
        "more": True,
        "next": {"page": 4, "_pages": 3},
    }
    assert sandbox.pages == ["", "2", "3"]


async def test_the_next_call_goes_on_with_the_same_wishes(client: Client) -> None:
    first = await told(client, _pages=2, _select="name", per_page=20)
    second = await told(client, **first["page"]["next"])

    assert names(first) + names(second) == terms(0, MANY - 1)
    assert second["data"][-1] == {"name": "term 44"}
    assert second["page"] == {"returned": 5, "total": MANY, "more": False}


async def test_no_page_is_asked_for_after_the_last(client: Client, sandbox: TappedSandbox) -> None:
    result = await told(client, _pages=MAX_PAGES)

    assert names(result) == terms(0, MANY - 1)
    assert result["page"] == {"returned": MANY, "total": MANY, "more": False}
    assert len(sandbox.requests) == 5


async def test_no_page_is_read_of_which_nothing_could_be_shown(sandbox: TappedSandbox) -> None:
    async with sandbox_client(sandbox=sandbox, max_result_chars=2_000) as client:
        result = await told(client, _pages=5)

    shown = len(result["data"])
    assert shown > 10
    assert len(sandbox.requests) == -(-shown // 10)
    place = result["page"]
    assert (place["returned"], place["total"], place["more"]) == (shown, MANY, True)


async def test_each_page_is_told_as_progress(client: Client) -> None:
    heard: list[tuple[float, str | None]] = []

    async def told_of(progress: float, total: float | None, message: str | None) -> None:
        assert total is None
        heard.append((progress, message))

    await client.call_tool(TERMS, {"_pages": 3}, progress_callback=told_of)

    assert heard == [
        (1, "page 1 of at most 3, 10 records"),
        (2, "page 2 of at most 3, 20 records"),
        (3, "30 records of 3 pages"),
    ]


@pytest.mark.parametrize("is_terminal", [True, False])
async def test_in_a_terminal_the_pages_are_told_beside_the_result(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    *,
    is_terminal: bool,
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_terminal, raising=False)
    settings = Settings(general=General(state_dir=tmp_path))
    setup = Setup.of(settings, use_sandbox=True, vendors_needed=True)
    pairs = ("_pages=2", "per_page=3", "_select=id,name")

    await call(setup, CallRequest("cirrus_accounts_list", pairs))

    printed = capsys.readouterr()
    assert [record.keys() for record in json.loads(printed.out)["data"]] == [{"id", "name"}] * 6
    told = "page 1 of at most 2, 3 records\n6 records of 2 pages\n"
    assert printed.err == (told if is_terminal else "")


async def test_a_later_page_that_cannot_be_read_loses_nothing(
    client: Client, sandbox: TappedSandbox
) -> None:
    async def trouble(number: int, request: httpx.Request) -> httpx.Request:
        if number == 3:
            sandbox.faults.plan(Fault(kind="rate_limited", seconds=3_600))
        return request

    sandbox.disturb = trouble
    result = await client.call_tool(TERMS, {"_pages": 4, "_select": "name"})

    kept = result.structured_content
    assert kept is not None
    assert not result.is_error
    assert names(kept) == terms(0, 19)
    assert kept["page"]["next"] == {"page": 3, "_pages": 4, "_select": "name"}
    assert kept["page"]["more"] is True
    [warning] = kept["warnings"]
    assert warning.startswith("Page 3 could not be read; page.next asks for it. ")
    rest = await told(client, **kept["page"]["next"])
    assert names(kept) + names(rest) == terms(0, MANY - 1)


async def test_a_first_page_that_cannot_be_read_is_an_error(
    client: Client, sandbox: TappedSandbox
) -> None:
    sandbox.faults.plan(Fault(kind="rate_limited", seconds=3_600))

    assert (await told(client, _pages=4))["error"] == "rate_limited"


async def test_a_call_that_is_cancelled_asks_for_no_further_page(
    client: Client, sandbox: TappedSandbox
) -> None:
    stopped: list[int] = []

    async def stop(number: int, request: httpx.Request) -> httpx.Request:
        if number == 2:
            scope.cancel()
            try:
                await anyio.sleep_forever()
            finally:
                stopped.append(number)
        return request

    sandbox.disturb = stop
    with anyio.CancelScope() as scope:
        await client.call_tool(TERMS, {"_pages": 4})

    assert names(await told(client, page=5)) == terms(40, 44)
    assert (stopped, sandbox.pages) == ([2], ["", "2", "5"])


@pytest.mark.parametrize("pages", [0, MAX_PAGES + 1, "two", True, 1.5, None])
async def test_pages_are_a_whole_number_within_bounds(
    client: Client, sandbox: TappedSandbox, pages: Any
) -> None:
    result = await told(client, _pages=pages)

    assert result["error"] == "invalid_arguments"
    assert f"_pages must be a whole number from 1 to {MAX_PAGES}" in result["message"]
    assert sandbox.requests == []


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("fivecrm_account_fields_list", {"area": "001"}),
        ("interact_notes_list", {}),
        ("cirrus_accounts_get", {"id": 1}),
    ],
)
async def test_a_read_without_pages_refuses_them(
    client: Client, sandbox: TappedSandbox, tool: str, arguments: dict[str, Any]
) -> None:
    result = await told(client, tool, **arguments, _pages=2)

    assert result["error"] == "invalid_arguments"
    assert "_pages does not fit: this CRM sends all of this at once" in result["message"]
    assert sandbox.requests == []


async def test_a_read_by_the_catalogue_takes_pages_as_well(client: Client) -> None:
    arguments = {"name": TERMS, "arguments": {"_pages": 2}}

    assert names(await told(client, "crm_call_read", **arguments)) == terms(0, 19)


async def test_a_part_of_a_page_is_left_out_on_demand(client: Client) -> None:
    result = await told(client, per_page=20, page=2, _from=5, _pages=2)

    assert names(result) == terms(25, 44)
    assert result["page"] == {"returned": 20, "total": MANY, "more": False}


async def test_a_list_of_which_no_page_is_known_has_none(client: Client) -> None:
    result = await told(client, "synergist_system_version_get")

    assert len(result["data"]) == 1
    assert "page" not in result


async def test_of_a_list_that_comes_at_once_the_whole_is_told(client: Client) -> None:
    whole = await told(client, "interact_notes_list")

    result = await told(client, "interact_notes_list", _from=2)

    total = len(whole["data"])
    assert result["data"] == whole["data"][2:]
    assert result["page"] == {"returned": total - 2, "total": total, "more": False}


@pytest.mark.parametrize("skip", [-1, "one", True, None])
async def test_what_is_left_out_is_a_whole_number(client: Client, skip: Any) -> None:
    result = await told(client, _from=skip)

    assert "_from must be a whole number, 0 or more" in result["message"]


async def test_on_a_single_record_pages_and_parts_have_no_effect_and_that_is_said(
    client: Client,
) -> None:
    result = await told(client, "cirrus_accounts_get", id=1, _from=1)

    assert result["data"]["id"] == 1
    assert result["warnings"] == ["This read brings no plain list: _from and _pages had no effect."]


async def test_lists_with_pages_offer_them_and_others_do_not() -> None:
    async with sandbox_client(toolsets=("all",)) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}

    own = {
        name: {
            key: value for key, value in tool.input_schema["properties"].items() if key[0] == "_"
        }
        for name, tool in tools.items()
    }
    assert own[TERMS] == {"_select": {"type": "string"}, "_pages": {"type": "integer"}}
    assert own["interact_notes_list"] == {"_select": {"type": "string"}}
    assert own["cirrus_accounts_create"].keys() == {"_dry_run"}
    assert all(len(json.dumps(schema)) < 65 for schema in own.values() if "_select" in schema)


async def test_the_description_of_a_tool_says_what_they_do(client: Client) -> None:
    described = await told(client, "crm_describe_tool", name=TERMS)

    properties = described["data"]["inputSchema"]["properties"]
    assert {name for name in properties if name[0] == "_"} == {"_select", "_pages", "_from"}
    assert all(properties[name]["description"] for name in ("_select", "_pages", "_from"))
