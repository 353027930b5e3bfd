"""Synergist's address: what joins it, how long it may be, and that nobody ever reads it."""

import asyncio
import logging
import traceback
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
import respx
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError
from shop import Person
from synergist_crm import (
    ACTIVITY_GET,
    ACTIVITY_UPDATE,
    ATTACHMENTS_CREATE,
    SUCCESS,
    SYNERGIST,
    UPDATE,
    USER,
    USER_SPELLINGS,
    Office,
    operation,
)
from wire import BASE, SECRET, SPELLINGS, Line, connected

from crm_mcp.bind import bind
from crm_mcp.config import load_settings
from crm_mcp.errors import ConfigError, InvalidArguments, UnknownOutcome
from crm_mcp.operation import Operation
from crm_mcp.redact import MASK
from crm_mcp.vendors.quiet import QuietURL
from crm_mcp.vendors.synergist import MAX_ADDRESS, VENDOR
from crm_mcp.vendors.synergist.settings import SynergistSettings

ADDRESS = f"{BASE}/jsonapi/activities.json"
CREDENTIALS = "user=us3r%2F%2B%C3%B6&password=s3cret%2F%2B%C3%A4"
SECRETS = (*SPELLINGS, *USER_SPELLINGS)
DATA = [{"activityID": 1, "activityDetails": "a & b/ü"}]


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    async with connected(VENDOR, SYNERGIST) as line:
        yield line


@pytest.fixture
def crm() -> Any:
    with respx.mock(assert_all_called=False) as router:
        yield router.get(url__startswith=ADDRESS).respond(json=SUCCESS)


def found(text: str) -> list[str]:
    """List the spellings of user and password in a text."""
    return [spelling for spelling in SECRETS if spelling in text]


@pytest.mark.anyio
async def test_user_password_and_version_join_the_query_last(line: Line, crm: respx.Route) -> None:
    await line.send(ACTIVITY_UPDATE, bind(ACTIVITY_UPDATE, {"company": 1, "data": DATA}))

    request = crm.calls.last.request
    assert request.method == "GET"
    assert request.url.raw_path.decode() == (
        "/base/jsonapi/activities.json?action=update&company=1&input=%7B%22data%22%3A%5B%7B"
        "%22activityID%22%3A1%2C%22activityDetails%22%3A%22a%20%26%20b%2F%C3%BC%22%7D%5D%7D"
        f"&{CREDENTIALS}&version=3.2"
    )


@pytest.mark.anyio
async def test_the_hash_takes_the_place_of_the_password(crm: respx.Route) -> None:
    settings = SynergistSettings(base_url=BASE, user="a", sha512password=SecretStr("f0+"))
    async with connected(VENDOR, settings) as line:
        await line.send(ACTIVITY_GET)

    query = crm.calls.last.request.url.query
    assert query == b"action=get&user=a&sha512password=f0%2B&version=3.2"


@pytest.mark.anyio
async def test_a_version_that_the_request_names_stays(line: Line, crm: respx.Route) -> None:
    request = {"const": {"query:version": "3.1", "query:subversion": "3"}}
    older = operation("synergist_notes_update", "update", {})
    older = older.model_copy(update={"request": older.request.model_copy(update=request)})

    await line.send(older)

    query = crm.calls.last.request.url.query.decode()
    assert query == f"version=3.1&subversion=3&{CREDENTIALS}"


@pytest.mark.anyio
async def test_a_request_without_a_query_gets_one(line: Line, crm: respx.Route) -> None:
    await line.send(ACTIVITY_GET, replace(bind(ACTIVITY_GET, {}), query=()))

    assert crm.calls.last.request.url.query.decode() == f"{CREDENTIALS}&version=3.2"


@pytest.mark.anyio
async def test_nothing_between_us_and_the_crm_may_answer_from_a_cache(
    line: Line, crm: respx.Route
) -> None:
    await line.send(ACTIVITY_UPDATE)

    assert crm.calls.last.request.headers["cache-control"] == "no-cache, no-store"


@pytest.mark.anyio
@pytest.mark.parametrize("operation", [ACTIVITY_GET, ACTIVITY_UPDATE])
async def test_no_log_and_no_exception_tells_user_or_password(
    line: Line, crm: respx.Route, caplog: pytest.LogCaptureFixture, operation: Operation
) -> None:
    caplog.set_level(logging.DEBUG)
    await line.send(operation)

    def break_off(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadError(f"lost {request.url}", request=request)

    crm.side_effect = break_off
    failed = await line.failure(operation)

    assert f'HTTP Request: GET https://crm.example.com/{MASK} "HTTP/1.1 200 OK"' in caplog.messages
    told = "".join(traceback.format_exception(failed)) + repr(failed) + str(failed.as_dict())
    assert found(caplog.text + told) == []


@pytest.mark.anyio
async def test_on_a_real_socket_only_the_other_side_reads_the_address(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    asyncio.get_running_loop().set_debug(True)
    received = b""

    async def answer(stream: anyio.abc.SocketStream) -> None:
        nonlocal received
        async with stream:
            while b"\r\n\r\n" not in received:
                received += await stream.receive()
            await stream.send(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b; Path=/\r\n")
            await stream.send(b"Content-Length: 2\r\n\r\n{}")

    async with (
        await anyio.create_tcp_listener(local_host="127.0.0.1") as listener,
        anyio.create_task_group() as serving,
    ):
        serving.start_soon(listener.serve, answer)
        port = listener.extra(anyio.abc.SocketAttribute.local_port)  # noqa: S610 - no SQL here
        settings = SYNERGIST.model_copy(update={"base_url": f"http://127.0.0.1:{port}"})
        async with connected(VENDOR, settings) as line:
            reply = await line.send(ACTIVITY_GET)
        serving.cancel_scope.cancel()

    query = f"action=get&{CREDENTIALS}&version=3.2"
    assert received.startswith(f"GET /jsonapi/activities.json?{query} HTTP/1.1\r\n".encode())
    assert reply.content == b"{}"
    names = {record.name for record in caplog.records}
    assert names >= {"httpx", "httpcore.http11", "asyncio"}
    assert found(caplog.text) == []


@pytest.mark.anyio
async def test_a_lost_answer_leaves_no_address_in_the_failure(line: Line, crm: respx.Route) -> None:
    crm.side_effect = httpx.ReadTimeout

    failed = await line.failure(ACTIVITY_UPDATE)

    assert type(failed) is UnknownOutcome
    assert (failed.__cause__, failed.__suppress_context__) == (None, False)
    assert found("".join(traceback.format_exception(failed))) == []


def test_a_quiet_address_is_whole_on_the_wire_and_cut_in_every_text() -> None:
    url = QuietURL("https://crm.example.com:8443/a/b?user=x&input=%7B%7D#part")

    assert url.raw_path == b"/a/b?user=x&input=%7B%7D"
    assert str(url) == f"{url}" == f"https://crm.example.com:8443/a/b?{MASK}"
    assert repr(url) == f"QuietURL('https://crm.example.com:8443/a/b?{MASK}')"
    request = httpx.Request("GET", "https://crm.example.com")
    request.url = url
    assert "user" not in repr(request)


def test_the_settings_do_not_show_user_or_password() -> None:
    assert found(repr(SYNERGIST) + str(SYNERGIST)) == []


def environment(**values: str) -> dict[str, str]:
    return {
        f"CRM_MCP_SYNERGIST_{name.upper()}": value
        for name, value in {"base_url": BASE, "user": USER, **values}.items()
    }


def test_the_settings_come_from_the_environment() -> None:
    given = environment(
        sha512password=SECRET, company="8", upload_hosts="Files.example.com, *.s3.example"
    )

    settings = load_settings(given)

    synergist = settings.vendors["synergist"]
    assert isinstance(synergist, SynergistSettings)
    assert synergist.upload_hosts == ("files.example.com", "*.s3.example")
    assert (synergist.company, synergist.password) == (8, None)
    assert settings.secrets() == [SECRET, f"user={USER}", "user=us3r%2F%2B%C3%B6"]


def test_attachments_go_to_amazon_unless_said_otherwise() -> None:
    assert SYNERGIST.upload_hosts == ("*.amazonaws.com",)


@pytest.mark.parametrize("given", [{}, {"password": SECRET, "sha512password": SECRET}])
def test_one_of_password_and_hash_is_needed(given: dict[str, str]) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(environment(**given))

    problem = "give the password or its SHA-512, one of the two"
    assert str(caught.value) == f"CRM_MCP_SYNERGIST_SHA512PASSWORD: {problem}"


@pytest.mark.parametrize(
    "host", ["*", "*.com", "https://x.example", "a b.example/", "x.example:80"]
)
def test_files_go_to_named_hosts_only(host: str) -> None:
    with pytest.raises(ValidationError, match="must name hosts"):
        SynergistSettings(base_url=BASE, user="a", password=SecretStr("b"), upload_hosts=(host,))


def check(target: str, *traits: str, settings: SynergistSettings = SYNERGIST) -> str:
    """Say why a request is refused; nothing when it is not."""
    try:
        VENDOR.check(settings, target, traits)
    except InvalidArguments as refused:
        return f"{refused.message} {refused.hint}"
    return ""


@given(
    path=st.text("abc/", max_size=20),
    query=st.text("abc=&%20", max_size=40),
    filler=st.integers(7_800, 8_010),
    user=st.text(min_size=1, max_size=10),
)
def test_the_limit_counts_the_address_that_really_goes_out(
    path: str, query: str, filler: int, user: str
) -> None:
    settings = SYNERGIST.model_copy(update={"user": user})
    target = f"/{path}?{query}{'x' * filler}"
    url = httpx.URL(f"{BASE}/{path}?{query}{'x' * filler}")
    request = httpx.Request("GET", url)
    sent = next(VENDOR.auth(settings).auth_flow(request)).url

    length = len(BASE) + len(sent.raw_path) - len("/base")
    assert bool(check(target, settings=settings)) == (length > MAX_ADDRESS)


def test_an_address_that_is_too_long_is_refused_with_what_to_do() -> None:
    told = check(f"/jsonapi/activities.json?input={'x' * 9_000}")

    assert "this one would have 9121 characters, and at most 8000 are possible" in told
    assert told.endswith("Nothing was sent. Send fewer records in one call, or shorter texts.")
    assert found(told) == []


def test_a_file_may_take_more_room_up_to_its_own_limit() -> None:
    larger = SYNERGIST.model_copy(update={"max_attachment_url": 20_000})

    assert check(f"/x?{'x' * 9_000}", "binary") == ""
    assert check(f"/x?{'x' * 19_000}", "binary", settings=larger) == ""
    assert "Send a smaller file" in check(f"/x?{'x' * 20_000}", "binary", settings=larger)
    assert check(f"/x?{'x' * 60_000}", "binary")


@pytest.mark.anyio
async def test_the_longest_address_that_is_allowed_can_be_sent(crm: respx.Route) -> None:
    settings = SYNERGIST.model_copy(update={"max_attachment_url": 65_000})
    spec = bind(ATTACHMENTS_CREATE, {"data": [{"variable_AttachmentBase64": "x" * 64_500}]})
    VENDOR.check(settings, spec.target, ("binary",))

    async with connected(VENDOR, settings) as line:
        await line.send(ATTACHMENTS_CREATE, spec)

    assert crm.called


@pytest.mark.anyio
async def test_nobody_is_asked_about_a_request_that_is_too_long(tmp_path: Path) -> None:
    office, person = Office(tmp_path), Person()

    with pytest.raises(InvalidArguments, match="at most 8000"):
        await office.call(
            UPDATE, {"data": [{"activityID": 1, "activityDetails": "ä" * 1_400}]}, person
        )

    assert (person.read, office.crm.sent) == ([], [])


@pytest.mark.anyio
async def test_what_the_record_lends_counts_too(tmp_path: Path) -> None:
    office, person = Office(tmp_path), Person()
    item = {"activityID": 1, "activityDetails": ""}
    room = MAX_ADDRESS - len(
        f"{BASE}{bind(ACTIVITY_UPDATE, {'data': [item]}).target}&{CREDENTIALS}&version=3.2"
    )
    item["activityDetails"] = "x" * room

    with pytest.raises(InvalidArguments, match="at most 8000"):
        await office.call(UPDATE, {"data": [item]}, person)

    assert person.read == []
    assert len(office.crm.sent) == 1


WITH_COMPANY = SYNERGIST.model_copy(update={"company": 8})


@pytest.mark.anyio
@pytest.mark.parametrize(("given", "expected"), [({}, "8"), ({"company": 1}, "1")])
async def test_the_company_that_is_set_up_joins_a_call_that_leaves_it_out(
    tmp_path: Path, given: dict[str, int], expected: str
) -> None:
    office, person = Office(tmp_path, settings=WITH_COMPANY), Person()
    data = {"data": [{"activityID": 1, "activityDetails": "Lunch"}]}

    await office.call(UPDATE, {**data, **given}, person)

    companies = {dict(spec.query)["company"] for spec in office.crm.sent}
    assert companies == {expected}  # of the reads before and after too
    assert f"  company = {expected}" in person.read[0].preview.splitlines()
    assert f"company={expected}&" in person.read[0].preview


@pytest.mark.anyio
async def test_without_a_company_set_up_none_joins(tmp_path: Path) -> None:
    office = Office(tmp_path)

    await office.call("synergist_activities_get", {})

    assert dict(office.crm.sent[0].query) == {"action": "get"}


@pytest.mark.anyio
@pytest.mark.parametrize("properties", [{}, {"company": {"type": "array"}}])
async def test_the_company_joins_only_where_the_tool_takes_one(
    tmp_path: Path, properties: dict[str, Any]
) -> None:
    views = operation("synergist_views_list", "read", properties)
    office = Office(tmp_path, settings=WITH_COMPANY, operations=(views,))

    await office.call("synergist_views_list", {})

    assert dict(office.crm.sent[0].query) == {"action": "list"}
