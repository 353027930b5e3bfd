"""Stopping without cutting off a write between the yes and the record of its outcome."""

from collections.abc import Iterator
from contextlib import contextmanager

import anyio

from crm_mcp.errors import Refused


class Drain:
    """Counts the writes under way; once it closes, none begins."""

    def __init__(self) -> None:
        self._under_way = 0
        self._closing = False
        self._ended = anyio.Event()

    @contextmanager
    def write(self) -> Iterator[None]:
        """Be under way.

        Raises:
            Refused: the server is stopping, and nothing was sent.
        """
        if self._closing:
            raise Refused(
                "This server is stopping. Nothing was sent.",
                hint="Make the same call once more in a minute.",
            )
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1
            self._ended.set()

    async def close(self) -> None:
        """Let no further write begin, and wait until those under way have ended."""
        self._closing = True
        while self._under_way:
            self._ended = anyio.Event()
            await self._ended.wait()
