"""Arguments that a call leaves out, and that the record as it stands can fill. Pure."""

from collections.abc import Mapping
from typing import Any

from crm_mcp.compare import item_schema, record_items
from crm_mcp.errors import NotUndoable
from crm_mcp.fitting import fitted
from crm_mcp.operation import Before, Operation
from crm_mcp.pointer import find, has, placed, steps


def has_gaps(operation: Operation, arguments: Mapping[str, Any]) -> bool:
    """Tell whether arguments were left out that the record as it stands can fill."""
    before = operation.before
    return before is not None and any(
        not has(item, target) for item in record_items(before, arguments) for target in before.lends
    )


def filled(
    operation: Operation, arguments: Mapping[str, Any], records: list[Any]
) -> Mapping[str, Any]:
    """Fill the arguments that were left out from the records as read.

    Raises:
        InvalidArguments: a record lacks what must be sent, or has it in a form that is not taken;
            so the call must give it.
    """
    before = operation.before
    if before is None or not has_gaps(operation, arguments):
        return arguments
    items = [
        _filled_item(operation, before, item, record)
        for item, record in zip(record_items(before, arguments), records, strict=True)
    ]
    if not before.each:
        return dict(items[0])
    whole = items if isinstance(find(arguments, before.each), list) else items[0]
    return dict(placed(dict(arguments), steps(before.each), whole))


def _filled_item(operation: Operation, before: Before, item: Any, record: Any) -> Any:
    for target, source in before.lends.items():
        if has(item, target):
            continue
        stands = find(record, source) if has(record, source) else None
        if target in before.fill and not has(record, source):
            name = ".".join(steps(target))
            raise operation.misfit([f"{name} is missing, and the record as read does not tell it"])
        if target in before.fill or stands is not None:
            value = _as_taken(operation, before, target, stands)
            item = placed(item, steps(target), value)
    return item


def _as_taken(operation: Operation, before: Before, target: str, stands: Any) -> Any:
    """Write a value of the record in the form that the argument takes."""
    schema = item_schema(operation) if before.each else operation.input_schema
    for step in steps(target):
        schema = schema.get("properties", {}).get(step, {})
    name = ".".join(steps(target))
    try:
        return fitted(schema, stands, None, name)
    except NotUndoable:
        problem = f"{name} is missing, and what stands in the record is not taken: give it"
        raise operation.misfit([problem]) from None
