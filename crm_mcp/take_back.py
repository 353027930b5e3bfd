"""Taking a write back: a call of its own, made only while the record holds what was written.

The inverse call goes the way of every call; here is decided whether it is made, and with which
arguments.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, NoReturn

from anyio import to_thread

from crm_mcp.afterwards import digest_of
from crm_mcp.audit import Audit
from crm_mcp.errors import NotFound, NotUndoable, Refused
from crm_mcp.operation import Operation
from crm_mcp.parties import Caller
from crm_mcp.pipeline import Pipeline
from crm_mcp.records import read_one
from crm_mcp.respond import Outcome
from crm_mcp.undo import Plan, Undoing, completed, moved
from crm_mcp.undo_store import Kept, Undos


@dataclass(frozen=True)
class Desk:
    """Where writes are taken back: the pipeline that made them, and what was kept and recorded."""

    pipeline: Pipeline
    undos: Undos
    audit: Audit


async def take_back(desk: Desk, number: int, caller: Caller) -> tuple[Operation, Outcome]:
    """Make the inverse call of one write, as a write of its own; gives what it was and brought.

    Args:
        desk: where the write was made.
        number: of the write in the record.
        caller: who wants it; a person is asked as for any write.

    Raises:
        Refused: not kept, used up, made elsewhere or by other operation files, or the record no
            longer holds what was written; `stands` then lists what does.
        ToolFailure: what went wrong with the reading or the call.
    """
    kept = await to_thread.run_sync(desk.undos.get, number)
    if kept is None:
        raise Refused(f"Nothing is kept that would undo {number}.", hint="")
    if kept.plan is None or kept.state == "spent":
        await _refuse(desk, kept, "it was taken back already")
    find = desk.pipeline.registry.find
    operation, inverse = find(kept.origin.tool), find(kept.plan.tool)
    if kept.origin.account != desk.pipeline.accounts[operation.vendor].label:
        await _refuse(desk, kept, f"it was written to {kept.origin.account}")
    if kept.origin.digest != digest_of(operation, inverse):
        await _refuse(desk, kept, "what its tools do has been described anew since then")
    now = await _read(desk, kept, kept.plan, caller)
    try:
        arguments = completed(kept.plan, operation, inverse, now)
    except NotUndoable as reason:
        await _refuse(desk, kept, str(reason))
    undoing = Undoing(number, _told(kept, kept.plan))
    outcome = await desk.pipeline.call(inverse.name, arguments, replace(caller, undoing=undoing))
    return inverse, outcome


async def _read(desk: Desk, kept: Kept, plan: Plan, caller: Caller) -> list[Any]:
    """Read the records, and see that they still hold what was written."""

    async def read(name: str, arguments: dict[str, Any]) -> Any:
        return (await desk.pipeline.call(name, arguments, replace(caller, is_exact=True))).data

    try:
        now = [await read_one(read, plan.reader, standing.read) for standing in plan.records]
    except NotFound:
        await _refuse(desk, kept, "the record is not there any more")
    changes = [
        {"field": change.name, "written": change.written, "stands": change.stands}
        for standing, record in zip(plan.records, now, strict=True)
        for change in moved(standing, record)
    ]
    if changes:
        await _refuse(desk, kept, "the record no longer holds what was written", stands=changes)
    return now


async def _refuse(desk: Desk, kept: Kept, reason: str, **details: Any) -> NoReturn:
    """Refuse, on record: nothing is sent."""
    origin = kept.origin
    record = partial(desk.audit.append, tool=origin.tool, account=origin.account)
    record = partial(record, undoes=origin.number, reason=reason)
    await to_thread.run_sync(record, "refused")
    message = f"The write {origin.number} is not taken back: {reason}. Nothing was sent."
    raise Refused(message, hint="", **details)


def _told(kept: Kept, plan: Plan) -> str:
    """Say what is taken back, and how sure it is that nothing else goes with it."""
    at = datetime.fromtimestamp(kept.created, UTC).strftime("%Y-%m-%d %H:%M UTC")
    seen = "" if plan.records else " Whether the record was changed since then cannot be read."
    return f"{kept.origin.tool} of {at}, number {kept.origin.number}: {kept.origin.summary}{seen}"
