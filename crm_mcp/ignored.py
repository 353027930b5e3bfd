"""Filters that a CRM was sent and plainly did not heed. Pure.

Only what can be told without guessing is compared: ids, and choices among few values, which mean
the same in an argument and in a record's field of that name. Texts may be searched in part, with
wildcards or by their sound, and numbers and dates may be bounds: those say nothing.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from crm_mcp.bind import parse_target, targets
from crm_mcp.operation import Operation

_FILTERS = frozenset({"query", "form", "json"})
_FLAGS = frozenset({"0", "1"})


def doubted(operation: Operation, arguments: Mapping[str, Any], data: Any) -> tuple[str, ...]:
    """Warn of each filter that records of a list contradict.

    Args:
        operation: a read.
        arguments: that were sent.
        data: of its result.
    """
    records = data if isinstance(data, list) else []
    if not records or not all(isinstance(record, dict) for record in records):
        return ()
    return tuple(_doubts(operation, arguments, records))


def _doubts(
    operation: Operation, arguments: Mapping[str, Any], records: list[dict[str, Any]]
) -> Iterator[str]:
    for name, value in arguments.items():
        wanted = _plain(value)
        found = [_plain(record.get(name)) for record in records]
        others = sum(one != wanted for one in found)
        if wanted is None or None in found or not others or not _filters(operation, name):
            continue
        if _tells(operation, name, wanted, {one for one in found if one is not None}):
            yield (
                f"{name} was sent as {wanted[:60]}, but {others} of {len(records)} records have "
                f"another {name}: the CRM seems to have ignored it. Look at {name} in each record."
            )


def _plain(value: Any) -> str | None:
    """Write a single value so that 1, "1" and true are the same; None for anything else."""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, int):
        return str(value)
    return value.casefold() if isinstance(value, str) and value else None


def _filters(operation: Operation, name: str) -> bool:
    """Whether an argument goes where filters go: not into the address, and not into a header."""
    places = [parse_target(target) for target in targets(operation, name)]
    return all(place.part in _FILTERS for place in places)


def _is_id(name: str) -> bool:
    """Whether a whole number of this name is an id: it is equal, or it is another's."""
    return name.casefold().endswith("id")


def _tells(operation: Operation, name: str, wanted: str, found: set[str]) -> bool:
    """Whether another value in a record contradicts the argument.

    A choice may have a value for "all", which no record has: it tells only where one has it.
    """
    schema = operation.properties.get(name, {})
    is_whole = schema.get("type") in ("integer", "boolean")
    if is_whole and (_is_id(name) or {wanted, *found} <= _FLAGS):
        return True
    choices = {_plain(choice) for choice in schema.get("enum", ())}
    return wanted in found and {wanted, *found} <= choices
