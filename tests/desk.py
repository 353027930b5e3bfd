"""A desk: an MCP client at a sandbox on a real socket, and a person who reads before each yes."""

import io
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from mcp import Client

from crm_mcp.app import App, load_catalogue, open_app, sandbox_settings
from crm_mcp.commands import terminal
from crm_mcp.commands.undo import undo
from crm_mcp.config import General, Settings
from crm_mcp.sandbox.app import Sandbox
from crm_mcp.server import build_server
from crm_mcp.testing import Decision, dialog

if TYPE_CHECKING:
    from crm_mcp.commands.setup import Setup


class Desk:
    """A client, and a person beside it who says yes only to what tells all they were told of."""

    def __init__(self, vendor: str) -> None:
        self.client: Client
        self.app: App
        self._vendor = vendor
        self._expected: tuple[str, ...] = ()
        self._missed: list[list[str]] = []
        """For each question since the last call: the expected lines that it did not have."""

    def answer(self, preview: str) -> Decision:
        lines = {line.strip() for line in preview.splitlines()}
        missed = [line for line in self._expected if line not in lines]
        self._missed.append(missed)
        return "reject" if missed else "approve"

    async def read(self, tool: str, **arguments: Any) -> Any:
        """Read something; nobody is asked."""
        data = (await self._call(tool, arguments, fails=False))["data"]
        assert self._missed == []
        return data

    async def misses(self, tool: str, **arguments: Any) -> None:
        """Read something that is not there."""
        assert (await self._call(tool, arguments, fails=True))["error"] == "not_found"

    async def page_by_page(self, tool: str, **arguments: Any) -> list[list[Any]]:
        """Read a list with the arguments that each page gives for the next one."""
        pages = []
        following: Any = arguments
        while following:
            result = await self._call(tool, following, fails=False)
            pages.append(result["data"])
            following = result["page"].get("next")
        return pages

    async def row(self, tool: str, **arguments: Any) -> Any:
        (row,) = await self.read(tool, **arguments)
        return row

    async def write(
        self, tool: str, told: Sequence[str], *, fails: bool = False, **arguments: Any
    ) -> dict[str, Any]:
        """Write something, after one preview that has all these lines; gives the whole result."""
        self._expected = tuple(told)
        result = await self._call(tool, arguments, fails=fails)
        assert self._missed == [[]]
        return result

    async def made(self, tool: str, told: Sequence[str], **arguments: Any) -> Any:
        """Write something, and give the one row that tells of it."""
        result = await self.write(tool, told, **arguments)
        assert result["status"] == "done"
        (row,) = result["data"]
        return row

    async def _call(
        self, tool: str, arguments: Mapping[str, Any], *, fails: bool
    ) -> dict[str, Any]:
        self._missed.clear()
        result = await self.client.call_tool(f"{self._vendor}_{tool}", dict(arguments))
        assert result.structured_content is not None
        assert result.is_error is fails, (self._missed, result.structured_content)
        return dict(result.structured_content)


@asynccontextmanager
async def at_desk(vendor: str, state: Path, sandbox: Sandbox, origin: str) -> AsyncIterator[Desk]:
    """Sit down with a fresh record of what was asked and written."""
    desk = Desk(vendor)
    # The person is a function, and quicker than anybody.
    general = General.model_validate({"state_dir": state, "min_answer_seconds": 0.0})
    settings = sandbox_settings(Settings(general=general), sandbox, origin)
    async with (
        open_app(settings, load_catalogue()) as desk.app,
        Client(build_server(desk.app), elicitation_callback=dialog(desk.answer)) as desk.client,
    ):
        yield desk


Undo = Callable[[App, int, str], Awaitable[str]]


def undoing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Undo:
    """Run `crm-mcp undo` beside the server, and type a word; gives what the person read."""

    async def run(app: App, number: int, word: str) -> str:
        @asynccontextmanager
        async def opened() -> AsyncIterator[App]:
            yield app

        monkeypatch.setattr(terminal, "is_terminal", lambda: True)
        monkeypatch.setattr(sys, "stdin", io.StringIO(f"{word}\n"))
        await undo(cast("Setup", SimpleNamespace(settings=app.settings, open=opened)), number)
        printed = capsys.readouterr()
        assert json.loads(printed.out)["status"] == "done"
        return printed.err

    return run
