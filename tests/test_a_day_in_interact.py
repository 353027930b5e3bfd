"""A day in interact.io: a real MCP client, a real socket, and each answer looked at."""

import base64
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp_types import ResourceLink
from sockets import serving

from crm_mcp.app import load_catalogue, open_app, sandbox_settings
from crm_mcp.config import General, Settings
from crm_mcp.sandbox.app import Sandbox
from crm_mcp.server import build_server

pytestmark = pytest.mark.anyio

MAYA = "maya@tidewell.example.com"
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(load_catalogue())


@pytest.fixture
def origin(sandbox: Sandbox) -> Iterator[str]:
    with serving(sandbox) as origin:
        yield origin


class Desk:
    """Somebody at a desk with a client, who expects each call to work, or to fail in one way."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def all(self, tool: str, **arguments: Any) -> dict[str, Any]:
        result = await self.client.call_tool(tool, arguments)
        assert result.structured_content is not None
        assert not result.is_error, result.structured_content
        return dict(result.structured_content)

    async def do(self, tool: str, **arguments: Any) -> Any:
        return (await self.all(tool, **arguments))["data"]

    async def fail(self, tool: str, **arguments: Any) -> dict[str, Any]:
        result = await self.client.call_tool(tool, arguments)
        assert result.structured_content is not None
        assert result.is_error, result.structured_content
        return dict(result.structured_content)


@asynccontextmanager
async def at_desk(folder: Path, sandbox: Sandbox, origin: str) -> AsyncIterator[Desk]:
    files = folder / "outbox"
    files.mkdir()
    (files / "ada.png").write_bytes(PIXEL)
    given = {"state_dir": folder / "state", "mode": "unattended", "files_dir": files}
    settings = sandbox_settings(Settings(general=General.model_validate(given)), sandbox, origin)
    fast = {"interact": settings.vendors["interact"].model_copy(update={"rate": 1_000.0})}
    async with (
        open_app(settings.model_copy(update={"vendors": fast}), load_catalogue()) as app,
        Client(build_server(app)) as client,
    ):
        yield Desk(client)


async def test_a_day_in_interact(tmp_path: Path, sandbox: Sandbox, origin: str) -> None:
    async with at_desk(tmp_path, sandbox, origin) as desk:
        # A customer and somebody who works there.
        company = await desk.do(
            "interact_organization_contacts_create", organizationName="Nowak Tischlerei"
        )
        ada = await desk.do(
            "interact_person_contacts_create",
            firstName="Ada",
            lastName="Nowak",
            basicInfos=[{"type": "email", "value": "ada@nowak.example.com"}],
        )
        ada = await desk.do(
            "interact_person_contacts_update",
            id=ada["id"],
            version=ada["version"],
            relatedTo=[company["id"]],
        )
        assert ada["version"] == 2
        related = await desk.do("interact_contact_contacts_list", id=ada["id"])
        assert [other["id"] for other in related] == [company["id"]]

        # Work.
        about = {"id": ada["id"], "type": "contact"}
        note = await desk.do("interact_notes_create", message="Wants ten desks.", relatedTo=about)
        task = await desk.do("interact_tasks_create", title="Call Ada", relatedTo=about)
        deal = await desk.do("interact_deals_create", name="Ten desks", relatedTo={"id": ada["id"]})
        notes = await desk.do("interact_contact_notes_list", id=ada["id"])
        assert [one["message"] for one in notes] == ["Wants ten desks."]
        assert [
            one["id"] for one in await desk.do("interact_contact_tasks_list", id=ada["id"])
        ] == [task["id"]]
        deals = await desk.do("interact_contact_deals_list", id=ada["id"])
        assert [one["name"] for one in deals] == ["Ten desks"]

        # A picture from the operator's folder comes back as a link.
        picture = await desk.do("interact_pictures_create", contactId=ada["id"], file="ada.png")
        shown = await desk.client.call_tool("interact_pictures_get", {"id": picture["id"]})
        [link] = [block for block in shown.content if isinstance(block, ResourceLink)]
        assert (link.uri.startswith(origin), link.mime_type) == (True, "image/png")

        # Somebody else was faster.
        stale = await desk.fail(
            "interact_person_contacts_update", id=ada["id"], version=1, firstName="Adele"
        )
        assert stale["error"] == "conflict"
        assert "Read the record again" in stale["hint"]

        # The same person twice becomes one, and the team sees her.
        twin = await desk.do("interact_person_contacts_create", firstName="Ada", lastName="Novak")
        ada = await desk.do("interact_person_contacts_get", id=ada["id"])
        kept = {"id": ada["id"], "version": ada["version"], "firstName": "Ada"}
        merged = await desk.do("interact_contacts_merge", contactIds=[twin["id"]], contact=kept)
        assert (merged["id"], merged["version"]) == (ada["id"], ada["version"] + 1)
        gone = await desk.fail("interact_person_contacts_get", id=twin["id"])
        assert gone["error"] == "not_found"
        groups = (await desk.do("interact_auth_login"))["user"]["groups"]
        shared = await desk.do("interact_contacts_share", id=ada["id"], groups=[groups[0]["id"]])
        assert shared["id"] != ada["id"]

        # Paging past the third page.
        page = await desk.all("interact_contacts_list", offset=0, limit=5)
        seen, pages = [one["id"] for one in page["data"]], 1
        while page["page"]["more"]:
            page = await desk.all("interact_contacts_list", **page["page"]["next"])
            seen += [one["id"] for one in page["data"]]
            pages += 1
        assert pages > 3
        assert len(seen) == len(set(seen)) == page["page"]["total"]

        # And away with it.
        assert await desk.all("interact_notes_delete", id=note["id"])
        assert await desk.all("interact_tasks_delete", id=task["id"])
        assert await desk.all("interact_deals_delete_many", ids=[deal["id"]])
        assert await desk.all("interact_contacts_delete", id=company["id"])
        gone = await desk.fail("interact_organization_contacts_get", id=company["id"])
        assert gone["error"] == "not_found"


async def test_a_push_comes_over_a_real_websocket_with_a_session_renewed_in_between(
    tmp_path: Path, sandbox: Sandbox, origin: str
) -> None:
    async with at_desk(tmp_path, sandbox, origin) as desk:
        await desk.do("interact_devices_list")
        sandbox.control("interact", "expire_sessions")
        event = {"type": "sms-incoming", "data": "0113 496 0101", "receiverId": MAYA}

        async def told(progress: float, total: float | None, message: str | None) -> None:  # noqa: ARG001
            if message == "listening":
                tasks.start_soon(lambda: desk.do("interact_events_trigger", **event))

        async with anyio.create_task_group() as tasks:
            result = await desk.client.call_tool(
                "interact_push_interactions_listen",
                {"seconds": 20, "count": 1},
                progress_callback=told,
            )

    assert result.structured_content is not None
    [heard] = result.structured_content["data"]
    assert (heard["type"], heard["data"]) == ("sms-incoming", "0113 496 0101")
    assert result.structured_content["source"]["simulated"] is True


@pytest.mark.parametrize("ids", [None, [], list(range(1, 27))])
@pytest.mark.parametrize(
    "tool",
    sorted(
        operation.name
        for operation in load_catalogue()["interact"]
        if operation.name.endswith("_delete_many")
    ),
)
async def test_a_bulk_delete_without_ids_or_with_too_many_sends_nothing(
    tmp_path: Path, sandbox: Sandbox, tool: str, ids: list[int] | None
) -> None:
    settings = sandbox_settings(
        Settings(general=General.model_validate({"state_dir": tmp_path, "mode": "unattended"})),
        sandbox,
        "http://127.0.0.1:9",  # nobody listens there
    )
    async with open_app(settings, load_catalogue()) as app, Client(build_server(app)) as client:
        result = await client.call_tool(tool, {} if ids is None else {"ids": ids})

    assert result.structured_content is not None
    assert result.structured_content["error"] == "invalid_arguments"
