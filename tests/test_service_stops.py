"""The service is told to stop: no write is cut off, none begins, and it ends by itself."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx
import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import ElicitResult
from serviced import TOKENS, Service, serving_service, token_lines
from tapped import TappedSandbox
from test_service import WRITE, product

from crm_mcp.commands import serve_http
from crm_mcp.testing import Decision


class Held(TappedSandbox):
    """A CRM that takes a write, and answers when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.arrived, self.released = threading.Event(), threading.Event()
        self.disturb = self._hold

    async def _hold(self, _: int, request: httpx.Request) -> httpx.Request:
        if b"STOP-1" in request.content:
            self.arrived.set()
            await anyio.to_thread.run_sync(self.released.wait, 20)
        return request


@pytest.fixture
def held() -> Held:
    return Held()


@pytest.fixture
def service(tmp_path: Path, held: Held, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    monkeypatch.setattr(serve_http, "LAST_SECONDS", 1)
    with serving_service(tmp_path, held) as service:
        yield service


def approve(_: str) -> Decision:
    return "approve"


@pytest.mark.anyio
@pytest.mark.parametrize("era", ["auto", "legacy"])
async def test_a_write_under_way_ends_is_recorded_and_answered(
    service: Service, held: Held, era: str
) -> None:
    told: list[Any] = []

    async def write() -> None:
        async with service.client("anna", era, approve) as mcp:
            await mcp.list_tools()  # else the client asks for it after the call
            told.append((await mcp.call_tool(WRITE, product("STOP-1"))).structured_content)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(write)
        await anyio.to_thread.run_sync(held.arrived.wait, 20)
        service.stop()
        async with httpx2.AsyncClient(base_url=service.origin) as http:
            ready = await http.get("/readyz")
            headers = {"authorization": f"Bearer {TOKENS['ben']}"}
            other = await http.post("/mcp", json={}, headers=headers)
        held.released.set()

    assert (ready.status_code, other.status_code) == (503, 503)
    assert [answer["status"] for answer in told] == ["done"]
    [result] = service.events("result")
    assert result["status"] == "done"
    assert service.app.audit.unknown() == []


@pytest.mark.anyio
async def test_no_write_begins_any_more(service: Service) -> None:
    def person(_: str) -> Decision:
        service.stop()
        return "approve"

    async with service.client("anna", "legacy", person) as mcp:
        await mcp.list_tools()
        told = (await mcp.call_tool(WRITE, product("STOP-2"))).structured_content

    assert told is not None
    assert (told["error"], "is stopping. Nothing was sent" in told["message"]) == ("refused", True)
    assert service.events("sending") == []
    assert not any(seen.changed for seen in service.sandbox.log)


@pytest.mark.parametrize(
    ("four_eyes", "error"), [("", "refused"), ("all", "approval_required")], ids=["form", "address"]
)
def test_a_question_that_nobody_answers_does_not_keep_it_from_stopping(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, four_eyes: str, error: str
) -> None:
    told: list[Any] = []

    async def ask(service: Service) -> None:
        async def nobody_answers(context: object, params: object) -> ElicitResult:  # noqa: ARG001
            service.stop()
            await anyio.sleep_forever()
            raise AssertionError

        headers = {"authorization": f"Bearer {TOKENS['anna']}"}
        async with (
            httpx2.AsyncClient(headers=headers, timeout=30) as http,
            Client(
                streamable_http_client(service.url, http_client=http),
                mode="legacy",
                elicitation_callback=nobody_answers,
            ) as mcp,
        ):
            await mcp.list_tools()
            told.append((await mcp.call_tool(WRITE, product("STOP-3"))).structured_content)

    with serving_service(tmp_path, general={"four_eyes": four_eyes}) as service:
        anyio.run(ask, service)
        assert service.events("sending") == []

    assert [answer["error"] for answer in told] == [error]
    assert not any(seen.changed for seen in service.sandbox.log)
    assert [line.getMessage() for line in caplog.records if line.levelname == "ERROR"] == []


def test_a_signal_ends_the_process_with_0(tmp_path: Path) -> None:
    tokens = tmp_path / "tokens.toml"
    tokens.write_text(token_lines("anna"), encoding="utf-8")
    environment = {
        **os.environ,
        "CRM_MCP_STATE_DIR": str(tmp_path / "state"),
        "CRM_MCP_HTTP_TOKENS": str(tokens),
        "CRM_MCP_HTTP_PORT": "0",
    }
    command = [sys.executable, "-m", "crm_mcp", "serve", "--http", "--sandbox"]
    process = subprocess.Popen(  # noqa: S603 - our own interpreter
        command, env=environment, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    told = process.stderr.readline()
    url = told.removeprefix("crm-mcp serves ").strip()
    assert httpx2.get(url.replace("/mcp", "/readyz"), timeout=10).status_code == 200

    process.send_signal(signal.SIGTERM)

    assert process.wait(timeout=20) == 0
    assert process.stderr.read() == ""
    process.stderr.close()


@pytest.mark.parametrize("missing", [{}, {"CRM_MCP_HTTP_HOST": "127.0.0.1"}])
def test_it_does_not_start_before_it_is_set_who_may_call(missing: dict[str, str]) -> None:
    command = [sys.executable, "-m", "crm_mcp", "serve", "--http", "--sandbox"]
    done = subprocess.run(  # noqa: S603 - our own interpreter
        command, env={**os.environ, **missing}, capture_output=True, text=True, check=False
    )

    assert done.returncode == 3
    assert "it is not set who may call" in done.stderr


def test_replicas_do_not_start_without_the_key_that_they_share() -> None:
    command = [sys.executable, "-m", "crm_mcp", "serve", "--http", "--sandbox"]
    told = {"CRM_MCP_HTTP_ANYONE": "true", "CRM_MCP_STATE_URL": "redis://127.0.0.1:1/0"}
    done = subprocess.run(  # noqa: S603 - our own interpreter
        command, env={**os.environ, **told}, capture_output=True, text=True, check=False
    )

    assert done.returncode == 3
    assert "CRM_MCP_HTTP_STATE_KEY is missing" in done.stderr
