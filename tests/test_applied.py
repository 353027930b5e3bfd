"""Arguments that are set up here and join a read: the result names them."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from crm_mcp.app import SANDBOX_ORIGIN, load_catalogue, open_app, sandbox_settings
from crm_mcp.config import General, Settings
from crm_mcp.sandbox.app import Sandbox
from crm_mcp.server import build_server

CLIENTS, VIEWS = "synergist_clients_list", "synergist_views_list"


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    """Connect to a Synergist whose operator chose company 1."""
    catalogue = load_catalogue()
    sandbox = Sandbox(catalogue)
    general = General.model_validate({"state_dir": tmp_path})
    settings = sandbox_settings(Settings(general=general), sandbox, SANDBOX_ORIGIN)
    synergist = settings.vendors["synergist"].model_copy(update={"company": 1})
    settings = settings.model_copy(update={"vendors": {"synergist": synergist}})
    async with (
        open_app(settings, catalogue, sandbox) as app,
        Client(build_server(app)) as client,
    ):
        yield client


async def result(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    answer: dict[str, Any] | None = (await client.call_tool(tool, arguments)).structured_content
    assert answer is not None
    assert "error" not in answer, answer
    return answer


@pytest.mark.anyio
async def test_a_default_that_joined_is_named(client: Client) -> None:
    assert (await result(client, CLIENTS))["applied"] == {"company": 1}


@pytest.mark.anyio
async def test_it_is_named_through_the_catalogue_tools_too(client: Client) -> None:
    told = await result(client, "crm_call_read", name=CLIENTS, arguments={})

    assert told["applied"] == {"company": 1}


@pytest.mark.anyio
async def test_what_the_caller_gave_is_not_repeated(client: Client) -> None:
    assert "applied" not in await result(client, CLIENTS, company=2)


@pytest.mark.anyio
async def test_a_tool_that_takes_none_names_none(client: Client) -> None:
    assert "applied" not in await result(client, VIEWS, type="activities")
