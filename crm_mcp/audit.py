"""Step 5d: the record of writes, refusals and approvals: JSON lines, each chained to the last.

Each line holds the hash of the line before it, made with a key of the state database: who has the
file alone can make no line that fits. The newest hash and the file's size are anchored there too,
under the same lock, so that a line that was changed, taken out, put in or cut off at the end is
found. Where the record cannot be written, the write does not happen.
"""

import hashlib
import hmac
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crm_mcp.errors import StateError
from crm_mcp.state import StateFolder

if TYPE_CHECKING:
    import sqlite3

FIRST_HASH = "0" * 64
_IN_EACH_LINE = {"seq", "at", "event"}
_BINARY = getattr(os, "O_BINARY", 0)  # Windows would turn line ends around


@dataclass(frozen=True, slots=True)
class Head:
    """Where the record ends: number and hash of its last line, and its size in bytes."""

    seq: int = 0
    hash: str = FIRST_HASH
    size: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What `verify` found: how many lines are good, and what is wrong with the next."""

    lines: int
    problem: str = ""


class Audit:
    """The record of one state folder; appending is one transaction and may block."""

    def __init__(self, folder: StateFolder, clock: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._clock = clock

    @property
    def path(self) -> Path:
        """The file with the lines."""
        return self._folder.path / "audit.jsonl"

    def append(self, event: str, arguments: Mapping[str, Any] | None = None, **facts: Any) -> None:
        """Add one line and have it on the disk before returning.

        Args:
            event: what happened.
            arguments: of the call; their texts are replaced by keyed hashes.
            facts: further JSON values, without personal data.

        Raises:
            StateError: the file was changed by somebody else, or cannot be written.
        """
        with self._folder.transaction() as database:
            key = _key(database)
            head = self._resume(_read_head(database), key)
            at = datetime.fromtimestamp(self._clock(), UTC).isoformat(timespec="milliseconds")
            entry = {"seq": head.seq + 1, "at": at, "event": event, **facts}
            if arguments is not None:
                entry["arguments"] = hashed(arguments, key)
            line, digest = _line(entry, head.hash, key)
            size = self._write(line, head.size)
            database.execute(
                "INSERT OR REPLACE INTO audit_head VALUES (1, ?, ?, ?)",
                (head.seq + 1, digest, size),
            )

    def lines(self) -> Iterator[dict[str, Any]]:
        """Read the lines, oldest first; a line that is none of ours ends the reading."""
        for raw in self._raw_lines():
            try:
                facts = json.loads(raw)
            except (ValueError, RecursionError):
                return
            if not isinstance(facts, dict) or not facts.keys() >= _IN_EACH_LINE:
                return
            yield facts

    def verify(self) -> Verdict:
        """Prove the chain from the first line to the anchored end; tells the first fault."""
        with self._folder.transaction() as database:
            head, key = _read_head(database), _key(database)
            count, last = 0, FIRST_HASH
            for raw in self._raw_lines():
                digest = _checked(raw, count + 1, last, key)
                if digest is None:
                    return Verdict(count, _fault(count, head))
                count, last = count + 1, digest
                if count == head.seq and last != head.hash:
                    return Verdict(count - 1, f"line {count} is not the one that was written")
        if count < head.seq:
            return Verdict(count, f"{head.seq - count} lines are missing at the end")
        if count > head.seq + 1:  # a crash leaves one line that the anchor does not know
            return Verdict(count, "the anchor of the record is missing")
        return Verdict(count)

    def _resume(self, head: Head, key: bytes) -> Head:
        """Find the true end: a crash may have left a line that the anchor does not know yet."""
        size = self.path.stat().st_size if self.path.exists() else 0
        if size == head.size:
            return head
        if size < head.size:
            raise StateError(f"{self.path}: the record was cut; see `crm-mcp audit verify`")
        for raw in self._raw_lines(head.size):
            if not raw.endswith(b"\n"):
                break  # a torn line: its write never happened, the next line takes its place
            digest = _checked(raw, head.seq + 1, head.hash, key)
            if digest is None:
                raise StateError(f"{self.path}: the record was changed; see `crm-mcp audit verify`")
            head = Head(head.seq + 1, digest, head.size + len(raw))
        return head

    def _raw_lines(self, start: int = 0) -> Iterator[bytes]:
        if self.path.exists():
            with self.path.open("rb") as file:
                file.seek(start)
                yield from file

    def _write(self, line: bytes, offset: int) -> int:
        descriptor = os.open(self.path, os.O_CREAT | os.O_WRONLY | _BINARY, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.truncate(offset)
            file.seek(offset)
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
        return offset + len(line)


def hashed(value: Any, key: bytes) -> Any:
    """Replace texts by keyed hashes: the record proves what was written without telling it.

    Numbers, true, false and the names of arguments stay.
    """
    if isinstance(value, str):
        return "hmac:" + hashlib.blake2b(value.encode(), key=key, digest_size=12).hexdigest()
    if isinstance(value, Mapping):
        return {name: hashed(item, key) for name, item in value.items()}
    if isinstance(value, list):
        return [hashed(item, key) for item in value]
    return value


def _key(database: "sqlite3.Connection") -> bytes:
    """Get the key of this state folder's hashes."""
    (key,) = database.execute("SELECT key FROM audit_key").fetchone()
    return bytes(key)


def _line(facts: dict[str, Any], previous: str, key: bytes) -> tuple[bytes, str]:
    body = json.dumps({**facts, "prev": previous}, ensure_ascii=False, separators=(",", ":"))
    digest = hmac.digest(key, body.encode(), "sha256").hex()
    return f'{body[:-1]},"hash":"{digest}"}}\n'.encode(), digest


def _fault(count: int, head: Head) -> str:
    if not count and not head.seq:
        return "the anchor of the record is missing, and with it the key of its lines"
    return f"line {count + 1} was changed, or one before it is gone"


def _checked(raw: bytes, seq: int, previous: str, key: bytes) -> str | None:
    """Prove one line; returns its hash, or None when it is not the line that belongs here."""
    try:
        facts = json.loads(raw)
        digest = str(facts.pop("hash"))
        own = {name: facts[name] for name in facts if name != "prev"}
        expected, _ = _line(own, previous, key)
    except (ValueError, AttributeError, LookupError, TypeError, RecursionError):
        return None
    fits = raw == expected and facts.get("seq") == seq
    return digest if fits else None


def _read_head(database: "sqlite3.Connection") -> Head:
    row = database.execute("SELECT seq, hash, size FROM audit_head").fetchone()
    return Head() if row is None else Head(*row)
