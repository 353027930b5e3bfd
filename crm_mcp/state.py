"""Where approvals, counters and the anchor of the record stand: rows of a few tables, one lock.

Everything that must happen once is ordered by a transaction, which takes the write lock at its
beginning: no two processes ever both believe they were first. A folder with an embedded SQLite
database is one such state; `redis_state.py` is the other, for several machines.
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from crm_mcp.errors import StateError
from crm_mcp.presence import FilePresence, Presence

if TYPE_CHECKING:
    import sqlite3

LOCK_SECONDS = 10.0
Row = dict[str, Any]

FORMAT = 1
"""Of all rows together; raised with a change that an older version cannot read."""

_ROWS = f"""
BEGIN IMMEDIATE;
PRAGMA user_version = {FORMAT};
CREATE TABLE IF NOT EXISTS rows (
  kind TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, until REAL NOT NULL,
  PRIMARY KEY (kind, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS rows_by_end ON rows (kind, until);
COMMIT;
"""


class Tables(Protocol):
    """The rows of a state within one transaction. A row is a JSON object; keys are texts."""

    def get(self, table: str, key: str) -> Row | None:
        """Read one row."""
        ...

    def rows(self, table: str) -> dict[str, Row]:
        """Read all rows, by key."""
        ...

    def count(self, table: str) -> int:
        """Count the rows."""
        ...

    def put(self, table: str, key: str, row: Mapping[str, Any], until: float = inf) -> None:
        """Write one row; it may be purged from a moment on (Unix seconds)."""
        ...

    def delete(self, table: str, key: str) -> bool:
        """Take one row away; tells whether it was there."""
        ...

    def purge(self, table: str, now: float) -> None:
        """Take away the rows whose time is over."""
        ...

    def add_line(self, number: int, line: bytes) -> None:
        """Add a line to the stream of the record, if the state has one."""
        ...


class State(Protocol):
    """What keeps the rows, for all processes that share it."""

    path: Path
    """The folder for files that stand beside."""

    @property
    def is_there(self) -> bool:
        """Whether anything was ever kept here."""
        ...

    def transaction(self) -> AbstractContextManager[Tables]:
        """Hold the write lock; commit at the end, roll back on any error.

        Raises:
            StateError: it cannot be reached, locked or written; says which and why.
        """
        ...

    def presence(self) -> Presence:
        """Give this process a sign of life that the others can see."""
        ...

    def lines(self, after: int) -> Iterator[bytes]:
        """Read the stream of the record, if the state has one, from a number on."""
        ...


class StateFolder:
    """A folder of the operator's that only its owner can read, with an embedded database."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ready = False

    @contextmanager
    def transaction(self) -> Iterator[Tables]:
        """Hold the write lock; commit at the end, roll back on any error.

        Raises:
            StateError: the database cannot be opened, locked or written; says which and why.
        """
        import sqlite3  # with the first write: a server that only reads never needs it

        try:
            self._prepare()
            with closing(self._connect()) as database:
                database.execute("BEGIN IMMEDIATE")
                try:
                    yield _SqlTables(database)
                except BaseException:
                    if database.in_transaction:  # a full disk may have rolled it back already
                        database.execute("ROLLBACK")
                    raise
                database.execute("COMMIT")
        except (sqlite3.Error, OSError) as error:
            raise StateError(f"{self.path}: the state cannot be used: {error}") from error

    def presence(self) -> Presence:
        """Give this process a sign of life in the folder."""
        return FilePresence(self.path)

    def lines(self, after: int) -> Iterator[bytes]:
        """Read nothing: the record of a folder is a file.

        Raises:
            StateError: always.
        """
        raise StateError(f"{self.path}: a folder has no stream (after {after})")

    def _prepare(self) -> None:
        if self._ready:
            return
        # A folder that is there already keeps its rights: it may be a shared one.
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Never opened but by SQLite once it is there: closing any handle on a file drops all locks
        # that this process holds on it, those of other threads included.
        with suppress(FileExistsError):
            os.close(os.open(self._file, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        with closing(self._connect()) as database:
            self._refuse_others(database)
            database.executescript(_ROWS)
        self._ready = True

    def _refuse_others(self, database: "sqlite3.Connection") -> None:
        """Refuse a state that another version keeps otherwise, before anything is written to it."""
        is_used = database.execute("SELECT 1 FROM sqlite_master").fetchone() is not None
        (found,) = database.execute("PRAGMA user_version").fetchone()
        if is_used and found != FORMAT:
            raise StateError(
                f"{self.path}: another version of crm-mcp keeps its state here (format {found}, "
                f"this one has {FORMAT}). Move the folder to a safe place, with its record, to "
                "begin anew, or go on with that version."
            )

    @property
    def is_there(self) -> bool:
        """Whether anything was ever kept here."""
        return self._file.exists()

    @property
    def _file(self) -> Path:
        return self.path / "state.sqlite3"

    def _connect(self) -> "sqlite3.Connection":
        import sqlite3  # see `transaction`

        return sqlite3.connect(self._file, timeout=LOCK_SECONDS, isolation_level=None)


class _SqlTables:
    """The rows in the embedded database."""

    def __init__(self, database: "sqlite3.Connection") -> None:
        self._database = database

    def get(self, table: str, key: str) -> Row | None:
        found = self._database.execute(
            "SELECT value FROM rows WHERE kind = ? AND key = ?", (table, key)
        ).fetchone()
        return None if found is None else as_row(found[0])

    def rows(self, table: str) -> dict[str, Row]:
        found = self._database.execute("SELECT key, value FROM rows WHERE kind = ?", (table,))
        return {key: as_row(value) for key, value in found}

    def count(self, table: str) -> int:
        found = self._database.execute("SELECT count(*) FROM rows WHERE kind = ?", (table,))
        return int(found.fetchone()[0])

    def put(self, table: str, key: str, row: Mapping[str, Any], until: float = inf) -> None:
        self._database.execute(
            "INSERT OR REPLACE INTO rows VALUES (?, ?, ?, ?)", (table, key, as_text(row), until)
        )

    def delete(self, table: str, key: str) -> bool:
        gone = self._database.execute("DELETE FROM rows WHERE kind = ? AND key = ?", (table, key))
        return gone.rowcount > 0

    def add_line(self, number: int, line: bytes) -> None:
        raise StateError(f"a folder has no stream for line {number} ({len(line)} bytes)")

    def purge(self, table: str, now: float) -> None:
        self._database.execute("DELETE FROM rows WHERE kind = ? AND until <= ?", (table, now))


def as_row(text: str | bytes) -> Row:
    """Read a row.

    Raises:
        StateError: it is none; somebody else wrote there.
    """
    try:
        row = json.loads(text)
    except ValueError as error:
        raise StateError("the state holds what this server did not write") from error
    if not isinstance(row, dict):
        raise StateError("the state holds what this server did not write")
    return row


def as_text(row: Mapping[str, Any]) -> str:
    """Write a row."""
    return json.dumps(row, ensure_ascii=False, separators=(",", ":"))


def key_of(*parts: str) -> str:
    """Write several texts as one key; no two become one."""
    return json.dumps(parts, ensure_ascii=False)
