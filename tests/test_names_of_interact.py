"""Ids of interact.io in a preview: a task says itself whether it is about a contact or a deal."""

from typing import Any

import pytest

from crm_mcp.app import load_catalogue
from crm_mcp.sandbox.app import Sandbox
from crm_mcp.testing import sandbox_client

pytestmark = pytest.mark.anyio


async def task_about(kind: str, tool: str) -> tuple[int, dict[str, Any]]:
    """Try a task about the first record of one list, as a record of a kind."""
    async with sandbox_client(sandbox=Sandbox(load_catalogue())) as client:
        listed = await client.call_tool(tool, {})
        assert listed.structured_content is not None
        number = listed.structured_content["data"][0]["id"]
        about = {"title": "Call back", "relatedTo": {"id": number, "type": kind}, "_dry_run": True}
        tried = await client.call_tool("interact_tasks_create", about)
    assert tried.structured_content is not None
    return number, dict(tried.structured_content)


@pytest.mark.parametrize(
    ("kind", "tool", "name"),
    [
        ("contact", "interact_contacts_list", "Calder & Wrenfield Solicitors"),
        ("deal", "interact_deals_list", "Calder & Wrenfield Solicitors: 24 x Task Chair Heron"),
    ],
)
async def test_the_name_comes_from_the_kind_that_the_call_says(
    kind: str, tool: str, name: str
) -> None:
    number, result = await task_about(kind, tool)

    assert f'  relatedTo.id = {number} ({kind}: "{name}")' in result["data"]["preview"].splitlines()


async def test_an_id_of_the_other_kind_is_refused() -> None:
    _, result = await task_about("contact", "interact_deals_list")

    assert result["error"] == "invalid_arguments"
    assert "which is no contact" in result["message"]
