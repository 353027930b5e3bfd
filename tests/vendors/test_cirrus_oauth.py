"""The client of the OAuth 2 service: one request for a token at a time, renewed early and once."""

from base64 import b64encode
from typing import Any
from urllib.parse import quote_plus

import anyio
import httpx
import pytest
from cirrus_crm import (
    CLIENT,
    CLIENT_SECRET,
    LIFE,
    READ,
    TOKEN,
    TOKEN_URL,
    WRITE,
    Crm,
    client_settings,
    form,
    meeting,
)
from interact_crm import Clock, Held, failed, sent_at_once
from wire import Line

from crm_mcp.errors import AuthFailed, RateLimited, Unavailable, UnreadableReply
from crm_mcp.operation import Operation
from crm_mcp.vendors.base import Reply
from crm_mcp.vendors.cirrus.oauth import ClientAuth
from crm_mcp.vendors.login import PAUSES

pytestmark = pytest.mark.anyio

ANY_EFFECT = pytest.mark.parametrize("operation", [READ, WRITE])
UNKNOWN = httpx.Response(401, json={"message": "Token is invalid"})
NOT_SENT = "The call itself was not sent."


@pytest.fixture
def crm() -> Crm:
    return Crm()


@pytest.fixture
async def line(crm: Crm, clock: Clock) -> Any:
    async with meeting(crm, clock) as line:
        yield line


def refusal(**body: Any) -> httpx.Response:
    return httpx.Response(401, json={"error": "invalid_client", **body})


async def test_the_first_call_gets_a_token_and_all_calls_carry_it(line: Line, crm: Crm) -> None:
    for operation in (READ, WRITE, READ):
        assert (await line.send(operation)).status == 200

    (login,) = crm.logins
    pair = f"{quote_plus(CLIENT)}:{quote_plus(CLIENT_SECRET)}".encode()
    assert (login.method, str(login.url)) == ("POST", TOKEN_URL)
    assert login.headers["authorization"] == f"Basic {b64encode(pair).decode()}"
    assert login.headers["content-type"] == "application/x-www-form-urlencoded"
    assert login.headers["accept"] == "application/json"
    assert form(login) == {"grant_type": ["client_credentials"]}
    assert crm.bearers() == [f"Bearer {TOKEN}1"] * 3


async def test_a_client_may_name_itself_in_the_form_and_ask_for_a_scope(clock: Clock) -> None:
    crm = Crm()

    async with meeting(crm, clock, client_settings(client_auth="body", scope="a b")) as line:
        await line.send(READ)

    (login,) = crm.logins
    assert "authorization" not in login.headers
    assert form(login) == {
        "grant_type": ["client_credentials"],
        "client_id": [CLIENT],
        "client_secret": [CLIENT_SECRET],
        "scope": ["a b"],
    }


async def test_a_hundred_first_calls_ask_for_one_token(line: Line, crm: Crm) -> None:
    replies = await sent_at_once(line, WRITE, 100)

    assert [reply.status for reply in replies if isinstance(reply, Reply)] == [200] * 100
    assert len(crm.logins) == 1


@pytest.mark.parametrize("known", [True, False])
async def test_a_hundred_calls_with_a_token_that_is_over_ask_for_one_other(
    line: Line, crm: Crm, clock: Clock, *, known: bool
) -> None:
    await line.send(READ)
    crm.valid.clear()
    clock.seconds += LIFE if known else 0
    crm.seen.clear()

    replies = await sent_at_once(line, WRITE, 100)

    assert [reply.status for reply in replies if isinstance(reply, Reply)] == [200] * 100
    assert len(crm.logins) == 1
    assert (f"Bearer {TOKEN}1" in crm.bearers()) is not known


async def test_a_token_is_renewed_before_it_ends_and_not_much_before(
    line: Line, crm: Crm, clock: Clock
) -> None:
    await line.send(READ)
    clock.seconds += LIFE - 31
    await line.send(READ)
    assert crm.made == 1

    clock.seconds += 2
    await line.send(READ)

    assert crm.made == 2
    assert crm.bearers()[-1] == f"Bearer {TOKEN}2"


async def test_using_a_token_does_not_put_off_its_end(line: Line, crm: Crm, clock: Clock) -> None:
    for _ in range(3):
        await line.send(READ)
        clock.seconds += LIFE / 2

    assert crm.made == 2


async def test_a_token_of_a_short_life_is_used_for_half_of_it(
    line: Line, crm: Crm, clock: Clock
) -> None:
    crm.told = {"expires_in": 10}
    await line.send(READ)
    clock.seconds += 4
    await line.send(READ)
    assert crm.made == 1
    clock.seconds += 2

    await line.send(READ)

    assert crm.made == 2


@pytest.mark.parametrize("told", [3600, 3600.0, "3600"])
async def test_the_life_of_a_token_is_read_in_each_spelling(
    line: Line, crm: Crm, clock: Clock, told: object
) -> None:
    crm.told = {"expires_in": told}
    await line.send(READ)
    clock.seconds += 3600
    await line.send(READ)

    assert crm.made == 2


@pytest.mark.parametrize(
    "told", [None, 0, -1, True, "soon", "", "٣", 10**30, 1e300, "9" * 5000, {"in": 1}, [3600]]
)
async def test_a_token_whose_life_is_not_told_is_used_until_it_is_refused(
    line: Line, crm: Crm, clock: Clock, told: object
) -> None:
    crm.told = {"expires_in": told}
    await line.send(READ)
    clock.seconds += 1_000_000
    await line.send(READ)

    assert crm.made == 1


@ANY_EFFECT
async def test_a_call_whose_token_is_refused_goes_once_more_with_a_new_one(
    line: Line, crm: Crm, operation: Operation
) -> None:
    await line.send(READ)
    crm.planned = [UNKNOWN]
    crm.seen.clear()

    assert (await line.send(operation)).status == 200
    assert crm.bearers() == [f"Bearer {TOKEN}1", f"Bearer {TOKEN}2"]
    first, second = crm.calls
    assert (first.method, first.url, first.content) == (second.method, second.url, second.content)


@ANY_EFFECT
async def test_a_call_that_is_refused_twice_is_not_sent_again(
    line: Line, crm: Crm, operation: Operation
) -> None:
    crm.planned = [UNKNOWN, UNKNOWN]

    assert (await line.send(operation)).status == 401
    assert (len(crm.calls), len(crm.logins)) == (2, 2)


@pytest.mark.parametrize("status", [400, 403, 404, 500])
async def test_any_other_refusal_is_the_answer(line: Line, crm: Crm, status: int) -> None:
    crm.planned = [httpx.Response(status)]

    assert (await line.send(WRITE)).status == status
    assert (len(crm.calls), len(crm.logins)) == (1, 1)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (refusal(), "HTTP 401, invalid_client"),
        (refusal(error_description="No such client."), "HTTP 401, invalid_client, No such client"),
        (httpx.Response(400, json={"error": "invalid_scope"}), "HTTP 400, invalid_scope"),
        (httpx.Response(200, json={"error": "weird", "access_token": "x"}), "HTTP 200, weird"),
        (httpx.Response(403, text="<html>no</html>"), "HTTP 403"),
        (httpx.Response(401, json={"error": ["x"], "error_description": 5}), "HTTP 401"),
        (httpx.Response(401, json=["error"]), "HTTP 401"),
    ],
)
async def test_a_refused_client_is_told_and_the_call_not_sent(
    line: Line, crm: Crm, answer: httpx.Response, told: str
) -> None:
    crm.planned_logins = [answer]

    failure = await failed(line, WRITE)

    assert type(failure) is AuthFailed
    assert failure.message == (
        f"The login service of Cirrus does not accept this server ({told}). {NOT_SENT}"
    )
    assert "the client and the secret" in failure.hint
    assert crm.calls == []


async def test_the_words_of_a_refusal_are_bounded(line: Line, crm: Crm) -> None:
    crm.planned_logins = [refusal(error="e" * 9000, error_description="d" * 9000)]

    failure = await failed(line, READ)

    assert len(failure.message) < 700
    assert failure.vendor_code == "e" * 64


async def test_a_refusal_is_shared_by_all_who_waited_and_then_nobody_asks_for_a_while(
    line: Line, crm: Crm, clock: Clock
) -> None:
    crm.planned_logins = [refusal()]

    failures = await sent_at_once(line, WRITE, 100)

    assert {type(failure) for failure in failures} == {AuthFailed}
    assert len(crm.seen) == 1
    too_soon = await failed(line, WRITE)
    assert too_soon.message.endswith(NOT_SENT)
    assert too_soon.hint.endswith(f"The next login can be tried in {PAUSES[0]:.0f} seconds.")
    assert len(crm.seen) == 1

    clock.seconds += PAUSES[0]
    assert (await line.send(WRITE)).status == 200


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, text="<html>Log in</html>"),
        httpx.Response(200, content=b""),
        httpx.Response(200, content=b"\xff\xfe\x00"),
        httpx.Response(200, json=[]),
        httpx.Response(200, json=None),
        httpx.Response(200, json={}),
        httpx.Response(200, json={"access_token": ""}),
        httpx.Response(200, json={"access_token": 5}),
        httpx.Response(200, json={"access_token": "a b"}),
        httpx.Response(200, json={"access_token": "a\r\nX-Other: 1"}),
        httpx.Response(200, json={"access_token": "x" * 5000}),
        httpx.Response(200, json={"access_token": "x", "token_type": "mac"}),
        httpx.Response(200, content=b"access_token=x&token_type=bearer"),
        httpx.Response(200, content=b'{"access_token": "x", "scope": [[[' + b"[" * 9000),
    ],
)
async def test_an_answer_without_a_usable_token_is_told_and_is_no_refusal(
    line: Line, crm: Crm, answer: httpx.Response
) -> None:
    crm.planned_logins = [answer]

    failure = await failed(line, WRITE)

    assert type(failure) is UnreadableReply
    assert failure.message.endswith(f"not with a token that can be used. {NOT_SENT}")
    assert crm.calls == []
    assert (await line.send(WRITE)).status == 200


async def test_a_token_without_a_kind_or_with_more_beside_it_is_taken(line: Line, crm: Crm) -> None:
    crm.valid.add("t")
    crm.planned_logins = [
        httpx.Response(200, json={"access_token": "t", "scope": {"odd": 1}, "refresh_token": 5})
    ]

    assert (await line.send(READ)).status == 200
    assert crm.bearers() == ["Bearer t"]


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_login_service_that_redirects_gets_nobody_anywhere(
    line: Line, crm: Crm, status: int
) -> None:
    elsewhere = {"location": "https://evil.example.com/token"}
    crm.planned_logins = [httpx.Response(status, headers=elsewhere)]

    failure = await failed(line, WRITE)

    assert type(failure) is Unavailable
    assert "address of the login service" in failure.hint
    assert [str(request.url) for request in crm.seen] == [TOKEN_URL]


@pytest.mark.parametrize("status", [404, 405, 415])
async def test_a_wrong_address_of_the_login_service_is_no_refusal(
    line: Line, crm: Crm, status: int
) -> None:
    crm.planned_logins = [httpx.Response(status)]

    failure = await failed(line, WRITE)

    assert type(failure) is Unavailable
    assert failure.message == (
        f"The login service of Cirrus answered with HTTP {status}. {NOT_SENT}"
    )
    assert "address of the login service" in failure.hint


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (httpx.Response(429, headers={"retry-after": "9"}), RateLimited),
        (httpx.Response(500), Unavailable),
        (httpx.Response(503, json={"error": "temporarily_unavailable"}), Unavailable),
    ],
)
async def test_a_login_service_that_cannot_answer_now_is_tried_by_the_next_call(
    line: Line, crm: Crm, answer: httpx.Response, kind: type[Exception]
) -> None:
    crm.planned_logins = [answer]

    failure = await failed(line, WRITE)

    assert type(failure) is kind
    assert failure.message.endswith(NOT_SENT)
    assert (await line.send(WRITE)).status == 200


@ANY_EFFECT
@pytest.mark.parametrize(
    "answer",
    [
        httpx.ReadError("no"),
        httpx.ReadTimeout("no"),
        httpx.WriteError("no"),
        httpx.RemoteProtocolError("no"),
        TimeoutError(),
        httpx.Response(200, content=b"x" * 20_000_001),
        httpx.Response(200, headers={"content-encoding": "br"}, content=b"x"),
    ],
    ids=repr,
)
async def test_a_login_without_a_usable_answer_never_looks_like_a_write_that_may_have_arrived(
    line: Line, crm: Crm, operation: Operation, answer: httpx.Response | Exception
) -> None:
    crm.planned_logins = [answer]

    failure = await failed(line, operation)

    assert type(failure) is Unavailable
    assert failure.message == (
        f"The login service of Cirrus gave no usable answer to the login. {NOT_SENT}"
    )
    assert "status" not in failure.details
    assert (len(crm.logins), crm.calls) == (1, [])


async def test_a_renewal_without_an_answer_says_that_the_write_did_nothing(
    line: Line, crm: Crm
) -> None:
    await line.send(READ)
    crm.valid.clear()
    crm.planned_logins = [httpx.ReadTimeout("no")]

    assert type(await failed(line, WRITE)) is Unavailable


async def test_a_login_service_that_cannot_be_reached_is_tried_as_often_as_any_call(
    line: Line, crm: Crm
) -> None:
    crm.planned_logins = [httpx.ConnectError("no")] * 3

    failure = await failed(line, WRITE)

    assert failure.message == "The CRM could not be reached. Nothing was sent."
    assert (len(crm.logins), line.waits) == (3, [0.5, 1.0])


async def test_a_caller_who_gives_up_during_a_login_leaves_no_other_waiting(
    line: Line, crm: Crm
) -> None:
    held = Held()
    crm.held = [held]

    async with anyio.create_task_group() as calls:
        calls.start_soon(line.send, WRITE)
        await held.arrived.wait()
        calls.cancel_scope.cancel()

    assert (await line.send(WRITE)).status == 200
    assert len(crm.calls) == 1


async def test_a_token_that_ends_while_a_call_is_under_way_is_renewed_by_the_next(
    line: Line, crm: Crm, clock: Clock
) -> None:
    def late(_: httpx.Request) -> httpx.Response:
        clock.seconds += LIFE
        return httpx.Response(200, json=[])

    crm.planned = [late]

    assert (await line.send(WRITE)).status == 200
    await line.send(WRITE)

    assert crm.bearers() == [f"Bearer {TOKEN}1", f"Bearer {TOKEN}2"]


async def test_at_the_end_nothing_is_sent(crm: Crm, clock: Clock) -> None:
    async with meeting(crm, clock) as line:
        await line.send(READ)
        sent = len(crm.seen)

    assert len(crm.seen) == sent


async def test_a_request_that_is_no_call_and_no_login_gets_nothing() -> None:
    request = httpx.Request("GET", "https://evil.example.com/")

    (sent,) = ClientAuth(client_settings()).auth_flow(request)

    assert "authorization" not in sent.headers
    assert sent.content == b""
