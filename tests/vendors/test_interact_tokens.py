"""Which token goes where; logging in and out on purpose; and the end of the session."""

import json
from typing import Any

import anyio
import httpx
import pytest
from interact_crm import (
    BASE,
    EVENT,
    LIFE,
    LOGIN,
    LOGOUT,
    READ,
    RESET,
    SOCKET,
    TOKEN,
    TRIGGER,
    Clock,
    Crm,
    Held,
    body,
    failed,
    meeting,
    refusal,
    sent_at_once,
    settings,
)
from pydantic import SecretStr
from wire import Line

from crm_mcp.errors import (
    InvalidArguments,
    NotCallable,
    Unavailable,
)
from crm_mcp.vendors.base import Reply, Wire
from crm_mcp.vendors.interact.auth import SessionAuth
from crm_mcp.vendors.login import Grant

pytestmark = pytest.mark.anyio


async def test_the_login_tool_renews_the_session_that_all_share(
    session: Line, interact: Crm
) -> None:
    await session.send(READ)
    reply = await session.send(LOGIN)
    await session.send(READ)

    assert json.loads(reply.content)["user"]["email"] == "a@example.com"
    assert interact.names() == ["login", "tags", "login", "tags"]
    assert interact.tokens() == [f"{TOKEN}1", f"{TOKEN}2"]
    assert body(interact.seen[2]) == body(interact.seen[0])


async def test_the_login_tool_without_an_answer_is_no_unknown_outcome(
    session: Line, interact: Crm
) -> None:
    interact.planned_logins = [httpx.ReadTimeout("no")]

    assert type(await failed(session, LOGIN)) is Unavailable


async def test_logging_out_ends_the_session_and_the_next_call_opens_another(
    session: Line, interact: Crm
) -> None:
    await session.send(READ)
    reply = await session.send(LOGOUT)
    again = await session.send(LOGOUT)
    await session.send(READ)

    assert json.loads(reply.content) == {"code": 200, "devmsg": "success"}
    assert json.loads(again.content) == {"code": 200, "devmsg": "no session was open"}
    assert interact.names() == ["login", "tags", "logout", "login", "tags"]
    logout = interact.seen[2]
    assert body(logout) == {"authToken": f"{TOKEN}1"}
    assert "authtoken" not in logout.headers


async def test_logging_out_of_a_session_that_is_known_to_be_over_sends_nothing(
    session: Line, interact: Crm, clock: Clock
) -> None:
    await session.send(READ)
    clock.seconds += LIFE
    interact.seen.clear()

    assert (await session.send(LOGOUT)).status == 200
    assert interact.seen == []


@pytest.mark.parametrize("status", [400, 401])
async def test_logging_out_of_a_session_that_the_crm_does_not_know_is_no_failure(
    session: Line, interact: Crm, status: int
) -> None:
    await session.send(READ)
    interact.planned = [refusal(status)]

    reply = await session.send(LOGOUT)

    assert json.loads(reply.content) == {"code": 200, "devmsg": "no session was open"}
    assert interact.names()[1:] == ["tags", "logout"]


async def test_a_logout_without_an_answer_is_not_repeated_and_the_token_not_used_again(
    session: Line, interact: Crm
) -> None:
    await session.send(READ)
    interact.planned = [httpx.ReadTimeout("no")]
    await failed(session, LOGOUT)
    await session.send(READ)

    assert interact.tokens()[-1] == f"{TOKEN}2"


async def test_a_session_that_is_opened_during_a_logout_stays_open(
    session: Line, interact: Crm
) -> None:
    await session.send(READ)
    logout = interact.held["logout"] = Held()

    async with anyio.create_task_group() as calls:
        calls.start_soon(session.send, LOGOUT)
        await logout.arrived.wait()
        await session.send(LOGIN)
        logout.go_on.set()
    await session.send(READ)

    assert interact.tokens()[-1] == f"{TOKEN}2"


async def test_an_event_goes_with_the_trigger_token_and_needs_no_session(
    session: Line, interact: Crm
) -> None:
    await session.send(EVENT)
    await session.send(READ)
    await session.send(EVENT)

    assert interact.names() == ["interactions", "login", "tags", "interactions"]
    assert interact.tokens("triggerToken") == [TRIGGER, None, TRIGGER]
    assert interact.tokens() == [None, f"{TOKEN}1", None]
    assert (b"triggerToken", TRIGGER.encode()) in interact.seen[0].headers.raw


async def test_an_event_whose_token_is_refused_is_not_sent_again(
    session: Line, interact: Crm
) -> None:
    interact.planned = [refusal()]

    assert (await session.send(EVENT)).status == 401
    assert interact.names() == ["interactions"]


async def test_without_a_trigger_token_events_cannot_be_called_and_all_else_can(
    interact: Crm,
) -> None:
    async with meeting(interact) as line:
        failure = await failed(line, EVENT)
        assert (await line.send(READ)).status == 200

    assert type(failure) is NotCallable
    assert failure.message.endswith("Nothing was sent.")
    assert "interactions" not in interact.names()


async def test_a_forgotten_password_is_reset_without_any_token(
    session: Line, interact: Crm
) -> None:
    await session.send(READ)
    await session.send(RESET)

    assert interact.tokens() == [f"{TOKEN}1", None]
    assert interact.tokens("triggerToken") == [None, None]


def joined(auth: SessionAuth, address: str, **extensions: Any) -> httpx.URL:
    """Let the credentials join the request for a websocket; gives its address afterwards."""
    request = httpx.Request("GET", address, extensions=extensions)
    return next(auth.auth_flow(request)).url


async def test_a_websocket_has_the_token_and_the_device_in_its_address_and_no_header(
    interact: Crm,
) -> None:
    auth = SessionAuth(settings(device_id="4711"))
    grant = Grant(SecretStr("a/b+c"), 60)

    own = joined(auth, SOCKET, **{"crm_mcp.grant": grant})
    given = joined(auth, f"{SOCKET}?deviceId=42", **{"crm_mcp.grant": grant})

    assert own.query == b"deviceId=4711&authToken=a%2Fb%2Bc"
    assert given.params["deviceId"] == "42"
    assert interact.seen == []


async def test_a_websocket_without_a_device_cannot_be_opened_and_says_what_to_do() -> None:
    with pytest.raises(InvalidArguments) as caught:
        joined(SessionAuth(settings()), SOCKET)

    assert "deviceId is missing" in caught.value.message
    assert "interact_devices_list" in caught.value.hint


async def test_a_websocket_opens_within_the_session_and_is_tried_again_once(
    interact: Crm,
) -> None:
    hidden: list[str] = []
    interact.planned = [refusal(), httpx.Response(101)]
    auth = SessionAuth(settings(device_id="4711"))

    async with httpx.AsyncClient(transport=httpx.MockTransport(interact.answer)) as http:

        async def send(request: httpx.Request) -> Reply:
            # As a library for websockets, which makes a request of its own from the address.
            again = httpx.Request(request.method, request.url)
            response = await http.send(again, auth=auth)
            return Reply(response.status_code, response.headers, response.content)

        wire = Wire(lambda way, path: httpx.Request(way, BASE + path), send, hidden.append)
        reply = await auth.carry(httpx.Request("GET", SOCKET), wire)

    tokens = [request.url.params.get("authToken") for request in interact.seen]
    assert reply.status == 101
    assert tokens == [None, f"{TOKEN}1", None, f"{TOKEN}2"]
    assert hidden == [f"{TOKEN}1", f"{TOKEN}2"]
    assert interact.tokens() == [None, None]


async def test_without_any_session_a_token_is_empty_and_will_be_refused() -> None:
    auth = SessionAuth(settings(device_id="4711"))

    assert joined(auth, SOCKET).params["authToken"] == ""


async def test_the_session_is_given_back_at_the_end_once(interact: Crm) -> None:
    async with meeting(interact) as line:
        await sent_at_once(line, READ, 10)
        interact.seen.clear()

    assert interact.names() == ["logout"]
    assert interact.valid == set()


@pytest.mark.parametrize("ended", ["never opened", "logged out", "expired", "refused"])
async def test_at_the_end_there_is_no_login_and_no_logout_without_a_session(
    interact: Crm, clock: Clock, ended: str
) -> None:
    async with meeting(interact) as line:
        if ended == "refused":
            interact.planned_logins = [refusal()]
            await failed(line, READ)
        elif ended != "never opened":
            await line.send(READ)
        if ended == "logged out":
            await line.send(LOGOUT)
        clock.seconds += LIFE if ended == "expired" else 0
        interact.seen.clear()

    assert interact.seen == []


@pytest.mark.parametrize(
    "answer",
    [httpx.ConnectError("no"), httpx.ReadTimeout("no"), httpx.Response(500), refusal(400)],
)
async def test_a_logout_that_fails_at_the_end_is_no_error(interact: Crm, answer: Any) -> None:
    async with meeting(interact) as line:
        await line.send(READ)
        interact.planned = [answer]

    assert interact.names() == ["login", "tags", "logout"]
