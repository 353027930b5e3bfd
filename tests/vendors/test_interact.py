"""interact: where it may be, who logs in and as what, and that its secrets are seen nowhere."""

import asyncio
import json
import logging
import re
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from interact_crm import (
    BASE,
    EVENT,
    LOGIN,
    LOGOUT,
    PASSWORD,
    READ,
    RESET,
    TOKEN,
    TRIGGER,
    USER,
    WRONG,
    Crm,
    operation,
    refusal,
    settings,
)
from pydantic import ValidationError
from wire import connected

from crm_mcp.app import App, open_app
from crm_mcp.config import General, Settings, load_settings
from crm_mcp.errors import ConfigError, ToolFailure
from crm_mcp.guard import Mode
from crm_mcp.operation import Operation
from crm_mcp.parties import Caller
from crm_mcp.redact import MASK
from crm_mcp.vendors import load_vendor_code
from crm_mcp.vendors.interact import VENDOR
from crm_mcp.vendors.interact.settings import InteractSettings

MARKER = "m4rker"
ENVIRONMENT = {
    "CRM_MCP_INTERACT_USERNAME": USER,
    "CRM_MCP_INTERACT_PASSWORD": PASSWORD,
}


def test_user_and_password_are_enough() -> None:
    given = load_settings(ENVIRONMENT).vendors["interact"]

    assert isinstance(given, InteractSettings)
    assert (given.base_url, given.scope) == ("https://api.interact.io/v2", "device app")
    assert (given.trigger_token, given.device_id) == (None, None)


def test_all_settings_can_come_from_the_environment() -> None:
    more = {"BASE_URL": BASE, "SCOPE": "web portal", "TRIGGER_TOKEN": TRIGGER, "DEVICE_ID": "4711"}
    named = {f"CRM_MCP_INTERACT_{name}": value for name, value in more.items()}

    given = load_settings(ENVIRONMENT | named).vendors["interact"]

    assert given == settings(
        scope="web portal", trigger_token=TRIGGER, device_id="4711", rate=5.0, base_url=BASE
    )


@pytest.mark.parametrize("missing", ENVIRONMENT)
def test_without_user_or_password_the_start_stops_and_names_what_is_missing(missing: str) -> None:
    rest = {name: value for name, value in ENVIRONMENT.items() if name != missing}

    with pytest.raises(ConfigError) as caught:
        load_settings(rest)

    assert str(caught.value) == f"{missing} is missing"


def test_a_scope_that_interact_does_not_know_is_refused_with_those_it_does() -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(ENVIRONMENT | {"CRM_MCP_INTERACT_SCOPE": "admin"})

    assert str(caught.value).startswith("CRM_MCP_INTERACT_SCOPE: ")
    assert "'csr', 'device app', 'trigger app' or 'web portal'" in str(caught.value)


@pytest.mark.parametrize("token", ["", "two words", "line\nbreak", "naïve", "\x00"])
def test_a_trigger_token_that_no_header_can_carry_is_refused_without_repeating_it(
    token: str,
) -> None:
    with pytest.raises(ValidationError) as caught:
        settings(trigger_token=token)

    assert "must be plain letters, digits and signs" in str(caught.value)
    assert not token or token not in str(caught.value)


def test_the_vendor_is_found_by_its_folder() -> None:
    assert load_vendor_code("interact") is VENDOR
    assert (VENDOR.id, VENDOR.title) == ("interact", "interact.io")


def test_neither_user_nor_secrets_are_shown_with_the_settings() -> None:
    assert MARKER not in repr(settings(trigger_token=TRIGGER))


MASKED = LOGIN.response.model_copy(update={"mask": ("/token/authToken",)})
CREATE = operation(
    "notes_create",
    "PUT",
    "/notes",
    "create",
    request={"args_in": "json"},
    inputSchema={
        "type": "object",
        "properties": {"content": {"type": "string"}},
        "additionalProperties": False,
    },
    confirm="Create a note",
    undo={"kind": "none"},
)
TOOLS = (READ, EVENT, RESET, LOGOUT, CREATE, LOGIN.model_copy(update={"response": MASKED}))


@asynccontextmanager
async def house(state: Path, *operations: Operation) -> AsyncIterator[App]:
    """Put the whole way of a call on the mocked wire, with all secrets set."""
    general = General(mode=Mode.UNATTENDED, state_dir=state)
    vendors = {"interact": settings(trigger_token=TRIGGER, device_id="4711")}
    given = Settings(general=general, vendors=vendors)
    async with open_app(given, {"interact": operations or TOOLS}) as app:
        yield app


async def told(app: App, name: str, **arguments: Any) -> str:
    """Write down all that a caller gets from a call, an exception's traceback included."""
    try:
        outcome = await app.pipeline.call(name, arguments, Caller())
    except ToolFailure as failure:
        return json.dumps(failure.as_dict()) + "".join(traceback.format_exception(failure))
    return json.dumps(outcome.as_dict(), ensure_ascii=False)


async def use_everything(app: App, interact: Crm) -> list[str]:
    """Log in, call, be refused, fail, log out; in every way that has a secret in it."""
    echo = httpx.Response(
        200, json=[f"{TOKEN}1 {PASSWORD} {TRIGGER}"], headers={"x-a": TOKEN + "1"}
    )
    said = [await told(app, READ.name), await told(app, LOGIN.name), await told(app, EVENT.name)]
    said += [await told(app, CREATE.name, content="x", _dry_run=True)]
    interact.planned = [echo, refusal(), httpx.ReadError(f"lost {TOKEN}2"), refusal(401)]
    said += [await told(app, READ.name), await told(app, CREATE.name, content="x")]
    said += [await told(app, EVENT.name), await told(app, RESET.name), await told(app, LOGOUT.name)]
    words = {"code": 401, "error": WRONG, "devmsg": f"{PASSWORD} is wrong, not {TRIGGER}"}
    interact.planned_logins = [httpx.Response(401, json=words)]
    return [*said, await told(app, READ.name), await told(app, LOGIN.name)]


def written(folder: Path) -> str:
    files = (path for path in folder.rglob("*") if path.is_file())
    return "".join(path.read_bytes().decode("latin-1") for path in files)


@pytest.mark.anyio
async def test_no_secret_is_in_a_result_a_preview_an_error_a_log_or_the_state(
    online: Crm, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    for name in ("", "httpx", "httpcore", "asyncio"):
        caplog.set_level(logging.DEBUG, name)

    async with house(tmp_path) as app:
        said = await use_everything(app, online)

    wire = "".join(f"{request.headers.raw} {request.content!r}" for request in online.seen)
    shown = (*said, caplog.text, written(tmp_path))
    assert all(f"{MARKER}-{rest}" in wire for rest in ("user@", "token-1", "token-2"))
    assert TRIGGER in wire
    assert MASK in "".join(said)
    assert "HTTP Request: PUT" in caplog.text
    assert len(written(tmp_path)) > 1000
    assert [text for text in shown if MARKER in text] == []
    assert "auth_failed" in said[-2]


@pytest.mark.anyio
@pytest.mark.parametrize("operation", [LOGIN, TOOLS[-1]])
async def test_the_login_tool_shows_the_user_and_no_token_even_if_its_mask_is_forgotten(
    online: Crm, tmp_path: Path, operation: Operation
) -> None:
    async with house(tmp_path, operation) as app:
        outcome = await app.pipeline.call(LOGIN.name, {}, Caller())

    assert outcome.data["user"]["email"] == "a@example.com"
    assert outcome.data["token"]["authToken"] == MASK
    assert f"{TOKEN}1" not in online.valid


@pytest.mark.anyio
async def test_the_house_logs_out_when_it_closes(online: Crm, tmp_path: Path) -> None:
    async with house(tmp_path) as app:
        await app.pipeline.call(READ.name, {}, Caller())

    assert online.names() == ["login", "tags", "logout"]


@pytest.mark.anyio
async def test_a_house_that_called_nobody_says_nothing_when_it_closes(
    online: Crm, tmp_path: Path
) -> None:
    async with house(tmp_path):
        pass

    assert online.seen == []


class Door:
    """interact on a socket of its own, as much as one session needs; notes all it is sent."""

    def __init__(self) -> None:
        self.received = b""

    async def serve(self, stream: anyio.abc.SocketStream) -> None:
        async with stream:
            head, _, content = (await stream.receive()).partition(b"\r\n\r\n")
            size = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
            while size and len(content) < int(size[1]):
                content += await stream.receive()
            self.received += head + b"\n" + content + b"\n"
            token = {"authToken": f"{TOKEN}1", "expires": 0} if b"/login" in head else {}
            body = json.dumps({"token": token}).encode()
            echo = f"X-Echo: {TOKEN}1\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            await stream.send(b"HTTP/1.1 200 OK\r\n" + echo.encode() + body)


@pytest.mark.anyio
async def test_on_a_real_socket_no_secret_is_in_the_log_of_any_library(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    door, loop = Door(), asyncio.get_running_loop()
    monkeypatch.setattr(loop, "_debug", True)  # which makes the loop talkative
    async with (
        await anyio.create_tcp_listener(local_host="127.0.0.1") as listener,
        anyio.create_task_group() as serving,
    ):
        serving.start_soon(listener.serve, door.serve)
        port = listener.extra(anyio.abc.SocketAttribute.local_port)  # noqa: S610 - no SQL here
        given = settings(base_url=f"http://127.0.0.1:{port}/v2", trigger_token=TRIGGER)
        async with connected(VENDOR, given) as line:
            await line.send(READ)
            await line.send(EVENT)
        serving.cancel_scope.cancel()

    sent = [line for line in door.received.decode().splitlines() if line.endswith("HTTP/1.1")]
    assert sent == [
        "POST /v2/login HTTP/1.1",
        "GET /v2/tags HTTP/1.1",
        "PUT /v2/interactions HTTP/1.1",
        "POST /v2/logout HTTP/1.1",
    ]
    assert f"authToken: {TOKEN}1".encode() in door.received
    assert {record.name for record in caplog.records} >= {"httpx", "httpcore.http11", "asyncio"}
    assert f"receive_response_headers.complete return_value=(b'HTTP/1.1', 200, b'OK', {MASK}" in (
        caplog.text
    )
    assert MARKER not in caplog.text
