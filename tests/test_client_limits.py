"""What bounds a client: the size of answers, calls under way at once, calls a second."""

import gzip
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

import anyio
import httpx
import pytest
import respx
from wire import FIVE, OK, Line, connected

from crm_mcp import client
from crm_mcp.client import Pace
from crm_mcp.errors import Unavailable, UnknownOutcome, UnreadableReply
from crm_mcp.operation import Operation


@pytest.fixture(scope="session")
def read(five: Mapping[str, Operation]) -> Operation:
    return five["fivecrm_areas_list"]


@pytest.fixture(scope="session", params=["read", "create"])
def operation(read: Operation, request: pytest.FixtureRequest) -> Operation:
    """Give the same request as a read and as a write."""
    return read.model_copy(update={"effect": request.param})


@dataclass
class Parts(httpx.AsyncByteStream):
    """A body that comes in parts and knows how many of them were taken."""

    parts: list[bytes]
    taken: int = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self.parts:
            self.taken += 1
            yield part


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bound answers to 1000 bytes."""
    monkeypatch.setattr(client, "MAX_REPLY_BYTES", 1000)


@pytest.mark.anyio
@pytest.mark.usefixtures("small")
async def test_an_answer_may_be_as_large_as_the_limit(
    line: Line, crm: respx.Route, read: Operation
) -> None:
    crm.return_value = httpx.Response(200, stream=Parts([b"x" * 400, b"x" * 600]))

    assert (await line.send(read)).content == b"x" * 1000


@pytest.mark.anyio
@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("compressed", [False, True])
async def test_an_answer_beyond_the_limit_is_left_unread(
    line: Line, crm: respx.Route, operation: Operation, *, compressed: bool
) -> None:
    body = gzip.compress(b"x" * 2_000_000) if compressed else b"x" * 2_000
    stream = Parts([body[at : at + 100] for at in range(0, len(body), 100)])
    headers = {"content-encoding": "gzip"} if compressed else {}
    crm.return_value = httpx.Response(200, headers=headers, stream=stream)

    failure = await line.failure(operation)

    assert type(failure) is (UnknownOutcome if operation.is_write else UnreadableReply)
    assert failure.message.startswith("The CRM's answer is larger than ")
    assert stream.taken < len(stream.parts)
    assert crm.call_count == 1


@pytest.mark.anyio
async def test_a_compressed_answer_is_read(line: Line, crm: respx.Route, read: Operation) -> None:
    headers = {"content-encoding": "gzip"}
    crm.return_value = httpx.Response(200, headers=headers, content=gzip.compress(b"{}"))

    assert (await line.send(read)).content == b"{}"


@pytest.mark.anyio
async def test_a_broken_compression_is_no_answer(
    line: Line, crm: respx.Route, operation: Operation
) -> None:
    headers = {"content-encoding": "gzip"}
    crm.return_value = httpx.Response(200, headers=headers, stream=Parts([b"no gzip"]))

    failure = await line.failure(operation)

    assert type(failure) is (UnknownOutcome if operation.is_write else Unavailable)
    assert crm.call_count == 1


@pytest.mark.anyio
async def test_no_more_calls_are_under_way_than_the_operator_allows(
    crm: respx.Route, read: Operation
) -> None:
    under_way = most = 0
    full, go_on = anyio.Event(), anyio.Event()

    async def answer(_: httpx.Request) -> httpx.Response:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        if under_way == 2:
            full.set()
        await go_on.wait()
        under_way -= 1
        return OK

    crm.side_effect = answer
    settings = FIVE.model_copy(update={"concurrency": 2})
    async with connected(settings=settings) as line, anyio.create_task_group() as calls:
        for _ in range(5):
            calls.start_soon(line.send, read)
        await full.wait()
        await anyio.wait_all_tasks_blocked()
        go_on.set()

    assert (most, under_way, crm.call_count) == (2, 0, 5)


@pytest.mark.anyio
async def test_a_second_call_in_the_same_second_waits_where_one_is_allowed(
    crm: respx.Route, read: Operation
) -> None:
    crm.return_value = OK
    async with connected(settings=FIVE.model_copy(update={"rate": 1.0})) as line:
        await line.send(read)
        before = list(line.waits)
        await line.send(read)

    assert before == []
    assert [0 < wait <= 1 for wait in line.waits] == [True]


@pytest.mark.anyio
@pytest.mark.parametrize("rate", [0.25, 1.0, 2.0, 7.0, 50.0])
async def test_in_the_long_run_no_more_calls_go_than_the_rate(rate: float) -> None:
    now = 1000.0

    async def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    pace = Pace(rate, sleep, lambda: now)
    await pace.turn()
    assert now == 1000.0

    for _ in range(999):
        await pace.turn()
    rested = now + 10
    now = rested
    await pace.turn()

    assert 999 / rate - 1 <= rested - 10 - 1000.0 <= 999 / rate + 0.001
    assert now == rested
