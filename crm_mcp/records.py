"""Reading what a person is shown of the CRM before a write, and the same records after it."""

from dataclasses import dataclass
from typing import Any

from crm_mcp.compare import Look, digest, look, outcome, record_requests
from crm_mcp.errors import NotFound, ToolFailure
from crm_mcp.guard import BoundCall
from crm_mcp.ids import Name
from crm_mcp.names import Find, Read, names_of


@dataclass(frozen=True, slots=True)
class Sight:
    """What was seen of the CRM: the records a write would touch, and the names of its ids."""

    looks: tuple[Look, ...] = ()
    names: tuple[Name, ...] = ()

    @property
    def digest(self) -> str:
        """What binds an answer to what the person saw; empty where there was nothing to see."""
        return digest(self.looks, [name.as_shown for name in self.names])


async def see(call: BoundCall, read: Read, find: Find) -> Sight:
    """Look at all that a person is shown of the CRM before they are asked.

    Raises:
        ToolFailure: a record that the write would touch cannot be read, or an id is of the wrong
            kind. Then nobody is asked, and nothing is sent.
    """
    return Sight(await look_at(call, read), await names_of(call, read, find))


async def look_at(call: BoundCall, read: Read) -> tuple[Look, ...]:
    """Read every record that a write would touch; none where the vendor offers no such read.

    Raises:
        ToolFailure: a record cannot be read, or is not there. Then nobody can be shown what would
            change, and nothing is sent.
    """
    before = call.operation.before
    if before is None or not before.tool:
        return ()
    wanted = record_requests(before, call.arguments)
    records = [_one(await read(before.tool, arguments)) for arguments in wanted]
    return look(call.operation, call.arguments, records)


async def check_after(
    call: BoundCall, before: tuple[Look, ...], read: Read
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Say which fields of an update stand as written; a warning where that cannot be read."""
    if call.operation.effect != "update" or not before:
        return {}, ()
    try:
        return outcome(before, await look_at(call, read)), ()
    except ToolFailure as failure:
        return {}, (f"Whether the change stands could not be read: {failure.message}",)


def _one(data: Any) -> Any:
    """Take the one record out of an answer that may be a list."""
    if not isinstance(data, list):
        return data
    if len(data) != 1:
        raise NotFound(
            f"The record to be changed was not found ({len(data)} records fit). Nothing was sent.",
            hint="Find the record first, and name it by what the read returns.",
        )
    return data[0]
