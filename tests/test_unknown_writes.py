"""Writes whose outcome nobody knows: found at once, and told until somebody has looked."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from machine import CALL, READ, Machine
from sockets import serving
from typer.testing import CliRunner, Result

from crm_mcp import audit as audit_module
from crm_mcp.app import load_catalogue
from crm_mcp.audit import Audit
from crm_mcp.cli import cli
from crm_mcp.presence import FilePresence
from crm_mcp.sandbox.app import Sandbox
from crm_mcp.state import StateFolder

LINE: dict[str, Any] = {
    "tool": "five_write",
    "account": "fivecrm (here)",
    "caller": "local",
    "approval": "ab12",
}


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("CRM_MCP_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("CRM_MCP_STATE_DIR", str(tmp_path))


@pytest.fixture
def audit(tmp_path: Path) -> Audit:
    return Audit(StateFolder(tmp_path))


def left_behind(folder: Path, count: int = 1) -> list[int]:
    """Begin writes in a process that then ends; gives their numbers."""
    writer = Audit(StateFolder(folder), lambda: 1_772_445_600.0)
    return [writer.append("sending", arguments={"name": "Lamp"}, **LINE) for _ in range(count)]


def run(*words: str) -> Result:
    return CliRunner().invoke(cli, words)


def test_a_write_under_way_in_a_living_process_is_not_unknown(audit: Audit, tmp_path: Path) -> None:
    writer = Audit(StateFolder(tmp_path))
    number = writer.append("sending", **LINE)

    assert audit.unknown() == []
    del writer
    assert [write.number for write in audit.unknown()] == [number]


def test_a_write_with_an_outcome_is_known(audit: Audit) -> None:
    number = audit.append("sending", **LINE)
    audit.append("result", of=number, status="done")

    assert audit.unknown() == []


def test_a_write_without_a_clear_answer_is_unknown_at_once(audit: Audit) -> None:
    number = audit.append("sending", **LINE)
    audit.append("result", of=number, status="unknown")

    (write,) = audit.unknown()
    assert write.number == number
    assert write.why == "the CRM gave no clear answer"


def test_where_nothing_was_written_nothing_is_made(tmp_path: Path) -> None:
    assert Audit(StateFolder(tmp_path / "none")).unknown() == []
    assert not (tmp_path / "none").exists()


def test_the_record_is_not_read_to_find_them(
    audit: Audit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left_behind(tmp_path)

    def fail(*_: object) -> None:
        raise AssertionError("the record is read")

    monkeypatch.setattr(Audit, "_raw_lines", fail)

    assert len(audit.unknown()) == 1


@pytest.mark.parametrize(("event", "unknown"), [("sending", 1), ("result", 0)])
def test_a_line_that_a_crash_left_without_its_anchor_counts(
    audit: Audit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, event: str, unknown: int
) -> None:
    class Crash(BaseException):
        pass

    def crash(*_: object) -> None:
        raise Crash

    facts = LINE if event == "sending" else {"of": left_behind(tmp_path)[0], "status": "done"}
    monkeypatch.setattr(audit_module, "_anchor", crash)
    with pytest.raises(Crash):
        audit.append(event, **facts)
    monkeypatch.undo()

    assert len(audit.unknown()) == unknown
    assert audit.verify().problem == ""


def test_signs_of_life_that_were_left_behind_go(tmp_path: Path) -> None:
    (tmp_path / "running-00").touch()
    living = FilePresence(tmp_path)
    name = living.name()

    other = FilePresence(tmp_path)
    other.name()

    assert living.name() == name
    assert other.lives(name)
    assert not (tmp_path / "running-00").exists()
    assert len(list(tmp_path.glob("running-*"))) == 2
    assert not other.lives("")


def test_they_are_listed_for_people_and_for_scripts(tmp_path: Path) -> None:
    (number,) = left_behind(tmp_path)

    facts = json.loads(run("audit", "unknown", "--json").output)

    assert facts == [
        {
            "number": number,
            "at": "2026-03-02T10:00:00.000+00:00",
            "tool": "five_write",
            "account": "fivecrm (here)",
            "caller": "local",
            "approval": "ab12",
            "why": "it was begun, and nothing says how it ended",
        }
    ]
    told = run("audit", "unknown").output
    for word in ("2026-03-02", "five_write", "fivecrm (here)", "ab12", "audit close 1", "Look in"):
        assert word in told
    assert "Lamp" not in told


def test_one_that_was_looked_at_is_closed_on_record(tmp_path: Path, audit: Audit) -> None:
    one, two = left_behind(tmp_path, 2)

    codes = [run("audit", "close", str(one)).exit_code for _ in range(2)]

    assert codes == [0, 1]
    assert [write.number for write in audit.unknown()] == [two]
    last = list(audit.lines())[-1]
    assert (last["event"], last["of"], last["tool"]) == ("looked_at", one, "five_write")
    assert last["by"].startswith("terminal:")
    assert f"of={one}" in run("audit", "show").output
    assert run("audit", "verify").exit_code == 0
    assert run("audit", "close", "77").output == "There is no unknown write 77.\n"


def test_where_everything_is_known_that_is_said() -> None:
    assert run("audit", "unknown").output == "The outcome of every write is known.\n"
    assert json.loads(run("audit", "unknown", "--json").output) == []


def test_doctor_lists_them_and_is_not_content(tmp_path: Path) -> None:
    left_behind(tmp_path)

    sick = run("doctor", "--sandbox")
    run("audit", "close", "1")
    well = run("doctor", "--sandbox")

    assert (sick.exit_code, well.exit_code) == (1, 0)
    assert "FAIL  unknown write 1: five_write at 2026-03-02T10:00:00" in sick.output


def test_a_start_names_the_first_ten_and_counts_the_rest(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    left_behind(tmp_path, 12)

    told = run(*READ, "--sandbox").output

    assert told.count("Look in the CRM") == 10
    assert "12 unknown writes in all: crm-mcp audit unknown" in told
    assert caplog.records == []  # the command logs by its own handler


def test_a_start_goes_on_where_nothing_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "state.sqlite3").write_text("no database at all", encoding="utf-8")

    started = run(*READ, "--sandbox")

    assert started.exit_code == 0
    assert "whether earlier writes are unknown cannot be read" in started.output


def test_a_server_says_at_its_start_what_is_unknown(tmp_path: Path) -> None:
    left_behind(tmp_path)

    served = subprocess.run(
        [sys.executable, "-P", "-m", "crm_mcp", "serve", "--sandbox"],
        input=b"",
        capture_output=True,
        timeout=60,
        check=True,
    )

    assert served.stdout == b""
    assert served.stderr.count(b"unknown write 1: five_write") == 1


def test_a_process_that_is_killed_is_told_from_one_that_lives(tmp_path: Path) -> None:
    sandbox = Sandbox(load_catalogue())
    with serving(sandbox) as origin:
        machine = Machine(tmp_path, sandbox, origin, CRM_MCP_MODE="unattended")
        kill = (
            "import os, sys, crm_mcp.client as m\n"
            "async def wait(*_):\n"
            "    print('under way', flush=True)\n"
            "    sys.stdin.readline()\n"
            "    os._exit(9)\n"
            "m.VendorClient.send = wait"
        )
        process = machine.start(*CALL, sabotage=kill)
        assert process.stdout is not None
        assert process.stdout.readline() == "under way\n"
        meanwhile = machine.audit.unknown()
        process.communicate(timeout=60)

    assert meanwhile == []
    assert len(machine.audit.unknown()) == 1
