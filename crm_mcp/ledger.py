"""Step 5c: what was asked, approved, rejected and spent, in one place for every way of asking.

An approval is bound to a fingerprint of tool, arguments, request, account, caller, record and
operation. It is spent in one atomic step before anything is sent, it runs once, it expires, and
it survives a restart.
"""

import secrets
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Literal

from crm_mcp.errors import NotConfirmed, Refused
from crm_mcp.state import State, Tables
from crm_mcp.undo_store import Undos

LIFETIME_SECONDS = 600.0
KEPT_SECONDS = 7 * 86_400.0
HOUR_SECONDS = 3600.0
APPROVALS, STANDING, WRITES = "approvals", "standing", "writes"
"""Questions by id; the newest out-of-band one of each call; one row for each write of the hour."""

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
    """The approvals of one state; every method is one transaction and may block.

    Args:
        state: where they stand.
        clock: in seconds since the epoch.
        told: hears of each new question that waits outside the conversation.
    """

    def __init__(
        self,
        state: State,
        clock: Callable[[], float] = time.time,
        told: Callable[[Approval], None] | None = None,
    ) -> None:
        self._state = state
        self._clock = clock
        self._told = told
        self.undos = Undos(state, clock)

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
        with self._state.transaction() as tables:
            tables.purge(APPROVALS, now)
            tables.purge(STANDING, now)
            _put(tables, entry)
            if way == "out_of_band":
                tables.put(STANDING, entry.fingerprint, {"id": entry.id}, entry.expires)
        if self._told and way == "out_of_band":
            self._told(entry)
        return entry

    def get(self, approval_id: str) -> Approval | None:
        """Read one question, whatever its state."""
        with self._state.transaction() as tables:
            return _get(tables, approval_id)

    def standing(self, fingerprint: str) -> Approval | None:
        """Find the newest open or answered out-of-band question about this very call."""
        with self._state.transaction() as tables:
            newest = tables.get(STANDING, fingerprint)
            entry = _get(tables, newest["id"]) if newest else None
        if entry is None or entry.expires <= self._clock():
            return None
        return None if entry.state in {"spent", "outdated"} else entry

    def check(self) -> None:
        """See that the state can be used, without reading what is in it.

        Raises:
            StateError: it cannot.
        """
        with self._state.transaction():
            pass

    def waiting(self) -> list[Approval]:
        """List the questions that a person can decide outside the conversation, oldest first."""
        now = self._clock()
        return [
            entry
            for entry in self._all()
            if entry.way == "out_of_band" and entry.state == "asked" and entry.expires > now
        ]

    def recent(self, limit: int | None = None) -> list[Approval]:
        """List questions that are no longer open, whichever way they were asked, newest first.

        Args:
            limit: so many at most.
        """
        now = self._clock()
        closed = [one for one in self._all() if one.state != "asked" or one.expires <= now]
        return closed[::-1][:limit]

    def decide(self, approval_id: str, state: Literal["approved", "rejected"], by: str) -> Approval:
        """Write down a person's answer to a question that is still open.

        Raises:
            NotConfirmed: there is no such open question.
        """
        with self._state.transaction() as tables:
            entry = _get(tables, approval_id)
            if entry is None or entry.state != "asked" or entry.expires <= self._clock():
                raise NotConfirmed(f"There is no open question {approval_id}: decided or expired.")
            return _put(tables, replace(entry, state=state, decided_by=by))

    def spend(self, yes: Yes, fingerprint: str, writes_per_hour: int) -> Consent:
        """Turn a yes into consent, once, and count the write.

        Raises:
            NotConfirmed: it was spent, decided otherwise, has expired, or is about another call.
            Refused: the hour's writes are used up; the yes stays good until it expires.
        """
        now = self._clock()
        with self._state.transaction() as tables:
            entry = _get(tables, yes.approval.id)
            if entry is None or entry.expires <= now or not _is_for(yes, entry, fingerprint):
                raise NotConfirmed(
                    "The answer does not fit this call, has expired, or was used already.",
                    hint="Call again to ask again.",
                )
            _put(tables, replace(entry, state="spent", decided_by=yes.by))
            _count_write(tables, now, writes_per_hour)
        return Consent(yes.approval.id, fingerprint)

    def outdate(self, approval_id: str) -> None:
        """Take back an answer: the record is no longer as the person saw it."""
        with self._state.transaction() as tables:
            entry = _get(tables, approval_id)
            if entry is not None and entry.state != "spent":
                _put(tables, replace(entry, state="outdated"))

    def count_write(self, writes_per_hour: int) -> None:
        """Count a write that asks nobody.

        Raises:
            Refused: the hour's writes are used up.
        """
        with self._state.transaction() as tables:
            _count_write(tables, self._clock(), writes_per_hour)

    def _all(self) -> list[Approval]:
        with self._state.transaction() as tables:
            entries = [Approval(**row) for row in tables.rows(APPROVALS).values()]
        return sorted(entries, key=lambda entry: entry.created)


def _get(tables: Tables, approval_id: str) -> Approval | None:
    row = tables.get(APPROVALS, approval_id)
    return None if row is None else Approval(**row)


def _put(tables: Tables, entry: Approval) -> Approval:
    tables.put(APPROVALS, entry.id, asdict(entry), entry.expires + KEPT_SECONDS)
    return entry


def _is_for(yes: Yes, entry: Approval, fingerprint: str) -> bool:
    """Whether a yes is to this question as it stands, and not used up."""
    is_open = entry.state in {"asked", "approved"}
    return is_open and (entry.fingerprint, entry.state) == (fingerprint, yes.approval.state)


def _count_write(tables: Tables, now: float, limit: int) -> None:
    tables.purge(WRITES, now)
    if tables.count(WRITES) >= limit:
        raise Refused(
            f"The limit of {limit} writes an hour is reached.",
            hint="Wait, and tell the person; the operator set this limit.",
        )
    tables.put(WRITES, secrets.token_hex(8), {}, now + HOUR_SECONDS)
