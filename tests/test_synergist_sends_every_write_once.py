"""Every write of Synergist is a GET: it is sent once, whatever happens, and only when it is meant.

`test_client_writes_by_get.py` shows the same for the client alone, and for all effects there are.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from bypass import connected, kind_of
from open_crm import Person, Write, opened
from synergist_crm import SYNERGIST
from synergist_tap import OPERATIONS, WRITES, Answer, Tapped, actions_in, words_of
from wire import Line
from wire import connected as connected_client

from crm_mcp.bind import bind
from crm_mcp.errors import ApprovalRequired, ToolFailure, UnknownOutcome
from crm_mcp.ledger import Approval
from crm_mcp.parties import Caller
from crm_mcp.redact import Redactor
from crm_mcp.respond import Outcome, respond
from crm_mcp.testing import dialog
from crm_mcp.vendors.synergist import VENDOR

pytestmark = pytest.mark.anyio

XML = "<Responses><Error ErrorID='404500'><ErrorText>{}</ErrorText></Error></Responses>"
CACHED = {"cache-control": "public, max-age=3600", "etag": '"1"', "age": "7"}


class BreaksOff(httpx.AsyncByteStream):
    """Begins an answer, and is reset in the middle of it."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b'{"success": true, "data": ['
        raise httpx.ReadError("reset")


def raising(error: type[httpx.TransportError]) -> Answer:
    def lose(request: httpx.Request) -> httpx.Response:
        raise error("lost", request=request)

    return lose


def saying(status: int, text: str = "", **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: httpx.Response(status, headers=named, text=text)


def breaking_off(_: httpx.Request) -> httpx.Response:
    return httpx.Response(200, headers={"content-length": "1000"}, stream=BreaksOff())


def back_here(request: httpx.Request) -> httpx.Response:
    """Lead to the same address, and so to the same write."""
    return httpx.Response(302, headers={"location": request.url.raw_path.decode()})


UNKNOWN: dict[str, Answer] = {
    "connection lost": raising(httpx.ReadError),
    "connection closed": raising(httpx.RemoteProtocolError),
    "lost while sending": raising(httpx.WriteError),
    "read timeout": raising(httpx.ReadTimeout),
    "write timeout": raising(httpx.WriteTimeout),
    "reset in the body": breaking_off,
    "500": saying(500),
    "500 with an error of its own": saying(500, XML.format("The record was not found.")),
    "502": saying(502, retry_after="0"),
    "503": saying(503, retry_after="0"),
    "504": saying(504, "<html>Gateway Timeout</html>", content_type="text/html"),
    "garbage": saying(200, '{"success": tr', content_type="application/json"),
    "nothing": saying(200),
    "a page": saying(200, "<html>Welcome</html>", content_type="text/html"),
    "no envelope": saying(200, "[]", content_type="application/json"),
    "404 of a proxy": saying(404, "<html>Not Found</html>", content_type="text/html"),
    "redirect": back_here,
    "moved for ever": saying(308, location="http://127.0.0.1/jsonapi/jobs.json?action=create"),
}
CERTAIN: dict[str, tuple[Answer, str]] = {
    "429": (saying(429, retry_after="0"), "rate_limited"),
    "404 of its own": (saying(404, XML.format("The date is closed.")), "rejected"),
    "404 of a stale record": (saying(404, XML.format("Record version is old.")), "conflict"),
    "never connected": (raising(httpx.ConnectError), "unavailable"),
}


@dataclass
class Network(httpx.AsyncBaseTransport):
    """Meets every request in one way, and counts them."""

    answer: Answer
    sent: list[bytes] = field(default_factory=list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(request.url.raw_path)
        return self.answer(request)


async def outcome(line: Line, write: Write) -> Outcome:
    reply = await line.send(write.operation, bind(write.operation, write.arguments))
    return respond(write.operation, VENDOR, reply, write.arguments, Redactor())


async def failures(network: Network) -> AsyncIterator[tuple[Write, ToolFailure, list[bytes]]]:
    """Send every write; tells how each failed, and what was sent for it."""
    async with connected_client(VENDOR, SYNERGIST, transport=network) as line:
        for write in WRITES:
            with pytest.raises(ToolFailure) as caught:
                await outcome(line, write)
            yield write, caught.value, network.sent[:]
            network.sent.clear()


def test_no_write_is_left_out() -> None:
    assert {write.name for write in WRITES} == {one.name for one in OPERATIONS if one.is_write}
    assert len(WRITES) > 50


@pytest.mark.parametrize("name", UNKNOWN)
async def test_a_write_of_unknown_outcome_is_sent_once(name: str) -> None:
    async for write, failed, sent in failures(Network(UNKNOWN[name])):
        assert (write.name, type(failed), len(sent)) == (write.name, UnknownOutcome, 1)
        assert failed.details["status"] == "unknown"
        assert words_of(write.operation) & actions_in(sent[0])


@pytest.mark.parametrize("name", CERTAIN)
async def test_a_write_that_certainly_did_nothing_is_told_as_that(name: str) -> None:
    answer, kind = CERTAIN[name]
    times = 3 if name == "never connected" else 1  # what never left this machine may go again

    async for write, failed, sent in failures(Network(answer)):
        assert (write.name, failed.kind, len(sent)) == (write.name, kind, times)
        assert failed.details.get("status") != "unknown"


class Careful(Person):
    """Somebody who looks what was sent before they say yes."""

    def __init__(self, crm: Tapped) -> None:
        super().__init__()
        self.crm = crm
        self.sent: list[int] = []

    async def ask(self, approval: Approval) -> Any:
        self.sent.append(len(self.crm.written))
        return await super().ask(approval)


async def test_a_write_that_a_person_approved_and_that_was_lost_is_sent_once(
    tmp_path: Path,
) -> None:
    crm = Tapped(UNKNOWN["connection lost"])
    person = Careful(crm)
    async with opened(tmp_path, crm) as app:
        for write in WRITES:
            with pytest.raises(UnknownOutcome):
                await app.pipeline.call(write.name, write.arguments, Caller(asker=person))
        states = [approval.state for approval in app.ledger.recent(1_000)]
        results = [line["status"] for line in app.audit.lines() if line["event"] == "result"]

    assert len(crm.written) == len(WRITES)
    assert person.sent == list(range(len(WRITES)))  # what is read for the question writes nothing
    assert states == ["spent"] * len(WRITES)
    assert results == ["unknown"] * len(WRITES)


async def test_a_client_hears_that_the_outcome_is_not_known(tmp_path: Path) -> None:
    crm, person = Tapped(UNKNOWN["connection lost"]), dialog(lambda _: "approve")
    one_each = {write.operation.effect: write for write in WRITES}
    async with connected(tmp_path, crm, person=person) as (_, client):
        for write in one_each.values():
            assert await kind_of(client, write.name, write.arguments) == "unknown_outcome"

    assert len(crm.written) == len(one_each) == 4


async def test_the_same_write_approved_twice_is_sent_twice_and_never_from_a_cache(
    tmp_path: Path,
) -> None:
    body = '{"success": true, "errorcode": 0, "data": []}'
    crm = Tapped(lambda _: httpx.Response(200, headers=CACHED, text=body))
    async with opened(tmp_path, crm) as app:
        for write in WRITES:
            for _ in range(2):
                await app.pipeline.call(write.name, write.arguments, Caller(asker=Person()))

    sent = [request.url.raw_path for request in crm.written]
    assert len(sent) == 2 * len(WRITES)
    assert sent[::2] == sent[1::2]
    for request in crm.heard:
        assert request.headers["cache-control"] == "no-cache, no-store"
        assert not {"if-none-match", "if-modified-since"} & request.headers.keys()


async def test_a_preview_and_a_dry_run_send_no_write(tmp_path: Path) -> None:
    crm = Tapped()
    async with opened(tmp_path, crm) as app, opened(tmp_path, crm, mode="unattended") as free:
        for write in WRITES:
            with pytest.raises(ApprovalRequired):
                await app.pipeline.call(write.name, write.arguments, Caller())
            for one in (app, free):
                dry = {**write.arguments, "_dry_run": True}
                outcome = await one.pipeline.call(write.name, dry, Caller(asker=Person()))
                assert outcome.status == "not_done"
                assert outcome.data["preview"]

    assert crm.written == []
    assert len(crm.heard) > len(WRITES)
