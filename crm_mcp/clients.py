"""What is known of client programs: whether a person answers their dialogs, or they do.

A good finding holds for one version and for a while. A bad one holds for the name, in every
version, until the operator takes it back. A name proves nothing: under another one, a program
meets the test again.
"""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Literal

from crm_mcp.ledger import LIFETIME_SECONDS
from crm_mcp.selftest import SelfTest
from crm_mcp.state import State, Tables, key_of

GOOD_SECONDS = 30 * 86_400.0

FINDINGS, TESTS = "client_findings", "client_tests"
Verdict = Literal["asks_a_person", "answers_by_itself"]


@dataclass(frozen=True, slots=True)
class Program:
    """A client program by its own name for itself, and the caller who uses it."""

    name: str
    version: str
    caller: str

    def __str__(self) -> str:
        """Write name and version as the record has them."""
        return f"{self.name} {self.version}".strip()


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found out about one program, why, and when (Unix seconds)."""

    caller: str
    name: str
    version: str
    verdict: Verdict
    reason: str
    at: float

    @property
    def until(self) -> float:
        """When a good finding ends (Unix seconds); a bad one has no end."""
        return self.at + GOOD_SECONDS if self.verdict == "asks_a_person" else float("inf")


class Clients:
    """The findings and open tests of one state; each method is one transaction."""

    def __init__(self, state: State, clock: Callable[[], float] = time.time) -> None:
        self._state = state
        self._clock = clock

    def finding(self, program: Program) -> Finding | None:
        """Find what holds for a program now; None while it is unknown. A bad finding wins."""
        with self._state.transaction() as tables:
            known = _of(tables, program)
        bad = [one for one in known if one.verdict == "answers_by_itself"]
        now = self._clock()
        good = [one for one in known if one.version == program.version and one.until > now]
        return min(bad or good, key=lambda one: one.at, default=None)

    def trust(self, program: Program, reason: str) -> None:
        """Keep that a person answers this version; a bad finding stays as it is."""
        with self._state.transaction() as tables:
            known = _of(tables, program)
            if not any(one.verdict == "answers_by_itself" for one in known):
                self._put(tables, program, "asks_a_person", reason)

    def brand(self, program: Program, reason: str) -> bool:
        """Keep that the program answers by itself; tells whether that is new."""
        with self._state.transaction() as tables:
            known = tables.get(FINDINGS, _key(program))
            is_new = known is None or known["verdict"] != "answers_by_itself"
            if is_new:
                self._put(tables, program, "answers_by_itself", reason)
        return is_new

    def known(self) -> list[Finding]:
        """List all findings, those that have ended too, by name."""
        with self._state.transaction() as tables:
            every = [Finding(**row) for row in tables.rows(FINDINGS).values()]
        return sorted(every, key=lambda one: (one.name, one.version, one.caller))

    def forget(self, name: str) -> int:
        """Make a program unknown again, in every version; tells how many findings went."""
        with self._state.transaction() as tables:
            gone = [key for key, row in tables.rows(FINDINGS).items() if row["name"] == name]
            return sum(tables.delete(FINDINGS, key) for key in gone)

    def open_test(self, program: Program, test: SelfTest) -> None:
        """Keep what a test's answer must be; tests that nobody answered in time go."""
        now = self._clock()
        row = {"program": _key(program), "words": dict(test.right)}
        with self._state.transaction() as tables:
            tables.purge(TESTS, now)
            tables.put(TESTS, test.id, row, now + LIFETIME_SECONDS)

    def take_test(self, program: Program, test_id: str) -> dict[str, str] | None:
        """Give what the answer to an open test must be, once; None when it is not open."""
        with self._state.transaction() as tables:
            tables.purge(TESTS, self._clock())
            row = tables.get(TESTS, test_id)
            if row is None or row["program"] != _key(program):
                return None
            tables.delete(TESTS, test_id)
        return dict(row["words"])

    def _put(self, tables: Tables, program: Program, verdict: Verdict, reason: str) -> None:
        found = Finding(
            program.caller, program.name, program.version, verdict, reason, self._clock()
        )
        tables.put(FINDINGS, _key(program), asdict(found))


def _key(program: Program) -> str:
    return key_of(program.caller, program.name, program.version)


def _of(tables: Tables, program: Program) -> list[Finding]:
    """List what was found of a program in all its versions."""
    every = (Finding(**row) for row in tables.rows(FINDINGS).values())
    who = (program.caller, program.name)
    return [one for one in every if (one.caller, one.name) == who]
