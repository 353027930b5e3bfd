"""Bounds of every request: how its headers may stand, how slow it may come, how many at once."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

import anyio
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from crm_mcp.service.answers import answer
from crm_mcp.service.callers import NARROWING, caller_name

HEADER_SECONDS = 10.0
BODY_SECONDS = 30.0
MAX_HEADER_BYTES = 32_768
_CLOSE = {"connection": "close"}
_ONCE = frozenset(
    {
        b"authorization",
        b"content-length",
        b"content-type",
        b"host",
        b"mcp-method",
        b"mcp-name",
        b"mcp-protocol-version",
        b"mcp-session-id",
        b"origin",
        b"transfer-encoding",
        *(name.encode() for name in NARROWING),
    }
)


class PatientProtocol(H11Protocol):
    """Hangs up where the headers of a request do not come within their time.

    The server's own limits begin once a request is read whole.
    """

    unread: Callable[[str], Awaitable[None]] | None = None
    """Is told from where something came that is no HTTP."""
    _late: asyncio.TimerHandle | None = None
    _telling: asyncio.Future[None] | None = None

    def send_400_response(self, msg: str) -> None:
        """Refuse what cannot be read, and tell it."""
        if self.unread is not None:
            peer = self.client[0] if self.client else ""
            self._telling = asyncio.ensure_future(self.unread(peer))
        super().send_400_response(msg)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Go on waiting until a request is there; a new one on an old line has its own time."""
        super().data_received(data)
        if self._is_served() and self._late is not None:
            self._late.cancel()
            self._late = None
        elif not self._is_served():
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        if self._late is not None:
            self._late.cancel()
        super().connection_lost(exc)

    def _is_served(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _wait(self) -> None:
        if self._late is None:
            self._late = self.loop.call_later(HEADER_SECONDS, self._hang_up)

    def _hang_up(self) -> None:
        if not self._is_served() and not self.transport.is_closing():
            self.transport.close()


class Bounds:
    """Refuses what two readers could read otherwise, and everything once the server stops.

    Args:
        app: what is behind it.
        is_stopping: whether new requests are still taken.
    """

    def __init__(self, app: ASGIApp, is_stopping: Callable[[], bool]) -> None:
        self._app = app
        self._is_stopping = is_stopping

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer 400, 431 or 503."""
        if self._is_stopping():
            return await answer(503, "stopping", {"retry-after": "5"})(scope, receive, send)
        # The parser bounds only what comes in parts.
        if sum(len(name) + len(value) for name, value in scope["headers"]) > MAX_HEADER_BYTES:
            return await answer(431, "headers_too_large")(scope, receive, send)
        if _is_ambiguous(scope):
            return await answer(400, "ambiguous_headers")(scope, receive, send)
        return await self._app(scope, receive, send)


def _is_ambiguous(scope: Scope) -> bool:
    counted = Counter(name.lower() for name, _ in scope["headers"])
    both = {b"content-length", b"transfer-encoding"} <= counted.keys()
    return both or any(counted[name] > 1 for name in _ONCE)


class WholeBody:
    """Reads a request's body before anything is made of it, within its time and its size."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        self._app = app
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on with its body, or answer 408 or 413."""
        body: Message | None = None
        try:
            with anyio.fail_after(BODY_SECONDS):
                body = await self._read(receive)
        except TimeoutError:
            return await answer(408, "too_slow", _CLOSE)(scope, receive, send)
        if body is None:
            return await answer(413, "too_large", _CLOSE)(scope, receive, send)
        if body["type"] != "http.request":  # the client has gone
            return None
        messages = [body]

        async def replay() -> Message:
            return messages.pop() if messages else await receive()

        return await self._app(scope, replay, send)

    async def _read(self, receive: Receive) -> Message | None:
        """Read all parts as one; None where they are more than there may be."""
        whole = bytearray()
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return message
            whole += message.get("body", b"")
            if len(whole) > self._most:
                return None
            if not message.get("more_body", False):
                return {"type": "http.request", "body": bytes(whole), "more_body": False}


class Turns:
    """Serves so many requests of one caller at the same time, so that none takes all room.

    Streams on which a client only listens do not count.
    """

    def __init__(self, app: ASGIApp, most: int) -> None:
        self._app = app
        self._most = most
        self._busy: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer 429."""
        caller = caller_name(scope)
        if scope["method"] != "POST":
            return await self._app(scope, receive, send)
        if self._busy[caller] >= self._most:
            return await answer(429, "too_many_requests", {"retry-after": "1"})(
                scope, receive, send
            )
        self._busy[caller] += 1
        try:
            return await self._app(scope, receive, send)
        finally:
            self._busy[caller] -= 1
            if not self._busy[caller]:
                del self._busy[caller]
