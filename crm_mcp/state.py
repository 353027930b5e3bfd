"""The folder where approvals and the record of writes stand: private, and safe for many processes.

One embedded SQLite database orders everything that must happen once. A transaction takes the
write lock at its beginning, so that two processes never both believe they were first.
"""

import os
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from crm_mcp.errors import StateError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

LOCK_SECONDS = 10.0

_TABLES = """
CREATE TABLE IF NOT EXISTS approvals (
  id TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, tool TEXT NOT NULL, account TEXT NOT NULL,
  caller TEXT NOT NULL, preview TEXT NOT NULL, record TEXT NOT NULL, word TEXT NOT NULL,
  way TEXT NOT NULL, state TEXT NOT NULL,
  created REAL NOT NULL, expires REAL NOT NULL, decided_by TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX IF NOT EXISTS approvals_by_fingerprint ON approvals (fingerprint, created);
CREATE TABLE IF NOT EXISTS writes (at REAL NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS audit_key (
  one INTEGER PRIMARY KEY CHECK (one = 1), key BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS audit_head (
  one INTEGER PRIMARY KEY CHECK (one = 1), seq INTEGER NOT NULL, hash TEXT NOT NULL,
  size INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS client_findings (
  caller TEXT NOT NULL, name TEXT NOT NULL, version TEXT NOT NULL, verdict TEXT NOT NULL,
  reason TEXT NOT NULL, at REAL NOT NULL, PRIMARY KEY (caller, name, version)
) STRICT;
CREATE TABLE IF NOT EXISTS client_tests (
  id TEXT PRIMARY KEY, caller TEXT NOT NULL, name TEXT NOT NULL, version TEXT NOT NULL,
  words TEXT NOT NULL, expires REAL NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS open_writes (
  number INTEGER PRIMARY KEY, line TEXT NOT NULL, process TEXT NOT NULL, answered INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS doubts (
  account TEXT NOT NULL, tool TEXT NOT NULL, status INTEGER NOT NULL, times INTEGER NOT NULL,
  at REAL NOT NULL, PRIMARY KEY (account, tool)
) STRICT;
CREATE TABLE IF NOT EXISTS undos (
  number INTEGER PRIMARY KEY, tool TEXT NOT NULL, digest TEXT NOT NULL, account TEXT NOT NULL,
  caller TEXT NOT NULL, summary TEXT NOT NULL, plan TEXT NOT NULL, state TEXT NOT NULL,
  created REAL NOT NULL, expires REAL NOT NULL
) STRICT;
"""


class StateFolder:
    """A folder of the operator's that only its owner can read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ready = False

    @contextmanager
    def transaction(self) -> "Iterator[sqlite3.Connection]":
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
                    yield database
                except BaseException:
                    if database.in_transaction:  # a full disk may have rolled it back already
                        database.execute("ROLLBACK")
                    raise
                database.execute("COMMIT")
        except (sqlite3.Error, OSError) as error:
            raise StateError(f"{self.path}: the state cannot be used: {error}") from error

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
            database.executescript(_TABLES)
            self._check_columns(database)
            # Before any line that is made with it: a crash must not take it back.
            database.execute("INSERT OR IGNORE INTO audit_key VALUES (1, ?)", (os.urandom(32),))
        self._ready = True

    def _check_columns(self, database: "sqlite3.Connection") -> None:
        """Refuse a state that another version keeps otherwise, before anything is written to it."""
        import sqlite3  # see `transaction`

        with closing(sqlite3.connect(":memory:")) as ours:
            ours.executescript(_TABLES)
            expected = _columns(ours)
        there = _columns(database)
        other = [name for name, columns in expected.items() if there[name] != columns]
        if other:
            raise StateError(
                f"{self.path}: another version of crm-mcp keeps its state here "
                f"({', '.join(other)} differ). Move the folder to a safe place, with its record, "
                "to begin anew, or go on with that version."
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

        database = sqlite3.connect(self._file, timeout=LOCK_SECONDS, isolation_level=None)
        database.row_factory = sqlite3.Row
        return database


def _columns(database: "sqlite3.Connection") -> dict[str, list[str]]:
    """List the columns of each table."""
    names = [
        row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type='table'")
    ]
    return {
        name: [row[0] for row in database.execute("SELECT name FROM pragma_table_info(?)", (name,))]
        for name in names
    }
