"""Reading the names of ids before a person is asked, and refusing an id of the wrong kind."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import anyio

from crm_mcp.errors import NotFound, ToolFailure
from crm_mcp.guard import BoundCall
from crm_mcp.ids import (
    BEYOND_LIMIT,
    Id,
    Lookup,
    Name,
    ids_in,
    label_of,
    lookup_of,
    lookups,
    records_of,
    wrong_kind,
)
from crm_mcp.operation import IdKind, Operation

AT_ONCE = 4
NOT_ENOUGH = "not enough is given to look it up"

Read = Callable[[str, dict[str, Any]], Awaitable[Any]]
"""Reads one record with a tool and its arguments, the way any read goes."""

Find = Callable[[str], Operation]
"""Gives the operation of a tool's name."""


async def names_of(call: BoundCall, read: Read, find: Find) -> tuple[Name, ...]:
    """Read the name of each id among the arguments, every distinct one once.

    A name that cannot be read stops nothing: the person sees that it is missing, and decides
    knowing that. An id that is certainly of no record of its kind does stop the call.

    Raises:
        InvalidArguments: there is no such record; names each such id, and what finds the right one.
    """
    answers = await _read_all(lookups(call.operation, call.arguments), read)
    ids = ids_in(call.operation, call.arguments)
    found = [(one, _found(one, call.arguments, answers)) for one in ids]
    wrong = [
        (one, f"{one.kind.tool} finds none")
        for one, records in found
        if records == [] and _is_sure(one.kind, find(one.kind.tool))
    ]
    if wrong:
        raise wrong_kind(call.operation, wrong)
    return tuple(_name(one, records) for one, records in found)


async def _read_all(wanted: Sequence[Lookup], read: Read) -> Mapping[Lookup, Any]:
    """Make the lookups, a few at once; a failure is an answer too."""
    answers: dict[Lookup, Any] = {}
    slots = anyio.CapacityLimiter(AT_ONCE)

    async def answer(lookup: Lookup) -> None:
        async with slots:
            try:
                answers[lookup] = await read(lookup.tool, json.loads(lookup.arguments))
            except ToolFailure as failure:
                answers[lookup] = failure

    async with anyio.create_task_group() as tasks:
        for lookup in wanted:
            tasks.start_soon(answer, lookup)
    return answers


def _found(one: Id, arguments: Mapping[str, Any], answers: Mapping[Lookup, Any]) -> list[Any] | str:
    """Give the records that fit an id, or say why nobody knows."""
    lookup = lookup_of(one, arguments)
    if lookup is None:
        return NOT_ENOUGH
    if lookup not in answers:
        return BEYOND_LIMIT
    answer = answers[lookup]
    if isinstance(answer, NotFound) and one.kind.argument:
        return []
    if isinstance(answer, ToolFailure):  # its kind is our word; its message may be the CRM's
        return f"its name could not be read: {answer.kind}"
    return records_of(one, answer)


def _name(one: Id, found: list[Any] | str) -> Name:
    if isinstance(found, str):
        return Name(one, missing=found)
    if len(found) == 1:
        return Name(one, label_of(one.kind, found[0]))
    several = "several records fit" if found else "no record was found"
    return Name(one, missing=f"its name could not be read: {several}")


def _is_sure(kind: IdKind, read: Operation) -> bool:
    """Tell whether "not found" means that there is none.

    It does not where the address of the read is only inferred, nor where the read shows one page
    of a list that no argument narrows.
    """
    paged = read.pagination is not None and read.pagination.style != "none"
    guessed = read.source.evidence.startswith("inferred")
    return not guessed and (bool(kind.argument) or not paged)
