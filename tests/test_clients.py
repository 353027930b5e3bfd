"""What is remembered of client programs, how a test is drawn, and what the operator sees of it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from client_programs import Clock
from typer.testing import CliRunner

from crm_mcp.audit import Audit
from crm_mcp.cli import cli
from crm_mcp.clients import GOOD_SECONDS, Clients, Program
from crm_mcp.forms import Filled
from crm_mcp.selftest import LIST_LENGTH, draw, fault
from crm_mcp.state import State, StateFolder

DESK = Program("desk", "1.0", "local")
NEWER = Program("desk", "2.0", "local")
DOCTOR_LINES = """\
ok    client "desk" 1.0: asks a person: it passed the test (2096-10-02). \
It is tested again from 2096-11-01.
note  client "my desk": answers its dialogs by itself: it accepted the test without choosing \
(1970-01-02). Its writes wait for `crm-mcp approvals`. Once it is mended: \
crm-mcp doctor --forget-client 'my desk'
ok    client "old" 1: asked a person: it passed the test (1970-01-02). \
Its next write tests it again.
"""


@pytest.fixture
def clients(tmp_path: Path, state_at: Callable[[Path], State]) -> Clients:
    return Clients(state_at(tmp_path), Clock())


# Drawing a test


def test_both_words_are_met_by_chance_at_most_once_in_fifty_times() -> None:
    """Whoever knows how the words are drawn still has eight places in each list to choose from."""
    drawn = [draw() for _ in range(500)]
    places = [
        {test.lists[name].index(test.right[name]) for test in drawn} for name in drawn[0].lists
    ]

    assert places == [set(range(1, LIST_LENGTH - 1))] * 2
    assert (1 / len(places[0])) * (1 / len(places[1])) < 0.02


def test_no_list_offers_a_word_twice_or_one_that_a_program_would_guess() -> None:
    for _ in range(100):
        test = draw()
        words = [word for offered in test.lists.values() for word in offered]
        assert len(set(words)) == len(words) == 2 * LIST_LENGTH
        assert not {"approve", "yes", "accept", "ok", "true", "confirm", "reject"} & set(words)


def test_only_exactly_the_named_words_are_right() -> None:
    def told(content: object) -> str:
        return fault({"first": "a", "second": "b"}, Filled("1", True, content, 5.0))  # type: ignore[arg-type]  # noqa: FBT003

    assert told({"second": "b", "first": "a"}) == ""
    assert told(None) == "its answer to the test was no form"
    assert told({}) == "it accepted the test without choosing"
    for other in ({"first": "a"}, {"first": "b", "second": "a"}, {"first": "a", "second": ["b"]}):
        assert told(other) == "it chose other words than the test named"


# Remembering


def test_nothing_is_known_of_a_new_program(clients: Clients) -> None:
    assert clients.finding(DESK) is None
    assert clients.known() == []


def test_a_good_finding_holds_for_its_version_and_its_caller(clients: Clients) -> None:
    clients.trust(DESK, "passed")

    found = clients.finding(DESK)
    assert found is not None
    assert (found.verdict, found.until) == ("asks_a_person", 1_000.0 + GOOD_SECONDS)
    assert clients.finding(NEWER) is None
    assert clients.finding(Program("desk", "1.0", "somebody else")) is None


def test_a_bad_finding_holds_for_every_version_and_no_good_one_takes_its_place(
    clients: Clients,
) -> None:
    clients.trust(NEWER, "passed")
    news = [clients.brand(DESK, "caught"), clients.brand(DESK, "caught again")]
    clients.trust(DESK, "passed")
    clients.trust(Program("desk", "3.0", "local"), "passed")

    found = [clients.finding(program) for program in (DESK, NEWER)]
    assert news == [True, False]
    assert [(one.verdict, one.reason, one.until) for one in found if one] == [
        ("answers_by_itself", "caught", float("inf"))
    ] * 2
    assert [one.version for one in clients.known()] == ["1.0", "2.0"]


def test_a_trusted_program_that_is_caught_is_caught(clients: Clients) -> None:
    clients.trust(DESK, "passed")

    assert clients.brand(DESK, "caught")
    assert [one.verdict for one in clients.known()] == ["answers_by_itself"]


def test_an_open_test_survives_a_restart_and_is_taken_once_by_its_own_program(
    tmp_path: Path,
) -> None:
    test = draw()
    Clients(StateFolder(tmp_path)).open_test(DESK, test)
    restarted = Clients(StateFolder(tmp_path))

    assert restarted.take_test(NEWER, test.id) is None
    assert restarted.take_test(DESK, test.id) == test.right
    assert restarted.take_test(DESK, test.id) is None


# What the operator sees


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CRM_MCP_STATE_DIR", str(tmp_path))
    return tmp_path


def doctor(*arguments: str) -> tuple[int, list[str]]:
    """Run the doctor on the sandbox; gives the code and the lines about clients."""
    result = CliRunner().invoke(cli, ["doctor", "--sandbox", *arguments])
    return result.exit_code, [line for line in result.output.splitlines() if "client" in line]


def test_doctor_tells_the_verdict_of_each_client_and_what_to_do(folder: Path) -> None:
    long_ago = Clients(StateFolder(folder), lambda: 86_400.0)
    today = Clients(StateFolder(folder), lambda: 4e9)
    long_ago.trust(Program("old", "1", "local"), "it passed the test")
    long_ago.brand(Program("my desk", "", "local"), "it accepted the test without choosing")
    today.trust(DESK, "it passed the test")

    code, lines = doctor()

    assert code == 0
    assert lines[1:] == DOCTOR_LINES.splitlines()


def test_doctor_says_that_no_dialog_is_used_where_none_is(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Clients(StateFolder(folder)).trust(DESK, "it passed the test")
    monkeypatch.setenv("CRM_MCP_DIALOGS", "false")
    result = CliRunner().invoke(cli, ["doctor", "--sandbox"])

    assert "every question goes through approvals" in result.output
    assert "desk" not in result.output


def test_the_operator_makes_a_client_unknown_again_and_the_record_tells(folder: Path) -> None:
    clients = Clients(StateFolder(folder))
    clients.brand(DESK, "caught")
    clients.brand(NEWER, "caught")

    forgotten, _ = doctor("--forget-client", "desk")
    again, lines = doctor("--forget-client", "desk")

    (line,) = Audit(StateFolder(folder)).lines()
    assert (forgotten, again) == (0, 1)
    assert lines == ["No client 'desk' is known."]
    assert clients.known() == []
    assert (line["event"], line["program"], line["verdict"]) == (
        "client_verdict",
        "desk",
        "unknown",
    )
    assert line["by"].startswith("terminal:")


def test_the_record_shows_why_somebody_was_refused(folder: Path) -> None:
    audit = Audit(StateFolder(folder))
    audit.append("denied", caller="token:ann", status=403, asked="POST /mcp", why="it is not hers")
    audit.append("refused", caller="local", tool="a_create", account="a", reason='it is "off"')

    denied, refused = CliRunner().invoke(cli, ["audit", "show"]).output.splitlines()

    assert denied.endswith('caller=token:ann status=403 asked="POST /mcp" why="it is not hers"')
    assert refused.endswith('refused a_create a  reason="it is \\"off\\""')


def test_the_record_shows_a_verdict_with_its_program(folder: Path) -> None:
    Audit(StateFolder(folder)).append(
        "client_verdict", caller="local", program="desk 1.0", verdict="answers_by_itself", reason=""
    )
    shown = CliRunner().invoke(cli, ["audit", "show"]).output

    assert shown.rstrip().endswith("client_verdict desk 1.0  verdict=answers_by_itself")
    assert json.loads((folder / "audit.jsonl").read_text(encoding="utf-8"))["seq"] == 1
