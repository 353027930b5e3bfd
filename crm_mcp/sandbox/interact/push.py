"""What interact.io pushes to a device: a queue of messages for each, to be taken or waited for."""

from collections import deque

import anyio

from crm_mcp.sandbox.interact.wire import Row

_MOST = 100
_HINT = "cloud synchronization recommended"


class Mailbox:
    """The messages for one device, oldest first.

    More patient than the document: there only a device that is connected gets a message, here
    the last hundred wait for it, so that one client can cause an event and then listen.
    """

    def __init__(self) -> None:
        self._messages: deque[Row] = deque(maxlen=_MOST)
        self._arrived: anyio.Event | None = None

    def put(self, message: Row) -> None:
        """Add a message, and wake whoever waits."""
        self._messages.append(message)
        event, self._arrived = self._arrived, None
        if event:
            event.set()

    def hint(self, last_sync: int) -> None:
        """Recommend a synchronisation, unless that already waits to be read."""
        if not any("lastSyncTime" in message for message in self._messages):
            self.put({"message": _HINT, "lastSyncTime": last_sync})

    def forget_hints(self) -> None:
        """Drop the hints that a synchronisation has made idle."""
        kept = [message for message in self._messages if "lastSyncTime" not in message]
        self._messages = deque(kept, maxlen=_MOST)

    def take(self) -> tuple[Row, ...]:
        """Give all that is there, and keep none of it."""
        taken = tuple(self._messages)
        self._messages.clear()
        return taken

    async def wait(self) -> Row:
        """Give the next message as soon as there is one."""
        while not self._messages:
            self._arrived = self._arrived or anyio.Event()
            await self._arrived.wait()
        return self._messages.popleft()
