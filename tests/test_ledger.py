"""Approvals: bound to one call, spent once, dead after ten minutes, alive after a restart."""

import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from crm_mcp.errors import NotConfirmed, Refused, StateError
from crm_mcp.ledger import ApprovalState, Consent, Ledger, Question, Yes
from crm_mcp.state import State, StateFolder

QUESTION = Question("f" * 64, "five_write", "fivecrm (here)", "local", "Write one thing.")


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(tmp_path: Path, clock: Clock, state_at: Callable[[Path], State]) -> Ledger:
    return Ledger(state_at(tmp_path / "state"), clock)


def yes_to(ledger: Ledger, question: Question = QUESTION) -> Yes:
    """Have a person approve a question out of band."""
    approval = ledger.ask(question, "out_of_band")
    return Yes(ledger.decide(approval.id, "approved", "ann"), "ann")


def test_a_question_is_written_down_with_everything_it_is_bound_to(ledger: Ledger) -> None:
    approval = ledger.ask(QUESTION, "out_of_band")

    assert ledger.get(approval.id) == approval
    assert ledger.waiting() == [approval]
    assert ledger.standing(QUESTION.fingerprint) == approval
    assert (approval.state, approval.expires - approval.created) == ("asked", 600)


def test_there_is_nothing_where_nothing_was_asked(ledger: Ledger) -> None:
    assert ledger.get("nothing") is None
    assert ledger.standing("nothing") is None
    assert ledger.waiting() == []


def test_a_yes_is_spent_once(ledger: Ledger) -> None:
    yes = yes_to(ledger)

    assert ledger.spend(yes, QUESTION.fingerprint, 10) == Consent(
        yes.approval.id, QUESTION.fingerprint
    )
    with pytest.raises(NotConfirmed):
        ledger.spend(yes, QUESTION.fingerprint, 10)


def test_a_yes_is_spent_once_by_however_many_threads(
    tmp_path: Path, state_at: Callable[[Path], State]
) -> None:
    yes = yes_to(Ledger(state_at(tmp_path)))

    def spend(_: int) -> bool:
        try:
            Ledger(state_at(tmp_path)).spend(yes, QUESTION.fingerprint, 100)
        except NotConfirmed:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(spend, range(40))) == 1


def test_a_yes_to_another_call_is_worthless(ledger: Ledger) -> None:
    with pytest.raises(NotConfirmed):
        ledger.spend(yes_to(ledger), "0" * 64, 10)


@pytest.mark.parametrize("state", ["asked", "rejected", "spent"])
def test_a_yes_that_claims_another_state_is_worthless(ledger: Ledger, state: ApprovalState) -> None:
    yes = yes_to(ledger)
    forged = replace(yes, approval=replace(yes.approval, state=state))

    with pytest.raises(NotConfirmed):
        ledger.spend(forged, QUESTION.fingerprint, 10)


def test_a_yes_made_of_one_that_was_spent_is_worthless(ledger: Ledger) -> None:
    yes = yes_to(ledger)
    ledger.spend(yes, QUESTION.fingerprint, 10)
    spent = ledger.get(yes.approval.id)
    assert spent is not None

    with pytest.raises(NotConfirmed):
        ledger.spend(replace(yes, approval=spent), QUESTION.fingerprint, 10)


def test_a_yes_expires(ledger: Ledger, clock: Clock) -> None:
    yes = yes_to(ledger)
    clock.now += 601

    assert ledger.standing(QUESTION.fingerprint) is None
    with pytest.raises(NotConfirmed):
        ledger.spend(yes, QUESTION.fingerprint, 10)


def test_an_expired_question_cannot_be_decided(ledger: Ledger, clock: Clock) -> None:
    approval = ledger.ask(QUESTION, "out_of_band")
    clock.now += 601

    assert ledger.waiting() == []
    with pytest.raises(NotConfirmed):
        ledger.decide(approval.id, "approved", "ann")


def test_a_question_is_decided_once(ledger: Ledger) -> None:
    approval = ledger.ask(QUESTION, "out_of_band")
    ledger.decide(approval.id, "rejected", "ann")

    with pytest.raises(NotConfirmed):
        ledger.decide(approval.id, "approved", "bob")
    rejected = ledger.get(approval.id)
    assert rejected is not None
    assert (rejected.state, rejected.decided_by) == ("rejected", "ann")


def test_a_yes_survives_a_restart(
    ledger: Ledger, tmp_path: Path, clock: Clock, state_at: Callable[[Path], State]
) -> None:
    yes = yes_to(ledger)

    restarted = Ledger(state_at(tmp_path / "state"), clock)
    assert restarted.standing(QUESTION.fingerprint) == yes.approval
    assert restarted.spend(yes, QUESTION.fingerprint, 10).approval_id == yes.approval.id


def test_questions_asked_in_a_dialog_are_not_decided_in_the_terminal(ledger: Ledger) -> None:
    ledger.ask(QUESTION, "dialog")

    assert ledger.waiting() == []
    assert ledger.standing(QUESTION.fingerprint) is None


def test_what_is_no_longer_open_is_listed_the_newest_first(ledger: Ledger, clock: Clock) -> None:
    expired = ledger.ask(QUESTION, "out_of_band")
    clock.now += 600
    approved = yes_to(ledger).approval
    clock.now += 1
    rejected = ledger.decide(ledger.ask(QUESTION, "dialog").id, "rejected", "dialog")
    ledger.ask(QUESTION, "out_of_band")

    assert ledger.recent(10) == [rejected, approved, expired]
    assert ledger.recent(2) == [rejected, approved]


def test_the_hour_s_writes_are_counted_and_the_yes_stays_good(ledger: Ledger, clock: Clock) -> None:
    ledger.count_write(2)
    ledger.count_write(2)
    yes = yes_to(ledger)

    with pytest.raises(Refused):
        ledger.count_write(2)
    with pytest.raises(Refused):
        ledger.spend(yes, QUESTION.fingerprint, 2)
    assert ledger.spend(yes, QUESTION.fingerprint, 3)
    clock.now += 3601
    ledger.count_write(1)


def test_old_questions_go(ledger: Ledger, clock: Clock) -> None:
    old = ledger.ask(QUESTION, "out_of_band")
    clock.now += 8 * 86_400
    ledger.ask(QUESTION, "out_of_band")

    assert ledger.get(old.id) is None


def test_only_the_owner_can_read_the_state(tmp_path: Path) -> None:
    Ledger(StateFolder(tmp_path / "state")).ask(QUESTION, "dialog")

    folder = tmp_path / "state"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "state.sqlite3").stat().st_mode) == 0o600


def test_a_folder_that_is_there_already_keeps_its_rights(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir(mode=0o755)

    Ledger(StateFolder(tmp_path / "shared")).waiting()

    assert stat.S_IMODE((tmp_path / "shared").stat().st_mode) == 0o755
    assert stat.S_IMODE((tmp_path / "shared" / "state.sqlite3").stat().st_mode) == 0o600


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("in the way", encoding="utf-8")

    with pytest.raises(StateError, match="state cannot be used"):
        Ledger(StateFolder(tmp_path / "state")).waiting()


def test_a_database_that_is_none_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "state.sqlite3").write_text("no database at all", encoding="utf-8")

    with pytest.raises(StateError):
        Ledger(StateFolder(tmp_path)).waiting()
