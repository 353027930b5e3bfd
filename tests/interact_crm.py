"""A made-up interact on a mocked wire: it knows its sessions and notes what it is asked."""

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import partial
from typing import Any

import anyio
import httpx
import pytest
from wire import Line, connected

from crm_mcp.errors import ToolFailure
from crm_mcp.operation import Operation
from crm_mcp.vendors.base import Reply
from crm_mcp.vendors.interact import Interact
from crm_mcp.vendors.interact.auth import SessionAuth
from crm_mcp.vendors.interact.settings import InteractSettings

BASE = "https://crm.example.com/v2"
SOCKET = "https://crm.example.com/interact-server/socket"
USER, PASSWORD = "m4rker-user@example.com", 'm4rker-pässword"/+'
TOKEN, TRIGGER = "m4rker-token-", "m4rker+trigger/token="
LIFE = 1800.0
EPOCH = 1_700_000_000
WRONG = 94010200401001
EXPIRED = 94010100401001


def settings(**changes: Any) -> InteractSettings:
    given = {"base_url": BASE, "username": USER, "password": PASSWORD, "rate": 10_000}
    return InteractSettings.model_validate({**given, **changes})


@dataclass
class Clock:
    """Seconds since some moment; they pass when a test says so."""

    seconds: float = 5000.0

    def __call__(self) -> float:
        return self.seconds


@dataclass
class TimedInteract(Interact):
    """interact with a clock of the test's own."""

    clock: Clock

    def auth(self, settings: Any) -> SessionAuth:
        return SessionAuth(settings, self.clock, lambda: self.clock() + EPOCH)


def refusal(status: int = 401, code: int = EXPIRED) -> httpx.Response:
    return httpx.Response(status, json={"code": status, "error": code, "devmsg": "no way"})


Answer = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


@dataclass
class Held:
    """A request that is under way, and when it may go on."""

    arrived: anyio.Event = field(default_factory=anyio.Event)
    go_on: anyio.Event = field(default_factory=anyio.Event)


@dataclass
class Crm:
    """Answers as interact does; `planned` answers come before its own."""

    clock: Clock
    planned: list[Answer] = field(default_factory=list)
    planned_logins: list[Answer] = field(default_factory=list)
    valid: set[str] = field(default_factory=set)
    seen: list[httpx.Request] = field(default_factory=list)
    held: dict[str, Held] = field(default_factory=dict)
    made: int = 0
    grant: Mapping[str, Any] | None = None

    async def answer(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(_snapshot(request))
        assert str(request.url).startswith((f"{BASE}/", SOCKET))
        await anyio.lowlevel.checkpoint()  # as any wire, it lets others run meanwhile
        name = request.url.path.removeprefix("/v2/")
        if held := self.held.pop(name, None):
            held.arrived.set()
            await held.go_on.wait()
        planned = self.planned_logins if name == "login" else self.planned
        if planned:
            return _played(planned.pop(0), request)
        if name == "login":
            return self.log_in()
        if name == "logout":
            self.valid.discard(json.loads(request.content)["authToken"])
            return httpx.Response(200, json={"code": 200, "devmsg": "success"})
        known = request.headers.get("authToken") in self.valid
        open_to_all = "triggerToken" in request.headers or b"resetPwd" in request.url.query
        return httpx.Response(200, json=[name]) if known or open_to_all else refusal()

    def log_in(self) -> httpx.Response:
        self.made += 1
        token = f"{TOKEN}{self.made}"
        self.valid.add(token)
        now = self.clock() + EPOCH
        grant = self.grant or {"authToken": token, "expires": int((now + LIFE) * 1000)}
        body = {"user": {"id": 1, "active": True, "email": "a@example.com"}, "token": grant}
        return httpx.Response(200, json=body, headers={"date": formatdate(now, usegmt=True)})

    def names(self) -> list[str]:
        """List what was asked, in order."""
        return [request.url.path.removeprefix("/v2/") for request in self.seen]

    def tokens(self, header: str = "authToken") -> list[str | None]:
        """List the tokens of all requests but logins."""
        calls = [request for request in self.seen if request.url.path != "/v2/login"]
        return [request.headers.get(header) for request in calls]


def _snapshot(request: httpx.Request) -> httpx.Request:
    """Keep a request as it stands: one that is sent again gets another token."""
    return httpx.Request(
        request.method, request.url, headers=request.headers.raw, content=request.content
    )


def _played(answer: Answer, request: httpx.Request) -> httpx.Response:
    if isinstance(answer, Exception):
        raise answer
    return answer if isinstance(answer, httpx.Response) else answer(request)


def operation(name: str, method: str, path: str, effect: str = "read", **parts: Any) -> Operation:
    """Make an operation with nothing but what the wire needs."""
    return Operation.model_validate(
        {
            "vendor": "interact",
            "toolset": "tests",
            "name": f"interact_{name}",
            "title": "Do something",
            "description": "Does something with interact in tests.",
            "effect": effect,
            "source": {"document": "x", "line": 1, "section": "x", "evidence": "documented"},
            "inputSchema": {"type": "object", "properties": {}, "additionalProperties": False},
            "request": {"method": method, "path": path, **parts.pop("request", {})},
            "response": {"data": ""},
            **parts,
        }
    )


READ = operation("tags_list", "GET", "/tags")
WRITE = operation("notes_create", "PUT", "/notes", "create")
DELETE = operation("notes_delete", "DELETE", "/notes/4", "delete")
ACTION = operation("contacts_merge", "POST", "/contacts", "action")
EVENT = operation("events_trigger", "PUT", "/interactions", "create")
RESET = operation(
    "passwords_reset", "POST", "/myAccount", "action", request={"const": {"query:cmd": "resetPwd"}}
)
CHANGE = operation(
    "passwords_change",
    "POST",
    "/myAccount",
    "action",
    request={"const": {"query:cmd": "changePwd"}},
)
LOGIN = operation("auth_login", "POST", "/login", "action", traits=["session"])
LOGOUT = operation("auth_logout", "POST", "/logout", "action", traits=["session"])


ANY_EFFECT = pytest.mark.parametrize("operation", [READ, WRITE, DELETE, ACTION])


def body(request: httpx.Request) -> Any:
    return json.loads(request.content)


async def failed(line: Line, operation: Operation) -> ToolFailure:
    with pytest.raises(ToolFailure) as caught:
        await line.send(operation)
    return caught.value


def meeting(crm: Crm, **changes: Any) -> AbstractAsyncContextManager[Line]:
    """Connect a client that has not logged in yet."""
    # A transport of its own: the usual one takes most of a test's time to read certificates.
    transport = httpx.MockTransport(crm.answer)
    given = settings(concurrency=64, **changes)
    return connected(TimedInteract(crm.clock), given, transport=transport)


async def sent_at_once(line: Line, operation: Operation, times: int) -> list[Reply | ToolFailure]:
    """Send the same call many times at once; what each brought, in no order."""
    brought: list[Reply | ToolFailure] = []

    async def one() -> None:
        try:
            brought.append(await line.send(operation))
        except ToolFailure as failure:
            brought.append(failure)

    async with anyio.create_task_group() as calls:
        for _ in range(times):
            calls.start_soon(partial(one))
    return brought
