"""Writes that look like reads on the wire: sent once, whatever happens to them."""

from collections.abc import AsyncIterator
from typing import Any, get_args

import httpx
import pytest
import respx
from synergist_crm import SUCCESS, SYNERGIST, operation
from wire import BASE, Line, connected

from crm_mcp.errors import RateLimited, Unavailable, UnknownOutcome, UpstreamError
from crm_mcp.operation import Effect, Operation
from crm_mcp.redact import Redactor
from crm_mcp.respond import Outcome, respond
from crm_mcp.vendors.synergist import VENDOR

WRITES = [
    operation("synergist_expenses_submit", effect, {}, traits=traits)
    for effect in get_args(Effect)
    if effect != "read"
    for traits in ([], ["idempotent"])
]
READ = operation("synergist_activities_list", "read", {})


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    async with connected(VENDOR, SYNERGIST) as line:
        yield line


@pytest.fixture
def crm() -> Any:
    with respx.mock() as router:
        yield router.get(url__startswith=f"{BASE}/jsonapi/")


async def outcome(line: Line, operation: Operation) -> Outcome:
    reply = await line.send(operation)
    return respond(operation, VENDOR, reply, {}, Redactor())


async def failure(line: Line, operation: Operation) -> UpstreamError:
    with pytest.raises(UpstreamError) as caught:
        await outcome(line, operation)
    return caught.value


@pytest.mark.anyio
@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (httpx.ReadError, UnknownOutcome),
        (httpx.RemoteProtocolError, UnknownOutcome),
        (httpx.ReadTimeout, UnknownOutcome),
        (httpx.WriteTimeout, UnknownOutcome),
        (httpx.Response(500), UnknownOutcome),
        (httpx.Response(502), UnknownOutcome),
        (httpx.Response(503, headers={"retry-after": "0"}), UnknownOutcome),
        (httpx.Response(504), UnknownOutcome),
        (httpx.Response(302, headers={"location": "/"}), UnknownOutcome),
        (httpx.Response(404, text="<html>"), UnknownOutcome),
        (httpx.Response(200, text="<html>"), UnknownOutcome),
        (httpx.Response(429, headers={"retry-after": "0"}), RateLimited),
    ],
)
async def test_a_write_that_may_have_arrived_is_sent_once(
    line: Line, crm: respx.Route, write: Operation, answer: Any, kind: type[UpstreamError]
) -> None:
    crm.side_effect = [answer]

    failed = await failure(line, write)

    assert type(failed) is kind
    assert failed.details.get("status") == ("unknown" if kind is UnknownOutcome else None)
    assert (crm.call_count, line.waits) == (1, [])


@pytest.mark.anyio
@pytest.mark.parametrize("write", WRITES)
async def test_a_write_that_never_left_goes_again(
    line: Line, crm: respx.Route, write: Operation
) -> None:
    crm.side_effect = [httpx.ConnectError, httpx.Response(200, json=SUCCESS)]

    assert (await outcome(line, write)).status == "done"
    assert crm.call_count == 2


@pytest.mark.anyio
@pytest.mark.parametrize("answer", [httpx.Response(status) for status in (429, 502, 503, 504)])
async def test_a_read_by_the_same_method_goes_again(
    line: Line, crm: respx.Route, answer: httpx.Response
) -> None:
    crm.side_effect = [answer, httpx.Response(200, json=SUCCESS)]

    await outcome(line, READ)

    assert crm.call_count == 2


@pytest.mark.anyio
async def test_a_read_whose_answer_is_lost_is_told_as_that(line: Line, crm: respx.Route) -> None:
    crm.side_effect = httpx.ReadError

    assert type(await failure(line, READ)) is Unavailable


@pytest.mark.anyio
@pytest.mark.parametrize("write", WRITES)
async def test_the_same_write_twice_is_sent_twice_and_never_answered_from_memory(
    line: Line, crm: respx.Route, write: Operation
) -> None:
    headers = {"cache-control": "public, max-age=3600", "etag": '"1"'}
    crm.side_effect = [
        httpx.Response(200, headers=headers, json={**SUCCESS, "data": [{"n": n}]}) for n in (1, 2)
    ]

    answers = [(await outcome(line, write)).data for _ in range(2)]

    assert answers == [[{"n": 1}], [{"n": 2}]]
    assert "if-none-match" not in crm.calls.last.request.headers


@pytest.mark.anyio
async def test_a_success_with_a_warning_is_partly_done(line: Line, crm: respx.Route) -> None:
    crm.respond(json={**SUCCESS, "warningmessage": "1 of 2 Expense line deleted."})

    told = await outcome(line, WRITES[0])

    assert (told.status, told.warnings) == ("partly_done", ("1 of 2 Expense line deleted.",))
