"""Client programs that answer their dialogs in some way, at a clock that they may turn."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from mcp import Client
from mcp_types import CallToolResult, ElicitResult, Implementation

from crm_mcp.app import (
    SANDBOX_ORIGIN,
    App,
    Catalogue,
    load_catalogue,
    open_app,
    sandbox_settings,
)
from crm_mcp.clients import Program
from crm_mcp.config import General, Settings
from crm_mcp.sandbox.app import Sandbox
from crm_mcp.selftest import TITLE
from crm_mcp.server import build_server
from crm_mcp.testing import dialog
from crm_mcp.watch import Watch

ERAS = ("auto", "legacy")
WRITE = "fivecrm_customer_products_import"
GOOD = [("desk 1.0", "asks_a_person")]
BAD = [("desk 1.0", "answers_by_itself")]
PRODUCT = {"account": "1", "product": "Oak desk", "manufacturer": "Woodworks"}
IMPORT: dict[str, Any] = {"area": "001", "customerProducts": [{**PRODUCT, "reference": "T-1"}]}
TWO: dict[str, Any] = {
    **IMPORT,
    "customerProducts": [{**PRODUCT, "reference": f"T-{n}"} for n in (1, 2)],
}

Content = dict[str, Any] | None
Answer = Callable[[Any], Content]
"""Makes the content of an accepted form from what was asked."""


class Clock:
    """A clock that stands still until somebody takes their time."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def is_test(params: Any) -> bool:
    return bool(params.message.startswith(TITLE))


async def chosen(params: Any) -> dict[str, Any]:
    """Choose as the text of a test says."""
    answer = await dialog(lambda _: "approve")(None, params)  # type: ignore[arg-type]
    assert isinstance(answer, ElicitResult)
    assert answer.content
    return dict(answer.content)


@dataclass
class Dialogs:
    """The dialogs of one client: by default a person reads, takes their time, and approves.

    `in_test` and `in_question` answer instead of the person, after these seconds too.
    """

    clock: Clock
    in_test: Answer | None = None
    in_question: Answer | None = None
    seconds: float = 5.0
    asked: list[str] = field(default_factory=list)

    async def __call__(self, _context: object, params: Any) -> ElicitResult:
        self.asked.append("test" if is_test(params) else "question")
        self.clock.now += self.seconds
        answer = self.in_test if is_test(params) else self.in_question
        content = answer(params) if answer else await chosen(params)
        return ElicitResult(action="accept", content=content)


@dataclass(frozen=True)
class Scene:
    """A server over a sandbox, with a clock for answers that only moves when it is turned."""

    app: App
    sandbox: Sandbox
    clock: Clock

    def dialogs(self, **how: Any) -> Dialogs:
        """Make the dialogs of a client that answer at this clock."""
        return Dialogs(self.clock, **how)

    def connect(
        self, dialogs: Any, era: str = "auto", program: tuple[str, str] = ("desk", "1.0")
    ) -> Client:
        """Connect a client program that shows its forms in these dialogs."""
        info = Implementation(name=program[0], version=program[1])
        server = build_server(self.app)
        return Client(server, mode=era, elicitation_callback=dialogs, client_info=info)

    async def call(
        self,
        era: str,
        dialogs: Any,
        arguments: Any = IMPORT,
        program: tuple[str, str] = ("desk", "1.0"),
    ) -> CallToolResult:
        """Call the write through a client of its own."""
        async with self.connect(dialogs, era, program) as client:
            return await client.call_tool(WRITE, arguments)

    def trust(self, name: str = "desk", version: str = "1.0") -> None:
        """Let a client have passed the test."""
        self.app.clients.trust(Program(name, version, "local"), "it passed the test")

    @property
    def sent(self) -> list[str]:
        """List what was sent beside the reads that tell a person the names of ids."""
        return [seen.operation for seen in self.sandbox.log if seen.effect != "read"]

    @property
    def writes(self) -> int:
        return sum(seen.changed for seen in self.sandbox.log)

    @property
    def verdicts(self) -> list[tuple[str, str]]:
        """The verdicts in the record: which program, and what."""
        lines = [line for line in self.app.audit.lines() if line["event"] == "client_verdict"]
        return [(line["program"], line["verdict"]) for line in lines]


@cache
def catalogue() -> Catalogue:
    """The operations of all vendors, read once."""
    return load_catalogue()


def hurried(settings: Settings) -> Settings:
    """Let no account make a test wait for its pace."""
    vendors = {
        name: vendor.model_copy(update={"rate": 10_000.0})
        for name, vendor in settings.vendors.items()
    }
    return settings.model_copy(update={"vendors": vendors})


@asynccontextmanager
async def set_up(folder: Path, **general: Any) -> AsyncIterator[Scene]:
    """Open a server on this state folder."""
    sandbox, clock = Sandbox(catalogue()), Clock()
    given = Settings(general=General.model_validate({"state_dir": folder, **general}))
    connected = hurried(sandbox_settings(given, sandbox, SANDBOX_ORIGIN))
    async with open_app(connected, catalogue(), sandbox) as app:
        watch = Watch(app.clients, app.audit, given.general.min_answer_seconds, clock)
        yield Scene(replace(app, watch=watch), sandbox, clock)


def kind(result: CallToolResult) -> Any:
    """Give the kind of an error, or the status of a write."""
    assert result.structured_content is not None
    return result.structured_content.get("error") or result.structured_content["status"]
