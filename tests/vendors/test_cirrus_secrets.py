"""No secret of Cirrus shows in a result, an error, a preview, a record or a log."""

import json
import logging
from base64 import b64encode
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from cirrus_crm import (
    CLIENT_SECRET,
    READ,
    TOKEN,
    TOKEN_URL,
    WRITE,
    Crm,
    client_settings,
    opened,
    settings,
)
from wire import connected

from crm_mcp.config import Settings
from crm_mcp.errors import ToolFailure
from crm_mcp.parties import Caller
from crm_mcp.vendors.cirrus import VENDOR
from crm_mcp.vendors.cirrus.settings import CirrusSettings

pytestmark = pytest.mark.anyio

X_TOKEN, BEARER = "m4rker-x-token", "m4rker-bearer"
WAYS = [settings(token=X_TOKEN), settings(bearer_token=BEARER), client_settings()]


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Hear everything, the HTTP libraries and the OAuth library included."""
    caplog.set_level(logging.DEBUG)
    for name in ("httpx", "httpcore", "oauthlib", "crm_mcp"):
        caplog.set_level(logging.DEBUG, logger=name)
    return caplog


def echo(request: httpx.Request) -> httpx.Response:
    """Answer with all that was sent, as a careless CRM does."""
    everything = {"headers": dict(request.headers), "body": request.content.decode()}
    return httpx.Response(200, json=everything)


def refusing_echo(request: httpx.Request) -> httpx.Response:
    words = f"{dict(request.headers)} {request.content.decode()}"
    return httpx.Response(400, json={"error": "invalid_client", "error_description": words})


def assert_clean(*texts: str) -> None:
    secrets = [X_TOKEN, BEARER, CLIENT_SECRET, f"{TOKEN}1", "m4rker-client-secret"]
    coded = b64encode(CLIENT_SECRET.encode()).decode()
    for text in texts:
        assert [secret for secret in [*secrets, coded] if secret in text] == []


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("planned", [[echo], [refusing_echo], [httpx.Response(401)] * 2])
async def test_no_secret_comes_back(
    tmp_path: Path,
    logged: pytest.LogCaptureFixture,
    way: CirrusSettings,
    planned: list[Any],
) -> None:
    crm = Crm(planned=list(planned))

    async with opened(tmp_path, crm, [READ], way) as app:
        try:
            told = json.dumps((await app.pipeline.call(READ.name, {}, Caller())).as_dict())
        except ToolFailure as failure:
            told = json.dumps([str(failure), failure.args, failure.as_dict()])

    assert crm.seen, "it was sent"
    assert_clean(told, logged.text, repr(way), str(Settings(vendors={"cirrus": way})))


@pytest.mark.parametrize("client_auth", ["basic", "body"])
async def test_no_secret_of_the_client_comes_back_from_its_login_service(
    tmp_path: Path, logged: pytest.LogCaptureFixture, client_auth: str
) -> None:
    crm = Crm(planned_logins=[refusing_echo])

    async with opened(tmp_path, crm, [READ], client_settings(client_auth=client_auth)) as app:
        with pytest.raises(ToolFailure) as caught:
            await app.pipeline.call(READ.name, {}, Caller())

    assert "invalid_client" in str(caught.value)
    (login,) = crm.logins
    assert str(login.url) == TOKEN_URL
    assert_clean(json.dumps(caught.value.as_dict()), logged.text, str(caught.getrepr()))


@pytest.mark.parametrize("way", WAYS)
async def test_no_secret_stands_in_a_preview_or_in_the_state(
    tmp_path: Path, way: CirrusSettings
) -> None:
    crm = Crm(planned=[httpx.Response(200, json={"id": 1})])

    async with opened(tmp_path, crm, [WRITE], way, mode="unattended") as app:
        shown = await app.pipeline.call(WRITE.name, {"_dry_run": True}, Caller())
        await app.pipeline.call(WRITE.name, {}, Caller())

    kept = [file.read_bytes().decode("latin-1") for file in (tmp_path / "state").iterdir()]
    assert kept
    assert_clean(str(shown.as_dict()), *kept)


class Door:
    """Cirrus and its login service on one socket; notes all it is sent."""

    def __init__(self) -> None:
        self.received = b""

    async def serve(self, stream: anyio.abc.SocketStream) -> None:
        async with stream:
            request = await stream.receive()
            while b"POST" in request and b"client_credentials" not in request:
                request += await stream.receive()
            self.received += request + b"\n"
            body = json.dumps({"access_token": f"{TOKEN}1"}).encode()
            echo = f"X-Echo: {TOKEN}1\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            await stream.send(b"HTTP/1.1 200 OK\r\n" + echo.encode() + body)


async def test_on_a_real_socket_no_secret_is_in_the_log_of_any_library(
    logged: pytest.LogCaptureFixture,
) -> None:
    door = Door()
    async with (
        await anyio.create_tcp_listener(local_host="127.0.0.1") as listener,
        anyio.create_task_group() as serving,
    ):
        serving.start_soon(listener.serve, door.serve)
        port = listener.extra(anyio.abc.SocketAttribute.local_port)  # noqa: S610 - no SQL here
        origin = f"http://127.0.0.1:{port}"
        given = client_settings(base_url=f"{origin}/api", token_url=f"{origin}/token")
        async with connected(VENDOR, given) as line:
            await line.send(READ)
        serving.cancel_scope.cancel()

    lines = [line for line in door.received.decode().splitlines() if line.endswith("HTTP/1.1")]
    assert lines == ["POST /token HTTP/1.1", "GET /api/tags HTTP/1.1"]
    assert f"Authorization: Bearer {TOKEN}1".encode() in door.received
    assert {record.name for record in logged.records} >= {"httpx", "httpcore.http11"}
    assert "m4rker" not in logged.text
    assert_clean(logged.text)
