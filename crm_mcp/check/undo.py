"""Rules about taking a write back: what undoes it, and how the arguments of that follow."""

from collections.abc import Iterator

from crm_mcp.check.files import Folder
from crm_mcp.check.schema import has_place
from crm_mcp.operation import Operation, Undo
from crm_mcp.pointer import steps
from crm_mcp.undo import ROOTS, reading, restores_itself


def wrong_undo(operation: Operation, folder: Folder) -> Iterator[str]:
    """Demand of a write how it is taken back, and by what."""
    undo = operation.undo
    if undo is None:
        if operation.asks:
            yield "a write needs undo: exact, partial or none"
        return
    if not operation.is_write:
        yield "a read changes nothing: take undo out"
    if undo.kind == "exact" and not undo.tool:
        yield "an exact undo names its tool"
    if undo.kind == "partial" and not undo.stays:
        yield "a partial undo says in stays what remains"
    if undo.tool and undo.tool not in folder.names:
        yield f"undo names {undo.tool}, which does not exist"
    yield from _useless(undo)


def _useless(undo: Undo) -> Iterator[str]:
    """Find what an undo says to no effect."""
    if (undo.arguments or undo.const) and not undo.tool:
        yield "undo.arguments and undo.const are of the tool that undoes: name it, or take them out"
    for pointer in sorted(undo.words.keys() - set(undo.arguments.values())):
        yield f"undo.words translates {pointer}, which undo.arguments does not take"


def wrong_inverse(operation: Operation, folder: Folder) -> Iterator[str]:
    """Demand of an undo a write that gets all it needs, from places that there are."""
    undo = operation.undo
    inverse = folder.find(undo.tool) if undo else None
    if undo is None or inverse is None:
        return
    if not inverse.is_write:
        yield f"undo names {inverse.name}, which changes nothing"
    for name, pointer in undo.arguments.items():
        if not _takes(operation, inverse, name):
            yield f"undo gives {name}, which is no argument of {inverse.name}"
        yield from _wrong_pointer(operation, inverse, pointer)
    for name in undo.const:
        if name not in inverse.properties:
            yield f"undo gives {name}, which is no argument of {inverse.name}"
    if undo.kind == "exact":
        yield from _lacking(operation, inverse, undo)


def _takes(operation: Operation, inverse: Operation, name: str) -> bool:
    """Tell whether the inverse has such an argument; a bulk update's items may have it."""
    items = (*steps(_each(operation)), "0") if restores_itself(operation) else ()
    return name in inverse.properties or (
        len(items) > 1 and has_place(inverse.input_schema, (*items, name))
    )


def _wrong_pointer(operation: Operation, inverse: Operation, pointer: str) -> Iterator[str]:
    root, *way = steps(pointer) or ("",)
    if root not in ROOTS:
        yield f"undo takes {pointer}, which does not begin with one of /{', /'.join(ROOTS)}"
    schema = operation.input_schema
    inside = (*steps(_each(operation)), "0", *way)
    if root == "arguments" and not (has_place(schema, tuple(way)) or has_place(schema, inside)):
        yield f"undo takes {pointer}, which is no place in the arguments"
    if root == "before" and not (operation.before and operation.before.tool):
        yield f"undo takes {pointer}, but before names no read"
    if root == "now" and reading(operation, inverse) is None:
        yield f"undo takes {pointer}, but nothing reads the record then"


def _lacking(operation: Operation, inverse: Operation, undo: Undo) -> Iterator[str]:
    """Find what an exact undo would need and does not get."""
    if restores_itself(operation):
        if operation.before and not operation.before.tool:
            yield "an update gives back what stood there only if before names a read"
        return
    for name in inverse.input_schema.get("required", ()):
        if name not in {**undo.arguments, **undo.const}:
            yield f"undo does not give {name}, which {inverse.name} requires"


def _each(operation: Operation) -> str:
    return operation.before.each if operation.before else ""
