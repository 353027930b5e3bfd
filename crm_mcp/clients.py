"""What is known of client programs: whether a person answers their dialogs, or they do.

A good finding holds for one version and for a while. A bad one holds for the name, in every
version, until the operator takes it back. A name proves nothing: under another one, a program
meets the test again.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from crm_mcp.ledger import LIFETIME_SECONDS
from crm_mcp.selftest import SelfTest
from crm_mcp.state import StateFolder

GOOD_SECONDS = 30 * 86_400.0

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
    """The findings and open tests of one state folder; each method is one transaction."""

    def __init__(self, folder: StateFolder, clock: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._clock = clock

    def finding(self, program: Program) -> Finding | None:
        """Find what holds for a program now; None while it is unknown. A bad finding wins."""
        with self._folder.transaction() as database:
            row = database.execute(
                "SELECT * FROM client_findings WHERE caller = ? AND name = ?"
                " AND (verdict = 'answers_by_itself' OR (version = ? AND at > ?))"
                " ORDER BY verdict = 'answers_by_itself' DESC, at LIMIT 1",
                (program.caller, program.name, program.version, self._clock() - GOOD_SECONDS),
            ).fetchone()
        return None if row is None else Finding(**row)

    def trust(self, program: Program, reason: str) -> None:
        """Keep that a person answers this version; a bad finding stays as it is."""
        who = (program.caller, program.name)
        with self._folder.transaction() as database:
            database.execute(
                "INSERT OR REPLACE INTO client_findings SELECT ?, ?, ?, 'asks_a_person', ?, ?"
                " WHERE NOT EXISTS (SELECT 1 FROM client_findings WHERE caller = ? AND name = ?"
                " AND verdict = 'answers_by_itself')",
                (*who, program.version, reason, self._clock(), *who),
            )

    def brand(self, program: Program, reason: str) -> bool:
        """Keep that the program answers by itself; tells whether that is new."""
        with self._folder.transaction() as database:
            kept = database.execute(
                "INSERT INTO client_findings VALUES (?, ?, ?, 'answers_by_itself', ?, ?)"
                " ON CONFLICT DO UPDATE SET verdict = excluded.verdict,"
                " reason = excluded.reason, at = excluded.at"
                " WHERE verdict != excluded.verdict",
                (program.caller, program.name, program.version, reason, self._clock()),
            )
            return kept.rowcount > 0

    def known(self) -> list[Finding]:
        """List all findings, those that have ended too, by name."""
        with self._folder.transaction() as database:
            rows = database.execute(
                "SELECT * FROM client_findings ORDER BY name, version, caller"
            ).fetchall()
        return [Finding(**row) for row in rows]

    def forget(self, name: str) -> int:
        """Make a program unknown again, in every version; tells how many findings went."""
        with self._folder.transaction() as database:
            gone = database.execute("DELETE FROM client_findings WHERE name = ?", (name,))
            return gone.rowcount

    def open_test(self, program: Program, test: SelfTest) -> None:
        """Keep what a test's answer must be; tests that nobody answered in time go."""
        now = self._clock()
        with self._folder.transaction() as database:
            database.execute("DELETE FROM client_tests WHERE expires <= ?", (now,))
            database.execute(
                "INSERT INTO client_tests VALUES (?, ?, ?, ?, ?, ?)",
                (
                    *(test.id, program.caller, program.name, program.version),
                    *(json.dumps(dict(test.right)), now + LIFETIME_SECONDS),
                ),
            )

    def take_test(self, program: Program, test_id: str) -> dict[str, str] | None:
        """Give what the answer to an open test must be, once; None when it is not open."""
        with self._folder.transaction() as database:
            row = database.execute(
                "DELETE FROM client_tests WHERE id = ? AND caller = ? AND name = ?"
                " AND version = ? AND expires > ? RETURNING words",
                (test_id, program.caller, program.name, program.version, self._clock()),
            ).fetchone()
        return None if row is None else dict(json.loads(row["words"]))
