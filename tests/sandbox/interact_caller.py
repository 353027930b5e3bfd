"""Calls the interact stand-in the way the engine does, and ways that it never would."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

import httpx

from crm_mcp.bind import bind
from crm_mcp.loader import load_vendor, schemas_root
from crm_mcp.operation import Operation
from crm_mcp.sandbox.app import Sandbox
from crm_mcp.sandbox.interact import InteractStandIn
from crm_mcp.sandbox.interact.errors import Action, Realm, What
from crm_mcp.sandbox.interact.push import Mailbox

ORIGIN = "http://sandbox.localhost"
OWEN = {"username": "owen@tidewell.example.com", "password": "sandbox-password-of-owen"}
PHONE = "sandbox-phone-of-maya"
UNSAID = 1001
VERSION_CONFLICT = 4003

Row = dict[str, Any]


@cache
def operations() -> Mapping[str, Operation]:
    """The real operation files."""
    return {entry.name: entry for entry in load_vendor(schemas_root(), "interact")}


def new_sandbox() -> Sandbox:
    """A sandbox with interact alone."""
    return Sandbox({"interact": tuple(operations().values())})


def code(what: What, action: Action, realm: Realm, detail: int = UNSAID) -> int:
    """Compose an error code by the four groups of the document."""
    return ((what * 1000 + action) * 1000 + realm) * 10_000 + detail


class Caller:
    """A client of one sandbox that has logged in."""

    def __init__(self, sandbox: Sandbox, http: httpx.AsyncClient) -> None:
        self.sandbox = sandbox
        self.settings = sandbox.settings("interact", ORIGIN)
        self.http = http
        self.token = ""

    async def log_in(self, **other: str) -> httpx.Response:
        """Begin a session, as Maya or as somebody else."""
        names = ("username", "password", "scope")
        body = {name: self.settings[name] for name in names} | other
        reply = await self.raw("POST", "/login", json=body)
        self.token = reply.json().get("token", {}).get("authToken", "")
        return reply

    async def send(self, name: str, arguments: Mapping[str, Any]) -> httpx.Response:
        """Call an operation by the engine's own binding, with the secret that it asks for."""
        spec = bind(operations()[name], arguments)
        headers = {"content-type": "application/json", **dict(spec.headers)}
        if name == "interact_events_trigger":
            headers["triggerToken"] = self.settings["trigger_token"]
        elif self.token:
            headers["authToken"] = self.token
        address = self.settings["base_url"] + spec.target
        return await self.http.request(
            spec.method, address, content=(spec.json or "").encode(), headers=headers
        )

    async def call(self, name: str, /, **arguments: Any) -> Any:
        """Call an operation and read the JSON of its success."""
        reply = await self.send(name, arguments)
        assert reply.status_code in (200, 201), reply.text
        return reply.json()

    async def made(self, name: str, /, **arguments: Any) -> Row:
        """Call an operation that makes or changes something, and read the whole of it."""
        reply: Row = await self.call(name, **arguments)
        assert (reply["code"], reply["devmsg"]) in ((200, "success"), (201, "success"))
        entity: Row = reply["entity"]
        return entity

    async def refusal(self, name: str, /, **arguments: Any) -> tuple[int, int]:
        """Call an operation and read the HTTP status and the code of its refusal."""
        return refused(await self.send(name, arguments))

    async def raw(self, method: str, path: str, **request: Any) -> httpx.Response:
        """Send what no binding would make; the token only if it is among the headers."""
        return await self.http.request(method, self.settings["base_url"] + path, **request)

    async def authorised(self, method: str, path: str, **request: Any) -> httpx.Response:
        """Send what no binding would make, with the token."""
        return await self.raw(method, path, headers={"authToken": self.token}, **request)

    @property
    def stand_in(self) -> InteractStandIn:
        """The stand-in itself, for what no call shows."""
        found = self.sandbox.stand_in("interact")
        assert isinstance(found, InteractStandIn)
        return found

    def connect(self, device: str = PHONE) -> Mailbox:
        """Connect a device to be pushed to; gives its messages."""
        return self.stand_in.connect(device, self.token)

    async def contact(self, name: str) -> Row:
        """Find one of the user's contacts by its name."""
        contacts: list[Row] = (await self.call("interact_contacts_list"))["data"]
        (found,) = (contact for contact in contacts if name == display_name(contact))
        return found


def display_name(contact: Row) -> str:
    """Name a contact as a person would."""
    names = (contact.get(key) for key in ("organizationName", "firstName", "lastName"))
    return " ".join(filter(None, names))


def refused(reply: httpx.Response) -> tuple[int, int]:
    """Read the HTTP status and the code of a refusal."""
    body = reply.json()
    assert set(body) == {"code", "error", "devmsg"}, reply.text
    assert (body["code"], len(str(body["error"]))) == (reply.status_code, 14)
    return reply.status_code, body["error"]


@asynccontextmanager
async def logged_in(sandbox: Sandbox | None = None, /, **other: str) -> AsyncIterator[Caller]:
    """Open a client that has logged in to a sandbox, a new one unless it is given."""
    sandbox = sandbox or new_sandbox()
    async with httpx.AsyncClient(transport=sandbox.transport()) as http:
        caller = Caller(sandbox, http)
        await caller.log_in(**other)
        yield caller
