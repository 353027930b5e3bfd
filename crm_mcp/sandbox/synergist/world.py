"""The records of one Synergist: what they hold, which version they are, when they changed.

A record is a value: to change it is to put another in its place, so that a call which fails half
way leaves nothing behind. The clock begins with the story and moves by the calls.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from crm_mcp.sandbox.synergist.errors import RefusalError

Row = dict[str, Any]
Key = int | str

EVERY_COMPANY = 0
"""The company of what belongs to all of them."""

_UUIDS = UUID("5a1b3c7e-92d4-4f60-8e15-0d7c6b2a4938")


@dataclass(frozen=True, eq=False)
class Record:
    """One thing in Synergist; `record[name]` is None for a field that was never filled.

    Args:
        kind: what it is, such as `activity`.
        key: the number or code that calls name it by; one kind has only one type of keys.
        serial: counts the records of a kind, those that are gone too.
        company: the number of the company it belongs to.
        version: goes up by one with every change.
    """

    kind: str
    key: Key
    serial: int
    company: int
    modified: datetime
    data: Mapping[str, Any]
    version: int = 0

    def __getitem__(self, name: str) -> Any:
        return self.data.get(name)

    @property
    def uuid(self) -> str:
        """The same in every new sandbox."""
        return _uuid(self.kind, self.serial)


@dataclass(frozen=True)
class View:
    """A saved filter.

    Args:
        number: below zero for those that every Synergist has.
        type: the table it filters, as views.json names it.
        keeps: tells of all fields of a record, as they are shown, whether it belongs in.
        sort: the field to sort by; with `descending`, from the last to the first.
        company: whose it is.
    """

    number: int
    type: str
    description: str
    keeps: Callable[[Row, "Viewer"], bool]
    sort: str
    descending: bool = False
    company: int = EVERY_COMPANY

    @property
    def uuid(self) -> str:
        """The same in every new sandbox."""
        return _uuid("view", self.number)


@dataclass(frozen=True)
class Viewer:
    """Who looks through a view, and on which day."""

    user_id: int
    today: str


@dataclass(frozen=True)
class Snapshot:
    """How the records stood at some moment."""

    records: Mapping[str, Mapping[Key, Record]]
    serials: Mapping[str, int]
    numbers: Mapping[str, int]
    revision: int


@dataclass
class World:
    """All that one Synergist knows.

    Args:
        now: the time of the present call.
        views: the saved filters of all tables.
        origin: the address under which the present caller reaches it.
        uses_s3: whether attachments live in Amazon S3 and not in the database.
        revision: goes up with every change of a record.
    """

    now: datetime
    views: tuple[View, ...] = ()
    origin: str = ""
    uses_s3: bool = False
    revision: int = 0
    _records: dict[str, dict[Key, Record]] = field(default_factory=dict)
    _serials: dict[str, int] = field(default_factory=dict)
    _numbers: dict[str, int] = field(default_factory=dict)

    @property
    def today(self) -> str:
        """The present day as Synergist writes it."""
        return f"{self.now:%Y-%m-%d}"

    def add(
        self, kind: str, data: Mapping[str, Any], *, key: Key | None = None, company: int = 1
    ) -> Record:
        """Make a record; without a key it gets the number after the highest of its kind.

        Raises:
            RefusalError: there is one with this key already.
        """
        found = self._numbers.get(kind, 0) + 1 if key is None else key
        if self.get(kind, found) is not None:
            raise RefusalError(f"{kind} {found} already exists")
        if isinstance(found, int):
            self._numbers[kind] = max(found, self._numbers.get(kind, 0))
        self._serials[kind] = self._serials.get(kind, 0) + 1
        return self._put(Record(kind, found, self._serials[kind], company, self.now, dict(data)))

    def count_from(self, kind: str, first: int) -> None:
        """Let the numbers of a kind begin higher than with 1."""
        self._numbers[kind] = first - 1

    def change(self, record: Record, data: Mapping[str, Any]) -> Record:
        """Give a record other values; those not named stay."""
        values = {**record.data, **data}
        return self._put(
            replace(record, data=values, modified=self.now, version=record.version + 1)
        )

    def drop(self, record: Record) -> None:
        """Take a record away."""
        del self._records[record.kind][_folded(record.key)]
        self.revision += 1

    def all(self, kind: str) -> tuple[Record, ...]:
        """List the records of a kind, oldest first."""
        return tuple(self._records.get(kind, {}).values())

    def where(self, kind: str, **values: Any) -> list[Record]:
        """List the records of a kind that hold exactly these values, oldest first."""
        return [
            record
            for record in self.all(kind)
            if all(record[name] == value for name, value in values.items())
        ]

    def get(self, kind: str, key: Key) -> Record | None:
        """Find a record by its number or code; in codes, capitals make no difference."""
        return self._records.get(kind, {}).get(_folded(key))

    def find(self, kind: str, key: Key) -> Record:
        """Find a record that must be there.

        Raises:
            RefusalError: it is not.
        """
        record = self.get(kind, key)
        if record is None:
            raise RefusalError(f"{kind} {key} not found")
        return record

    def snapshot(self) -> Snapshot:
        """Remember how everything stands."""
        records = {kind: dict(found) for kind, found in self._records.items()}
        return Snapshot(records, dict(self._serials), dict(self._numbers), self.revision)

    def restore(self, snapshot: Snapshot) -> None:
        """Undo whatever was done since."""
        self._records = {kind: dict(found) for kind, found in snapshot.records.items()}
        self._serials = dict(snapshot.serials)
        self._numbers = dict(snapshot.numbers)
        self.revision = snapshot.revision

    def _put(self, record: Record) -> Record:
        self._records.setdefault(record.kind, {})[_folded(record.key)] = record
        self.revision += 1
        return record


def _uuid(kind: str, number: int) -> str:
    return uuid5(_UUIDS, f"{kind} {number}").hex.upper()


def _folded(key: Key) -> Key:
    return key.casefold() if isinstance(key, str) else key
