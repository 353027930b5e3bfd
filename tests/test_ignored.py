"""Filters that a CRM did not heed: said where records contradict them, and never by a guess."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx
import pytest
from mcp import Client
from tapped import TappedSandbox

from crm_mcp.app import load_catalogue
from crm_mcp.ignored import doubted
from crm_mcp.operation import Operation
from crm_mcp.testing import sandbox_client

OPPORTUNITIES = "cirrus_opportunities_list"


@pytest.fixture(scope="module")
def cirrus() -> Mapping[str, Operation]:
    return {one.name: one for one in load_catalogue()["cirrus"]}


@pytest.fixture
def sandbox() -> TappedSandbox:
    return TappedSandbox()


@pytest.fixture
async def client(sandbox: TappedSandbox) -> AsyncIterator[Client]:
    async with sandbox_client(sandbox=sandbox) as client:
        yield client


async def warnings(client: Client, **arguments: Any) -> list[str]:
    result = await client.call_tool(OPPORTUNITIES, arguments)
    assert result.structured_content is not None
    assert result.structured_content["data"]
    told: list[str] = result.structured_content.get("warnings", [])
    return told


async def without_filters(_: int, request: httpx.Request) -> httpx.Request:
    """Bring a request to a CRM that ignores its filters."""
    return httpx.Request(request.method, request.url.copy_with(query=b""), headers=request.headers)


@pytest.mark.anyio
async def test_a_filter_that_is_heeded_is_not_doubted(client: Client) -> None:
    assert await warnings(client, userid=3) == []


@pytest.mark.anyio
async def test_a_filter_that_records_contradict_is_doubted(
    client: Client, sandbox: TappedSandbox
) -> None:
    sandbox.disturb = without_filters

    [warning] = await warnings(client, userid=3, description="offices")

    assert warning.startswith("userid was sent as 3, but ")
    assert "the CRM seems to have ignored it" in warning


@pytest.mark.parametrize(
    ("tool", "arguments", "records", "doubts"),
    [
        ("opportunities", {"userid": 3}, [{"userid": 3}, {"userid": 4}], ["userid"]),
        ("opportunities", {"userid": 3}, [{"userid": 4}], ["userid"]),
        ("opportunities", {"userid": 3}, [{"userid": "3"}], []),
        ("opportunities", {"userid": 3}, [{"userid": 4}, {"userid": None}], []),
        ("opportunities", {"userid": 3}, [{"userid": 4}, {}], []),
        ("opportunities", {"userid": 3}, [{"userid": {"id": 4}}], []),
        ("opportunities", {"closed": 1}, [{"closed": 0}], ["closed"]),
        ("opportunities", {"closed": 1}, [{"closed": True}], []),
        ("opportunities", {"description": "x"}, [{"description": "y"}], []),
        ("accounts", {"active": 2}, [{"active": 0}, {"active": 1}], []),
        ("accounts", {"active": 1}, [{"active": 0}, {"active": 1}], ["active"]),
        ("accounts", {"name": "A%"}, [{"name": "B"}], []),
        ("activities", {"date": "2026-03-02"}, [{"date": "2026-03-03"}], []),
        ("leads", {"rating": 2}, [{"rating": 3}], []),
        ("templates", {"resource": "quote"}, [{"resource": "order"}], []),
        (
            "templates",
            {"resource": "quote"},
            [{"resource": "order"}, {"resource": "quote"}],
            ["resource"],
        ),
        ("opportunities", {"page": 2, "X-Fields": "id"}, [{"page": 1, "X-Fields": "x"}], []),
        ("opportunities", {"userid": 3}, [], []),
        ("opportunities", {"userid": 3}, [4], []),
        ("opportunities", {"userid": 3}, {"userid": 4}, []),
    ],
)
def test_only_what_plainly_contradicts_is_doubted(
    cirrus: Mapping[str, Operation],
    tool: str,
    arguments: dict[str, Any],
    records: Any,
    doubts: list[str],
) -> None:
    told = doubted(cirrus[f"cirrus_{tool}_list"], arguments, records)

    assert [text.partition(" ")[0] for text in told] == doubts
