"""What a CRM pushes: a client listens or subscribes, and hears of an event as it happens."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client, MCPError
from mcp.server.subscriptions import ResourceUpdated
from mcp_types import ResourceUpdatedNotification, TextResourceContents

from crm_mcp import feeds
from crm_mcp.app import SANDBOX_ORIGIN, load_catalogue, open_app, sandbox_settings
from crm_mcp.config import General, Settings
from crm_mcp.errors import Unavailable
from crm_mcp.parties import Caller
from crm_mcp.pipeline import Pipeline
from crm_mcp.resources import CATALOGUE
from crm_mcp.sandbox.app import Sandbox
from crm_mcp.server import build_server
from crm_mcp.testing import sandbox_client

# The SDK warns of requests that only clients of the handshake era make.
pytestmark = [pytest.mark.anyio, pytest.mark.filterwarnings("ignore:resources/.*subscribe")]

LISTEN = "interact_push_interactions_listen"
FEED = f"crm://interact/{LISTEN}"
CALL = {"type": "call-incoming", "data": "0113 496 0101", "receiverId": "maya@tidewell.example.com"}
ERAS = pytest.mark.parametrize("protocol", ["auto", "legacy"])


async def ring(client: Client) -> int:
    """Let somebody call, as a trigger device would tell it; gives the interaction's id."""
    result = await client.call_tool("interact_events_trigger", CALL)
    assert result.structured_content is not None
    number: int = result.structured_content["data"]["id"]
    return number


class Progress:
    """Hears the progress of a call, and does something once it is listening."""

    def __init__(self, then: Callable[[], Awaitable[Any]]) -> None:
        self._then = then
        self.messages: list[str] = []

    async def __call__(
        self,
        progress: float,  # noqa: ARG002
        total: float | None,  # noqa: ARG002
        message: str | None,
    ) -> None:
        self.messages.append(message or "")
        if message == "listening":
            await self._then()


@ERAS
async def test_an_event_arrives_at_a_client_that_listens(protocol: str) -> None:
    rung: list[int] = []
    async with sandbox_client(protocol=protocol) as client, anyio.create_task_group() as tasks:

        async def later() -> None:
            rung.append(await ring(client))

        async def start() -> None:
            tasks.start_soon(later)

        progress = Progress(start)
        arguments = {"seconds": 20, "count": 1}
        result = await client.call_tool(LISTEN, arguments, progress_callback=progress)

    assert result.structured_content is not None
    [heard] = result.structured_content["data"]
    assert heard["interactionId"] == rung[0]
    assert heard["match"]["contactName"] == "Calder & Wrenfield Solicitors"
    assert result.structured_content["source"]["simulated"] is True
    assert progress.messages == ["listening", "1 of at most 1 notifications"]


async def test_each_tool_hears_its_own_kind_of_notification() -> None:
    async with sandbox_client() as client:
        await ring(client)
        result = await client.call_tool(
            "interact_push_sync_hints_listen", {"seconds": 5, "count": 1}
        )

    assert result.structured_content is not None
    assert [set(hint) for hint in result.structured_content["data"]] == [
        {"message", "lastSyncTime"}
    ]


async def test_a_session_that_has_expired_is_renewed_before_listening() -> None:
    sandbox = Sandbox(load_catalogue())
    async with sandbox_client(sandbox=sandbox) as client:
        await ring(client)
        await client.call_tool("interact_devices_list", {})
        sandbox.control("interact", "expire_sessions")
        result = await client.call_tool(LISTEN, {"seconds": 20, "count": 1})

    assert not result.is_error
    logins = [seen for seen in sandbox.log if seen.operation == "interact_auth_login"]
    assert len(logins) == 2


async def test_a_device_that_is_not_registered_is_refused_and_nothing_is_waited_for() -> None:
    async with sandbox_client() as client:
        arguments = {"deviceId": "0" * 16, "seconds": 300}
        result = await client.call_tool(LISTEN, arguments)

    assert result.is_error
    assert result.structured_content is not None
    assert result.structured_content["error"] == "auth_failed"


async def test_a_call_that_is_cancelled_stops_listening_and_the_server_goes_on() -> None:
    async with sandbox_client() as client:
        async with anyio.create_task_group() as tasks:

            async def give_up() -> None:
                tasks.cancel_scope.cancel()

            progress = Progress(give_up)
            tasks.start_soon(
                lambda: client.call_tool(LISTEN, {"seconds": 300}, progress_callback=progress)
            )
        number = await ring(client)
        result = await client.call_tool(LISTEN, {"seconds": 20, "count": 1})

    assert result.structured_content is not None
    assert result.structured_content["data"][0]["interactionId"] == number


# Resources


@asynccontextmanager
async def connected(
    protocol: str, folder: Path, heard: Callable[[str], None], **general: Any
) -> AsyncIterator[Client]:
    """Connect a client that passes on which resources it is told of."""

    async def note(message: object) -> None:
        if isinstance(message, ResourceUpdatedNotification):
            heard(message.params.uri)

    catalogue = load_catalogue()
    sandbox = Sandbox(catalogue)
    given = {"state_dir": folder, "mode": "unattended", **general}
    settings = Settings(general=General.model_validate(given))
    connected = sandbox_settings(settings, sandbox, SANDBOX_ORIGIN)
    async with (
        open_app(connected, catalogue, sandbox) as app,
        Client(build_server(app), mode=protocol, message_handler=note) as client,
    ):
        yield client


async def newest(client: Client) -> list[Any]:
    [content] = (await client.read_resource(FEED)).contents
    assert isinstance(content, TextResourceContents)
    data: list[Any] = json.loads(content.text)["data"]
    return data


@asynccontextmanager
async def subscribed(client: Client, heard: Callable[[str], None]) -> AsyncIterator[None]:
    """Subscribe in the way of the era."""
    if client.protocol_version != "2026-07-28":
        await client.subscribe_resource(FEED)
        yield
        await client.unsubscribe_resource(FEED)
        return

    async with client.listen(resource_subscriptions=[FEED]) as events:

        async def pass_on() -> None:
            async for event in events:
                assert isinstance(event, ResourceUpdated)
                heard(event.uri)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(pass_on)
            yield
            tasks.cancel_scope.cancel()


@ERAS
async def test_a_subscriber_is_told_of_an_event_and_reads_it(protocol: str, tmp_path: Path) -> None:
    told = anyio.Event()

    def heard(uri: str) -> None:
        assert uri == FEED
        told.set()

    async with connected(protocol, tmp_path, heard) as client:
        assert FEED in [resource.uri for resource in (await client.list_resources()).resources]
        assert await newest(client) == []
        async with subscribed(client, heard):
            number = await ring(client)
            with anyio.fail_after(20):
                await told.wait()
        [message] = await newest(client)

    assert message["interactionId"] == number


@ERAS
async def test_nobody_listens_once_the_last_subscriber_has_gone(
    protocol: str, tmp_path: Path
) -> None:
    async with connected(protocol, tmp_path, lambda _uri: None) as client:
        async with subscribed(client, lambda _uri: None):
            pass
        number = await ring(client)
        # The message is still there for the next who listens, so the feed did not take it.
        result = await client.call_tool(LISTEN, {"seconds": 20, "count": 1})
        kept = await newest(client)

    assert result.structured_content is not None
    assert result.structured_content["data"][0]["interactionId"] == number
    assert kept == []


@pytest.mark.parametrize("request_of", ["read_resource", "subscribe_resource"])
async def test_a_resource_that_does_not_exist_is_told_with_those_that_do(
    request_of: str, tmp_path: Path
) -> None:
    async with connected("legacy", tmp_path, lambda _uri: None) as client:
        with pytest.raises(MCPError, match=FEED):
            await getattr(client, request_of)("crm://interact/nothing")


async def test_a_feed_whose_tool_is_switched_off_is_not_offered(tmp_path: Path) -> None:
    async with connected("auto", tmp_path, lambda _uri: None, deny=(LISTEN,)) as client:
        offered = [resource.uri for resource in (await client.list_resources()).resources]

    assert offered == [CATALOGUE, "crm://interact/interact_push_sync_hints_listen"]


async def test_a_crm_that_cannot_be_heard_is_told_in_the_log_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    told = anyio.Event()
    waited = anyio.Event()
    real = Pipeline.call
    fails = iter([True])

    async def call(self: Pipeline, name: str, arguments: Any, caller: Caller) -> Any:
        if name == LISTEN and next(fails, False):
            raise Unavailable("The CRM's notifications could not be reached.")
        return await real(self, name, arguments, caller)

    async def sleep(seconds: float) -> None:
        assert seconds == 1.0
        waited.set()

    monkeypatch.setattr(Pipeline, "call", call)
    monkeypatch.setattr(feeds, "pause_before_retry", sleep)
    async with (
        connected("auto", tmp_path, lambda _uri: None) as client,
        subscribed(client, lambda _uri: told.set()),
    ):
        await waited.wait()
        await ring(client)
        with anyio.fail_after(20):
            await told.wait()

    assert f"{LISTEN}: not listening: The CRM's notifications could not be reached." in caplog.text
