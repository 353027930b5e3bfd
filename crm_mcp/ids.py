"""Ids among arguments: where they stand, what they are ids of, what their records are called. Pure.

Here stands which reads tell the names and what their answers mean; `names.py` makes the reads.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from crm_mcp.compare import NOTHING, same
from crm_mcp.errors import InvalidArguments
from crm_mcp.operation import IdKind, Operation
from crm_mcp.pointer import find, steps
from crm_mcp.validate import place_name, shown

MAX_LOOKUPS = 25
BEYOND_LIMIT = "not looked up"

Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Id:
    """One id among the arguments: where it stands, and what it must be an id of."""

    place: Place
    value: Any
    kind: IdKind


@dataclass(frozen=True, slots=True)
class Name:
    """What people call the record of an id, or in `missing` why that is not known."""

    id: Id
    label: tuple[Any, ...] = ()
    missing: str = ""

    @property
    def as_shown(self) -> list[Any]:
        """What a person sees of it, as JSON; why a name is missing may differ from look to look."""
        return [list(self.id.place), None if self.missing else list(self.label)]


def named(names: Iterable[Name]) -> frozenset[Any]:
    """List the ids whose records have a name that a person reads beside them."""
    return frozenset(name.id.value for name in names if name.label)


@dataclass(frozen=True, slots=True)
class Lookup:
    """One read that tells names; its arguments are JSON, so that equal lookups are one."""

    tool: str
    arguments: str


def ids_in(operation: Operation, arguments: Mapping[str, Any]) -> list[Id]:
    """List the ids that are given, in the order of the operation's `ids`."""
    kinds = {kind.name: kind for kind in operation.kinds}
    return [
        Id(place, value, kinds[name])
        for pointer, said in operation.ids.items()
        if (name := _kind_name(said, arguments)) in kinds
        for place, value in _scalars(arguments, steps(pointer))
    ]


def _kind_name(said: str, arguments: Mapping[str, Any]) -> Any:
    """Give the kind that `ids` says, or that another argument names."""
    return value_at(arguments, said) if said.startswith("/") else said


def _scalars(value: Any, path: tuple[str, ...], place: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Find the texts and numbers at a path; an empty text is no id."""
    if not path:
        if isinstance(value, str | int | float) and value != "":
            yield place, value
    elif path[0] == "*" and isinstance(value, list):
        for index, item in enumerate(value):
            yield from _scalars(item, path[1:], (*place, index))
    elif isinstance(value, Mapping) and path[0] in value:
        yield from _scalars(value[path[0]], path[1:], (*place, path[0]))


def check_forms(operation: Operation, arguments: Mapping[str, Any]) -> None:
    """Pass in silence, or name the ids that do not look like one of their kind.

    Raises:
        InvalidArguments: names argument, kind and form, and the tool that finds the right id.
    """
    wrong = [
        (one, f"it must look like {one.kind.pattern}")
        for one in ids_in(operation, arguments)
        if one.kind.pattern and not re.fullmatch(one.kind.pattern, str(one.value))
    ]
    if wrong:
        raise wrong_kind(operation, wrong)


def wrong_kind(operation: Operation, wrong: Sequence[tuple[Id, str]]) -> InvalidArguments:
    """Make the error about ids that are none of their kind, each with the reason."""
    problems = [
        f"{place_name(one.place)} is {shown(one.value)}, which is no {one.kind.words}: {why}"
        for one, why in wrong
    ]
    kinds = {one.kind.name: one.kind for one, _ in wrong}
    return operation.misfit(problems, hint=" ".join(_advice(kind) for kind in kinds.values()))


def _advice(kind: IdKind) -> str:
    finder = kind.find or ("" if kind.argument else kind.tool)
    if finder:
        return f"Find the right {kind.words} with {finder}."
    return f"Look the right {kind.words} up with {kind.tool}."


def lookup_of(one: Id, arguments: Mapping[str, Any]) -> Lookup | None:
    """Say which read tells the name of an id; none where an argument that it needs is not given."""
    kind = one.kind
    try:
        given = {name: find(arguments, pointer) for name, pointer in kind.arguments.items()}
    except LookupError:
        return None
    by_id = {kind.argument: one.value} if kind.argument else {}
    return Lookup(kind.tool, json.dumps(given | by_id, sort_keys=True))


def lookups(operation: Operation, arguments: Mapping[str, Any]) -> tuple[Lookup, ...]:
    """List the reads that tell the names of all ids, each once, up to the limit."""
    wanted = (lookup_of(one, arguments) for one in ids_in(operation, arguments))
    return tuple(dict.fromkeys(lookup for lookup in wanted if lookup))[:MAX_LOOKUPS]


def records_of(one: Id, data: Any) -> list[Any]:
    """Take from a read's data the records that the id may be an id of: one, if all is well."""
    match = one.kind.match
    records = records_in(one.kind, data)
    if match is None:
        return records
    return [entry for entry in records if same(value_at(entry, match), one.value)]


def records_in(kind: IdKind, data: Any) -> list[Any]:
    """Take all records of a kind from a read's data; nothing is no record."""
    found = value_at(data, kind.result)
    records = found if isinstance(found, list) else [found]
    return [entry for entry in records if entry not in NOTHING]


def label_of(kind: IdKind, record: Any) -> tuple[Any, ...]:
    """Say what people call a record: the texts and numbers of its label that are there."""
    found = (value_at(record, pointer) for pointer in kind.label)
    return tuple(value for value in found if isinstance(value, str | int | float) and value != "")


def value_at(record: Any, pointer: str) -> Any:
    """Read a place in a record; None where it has no such place."""
    try:
        return find(record, pointer)
    except LookupError:
        return None
