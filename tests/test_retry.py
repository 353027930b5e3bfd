"""May a request be sent again, and when: by what it does to data, never by its method."""

from collections.abc import Mapping

import httpx
import pytest
import respx
from wire import OK, Line

from crm_mcp.operation import Operation
from crm_mcp.respond import LOOK_FIRST
from crm_mcp.retry import MAX_ATTEMPTS, MAX_WAIT_SECONDS, Lost, wait_before_retry
from crm_mcp.vendors.base import Reply

KINDS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "read": ("read", ()),
    "create": ("create", ()),
    "create that says it is idempotent": ("create", ("idempotent",)),
    "update": ("update", ()),
    "idempotent update": ("update", ("idempotent",)),
    "delete": ("delete", ()),
    "idempotent delete": ("delete", ("idempotent",)),
    "action": ("action", ()),
    "action that says it is idempotent": ("action", ("idempotent",)),
}
REPEATABLE = {"read", "idempotent update", "idempotent delete"}
ACTIONS = {"action", "action that says it is idempotent"}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def operation(five: Mapping[str, Operation], kind: str) -> Operation:
    effect, traits = KINDS[kind]
    return five["fivecrm_areas_list"].model_copy(update={"effect": effect, "traits": traits})


def reply(status: int, retry_after: str | None = None) -> Reply:
    return Reply(status, {} if retry_after is None else {"retry-after": retry_after}, b"")


def test_what_never_left_this_machine_is_always_sent_again(operation: Operation) -> None:
    assert wait_before_retry(operation, Lost.UNSENT, 1) == 0.5
    assert wait_before_retry(operation, Lost.UNSENT, 2) == 1.0


@pytest.mark.parametrize("lost", [Lost.MAYBE_SENT, Lost.TOO_LARGE])
def test_what_may_have_arrived_is_never_sent_again(operation: Operation, lost: Lost) -> None:
    assert wait_before_retry(operation, lost, 1) is None


def test_too_many_calls_are_repeated_unless_they_are_actions(
    operation: Operation, kind: str
) -> None:
    assert wait_before_retry(operation, reply(429), 1) == (None if kind in ACTIONS else 0.5)


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_busy_crm_is_asked_again_only_by_what_may_happen_twice(
    operation: Operation, kind: str, status: int
) -> None:
    expected = 0.5 if kind in REPEATABLE else None

    assert wait_before_retry(operation, reply(status), 1) == expected


@pytest.mark.parametrize("status", [200, 204, 302, 400, 401, 403, 404, 408, 409, 500, 501, 505])
def test_any_other_answer_is_final(operation: Operation, status: int) -> None:
    assert wait_before_retry(operation, reply(status), 1) is None


@pytest.mark.parametrize("result", [reply(429), reply(503), Lost.UNSENT])
def test_the_last_attempt_is_the_last(five: Mapping[str, Operation], result: Reply | Lost) -> None:
    read = five["fivecrm_areas_list"]

    assert MAX_ATTEMPTS == 3
    assert wait_before_retry(read, result, MAX_ATTEMPTS - 1) == 1.0
    assert wait_before_retry(read, result, MAX_ATTEMPTS) is None


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("said", "wait"),
    [
        ("0", 0.0),
        ("7", 7.0),
        ("2.5", 2.5),
        ("30", MAX_WAIT_SECONDS),
        ("31", None),
        ("86399", None),
        ("-1", 0.5),
        ("nan", 0.5),
        ("inf", 0.5),
        ("Wed, 21 Oct 2026 07:28:00 GMT", 0.5),
        ("", 0.5),
    ],
)
def test_the_crm_says_how_long_to_wait_within_reason(
    five: Mapping[str, Operation], status: int, said: str, wait: float | None
) -> None:
    assert wait_before_retry(five["fivecrm_areas_list"], reply(status, said), 1) == wait


@pytest.fixture(scope="session")
def read(five: Mapping[str, Operation]) -> Operation:
    return five["fivecrm_areas_list"]


UNSENT = (httpx.ConnectError("no"), httpx.ConnectTimeout("no"), httpx.PoolTimeout("no"))
MAYBE_SENT = (
    httpx.ReadTimeout("no"),
    httpx.ReadError("no"),
    httpx.WriteError("no"),
    httpx.WriteTimeout("no"),
    httpx.RemoteProtocolError("no"),
)


@pytest.mark.anyio
@pytest.mark.parametrize("fault", UNSENT, ids=repr)
async def test_what_could_not_be_sent_is_sent_again(
    line: Line, crm: respx.Route, operation: Operation, fault: httpx.RequestError
) -> None:
    crm.side_effect = [fault, fault, OK]

    reply = await line.send(operation)

    assert (reply.status, crm.call_count, line.waits) == (200, 3, [0.5, 1.0])


@pytest.mark.anyio
async def test_after_three_attempts_nothing_was_sent(
    line: Line, crm: respx.Route, operation: Operation
) -> None:
    crm.side_effect = httpx.ConnectError("no")

    failure = await line.failure(operation)

    assert failure.as_dict() == {
        "error": "unavailable",
        "message": "The CRM could not be reached. Nothing was sent.",
        "hint": "Try again later; if it stays, tell the operator.",
    }
    assert (crm.call_count, line.waits) == (3, [0.5, 1.0])


@pytest.mark.anyio
@pytest.mark.parametrize("fault", MAYBE_SENT, ids=repr)
async def test_what_may_have_arrived_is_not_sent_again_and_nobody_claims_to_know(
    line: Line, crm: respx.Route, operation: Operation, fault: httpx.RequestError
) -> None:
    crm.side_effect = [fault, OK]

    failure = await line.failure(operation)

    words = "The CRM did not answer in time, or broke off."
    unavailable = {"error": "unavailable", "message": words, "hint": "Try again later."}
    unknown = {
        "error": "unknown_outcome",
        "message": f"{words} Whether the change was made is not known.",
        "hint": LOOK_FIRST,
        "status": "unknown",
    }
    assert failure.as_dict() == (unknown if operation.is_write else unavailable)
    assert (crm.call_count, line.waits) == (1, [])


@pytest.mark.anyio
async def test_the_crm_says_when_to_come_back_but_not_to_an_action(
    line: Line, crm: respx.Route, operation: Operation, kind: str
) -> None:
    crm.side_effect = [httpx.Response(429, headers={"Retry-After": "7"}), OK]

    reply = await line.send(operation)

    expected = (429, 1, []) if kind in ACTIONS else (200, 2, [7.0])
    assert (reply.status, crm.call_count, line.waits) == expected


@pytest.mark.anyio
async def test_a_wait_that_is_too_long_is_left_to_the_caller(
    line: Line, crm: respx.Route, read: Operation
) -> None:
    crm.side_effect = [httpx.Response(429, headers={"Retry-After": "31"}), OK]

    reply = await line.send(read)

    assert (reply.status, reply.headers["retry-after"], crm.call_count) == (429, "31", 1)
    assert line.waits == []


@pytest.mark.anyio
@pytest.mark.parametrize("status", [502, 503, 504])
async def test_what_may_happen_twice_reaches_a_busy_crm_in_the_end(
    line: Line, crm: respx.Route, operation: Operation, kind: str, status: int
) -> None:
    crm.side_effect = [httpx.Response(status), httpx.Response(status), OK]

    reply = await line.send(operation)

    expected = (200, 3, [0.5, 1.0]) if kind in REPEATABLE else (status, 1, [])
    assert (reply.status, crm.call_count, line.waits) == expected


@pytest.mark.anyio
async def test_a_read_is_sent_three_times_at_most(
    line: Line, crm: respx.Route, read: Operation
) -> None:
    crm.return_value = httpx.Response(503, content=b"busy")

    reply = await line.send(read)

    assert (reply.status, reply.content, crm.call_count) == (503, b"busy", 3)


@pytest.mark.anyio
@pytest.mark.parametrize("status", [400, 500, 501])
async def test_an_answer_that_is_final_is_not_asked_for_again(
    line: Line, crm: respx.Route, operation: Operation, status: int
) -> None:
    crm.side_effect = [httpx.Response(status), OK]

    assert ((await line.send(operation)).status, crm.call_count) == (status, 1)
