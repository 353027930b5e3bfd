"""The session with interact: opened once for all, kept while it is used, renewed once."""

import anyio
import httpx
import pytest
from interact_crm import (
    ANY_EFFECT,
    BASE,
    CHANGE,
    DELETE,
    EPOCH,
    LIFE,
    LOGIN,
    PASSWORD,
    READ,
    TOKEN,
    USER,
    WRITE,
    Clock,
    Crm,
    Held,
    body,
    refusal,
    sent_at_once,
)
from wire import Line

from crm_mcp.errors import (
    AuthFailed,
)
from crm_mcp.operation import Operation
from crm_mcp.redact import Redactor
from crm_mcp.respond import respond
from crm_mcp.vendors.base import Reply
from crm_mcp.vendors.interact import VENDOR

pytestmark = pytest.mark.anyio


async def test_the_first_call_logs_in_and_all_calls_carry_the_token(
    session: Line, interact: Crm
) -> None:
    for operation in (READ, WRITE, DELETE, CHANGE):
        assert (await session.send(operation)).status == 200

    login, *calls = interact.seen
    assert interact.names() == ["login", "tags", "notes", "notes/4", "myAccount"]
    assert (login.method, str(login.url)) == ("POST", f"{BASE}/login")
    assert body(login) == {"username": USER, "password": PASSWORD, "scope": "device app"}
    assert login.headers["content-type"] == "application/json"
    assert login.headers["user-agent"].startswith("crm-mcp/")
    assert "authtoken" not in login.headers
    assert [(b"authToken", f"{TOKEN}1".encode()) in call.headers.raw for call in calls] == [
        True
    ] * 4


@pytest.mark.parametrize("known", [True, False])
async def test_a_hundred_calls_on_an_expired_session_cause_one_login(
    session: Line, interact: Crm, clock: Clock, *, known: bool
) -> None:
    await session.send(READ)
    interact.valid.clear()
    clock.seconds += LIFE if known else 0
    interact.seen.clear()

    replies = await sent_at_once(session, WRITE, 100)

    assert [reply.status for reply in replies if isinstance(reply, Reply)] == [200] * 100
    assert interact.names().count("login") == 1
    assert (f"{TOKEN}1" in interact.tokens()) is not known


async def test_a_hundred_first_calls_cause_one_login(session: Line, interact: Crm) -> None:
    await sent_at_once(session, READ, 100)

    assert sorted(interact.names()) == ["login"] + ["tags"] * 100


@ANY_EFFECT
async def test_a_call_whose_token_is_refused_goes_once_more_with_a_new_one(
    session: Line, interact: Crm, operation: Operation
) -> None:
    await session.send(READ)
    interact.planned = [refusal()]
    interact.seen.clear()

    reply = await session.send(operation)

    assert reply.status == 200
    assert interact.names()[1] == "login"
    assert interact.tokens() == [f"{TOKEN}1", f"{TOKEN}2"]
    first, _, second = interact.seen
    assert (first.method, first.url, first.content) == (second.method, second.url, second.content)


@ANY_EFFECT
async def test_a_call_that_is_refused_twice_is_not_sent_again(
    session: Line, interact: Crm, operation: Operation
) -> None:
    await session.send(READ)
    interact.planned = [refusal(), refusal()]
    interact.seen.clear()

    reply = await session.send(operation)

    with pytest.raises(AuthFailed):
        respond(operation, VENDOR, reply, {}, Redactor())
    assert len(interact.seen) == 3
    assert interact.names()[1] == "login"


@ANY_EFFECT
@pytest.mark.parametrize("status", [400, 403, 409])
async def test_any_other_refusal_is_the_answer(
    session: Line, interact: Crm, operation: Operation, status: int
) -> None:
    await session.send(READ)
    interact.planned = [refusal(status)]
    interact.seen.clear()

    assert (await session.send(operation)).status == status
    assert len(interact.seen) == 1


async def test_every_call_puts_off_the_end_of_the_session(
    session: Line, interact: Crm, clock: Clock
) -> None:
    for _ in range(5):
        await session.send(READ)
        clock.seconds += LIFE - 10

    assert interact.made == 1
    clock.seconds += 10
    await session.send(READ)
    assert interact.made == 2
    assert None not in interact.tokens()


@pytest.mark.parametrize("status", [500, 502, 504])
async def test_a_call_that_the_crm_could_not_handle_puts_nothing_off(
    session: Line, interact: Crm, clock: Clock, status: int
) -> None:
    await session.send(WRITE)
    clock.seconds += LIFE - 10
    interact.planned = [httpx.Response(status)]
    await session.send(WRITE)
    clock.seconds += 10

    await session.send(WRITE)

    assert interact.made == 2


async def test_a_call_on_the_session_before_does_not_put_off_the_end_of_the_next(
    session: Line, interact: Crm, clock: Clock
) -> None:
    await session.send(READ)
    write = interact.held["notes"] = Held()

    async with anyio.create_task_group() as calls:
        calls.start_soon(session.send, WRITE)
        await write.arrived.wait()
        expires = int((clock() + EPOCH + 60) * 1000)
        interact.grant = {"authToken": f"{TOKEN}2", "expires": expires}
        await session.send(LOGIN)
        write.go_on.set()
    clock.seconds += 60
    await session.send(READ)

    assert interact.made == 3


@pytest.mark.parametrize("expires", [None, 0, -1, True, "soon", 1.5, 10**400, 5000, {"at": 1}])
async def test_a_session_whose_end_is_not_told_is_used_until_it_is_refused(
    session: Line, interact: Crm, clock: Clock, expires: object
) -> None:
    interact.grant = {"authToken": f"{TOKEN}1", "expires": expires}
    await session.send(READ)
    clock.seconds += 10 * LIFE
    await session.send(READ)

    assert interact.made == 1


@pytest.mark.parametrize("date", ["nonsense", "Mon, 99 Foo 9999 00:00:00 GMT", None])
async def test_without_a_date_of_the_crm_our_own_clock_counts(
    session: Line, interact: Crm, clock: Clock, date: str | None
) -> None:
    def login(_: httpx.Request) -> httpx.Response:
        answer = interact.log_in()
        del answer.headers["date"]
        return httpx.Response(200, headers={"date": date} if date else {}, content=answer.content)

    interact.planned_logins = [login]
    await session.send(READ)
    clock.seconds += LIFE - 10
    await session.send(READ)
    assert interact.made == 1
    clock.seconds += LIFE

    await session.send(READ)

    assert interact.made == 2


async def test_the_clocks_of_both_sides_may_differ(
    session: Line, interact: Crm, clock: Clock
) -> None:
    def login(_: httpx.Request) -> httpx.Response:
        interact.clock = Clock(clock() - 1_000_000)
        return interact.log_in()

    interact.planned_logins = [login]
    await session.send(READ)
    clock.seconds += LIFE - 10
    await session.send(READ)
    assert interact.made == 1
    clock.seconds += LIFE

    await session.send(READ)

    assert interact.made == 2
