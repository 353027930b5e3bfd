"""What would take back the writes of the last weeks: kept for their operator, each spent once.

The plans hold values as they stood in the CRM. They stand in the state database alone, and go when
they are used up or have expired.
"""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Literal

from crm_mcp.errors import Refused
from crm_mcp.state import Row, State, Tables
from crm_mcp.undo import Plan

LIFETIME_SECONDS = 30 * 86_400.0
UNDOS = "undos"

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
    """The undos of one state; every method is one transaction and may block."""

    def __init__(self, state: State, clock: Callable[[], float] = time.time) -> None:
        self._state = state
        self._clock = clock

    def keep(self, origin: Origin, plan: Plan) -> Kept:
        """Write down what would take a write back; what has expired goes."""
        now = self._clock()
        kept = Kept(origin, plan, "open", now, now + LIFETIME_SECONDS)
        with self._state.transaction() as tables:
            tables.purge(UNDOS, now)
            _put(tables, kept)
        return kept

    def get(self, number: int) -> Kept | None:
        """Read one undo, whatever its state; None when it has expired or never was."""
        with self._state.transaction() as tables:
            return self._find(tables, number)

    def open(self) -> list[Kept]:
        """List what can be taken back, the newest first."""
        with self._state.transaction() as tables:
            every = [_kept(row) for row in tables.rows(UNDOS).values()]
        now = self._clock()
        good = [kept for kept in every if kept.state == "open" and kept.expires > now]
        return sorted(good, key=lambda kept: -kept.origin.number)

    def spend(self, number: int) -> None:
        """Use an undo up, once, before anything is sent.

        Raises:
            Refused: it was used up, or has expired.
        """
        with self._state.transaction() as tables:
            kept = self._find(tables, number)
            if kept is None or kept.state != "open":
                raise Refused(f"The write {number} was taken back already.", hint="")
            _put(tables, replace(kept, state="spent"))

    def settle(self, number: int, *, is_changed: bool) -> None:
        """Say what came of a spent undo: where nothing was changed, it is open again."""
        with self._state.transaction() as tables:
            kept = self._find(tables, number)
            if kept is not None:
                ended = replace(kept, plan=None) if is_changed else replace(kept, state="open")
                _put(tables, ended)

    def _find(self, tables: Tables, number: int) -> Kept | None:
        row = tables.get(UNDOS, str(number))
        kept = None if row is None else _kept(row)
        return None if kept is None or kept.expires <= self._clock() else kept


def _put(tables: Tables, kept: Kept) -> None:
    row = {
        "origin": asdict(kept.origin),
        "plan": kept.plan.as_json() if kept.plan else "",
        "state": kept.state,
        "created": kept.created,
        "expires": kept.expires,
    }
    tables.put(UNDOS, str(kept.origin.number), row, kept.expires)


def _kept(row: Row) -> Kept:
    plan = Plan.from_json(row["plan"]) if row["plan"] else None
    return Kept(Origin(**row["origin"]), plan, row["state"], row["created"], row["expires"])
