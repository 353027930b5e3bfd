"""After a write: reading again what it touched, and keeping what would take it back.

The write has happened. Whatever fails here is a warning in its result, never an error.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from anyio import to_thread

from crm_mcp.compare import Look, outcome
from crm_mcp.errors import NotUndoable, StateError, ToolFailure
from crm_mcp.guard import BoundCall
from crm_mcp.names import Find, Read
from crm_mcp.operation import Operation
from crm_mcp.preview import sentence
from crm_mcp.records import look_at, read_one
from crm_mcp.redact import Redactor
from crm_mcp.respond import Outcome
from crm_mcp.undo import Plan, Written, needs_before, plan, reads_after
from crm_mcp.undo_store import Origin, Undos

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Means:
    """What it takes to look again and to remember."""

    read: Read
    find: Find
    undos: Undos
    redactor: Redactor


@dataclass(frozen=True)
class Done:
    """A write that has happened: its number in the record, and the records before it."""

    number: int
    call: BoundCall
    looks: tuple[Look, ...]
    outcome: Outcome


async def afterwards(done: Done, means: Means) -> Outcome:
    """Complete an outcome: which fields stand as written, and how the write is taken back."""
    check: Mapping[str, Any] = {}
    warnings: list[str] = []
    undo: Mapping[str, Any] = {}
    stands: tuple[Look, ...] | None = None
    if _is_checked(done):
        try:
            stands = await look_at(done.call, means.read)
            check = means.redactor.value(outcome(done.looks, stands))
        except ToolFailure as failure:
            warnings.append(f"Whether the change stands could not be read: {failure.message}")
    if _can_be_kept(done):
        try:
            undo = await _keep(done, means, stands)
        except NotUndoable as reason:
            warnings.append(f"This write cannot be undone from here: {reason}.")
    told = (*done.outcome.warnings, *warnings)
    return replace(done.outcome, check=check, undo=undo, warnings=told)


def digest_of(operation: Operation, inverse: Operation) -> str:
    """Bind an undo to both operation files."""
    return f"{operation.digest} {inverse.digest}"


def _is_checked(done: Done) -> bool:
    """Tell whether the record is read again anyway, to say what stands."""
    return done.call.operation.effect == "update" and bool(done.looks)


def _can_be_kept(done: Done) -> bool:
    """Tell whether an undo was promised, and all was read that it takes.

    Where nobody is asked nothing is read beforehand; nobody was told that it can be undone either.
    """
    operation = done.call.operation
    is_exact = operation.undo is not None and operation.undo.kind == "exact"
    return is_exact and (bool(done.looks) or not needs_before(operation))


async def _keep(done: Done, means: Means, stands: tuple[Look, ...] | None) -> Mapping[str, Any]:
    """Plan the way back and write it down.

    Raises:
        NotUndoable: it cannot be planned, read or written down.
    """
    call, operation = done.call, done.call.operation
    try:
        inverse = means.find(operation.undo.tool if operation.undo else "")
        made = await _planned(done, inverse, means, stands)
        origin = Origin(
            number=done.number,
            tool=operation.name,
            digest=digest_of(operation, inverse),
            account=call.account,
            caller=call.caller,
            summary=means.redactor.text(sentence(operation, call.arguments)),
        )
        kept = await to_thread.run_sync(means.undos.keep, origin, made)
    except ToolFailure as failure:
        raise NotUndoable(f"the record could not be read again ({failure.kind})") from None
    except StateError as error:
        logger.warning("no undo of a write to %s was kept: %s", call.account, error)
        raise NotUndoable("what it takes could not be kept") from None
    expires = datetime.fromtimestamp(kept.expires, UTC).isoformat(timespec="seconds")
    return {"id": done.number, "expires_at": expires}


async def _planned(
    done: Done, inverse: Operation, means: Means, stands: tuple[Look, ...] | None
) -> Plan:
    written = Written(
        operation=done.call.operation,
        arguments=done.call.arguments,
        result=done.outcome.data,
        before=tuple(look.record for look in done.looks),
        failed=tuple(entry.item for entry in done.outcome.not_done),
    )
    if _is_checked(done):
        if stands is None:
            raise NotUndoable("the record could not be read again")
        after = [look.record for look in stands]
    else:
        tool, wanted = reads_after(written, inverse)
        after = [await read_one(means.read, tool, arguments) for arguments in wanted]
    made = plan(written, inverse, after)
    if means.redactor.text(made.as_json()) != made.as_json():
        raise NotUndoable("it holds a credential of this server")
    return made
