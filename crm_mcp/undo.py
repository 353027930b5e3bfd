"""Taking a write back: from what was asked for and what was read to the inverse call. Pure.

Right after a write all of the inverse call is known but what goes on counting, such as the
version of a record: that is filled in from the record as it stands when the write is taken back.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from crm_mcp.compare import item_schema, record_items, record_requests, same, written_names
from crm_mcp.errors import InvalidArguments, NotUndoable
from crm_mcp.fitting import Schema, fitted
from crm_mcp.operation import Before, Operation
from crm_mcp.pointer import find, placed, steps
from crm_mcp.validate import ArgumentValidator

ROOTS = ("arguments", "result", "before", "now")
_KNOWN_AT_ONCE = ROOTS[:3]


@dataclass(frozen=True, slots=True)
class Undoing:
    """That a call takes back an earlier write: its number, and what a person reads about it."""

    number: int
    told: str


@dataclass(frozen=True, slots=True)
class Written:
    """A write that happened: what was asked for, what the CRM said, how the records stood before.

    `failed` are the items of a bulk write that the CRM did not take.
    """

    operation: Operation
    arguments: Mapping[str, Any]
    result: Any
    before: tuple[Any, ...] = ()
    failed: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """One record after the write: the arguments that read it, and what stood in its fields.

    Of an update these are the fields that were written; of any other write it is the whole record.
    """

    read: dict[str, Any]
    fields: dict[str, Any]
    is_whole: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """The call that takes a write back, without what the record says only when it is made."""

    tool: str
    arguments: dict[str, Any]
    reader: str = ""
    records: tuple[Standing, ...] = ()

    def as_json(self) -> str:
        """Write the plan as one text."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> "Plan":
        """Read what `as_json` wrote."""
        raw = json.loads(text)
        records = tuple(Standing(**standing) for standing in raw.pop("records"))
        return cls(**raw, records=records)


@dataclass(frozen=True, slots=True)
class Moved:
    """A field that no longer holds what stood there after the write."""

    name: str
    written: Any
    stands: Any


def restores_itself(operation: Operation) -> bool:
    """Whether an update is undone by itself, with the old values."""
    undo = operation.undo
    return undo is not None and operation.effect == "update" and undo.tool == operation.name


def needs_before(operation: Operation) -> bool:
    """Whether nothing can be taken back without the records as they stood before."""
    pointers = operation.undo.arguments.values() if operation.undo else ()
    return restores_itself(operation) or any(_root(pointer) == "before" for pointer in pointers)


def reading(operation: Operation, inverse: Operation) -> Before | None:
    """Say how the records are read that a write has touched; None where nothing reads them.

    What was created is read as the inverse would read it; of what was deleted nothing is left.
    """
    if operation.effect == "delete":
        return None
    own = operation.before if operation.effect != "create" else None
    for before in (own, inverse.before):
        if before is not None and before.tool:
            return before
    return None


def reads_after(written: Written, inverse: Operation) -> tuple[str, list[dict[str, Any]]]:
    """Say with which tool the touched records are read, and with which arguments each.

    Raises:
        NotUndoable: the CRM did not say what finds the record.
    """
    before = reading(written.operation, inverse)
    if before is None:
        return "", []
    ours = before is written.operation.before
    arguments = written.arguments if ours else _said(written, inverse)
    try:
        return before.tool, record_requests(before, arguments)
    except LookupError:
        raise NotUndoable("what would find the record again is not known") from None


def plan(written: Written, inverse: Operation, after: Sequence[Any]) -> Plan:
    """Make the call that takes a write back.

    Args:
        written: the write.
        inverse: the operation that takes it back.
        after: the records as read after the write, one for each of `reads_after`.

    Raises:
        NotUndoable: something that the call needs is not known, or would not be taken.
    """
    reader, reads = reads_after(written, inverse)
    if restores_itself(written.operation):
        arguments, touched = _restored(written, after)
    elif written.failed:
        raise NotUndoable("only a part of it was done")
    else:
        arguments, touched = _said(written, inverse), list(range(len(after)))
    before = reading(written.operation, inverse)
    made = Plan(
        tool=inverse.name,
        arguments=arguments,
        reader=reader,
        records=tuple(_standing(written, before, at, reads[at], after[at]) for at in touched),
    )
    try:
        complete = completed(made, written.operation, inverse, [after[at] for at in touched])
        ArgumentValidator().check(inverse, complete)
    except InvalidArguments:
        raise NotUndoable(f"{inverse.name} would not take what it needs") from None
    return made


def completed(
    made: Plan, operation: Operation, inverse: Operation, now: Sequence[Any]
) -> dict[str, Any]:
    """Fill in what only the records say, as they stand now.

    Args:
        made: the plan, from right after the write.
        operation: the write.
        inverse: what takes it back.
        now: the records as read now, one for each of the plan's.

    Raises:
        NotUndoable: a record lacks what is needed.
    """
    before = reading(operation, inverse)
    stands = list(now) if before is not None and before.each else next(iter(now), None)
    shared, own = _pointers(operation, ("now",))
    arguments = made.arguments | _followed(shared, {"now": stands}, inverse.input_schema)
    if not own or before is None:
        return arguments
    items = [
        item | _followed(own, {"now": record}, item_schema(operation))
        for item, record in zip(record_items(before, arguments), now, strict=True)
    ]
    return _with_items(arguments, before, items)


def moved(standing: Standing, record: Any) -> list[Moved]:
    """Find the fields of a record, read again, that no longer hold what stood there."""
    stands = _as_fields(record)
    names = standing.fields.keys() | (stands.keys() if standing.is_whole else set())
    found = [Moved(name, standing.fields.get(name), stands.get(name)) for name in sorted(names)]
    return [field for field in found if not same(field.written, field.stands)]


def _said(written: Written, inverse: Operation) -> dict[str, Any]:
    """Follow the pointers of an operation that another one undoes."""
    undo = written.operation.undo
    shared, _ = _pointers(written.operation, _KNOWN_AT_ONCE)
    const, words = (undo.const, undo.words) if undo else ({}, {})
    return {**const, **_followed(shared, _roots(written), inverse.input_schema, words)}


def _roots(written: Written) -> dict[str, Any]:
    """Lay out what the pointers lead through; several records stand as a list."""
    before = written.operation.before
    many = before is not None and before.each
    records = list(written.before) if many else next(iter(written.before), None)
    return {"arguments": written.arguments, "result": written.result, "before": records}


def _restored(written: Written, after: Sequence[Any]) -> tuple[dict[str, Any], list[int]]:
    """Give the changed fields of each changed record their old values; says which records."""
    operation, before = written.operation, written.operation.before
    if before is None or len(written.before) != len(after):
        raise NotUndoable("the record was not read before it was changed")
    shared, own = _pointers(operation, _KNOWN_AT_ONCE)
    items = record_items(before, written.arguments)
    found: dict[int, dict[str, Any]] = {}
    for at in _done(items, written.failed):
        item = _restored_item(operation, before, items[at], written.before[at], after[at])
        if item is not None:
            roots = {"arguments": items[at], "result": written.result, "before": written.before[at]}
            found[at] = item | _followed(own, roots, item_schema(operation))
    if not found:
        raise NotUndoable("nothing in the record changed")
    arguments = _with_items(written.arguments, before, list(found.values()))
    return arguments | _followed(shared, _roots(written), operation.input_schema), list(found)


def _restored_item(
    operation: Operation, before: Before, item: Any, was: Any, stands: Any
) -> dict[str, Any] | None:
    """Write one record's old values in the form of the update; None where nothing changed."""
    if not (isinstance(item, dict) and isinstance(was, dict) and isinstance(stands, dict)):
        raise NotUndoable("the record as read has no fields")
    schema = item_schema(operation)
    names = written_names(operation, before, item)
    said = operation.undo.arguments if operation.undo else {}
    restored = {name: value for name, value in item.items() if name not in names}
    changed = False
    for name in names:
        if name in said:
            continue
        if name not in was and name not in stands:
            raise NotUndoable(f"the record as read does not show {name}")
        is_same = same(was.get(name), stands.get(name))
        changed = changed or not is_same
        if not is_same or name in schema.get("required", ()):
            part = schema.get("properties", {}).get(name, {})
            restored[name] = fitted(part, was.get(name), stands.get(name), name)
    return restored if changed else None


def _done(items: list[Any], failed: Sequence[Any]) -> list[int]:
    """Say which items of a bulk write were done, given those that were not."""
    not_done: set[int] = set()
    for entry in failed:
        fits = [at for at, item in enumerate(items) if _is_about(entry, item)]
        if len(fits) != 1:
            raise NotUndoable("only a part of it was done, and which part cannot be told")
        not_done.update(fits)
    return [at for at in range(len(items)) if at not in not_done]


def _is_about(failed: Any, item: Any) -> bool:
    """Tell whether what the CRM named is this item: all that both say is the same."""
    if not isinstance(failed, dict) or not isinstance(item, dict):
        return False
    both = failed.keys() & item.keys()
    return bool(both) and all(same(failed[key], item[key]) for key in both)


def _standing(
    written: Written, read: Before | None, at: int, arguments: dict[str, Any], record: Any
) -> Standing:
    """Take what counts of a record after the write."""
    operation, before = written.operation, written.operation.before
    fields = _as_fields(record)
    if operation.effect != "update" or before is None or read is not before:
        return Standing(arguments, fields, is_whole=True)
    names = written_names(operation, before, record_items(before, written.arguments)[at])
    said = operation.undo.arguments if operation.undo and restores_itself(operation) else {}
    kept = {name: fields[name] for name in names if name in fields and name not in said}
    return Standing(arguments, kept, is_whole=False)


def _as_fields(record: Any) -> dict[str, Any]:
    return record if isinstance(record, dict) else {"record": record}


def _pointers(operation: Operation, roots: Sequence[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Split the pointers from these roots: those of the call, and those of each of its items."""
    undo, before = operation.undo, operation.before
    each = before is not None and bool(before.each) and restores_itself(operation)
    shared: dict[str, str] = {}
    own: dict[str, str] = {}
    for name, pointer in (undo.arguments if undo else {}).items():
        if _root(pointer) in roots:
            place = own if each and name not in operation.properties else shared
            place[name] = pointer
    return shared, own


def _root(pointer: str) -> str:
    return next(iter(steps(pointer)), "")


def _followed(
    pointers: Mapping[str, str],
    roots: Mapping[str, Any],
    schema: Schema,
    words: Mapping[str, Mapping[str, str]] | None = None,
) -> dict[str, Any]:
    """Follow pointers into the form that a schema takes; what need not be given may be missing."""
    found: dict[str, Any] = {}
    for name, pointer in pointers.items():
        part = schema.get("properties", {}).get(name, {})
        try:
            value = find(roots, pointer)
        except LookupError:
            if name in schema.get("required", ()):
                raise NotUndoable(f"{pointer} is not known") from None
            continue
        spoken = (words or {}).get(pointer, {}).get(_as_word(value), value)
        found[name] = fitted(part, spoken, None, name)
    return found


def _as_word(value: Any) -> str:
    """Write a value as `undo.words` names it."""
    return value if isinstance(value, str) else json.dumps(value)


def _with_items(
    arguments: Mapping[str, Any], before: Before, items: list[dict[str, Any]]
) -> dict[str, Any]:
    """Put the parts that are about one record each back into their place."""
    if not before.each:
        return items[0]
    alone = not isinstance(find(arguments, before.each), list)
    value = items[0] if alone else items
    whole: dict[str, Any] = placed(dict(arguments), steps(before.each), value)
    return whole
