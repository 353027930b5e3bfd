"""Serve the product with the fixtures over its own HTTP; the first line printed is the address."""

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
from crm_mcp.service.app import service_app
from crm_mcp.service.callers import identify
from crm_mcp.service_settings import PATH, ServiceSettings


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
        settings = Settings(general=general, http=ServiceSettings(anyone=True))
        settings = sandbox_settings(settings, sandbox, SANDBOX_ORIGIN)
        async with open_app(settings, catalogue, sandbox) as app:
            server = build_server(app, bus, identify)
            mount(server, bus)
            http = service_app(app, bool, server, KeptEvents())
            config = uvicorn.Config(http, log_level="warning", timeout_graceful_shutdown=1)
            print(f"http://localhost:{listener.getsockname()[1]}{PATH}", flush=True)
            await uvicorn.Server(config).serve([listener])


if __name__ == "__main__":
    anyio.run(main)
