"""The commands, as somebody types them: what is printed, and the code that scripts read."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from sockets import serving
from typer.testing import CliRunner, Result

from crm_mcp.app import load_catalogue
from crm_mcp.cli import cli
from crm_mcp.ledger import Ledger, Question
from crm_mcp.sandbox.app import Sandbox
from crm_mcp.state import StateFolder

WRITE = "fivecrm_customer_products_import"
IMPORT: dict[str, Any] = {
    "area": "001",
    "customerProducts": [{"account": "1", "product": "Desk", "manufacturer": "Woodworks"}],
}
QUESTION = Question("f" * 64, WRITE, "fivecrm (here)", "local", "Import one thing.\nAll of it.")
COMMANDS = (
    *("serve", "demo", "tools", "show", "call", "check", "bind", "undo"),
    *("sandbox", "doctor", "approvals", "audit"),
)
KEYS = [
    *("name", "vendor", "toolset", "effect", "traits"),
    *("method", "path", "source", "listed", "inputSchema"),
]
FAILED, USAGE, CONFIG, NOT_APPROVED = 1, 2, 3, 4


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in list(os.environ):
        if name.startswith("CRM_MCP_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("CRM_MCP_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path / "state"


@pytest.fixture
def ledger(folder: Path) -> Ledger:
    return Ledger(StateFolder(folder))


def run(*words: str) -> Result:
    return CliRunner().invoke(cli, words)


def typed(words: list[str], line: str, environment: Mapping[str, str]) -> tuple[int, str]:
    """Run a command in a terminal of its own and type one line; gives the code and the screen."""
    here, there = pty.openpty()
    process = subprocess.Popen(  # noqa: S603 - our own interpreter
        [sys.executable, "-P", "-m", "crm_mcp", *words],
        env={**os.environ, **environment},
        stdin=there,
        stdout=there,
        stderr=there,
    )
    os.close(there)
    os.write(here, f"{line}\n".encode())
    screen = b""
    try:
        while part := os.read(here, 65_536):
            screen += part
    except OSError:  # how Linux says that the other side is gone
        pass
    os.close(here)
    return process.wait(timeout=30), screen.decode()


def test_every_command_explains_itself() -> None:
    names = [
        "serve",
        "demo",
        "tools",
        "show",
        "call",
        "check",
        "bind",
        "undo",
        "sandbox",
        "doctor",
        "approvals",
        "audit",
    ]
    for name in names:
        result = run(name, "--help")
        assert result.exit_code == 0
        assert len(result.output.splitlines()) > 4
    assert all(name in run("--help").output for name in COMMANDS)


def test_the_demo_runs_by_itself_and_tells_the_whole_story() -> None:
    result = run("demo")

    assert result.exit_code == 0
    for word in ("No CRM is contacted", "The person reads", "approval_required", "refused"):
        assert word in result.output
    assert "lines, as they were written" in result.output
    for vendor in load_catalogue():
        read = rf'^→ {vendor}_\w+_list .*\n← {{\n +"data": \['
        assert re.search(read, result.output, re.MULTILINE), vendor


def test_tools_lists_every_operation_with_the_promised_keys() -> None:
    facts = json.loads(run("tools", "--json").output)

    assert len(facts) == sum(map(len, load_catalogue().values()))
    keys = [
        "name",
        "vendor",
        "toolset",
        "effect",
        "traits",
        "method",
        "path",
        "source",
        "listed",
        "inputSchema",
    ]
    assert all(list(fact) == keys for fact in facts)
    assert not any(fact["listed"] for fact in facts)


def test_tools_says_what_is_listed_here() -> None:
    facts = json.loads(run("tools", "--json", "--sandbox").output)

    listed = {fact["toolset"] for fact in facts if fact["listed"]}
    assert {"masterdata", "privacy", "system", "contacts", "jobs", "accounts"} <= listed
    assert not {"sync", "users", "custom_fields"} & listed


def test_tools_prints_a_table_in_which_no_name_is_cut() -> None:
    output = run("tools").output

    assert all(fact["name"] in output for fact in json.loads(run("tools", "--json").output))


def test_show_explains_a_tool_and_gives_an_example_that_works() -> None:
    result = run("show", "fivecrm_areas_get")
    line = next(line for line in result.output.splitlines() if line.startswith("Example: "))
    arguments = line.partition("--json '")[2].rstrip("'")

    assert "line 126" in result.output
    assert "getDatabaseArea" in result.output
    assert run("call", "fivecrm_areas_get", "--json", arguments, "--sandbox").exit_code == 0


def test_show_tells_where_a_tool_departs_from_the_document_and_only_there() -> None:
    assert "Differs from the document" in run("show", WRITE).output
    assert "Differs from the document" not in run("show", "fivecrm_projects_list").output


def test_show_names_the_nearest_tool() -> None:
    result = run("show", "fivecrm_area")

    assert result.exit_code == FAILED
    assert "fivecrm_areas_get" in result.output


def test_call_reads_from_the_sandbox_and_keeps_leading_zeros() -> None:
    result = run("call", "fivecrm_areas_get", "--arg", "area=001", "--sandbox")

    assert result.exit_code == 0
    assert json.loads(result.output)["data"]["number"] == "001"


def test_call_reads_json_where_no_text_is_due() -> None:
    result = run("call", WRITE, "--arg", "area=001", "--arg", "customerProducts=5", "--sandbox")

    assert result.exit_code == FAILED
    assert "customerProducts must be a list, not a whole number" in result.output


def test_call_takes_what_is_no_json_as_text() -> None:
    result = run("call", WRITE, "--arg", "area=001", "--arg", "customerProducts={", "--sandbox")

    assert "customerProducts must be a list, not text" in result.output


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--json", "{"), "--json is not JSON"),
        (("--json", "[]"), "must be a JSON object"),
        (("--arg", "area"), "is not name=value"),
    ],
)
def test_call_explains_arguments_it_cannot_read(words: tuple[str, ...], told: str) -> None:
    result = run("call", "fivecrm_areas_get", *words, "--sandbox")

    assert result.exit_code == FAILED
    assert told in result.output


def test_call_dry_run_shows_the_request() -> None:
    result = run("call", WRITE, "--json", json.dumps(IMPORT), "--dry-run", "--sandbox")

    assert result.exit_code == 0
    assert "mode=importCustomerProducts" in json.loads(result.output)["data"]["preview"]


def test_call_without_a_terminal_asks_nobody() -> None:
    result = run("call", WRITE, "--json", json.dumps(IMPORT), "--sandbox")

    assert result.exit_code == NOT_APPROVED
    assert "approval_required" in result.output


def test_call_read_only_refuses_a_write() -> None:
    result = run("call", WRITE, "--json", json.dumps(IMPORT), "--sandbox", "--read-only")

    assert result.exit_code == NOT_APPROVED
    assert "refused" in result.output


@pytest.mark.parametrize(
    ("line", "code", "told"),
    [("approve", 0, '"status": "done"'), ("yes", NOT_APPROVED, "not_confirmed")],
)
def test_call_in_a_terminal_shows_the_preview_and_wants_the_word(
    line: str, code: int, told: str
) -> None:
    words = ["call", WRITE, "--json", json.dumps(IMPORT), "--sandbox"]

    ended, screen = typed(words, line, {})

    assert "The exact request, without credentials:" in screen
    assert "Type approve to send it" in screen
    assert (ended, told in screen) == (code, True)


def test_call_in_a_terminal_wants_the_number_of_many_records() -> None:
    two = {**IMPORT, "customerProducts": IMPORT["customerProducts"] * 2}
    words = ["call", WRITE, "--json", json.dumps(two), "--sandbox"]

    assert typed(words, "approve", {})[0] == NOT_APPROVED
    code, screen = typed(words, "2", {})
    assert "Type 2 to send it" in screen
    assert code == 0


def test_a_decision_that_cannot_be_recorded_does_not_count(ledger: Ledger, folder: Path) -> None:
    approval = ledger.ask(QUESTION, "out_of_band")
    (folder / "audit.jsonl").mkdir()

    result = run("approvals", "reject", approval.id)

    assert result.exit_code == FAILED
    undone = ledger.get(approval.id)
    assert undone is not None
    assert undone.state == "outdated"


def test_a_question_in_a_dialog_is_not_decided_elsewhere(ledger: Ledger) -> None:
    approval = ledger.ask(QUESTION, "dialog")

    result = run("approvals", "reject", approval.id)

    assert result.exit_code == NOT_APPROVED
    assert ledger.get(approval.id) == approval
    assert "empty" in run("audit", "show").output


def test_a_decision_made_twice_is_recorded_once(ledger: Ledger) -> None:
    approval = ledger.ask(QUESTION, "out_of_band")

    codes = [run("approvals", "reject", approval.id).exit_code for _ in range(2)]

    assert codes == [0, NOT_APPROVED]
    assert len(json.loads(run("audit", "show", "--json").output)) == 1


def test_call_and_approvals_work_together_over_a_real_socket(folder: Path) -> None:
    sandbox = Sandbox(load_catalogue())
    with serving(sandbox) as origin:
        given = sandbox.settings("fivecrm", origin)
        environment = {
            "CRM_MCP_FIVECRM_BASE_URL": given["base_url"],
            "CRM_MCP_FIVECRM_HASH": given["hash"],
        }
        call = ("call", WRITE, "--json", json.dumps(IMPORT))
        runner = CliRunner(env=environment)
        first = runner.invoke(cli, call)
        (waiting,) = json.loads(run("approvals", "list", "--json").output)
        approved, screen = typed(["approvals", "approve", waiting["id"]], "approve", {})
        second = runner.invoke(cli, call)
        third = runner.invoke(cli, call)

    assert [one.exit_code for one in (first, second, third)] == [NOT_APPROVED, 0, NOT_APPROVED]
    assert approved == 0
    assert waiting["preview"].splitlines()[0] in screen
    assert sum(seen.changed for seen in sandbox.log) == 1
    events = [line["event"] for line in json.loads(run("audit", "show", "--json").output)]
    assert events == ["approval_required", "approved", "sending", "result", "approval_required"]
    assert run("audit", "verify").exit_code == 0
    assert folder.exists()


def test_approvals_are_listed_and_shown(ledger: Ledger) -> None:
    assert "Nothing waits" in run("approvals", "list").output
    approval = ledger.ask(QUESTION, "out_of_band")

    listed = run("approvals", "list").output
    shown = run("approvals", "show", approval.id).output
    assert approval.id in listed
    assert "10 min left" in listed
    assert "Import one thing." in listed
    assert QUESTION.preview in shown


def test_an_unknown_approval_is_told() -> None:
    for command in ("show", "approve", "reject"):
        result = run("approvals", command, "nothing")
        assert result.exit_code == NOT_APPROVED
        assert "There is no question 'nothing'" in result.output


def test_approving_needs_a_terminal(ledger: Ledger) -> None:
    approval = ledger.ask(QUESTION, "out_of_band")

    result = CliRunner().invoke(cli, ["approvals", "approve", approval.id], input="approve\n")

    assert result.exit_code == NOT_APPROVED
    assert ledger.waiting() == [approval]


def test_another_word_leaves_the_question_open(ledger: Ledger) -> None:
    approval = ledger.ask(QUESTION, "out_of_band")

    code, screen = typed(["approvals", "approve", approval.id], "y", {})

    assert code == NOT_APPROVED
    assert "stays open" in screen
    assert ledger.waiting() == [approval]


def test_a_rejected_call_is_on_record(ledger: Ledger) -> None:
    approval = ledger.ask(QUESTION, "out_of_band")

    assert run("approvals", "reject", approval.id).exit_code == 0
    assert ledger.waiting() == []
    assert re.search(r"rejected .* by=terminal:\S+ approval=", run("audit", "show").output)


def test_an_expired_approval_says_so(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "_clock", lambda: 1_000.0)
    approval = ledger.ask(QUESTION, "out_of_band")

    assert "expired" in run("approvals", "show", approval.id).output


def test_the_record_is_shown_and_proven(folder: Path) -> None:
    assert "empty" in run("audit", "show").output
    run("call", WRITE, "--json", json.dumps(IMPORT), "--sandbox")

    assert "approval_required" in run("audit", "show", "--last", "1").output
    assert "All 1 lines" in run("audit", "verify").output
    path = folder / "audit.jsonl"
    path.write_text(path.read_text(encoding="utf-8").replace("local", "other"), encoding="utf-8")
    broken = run("audit", "verify")
    assert broken.exit_code == FAILED
    assert "BROKEN after 0 good lines" in broken.output


def test_doctor_finds_the_sandbox_in_order() -> None:
    result = run("doctor", "--sandbox")

    assert result.exit_code == 0
    assert "reached, and the credentials work" in result.output
    assert "tools listed: " in result.output


def test_doctor_says_what_is_wrong(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    sandbox = Sandbox(load_catalogue())
    with serving(sandbox) as origin:
        monkeypatch.setenv("CRM_MCP_FIVECRM_HASH", "wrong")
        monkeypatch.setenv("CRM_MCP_FIVECRM_BASE_URL", f"{origin}/fivecrm")
        unauthorised = run("doctor")
    run("call", WRITE, "--json", json.dumps(IMPORT), "--sandbox")
    (folder / "audit.jsonl").write_text("", encoding="utf-8")
    monkeypatch.setenv("CRM_MCP_FIVECRM_BASE_URL", "http://127.0.0.1:1")
    unreachable = run("doctor")

    assert (unauthorised.exit_code, unreachable.exit_code) == (FAILED, FAILED)
    assert "the credentials fail" in unauthorised.output
    assert "could not be reached" in unreachable.output
    assert "lines are missing at the end" in unreachable.output


def test_doctor_without_a_crm_or_a_state_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    monkeypatch.setenv("CRM_MCP_STATE_DIR", str(tmp_path / "file"))

    result = run("doctor")

    assert result.exit_code == FAILED
    assert "no CRM is connected" in result.output
    assert "FAIL  state:" in result.output


def test_check_finds_our_own_files_in_order_and_others_not(tmp_path: Path) -> None:
    (tmp_path / "schemas" / "fivecrm" / "system").mkdir(parents=True)
    (tmp_path / "schemas" / "fivecrm" / "system" / "bad.json").write_text("{", encoding="utf-8")

    good, bad = run("check"), run("check", str(tmp_path / "schemas"), "--write-schema")

    assert (good.exit_code, bad.exit_code) == (0, FAILED)
    assert "All operation files are in order." in good.output
    assert "bad.json" in bad.output
    assert (tmp_path / "schemas" / "operation.schema.json").exists()


def test_serve_without_a_crm_says_what_to_set_and_names_the_sandbox() -> None:
    result = run("serve")

    assert result.exit_code == CONFIG
    assert "CRM_MCP_FIVECRM_BASE_URL CRM_MCP_FIVECRM_HASH" in result.output
    assert "--sandbox" in result.output


def test_an_unknown_setting_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRM_MCP_MODUS", "read_only")

    result = run("tools")

    assert result.exit_code == CONFIG
    assert "CRM_MCP_MODUS is not a setting" in result.output


def test_a_state_that_cannot_be_used_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    monkeypatch.setenv("CRM_MCP_STATE_DIR", str(tmp_path / "file"))

    result = run("approvals", "list")

    assert result.exit_code == FAILED
    assert "the state cannot be used" in result.output


def test_wrong_usage_has_a_code_of_its_own() -> None:
    assert run("call").exit_code == USAGE


def test_sandbox_serves_on_a_loopback_port_and_prints_the_settings() -> None:
    process = subprocess.Popen(
        [sys.executable, "-P", "-u", "-m", "crm_mcp", "sandbox", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        environment: dict[str, str] = {}
        while "CRM_MCP_FIVECRM_HASH" not in environment:
            name, _, value = process.stdout.readline().strip().partition("=")
            environment[name] = value
        result: Any = CliRunner(env=environment).invoke(cli, ["call", "fivecrm_areas_list"])
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)

    assert sorted(environment) == [
        *("CRM_MCP_CIRRUS_BASE_URL", "CRM_MCP_CIRRUS_TOKEN"),
        *("CRM_MCP_FIVECRM_BASE_URL", "CRM_MCP_FIVECRM_HASH"),
    ]
    assert environment["CRM_MCP_FIVECRM_BASE_URL"].startswith("http://127.0.0.1:")
    assert result.exit_code == 0
    assert json.loads(result.output)["source"]["simulated"] is True
