"""One vendor's operation files as far as they can be read, and what is wrong about the files."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema_rs

from crm_mcp.errors import SchemaError
from crm_mcp.loader import (
    load_operation,
    operation_files,
    read_kinds,
    read_personal,
    read_shared,
    read_words,
)
from crm_mcp.operation import IdKind, Operation, PersonalKind

SHARED = "_shared.json"
IDS = "_ids.json"
PERSONAL = "_personal.json"
WORDS = "_words.json"
DOCUMENTED = "_documented.json"


@dataclass(frozen=True)
class Problem:
    """A rule that a file breaks: the file below the root, the rule, and what to do."""

    file: str
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}: {self.rule}: {self.message}"


@dataclass(frozen=True)
class Folder:
    """One vendor's operations.

    `operations` are those that can be judged; `names` holds the others too, so that one broken
    file makes no second problem in the files that refer to it.
    """

    vendor: str
    operations: tuple[Operation, ...]
    names: frozenset[str]
    kinds: Mapping[str, IdKind]
    personal: Mapping[str, PersonalKind]
    words: Mapping[str, str]

    def find(self, name: str) -> Operation | None:
        """Get an operation by its name, if it could be read."""
        return next((entry for entry in self.operations if entry.name == name), None)


def file_of(operation: Operation) -> str:
    """Tell where an operation stands, below the root."""
    return f"{operation.vendor}/{operation.toolset}/{operation.name}.json"


def read_folder(root: Path, vendor: str) -> tuple[Folder, tuple[Problem, ...]]:
    """Read a vendor's files; what cannot be read becomes a problem, and reading goes on."""
    files = tuple(operation_files(root / vendor))
    names = frozenset(path.stem for path in files)
    nothing = Folder(vendor, (), names, {}, {}, {})
    try:
        kinds = read_kinds(root / vendor)
    except SchemaError as error:
        return nothing, (_unreadable(root, root / vendor / IDS, error),)
    try:
        personal = read_personal(root / vendor)
    except SchemaError as error:
        return nothing, (_unreadable(root, root / vendor / PERSONAL, error),)
    try:
        words = read_words(root / vendor)
    except SchemaError as error:
        return nothing, (_unreadable(root, root / vendor / WORDS, error),)
    found = [*_read(root, root / vendor, files, kinds)]
    operations = tuple(entry for entry in found if isinstance(entry, Operation))
    problems = [entry for entry in found if isinstance(entry, Problem)]
    problems += _misplaced(root, root / vendor, files)
    return Folder(vendor, operations, names, kinds, personal, words), tuple(problems)


def _read(
    root: Path, folder: Path, files: tuple[Path, ...], kinds: Mapping[str, IdKind]
) -> Iterator[Operation | Problem]:
    try:
        shared = read_shared(folder)
    except SchemaError as error:
        yield _unreadable(root, folder / SHARED, error)
        return
    for path in files:
        yield _read_one(root, path, shared, kinds)


def _read_one(
    root: Path, path: Path, shared: Mapping[str, Any], kinds: Mapping[str, IdKind]
) -> Operation | Problem:
    try:
        operation = load_operation(path, shared, kinds)
        jsonschema_rs.Draft202012Validator(operation.input_schema)
    except SchemaError as error:
        return _unreadable(root, path, error)
    except jsonschema_rs.ValidationError as error:
        where = "/".join(str(step) for step in ("inputSchema", *error.instance_path))
        text = f"{where} is not JSON Schema 2020-12: {error.message}"
        return Problem(_below(root, path), "schema", text)
    return operation


def _misplaced(root: Path, folder: Path, files: tuple[Path, ...]) -> Iterator[Problem]:
    """Find files that the loader would pass by in silence, and names that stand twice."""
    special = (folder / name for name in (SHARED, IDS, PERSONAL, WORDS, DOCUMENTED))
    for path in sorted(set(folder.rglob("*.json")) - {*files, *special}):
        text = f"no operation is read from here: move it to {folder.name}/<toolset>/"
        yield Problem(_below(root, path), "folder", text)
    stems = Counter(path.stem for path in files)
    for path in files:
        if stems[path.stem] > 1:
            text = f"the name {path.stem} stands in several toolsets: keep one"
            yield Problem(_below(root, path), "folder", text)


def _unreadable(root: Path, path: Path, error: SchemaError) -> Problem:
    return Problem(_below(root, path), "load", complaint(error, path))


def complaint(error: SchemaError, path: Path) -> str:
    """Take the complaint from an error about a file, without the file's whole path."""
    return str(error).removeprefix(f"{path}: ")


def _below(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()
