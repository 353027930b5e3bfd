"""Files that follow a write: brought once, to allowed hosts only, and told honestly."""

import base64
import json
import logging
import traceback
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import respx
from synergist_crm import ATTACHMENTS_CREATE, SUCCESS, SYNERGIST, USER_SPELLINGS
from wire import BASE, SPELLINGS, Line, connected

from crm_mcp import __version__
from crm_mcp.bind import bind
from crm_mcp.errors import PermitError, Rejected, UnknownOutcome
from crm_mcp.redact import MASK, Redactor
from crm_mcp.respond import Outcome, respond
from crm_mcp.uploads import is_allowed
from crm_mcp.vendors.base import Reply
from crm_mcp.vendors.synergist import VENDOR

CRM = f"{BASE}/jsonapi/activities.json"
STORE_HOST = "https://syn-test.s3-eu-west-1.amazonaws.com"
STORE = f"{STORE_HOST}/Jon_5554.csv"
SIGNED = f"{STORE}?X-Amz-Expires=86400&X-Amz-Signature=s1gned%2F"
FILE = b"HDR, IS SOME TEXT\r\n\x00\xff"
ITEM = {"variable_AttachmentBase64": base64.b64encode(FILE).decode(), "attachmentActivityID": 7}
ROW = {"attachmentID": 5554, "attachmentS3UrlGet": "https://get", "attachmentS3UrlPut": SIGNED}
LOOK = "Look in the CRM whether the file is there."


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    async with connected(VENDOR, SYNERGIST) as line:
        yield line


class World:
    """A CRM that keeps files in a store, and the store."""

    def __init__(self, router: respx.Router) -> None:
        self.crm = router.get(url__startswith=CRM).respond(json={**SUCCESS, "data": [ROW]})
        self.store = router.put(url__startswith=STORE).respond(200)
        self.elsewhere = router.route()

    def answers(self, body: Any, status: int = 200) -> None:
        self.crm.respond(status, json=body)

    def names(self, address: str) -> None:
        self.answers({**SUCCESS, "data": [{**ROW, "attachmentS3UrlPut": address}]})


@pytest.fixture
def world() -> Any:
    with respx.mock(assert_all_called=False) as router:
        yield World(router)


async def create(line: Line, *items: Any) -> Outcome:
    arguments = {"data": list(items) or [ITEM]}
    reply = await line.send(ATTACHMENTS_CREATE, bind(ATTACHMENTS_CREATE, arguments))
    return respond(ATTACHMENTS_CREATE, VENDOR, reply, arguments, Redactor())


@pytest.mark.anyio
async def test_the_file_is_brought_before_the_write_counts_as_done(
    line: Line, world: World
) -> None:
    outcome = await create(line)

    assert (outcome.status, outcome.warnings) == ("done", ())
    request = world.store.calls.last.request
    assert (request.method, str(request.url), request.content) == ("PUT", SIGNED, FILE)
    assert outcome.data == [{**ROW, "attachmentS3UrlPut": MASK}]


@pytest.mark.anyio
async def test_the_store_gets_no_credential_of_ours(line: Line, world: World) -> None:
    world.crm.respond(headers={"set-cookie": "a=b"}, json={**SUCCESS, "data": [ROW]})

    await create(line)

    request = world.store.calls.last.request
    assert dict(request.headers) == {
        "host": "syn-test.s3-eu-west-1.amazonaws.com",
        "accept-encoding": "identity",
        "user-agent": f"crm-mcp/{__version__}",
        "content-length": str(len(FILE)),
    }
    told = str(request.url)
    assert [spelling for spelling in (*SPELLINGS, *USER_SPELLINGS) if spelling in told] == []


@pytest.mark.anyio
async def test_each_record_of_a_write_gets_its_own_file(line: Line, world: World) -> None:
    rows = [ROW, {**ROW, "attachmentS3UrlPut": ""}, {**ROW, "attachmentS3UrlPut": f"{STORE}?2"}]
    world.answers({**SUCCESS, "data": rows})
    contents = [base64.b64encode(content).decode() for content in (b"one", b"two", b"three")]

    outcome = await create(line, *({"variable_AttachmentBase64": text} for text in contents))

    sent = [call.request for call in world.store.calls]
    assert [(str(request.url), request.content) for request in sent] == [
        (SIGNED, b"one"),
        (f"{STORE}?2", b"three"),
    ]
    assert outcome.status == "done"


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("answer", "status", "words"),
    [
        (httpx.Response(403), "partly_done", "refused the file (HTTP 403)"),
        (httpx.Response(301, headers={"location": "https://evil.example"}), "partly_done", "301"),
        (httpx.Response(500), "unknown", "answered with HTTP 500: nobody knows"),
        (httpx.Response(503), "unknown", "answered with HTTP 503: nobody knows"),
        (httpx.ConnectError, "partly_done", "the file store was not reached"),
        (httpx.ReadError, "unknown", "did not answer in time, or broke off"),
        (httpx.WriteTimeout, "unknown", "did not answer in time, or broke off"),
    ],
)
async def test_a_file_that_did_not_arrive_is_told_and_never_sent_again(
    line: Line, world: World, answer: Any, status: str, words: str
) -> None:
    world.store.side_effect = [answer]

    outcome = await create(line)

    assert outcome.status == status
    (warning,) = outcome.warnings
    assert warning.startswith("The CRM took the call, but the file store ")
    assert words in warning
    assert LOOK in warning
    assert (world.crm.call_count, world.store.call_count, line.waits) == (1, 1, [])
    assert not world.elsewhere.called


@pytest.mark.anyio
async def test_the_worst_of_several_files_counts(line: Line, world: World) -> None:
    world.answers({**SUCCESS, "data": [ROW, ROW, ROW]})
    world.store.side_effect = [httpx.Response(403), httpx.ReadError, httpx.Response(200)]

    outcome = await create(line, ITEM, ITEM, ITEM)

    assert outcome.status == "unknown"
    assert world.store.call_count == 3


@pytest.mark.anyio
@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/x?X-Amz-Signature=s1gned",
        "https://amazonaws.com.evil.example/x",
        "https://evilamazonaws.com/x",
        "https://amazonaws.com/x",
        "http://b.s3.amazonaws.com/x",
        "ftp://b.s3.amazonaws.com/x",
        "https://b.s3.amazonaws.com:8443/x",
        "https://user:pass@b.s3.amazonaws.com/x",
        "https://b.s3.amazonaws.com@evil.example/x",
        "https://evil.example\\.amazonaws.com/x",
        "https://evil.example#.amazonaws.com/x",
        "//b.s3.amazonaws.com/x",
        "https:///x",
        "https://127.0.0.1/x",
        "http://localhost/x",
        "https://[::1/x",
        f"https://b.s3.amazonaws.com/{'x' * 70_000}",
        "nonsense",
    ],
)
async def test_an_address_that_is_not_allowed_gets_nothing(
    line: Line, world: World, address: str
) -> None:
    world.names(address)

    outcome = await create(line)

    assert not world.elsewhere.called
    assert not world.store.called
    assert outcome.status == "partly_done"
    assert (
        "is not allowed here, so the file was not sent. Tell the operator." in outcome.warnings[0]
    )


@pytest.mark.anyio
@pytest.mark.parametrize(
    "item",
    [{}, "text", *({"variable_AttachmentBase64": content} for content in ("", "?", "ä", 7))],
)
async def test_a_call_without_a_file_is_told_where_one_is_wanted(
    line: Line, world: World, item: Any
) -> None:
    outcome = await create(line, item)

    assert (outcome.status, world.store.called) == ("partly_done", False)
    assert "keeps files elsewhere, and the call brought none" in outcome.warnings[0]


@pytest.mark.anyio
async def test_a_row_more_than_was_sent_is_told(line: Line, world: World) -> None:
    world.answers({**SUCCESS, "data": [ROW, ROW]})

    outcome = await create(line, ITEM)

    assert (outcome.status, world.store.call_count) == ("partly_done", 1)


@pytest.mark.anyio
@pytest.mark.parametrize(
    "body",
    [
        {**SUCCESS, "data": [{"attachmentID": 5505}]},
        {**SUCCESS, "data": [{**ROW, "attachmentS3UrlPut": ""}]},
        {**SUCCESS, "attachmentS3UrlPut": SIGNED},
        {**SUCCESS, "data": {"attachmentS3UrlPut": SIGNED}},
    ],
)
async def test_where_the_crm_keeps_the_file_itself_nothing_follows(
    line: Line, world: World, body: Any
) -> None:
    world.answers(body)

    assert (await create(line)).status == "done"
    assert not world.store.called


@pytest.mark.anyio
async def test_after_a_refused_write_nothing_follows(line: Line, world: World) -> None:
    world.answers({"success": False, "errormessage": "no", "data": [ROW]})

    with pytest.raises(Rejected):
        await create(line)

    assert not world.store.called


@pytest.mark.anyio
async def test_an_answer_of_failure_is_no_success_whatever_its_body_says(
    line: Line, world: World
) -> None:
    world.answers({**SUCCESS, "data": [ROW]}, status=500)

    with pytest.raises(UnknownOutcome):
        await create(line)

    assert not world.store.called


@pytest.mark.anyio
async def test_a_reply_that_is_no_json_names_no_address(line: Line, world: World) -> None:
    world.crm.respond(content=b"<attachmentS3UrlPut>")

    reply = await line.send(ATTACHMENTS_CREATE)

    assert reply.shortfall is None
    assert not world.store.called


@pytest.mark.anyio
async def test_a_read_never_brings_a_file_anywhere(line: Line, world: World) -> None:
    read = ATTACHMENTS_CREATE.model_copy(update={"effect": "read"})

    await line.send(read, bind(read, {"data": [ITEM]}))

    assert not world.store.called


@pytest.mark.anyio
async def test_without_a_permit_no_file_is_brought_either(line: Line, world: World) -> None:
    spec = bind(ATTACHMENTS_CREATE, {"data": [ITEM]})
    permit = line.permit(ATTACHMENTS_CREATE, spec)
    await line.client.send(permit, spec, ATTACHMENTS_CREATE)

    with pytest.raises(PermitError):
        await line.client.send(permit, spec, ATTACHMENTS_CREATE)

    assert world.store.call_count == 1


@pytest.mark.anyio
async def test_nobody_reads_the_signed_address(
    line: Line, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    def break_off(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadError(f"lost {request.url}", request=request)

    outcomes = [await create(line)]
    world.store.side_effect = break_off
    outcomes.append(await create(line))

    assert f'HTTP Request: PUT {STORE_HOST}/{MASK} "HTTP/1.1 200 OK"' in caplog.messages
    told = json.dumps([outcome.as_dict() for outcome in outcomes]) + caplog.text
    assert "s1gned" not in told
    assert "Signature" not in told


@pytest.mark.anyio
async def test_a_refused_address_stands_in_no_text(line: Line, world: World) -> None:
    world.names("https://evil.example/x?X-Amz-Signature=s1gned")

    outcome = await create(line)

    assert "s1gned" not in json.dumps(outcome.as_dict())
    (upload,) = VENDOR.uploads(SYNERGIST, _reply(world), {"input": json.dumps({"data": [ITEM]})})
    assert "s1gned" not in repr(upload)
    assert "s1gned" not in "".join(traceback.format_exception(ValueError(upload)))


def _reply(world: World) -> Reply:
    return Reply(200, {}, world.crm.calls.last.response.content)


@pytest.mark.parametrize("sent", ["", "[]", "{", '{"data": 7}'])
def test_an_input_that_cannot_be_read_brings_no_file(sent: str) -> None:
    reply = Reply(200, {}, json.dumps({**SUCCESS, "data": [ROW]}).encode())

    (upload,) = VENDOR.uploads(SYNERGIST, reply, {"input": sent})

    assert upload.content == b""


@pytest.mark.parametrize(
    ("scheme", "host", "port", "allowed"),
    [
        ("https", "b.s3.amazonaws.com", None, True),
        ("https", "b.s3.amazonaws.com", 443, True),
        ("https", "files.example.com", None, True),
        ("https", "x.files.example.com", None, False),
        ("http", "sandbox.localhost", 8000, True),
        ("http", "other.localhost", 8000, False),
        ("http", "files.example.com", None, False),
        ("ws", "sandbox.localhost", None, False),
        ("https", "b.s3.amazonaws.com", 80, False),
        ("https", "", None, False),
    ],
)
def test_files_go_to_allowed_hosts_by_https_or_stay_on_this_machine(
    scheme: str, host: str, port: int | None, *, allowed: bool
) -> None:
    hosts = ("*.amazonaws.com", "files.example.com", "sandbox.localhost")

    assert is_allowed(scheme, host, port, hosts) is allowed
