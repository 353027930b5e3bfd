"""Step 6c: listening at a vendor's websocket, for a bounded time or number of messages.

A connection that breaks is opened again until the time is over; what the vendor pushed meanwhile
is not seen. Messages are collected as they come, and read like the answer to any other request.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

import anyio

from crm_mcp.errors import Unavailable
from crm_mcp.request import RequestSpec

MAX_MESSAGE_BYTES = 65_536
FIRST_WAIT, LONGEST_WAIT = 0.25, 5.0
FIRST_ATTEMPTS = 3


class LostError(Exception):
    """A connection could not be opened."""


class Socket(Protocol):
    """An open connection that only speaks to us."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers with which it began."""
        ...

    async def receive(self) -> str | None:
        """Wait for the next message; None says that the connection is gone."""
        ...


Connect = Callable[[], AbstractAsyncContextManager[Socket]]


async def _ignore(_: Any) -> None:
    """Take notice of nothing."""


@dataclass(frozen=True, slots=True)
class Ear:
    """Who hears what happens while somebody listens.

    `report` is told in words that the connection stands, and how many messages came; `heard` gets
    each message as it comes.
    """

    report: Callable[[str], Awaitable[None]] = _ignore
    heard: Callable[[Any], Awaitable[None]] = _ignore


DEAF = Ear()


@dataclass(frozen=True)
class Wanted:
    """What to collect: messages that have `key`, so many at most, for so long at most."""

    key: str
    seconds: float = 30.0
    count: int = 10

    @classmethod
    def of(cls, spec: RequestSpec) -> Self:
        """Read it from the part of a request that is not sent."""
        local = dict(spec.local)
        seconds = float(local.get("seconds", cls.seconds))
        return cls(local["key"], seconds, int(local.get("count", cls.count)))


@dataclass
class _Heard:
    messages: list[Any] = field(default_factory=list)
    connected: bool = False
    end: float = 0.0


async def collect(
    connect: Connect,
    wanted: Wanted,
    ear: Ear,
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
) -> list[Any]:
    """Collect messages until there are enough, or the time is over.

    Args:
        connect: opens one connection, and raises LostError where it cannot.
        wanted: which messages, how many, for how long.
        ear: hears of each message as it comes.
        sleep: waits so many seconds before the next attempt.

    Raises:
        Unavailable: no connection could ever be opened.
    """
    heard, failures = _Heard(), 0
    heard.end = anyio.current_time() + wanted.seconds
    while anyio.current_time() < heard.end:
        try:
            async with connect() as socket:
                failures = 0
                if await _receive(socket, wanted, heard, ear):
                    break
        except LostError:
            if not heard.connected and failures + 1 == FIRST_ATTEMPTS:
                break
        failures += 1
        await sleep(min(FIRST_WAIT * 2**failures, LONGEST_WAIT))
    if not heard.connected:
        raise Unavailable(
            "The CRM's notifications could not be reached.",
            hint="Try again later; if it stays, tell the operator.",
        )
    return heard.messages


async def _receive(socket: Socket, wanted: Wanted, heard: _Heard, ear: Ear) -> bool:
    """Collect from one connection; tells whether that is all, or the time is over."""
    await ear.report("listening" if not heard.connected else "listening again")
    heard.connected = True
    while len(heard.messages) < wanted.count:
        # The time ends the waiting and not the connection, which then closes in its own way.
        text = None
        with anyio.move_on_at(heard.end) as waiting:
            text = await socket.receive()
        if waiting.cancelled_caught:
            return True
        if text is None:
            return False
        message = _read(text)
        if isinstance(message, dict) and wanted.key in message:
            heard.messages.append(message)
            await ear.heard(message)
            await ear.report(f"{len(heard.messages)} of at most {wanted.count} notifications")
    return True


def _read(text: str) -> Any:
    """Read one message; what is no JSON is nobody's notification."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
