"""The sandbox on a real loopback socket, for tests where the wire or another process matters."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from crm_mcp.sandbox.app import Sandbox


class AnnouncedServer(uvicorn.Server):
    """Says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = threading.Event()

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        self.listening.set()


@contextmanager
def serving(sandbox: Sandbox) -> Iterator[str]:
    """Serve a sandbox on a free port while the block runs; gives its origin."""
    config = uvicorn.Config(
        sandbox.app, port=0, log_config=None, log_level="critical", lifespan="off", ws="wsproto"
    )
    server = AnnouncedServer(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    assert server.listening.wait(timeout=20)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(timeout=20)
    assert not thread.is_alive()
