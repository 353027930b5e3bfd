"""`crm-mcp approvals web` as somebody runs it: where it listens, what it prints, how it ends."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from typer.testing import CliRunner

from crm_mcp.cli import cli
from crm_mcp.commands import approvals_page
from crm_mcp.ledger import Ledger, Question
from crm_mcp.state import StateFolder

QUESTION = Question("f" * 64, "five_write", "fivecrm (here)", "local", "Write one thing.")
CONFIG = 3


class Running:
    """The command in a process of its own."""

    def __init__(self, folder: Path, level: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-u", "-m", "crm_mcp", "approvals", "web"],
            env={**os.environ, "CRM_MCP_STATE_DIR": str(folder), "CRM_MCP_LOG_LEVEL": level},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.address = self.process.stdout.readline().strip()
        self.origin, _, self.token = self.address.partition("/enter?token=")

    def end(self) -> tuple[int, str]:
        """Press Ctrl-C; gives the exit code and what was logged."""
        self.process.send_signal(signal.SIGINT)
        _, log = self.process.communicate(timeout=30)
        return self.process.returncode, log


@contextmanager
def running(folder: Path, level: str = "WARNING") -> Iterator[Running]:
    page = Running(folder, level)
    try:
        yield page
    finally:
        page.process.kill()
        page.process.communicate(timeout=30)


def test_the_printed_address_opens_the_page_and_a_decision_counts(tmp_path: Path) -> None:
    ledger = Ledger(StateFolder(tmp_path))
    approval = ledger.ask(QUESTION, "out_of_band")
    with running(tmp_path) as page, httpx.Client(follow_redirects=True) as browser:
        listed = browser.get(page.address)
        question = browser.get(f"{page.origin}/questions/{approval.id}")
        csrf = re.findall(r'name="csrf" value="([^"]+)"', question.text)[0]
        decided = browser.post(
            f"{page.origin}/questions/{approval.id}/approve",
            data={"csrf": csrf},
            headers={"Origin": page.origin},
        )
        code, log = page.end()

    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", page.origin)
    assert len(page.token) == 43
    assert str(listed.url) == f"{page.origin}/"
    assert "Write one thing." in listed.text
    assert "server" not in listed.headers
    assert "It runs once" in decided.text
    assert code == 0
    assert log.count("\n") == 1
    approved = ledger.get(approval.id)
    assert approved is not None
    assert approved.state == "approved"


def test_only_the_one_loopback_address_is_listened_on(tmp_path: Path) -> None:
    with running(tmp_path) as page:
        port = urlsplit(page.origin).port or 0
        socket.create_connection(("127.0.0.1", port), timeout=10).close()
        for address in ("127.0.0.2", "::1", socket.gethostbyname(socket.gethostname())):
            if address != "127.0.0.1":
                with pytest.raises(OSError):  # noqa: PT011 - refused or unreachable
                    socket.create_connection((address, port), timeout=10)


def test_the_token_stands_in_no_log_however_much_is_logged(tmp_path: Path) -> None:
    with running(tmp_path, "DEBUG") as page, httpx.Client() as browser:
        codes = [browser.get(page.address).status_code for _ in range(2)]
        browser.cookies.clear()
        codes.append(browser.get(f"{page.address}x").status_code)
        _, log = page.end()

    assert codes == [303, 401, 401]
    assert "INFO uvicorn.error: Started" in log
    assert page.token not in log
    assert "/enter" not in log


def test_a_port_that_is_taken_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRM_MCP_STATE_DIR", str(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = CliRunner().invoke(cli, ["approvals", "web", "--port", str(port)])

    assert result.exit_code == CONFIG
    assert f"port {port} cannot be used" in result.output


def test_the_page_can_be_asked_for_as_an_option_too(monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[int] = []
    monkeypatch.setattr(approvals_page, "serve_page", lambda _, port: served.append(port))

    assert CliRunner().invoke(cli, ["approvals", "--web"]).exit_code == 0
    assert served == [0]


def test_approvals_alone_shows_what_there_is() -> None:
    result = CliRunner().invoke(cli, ["approvals"])

    assert result.exit_code == 0
    assert "approve" in result.output
