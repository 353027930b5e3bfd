"""Serve the product with the fixtures over its own HTTP; the first line printed is the address."""

import logging
import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

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

PROXY = Path(__file__).parent.parent / "deploy" / "haproxy.cfg"
KEY = secrets.token_urlsafe(32)


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


async def main(replicas: int) -> None:
    """Serve until the process is ended; several replicas stand behind the proxy of `deploy`."""
    logging.basicConfig(level=logging.WARNING)
    sandbox, bus, events = Sandbox(load_catalogue()), InMemorySubscriptionBus(), KeptEvents()
    with TemporaryDirectory(prefix="crm-mcp-") as folder, ExitStack() as open_ones:
        listeners = [open_ones.enter_context(listening()) for _ in range(replicas)]
        ports = [listener.getsockname()[1] for listener in listeners]
        async with anyio.create_task_group() as tasks:
            for listener in listeners:
                serve = partial(replica, Path(folder), sandbox, bus, events, listener)
                tasks.start_soon(serve)
            port = open_ones.enter_context(proxied(ports)) if replicas > 1 else ports[0]
            print(f"http://localhost:{port}{PATH}", flush=True)
            with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as told:
                await anext(aiter(told))
            for server in Server.running:
                server.should_exit = True


class Server(uvicorn.Server):
    """Leaves signals to the one who runs several."""

    running: ClassVar[list["Server"]] = []

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.running.append(self)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Do nothing about them."""
        yield


async def replica(
    folder: Path,
    sandbox: Sandbox,
    bus: InMemorySubscriptionBus,
    events: KeptEvents,
    listener: socket.socket,
) -> None:
    """Serve the product with the fixtures at one port; all replicas share one state."""
    general = General.model_validate({"state_dir": folder, "mode": "unattended"})
    http = ServiceSettings.model_validate({"anyone": True, "state_key": KEY})
    settings = sandbox_settings(Settings(general=general, http=http), sandbox, SANDBOX_ORIGIN)
    async with open_app(settings, load_catalogue(), sandbox) as app:
        server = build_server(app, bus, identify)
        mount(server, bus)
        asgi = service_app(app, bool, server, events)
        config = uvicorn.Config(asgi, log_level="warning", timeout_graceful_shutdown=1)
        await Server(config).serve([listener])


@contextmanager
def listening() -> Iterator[socket.socket]:
    """Take a free port."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener


@contextmanager
def proxied(ports: list[int]) -> Iterator[int]:
    """Run the proxy of `deploy` before the replicas; gives its port."""
    with listening() as free:
        port: int = free.getsockname()[1]
    addresses = {f"CRM_{n}": f"127.0.0.1:{one}" for n, one in enumerate(ports, 1)}
    environment = os.environ | addresses | {"CRM_LISTEN": f"127.0.0.1:{port}"}
    command = ["haproxy", "-db", "-f", str(PROXY)]
    proxy = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    try:
        yield port
    finally:
        proxy.terminate()
        proxy.wait(timeout=10)


if __name__ == "__main__":
    anyio.run(main, int(sys.argv[1]) if len(sys.argv) > 1 else 1)
