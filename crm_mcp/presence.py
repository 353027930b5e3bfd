"""Whether the process that began a write still lives: a lock that the system drops with it.

A process number says little: numbers are used again, and in a container each server has the same.
The lock is SQLite's own, because that works on every system the rest of the state works on.
"""

import os
import secrets
import weakref
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import sqlite3

_PREFIX = "running-"


class Presence(Protocol):
    """One process's sign of life, given with its first write."""

    def name(self) -> str:
        """Give the name under which others find this process."""
        ...

    def lives(self, name: str) -> bool:
        """Tell whether the process of this name still runs."""
        ...


class FilePresence:
    """The sign of life in a state folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._name = ""

    def name(self) -> str:
        """Give the name under which others find this process; takes the lock on first use.

        Raises:
            OSError, sqlite3.Error: the lock cannot be taken.
        """
        if not self._name:
            self._sweep()
            name = secrets.token_hex(8)
            path = self._path(name)
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
            weakref.finalize(self, _leave, _locked(path), path)
            self._name = name
        return self._name

    def lives(self, name: str) -> bool:
        """Tell whether the process of this name still runs."""
        path = self._path(name)
        return bool(name) and path.exists() and _is_locked(path)

    def _sweep(self) -> None:
        """Take away the signs of processes that were ended before they could."""
        for path in self._folder.glob(f"{_PREFIX}*"):
            if not _is_locked(path):
                path.unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        return self._folder / f"{_PREFIX}{name}"


def _locked(path: Path) -> "sqlite3.Connection":
    import sqlite3  # see state.py

    # It is closed at the end by whichever thread comes to it.
    database = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
    try:
        database.execute("PRAGMA journal_mode = MEMORY")  # no second file beside it
        database.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error:
        database.close()
        raise
    return database


def _is_locked(path: Path) -> bool:
    import sqlite3  # see state.py

    try:
        with closing(_locked(path)):
            return False
    except sqlite3.OperationalError:
        return True


def _leave(database: "sqlite3.Connection", path: Path) -> None:
    database.close()
    path.unlink(missing_ok=True)
