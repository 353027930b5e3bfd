"""Stopping without cutting off a write between the yes and the record of its outcome."""

from collections.abc import Iterator
from contextlib import contextmanager
from math import inf

import anyio

from crm_mcp.errors import Refused


class Drain:
    """Counts the writes under way; once it closes none begins, and nobody is asked any more."""

    def __init__(self) -> None:
        self._under_way = 0
        self._closing = False
        self._questions: set[anyio.CancelScope] = set()
        self._ended = anyio.Event()
        self._last_end = -inf

    @contextmanager
    def write(self) -> Iterator[None]:
        """Be under way.

        Raises:
            Refused: the server is stopping, and nothing was sent.
        """
        with self._counted():
            yield

    @contextmanager
    def question(self) -> Iterator[None]:
        """Wait for a person's answer, until the server stops.

        Raises:
            Refused: the server is stopping, and nothing was sent.
        """
        with self._counted(), anyio.CancelScope() as scope:
            self._questions.add(scope)
            try:
                yield
            finally:
                self._questions.remove(scope)
        if scope.cancelled_caught:
            raise _stopping()

    async def close(self, leave: float = 0.0) -> None:
        """Let no further write begin, and wait until those under way have ended.

        Args:
            leave: seconds that the answer of the last one has to leave.
        """
        self._closing = True
        for scope in self._questions:
            scope.cancel()
        while self._under_way:
            self._ended = anyio.Event()
            await self._ended.wait()
        await anyio.sleep_until(self._last_end + leave)

    @contextmanager
    def _counted(self) -> Iterator[None]:
        if self._closing:
            raise _stopping()
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1
            self._last_end = anyio.current_time()
            self._ended.set()


def _stopping() -> Refused:
    return Refused(
        "This server is stopping. Nothing was sent.",
        hint="Make the same call once more in a minute.",
    )
