"""A server over the sandbox whose requests can be read, for tests of what reaches the CRM."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import httpx
from mcp import Client

from crm_mcp.app import SANDBOX_ORIGIN, App, load_catalogue, open_app, sandbox_settings
from crm_mcp.config import General, Settings
from crm_mcp.sandbox.app import Sandbox
from crm_mcp.server import build_server
from crm_mcp.testing import Person, dialog

KEY = "kJ2-n0t-4-real-key_for-tests-0nly"
POLICIES = ("off", "mask", "token")


class Overheard(Sandbox):
    """The sandbox, and every request as it arrived: its path, query and body, decoded."""

    def __init__(self) -> None:
        super().__init__(load_catalogue())
        self.heard: list[str] = []

    def transport(self) -> httpx.AsyncBaseTransport:
        return _Listening(super().transport(), self.heard)

    @property
    def writes(self) -> int:
        return sum(seen.changed for seen in self.log)


@dataclass
class _Listening(httpx.AsyncBaseTransport):
    inner: httpx.AsyncBaseTransport
    heard: list[str]

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        body = await request.aread()
        # As it is sent: the text of an address may hide its query.
        self.heard.append(unquote_plus(f"{request.url.raw_path.decode()} {body.decode()}"))
        return await self.inner.handle_async_request(request)


def settings_of(sandbox: Sandbox, folder: Path, policy: str, **general: Any) -> Settings:
    """Connect all stand-ins, as fast as they can."""
    given = {"state_dir": folder, "mode": "unattended", "personal_data": policy, **general}
    chosen = General.model_validate({"personal_data_key": KEY, **given})
    settings = sandbox_settings(Settings(general=chosen), sandbox, SANDBOX_ORIGIN)
    fast = {
        name: vendor.model_copy(update={"rate": 100_000.0})
        for name, vendor in settings.vendors.items()
    }
    return settings.model_copy(update={"vendors": fast})


@dataclass(frozen=True)
class Session:
    """A client, and the app that it talks to."""

    client: Client
    app: App

    async def call(self, name: str, **arguments: Any) -> dict[str, Any]:
        """Make a call; the text of its result says the same as the structure that is given."""
        result = await self.client.call_tool(name, arguments)
        content: dict[str, Any] = result.structured_content or {}
        (text,) = result.content
        assert json.loads(getattr(text, "text", "")) == content
        return content


@asynccontextmanager
async def connected(
    policy: str,
    folder: Path,
    sandbox: Sandbox,
    *,
    person: Person | None = None,
    protocol: str = "auto",
    **general: Any,
) -> AsyncIterator[Session]:
    """Connect an MCP client to a server with this policy for personal data."""
    # The dialogs of a test are answered at once, by somebody who reads them.
    quick = {"min_answer_seconds": 0, **general}
    settings = settings_of(sandbox, folder, policy, **quick)
    async with (
        open_app(settings, load_catalogue(), sandbox) as app,
        Client(
            build_server(app),
            mode=protocol,
            elicitation_callback=dialog(person) if person else None,
        ) as client,
    ):
        yield Session(client, app)
