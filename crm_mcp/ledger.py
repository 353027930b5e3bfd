"""Step 5c: what was asked, approved, rejected and spent, in one place for every way of asking.

An approval is bound to a fingerprint of tool, arguments, request, account, caller, record and
operation. It is spent in one atomic step before anything is sent, it runs once, it expires, and
it survives a restart.
"""

import secrets
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

from crm_mcp.errors import NotConfirmed, Refused
from crm_mcp.state import StateFolder
from crm_mcp.undo_store import Undos

if TYPE_CHECKING:
    import sqlite3

LIFETIME_SECONDS = 600.0
KEPT_SECONDS = 7 * 86_400.0
HOUR_SECONDS = 3600.0

Way = Literal["dialog", "out_of_band"]
ApprovalState = Literal["asked", "approved", "rejected", "spent", "outdated"]


@dataclass(frozen=True, slots=True)
class Question:
    """What a person is asked: about which call, and the text they read.

    `record` is the digest of the records as shown, empty where none was. `word` is what the
    person types beside choosing, empty where choosing is enough.
    """

    fingerprint: str
    tool: str
    account: str
    caller: str
    preview: str
    record: str = ""
    word: str = ""


@dataclass(frozen=True, slots=True)
class Approval:
    """A question written down, and how it stands. Times are Unix seconds."""

    id: str
    fingerprint: str
    tool: str
    account: str
    caller: str
    preview: str
    record: str
    word: str
    way: Way
    state: ApprovalState
    created: float
    expires: float
    decided_by: str = ""

    def word_fits(self, typed: str) -> bool:
        """Whether somebody typed the word that is asked for; capitals make no difference."""
        return typed.strip().casefold() == self.word.casefold()


@dataclass(frozen=True, slots=True)
class Consent:
    """A person's yes, spent: made by the ledger alone, good for the one request it names."""

    approval_id: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Yes:
    """A person's yes, not yet spent: to this approval, standing in this state."""

    approval: Approval
    by: str


class Ledger:
    """The approvals of one state folder; every method is one transaction and may block."""

    def __init__(self, folder: StateFolder, clock: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._clock = clock
        self.undos = Undos(folder, clock)

    def ask(self, question: Question, way: Way) -> Approval:
        """Write down a question; entries that expired long ago go."""
        now = self._clock()
        entry = Approval(
            id=secrets.token_hex(5),
            **asdict(question),
            way=way,
            state="asked",
            created=now,
            expires=now + LIFETIME_SECONDS,
        )
        with self._folder.transaction() as database:
            database.execute("DELETE FROM approvals WHERE expires < ?", (now - KEPT_SECONDS,))
            database.execute(
                "INSERT INTO approvals VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                tuple(asdict(entry).values()),
            )
        return entry

    def get(self, approval_id: str) -> Approval | None:
        """Read one question, whatever its state."""
        with self._folder.transaction() as database:
            row = database.execute(
                "SELECT * FROM approvals WHERE id = ?", (approval_id,)
            ).fetchone()
        return _approval(row)

    def standing(self, fingerprint: str) -> Approval | None:
        """Find the newest open or answered out-of-band question about this very call."""
        with self._folder.transaction() as database:
            row = database.execute(
                "SELECT * FROM approvals WHERE fingerprint = ? AND way = 'out_of_band'"
                " AND state NOT IN ('spent', 'outdated') AND expires > ?"
                " ORDER BY created DESC LIMIT 1",
                (fingerprint, self._clock()),
            ).fetchone()
        return _approval(row)

    def waiting(self) -> list[Approval]:
        """List the questions that a person can decide outside the conversation, oldest first."""
        with self._folder.transaction() as database:
            rows = database.execute(
                "SELECT * FROM approvals WHERE way = 'out_of_band' AND state = 'asked'"
                " AND expires > ? ORDER BY created",
                (self._clock(),),
            ).fetchall()
        return [Approval(**row) for row in rows]

    def recent(self, limit: int) -> list[Approval]:
        """List the newest questions that are no longer open, whichever way they were asked."""
        with self._folder.transaction() as database:
            rows = database.execute(
                "SELECT * FROM approvals WHERE state != 'asked' OR expires <= ?"
                " ORDER BY created DESC LIMIT ?",
                (self._clock(), limit),
            ).fetchall()
        return [Approval(**row) for row in rows]

    def decide(self, approval_id: str, state: Literal["approved", "rejected"], by: str) -> Approval:
        """Write down a person's answer to a question that is still open.

        Raises:
            NotConfirmed: there is no such open question.
        """
        with self._folder.transaction() as database:
            row = database.execute(
                "UPDATE approvals SET state = ?, decided_by = ? WHERE id = ? AND state = 'asked'"
                " AND expires > ? RETURNING *",
                (state, by, approval_id, self._clock()),
            ).fetchone()
        entry = _approval(row)
        if entry is None:
            raise NotConfirmed(f"There is no open question {approval_id}: decided or expired.")
        return entry

    def spend(self, yes: Yes, fingerprint: str, writes_per_hour: int) -> Consent:
        """Turn a yes into consent, once, and count the write.

        Raises:
            NotConfirmed: it was spent, decided otherwise, has expired, or is about another call.
            Refused: the hour's writes are used up; the yes stays good until it expires.
        """
        now = self._clock()
        with self._folder.transaction() as database:
            row = database.execute(
                "UPDATE approvals SET state = 'spent', decided_by = ? WHERE id = ?"
                " AND fingerprint = ? AND state = ? AND expires > ? RETURNING id",
                (yes.by, yes.approval.id, fingerprint, yes.approval.state, now),
            ).fetchone()
            if row is None:
                raise NotConfirmed(
                    "The answer does not fit this call, has expired, or was used already.",
                    hint="Call again to ask again.",
                )
            _count_write(database, now, writes_per_hour)
        return Consent(yes.approval.id, fingerprint)

    def outdate(self, approval_id: str) -> None:
        """Take back an answer: the record is no longer as the person saw it."""
        with self._folder.transaction() as database:
            database.execute(
                "UPDATE approvals SET state = 'outdated' WHERE id = ? AND state != 'spent'",
                (approval_id,),
            )

    def count_write(self, writes_per_hour: int) -> None:
        """Count a write that asks nobody.

        Raises:
            Refused: the hour's writes are used up.
        """
        with self._folder.transaction() as database:
            _count_write(database, self._clock(), writes_per_hour)


def _count_write(database: "sqlite3.Connection", now: float, limit: int) -> None:
    database.execute("DELETE FROM writes WHERE at < ?", (now - HOUR_SECONDS,))
    (count,) = database.execute("SELECT count(*) FROM writes").fetchone()
    if count >= limit:
        raise Refused(
            f"The limit of {limit} writes an hour is reached.",
            hint="Wait, and tell the person; the operator set this limit.",
        )
    database.execute("INSERT INTO writes VALUES (?)", (now,))


def _approval(row: "sqlite3.Row | None") -> Approval | None:
    return None if row is None else Approval(**row)
