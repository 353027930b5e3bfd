"""Arguments that a call leaves out, and that the record as it stands can fill. Pure."""

from collections.abc import Mapping
from typing import Any

from crm_mcp.compare import record_items
from crm_mcp.operation import Operation
from crm_mcp.pointer import find, has, placed, steps


def has_gaps(operation: Operation, arguments: Mapping[str, Any]) -> bool:
    """Tell whether arguments were left out that the record as it stands can fill."""
    before = operation.before
    return before is not None and any(
        not has(item, target) for item in record_items(before, arguments) for target in before.fill
    )


def filled(
    operation: Operation, arguments: Mapping[str, Any], records: list[Any]
) -> Mapping[str, Any]:
    """Fill the arguments that were left out from the records as read.

    Raises:
        InvalidArguments: a record lacks the value, so the call must give it.
    """
    before = operation.before
    if before is None or not has_gaps(operation, arguments):
        return arguments
    items = [
        _filled_item(operation, before.fill, item, record)
        for item, record in zip(record_items(before, arguments), records, strict=True)
    ]
    if not before.each:
        return dict(items[0])
    whole = items if isinstance(find(arguments, before.each), list) else items[0]
    return dict(placed(dict(arguments), steps(before.each), whole))


def _filled_item(operation: Operation, fill: Mapping[str, str], item: Any, record: Any) -> Any:
    for target, source in fill.items():
        if has(item, target):
            continue
        if not has(record, source):
            name = ".".join(steps(target))
            raise operation.misfit([f"{name} is missing, and the record as read does not tell it"])
        item = placed(item, steps(target), find(record, source))
    return item
