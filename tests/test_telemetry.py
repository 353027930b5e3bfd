"""What is seen from outside: numbers, traces and log lines, with nobody's words in them."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from pydantic import ValidationError
from serviced import TOKENS, token_lines
from test_service import READ, WRITE, called, product

from crm_mcp.config import load_settings
from crm_mcp.errors import ConfigError, StateError
from crm_mcp.service import observe
from crm_mcp.telemetry_settings import TelemetrySettings

SECRETS = ("ada.lovelace@example.org", "+44 20 7946 0000", "Very private desk", "a-secret-query")


class Collector(BaseHTTPRequestHandler):
    """Keeps what is exported."""

    heard: list[tuple[str, bytes]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.heard.append((self.path, body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Be quiet."""


@dataclass
class Seen:
    """A run of the service, and all that it told from outside."""

    scraped: str = ""
    answers: list[httpx2.Response] = field(default_factory=list)
    exported: list[tuple[str, bytes]] = field(default_factory=list)
    log: str = ""

    @property
    def spans(self) -> list[Any]:
        spans: list[Any] = []
        for path, body in self.exported:
            if path == "/v1/traces":
                told = ExportTraceServiceRequest.FromString(body)
                for resource in told.resource_spans:
                    for scope in resource.scope_spans:
                        spans += scope.spans
        return spans

    def everything(self) -> bytes:
        parts = [self.scraped.encode(), self.log.encode(), *(body for _, body in self.exported)]
        return b"\n".join(parts)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


async def use(url: str) -> None:
    """Read, write, ask for nothing that is there, and bring private words everywhere."""
    email, phone, name, _ = SECRETS
    headers = {"authorization": f"Bearer {TOKENS['anna']}", "x-request-id": email}
    write = product("T-1")
    write["customerProducts"][0]["product"] = f"{name} {phone}"
    for era in ("auto", "legacy"):
        async with (
            httpx2.AsyncClient(headers=headers, timeout=30) as http,
            Client(streamable_http_client(url, http_client=http), mode=era) as mcp,
        ):
            await called(mcp, READ, {"area": "001"})
            await called(mcp, WRITE, write)
            await called(mcp, "crm_call_read", {"name": email, "arguments": {"x": phone}})
            await called(mcp, READ, {"area": name})
            with pytest.raises(MCPError):
                await mcp.call_tool(email, {"phone": phone})


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """Run a real service with a collector, use it, scrape it, stop it."""
    folder, seen = tmp_path_factory.mktemp("telemetry"), Seen()
    (folder / "tokens.toml").write_text(token_lines("anna"), encoding="utf-8")
    kind = type("Own", (Collector,), {"heard": seen.exported})
    collector = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    threading.Thread(target=collector.serve_forever, daemon=True).start()
    metrics, port = free_port(), free_port()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("CRM_MCP")},
        "CRM_MCP_STATE_DIR": str(folder / "state"),
        "CRM_MCP_HTTP_TOKENS": str(folder / "tokens.toml"),
        "CRM_MCP_HTTP_PORT": str(port),
        "CRM_MCP_LOG_LEVEL": "DEBUG",
        "CRM_MCP_TELEMETRY_METRICS": f"127.0.0.1:{metrics}",
        "CRM_MCP_TELEMETRY_OTLP": f"http://127.0.0.1:{collector.server_port}",
        "CRM_MCP_TELEMETRY_LOGS": "json",
    }
    log = folder / "stderr"
    with log.open("wb") as errors:
        service = subprocess.Popen(
            [sys.executable, "-m", "crm_mcp", "serve", "--http", "--sandbox"],
            env=environment,
            stderr=errors,
        )
        try:
            origin = f"http://127.0.0.1:{port}"
            _wait_for(origin)
            anyio.run(use, f"{origin}/mcp")
            with httpx2.Client() as http:
                denied = http.post(f"{origin}/mcp?{SECRETS[3]}", headers={"x-request-id": "mine"})
                seen.answers += [denied, http.get(f"http://127.0.0.1:{metrics}/metrics")]
            seen.scraped = seen.answers[-1].text
        finally:
            service.send_signal(signal.SIGTERM)
            service.wait(timeout=60)
            collector.shutdown()
            collector.server_close()
    seen.log = log.read_text(encoding="utf-8")
    return seen


def _wait_for(origin: str) -> None:
    for _ in range(600):
        try:
            with httpx2.Client() as http:
                if http.get(f"{origin}/readyz").status_code == 200:
                    return
        except httpx2.TransportError:
            threading.Event().wait(0.05)
    raise AssertionError("the service did not start")


def value(scraped: str, name: str, **labels: str) -> float:
    """Read one number from what Prometheus reads; adds up what has these labels."""
    lines = [line for line in scraped.splitlines() if line.startswith((f"{name}{{", f"{name} "))]
    told = [f'{key}="{text}"' for key, text in labels.items()]
    fits = [line for line in lines if all(one in line for one in told)]
    assert fits, (name, labels, lines)
    return sum(float(line.rpartition(" ")[2]) for line in fits)


def test_calls_are_counted_by_tool_effect_and_outcome(seen: Seen) -> None:
    calls = "crm_mcp_calls_total"

    assert value(seen.scraped, calls, tool=READ, effect="read", outcome="ok") == 2
    assert value(seen.scraped, calls, tool=WRITE, outcome="approval_required") == 2
    assert value(seen.scraped, calls, tool="unknown") >= 2
    assert value(seen.scraped, "crm_mcp_call_duration_seconds_count", tool=READ) >= 2


def test_vendors_refusals_and_waiting_approvals_are_measured(seen: Seen) -> None:
    latency = "crm_mcp_vendor_duration_seconds_count"

    assert value(seen.scraped, latency, vendor="fivecrm", status="200") >= 2
    assert value(seen.scraped, "crm_mcp_refusals_total", reason="approval_required") == 2
    assert value(seen.scraped, "crm_mcp_refusals_total", reason="http_401") == 1
    assert value(seen.scraped, "crm_mcp_approvals_waiting") == 1


def test_a_call_and_its_request_to_the_crm_are_one_trace(seen: Seen) -> None:
    by_id = {span.span_id: span for span in seen.spans}
    requests = [span for span in seen.spans if span.name == "fivecrm request"]

    assert requests
    for request in requests:
        call = by_id[request.parent_span_id]
        assert call.name.startswith("call fivecrm_")
        assert by_id[call.parent_span_id].name == "tools/call"
        attributes = {one.key: one.value.string_value for one in call.attributes}
        assert len(attributes["request.id"]) == 16


def test_each_answer_has_an_id_of_ours_and_log_lines_have_it_too(seen: Seen) -> None:
    own = seen.answers[0].headers["x-request-id"]
    lines = [json.loads(line) for line in seen.log.splitlines() if line.startswith("{")]

    assert (seen.answers[0].status_code, len(own)) == (401, 16)
    assert own != "mine"
    assert len(lines) > 3
    assert {"time", "level", "logger", "message"} <= lines[0].keys()
    assert any("request_id" in line for line in lines)


def test_nobody_s_words_and_no_secret_stand_in_any_of_it(seen: Seen) -> None:
    everything = seen.everything()

    assert len(everything) > 5_000
    for secret in (*SECRETS, TOKENS["anna"], "token:anna", "T-1"):
        assert secret.encode() not in everything, secret


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"metrics": "9464"}, "host and port"),
        ({"metrics": "http://x:1"}, "host and port"),
        ({"otlp": "collector:4318"}, "must be an address"),
        ({"otlp": "http://user:word@collector:4318"}, "without user"),
        ({"logs": "xml"}, "logs"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(given: dict[str, str], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        TelemetrySettings.model_validate(given)


def test_the_settings_have_a_table_of_their_own() -> None:
    settings = load_settings({"CRM_MCP_TELEMETRY_METRICS": "[::1]:9464"})

    assert settings.telemetry.metrics == "[::1]:9464"
    with pytest.raises(ConfigError, match="CRM_MCP_TELEMETRY_X is not a setting"):
        load_settings({"CRM_MCP_TELEMETRY_X": "1"})


def test_without_the_packages_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.resources", None)
    told = TelemetrySettings(metrics="127.0.0.1:0")

    with pytest.raises(ConfigError, match=r"crm-mcp\[team\]"), observe.observed(told, None):  # type: ignore[arg-type]
        pass


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        script = (
            "from crm_mcp.service.observe import observed\n"
            "from crm_mcp.telemetry_settings import TelemetrySettings\n"
            "from crm_mcp.errors import ConfigError\n"
            f"settings = TelemetrySettings(metrics='{address}')\n"
            "try:\n    observed(settings, None).__enter__()\n"
            "except ConfigError as error:\n    print(error)\n"
        )
        command = [sys.executable, "-c", script]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)  # noqa: S603

    assert f"CRM_MCP_TELEMETRY_METRICS: {address}" in done.stdout


def test_a_look_at_the_numbers_does_not_fail_with_the_state() -> None:
    class Broken:
        def waiting(self) -> None:
            raise StateError("gone")

    assert observe._waiting(Broken()) is None  # type: ignore[arg-type]  # noqa: SLF001
