"""A made-up Cirrus and its login service on a mocked wire; each notes what it is asked."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qs

import anyio
import httpx
from interact_crm import Clock, Held
from wire import Line, connected

from crm_mcp.app import App, open_app
from crm_mcp.client import VendorClient
from crm_mcp.config import General, Settings
from crm_mcp.operation import Operation
from crm_mcp.vendors.cirrus import Cirrus
from crm_mcp.vendors.cirrus.oauth import ClientAuth
from crm_mcp.vendors.cirrus.settings import CirrusSettings

BASE = "https://cirrus.example.com/api"
TOKEN_URL = "https://login.example.com/oauth/token"
CLIENT, CLIENT_SECRET = "m4rker client:ä", 'm4rker-client-secret/+"ä'
TOKEN = "m4rker-token-"
LIFE = 3600

Answer = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


def settings(**given: Any) -> CirrusSettings:
    return CirrusSettings.model_validate({"base_url": BASE, "rate": 10_000, **given})


def client_settings(**changes: Any) -> CirrusSettings:
    client = {"client_id": CLIENT, "client_secret": CLIENT_SECRET, "token_url": TOKEN_URL}
    return settings(**client | changes)


@dataclass
class TimedCirrus(Cirrus):
    """Cirrus with a clock of the test's own."""

    clock: Clock

    def auth(self, settings: Any) -> httpx.Auth:
        if settings.client_id is None:
            return super().auth(settings)
        return ClientAuth(settings, self.clock)


@dataclass
class Crm:
    """Knows the tokens that its login service gave; `planned` answers come before its own."""

    planned: list[Answer] = field(default_factory=list)
    planned_logins: list[Answer] = field(default_factory=list)
    valid: set[str] = field(default_factory=set)
    seen: list[httpx.Request] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    made: int = 0
    told: dict[str, Any] = field(default_factory=lambda: {"expires_in": LIFE})

    async def answer(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(
            httpx.Request(
                request.method, request.url, headers=request.headers.raw, content=request.content
            )
        )
        await anyio.lowlevel.checkpoint()  # as any wire, it lets others run meanwhile
        if str(request.url) == TOKEN_URL:
            if self.held:
                held = self.held.pop()
                held.arrived.set()
                await held.go_on.wait()
            return _played(self.planned_logins, request) or self.log_in()
        assert str(request.url).startswith(f"{BASE}/"), "no other address is ever called"
        known = request.headers.get("authorization", "").removeprefix("Bearer ") in self.valid
        own = httpx.Response(200, json=[]) if known else httpx.Response(401, json={"message": "no"})
        return _played(self.planned, request) or own

    def log_in(self) -> httpx.Response:
        self.made += 1
        token = f"{TOKEN}{self.made}"
        self.valid.add(token)
        body = {"access_token": token, "token_type": "Bearer", **self.told}
        return httpx.Response(200, json=body)

    @property
    def logins(self) -> list[httpx.Request]:
        return [request for request in self.seen if str(request.url) == TOKEN_URL]

    @property
    def calls(self) -> list[httpx.Request]:
        return [request for request in self.seen if str(request.url) != TOKEN_URL]

    def bearers(self) -> list[str | None]:
        return [request.headers.get("authorization") for request in self.calls]


def _played(planned: list[Answer], request: httpx.Request) -> httpx.Response | None:
    answer = planned.pop(0) if planned else None
    if isinstance(answer, Exception):
        raise answer
    return answer(request) if callable(answer) else answer


def form(request: httpx.Request) -> dict[str, list[str]]:
    return parse_qs(request.content.decode(), strict_parsing=True)


def meeting(
    crm: Crm, clock: Clock, given: CirrusSettings | None = None
) -> AbstractAsyncContextManager[Line]:
    """Connect a client that has no token of its own yet."""
    # A transport of its own: the usual one takes most of a test's time to read certificates.
    transport = httpx.MockTransport(crm.answer)
    return connected(TimedCirrus(clock), given or client_settings(), transport=transport)


@asynccontextmanager
async def opened(
    folder: Path,
    crm: Crm,
    operations: list[Operation],
    given: CirrusSettings | None = None,
    **general: Any,
) -> AsyncIterator[App]:
    """Open all of a server on these operations, with this CRM in the place of the network."""
    connected = {"cirrus": given or settings(token="m4rker-x-token")}
    parts = {"state_dir": folder / "state", "toolsets": ("all",), **general}
    whole = Settings(general=General.model_validate(parts), vendors=connected)
    transport = httpx.MockTransport(crm.answer)

    def mocked(*parts: Any, **named: Any) -> VendorClient:
        return VendorClient(*parts, **named | {"transport": transport, "sleep": _at_once})

    with patch("crm_mcp.client.VendorClient", mocked):
        async with open_app(whole, {"cirrus": tuple(operations)}) as app:
            yield app


async def _at_once(_: float) -> None:
    """Wait for nothing."""


def operation(name: str, method: str, path: str, effect: str = "read", **parts: Any) -> Operation:
    """Make an operation with nothing but what the wire needs; `{id}` in its path is an argument."""
    evidence = parts.pop("evidence", "inferred-strong")
    given = {"id": {"type": "integer"}} if "{id}" in path else {}
    schema = {"properties": given, "required": list(given), "additionalProperties": False}
    return Operation.model_validate(
        {
            "vendor": "cirrus",
            "toolset": "tests",
            "name": f"cirrus_{name}",
            "title": "Do something",
            "description": "Does something with Cirrus in tests.",
            "effect": effect,
            "source": {"document": "x", "line": 1, "section": "x", "evidence": evidence},
            "inputSchema": {"type": "object", **schema},
            "request": {"method": method, "path": path, "bind": dict.fromkeys(given, "path")},
            "response": {"data": ""},
            **parts,
        }
    )


READ = operation("tags_list", "GET", "/tags")
WRITE = operation("notes_create", "POST", "/notes", "create")
