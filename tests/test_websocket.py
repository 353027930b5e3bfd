"""A vendor's websocket: opened with a session, refused in the vendor's words, and lost."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from sockets import serving
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

from crm_mcp.errors import AuthFailed, NotFound
from crm_mcp.listening import LostError, Socket
from crm_mcp.retry import Lost
from crm_mcp.vendors.base import NoAnswerError, Reading, Reply, http_failure
from crm_mcp.websocket import Door, dial

pytestmark = pytest.mark.anyio

REQUEST = httpx.Request("GET", "https://crm.example.com/socket")


def read(reply: Reply) -> Reading:
    if failure := http_failure(reply):
        raise failure
    return Reading(None)


class Post:
    """A vendor's door: answers each attempt as told, and counts what it was prepared for."""

    def __init__(self, *answers: Reply | Socket) -> None:
        self._answers = iter(answers)
        self.prepared = 0

    async def prepare(self, _: httpx.Request) -> None:
        self.prepared += 1

    @asynccontextmanager
    async def dial(self, _: httpx.Request, __: httpx.Auth) -> AsyncIterator[Socket | Reply]:
        yield next(self._answers)

    def door(self) -> Door:
        return Door(self.dial, httpx.Auth(), self.prepare, read)


class Open:
    headers = {"x-crm": "1"}  # noqa: RUF012 - read only

    async def receive(self) -> str | None:
        return "hello"


REFUSED = Reply(401, {}, b"")


async def test_a_session_that_is_refused_is_renewed_once() -> None:
    post = Post(REFUSED, Open())

    async with post.door().connect(REQUEST) as socket:
        assert await socket.receive() == "hello"

    assert post.prepared == 2


async def test_a_second_refusal_is_told() -> None:
    post = Post(REFUSED, REFUSED)

    with pytest.raises(AuthFailed):
        async with post.door().connect(REQUEST):
            pass

    assert post.prepared == 2


async def test_any_other_refusal_is_told_at_once() -> None:
    post = Post(Reply(404, {}, b""))

    with pytest.raises(NotFound):
        async with post.door().connect(REQUEST):
            pass

    assert post.prepared == 1


async def test_an_answer_that_is_neither_a_connection_nor_a_refusal_is_a_lost_one() -> None:
    with pytest.raises(LostError):
        async with Post(Reply(200, {}, b"")).door().connect(REQUEST):
            pass


async def test_without_a_session_there_is_no_connection() -> None:
    async def fail(_: httpx.Request) -> None:
        raise NoAnswerError(Lost.UNSENT.value)

    with pytest.raises(LostError):
        async with Door(Post().dial, httpx.Auth(), fail, read).connect(REQUEST):
            pass


async def say_one_word(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text("hello")
    await websocket.close()


async def refuse(websocket: WebSocket) -> None:
    await websocket.close()


CRM: Any = SimpleNamespace(
    app=Starlette(routes=[WebSocketRoute("/word", say_one_word), WebSocketRoute("/no", refuse)])
)


async def test_over_the_network_a_connection_speaks_until_it_is_gone() -> None:
    with serving(CRM) as origin:
        async with (
            httpx.AsyncClient() as http,
            dial(http, httpx.Request("GET", f"{origin}/word"), httpx.Auth()) as socket,
        ):
            assert not isinstance(socket, Reply)
            assert await socket.receive() == "hello"
            assert await socket.receive() is None


async def test_over_the_network_a_refusal_comes_with_its_status() -> None:
    with serving(CRM) as origin:
        async with (
            httpx.AsyncClient() as http,
            dial(http, httpx.Request("GET", f"{origin}/no"), httpx.Auth()) as refusal,
        ):
            assert isinstance(refusal, Reply)
            assert refusal.status == 403


async def test_where_nobody_answers_the_connection_is_lost() -> None:
    with serving(CRM) as origin:
        pass  # by now nobody listens there

    async with httpx.AsyncClient() as http:
        with pytest.raises(LostError):
            async with dial(http, httpx.Request("GET", f"{origin}/word"), httpx.Auth()):
                pass
