"""The service on a real loopback socket, with callers who have tokens."""

import signal
import socket
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from crm_mcp.access import Access
from crm_mcp.app import SANDBOX_ORIGIN, App, load_catalogue, open_app, sandbox_settings
from crm_mcp.commands.serve_http import DrainingServer
from crm_mcp.commands.setup import listen
from crm_mcp.config import AccountSettings, General, Settings
from crm_mcp.sandbox.app import Sandbox
from crm_mcp.service.tokens import hashed
from crm_mcp.service_settings import ServiceSettings
from crm_mcp.testing import Person, dialog

SCOPES = {
    "anna": ["crm:read", "crm:write"],
    "ben": ["crm:read", "crm:write"],
    "reader": ["crm:read"],
    "five": ["crm:read:fivecrm"],
    "nobody": ["crm:read"],
    "boss": ["crm:approve"],
    "cashier": ["crm:approve:cirrus"],
}
APPROVER = "a-test-token-of-anna-for-approvals-that-is-long-enough"
GROUPS = {"ben": "support", "five": "support"}
HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "t", "version": "1"},
    },
}
TOKENS = {name: f"a-test-token-of-{name}-that-is-long-enough" for name in SCOPES}


def approver_line(name: str, token: str = APPROVER) -> str:
    """Write a second token of a caller, for approvals alone."""
    return f'[[caller]]\nname = "{name}"\nhash = "{hashed(token)}"\nscopes = ["crm:approve"]\n'


def token_lines(*names: str, scopes: Mapping[str, list[str]] = SCOPES, expires: str = "") -> str:
    """Write the token file for these callers."""
    blocks = []
    for name in names:
        listed = ", ".join(f'"{scope}"' for scope in scopes[name])
        block = f'[[caller]]\nname = "{name}"\nhash = "{hashed(TOKENS[name])}"\nscopes = [{listed}]'
        if name in GROUPS:
            block += f'\ngroups = ["{GROUPS[name]}"]'
        blocks.append(f"{block}\nexpires = {expires}\n" if expires else f"{block}\n")
    return "\n".join(blocks)


class AnnouncedService(DrainingServer):
    """Says when it listens."""

    def __init__(self, app: App, ready: threading.Event) -> None:
        super().__init__(app)
        self._ready = ready

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        self._ready.set()


@dataclass
class Service:
    """A running service, what stands behind it, and its record."""

    folder: Path
    settings: Settings
    sandbox: Any
    origin: str = ""
    app: App = field(init=False)
    server: DrainingServer = field(init=False)
    is_stopped: bool = False
    ready: threading.Event = field(default_factory=threading.Event)

    @property
    def tokens(self) -> Path:
        return self.folder / "tokens.toml"

    @property
    def url(self) -> str:
        return f"{self.origin}/mcp"

    def events(self, event: str) -> list[dict[str, Any]]:
        """Read the lines of one kind from the record."""
        return [line for line in self.app.audit.lines() if line["event"] == event]

    async def run(self, listener: socket.socket) -> None:
        """Serve until the server is told to stop."""
        async with open_app(self.settings, load_catalogue(), self.sandbox) as self.app:
            self.server = AnnouncedService(self.app, self.ready)
            await self.server.run_at(listener)

    def stop(self) -> None:
        """Tell it to stop, as one signal does; a second one would not wait."""
        if not self.is_stopped:
            self.is_stopped = True
            self.server.handle_exit(signal.SIGTERM, None)

    @asynccontextmanager
    async def client(
        self,
        name: str,
        mode: str = "auto",
        person: Person | None = None,
        transport: httpx2.AsyncBaseTransport | None = None,
        wishes: Mapping[str, str] | None = None,
    ) -> AsyncIterator[Client]:
        """Connect one of the callers, who may narrow what they see."""
        narrowing = {f"x-crm-{name}": value for name, value in (wishes or {}).items()}
        headers = {"authorization": f"Bearer {TOKENS[name]}", **narrowing}
        async with (
            httpx2.AsyncClient(headers=headers, timeout=30, transport=transport) as http,
            Client(
                streamable_http_client(self.url, http_client=http),
                mode=mode,
                elicitation_callback=dialog(person) if person else None,
            ) as client,
        ):
            yield client


@contextmanager
def serving_service(
    folder: Path,
    sandbox: Sandbox | None = None,
    *,
    general: Any = None,
    accounts: Mapping[str, AccountSettings] | None = None,
    access: Mapping[str, Any] | None = None,
    **http: Any,
) -> Iterator[Service]:
    """Run a service in a thread while the block runs.

    Args:
        folder: of its state and its token file.
        sandbox: the CRMs behind it.
        general: general settings that differ.
        accounts: named ones, to be reached over the network instead of an embedded sandbox.
        access: tables that say who may use them.
        http: settings of the service; by default it has the token file of all callers.
    """
    tokens = folder / "tokens.toml"
    if not http:
        lines = token_lines(*SCOPES) + "\n" + approver_line("anna")
        tokens.write_text(lines, encoding="utf-8")
        http = {"tokens": tokens}
    told = {"state_dir": folder / "state", "min_answer_seconds": 0.0, **(general or {})}
    settings = Settings(
        general=General.model_validate(told),
        http=ServiceSettings.model_validate(http),
        named=accounts or {},
        access={name: Access.model_validate(table) for name, table in (access or {}).items()},
    )
    if accounts is None:
        sandbox = sandbox or Sandbox(load_catalogue())
        settings = sandbox_settings(settings, sandbox, SANDBOX_ORIGIN)
    service = Service(folder, settings, sandbox)
    with listen("127.0.0.1", 0) as listener:
        service.origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread = threading.Thread(target=anyio.run, args=(service.run, listener), daemon=True)
        thread.start()
        assert service.ready.wait(timeout=30)
        yield service
        service.stop()
        thread.join(timeout=30)
        assert not thread.is_alive()
