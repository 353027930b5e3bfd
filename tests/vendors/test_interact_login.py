"""A login to interact that fails: one request, told to all who need it, and no word of a write."""

from collections.abc import AsyncIterator

import anyio
import httpx
import pytest
from interact_crm import (
    ANY_EFFECT,
    LOGIN,
    READ,
    WRITE,
    WRONG,
    Clock,
    Crm,
    Held,
    failed,
    refusal,
    sent_at_once,
)
from wire import Line

from crm_mcp import client
from crm_mcp.errors import (
    AuthFailed,
    RateLimited,
    ToolFailure,
    Unavailable,
    UnknownOutcome,
    UnreadableReply,
)
from crm_mcp.operation import Operation
from crm_mcp.vendors.base import Reply
from crm_mcp.vendors.login import PAUSES

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("status", [400, 401, 403, 404])
@pytest.mark.parametrize("first", [True, False])
async def test_a_refused_login_is_one_request_and_auth_failed_for_all(
    session: Line, interact: Crm, status: int, *, first: bool
) -> None:
    if not first:
        await session.send(READ)
        interact.valid.clear()
    interact.planned_logins = [refusal(status, WRONG)]
    logins = interact.names().count("login")

    failures = await sent_at_once(session, WRITE, 100)

    assert [type(failure) for failure in failures] == [AuthFailed] * 100
    assert len({id(failure) for failure in failures}) == 100
    assert interact.names().count("login") == logins + 1


async def test_a_refused_login_says_why_and_who_can_mend_it(session: Line, interact: Crm) -> None:
    interact.planned_logins = [refusal(401, WRONG)]

    failure = await failed(session, WRITE)

    assert failure.as_dict() == {
        "error": "auth_failed",
        "message": "interact does not accept the login of this server. interact said: the login, "
        "or its session, was not accepted (while logging in, in authentication, detail 1001), in "
        "its own words: no way. The call itself was not sent.",
        "hint": "Tell the person: the operator of this server must check the user name, the "
        "password and the scope that it logs in with.",
        "vendor_code": str(WRONG),
    }


async def test_after_refused_logins_the_next_waits_longer_each_time(
    session: Line, interact: Crm, clock: Clock
) -> None:
    for pause in (*PAUSES, PAUSES[-1]):
        interact.planned_logins = [refusal(401, WRONG)]
        await failed(session, READ)
        clock.seconds += pause - 0.5
        asked = len(interact.seen)
        too_soon = [await failed(session, READ), await failed(session, LOGIN)]
        assert [type(failure) for failure in too_soon] == [AuthFailed] * 2
        assert too_soon[0].hint.endswith("The next login can be tried in 1 seconds.")
        assert len(interact.seen) == asked
        clock.seconds += 0.5

    await session.send(READ)
    interact.valid.clear()
    interact.planned_logins = [refusal(401, WRONG)]
    await failed(session, READ)
    clock.seconds += PAUSES[0]

    assert (await session.send(READ)).status == 200


@ANY_EFFECT
async def test_a_login_that_cannot_be_sent_is_tried_as_often_as_any_call_and_then_nothing_was_sent(
    session: Line, interact: Crm, operation: Operation
) -> None:
    interact.planned_logins = [httpx.ConnectError("no")] * 3

    failure = await failed(session, operation)

    assert type(failure) is Unavailable
    assert failure.message == "The CRM could not be reached. Nothing was sent."
    assert interact.names() == ["login"] * 3
    assert session.waits == [0.5, 1.0]


@ANY_EFFECT
@pytest.mark.parametrize(
    "answer",
    [httpx.ReadError("no"), httpx.ReadTimeout("no"), httpx.WriteError("no"), TimeoutError()],
)
async def test_a_login_without_an_answer_says_that_the_call_was_not_sent(
    session: Line, interact: Crm, operation: Operation, answer: Exception
) -> None:
    interact.planned_logins = [answer]

    failure = await failed(session, operation)

    assert type(failure) is Unavailable
    assert failure.message.endswith("The call itself was not sent.")
    assert "status" not in failure.details
    assert interact.names() == ["login"]


@ANY_EFFECT
async def test_a_renewal_without_an_answer_says_that_the_call_did_nothing(
    session: Line, interact: Crm, operation: Operation
) -> None:
    await session.send(READ)
    interact.valid.clear()
    interact.planned_logins = [httpx.ReadTimeout("no")]

    failure = await failed(session, operation)

    assert type(failure) is Unavailable
    assert interact.names()[-1] == "login"


async def test_only_the_call_itself_can_end_in_an_unknown_outcome(
    session: Line, interact: Crm
) -> None:
    await session.send(READ)
    interact.planned = [refusal(), httpx.ReadTimeout("no")]

    assert type(await failed(session, WRITE)) is UnknownOutcome


async def test_all_who_wait_for_a_login_share_that_it_had_no_answer(
    session: Line, interact: Crm
) -> None:
    interact.planned_logins = [httpx.ReadTimeout("no")]

    failures = await sent_at_once(session, WRITE, 50)

    assert [type(failure) for failure in failures] == [Unavailable] * 50
    assert interact.names() == ["login"]


async def test_all_who_wait_for_a_login_share_that_it_could_not_be_sent(
    session: Line, interact: Crm
) -> None:
    interact.planned_logins = [httpx.ConnectError("no")]

    replies = await sent_at_once(session, WRITE, 50)

    assert {reply.status for reply in replies if isinstance(reply, Reply)} == {200}
    assert interact.names().count("login") == 2
    assert session.waits == [0.5] * 50


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (httpx.Response(429, headers={"retry-after": "9"}), RateLimited),
        (httpx.Response(503), Unavailable),
        (refusal(500, 90010200401001), Unavailable),
        (httpx.Response(302, headers={"location": "https://evil.example"}), Unavailable),
        (httpx.Response(200, content=b"<html>"), UnreadableReply),
        (httpx.Response(200, json=[]), UnreadableReply),
        (httpx.Response(200, json={"user": {}}), UnreadableReply),
        (httpx.Response(200, json={"token": "x"}), UnreadableReply),
        (httpx.Response(200, json={"token": {"authToken": ""}}), UnreadableReply),
        (httpx.Response(200, json={"token": {"authToken": 5}}), UnreadableReply),
        (httpx.Response(200, json={"token": {"authToken": "a\r\nX-Evil: 1"}}), UnreadableReply),
        (httpx.Response(200, json={"token": {"authToken": "ä"}}), UnreadableReply),
        (httpx.Response(200, json={"token": {"authToken": "a" * 5000}}), UnreadableReply),
    ],
)
@pytest.mark.parametrize("operation", [WRITE, LOGIN])
async def test_a_login_that_was_not_judged_has_its_own_kind_and_is_not_held_against_the_next(
    session: Line,
    interact: Crm,
    answer: httpx.Response,
    kind: type[ToolFailure],
    operation: Operation,
) -> None:
    interact.planned_logins = [
        httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)
    ]

    failure = await failed(session, operation)

    assert type(failure) is kind
    assert failure.message.endswith("The call itself was not sent.")
    assert interact.names() == ["login"]
    assert (await session.send(READ)).status == 200


@pytest.mark.parametrize("operation", [WRITE, LOGIN])
async def test_the_answer_to_a_login_is_bounded_in_size(
    session: Line, interact: Crm, operation: Operation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "MAX_REPLY_BYTES", 100)
    interact.planned_logins = [httpx.Response(200, content=b" " * 101)]

    failure = await failed(session, operation)

    assert type(failure) is Unavailable
    assert failure.message == (
        "interact gave no usable answer to the login. The call itself was not sent."
    )


async def test_the_answer_to_a_login_is_bounded_in_time(
    session: Line, interact: Crm, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Endless(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            while True:
                yield b""
                await anyio.lowlevel.checkpoint()

    monkeypatch.setattr(session.client, "_deadline", 0.01)
    interact.planned_logins = [httpx.Response(200, stream=Endless())]

    assert type(await failed(session, WRITE)) is Unavailable
    assert interact.names() == ["login"]


async def test_a_caller_who_gives_up_during_the_login_leaves_it_to_those_who_wait(
    session: Line, interact: Crm
) -> None:
    login = interact.held["login"] = Held()
    patience = anyio.CancelScope()

    async def give_up() -> None:
        with patience:
            await session.send(READ)

    async with anyio.create_task_group() as calls:
        calls.start_soon(give_up)
        await login.arrived.wait()
        calls.start_soon(session.send, WRITE)
        await anyio.wait_all_tasks_blocked()
        patience.cancel()

    assert interact.names() == ["login", "login", "notes"]
