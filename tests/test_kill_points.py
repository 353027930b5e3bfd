"""A process that is killed at any step of a write: at most one write, and no guessing."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from machine import CALL, KILLED, NOT_APPROVED, READ, Machine
from sockets import serving

from crm_mcp.app import load_catalogue
from crm_mcp.audit import Verdict
from crm_mcp.ledger import ApprovalState
from crm_mcp.sandbox.app import Sandbox


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    sandbox = Sandbox(load_catalogue())
    with serving(sandbox) as origin:
        yield Machine(tmp_path, sandbox, origin)


@dataclass(frozen=True)
class Kill:
    """A step of an approved write, and how things stand when the process is killed there.

    `again` is how the same call ends that is made once more; `reads` is how often the place is
    passed before, by the reads that tell the names of ids.
    """

    step: str
    at: str
    writes: int
    approval: ApprovalState
    events: tuple[str, ...]
    unknown: int
    again: int = NOT_APPROVED
    reads: int = 0

    @property
    def sabotage(self) -> str:
        module, _, name = self.at.partition(":")
        return (
            f"import os, crm_mcp.{module} as m; real = m.{name}; passing = [*range({self.reads})]; "
            f"m.{name} = lambda *a, **k: real(*a, **k) if passing and not passing.pop() "
            f"else os._exit({KILLED})"
        )

    def __str__(self) -> str:
        return self.step


KILLS = (
    Kill("after the approval", "ledger:Ledger.spend", 0, "approved", (), 0, again=0),
    Kill("while it is spent", "ledger:_count_write", 0, "approved", (), 0, again=0),
    Kill("after it was spent", "guard:Gate.permit", 0, "spent", (), 0, reads=1),
    Kill("before the record of the intent", "audit:Audit._write", 0, "spent", (), 0),
    Kill("before the intent is anchored", "audit:_anchor", 0, "spent", ("sending",), 1),
    Kill("before the wire", "client:VendorClient.send", 0, "spent", ("sending",), 1, reads=1),
    Kill("after sending", "client:_bounded", 1, "spent", ("sending",), 1, reads=1),
    Kill("after the answer", "recorder:Recorder.outcome", 1, "spent", ("sending",), 1),
    Kill("after the record", "pipeline:afterwards", 1, "spent", ("sending", "result"), 0),
)


@pytest.mark.parametrize("kill", KILLS, ids=str)
def test_killed_on_the_way_it_writes_at_most_once_and_says_what_is_unknown(
    machine: Machine, kill: Kill
) -> None:
    assert machine.call() == NOT_APPROVED
    approval = machine.approve()

    assert machine.call(kill.sabotage) == KILLED

    stands = machine.ledger.get(approval)
    assert stands is not None
    assert (machine.writes, stands.state) == (kill.writes, kill.approval)
    assert machine.events == ["approval_required", *kill.events]
    assert machine.audit.verify().problem == ""
    unknown = [write.line["approval"] for write in machine.audit.unknown()]
    assert unknown == [approval] * kill.unknown
    started = machine.run(*READ)
    assert started.code == 0
    assert started.err.count("unknown write") == kill.unknown
    assert started.err.count(approval) == kill.unknown

    assert machine.call() == kill.again
    assert machine.writes <= 1
    assert machine.audit.verify().problem == ""


def test_killed_before_it_asks_it_leaves_nothing(machine: Machine) -> None:
    kill = "import os, crm_mcp.ledger as m; m.Ledger.ask = lambda *_: os._exit(9)"

    assert machine.call(kill) == KILLED

    assert machine.ledger.waiting() == []
    assert machine.events == []
    assert machine.audit.verify() == Verdict(0)
    started = machine.run(*READ)
    assert (started.code, started.err) == (0, "")
    assert machine.writes == 0


def test_killed_after_it_asked_the_question_stands(machine: Machine) -> None:
    kill = "import os, crm_mcp.recorder as m; m.Recorder.record = lambda *_, **__: os._exit(9)"

    assert machine.call(kill) == KILLED

    machine.approve()
    assert machine.events == []
    assert machine.call() == 0
    assert machine.writes == 1
    assert machine.audit.unknown() == []


def test_four_processes_that_spend_one_approval_write_once(machine: Machine) -> None:
    machine.call()
    machine.approve()

    processes = [machine.start(*CALL) for _ in range(4)]
    for process in processes:
        process.communicate(timeout=120)

    assert sorted(process.returncode for process in processes) == [0] + [NOT_APPROVED] * 3
    assert machine.writes == 1


def test_four_processes_that_each_write_for_the_first_time_do_not_hinder_each_other(
    machine: Machine,
) -> None:
    machine.environment["CRM_MCP_MODE"] = "unattended"

    processes = [machine.start(*CALL) for _ in range(4)]
    for process in processes:
        process.communicate(timeout=120)

    # The CRM takes one reference once, and says so to the others.
    assert sorted(process.returncode for process in processes) == [0, 1, 1, 1]
    assert sorted(machine.events) == ["result"] * 4 + ["sending"] * 4
    assert machine.audit.unknown() == []
    assert [path.name for path in machine.folder.glob("running-*")] == []
