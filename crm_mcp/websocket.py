"""A vendor's websocket, opened like any request: by a pinned address, credentials joined last."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus

import httpx
from httpx_ws import AsyncWebSocketSession, HTTPXWSException, WebSocketUpgradeError, aconnect_ws

from crm_mcp.listening import MAX_MESSAGE_BYTES, LostError, Socket
from crm_mcp.vendors.base import NoAnswerError, Reading, Reply

ATTEMPTS = 2

Dial = Callable[[httpx.Request, httpx.Auth], AbstractAsyncContextManager[Socket | Reply]]
"""Asks for a websocket: a connection, or the vendor's refusal; LostError where none answers."""


class WebSocket:
    """An open connection, as far as listening needs it."""

    def __init__(self, session: AsyncWebSocketSession) -> None:
        self._session = session
        self.headers = _headers(session.response)

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
        dial: asks for one.
        auth: joins the credentials.
        prepare: gives a request what `auth` joins; asked again, what it gave has been refused.
        read: tells the vendor's refusals apart.
    """

    dial: Dial
    auth: httpx.Auth
    prepare: Callable[[httpx.Request], Awaitable[None]]
    read: Callable[[Reply], Reading]

    @asynccontextmanager
    async def connect(self, request: httpx.Request) -> AsyncIterator[Socket]:
        """Open one connection for as long as the block runs; once more with a new session.

        Raises:
            LostError: there was no answer.
            ToolFailure: the vendor refused, or there is no session.
        """
        for _ in range(ATTEMPTS):
            await self._prepared(request)
            async with self.dial(request, self.auth) as answer:
                if not isinstance(answer, Reply):
                    yield answer
                    return
                refusal = answer
            if refusal.status != HTTPStatus.UNAUTHORIZED:
                break
        self.read(refusal)
        raise LostError

    async def _prepared(self, request: httpx.Request) -> None:
        try:
            await self.prepare(request)
        except NoAnswerError as error:
            raise LostError from error


@asynccontextmanager
async def dial(
    http: httpx.AsyncClient, request: httpx.Request, auth: httpx.Auth
) -> AsyncIterator[Socket | Reply]:
    """Ask over the network.

    Raises:
        LostError: there was no answer.
    """
    connecting: AbstractAsyncContextManager[AsyncWebSocketSession] = aconnect_ws(
        str(request.url),
        http,
        auth=auth,
        headers=dict(request.headers),
        extensions=request.extensions,
        max_message_size_bytes=MAX_MESSAGE_BYTES,
    )
    served = False
    try:
        async with connecting as session:
            served = True
            yield WebSocket(session)
    except WebSocketUpgradeError as refused:
        yield Reply(refused.response.status_code, _headers(refused.response), b"")
    except (HTTPXWSException, httpx.RequestError) as error:
        if not served:  # a connection that ends badly has ended all the same
            raise LostError from error


def _headers(response: httpx.Response | None) -> dict[str, str]:
    """Read the headers of an answer, their names in lower case."""
    return {name.lower(): value for name, value in response.headers.items()} if response else {}
