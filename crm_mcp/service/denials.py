"""Requests that were refused before they were calls: each is recorded, a flood of them bounded."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from anyio import to_thread
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from crm_mcp.audit import Audit
from crm_mcp.errors import StateError
from crm_mcp.preview import visible
from crm_mcp.service.callers import WHY, caller_name
from crm_mcp.telemetry import refused

REFUSED = frozenset({401, 403, 408, 413, 421, 429, 431, 503})
UNLESS_KNOWN = frozenset({400, 404, 405})
"""What the protocol also answers to a mistake of a caller; then it is no refusal."""
A_MINUTE = 60
MAX_TEXT = 100


class RefusalRecord:
    """Adds refused requests to the record: at most so many lines a minute.

    The next line tells how many were not written: else anybody who reaches the port could fill the
    disk.
    """

    def __init__(self, audit: Audit, clock: Callable[[], float] = time.monotonic) -> None:
        self._audit = audit
        self._clock = clock
        self._minute = 0
        self._written = 0
        self._left_out = 0

    async def add(self, status: int, peer: str, **facts: Any) -> None:
        """Add a line; where it cannot be written, the refusal itself stands."""
        refused(f"http_{status}")
        minute = int(self._clock() / 60)
        if minute != self._minute:
            self._minute, self._written = minute, 0
        if self._written >= A_MINUTE:
            self._left_out += 1
            return
        self._written += 1
        left_out, self._left_out = self._left_out, 0
        if left_out:
            facts["unrecorded"] = left_out
        facts["peer"] = visible(peer)[:MAX_TEXT]  # a proxy may pass on anything
        append = partial(self._audit.append, "denied", None, status=status, **facts)
        try:
            await to_thread.run_sync(append)
        except StateError:
            self._left_out += left_out + 1

    async def unread(self, peer: str) -> None:
        """Add a request that nobody could read, and that was therefore nobody's."""
        await self.add(400, peer, caller="", asked="what is no HTTP")


class Denials:
    """Records what was refused: who, from where, and with which answer; never a token."""

    def __init__(self, app: ASGIApp, record: RefusalRecord) -> None:
        self._app = app
        self._record = record

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and record a refusal before it is told."""

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start" and _is_refusal(scope, message["status"]):
                await self._add(scope, message["status"])
            await send(message)

        await self._app(scope, receive, watched)

    async def _add(self, scope: Scope, status: int) -> None:
        facts: dict[str, Any] = {
            "caller": caller_name(scope),
            "asked": visible(f"{scope['method']} {scope['path']}")[:MAX_TEXT],
        }
        if why := scope.get(WHY):
            facts["why"] = visible(why)[:MAX_TEXT]
        await self._record.add(status, (scope.get("client") or ("",))[0], **facts)


def _is_refusal(scope: Scope, status: int) -> bool:
    if status in REFUSED:
        return True
    names = {name for name, _ in scope["headers"]}
    return status in UNLESS_KNOWN and (not caller_name(scope) or b"mcp-session-id" in names)
