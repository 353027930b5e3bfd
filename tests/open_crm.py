"""CRMs that take everything: they grant each write, and answer as the golden examples say.

So nothing but our own guard stands between a call and a change; a write that was sent is counted.
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

from client_programs import hurried

from crm_mcp.app import SANDBOX_ORIGIN, App, open_app, sandbox_settings
from crm_mcp.config import General, Settings
from crm_mcp.confirm import Answer
from crm_mcp.golden import example_reply
from crm_mcp.ledger import Approval
from crm_mcp.loader import load_vendor, schemas_root, vendor_ids
from crm_mcp.operation import Operation
from crm_mcp.sandbox import stand_ins
from crm_mcp.sandbox.app import Sandbox
from crm_mcp.sandbox.base import Answer as Reply
from crm_mcp.sandbox.base import Call, StandIn

Catalogue = Mapping[str, tuple[Operation, ...]]


@cache
def catalogue() -> Catalogue:
    """The operations with their examples; each also goes by a former name."""
    root = schemas_root()
    return {
        vendor: tuple(
            one.model_copy(update={"aliases": (*one.aliases, former(one.name))})
            for one in load_vendor(root, vendor)
        )
        for vendor in vendor_ids(root)
    }


def former(name: str) -> str:
    return f"{name}_as_it_was"


@dataclass(frozen=True)
class Write:
    """One write of a CRM that has a stand-in, with the arguments of its first example."""

    operation: Operation
    arguments: Mapping[str, Any]

    @property
    def name(self) -> str:
        return self.operation.name


@cache
def writes() -> tuple[Write, ...]:
    """List every operation that a person is asked about."""
    asking = (one for vendor in stand_ins() for one in catalogue()[vendor] if one.asks)
    return tuple(Write(one, dict(one.examples[0].arguments)) for one in asking)


class Open(StandIn):
    """A CRM that takes everything; sessions are the business of the stand-in it replaces."""

    def __init__(self, usual: StandIn) -> None:
        self._usual = usual

    @property
    def credentials(self) -> Mapping[str, str]:  # type: ignore[override]
        return self._usual.credentials

    def answer(self, operation: Operation, call: Call) -> Reply:
        if "session" in operation.traits:
            return self._usual.answer(operation, call)
        reply = example_reply(operation.examples[0])
        return Reply(reply.content, reply.status, changed=operation.asks)

    def misfit(self, call: Call) -> Reply:
        return self._usual.misfit(call)


class OpenCrm(Sandbox):
    """All CRMs that have a stand-in, open to everything."""

    def __init__(self) -> None:
        with _opened():
            super().__init__(catalogue())

    @property
    def sent(self) -> list[str]:
        """Every request that was no read and opened no session, known or not."""
        own = {one.name for ones in catalogue().values() for one in ones if not one.asks}
        return [seen.operation for seen in self.log if seen.operation not in own]


@contextmanager
def _opened() -> Iterator[None]:
    usual = stand_ins()
    opened = {name: lambda make=make: Open(make()) for name, make in usual.items()}
    with patch("crm_mcp.sandbox.app.stand_ins", lambda: opened):
        yield


def settings_in(folder: Path, crm: Sandbox, **general: Any) -> Settings:
    """Connect all CRMs, and switch on every tool."""
    (folder / "files").mkdir(parents=True, exist_ok=True)
    everything = {"allow": (*(write.name for write in writes()), "*"), "max_bulk": 1_000}
    given = {"state_dir": folder / "state", **everything, "max_writes_per_hour": 100_000}
    given |= {"min_answer_seconds": 0, "toolsets": ("all",), **general}
    connected = Settings(general=General.model_validate(given))
    return hurried(sandbox_settings(connected, crm, SANDBOX_ORIGIN))


@asynccontextmanager
async def opened(folder: Path, crm: Sandbox, **general: Any) -> AsyncIterator[App]:
    """Open a server on this state folder over these CRMs."""
    async with open_app(settings_in(folder, crm, **general), catalogue(), crm) as app:
        yield app


@dataclass
class Person:
    """Somebody who is there and always answers the same."""

    answer: Answer = Answer.YES
    asked: int = 0
    can_ask: bool = True
    resumes: str | None = None

    async def ready(self) -> None:
        """Be there."""

    async def ask(self, _: Approval) -> Answer:
        self.asked += 1
        return self.answer
