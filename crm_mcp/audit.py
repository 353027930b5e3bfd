"""Step 5d: the record of writes, refusals and approvals: JSON lines, each chained to the last.

Each line holds the hash of the line before it, made with a key of the state: who has the file
alone can make no line that fits. The newest hash and the file's size are anchored there too, under
the same lock, so that a line that was changed, taken out, put in or cut off at the end is found.
Where the record cannot be written, the write does not happen.

The lines stand in a file, in the stream of a state that has one, or in both: then each machine's
file is a copy of the whole stream, up to the last line that was added there.
"""

import hashlib
import hmac
import json
import os
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from crm_mcp.errors import StateError
from crm_mcp.open_writes import OpenWrite, listed, note
from crm_mcp.state import State, Tables

AUDIT = "audit"
KeptIn = Literal["file", "stream", "both"]
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
    """The record of one state; appending is one transaction and may block."""

    def __init__(
        self, state: State, clock: Callable[[], float] = time.time, kept_in: KeptIn = "file"
    ) -> None:
        self._state = state
        self._clock = clock
        self._kept_in = kept_in
        self._presence = state.presence()
        self._has_key = False

    @property
    def path(self) -> Path:
        """The file with the lines."""
        return self._state.path / "audit.jsonl"

    def append(self, event: str, arguments: Mapping[str, Any] | None = None, **facts: Any) -> int:
        """Add one line and have it on the disk before returning; gives its number.

        Args:
            event: what happened.
            arguments: of the call; their texts are replaced by keyed hashes.
            facts: further JSON values, without personal data; `of` is the number of the write
                that a later line is about, and the digest in `request` becomes a keyed hash.

        Raises:
            StateError: the file was changed by somebody else, or cannot be written.
        """
        self._make_key()
        with self._state.transaction() as tables:
            key = _key(tables)
            head = self._resume(tables, key)
            at = datetime.fromtimestamp(self._clock(), UTC).isoformat(timespec="milliseconds")
            entry = {"seq": head.seq + 1, "at": at, "event": event, **facts}
            if "request" in entry:  # a digest without a key can be compared with a guess
                entry["request"] = hashed(entry["request"], key)
            if arguments is not None:
                entry["arguments"] = hashed(arguments, key)
            line, digest = _line(entry, head.hash, key)
            note(tables, entry, self._presence.name() if event == "sending" else "")
            _anchor(tables, Head(head.seq + 1, digest, self._keep(tables, head, line)))
        return head.seq + 1

    def unknown(self) -> list[OpenWrite]:
        """List the writes whose outcome nobody knows, the oldest first; reads no old lines.

        Raises:
            StateError: the state cannot be read, or the record was changed by somebody else.
        """
        if not self._state.is_there:
            return []
        self._make_key()
        with self._state.transaction() as tables:
            self._resume(tables, _key(tables))
            # Within the lock: a process that ends well meanwhile could not record it either.
            writes = listed(tables)
            return [write for write in writes if not self._presence.lives(write.process)]

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
        self._make_key()
        with self._state.transaction() as tables:
            head, key = _read_head(tables), _key(tables)
            verdict = _proven(self._raw_lines(), head, key)
            if self._kept_in != "both" or verdict.problem:
                return verdict
            copied = _read_head(tables, self._copy_name())
            copy = _proven(self._file_lines(), copied, key)
        return Verdict(copy.lines, f"in the copy, {copy.problem}") if copy.problem else verdict

    def _make_key(self) -> None:
        """Make the key of the hashes, in a step of its own: a crash must not take it back."""
        if self._has_key:
            return
        with self._state.transaction() as tables:
            if tables.get(AUDIT, "key") is None:
                tables.put(AUDIT, "key", {"key": os.urandom(32).hex()})
        self._has_key = True

    def _resume(self, tables: Tables, key: bytes) -> Head:
        """Find the true end: a crash may have left a line that the anchor does not know yet."""
        head = _read_head(tables)
        if self._kept_in != "file":  # a line and its anchor are one step in a stream
            return head
        size = self._file_size()
        if size == head.size:
            return head
        if size < head.size:
            raise self._cut()
        for raw in self._raw_lines(head.size):
            if not raw.endswith(b"\n"):
                break  # a torn line: its write never happened, the next line takes its place
            digest = _checked(raw, head.seq + 1, head.hash, key)
            if digest is None:
                raise StateError(f"{self.path}: the record was changed; see `crm-mcp audit verify`")
            head = Head(head.seq + 1, digest, head.size + len(raw))
            note(tables, json.loads(raw), "")
            _anchor(tables, head)
        return head

    def _keep(self, tables: Tables, head: Head, line: bytes) -> int:
        """Put a line where lines are kept; gives the size of the file that is the record."""
        if self._kept_in == "file":
            return self._write(line, head.size)
        tables.add_line(head.seq + 1, line)
        if self._kept_in == "both":
            self._copy(tables, line)
        return 0

    def _copy(self, tables: Tables, line: bytes) -> None:
        """Add a line to this machine's copy, after those that others added to the stream."""
        name = self._copy_name()
        copied = _read_head(tables, name)
        if self._file_size() < copied.size:
            raise self._cut()
        missing = [*self._state.lines(copied.seq), line]
        last = json.loads(missing[-1])
        size = self._write(b"".join(missing), copied.size)
        _anchor(tables, Head(last["seq"], last["hash"], size), name)

    def _copy_name(self) -> str:
        """Name this machine's copy, by a word beside it."""
        path = self._state.path / "copy-id"
        if not path.exists():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.write_text(secrets.token_hex(8), encoding="ascii")
        return f"copy {path.read_text(encoding='ascii')}"

    def _cut(self) -> StateError:
        return StateError(f"{self.path}: the record was cut; see `crm-mcp audit verify`")

    def _file_size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def _raw_lines(self, start: int = 0) -> Iterator[bytes]:
        return self._file_lines(start) if self._kept_in == "file" else self._state.lines(0)

    def _file_lines(self, start: int = 0) -> Iterator[bytes]:
        if self.path.exists():
            with self.path.open("rb") as file:
                file.seek(start)
                yield from file

    def _write(self, line: bytes, offset: int) -> int:
        """Put a line at the end; what cannot be put there whole is taken away again."""
        descriptor = os.open(self.path, os.O_CREAT | os.O_WRONLY | _BINARY, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.truncate(offset)
                file.seek(offset)
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            os.truncate(self.path, offset)
            raise
        return offset + len(line)


def hashed(value: Any, key: bytes, name: str = "") -> Any:
    """Replace texts by keyed hashes: the record proves what was written without telling it.

    True, false and the names of arguments stay, and so do numbers, unless their name says that
    they are somebody's, as a telephone number is.
    """
    if isinstance(value, Mapping):
        return {_named(inner, key): hashed(item, key, inner) for inner, item in value.items()}
    if isinstance(value, list):
        return [hashed(item, key, name) for item in value]
    if isinstance(value, str) or _is_somebody_s(value, name):
        return _hash(str(value), key)
    return value


def _is_somebody_s(value: Any, name: str) -> bool:
    from crm_mcp.personal import IN_NUMBERS, kind_of  # on first use, for the sake of the start

    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and kind_of(name) in IN_NUMBERS


def _named(name: str, key: bytes) -> str:
    """Keep a name, unless somebody's address or number stands in its place."""
    from crm_mcp.private import private

    return _hash(name, key) if private(name) else name


def _hash(text: str, key: bytes) -> str:
    return "hmac:" + hashlib.blake2b(text.encode(), key=key, digest_size=12).hexdigest()


def _key(tables: Tables) -> bytes:
    """Get the key of this state's hashes.

    Raises:
        StateError: it is gone, or none.
    """
    try:
        return bytes.fromhex((tables.get(AUDIT, "key") or {})["key"])
    except (LookupError, TypeError, ValueError):
        raise StateError("the key of the record is gone; see `crm-mcp audit verify`") from None


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


def _proven(lines: Iterator[bytes], head: Head, key: bytes) -> Verdict:
    """Prove lines from the first to an anchored end."""
    count, last, size = 0, FIRST_HASH, 0
    for raw in lines:
        if size >= head.size and not raw.endswith(b"\n"):
            break  # torn by a crash or a full disk: it never counted
        digest = _checked(raw, count + 1, last, key)
        if digest is None:
            return Verdict(count, _fault(count, head))
        count, last, size = count + 1, digest, size + len(raw)
        if count == head.seq and last != head.hash:
            return Verdict(count - 1, f"line {count} is not the one that was written")
    if count < head.seq:
        return Verdict(count, f"{head.seq - count} lines are missing at the end")
    if count > head.seq + 1:  # a crash leaves one line that the anchor does not know
        return Verdict(count, "the anchor of the record is missing")
    return Verdict(count)


def _anchor(tables: Tables, head: Head, of: str = "head") -> None:
    tables.put(AUDIT, of, asdict(head))


def _read_head(tables: Tables, of: str = "head") -> Head:
    row = tables.get(AUDIT, of)
    return Head() if row is None else Head(**row)
