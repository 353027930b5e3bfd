"""The state on a real server: one lock, all or nothing, and no double where a process is killed."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import asdict
from itertools import product as combinations
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pydantic import SecretStr, ValidationError
from redis import Redis
from redis.exceptions import TimeoutError as NoAnswerError
from redis_server import Server, running
from serviced import Service, serving_service
from test_service import READ, WRITE, called, product

from crm_mcp import redis_state
from crm_mcp.audit import Audit, KeptIn
from crm_mcp.config import General
from crm_mcp.errors import NotConfirmed, StateError
from crm_mcp.ledger import Ledger, Question, Yes
from crm_mcp.redis_state import RedisState
from crm_mcp.states import audit_of, state_of
from crm_mcp.testing import Decision
from crm_mcp.undo_store import Undos

RACERS, ROUNDS = 8, 1_000
QUESTION = Question("f" * 64, "five_write", "fivecrm (here)", "local", "Write one thing.")
LINE: dict[str, Any] = {"tool": "five_write", "account": "fivecrm (here)", "caller": "local"}
FIRST = 1_772_445_600.0
STEPS = ("ask", "decide", "spend", "sending", "sent", "result")


@pytest.fixture
def state(state_server: Server, tmp_path: Path) -> RedisState:
    return RedisState(state_server.url, tmp_path, prefix=f"test:{tmp_path}")


def same(state: RedisState) -> RedisState:
    """Give the state as another process on another machine has it."""
    folder = state.path / "elsewhere"
    return RedisState(state._url, folder, prefix=f"test:{state.path}")  # noqa: SLF001


# Transactions


def test_what_an_error_ends_changes_nothing_and_leaves_no_lock(state: RedisState) -> None:
    def fail() -> None:
        with state.transaction() as tables:
            tables.put("things", "a", {"n": 1})
            raise KeyError("on purpose")

    with pytest.raises(KeyError):
        fail()
    with state.transaction() as tables:
        assert tables.rows("things") == {}


def test_a_transaction_reads_what_it_has_changed(state: RedisState) -> None:
    with state.transaction() as tables:
        tables.put("things", "old", {"n": 0}, until=5)
        tables.put("things", "gone", {"n": 0})
    with state.transaction() as tables:
        tables.put("things", "new", {"n": 1})
        assert tables.delete("things", "gone")
        assert not tables.delete("things", "gone")
        tables.purge("things", 5)

        assert tables.get("things", "new") == {"n": 1}
        assert tables.get("things", "gone") is None
        assert tables.rows("things") == {"new": {"n": 1}}
        assert tables.count("things") == 1
    with same(state).transaction() as tables:
        assert tables.rows("things") == {"new": {"n": 1}}


def test_of_many_threads_each_sees_what_the_one_before_left(state: RedisState) -> None:
    def count() -> None:
        for _ in range(25):
            with state.transaction() as tables:
                row = tables.get("things", "n") or {"n": 0}
                tables.put("things", "n", {"n": row["n"] + 1})

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with state.transaction() as tables:
        assert tables.get("things", "n") == {"n": 100}


def test_who_has_lost_the_lock_changes_nothing(state: RedisState) -> None:
    def slow() -> None:
        with state.transaction() as tables:
            tables.put("things", "a", {"n": 1})
            state.server.delete(state.key("lock"))  # it has ended
            with same(state).transaction() as other:
                other.put("things", "a", {"n": 2})

    with pytest.raises(StateError, match="nothing was changed"):
        slow()
    with state.transaction() as tables:
        assert tables.get("things", "a") == {"n": 2}


def test_a_lock_that_somebody_left_behind_ends_by_itself(
    state: RedisState, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_state, "HELD_SECONDS", 0.1)
    state._locked()  # noqa: SLF001 - as one that is killed then

    with state.transaction() as tables:
        assert tables.count("things") == 0


def test_a_lock_that_others_hold_is_not_waited_for_for_ever(
    state: RedisState, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_state, "LOCK_SECONDS", 0.05)
    state._locked()  # noqa: SLF001 - held on

    with pytest.raises(StateError, match="others hold it"), state.transaction():
        pass


def test_a_line_that_is_there_is_not_added_again(state: RedisState) -> None:
    for again in (False, True):
        if again:
            with pytest.raises(StateError, match="the state server refuses"):
                _add(state, 1)
        else:
            _add(state, 1)

    assert list(state.lines(0)) == [b"x"]
    with state.transaction() as tables:
        assert tables.get("things", "a") is None or tables.count("things") == 1


def _add(state: RedisState, number: int) -> None:
    with state.transaction() as tables:
        tables.add_line(number, b"x")


def test_a_long_stream_is_read_in_pages(state: RedisState, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_state, "PAGE", 2)
    for number in range(1, 6):
        _add(state, number)

    assert len(list(state.lines(0))) == 5
    assert len(list(state.lines(3))) == 2


def test_a_server_that_is_not_there_is_told_without_its_address(tmp_path: Path) -> None:
    state = RedisState("redis://:s3cret-word@127.0.0.1:1/0", tmp_path)
    for words in ("cannot be used", "a moment ago"):
        with pytest.raises(StateError, match=words) as caught:
            Ledger(state).waiting()
        assert "s3cret" not in str(caught.value)


# The record


@pytest.mark.parametrize("kept_in", ["stream", "both"])
def test_the_record_of_several_machines_is_one_chain(state: RedisState, kept_in: KeptIn) -> None:
    machines = [Audit(state, lambda: FIRST, kept_in), Audit(same(state), lambda: FIRST, kept_in)]
    for number in range(6):
        machines[number % 2].append("sending", {"name": "Lamp"}, **LINE)

    lines = list(machines[0].lines())
    assert [line["seq"] for line in lines] == [1, 2, 3, 4, 5, 6]
    assert [one.verify().lines for one in machines] == [6, 6]
    assert not any(one.verify().problem for one in machines)
    copies = [one.path.read_text() if one.path.exists() else "" for one in machines]
    if kept_in == "both":
        assert copies[1].startswith(copies[0])
        assert [json.loads(line)["seq"] for line in copies[1].splitlines()] == [1, 2, 3, 4, 5, 6]
    else:
        assert copies == ["", ""]


def test_a_copy_that_was_changed_or_cut_is_found(state: RedisState) -> None:
    audit = Audit(state, lambda: FIRST, "both")
    for _ in range(3):
        audit.append("refused", **LINE)
    whole = audit.path.read_text()

    audit.path.write_text(whole.replace("local", "somebody", 1))
    assert "in the copy, line 1 was changed" in audit.verify().problem
    audit.path.write_text(whole[:-10])
    with pytest.raises(StateError, match="was cut"):
        audit.append("refused", **LINE)


def test_a_line_that_was_changed_in_the_stream_is_found(state: RedisState) -> None:
    audit = Audit(state, lambda: FIRST, "stream")
    for _ in range(3):
        audit.append("refused", **LINE)
    key = state.key("audit-lines")
    state.server.xdel(key, "3-0")

    assert audit.verify().problem == "1 lines are missing at the end"


def test_a_copy_that_was_torn_by_a_crash_is_mended_by_the_next_line(state: RedisState) -> None:
    audit = Audit(state, lambda: FIRST, "both")
    audit.append("refused", **LINE)
    with audit.path.open("ab") as file:
        file.write(b'{"seq":2,')  # and then the machine went off

    audit.append("refused", **LINE)

    assert audit.verify().problem == ""
    assert len(audit.path.read_bytes().splitlines()) == 2


def test_a_copy_that_cannot_be_written_lets_nothing_be_recorded(
    state: RedisState, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_space(*_: object) -> int:
        raise OSError(28, "No space left on device")

    audit = Audit(state, lambda: FIRST, "both")
    audit.append("refused", **LINE)
    monkeypatch.setattr(Audit, "_write", no_space)

    with pytest.raises(StateError, match="No space left"):
        audit.append("sending", **LINE)
    assert len(list(state.lines(0))) == 1
    assert not state.server.exists(state.key("lock"))


@pytest.mark.parametrize("key", [{}, {"key": 3}, {"key": "no hex"}])
def test_a_key_that_was_changed_lets_nothing_be_recorded(
    state: RedisState, key: dict[str, Any]
) -> None:
    audit = Audit(state, lambda: FIRST, "stream")
    audit.append("refused", **LINE)
    with state.transaction() as tables:
        tables.put("audit", "key", key)

    with pytest.raises(StateError, match="the key of the record is gone"):
        audit.append("sending", **LINE)


# Races, and processes that are killed


RACE = """
import json, sys
from pathlib import Path
from crm_mcp.errors import NotConfirmed
from crm_mcp.ledger import Approval, Ledger, Yes
from crm_mcp.redis_state import RedisState

ledger = Ledger(RedisState(sys.argv[1], Path(sys.argv[2]), prefix=sys.argv[3]))
for line in sys.stdin:
    approval = Approval(**json.loads(line))
    try:
        ledger.spend(Yes(approval, "ann"), approval.fingerprint, 100_000)
    except NotConfirmed:
        print("late", flush=True)
    else:
        print("spent", flush=True)
"""


def test_eight_processes_race_for_one_approval_a_thousand_times(state: RedisState) -> None:
    ledger = Ledger(state)
    told = [state._url, str(state.path), f"test:{state.path}"]  # noqa: SLF001
    racers = [
        subprocess.Popen(  # noqa: S603 - the program above
            [sys.executable, "-c", RACE, *told],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(RACERS)
    ]
    try:
        for number in range(ROUNDS):
            approval = ledger.ask(_question(number), "out_of_band")
            approved = json.dumps(asdict(ledger.decide(approval.id, "approved", "ann")))
            for racer in racers:
                assert racer.stdin is not None
                racer.stdin.write(f"{approved}\n")
                racer.stdin.flush()
            ends = [racer.stdout.readline().strip() for racer in racers if racer.stdout]
            assert sorted(ends) == ["late"] * (RACERS - 1) + ["spent"]
    finally:
        for racer in racers:
            racer.communicate(timeout=20)
    with state.transaction() as tables:
        assert tables.count("writes") == ROUNDS


def _question(number: int) -> Question:
    return Question(f"{number:064}", "five_write", "fivecrm (here)", "local", "Write one thing.")


KILLED = """
import os, sys
from pathlib import Path
from crm_mcp.audit import Audit
from crm_mcp.ledger import Ledger, Question, Yes
from crm_mcp.redis_state import RedisState, _RedisTables
from crm_mcp import redis_state

url, folder, prefix, dies_at, moment = sys.argv[1:]
state = RedisState(url, Path(folder), prefix=prefix)
ledger, audit = Ledger(state), Audit(state, kept_in="both")
question = Question("f" * 64, "five_write", "fivecrm (here)", "local", "Write one thing.")
line = {"tool": "five_write", "account": "fivecrm (here)", "caller": "local"}
redis_state.HELD_SECONDS = 0.2
step = ""
commands = _RedisTables.commands

def dying(tables):
    if (step, moment) == (dies_at, "before"):
        os._exit(9)
    return commands(tables)

_RedisTables.commands = dying

def begin(name):
    global step
    if (step, moment) == (dies_at, "after") and step:
        os._exit(9)
    step = name

audit.append("refused", **line)
begin("ask"); approval = ledger.ask(question, "out_of_band")
begin("decide"); yes = Yes(ledger.decide(approval.id, "approved", "ann"), "ann")
begin("spend"); ledger.spend(yes, question.fingerprint, 100)
begin("sending"); number = audit.append("sending", **line)
begin("sent")
if moment == "before" and dies_at == "sent":
    os._exit(9)
Path(folder, "written").open("a").write("x")
begin("result"); audit.append("result", of=number, status="done", **line)
begin("end")
"""


@pytest.mark.parametrize(("step", "moment"), list(combinations(STEPS, ["before", "after"])))
def test_a_replica_killed_at_any_step_loses_nothing_and_doubles_nothing(
    state: RedisState, step: str, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_state, "ALIVE_SECONDS", 0.01)
    prefix = f"test:{state.path}"
    told = [state._url, str(state.path), prefix, step, moment]  # noqa: SLF001
    folder = Path(told[1])
    command = [sys.executable, "-c", KILLED, *told]
    killed = subprocess.run(command, check=False, timeout=60)  # noqa: S603 - the program above
    assert killed.returncode == 9

    reached = STEPS.index(step) + (moment == "after")
    ledger, audit = Ledger(state), Audit(state, kept_in="both")
    written = len((folder / "written").read_text()) if (folder / "written").exists() else 0
    standing = ledger.standing(QUESTION.fingerprint)
    expected = {0: None, 1: "asked", 2: "approved"}.get(reached)
    assert (standing.state if standing else None) == expected
    for key in state.server.keys(state.key("running:*")):
        state.server.delete(key)  # half a minute later
    begun = 3 < reached <= 5
    assert [write.number for write in audit.unknown()] == ([2] if begun else [])
    assert written == (1 if reached > 4 else 0)
    assert audit.append("refused", **LINE) == {0: 2, 1: 2, 2: 2, 3: 2, 4: 3, 5: 3, 6: 4}[reached]
    assert audit.verify().problem == ""


@pytest.mark.parametrize("times", [1, 3])
def test_a_commit_without_an_answer_never_lets_a_yes_be_spent_twice(
    state: RedisState, times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger(state)
    approval = ledger.ask(QUESTION, "out_of_band")
    yes = Yes(ledger.decide(approval.id, "approved", "ann"), "ann")
    commit = Redis.eval

    def lost(server: Any, *told: Any) -> Any:
        commit(server, *told)
        raise NoAnswerError

    monkeypatch.setattr(redis_state, "REST_SECONDS", 0.0)
    monkeypatch.setattr(Redis, "eval", lost)
    with pytest.raises(StateError):
        ledger.spend(yes, QUESTION.fingerprint, 100)
    monkeypatch.undo()
    monkeypatch.setattr(redis_state, "REST_SECONDS", 0.0)
    state._rests_until = 0.0  # noqa: SLF001 - a moment later
    for _ in range(times):
        with pytest.raises(NotConfirmed):
            ledger.spend(yes, QUESTION.fingerprint, 100)


# A server that answers nothing for a while


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Server]:
    folder = tmp_path / "redis"
    folder.mkdir()
    with running(folder) as server:
        yield server


@pytest.fixture
def service(tmp_path: Path, own_server: Server) -> Iterator[Service]:
    with serving_service(tmp_path, general={"state_url": own_server.url}) as service:
        yield service


def approve(_: str) -> Decision:
    return "approve"


@pytest.mark.anyio
async def test_while_the_server_stands_still_reads_go_on_and_writes_wait_for_its_return(
    service: Service, own_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_state, "REST_SECONDS", 0.05)
    async with service.client("anna", person=approve) as mcp:
        assert (await called(mcp, WRITE, product("BEFORE")))["status"] == "done"
        own_server.freeze()
        read = await called(mcp, READ, {"area": "001"})
        refused = await called(mcp, WRITE, product("MEANWHILE"))
        sent = len(service.sandbox.log)
        async with httpx2.AsyncClient() as http:
            ready = await http.get(f"{service.origin}/readyz")
        own_server.thaw()
        after = {"error": "refused"}
        for _ in range(10_000):  # it finds the server again by itself, a moment later
            if after.get("error") == "refused":
                after = await called(mcp, WRITE, product("AFTER"))

    assert read["data"]
    assert (ready.status_code, ready.text) == (200, "ready to read, not to write\n")
    assert refused["error"] == "refused"
    assert "nothing was written" in refused["message"]
    assert "MEANWHILE" not in repr(list(service.sandbox.log)[:sent])
    assert after["status"] == "done"
    assert service.app.audit.verify().problem == ""


@pytest.mark.anyio
async def test_a_server_that_was_killed_comes_back_with_all_that_was_spent_and_approved(
    service: Service, own_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_state, "REST_SECONDS", 0.0)
    ledger, limit = service.app.ledger, 100
    spent, open_one = (ledger.ask(_question(number), "out_of_band") for number in (1, 2))
    answers = [Yes(ledger.decide(one.id, "approved", "ann"), "ann") for one in (spent, open_one)]
    ledger.spend(answers[0], spent.fingerprint, limit)
    async with service.client("anna", person=approve) as mcp:
        assert (await called(mcp, WRITE, product("BEFORE")))["status"] == "done"
        own_server.kill()
        read = await called(mcp, READ, {"area": "001"})
        refused = await called(mcp, WRITE, product("MEANWHILE"))
        sent = repr(list(service.sandbox.log))
        own_server.start()
        after = await called(mcp, WRITE, product("AFTER"))

    assert read["data"]
    assert (refused["error"], after["status"]) == ("refused", "done")
    assert "MEANWHILE" not in sent
    with pytest.raises(NotConfirmed):
        ledger.spend(answers[0], spent.fingerprint, limit)
    assert ledger.spend(answers[1], open_one.fingerprint, limit).approval_id == open_one.id
    assert service.app.audit.verify().problem == ""


# The settings


def test_the_settings_choose_the_state_and_where_the_record_stands(tmp_path: Path) -> None:
    url = SecretStr("redis://:w%2Frd@127.0.0.1:6379/0")
    general = General(state_dir=tmp_path, state_url=url, audit="both")

    assert isinstance(state_of(general), RedisState)
    assert audit_of(general, state_of(general))._kept_in == "both"  # noqa: SLF001
    without = general.model_copy(update={"audit": None})
    assert audit_of(without, state_of(without))._kept_in == "stream"  # noqa: SLF001
    assert {"w%2Frd", "w/rd"} <= set(general.secrets())


@pytest.mark.parametrize("url", ["http://x.example", "redis://:word@", "y.example:1", "unix:///x"])
def test_an_address_of_no_server_is_refused_unread(url: str) -> None:
    with pytest.raises(ValidationError, match="must be an address such as redis://") as caught:
        General.model_validate({"state_url": url})

    assert url not in str(caught.value)


@pytest.mark.parametrize("kept_in", ["stream", "both"])
def test_a_stream_needs_a_server(kept_in: str) -> None:
    with pytest.raises(ValidationError, match="needs STATE_URL"):
        General.model_validate({"audit": kept_in})


def test_undos_are_spent_once_there_too(state: RedisState) -> None:
    assert Undos(state).open() == []
    assert Undos(state).get(1) is None
