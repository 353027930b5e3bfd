"""Rules about ids: what they are ids of, and the reads that tell their names."""

import re
from collections.abc import Iterator

from crm_mcp.check.effects import wrong_call
from crm_mcp.check.files import IDS, Folder, Problem
from crm_mcp.check.schema import has_place, may_be, schema_at
from crm_mcp.ids import label_of, records_in, value_at
from crm_mcp.operation import Before, IdKind, Operation, kind_names
from crm_mcp.pointer import steps

_SCALARS = (("text", ("string",)), ("a number", ("integer", "number")))


def wrong_ids(operation: Operation, folder: Folder) -> Iterator[str]:
    """Demand of a write ids that stand among its arguments and that its kinds can be read by."""
    if operation.ids and not operation.is_write:
        yield "only the ids of a write are looked up: take ids out"
        return
    for pointer, name in operation.ids.items():
        if pointer in _read_before(operation.before):
            yield f"before reads the record of {pointer} already: take it from ids"
        for kind_name in kind_names(operation.input_schema, name):
            yield from _wrong_place(operation, pointer, folder, folder.kinds[kind_name])
    for kind in operation.kinds:
        for argument, pointer in kind.arguments.items():
            if not has_place(operation.input_schema, steps(pointer)):
                yield (
                    f"the kind {kind.name} takes {argument} from {pointer}, "
                    "which is no place in the arguments"
                )


def _wrong_place(operation: Operation, pointer: str, folder: Folder, kind: IdKind) -> Iterator[str]:
    path = tuple("0" if step == "*" else step for step in steps(pointer))
    schema = schema_at(operation.input_schema, path)
    if schema is False:
        yield f"ids names {pointer}, which is no place in the arguments"
    elif not (here := _scalars(schema)):
        yield f"ids names {pointer}, which is neither a text nor a number: * is any item of a list"
    elif (read := folder.find(kind.tool)) and kind.argument in read.properties:
        there = _scalars(read.properties[kind.argument])
        if here.isdisjoint(there):
            yield f"{pointer} is {here.pop()}, which {kind.argument} of {kind.tool} does not take"


def _scalars(schema: object) -> set[str]:
    """Tell whether values of a schema are texts or numbers; where anything may stand, both."""
    return {
        words
        for words, types in _SCALARS
        if schema is True or any(may_be(schema, name) for name in types)
    }


def _read_before(before: Before | None) -> set[str]:
    """List the places whose records `before` shows; what takes several ids to find is a link."""
    if before is None or (before.may_be_missing and len(before.arguments) > 1):
        return set()
    base = f"{before.each}/*" if before.each else ""
    return {base + pointer for pointer in before.arguments.values()}


def kind_problems(folder: Folder) -> Iterator[Problem]:
    """Check what `_ids.json` says against the operations that it names."""
    for kind in folder.kinds.values():
        for text in (*_wrong_pattern(kind), *_wrong_tools(kind, folder)):
            yield Problem(f"{folder.vendor}/{IDS}", "ids", text)


def _wrong_pattern(kind: IdKind) -> Iterator[str]:
    try:
        re.compile(kind.pattern)
    except re.error as error:
        yield f"the pattern of {kind.name} is no regular expression: {error}"


def _wrong_tools(kind: IdKind, folder: Folder) -> Iterator[str]:
    for tool in filter(None, (kind.tool, kind.find)):
        if tool not in folder.names:
            yield f"{kind.name} names {tool}, which does not exist"
    if kind.find and (finder := folder.find(kind.find)) and finder.is_write:
        yield f"{kind.name} names {kind.find}, which is no read"
    if read := folder.find(kind.tool):
        given = {*kind.arguments, *([kind.argument] if kind.argument else [])}
        yield from wrong_call(kind.name, sorted(given), read)
        yield from _missing_in_examples(kind, read)


def _missing_in_examples(kind: IdKind, read: Operation) -> Iterator[str]:
    """Demand that label and match are seen in an example: a misspelt one would find nothing."""
    shown = [example.result["data"] for example in read.examples if "data" in example.result]
    records = [record for data in shown for record in records_in(kind, data)]
    if not any(label_of(kind, record) for record in records):
        yield f"no example of {kind.tool} has what the label of {kind.name} names"
    if kind.match is not None and all(value_at(one, kind.match) is None for one in records):
        yield f"no example of {kind.tool} has what {kind.name} is matched by"
