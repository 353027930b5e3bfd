"""Files that calls brought: taken out of the data, kept for a while, and read by their address.

A file within a result would fill it, and be cut. What stands in the data instead is an address
that nobody can guess; only the caller who was given it can read the file.
"""

import base64
import binascii
import mimetypes
import re
import secrets
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import quote

from crm_mcp.operation import FileParts, Operation
from crm_mcp.pointer import changed, steps

MAX_FILES = 20
"""Of one caller."""
MAX_BYTES = 50_000_000
"""Of all callers."""
MAX_NAME = 100
ANY_TYPE = "application/octet-stream"
_TYPE = re.compile(r"[\w.+-]{1,60}/[\w.+-]{1,60}", re.ASCII)
_ODD = re.compile(r"[^\w. ()-]+")


@dataclass(frozen=True, slots=True)
class File:
    """One file: its name and type as the CRM has them, cleaned, and its bytes."""

    name: str
    mime_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Kept:
    """A file that can be read: by whom, and where."""

    uri: str
    caller: str
    file: File


class Received:
    """The files of this process's results, the newest few of them."""

    def __init__(self) -> None:
        self._kept: dict[str, Kept] = {}

    def take(self, operation: Operation, data: Any, caller: str) -> tuple[Any, tuple[Kept, ...]]:
        """Take the files out of what a call brought, and keep them for its caller.

        Returns:
            The data with an address in the place of each file, and what is kept.
        """
        found: list[Kept] = []

        def keep(file: File) -> str:
            token = secrets.token_urlsafe(16)
            uri = f"crm://{operation.vendor}/files/{token}/{quote(file.name)}"
            found.append(Kept(uri, caller, file))
            return uri

        data = without_files(operation, data, keep)
        for kept in found:
            self._kept[kept.uri] = kept
        self._forget()
        return data, tuple(found)

    def get(self, uri: str, caller: str) -> Kept | None:
        """Give a file to the caller it is kept for; None where there is none, or no longer."""
        kept = self._kept.get(uri)
        return kept if kept and kept.caller == caller else None

    def of(self, caller: str) -> list[Kept]:
        """List what is kept for a caller, oldest first."""
        return [kept for kept in self._kept.values() if kept.caller == caller]

    def is_anothers(self, uri: str, caller: str) -> bool:
        """Whether a file is kept there, for somebody else."""
        return uri in self._kept and self._kept[uri].caller != caller

    def _forget(self) -> None:
        """Let the oldest go of whoever has too much, so that nobody pushes out what others have."""
        while (caller := self._holds_too_much()) is not None:
            del self._kept[self.of(caller)[0].uri]

    def _holds_too_much(self) -> str | None:
        numbers = Counter(kept.caller for kept in self._kept.values())
        for caller, number in numbers.items():
            if number > MAX_FILES:
                return caller
        sizes: Counter[str] = Counter()
        for kept in self._kept.values():
            sizes[kept.caller] += len(kept.file.content)
        return sizes.most_common(1)[0][0] if sizes.total() > MAX_BYTES else None


def without_files(operation: Operation, data: Any, put: Callable[[File], str]) -> Any:
    """Take the files out of the data; what is no base64 stays as it is.

    Args:
        operation: says where files stand.
        data: of its result.
        put: brings a file somewhere, and gives what stands in the data instead.
    """

    def without(parts: FileParts, row: Any) -> Any:
        content = _decoded(row, parts)
        if content is None:
            return row
        return {**row, parts.content: put(_file(row, parts, content))}

    for parts in operation.response.files:
        data = changed(data, steps(parts.at), partial(without, parts))
    return data


def _decoded(row: Any, parts: FileParts) -> bytes | None:
    value = row.get(parts.content) if isinstance(row, Mapping) else None
    if not value or not isinstance(value, str):
        return None
    try:
        return base64.b64decode("".join(value.split()), validate=True)
    except (binascii.Error, ValueError):
        return None


def _file(row: Mapping[str, Any], parts: FileParts, content: bytes) -> File:
    name = safe_name(str(row.get(parts.name) or ""))
    said = str(row.get(parts.type) or "")
    guessed, _ = mimetypes.guess_type(name)
    return File(name, said if _TYPE.fullmatch(said) else guessed or ANY_TYPE, content)


def safe_name(name: str) -> str:
    """Make a file name of what the CRM says: without folders, not hidden, nothing odd in it."""
    last = re.split(r"[/\\]", name)[-1][-MAX_NAME:]
    return _ODD.sub("_", last).strip("._ ") or "file"
