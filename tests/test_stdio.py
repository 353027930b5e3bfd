"""`crm-mcp serve` as a client starts it: a process, two pipes, and nothing else on them."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from crm_mcp.testing import Decision, dialog

HELLO = {
    "protocolVersion": "2025-11-25",
    "capabilities": {"elicitation": {}},
    "clientInfo": {"name": "test", "version": "1"},
}
WRITE = "fivecrm_customer_products_import"
IMPORT = {
    "area": "001",
    "customerProducts": [{"account": "1", "product": "Desk", "manufacturer": "Woodworks"}],
}


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CRM_MCP_")}
    return {**kept, "CRM_MCP_STATE_DIR": str(tmp_path), "CRM_MCP_LOG_LEVEL": "DEBUG"}


class Pipes:
    """A server process, driven line by line."""

    def __init__(self, environment: Mapping[str, str], *flags: str) -> None:
        self.process = subprocess.Popen(  # noqa: S603 - our own interpreter
            [sys.executable, "-P", "-m", "crm_mcp", "serve", *flags],
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def say(self, line: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + b"\n")
        self.process.stdin.flush()

    def ask(self, number: int, method: str, **params: Any) -> Any:
        message = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        self.say(json.dumps(message).encode())
        return self.hear()

    def hear(self) -> Any:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def handshake(self) -> None:
        self.ask(0, "initialize", **HELLO)
        self.say(b'{"jsonrpc":"2.0","method":"notifications/initialized"}')

    def end(self) -> tuple[bytes, bytes]:
        """Close the server's input; gives what was left on its output and its log."""
        return self.process.communicate(timeout=30)


@pytest.fixture
def pipes(environment: dict[str, str]) -> Iterator[Pipes]:
    server = Pipes(environment, "--sandbox")
    server.handshake()
    yield server
    if server.process.poll() is None:
        server.end()


def test_it_lists_calls_and_ends_when_its_input_ends(pipes: Pipes) -> None:
    listed = pipes.ask(1, "tools/list")
    called = pipes.ask(2, "tools/call", name="fivecrm_areas_list", arguments={})
    left, log = pipes.end()

    assert {WRITE, "fivecrm_areas_list"} < {tool["name"] for tool in listed["result"]["tools"]}
    assert called["result"]["structuredContent"]["source"]["simulated"] is True
    assert (pipes.process.returncode, left) == (0, b"")
    assert b"INFO" in log


def test_nothing_but_the_protocol_reaches_standard_output(
    environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import atexit, os\n"
        "import crm_mcp.envelope as e\n"
        "tell = e.success\n"
        "def noisy(*a):\n"
        "    print('stray print')\n"
        "    os.system('echo stray child')\n"
        "    return tell(*a)\n"
        "e.success = noisy\n",
        encoding="utf-8",
    )
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    server = Pipes({**environment, "PYTHONPATH": path}, "--sandbox")
    server.handshake()

    called = server.ask(1, "tools/call", name="fivecrm_areas_list", arguments={})
    left, log = server.end()

    assert "data" in called["result"]["structuredContent"]
    assert left == b""
    assert b"stray child" in log


def test_lines_that_are_no_messages_do_not_stop_it(pipes: Pipes) -> None:
    for line in (b"", b"not JSON", b"[]", b'{"jsonrpc":"2.0"}', b"\xff\xfe", b'"' + b"x" * 70_000):
        pipes.say(line)

    answer = pipes.ask(7, "ping")
    while answer.get("id") != 7:
        answer = pipes.hear()
    assert answer["result"] == {}


def test_a_text_of_ten_megabytes_is_refused_in_a_short_answer(pipes: Pipes) -> None:
    answer = pipes.ask(
        1, "tools/call", name="fivecrm_areas_get", arguments={"area": "x" * 10_000_000}
    )

    result = answer["result"]
    assert result["isError"] is True
    assert result["structuredContent"]["error"] == "invalid_arguments"
    assert len(json.dumps(result)) < 2_000


def test_a_large_answer_arrives_whole(environment: dict[str, str]) -> None:
    server = Pipes({**environment, "CRM_MCP_MAX_RESULT_CHARS": "1000000"}, "--sandbox")
    server.handshake()
    product = {"account": "1", "product": "Desk", "manufacturer": "W", "text": "word " * 8_000}
    arguments = {"area": "001", "customerProducts": [product] * 10, "_dry_run": True}

    answer = server.ask(1, "tools/call", name=WRITE, arguments=arguments)
    server.end()

    preview = answer["result"]["structuredContent"]["data"]["preview"]
    assert preview.count("word " * 8_000) == 10


def test_without_pipes_the_sdk_s_transport_serves(
    environment: dict[str, str], tmp_path: Path
) -> None:
    hello = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": HELLO}
    script = tmp_path / "in.jsonl"
    script.write_text(json.dumps(hello) + "\n", encoding="utf-8")
    with script.open("rb") as source:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "crm_mcp", "serve", "--sandbox"],
            env=environment,
            stdin=source,
            capture_output=True,
            timeout=60,
            check=True,
        )

    (answer,) = [json.loads(line) for line in done.stdout.splitlines()]
    assert answer["result"]["serverInfo"]["name"] == "crm-mcp"


def test_a_client_that_has_gone_ends_it_without_a_trace(environment: dict[str, str]) -> None:
    server = Pipes({**environment, "CRM_MCP_LOG_LEVEL": "WARNING"}, "--sandbox")
    server.handshake()
    with server.process as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        server.say(b'{"jsonrpc":"2.0","id":1,"method":"ping"}')
        server.say(b'{"jsonrpc":"2.0","id":2,"method":"ping"}')
        process.stdin.close()
        code = process.wait(timeout=30)
        log = process.stderr.read()

    assert (code, log) == (0, b"")


@pytest.mark.anyio
@pytest.mark.parametrize("protocol", ["auto", "legacy"])
async def test_a_real_client_lists_reads_and_writes_with_a_dialog(
    environment: dict[str, str], protocol: str
) -> None:
    asked: list[str] = []

    def approve(preview: str) -> Decision:
        asked.append(preview)
        return "approve"

    environment["CRM_MCP_MIN_ANSWER_SECONDS"] = "0"
    command = [sys.executable, "-P", "-m", "crm_mcp", "serve", "--sandbox"]
    server = StdioServerParameters(command=command[0], args=command[1:], env=environment)
    with open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: ASYNC230, PTH123
        transport = stdio_client(server, errlog=nowhere)
        async with Client(transport, mode=protocol, elicitation_callback=dialog(approve)) as client:
            listed = (await client.list_tools()).tools
            read = await client.call_tool("fivecrm_areas_get", {"area": "001"})
            written = await client.call_tool(WRITE, IMPORT)

    assert {WRITE, "fivecrm_areas_list"} < {tool.name for tool in listed}
    assert not read.is_error
    assert written.structured_content is not None
    assert written.structured_content["status"] == "done"
    assert len(asked) == 1


def test_an_answer_to_the_test_that_is_no_form_is_no_person_s(pipes: Pipes) -> None:
    asked = pipes.ask(1, "tools/call", name=WRITE, arguments=IMPORT)
    answer = {"action": "accept", "content": {"first": {"a": 1}}}
    pipes.say(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": answer}).encode())
    result = pipes.hear()["result"]["structuredContent"]

    assert asked["method"] == "elicitation/create"
    assert result["error"] == "approval_required"
