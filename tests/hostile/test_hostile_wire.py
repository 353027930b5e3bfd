"""A hostile server on a real socket: every answer ends in bounds, and no write goes twice."""

import gzip
import time
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import anyio
import pytest
from anyio.abc import SocketAttribute, SocketStream
from corpus import Entry, entries
from operations import CASES
from wire import FIVE, SPELLINGS, Line, connected

from crm_mcp import client
from crm_mcp.bind import bind
from crm_mcp.errors import (
    RateLimited,
    ToolFailure,
    Unavailable,
    UnknownOutcome,
    UnreadableReply,
)
from crm_mcp.operation import Operation
from crm_mcp.redact import Redactor
from crm_mcp.respond import Outcome, respond
from crm_mcp.vendors.base import VendorSettings
from crm_mcp.vendors.fivecrm import VENDOR

pytestmark = pytest.mark.anyio

OK = b'HTTP/1.1 200 OK\r\nContent-Length: 31\r\n\r\n{"STATUS":"success","AREAS":[]}'
END = b"hash=s3cret%2F%2B%C3%A4"
AREA = "fivecrm_areas_get"
SECONDS = 5.0

Answer = Callable[[SocketStream], Awaitable[None]]


@dataclass
class Server:
    """A server that answers as it is told, and counts."""

    answer: Answer
    requests: int = 0
    connections: int = 0

    async def serve(self, stream: SocketStream) -> None:
        self.connections += 1
        async with stream:
            try:
                while True:
                    await self._read(stream)
                    self.requests += 1
                    await self.answer(stream)
            except (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
                return

    @staticmethod
    async def _read(stream: SocketStream) -> None:
        received = b""
        while not received.endswith(END):
            received += await stream.receive()


@asynccontextmanager
async def listening(serve: Answer) -> AsyncIterator[VendorSettings]:
    """Listen on a free port; gives the settings that lead there."""
    async with (
        await anyio.create_tcp_listener(local_host="127.0.0.1") as listener,
        anyio.create_task_group() as serving,
    ):
        serving.start_soon(listener.serve, serve)
        port = listener.extra(SocketAttribute.local_port)  # noqa: S610 - no SQL here
        yield FIVE.model_copy(update={"base_url": f"http://127.0.0.1:{port}/fivecrm"})
        serving.cancel_scope.cancel()


@asynccontextmanager
async def served(answer: Answer, seconds: float = SECONDS) -> AsyncIterator[tuple[Server, Line]]:
    """Run a server, and a client that is connected to it."""
    server = Server(answer)
    async with (
        listening(server.serve) as settings,
        connected(settings=settings, seconds=seconds) as line,
    ):
        yield server, line


def saying(raw: bytes, *, closes: bool = False) -> Answer:
    async def answer(stream: SocketStream) -> None:
        await stream.send(raw)
        if closes:
            await stream.aclose()

    return answer


def raw(entry: Entry) -> bytes:
    return entry.text.encode("latin-1")


READ = next(case.operation for case in CASES if case.operation.name == "fivecrm_areas_list")
EFFECTS = {
    effect: READ.model_copy(update={"effect": effect}) for effect in ("create", "action", "read")
}

# What each kind of answer means, for a read and for a write.
MEANS: dict[str, tuple[type[ToolFailure] | None, type[ToolFailure] | None]] = {
    "success": (None, None),
    "lost": (Unavailable, UnknownOutcome),
    "unreadable": (UnreadableReply, UnknownOutcome),
    "redirect": (Unavailable, UnknownOutcome),
    "failed": (Unavailable, UnknownOutcome),
    "busy": (Unavailable, UnknownOutcome),
    "limited": (RateLimited, RateLimited),
}


# What goes again: a read while the CRM is busy, and after "too many" what cannot have happened.
ATTEMPTS = {
    ("busy", "read"): {3},
    ("limited", "read"): {1, 3},
    ("limited", "create"): {1, 3},
}


async def outcome(line: Line, operation: Operation) -> Outcome | ToolFailure:
    try:
        reply = await line.send(operation)
        return respond(operation, VENDOR, reply, {}, Redactor())
    except ToolFailure as failure:
        return failure


@pytest.mark.parametrize("kind", MEANS)
async def test_every_answer_has_its_meaning_and_no_write_goes_twice(kind: str) -> None:
    found = [one for one in entries("wire") if one.more["answer"] == kind]
    async with served(saying(OK)) as (server, line):
        # The one that would be taken for the next answer comes last.
        for entry in sorted(found, key=lambda one: one.name.startswith("a second answer")):
            try:
                await assert_meaning(server, line, entry)
            except BaseException as error:
                error.add_note(f"with the entry {entry}")
                raise

    assert max(line.waits, default=0) <= 30


async def assert_meaning(server: Server, line: Line, entry: Entry) -> None:
    kind = str(entry.more["answer"])
    hostile = saying(raw(entry), closes=bool(entry.more.get("closes")))
    began = time.perf_counter()
    for effect, operation in EFFECTS.items():
        server.answer, server.requests = hostile, 0
        found = await outcome(line, operation)
        attempts = server.requests
        server.answer = saying(OK)
        after = await outcome(line, EFFECTS["create"])

        assert type(found) is (MEANS[kind][operation.is_write] or Outcome)
        assert attempts in ATTEMPTS.get((kind, effect), {1})
        assert isinstance(after, Outcome)
        assert (after.data, after.status) == ([], "done")
        assert not [one for one in SPELLINGS if one in str(found)]
    assert time.perf_counter() - began < SECONDS


async def test_a_redirect_is_told_as_one_whatever_its_address_says() -> None:
    redirects = [one for one in entries("wire") if one.more["answer"] == "redirect"]
    async with served(saying(OK)) as (server, line):
        for entry in redirects:
            server.answer = saying(raw(entry))
            found = await outcome(line, READ)
            assert isinstance(found, Unavailable)
            assert "redirect (HTTP 30" in found.message

    assert server.requests == len(redirects) > 9


async def test_what_stands_behind_an_answer_is_not_the_answer_to_a_write() -> None:
    smuggled = b'HTTP/1.1 200 OK\r\nContent-Length: 35\r\n\r\n{"STATUS":"success","AREAS":["x"]} '
    async with served(saying(OK + smuggled)) as (server, line):
        await outcome(line, READ)
        server.answer = saying(b"HTTP/1.1 500 Failed\r\nContent-Length: 0\r\n\r\n")
        found = await outcome(line, EFFECTS["create"])
        again = await outcome(line, EFFECTS["create"])

    assert (type(found), type(again)) == (UnknownOutcome, UnknownOutcome)
    assert (server.requests, server.connections) == (3, 3)


async def test_a_bomb_takes_neither_time_nor_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "MAX_REPLY_BYTES", 1_000_000)
    bomb = gzip.compress(bytes(100_000_000), 1)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(bomb)}\r\n\r\n"
    tracemalloc.start()
    try:
        async with served(saying(head.encode() + bomb)) as (_, line):
            tracemalloc.reset_peak()
            found = await outcome(line, READ)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert isinstance(found, UnreadableReply)
    assert peak - len(bomb) < 100_000_000


@pytest.mark.parametrize(
    ("head", "piece"),
    [
        (b"HTTP/1.1 200 OK\r\n", b"X-More: a\r\n" * 1_000),
        (b"HTTP/1.1 200 OK\r\nX-Long: ", b"a" * 10_000),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"2710\r\n" + b"a" * 10_000 + b"\r\n",
        ),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"a" * 10_000),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 400),
        (b"", b"\r\n" * 5_000),
    ],
    ids=["headers", "a header", "chunks", "a body", "interim answers", "line ends"],
)
@pytest.mark.parametrize("effect", ["read", "create"])
async def test_what_never_ends_is_ended(
    monkeypatch: pytest.MonkeyPatch, head: bytes, piece: bytes, effect: str
) -> None:
    monkeypatch.setattr(client, "MAX_REPLY_BYTES", 100_000)
    monkeypatch.setattr(client, "CONNECT_SECONDS", 0.2)

    async def endless(stream: SocketStream) -> None:
        await stream.send(head)
        while True:
            await stream.send(piece)

    began = time.perf_counter()
    async with served(endless, seconds=0.2) as (server, line):
        found = await outcome(line, EFFECTS[effect])

    usual = (Unavailable, UnreadableReply) if effect == "read" else (UnknownOutcome,)
    assert isinstance(found, usual)
    assert server.requests == 1
    assert time.perf_counter() - began < SECONDS


async def test_no_cookie_is_kept() -> None:
    cookies = b"".join(b"Set-Cookie: c%d=x; Max-Age=9999\r\n" % number for number in range(500))
    plain = OK.partition(b"\r\n")
    async with served(saying(plain[0] + b"\r\n" + cookies + plain[2])) as (_, line):
        await outcome(line, READ)
        kept = [len(pool.cookies.jar) for pool in (line.client._reads, line.client._writes)]  # noqa: SLF001

    assert kept == [0, 0]


async def test_on_a_real_socket_a_second_request_in_an_argument_is_a_part_of_the_first() -> None:
    received = b""

    async def answer(stream: SocketStream) -> None:
        nonlocal received
        async with stream:
            while not received.endswith(END):
                received += await stream.receive()
            await stream.send(OK)

    smuggled = "x\r\nHost: evil.example\r\n\r\nGET /admin HTTP/1.1\r\n\r\n"
    operation = next(case.operation for case in CASES if case.operation.name == AREA)
    async with listening(answer) as settings, connected(settings=settings) as line:
        await line.send(operation, bind(operation, {"area": smuggled}))

    assert received.count(b" HTTP/1.1\r\n") == 1
    assert received.count(b"\r\n\r\n") == 1
    assert received.lower().count(b"\r\nhost: ") == 1
    assert b"evil.example" in received.partition(b" HTTP/1.1\r\n")[0]
