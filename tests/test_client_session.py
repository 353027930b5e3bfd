"""What a client does for a vendor with sessions: carries, bounds, cleans, and says goodbye."""

import logging
from collections.abc import Awaitable, Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import anyio
import httpx
import pytest
import respx
from wire import BASE, SECRET, connected

from crm_mcp import __version__, client
from crm_mcp.errors import AuthFailed, ToolFailure, Unavailable, UnknownOutcome, UnreadableReply
from crm_mcp.operation import Operation
from crm_mcp.redact import MASK, MAX_LEARNED, Redactor
from crm_mcp.retry import Lost
from crm_mcp.vendors.base import (
    NoAnswerError,
    Reading,
    Reply,
    Session,
    Vendor,
    VendorSettings,
    Wire,
)

pytestmark = pytest.mark.anyio

OK = Reply(200, {}, b"{}")


async def _done(_: Wire) -> None:
    """Have nothing to close."""


@dataclass
class Desk(httpx.Auth, Session):
    """A session that does what a test says, and notes what it was asked."""

    on_carry: Callable[[httpx.Request, Wire], Awaitable[Reply]]
    on_close: Callable[[Wire], Awaitable[None]] = _done
    carried: list[httpx.Request] = field(default_factory=list)
    closed: int = 0

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        request.headers["x-joined"] = "yes"
        yield request

    async def carry(self, request: httpx.Request, wire: Wire) -> Reply:
        self.carried.append(request)
        return await self.on_carry(request, wire)

    async def close(self, wire: Wire) -> None:
        self.closed += 1
        await self.on_close(wire)


@dataclass(frozen=True)
class WithSessions(Vendor):
    """A vendor whose auth is a session."""

    id = "desk"
    title = "Desk"
    settings: ClassVar = VendorSettings
    everyday = ()
    probe = ""
    desk: Desk

    def auth(self, _settings: Any) -> httpx.Auth:
        return self.desk

    def read(self, reply: Reply) -> Reading:
        return Reading(reply.content)


def through(desk: Desk) -> Any:
    return connected(WithSessions(desk), VendorSettings(base_url=BASE, rate=1000))


@pytest.fixture(scope="session")
def read(five: Mapping[str, Operation]) -> Operation:
    return five["fivecrm_areas_list"]


@pytest.fixture(scope="session")
def write(read: Operation) -> Operation:
    return read.model_copy(update={"effect": "create"})


async def straight(request: httpx.Request, wire: Wire) -> Reply:
    return await wire.send(request)


async def test_each_attempt_of_a_call_is_carried_by_the_session_and_joined_on_the_way(
    read: Operation,
) -> None:
    desk = Desk(straight)
    with respx.mock() as router:
        route = router.post(url__startswith=BASE)
        route.side_effect = [httpx.ConnectError("no"), httpx.Response(200)]
        async with through(desk) as line:
            reply = await line.send(read)

    assert reply.status == 200
    assert len(desk.carried) == 2
    assert [call.request.headers["x-joined"] for call in route.calls] == ["yes"] * 2
    assert line.waits == [0.5]


async def test_a_request_of_the_session_goes_to_the_pinned_host_with_the_usual_headers(
    read: Operation,
) -> None:
    async def with_another_first(_: httpx.Request, wire: Wire) -> Reply:
        return await wire.send(wire.request("PUT", "/door?open=1"))

    with respx.mock() as router:
        route = router.put(f"{BASE}/door?open=1").respond(200, content=b"{}")
        async with through(Desk(with_another_first)) as line:
            reply = await line.send(read)

    assert reply.content == b"{}"
    assert dict(route.calls.last.request.headers) == {
        "host": "crm.example.com",
        "accept": "application/json",
        "accept-encoding": "gzip, deflate",
        "user-agent": f"crm-mcp/{__version__}",
        "x-joined": "yes",
        "content-length": "0",
    }


@pytest.mark.parametrize(
    ("lost", "of_read", "of_write"),
    [
        (Lost.UNSENT, Unavailable, Unavailable),
        (Lost.MAYBE_SENT, Unavailable, UnknownOutcome),
        (Lost.TOO_LARGE, UnreadableReply, UnknownOutcome),
    ],
)
async def test_no_answer_means_the_same_with_and_without_a_session(
    read: Operation,
    write: Operation,
    lost: Lost,
    of_read: type[ToolFailure],
    of_write: type[ToolFailure],
) -> None:
    async def lose(_: httpx.Request, __: Wire) -> Reply:
        raise NoAnswerError(lost.value)

    async with through(Desk(lose)) as line:
        failures = [await line.failure(operation) for operation in (read, write)]

    assert [type(failure) for failure in failures] == [of_read, of_write]
    assert NoAnswerError(lost.value).sent is (lost is not Lost.UNSENT)


async def test_what_a_session_says_of_its_failure_is_cleaned_and_is_the_answer(
    write: Operation,
) -> None:
    async def fail(_: httpx.Request, __: Wire) -> Reply:
        raise AuthFailed(f"no \u202e{SECRET}", hint="ask", vendor_code=f"\u200b{SECRET}")

    async with through(Desk(fail)) as line:
        failure = await line.failure(write)

    assert failure.as_dict() == {
        "error": "auth_failed",
        "message": f"no {MASK}",
        "hint": "ask",
        "vendor_code": MASK,
    }


async def test_a_failure_to_get_a_session_is_never_an_unknown_outcome(write: Operation) -> None:
    async def fail(_: httpx.Request, __: Wire) -> Reply:
        raise Unavailable("no login now")

    async with through(Desk(fail)) as line:
        failure = await line.failure(write)

    assert type(failure) is Unavailable
    assert "status" not in failure.details


async def test_every_request_of_a_session_waits_for_its_turn(read: Operation) -> None:
    async def thrice(request: httpx.Request, wire: Wire) -> Reply:
        for _ in range(2):
            await wire.send(request)
        return await wire.send(request)

    slow = VendorSettings(base_url=BASE, rate=1)
    with respx.mock() as router:
        router.post(url__startswith=BASE).respond(200)
        async with connected(WithSessions(Desk(thrice)), slow) as line:
            await line.send(read)

    assert [round(wait) for wait in line.waits] == [1, 2]


async def test_a_secret_that_a_session_hides_is_in_no_log_from_then_on(
    read: Operation, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    async def tell(_: httpx.Request, wire: Wire) -> Reply:
        wire.hide("m4rker token")
        return await wire.send(wire.request("GET", "/x?token=m4rker%20token"))

    with respx.mock() as router:
        router.get(url__startswith=BASE).respond(200)
        async with through(Desk(tell)) as line:
            await line.send(read)

    host = BASE.partition("/base")[0]
    assert f'HTTP Request: GET {host}/{MASK} "HTTP/1.1 200 OK"' in caplog.messages
    assert "m4rker" not in caplog.text


def test_the_last_secrets_that_came_later_are_masked_beside_those_of_the_start() -> None:
    redactor = Redactor(["first"])
    for number in range(MAX_LEARNED + 1):
        redactor.learn(f"<{number}>")
        redactor.learn(f"<{number}>")

    assert redactor.text("first") == MASK
    assert redactor.text("<0> <1>") == f"<0> {MASK}"
    assert redactor.text(f"<{MAX_LEARNED}>") == MASK


async def test_the_session_is_closed_once_and_before_the_connections(read: Operation) -> None:
    async def goodbye(wire: Wire) -> None:
        await wire.send(wire.request("POST", "/bye"))

    desk = Desk(straight, goodbye)
    with respx.mock() as router:
        router.post(url__startswith=f"{BASE}/api2.php").respond(200)
        bye = router.post(f"{BASE}/bye").respond(200)
        async with through(desk) as line:
            await line.send(read)
            assert not bye.called

    assert (bye.call_count, desk.closed) == (1, 1)


@pytest.mark.parametrize("error", [NoAnswerError("unsent"), Unavailable("no")])
async def test_a_farewell_that_fails_is_no_error(error: Exception) -> None:
    async def fail(_: Wire) -> None:
        raise error

    desk = Desk(straight, fail)
    async with through(desk):
        pass

    assert desk.closed == 1


async def test_a_farewell_without_an_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "FAREWELL_SECONDS", 0.01)
    given_up = False

    async def linger(_: Wire) -> None:
        nonlocal given_up
        try:
            await anyio.sleep_forever()
        finally:
            given_up = True

    async with through(Desk(straight, linger)):
        pass

    assert given_up


async def test_a_server_that_is_stopped_in_a_hurry_still_says_goodbye() -> None:
    said = False

    async def goodbye(_: Wire) -> None:
        nonlocal said
        await anyio.lowlevel.checkpoint()
        said = True

    with anyio.CancelScope() as scope:
        async with through(Desk(straight, goodbye)):
            scope.cancel()

    assert said


async def test_the_connections_are_closed_whatever_the_farewell_brings(read: Operation) -> None:
    async def bug(_: Wire) -> None:
        raise LookupError("a bug")

    with pytest.raises(LookupError):
        async with through(Desk(straight, bug)) as line:
            pass

    with pytest.raises(RuntimeError, match="closed"):
        await line.send(read)
