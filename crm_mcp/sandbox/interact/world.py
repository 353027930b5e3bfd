"""The records of one interact.io: who owns them, how they are related, what changed when.

All records share one sequence of ids, so that the id of a note is never that of a contact too.
Times are milliseconds since the epoch; the clock begins with the story and moves by the calls.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any, Literal

from crm_mcp.sandbox.interact.errors import RefusalError, What
from crm_mcp.sandbox.interact.push import Mailbox
from crm_mcp.sandbox.interact.wire import Row

Kind = Literal[
    "address",
    "basicInfo",
    "company",
    "contact",
    "customField",
    "deal",
    "device",
    "group",
    "importContact",
    "interaction",
    "note",
    "picture",
    "task",
    "taskList",
    "triggerDevice",
    "user",
]

SECOND = 1000
DAY = 24 * 60 * 60 * SECOND
NOBODY = 0
"""Owner of what belongs to the CRM as a whole."""

SYNCED: tuple[Kind, ...] = ("contact", "deal", "interaction", "note", "taskList", "task")
"""What a device keeps a copy of."""

_NOT_FOUND: dict[Kind, What] = {
    "address": What.ADDRESS,
    "basicInfo": What.BASIC_INFO,
    "company": What.COMPANY,
    "contact": What.CONTACT,
    "deal": What.DEAL,
    "device": What.DEVICE,
    "group": What.GROUP,
    "importContact": What.CONTACT,
    "interaction": What.INTERACTION,
    "note": What.NOTE,
    "picture": What.PICTURE,
    "task": What.TASK,
    "taskList": What.TASK_LIST,
    "triggerDevice": What.DEVICE,
    "user": What.USER,
}


@dataclass(eq=False)
class Record:
    """One thing in the CRM; `data` holds its attributes, and `record[name]` is None without one."""

    kind: Kind
    id: int
    owner: int
    changed: int
    data: Row

    def __getitem__(self, name: str) -> Any:
        return self.data.get(name)


@dataclass(frozen=True)
class Tombstone:
    """What a device must be told about a record that is gone."""

    kind: Kind
    id: int
    owner: int
    at: int


@dataclass(frozen=True)
class Mail:
    """A message that the CRM has sent to a user."""

    to: str
    password: str


@dataclass
class World:
    """All that one interact.io knows.

    Args:
        now: the time of the present call.
        origin: the address under which the present caller reaches it.
        revision: goes up with every change of a record.
        activities: each with the id of the user whom it is shown to.
        tombstones: what is gone, oldest first.
        sessions: by token, the user's id and the time when it expires.
        mails: what was sent to users, oldest first.
    """

    now: int
    origin: str = ""
    revision: int = 0
    activities: list[tuple[int, Row]] = field(default_factory=list)
    tombstones: list[Tombstone] = field(default_factory=list)
    sessions: dict[str, tuple[int, int]] = field(default_factory=dict)
    mails: list[Mail] = field(default_factory=list)
    _records: dict[int, Record] = field(default_factory=dict)
    _relations: set[frozenset[int]] = field(default_factory=set)
    _mailboxes: dict[int, Mailbox] = field(default_factory=dict)
    _ids: Iterator[int] = field(default_factory=lambda: count(1))

    def add(self, kind: Kind, owner: int, data: Row) -> Record:
        """Make a record."""
        record = Record(kind, next(self._ids), owner, self.now, data)
        self._records[record.id] = record
        self._changed(record)
        return record

    def change(self, record: Record, data: Row) -> None:
        """Give a record other attributes; those not named stay."""
        record.data = record.data | data
        record.changed = self.now
        self._changed(record)

    def drop(self, record: Record) -> None:
        """Take a record away, with its relations and its mailbox."""
        self.relate(record.id, [])
        del self._records[record.id]
        self._mailboxes.pop(record.id, None)
        if record.kind in SYNCED:
            self.tombstones.append(Tombstone(record.kind, record.id, record.owner, self.now))
        self._changed(record)

    def all(self, kind: Kind) -> list[Record]:
        """List the records of a kind, oldest first."""
        return [record for record in self._records.values() if record.kind == kind]

    def of(self, user: Record, kind: Kind) -> list[Record]:
        """List the records of a kind that a user sees, oldest first."""
        return [record for record in self.all(kind) if _sees(user, record)]

    def find(self, kind: Kind, number: int) -> Record:
        """Find a record that belongs to the CRM as a whole.

        Raises:
            RefusalError: there is none of this kind with this id.
        """
        record = self._records.get(number)
        if record is None or record.kind != kind:
            what = _NOT_FOUND.get(kind, What.NOT_FOUND)
            raise RefusalError(what, f"{kind} not found")
        return record

    def own(self, user: Record, kind: Kind, number: int) -> Record:
        """Find a record of a user; what belongs to others is as if it were not there."""
        record = self.find(kind, number)
        if not _sees(user, record):
            raise RefusalError(_NOT_FOUND[kind], f"{kind} not found")
        return record

    def owned(self, user: Record, kind: Kind, numbers: tuple[int, ...]) -> list[Record]:
        """Find several records of a user, each once: all of them or none."""
        return [self.own(user, kind, number) for number in dict.fromkeys(numbers)]

    def relate(self, contact: int, others: list[int]) -> None:
        """Let a contact be related to these contacts and to no others."""
        touched = set(self.related(contact)) ^ set(others)
        kept = {pair for pair in self._relations if contact not in pair}
        self._relations = kept | {frozenset((contact, other)) for other in others}
        for number in touched:
            self.change(self._records[number], {})

    def related(self, contact: int) -> list[int]:
        """List the ids of the contacts that a contact is related to."""
        pairs = (pair for pair in self._relations if contact in pair)
        return sorted(number for pair in pairs for number in pair - {contact})

    def mailbox(self, device: Record) -> Mailbox:
        """Give the messages that wait for a device."""
        return self._mailboxes.setdefault(device.id, Mailbox())

    def mailboxes(self, owner: int) -> list[tuple[Record, Mailbox]]:
        """List a user's devices that are switched on, with their messages."""
        mine = (device for device in self.all("device") if device.owner == owner)
        return [(device, self.mailbox(device)) for device in mine if device["active"]]

    def _changed(self, record: Record) -> None:
        self.revision += 1
        if record.kind in SYNCED:
            for device, mailbox in self.mailboxes(record.owner):
                mailbox.hint(device["synced"])


def milliseconds(moment: datetime) -> int:
    """Write a moment as interact.io does."""
    return int(moment.timestamp() * SECOND)


def _sees(user: Record, record: Record) -> bool:
    return user.id in (record.owner, record["assignedTo"])
