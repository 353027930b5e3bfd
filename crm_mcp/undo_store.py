"""What would take back the writes of the last weeks: kept for their operator, each spent once.

The plans hold values as they stood in the CRM. They stand in the state database alone, and go when
they are used up or have expired.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from crm_mcp.errors import Refused
from crm_mcp.state import StateFolder
from crm_mcp.undo import Plan

if TYPE_CHECKING:
    import sqlite3

LIFETIME_SECONDS = 30 * 86_400.0

UndoState = Literal["open", "spent"]


@dataclass(frozen=True, slots=True)
class Origin:
    """The write that an undo takes back.

    `number` is that of its line in the record. `digest` binds the undo to the operation files as
    they were. `summary` is the sentence that a person read.
    """

    number: int
    tool: str
    digest: str
    account: str
    caller: str
    summary: str


@dataclass(frozen=True, slots=True)
class Kept:
    """An undo as it is kept, and how it stands. Times are Unix seconds; a spent one has no plan."""

    origin: Origin
    plan: Plan | None
    state: UndoState
    created: float
    expires: float


class Undos:
    """The undos of one state folder; every method is one transaction and may block."""

    def __init__(self, folder: StateFolder, clock: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._clock = clock

    def keep(self, origin: Origin, plan: Plan) -> Kept:
        """Write down what would take a write back; what has expired goes."""
        now = self._clock()
        kept = Kept(origin, plan, "open", now, now + LIFETIME_SECONDS)
        with self._folder.transaction() as database:
            database.execute("DELETE FROM undos WHERE expires <= ?", (now,))
            database.execute(
                "INSERT OR REPLACE INTO undos VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(origin.number, origin.tool, origin.digest, origin.account, origin.caller),
                    *(origin.summary, plan.as_json(), kept.state, kept.created, kept.expires),
                ),
            )
        return kept

    def get(self, number: int) -> Kept | None:
        """Read one undo, whatever its state; None when it has expired or never was."""
        with self._folder.transaction() as database:
            row = database.execute(
                "SELECT * FROM undos WHERE number = ? AND expires > ?", (number, self._clock())
            ).fetchone()
        return None if row is None else _kept(row)

    def open(self) -> list[Kept]:
        """List what can be taken back, the newest first."""
        with self._folder.transaction() as database:
            rows = database.execute(
                "SELECT * FROM undos WHERE state = 'open' AND expires > ? ORDER BY number DESC",
                (self._clock(),),
            ).fetchall()
        return [_kept(row) for row in rows]

    def spend(self, number: int) -> None:
        """Use an undo up, once, before anything is sent.

        Raises:
            Refused: it was used up, or has expired.
        """
        with self._folder.transaction() as database:
            row = database.execute(
                "UPDATE undos SET state = 'spent' WHERE number = ? AND state = 'open'"
                " AND expires > ? RETURNING number",
                (number, self._clock()),
            ).fetchone()
        if row is None:
            raise Refused(f"The write {number} was taken back already.", hint="")

    def settle(self, number: int, *, is_changed: bool) -> None:
        """Say what came of a spent undo: where nothing was changed, it is open again."""
        with self._folder.transaction() as database:
            if is_changed:
                database.execute("UPDATE undos SET plan = '' WHERE number = ?", (number,))
            else:
                database.execute("UPDATE undos SET state = 'open' WHERE number = ?", (number,))


def _kept(row: "sqlite3.Row") -> Kept:
    *facts, text, state, created, expires = tuple(row)
    plan = Plan.from_json(text) if text else None
    return Kept(Origin(*facts), plan, state, created, expires)
