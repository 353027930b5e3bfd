"""Serve the product with the fixtures over loopback HTTP; the first line printed is the address.

The transport is the SDK's, because the product itself speaks stdio.
"""

import logging
import socket
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
import uvicorn
from mcp.server.streamable_http import EventCallback, EventMessage, EventStore
from mcp.server.subscriptions import InMemorySubscriptionBus
from mcp_types import JSONRPCMessage

from conformance.fixtures import mount
from crm_mcp.app import SANDBOX_ORIGIN, load_catalogue, open_app, sandbox_settings
from crm_mcp.config import General, Settings
from crm_mcp.sandbox.app import Sandbox
from crm_mcp.server import build_server

RETRY_MS = 100
PATH = "/mcp"


class KeptEvents(EventStore):
    """All events of all streams, so that a client that was cut off can have the rest."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._events: dict[int, tuple[str, JSONRPCMessage | None]] = {}

    async def store_event(self, stream_id: str, message: JSONRPCMessage | None) -> str:
        """Keep one event; tells its number."""
        number = next(self._numbers)
        self._events[number] = (stream_id, message)
        return str(number)

    async def replay_events_after(
        self, last_event_id: str, send_callback: EventCallback
    ) -> str | None:
        """Send what came after an event on its stream; tells which stream that is."""
        last = int(last_event_id)
        if last not in self._events:
            return None
        stream = self._events[last][0]
        for number, (its_stream, message) in tuple(self._events.items()):
            if number > last and its_stream == stream and message is not None:
                await send_callback(EventMessage(message, str(number)))
        return stream


async def main() -> None:
    """Serve until the process is ended."""
    logging.basicConfig(level=logging.WARNING)
    catalogue = load_catalogue()
    sandbox = Sandbox(catalogue)
    bus = InMemorySubscriptionBus()
    with TemporaryDirectory(prefix="crm-mcp-") as folder, socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        general = General.model_validate({"state_dir": Path(folder), "mode": "unattended"})
        settings = sandbox_settings(Settings(general=general), sandbox, SANDBOX_ORIGIN)
        async with open_app(settings, catalogue, sandbox) as app:
            server = build_server(app, bus)
            mount(server, bus)
            http = server.streamable_http_app(
                streamable_http_path=PATH, event_store=KeptEvents(), retry_interval=RETRY_MS
            )
            config = uvicorn.Config(http, log_level="warning", timeout_graceful_shutdown=1)
            print(f"http://localhost:{listener.getsockname()[1]}{PATH}", flush=True)
            await uvicorn.Server(config).serve([listener])


if __name__ == "__main__":
    anyio.run(main)
