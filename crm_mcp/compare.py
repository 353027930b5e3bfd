"""Before and after: what a write would change in a record as it stands. Pure.

What stands in a record is compared with what would be written, name by name. Texts and numbers
that read the same are the same: vendors answer "3" where 3 was sent.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from crm_mcp.bind import parse_target, targets
from crm_mcp.operation import Before, Operation
from crm_mcp.pointer import find, has, steps

NOTHING: tuple[Any, ...] = (None, "", [], {})
"""What stands for no value at all."""

Kind = Literal["changed", "added", "cleared", "same", "unknown"]


@dataclass(frozen=True, slots=True)
class Difference:
    """One field: what stands there, what would stand there, and how the two relate.

    `unknown` is a field that the record as read does not have: it cannot be compared.
    """

    name: str
    before: Any
    after: Any
    kind: Kind


@dataclass(frozen=True, slots=True)
class Look:
    """One record as it stands, beside what would be written to it.

    `lent` are the record's own values for arguments that a call may leave out. `is_new` says that
    there is no such record yet, and that the write makes it.
    """

    label: tuple[tuple[str, Any], ...]
    record: Any
    differences: tuple[Difference, ...]
    lent: tuple[Any, ...] = ()
    is_new: bool = False


def record_requests(before: Before, arguments: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Say with which arguments each record is read, in the order of the write's own items."""
    along = {name: arguments[name] for name in before.along if name in arguments}
    return [
        along | {name: find(item, pointer) for name, pointer in before.arguments.items()}
        for item in record_items(before, arguments)
    ]


def look(
    operation: Operation,
    arguments: Mapping[str, Any],
    records: list[Any],
    came: Mapping[str, Any] | None = None,
) -> tuple[Look, ...]:
    """Put records as read beside what would be written to them.

    Args:
        operation: the write; it has a `before` with a tool.
        arguments: of the write.
        records: as read, one for each of `record_requests`.
        came: the arguments before some were filled from the records, if they were; what was
            filled stays as it stands, whatever form it is sent in.
    """
    before = operation.before
    if before is None:
        return ()
    items = record_items(before, arguments)
    given = record_items(before, arguments if came is None else came)
    return tuple(
        Look(
            _label(before, item, record),
            record,
            tuple(_compare(operation, before, item, record, one)),
            tuple(find(record, at) for at in before.lends.values() if has(record, at)),
            is_new=_is_new(before, record),
        )
        for item, one, record in zip(items, given, records, strict=True)
    )


def digest(looks: tuple[Look, ...], names: list[Any] | None = None) -> str:
    """Bind an answer to what a person saw of the CRM: SHA-256 over the records as shown.

    Args:
        looks: the records beside what would be written.
        names: what else was shown, as JSON values; the names of ids.
    """
    shown: list[Any] = [
        [
            list(one.label),
            [[field.name, field.before, field.kind] for field in one.differences],
            None if one.differences else one.record,
            list(one.lent),
        ]
        for one in looks
    ]
    shown += names or []
    return hashlib.sha256(json.dumps(shown, sort_keys=True).encode()).hexdigest() if shown else ""


def outcome(asked: tuple[Look, ...], stands: tuple[Look, ...]) -> dict[str, Any]:
    """Say after a write which fields stand as written, and which do not.

    Args:
        asked: the records as they stood before.
        stands: the same records read again afterwards.
    """
    kept, dropped, coerced = 0, [], []
    for old, new in zip(asked, stands, strict=True):
        for was, now in zip(old.differences, new.differences, strict=False):
            if now.kind in ("same", "unknown") or was.kind == "same":
                kept += now.kind == "same"
            elif same(was.before, now.before):
                dropped.append(now.name)
            else:
                coerced.append({"field": now.name, "sent": now.after, "stands": now.before})
    found = {"kept": kept, "dropped": dropped, "coerced": coerced}
    return {name: value for name, value in found.items() if value}


def same(one: Any, other: Any) -> bool:
    """Tell whether two values read the same."""
    if isinstance(one, dict | list) or isinstance(other, dict | list):
        return bool(one == other)
    return one is other or str(one) == str(other) or one == other


def record_items(before: Before, arguments: Mapping[str, Any]) -> list[Any]:
    """List the parts of a write's arguments that are about one record each."""
    return items_at(arguments, before.each) if before.each else [arguments]


def items_at(arguments: Mapping[str, Any], pointer: str) -> list[Any]:
    """List the items that stand at a pointer; one that stands there alone is a list of one."""
    try:
        items = find(arguments, pointer)
    except LookupError:
        return []
    return items if isinstance(items, list) else [items]


def item_schema(operation: Operation) -> Mapping[str, Any]:
    """Find the schema of what is about one record."""
    schema: Mapping[str, Any] = operation.input_schema
    for step in steps(operation.before.each if operation.before else ""):
        schema = schema.get("properties", {}).get(step, {})
    items: Mapping[str, Any] = schema.get("items", schema)
    return items


def written_names(operation: Operation, before: Before, item: Any) -> list[str]:
    """Name what an update writes; what only finds the record, or says how, is no change."""
    if operation.effect != "update" or not isinstance(item, dict):
        return []
    finding = {pointer.removeprefix("/") for pointer in before.arguments.values()}
    return [
        name for name in item if name not in finding and (before.each or _in_body(operation, name))
    ]


def _label(before: Before, item: Any, record: Any) -> tuple[tuple[str, Any], ...]:
    """Name a record by what finds it, and by what people call it."""
    keys = [(name, find(item, pointer)) for name, pointer in before.arguments.items()]
    names = []
    for pointer in before.label:
        try:
            names.append((pointer.rpartition("/")[2], find(record, pointer)))
        except LookupError:
            continue
    return (*keys, *names)


def _is_new(before: Before, record: Any) -> bool:
    return record is None and before.may_be_missing


def _compare(
    operation: Operation, before: Before, item: Any, record: Any, given: Any
) -> Iterator[Difference]:
    for name in written_names(operation, before, item):
        if _is_new(before, record):
            yield Difference(name, None, item[name], "added")
        elif name not in given:
            yield Difference(name, item[name], item[name], "same")
        else:
            yield from _differences(name, record, name, item[name])


def _differences(shown: str, record: Any, name: str, after: Any) -> Iterator[Difference]:
    if not isinstance(record, dict) or name not in record:
        yield Difference(shown, None, after, "unknown")
        return
    before = record[name]
    if isinstance(after, dict) and isinstance(before, dict):
        for key, value in after.items():
            yield from _differences(f"{shown}.{key}", before, key, value)
    else:
        yield Difference(shown, before, after, _kind(before, after))


def _kind(before: Any, after: Any) -> Kind:
    if same(before, after):
        return "same"
    if before in NOTHING:
        return "added"
    return "cleared" if after in NOTHING else "changed"


def _in_body(operation: Operation, name: str) -> bool:
    """Tell whether an argument is part of what is written, and not of where or how."""
    places = [parse_target(target) for target in targets(operation, name)]
    return any(place.part in ("json", "form") or place.pointer is not None for place in places)
