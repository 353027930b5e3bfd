"""The operator's binding file: read, proven against our operations, and put to use.

Only approved entries count. What an entry says replaces method and path of its operation, and
where single arguments go; everything else stays, above all what the operation does.
"""

import hashlib
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, ValidationError, field_validator

from crm_mcp.bind import parse_target, placeholders, targets
from crm_mcp.bindings.likeness import CHANGING
from crm_mcp.bindings.openapi import is_plain
from crm_mcp.check import request as rules
from crm_mcp.check.catalogue import address
from crm_mcp.errors import ConfigError, first_problem
from crm_mcp.operation import ArrayStyle, Operation, Request, Target

MAX_BYTES = 2_000_000
MAX_TOLD = 5
_RULES = (
    rules.colliding_arguments,
    rules.unfilled_placeholders,
    rules.overwritten_constants,
    rules.unknown_arguments,
    rules.unstyled_arrays,
)


class Entry(BaseModel):
    """What the operator says of one tool."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    approved: StrictBool = Field(default=False, description="Whether a person has looked at it.")
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str = Field(description="Below the CRM's address, with {argument} placeholders.")
    required: tuple[str, ...] | None = Field(
        None, description="The tool's required arguments when this was approved; proven if given."
    )
    bind: dict[str, Target | tuple[Target, ...]] = Field(
        {}, description="Arguments that go elsewhere than their operation says."
    )
    arrays: dict[str, ArrayStyle] = Field(
        {}, description="How a list is written that now goes into a query or header."
    )

    @field_validator("path")
    @classmethod
    def _below_the_address(cls, value: str) -> str:
        if not is_plain(value):
            raise ValueError(
                "must be a plain path that begins with / and stays below the CRM's address"
            )
        return value


class BindingFile(BaseModel):
    """The whole file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1]
    vendor: str
    document: str = Field("", description="SHA-256 of the vendor's document it was made from.")
    tools: dict[str, Entry] = {}


@dataclass(frozen=True)
class Bindings:
    """The approved entries of one file, by tool; `digest` is the SHA-256 of the whole file."""

    path: Path
    digest: str
    entries: Mapping[str, Entry]


def load_bindings(path: Path, vendor: str) -> Bindings:
    """Read a binding file.

    Args:
        path: the file.
        vendor: whose settings name it.

    Raises:
        ConfigError: it cannot be read, is no binding file, or is another vendor's.
    """
    content = _content(path)
    try:
        read = BindingFile.model_validate(tomllib.loads(content.decode()))
    except ValidationError as error:
        raise ConfigError(f"{path}: {first_problem(error)}") from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: is no TOML: {error}") from error
    if read.vendor != vendor:
        raise ConfigError(f"{path}: is for {read.vendor[:40]!r}, and {vendor} is to read it")
    approved = {name: entry for name, entry in read.tools.items() if entry.approved}
    return Bindings(path, hashlib.sha256(content).hexdigest(), approved)


def rebound(operations: Iterable[Operation], bindings: Bindings) -> tuple[Operation, ...]:
    """Give the operations with their approved bindings; their evidence is then the operator.

    Raises:
        ConfigError: an entry fits no operation, or breaks a rule that operation files keep; names
            the first few.
    """
    known = {operation.name: operation for operation in operations}
    problems = [f"{name}: there is no such tool" for name in bindings.entries if name not in known]
    changed: dict[str, Operation] = {}
    for name, entry in bindings.entries.items():
        if name in known:
            changed[name] = _rebound(known[name], entry, bindings.digest)
            problems += [f"{name}: {text}" for text in _wrong(known[name], changed[name], entry)]
    problems += _same_requests(known, changed)
    if problems:
        more = f"; and {len(problems) - MAX_TOLD} more" if len(problems) > MAX_TOLD else ""
        raise ConfigError(f"{bindings.path}: {'; '.join(problems[:MAX_TOLD])}{more}")
    return tuple(changed.get(name, operation) for name, operation in known.items())


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{path}: the binding file cannot be read: {error.strerror}") from error
    if len(content) > MAX_BYTES:
        raise ConfigError(f"{path}: has more than {MAX_BYTES} bytes: it is no binding file")
    return content


def _rebound(operation: Operation, entry: Entry, digest: str) -> Operation:
    """Make a new operation: validated afresh, and with a digest of its own.

    Its examples show another request; they go.
    """
    old = operation.request
    kept = dict(_kept(operation, placeholders(entry.path)))
    moved = {"method": entry.method, "path": entry.path, "bind": kept | entry.bind, "arrays": {}}
    request = Request.model_validate({**_values(old), **moved})
    source = operation.source.model_copy(update={"evidence": "operator"})
    changes = {"request": request, "source": source, "binding": digest, "examples": ()}
    new = Operation.model_validate({**_values(operation), **changes})
    arrays = {name: style for name, style in old.arrays.items() if _in_address(new, name)}
    styled = request.model_copy(update={"arrays": arrays | entry.arrays})
    return new.model_copy(update={"request": styled})


def _kept(operation: Operation, named: Iterable[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Give the targets that stay: what the new path names goes there, wherever it went before."""
    for name in operation.request.bind:
        places = targets(operation, name)
        if name not in named:
            places = tuple(place for place in places if place != "path")
        elif "path" not in places:
            places = ()
        if places:
            yield name, places


def _in_address(operation: Operation, argument: str) -> bool:
    """Tell whether an argument still goes where a list must be written as text."""
    places = map(parse_target, targets(operation, argument))
    return any(place.part in ("query", "header") and place.pointer is None for place in places)


def _values(part: BaseModel) -> dict[str, Any]:
    return {name: getattr(part, name) for name in type(part).model_fields}


def _wrong(old: Operation, new: Operation, entry: Entry) -> Iterator[str]:
    """Find what makes an entry unfit."""
    if old.request.method == "WS":
        yield "it listens, and can be bound to no other request"
    changes = new.request.method in CHANGING and new.request.method != old.request.method
    if changes and not new.is_write:
        yield f"it reads, and nobody would be asked before a {new.request.method}"
    required = set(new.input_schema.get("required", ()))
    if entry.required is not None and set(entry.required) != required:
        yield (
            f"the tool now requires {', '.join(sorted(required)) or 'nothing'}: "
            "look at the entry again, or bind anew"
        )
    for rule in _RULES:
        yield from rule(new)


def _same_requests(known: Mapping[str, Operation], changed: Mapping[str, Operation]) -> list[str]:
    """Find approved tools that make the same request, and did not before."""
    groups: dict[object, list[str]] = defaultdict(list)
    for name, operation in changed.items():
        groups[address(operation)].append(name)
    return [
        f"{name}: is bound to the same request as {group[0]}"
        for group in groups.values()
        for name in group[1:]
        if address(known[name]) != address(known[group[0]])
    ]
