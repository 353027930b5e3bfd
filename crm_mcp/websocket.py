"""A vendor's websocket, opened like any request: by a pinned address, credentials joined last."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus

import httpx
from httpx_ws import AsyncWebSocketSession, HTTPXWSException, WebSocketUpgradeError, aconnect_ws

from crm_mcp.listening import MAX_MESSAGE_BYTES, LostError
from crm_mcp.vendors.base import NoAnswerError, Reading, Reply

ATTEMPTS = 2


def headers_of(response: httpx.Response | None) -> dict[str, str]:
    """Read the headers of an answer, their names in lower case."""
    return {name.lower(): value for name, value in response.headers.items()} if response else {}


class WebSocket:
    """An open connection, as far as listening needs it."""

    def __init__(self, session: AsyncWebSocketSession) -> None:
        self._session = session
        self.headers = headers_of(session.response)

    async def receive(self) -> str | None:
        """Wait for the next message; None says that the connection is gone."""
        try:
            return await self._session.receive_text()
        except HTTPXWSException:
            return None


@dataclass(frozen=True)
class Door:
    """Where the websockets of one client open.

    Args:
        make_http: gives an HTTP client for one connection.
        auth: joins the credentials.
        prepare: gives a request what `auth` joins; asked again, what it gave has been refused.
        read: tells the vendor's refusals apart.
    """

    make_http: Callable[[], httpx.AsyncClient]
    auth: httpx.Auth
    prepare: Callable[[httpx.Request], Awaitable[None]]
    read: Callable[[Reply], Reading]

    @asynccontextmanager
    async def connect(self, request: httpx.Request) -> AsyncIterator[WebSocket]:
        """Open one connection for as long as the block runs; once more with a new session.

        Raises:
            LostError: there was no answer.
            ToolFailure: the vendor refused, or there is no session.
        """
        reply = None
        for _ in range(ATTEMPTS):
            await self._prepared(request)
            attempt = _Attempt(self.auth, request)
            async with self.make_http() as http, attempt.opened(http) as socket:
                if socket is not None:
                    yield socket
            if attempt.succeeded:
                return
            reply = attempt.refusal
            if reply is None or reply.status != HTTPStatus.UNAUTHORIZED:
                break
        if reply is not None:
            self.read(reply)
        raise LostError

    async def _prepared(self, request: httpx.Request) -> None:
        try:
            await self.prepare(request)
        except NoAnswerError as error:
            raise LostError from error


@dataclass
class _Attempt:
    """One attempt to open a connection, and how it ended.

    It raises nothing: an error on the way out would come wrapped in groups by the task groups
    that stand between.
    """

    auth: httpx.Auth
    request: httpx.Request
    succeeded: bool = False
    refusal: Reply | None = None

    @asynccontextmanager
    async def opened(self, http: httpx.AsyncClient) -> AsyncIterator[WebSocket | None]:
        connecting: AbstractAsyncContextManager[AsyncWebSocketSession] = aconnect_ws(
            str(self.request.url),
            http,
            auth=self.auth,
            headers=dict(self.request.headers),
            extensions=self.request.extensions,
            max_message_size_bytes=MAX_MESSAGE_BYTES,
        )
        try:
            async with connecting as session:
                self.succeeded = True
                yield WebSocket(session)
        except WebSocketUpgradeError as refused:
            self.refusal = Reply(refused.response.status_code, headers_of(refused.response), b"")
        except (HTTPXWSException, httpx.RequestError):
            pass
        if not self.succeeded:
            yield None
