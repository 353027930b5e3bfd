"""The one way to a vendor: what goes over the wire, where to, and what comes back."""

import logging
import traceback
from collections.abc import AsyncIterator, Generator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import anyio
import httpx
import pytest
import respx
from wire import BASE, FIVE, OK, SECRET, SPELLINGS, Line, connected

from crm_mcp import __version__
from crm_mcp.bind import bind
from crm_mcp.errors import PermitError
from crm_mcp.guard import PERMIT_SECONDS, Permit
from crm_mcp.operation import Operation, Request
from crm_mcp.redact import MASK, WIRE_LOGGERS
from crm_mcp.vendors.base import Reading, Reply, Vendor, VendorSettings


@pytest.fixture(scope="session")
def read(five: Mapping[str, Operation]) -> Operation:
    return five["fivecrm_areas_list"]


@pytest.fixture(scope="session", params=["read", "create"])
def operation(read: Operation, request: pytest.FixtureRequest) -> Operation:
    """Give the same request as a read and as a write."""
    return read.model_copy(update={"effect": request.param})


@pytest.mark.anyio
async def test_a_request_is_what_was_bound_and_the_hash_joins_last(
    line: Line, crm: respx.Route, five: Mapping[str, Operation]
) -> None:
    crm.return_value = httpx.Response(201, content=b"{}", headers={"X-Seen": "Yes"})
    operation = five["fivecrm_customer_products_import"]
    spec = bind(operation, {"area": "0 1", "customerProducts": [{"account": "a&b"}]})

    reply = await line.send(operation, spec)

    request = crm.calls.last.request
    assert (request.method, str(request.url)) == ("POST", f"{BASE}/api2.php")
    assert request.content == (
        b"mode=importCustomerProducts&area=0%201&customerProducts[0][account]=a%26b"
        b"&hash=s3cret%2F%2B%C3%A4"
    )
    assert dict(request.headers) == {
        "host": "crm.example.com",
        "accept": "application/json",
        "accept-encoding": "gzip, deflate",
        "user-agent": f"crm-mcp/{__version__}",
        "content-type": "application/x-www-form-urlencoded",
        "content-length": str(len(request.content)),
    }
    assert reply == Reply(201, {"x-seen": "Yes", "content-length": "2"}, b"{}")


@dataclass(frozen=True)
class Plain(Vendor):
    """A vendor that wants its password in the address of every request."""

    id = "plain"
    title = "Plain"
    settings: ClassVar = VendorSettings
    everyday = ()
    probe = ""

    def auth(self, _settings: Any) -> httpx.Auth:
        return PasswordInAddress()

    def read(self, reply: Reply) -> Reading:
        return Reading(reply.content)


class PasswordInAddress(httpx.Auth):
    """Adds the password as the last query parameter."""

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        request.url = request.url.copy_merge_params({"password": SECRET})
        yield request


@pytest.fixture
async def plain() -> AsyncIterator[Line]:
    async with connected(Plain(), VendorSettings(base_url=BASE, rate=1000)) as line:
        yield line


@pytest.mark.anyio
async def test_a_json_body_and_headers_go_out_as_they_were_bound(
    plain: Line, read: Operation
) -> None:
    request = {"method": "PUT", "path": "/things", "args_in": "json", "bind": {"f": "header:X-F"}}
    schema = {"type": "object", "properties": {"name": {}, "f": {}}}
    changes = {"request": Request.model_validate(request), "input_schema": schema}
    operation = read.model_copy(update=changes)
    with respx.mock() as router:
        route = router.put(f"{BASE}/things").respond(204)
        await plain.send(operation, bind(operation, {"name": "Größe", "f": "a,b"}))

    sent = route.calls.last.request
    assert sent.content == '{"name":"Größe"}'.encode()
    assert (sent.headers["content-type"], sent.headers["x-f"]) == ("application/json", "a,b")


@pytest.mark.anyio
async def test_a_form_goes_out_as_it_was_bound(plain: Line, five: Mapping[str, Operation]) -> None:
    operation = five["fivecrm_customer_products_import"]
    with respx.mock() as router:
        route = router.post(url__startswith=f"{BASE}/api2.php").respond(200)
        await plain.send(operation, bind(operation, {"area": "001"}))

    sent = route.calls.last.request
    assert sent.content == b"mode=importCustomerProducts&area=001"
    assert sent.headers["content-type"] == "application/x-www-form-urlencoded"


@pytest.mark.anyio
async def test_a_call_has_limits_in_time(crm: respx.Route, read: Operation) -> None:
    crm.return_value = OK
    timeouts = []
    for seconds in (30, 2):
        async with connected(seconds=seconds) as line:
            await line.send(read)
        timeouts.append(crm.calls.last.request.extensions["timeout"])

    assert timeouts == [
        {"connect": 10.0, "read": 30, "write": 30, "pool": 30},
        {"connect": 2, "read": 2, "write": 2, "pool": 2},
    ]


@pytest.mark.anyio
async def test_nothing_of_one_answer_goes_into_the_next_request(
    line: Line, crm: respx.Route, read: Operation
) -> None:
    crm.return_value = httpx.Response(200, headers={"set-cookie": "session=1; Path=/"})

    await line.send(read)
    await line.send(read)

    assert "cookie" not in crm.calls.last.request.headers


@pytest.mark.anyio
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed_and_the_other_host_sees_nothing(
    line: Line, read: Operation, status: int
) -> None:
    with respx.mock(assert_all_called=False) as router:
        evil = router.route(host="evil.example")
        location = {"location": "https://evil.example/api2.php"}
        router.post(f"{BASE}/api2.php").respond(status, headers=location)
        reply = await line.send(read)

    assert (reply.status, evil.called) == (status, False)


@pytest.mark.anyio
@pytest.mark.parametrize("base", ["https://crm.example.com", BASE, "https://crm.example.com:8443"])
@pytest.mark.parametrize(
    "path",
    [
        "//evil.example/x",
        "///evil.example",
        "/\\evil.example",
        "/\\\\evil.example",
        "/@evil.example",
        "/:443@evil.example/",
        "/.evil.example",
        "/%2F%2Fevil.example",
        "/../../evil.example",
        "/https://evil.example/",
    ],
)
async def test_no_path_changes_the_host(read: Operation, base: str, path: str) -> None:
    settings = FIVE.model_copy(update={"base_url": base})
    with respx.mock() as router:
        route = router.route().respond(200)
        async with connected(settings=settings) as line:
            await line.send(read, replace(bind(read, {}), path=path, query=()))

    url, own = route.calls.last.request.url, httpx.URL(base)
    assert (url.scheme, url.host, url.port) == ("https", "crm.example.com", own.port)
    assert (url.userinfo, url.query, url.fragment) == (b"", b"", "")


@pytest.mark.anyio
@pytest.mark.parametrize("path", ["@evil.example", ".evil.example", ":443@evil.example"])
async def test_a_path_that_would_lengthen_the_host_goes_nowhere(read: Operation, path: str) -> None:
    settings = FIVE.model_copy(update={"base_url": "https://crm.example.com"})
    with respx.mock(assert_all_called=False) as router:
        route = router.route().respond(200)
        async with connected(settings=settings) as line:
            with pytest.raises(httpx.InvalidURL):
                await line.send(read, replace(bind(read, {}), path=path))

    assert not route.called


@pytest.mark.anyio
@pytest.mark.parametrize("permit", [None, Permit("", ""), Permit("0" * 32, "0" * 64)])
async def test_without_a_permit_from_the_gate_nothing_is_sent(
    line: Line, crm: respx.Route, read: Operation, permit: Any
) -> None:
    with pytest.raises(PermitError):
        await line.client.send(permit, bind(read, {}), read)

    assert not crm.called


@pytest.mark.anyio
async def test_with_the_permit_of_another_request_nothing_is_sent(
    line: Line, crm: respx.Route, read: Operation
) -> None:
    spec = bind(read, {})
    permit = line.permit(read, replace(spec, query=()))

    with pytest.raises(PermitError):
        await line.client.send(permit, spec, read)

    assert not crm.called


@pytest.mark.anyio
async def test_with_an_expired_permit_nothing_is_sent(crm: respx.Route, read: Operation) -> None:
    times = iter([0.0, PERMIT_SECONDS + 1])
    spec = bind(read, {})
    async with connected(clock=lambda: next(times)) as line:
        permit = line.permit(read, spec)
        with pytest.raises(PermitError):
            await line.client.send(permit, spec, read)

    assert not crm.called


@pytest.mark.anyio
async def test_one_permit_is_good_for_all_attempts_of_one_call(
    line: Line, crm: respx.Route, read: Operation
) -> None:
    crm.side_effect = [httpx.ConnectError("no"), OK]
    spec = bind(read, {})
    permit = line.permit(read, spec)

    await line.client.send(permit, spec, read)
    with pytest.raises(PermitError):
        await line.client.send(permit, spec, read)

    assert crm.call_count == 2


@pytest.mark.anyio
async def test_no_log_tells_the_secret_even_where_it_stands_in_the_address(
    plain: Line, read: Operation, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with respx.mock() as router:
        route = router.post(url__startswith=f"{BASE}/api2.php").respond(200)
        await plain.send(read)

    address = f"{BASE}/api2.php?mode=getDatabaseAreas&password="
    assert str(route.calls.last.request.url) == f"{address}s3cret%2F%2B%C3%A4"
    told = f'HTTP Request: POST https://crm.example.com/{MASK} "HTTP/1.1 200 OK"'
    assert told in caplog.messages  # behind the host stand secrets, and what people are called
    assert [spelling for spelling in SPELLINGS if spelling in caplog.text] == []


@pytest.mark.anyio
async def test_no_exception_tells_the_secret(
    line: Line, crm: respx.Route, operation: Operation
) -> None:
    crm.side_effect = httpx.ReadError(f"cannot read the answer to hash={SECRET}")

    failure = await line.failure(operation)

    told = "".join(traceback.format_exception(failure)) + repr(failure)
    assert [spelling for spelling in SPELLINGS if spelling in told] == []


@pytest.mark.anyio
async def test_closing_takes_the_redaction_off_the_wire_loggers_again() -> None:
    def filters() -> list[int]:
        return [len(logging.getLogger(name).filters) for name in WIRE_LOGGERS]

    before = filters()
    async with connected():
        during = filters()

    assert during == [count + 1 for count in before]
    assert filters() == before


@pytest.mark.anyio
async def test_on_a_real_socket_the_hash_is_in_the_body_and_in_no_log(
    read: Operation, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    received = b""

    async def answer(stream: anyio.abc.SocketStream) -> None:
        nonlocal received
        async with stream:
            while b"hash=" not in received:
                received += await stream.receive()
            await stream.send(b"HTTP/1.1 200 OK\r\nX-Echo: s3cret%2F%2B%C3%A4\r\n")
            await stream.send(b"Content-Length: 2\r\n\r\n{}")

    async with (
        await anyio.create_tcp_listener(local_host="127.0.0.1") as listener,
        anyio.create_task_group() as serving,
    ):
        serving.start_soon(listener.serve, answer)
        port = listener.extra(anyio.abc.SocketAttribute.local_port)  # noqa: S610 - no SQL here
        base = f"http://127.0.0.1:{port}/fivecrm"
        settings = FIVE.model_copy(update={"base_url": base})
        async with connected(settings=settings) as line:
            reply = await line.send(read)
        serving.cancel_scope.cancel()

    assert received.startswith(b"POST /fivecrm/api2.php?mode=getDatabaseAreas HTTP/1.1\r\n")
    assert received.endswith(b"\r\n\r\nhash=s3cret%2F%2B%C3%A4")
    assert (reply.content, reply.headers["x-echo"]) == (b"{}", "s3cret%2F%2B%C3%A4")
    assert any(MASK in record.getMessage() for record in caplog.records)
    assert {record.name for record in caplog.records} >= {"httpx", "httpcore.http11"}
    assert [spelling for spelling in SPELLINGS if spelling in caplog.text] == []
