"""Listening: bounded in time and number, opened again when it breaks, and only what was asked."""

import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import anyio
import pytest

from crm_mcp.errors import Unavailable
from crm_mcp.listening import FIRST_ATTEMPTS, Ear, LostError, Wanted, collect
from crm_mcp.request import RequestSpec

pytestmark = pytest.mark.anyio

CALL = {"interactionId": 7, "type": "call-incoming"}
BREAKS = object()
HINT = {"message": "cloud synchronization recommended", "lastSyncTime": 1}


class Line:
    """A vendor that connects, speaks and breaks as told; stays silent at the end."""

    def __init__(self, *connections: Iterable[Any] | None) -> None:
        self._connections = iter(connections)
        self.reports: list[str] = []
        self.heard: list[Any] = []
        self.waits: list[float] = []
        self.closed = 0
        self.headers: dict[str, str] = {}

    @asynccontextmanager
    async def connect(self) -> AsyncIterator["Line"]:
        messages = next(self._connections, ())
        if messages is None:
            raise LostError
        self._messages = iter(messages)
        try:
            yield self
        finally:
            self.closed += 1

    async def receive(self) -> str | None:
        message = next(self._messages, None)
        if message is None:
            await anyio.sleep_forever()
        if message is BREAKS:
            return None
        return message if isinstance(message, str) else json.dumps(message)

    async def report(self, text: str) -> None:
        self.reports.append(text)

    async def hear(self, message: Any) -> None:
        self.heard.append(message)

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)

    async def collect(self, count: int, seconds: float = 30) -> list[Any]:
        wanted = Wanted("interactionId", seconds, count)
        return await collect(self.connect, wanted, Ear(self.report, self.hear), self.sleep)


async def test_messages_of_the_wanted_kind_are_collected_up_to_their_number() -> None:
    line = Line([CALL, HINT, CALL | {"interactionId": 8}, CALL])

    assert await line.collect(2) == [CALL, CALL | {"interactionId": 8}]
    assert line.reports == [
        "listening",
        "1 of at most 2 notifications",
        "2 of at most 2 notifications",
    ]
    assert line.heard == [CALL, CALL | {"interactionId": 8}]
    assert line.closed == 1


async def test_when_the_time_is_over_what_came_is_told() -> None:
    assert await Line([CALL]).collect(5, seconds=0.05) == [CALL]


async def test_silence_is_an_empty_list_and_no_error() -> None:
    assert await Line([]).collect(1, seconds=0.05) == []


@pytest.mark.parametrize("noise", ["no JSON", "[" * 100_000, "[1]", '"interactionId"', "7", "null"])
async def test_what_is_no_notification_is_passed_over(noise: str) -> None:
    assert await Line([noise, CALL]).collect(1) == [CALL]


async def test_a_connection_that_breaks_is_opened_again() -> None:
    line = Line([CALL, BREAKS], None, None, None, [BREAKS], [CALL])

    assert await line.collect(2) == [CALL, CALL]
    assert line.waits == [0.5, 1.0, 2.0, 4.0, 0.5]
    assert line.reports.count("listening again") == 2


async def test_the_wait_between_attempts_has_an_upper_bound() -> None:
    line = Line([BREAKS], *[None] * 20, [CALL])

    assert await line.collect(1) == [CALL]
    assert max(line.waits) == 5.0


async def test_a_vendor_that_never_answers_is_unavailable_after_a_few_attempts() -> None:
    line = Line(*[None] * 100)

    with pytest.raises(Unavailable, match="could not be reached"):
        await line.collect(1)

    assert len(line.waits) == FIRST_ATTEMPTS - 1


async def test_cancelling_closes_the_connection() -> None:
    line = Line([])

    with anyio.CancelScope() as scope:
        scope.deadline = anyio.current_time() + 0.05
        await line.collect(1)

    assert scope.cancelled_caught
    assert line.closed == 1


def test_what_to_collect_is_read_from_the_part_that_is_not_sent() -> None:
    key = ("key", "lastSyncTime")
    spec = RequestSpec("interact", "listen", "WS", "/socket", local=(key,))
    other = replace(spec, local=(key, ("seconds", "5"), ("count", "3")))

    assert Wanted.of(spec) == Wanted("lastSyncTime", 30.0, 10)
    assert Wanted.of(other) == Wanted("lastSyncTime", 5.0, 3)
