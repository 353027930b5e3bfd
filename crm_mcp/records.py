"""Reading what a person is shown of the CRM before a write, and the same records after it."""

from dataclasses import dataclass
from typing import Any

from crm_mcp.compare import Look, digest, look, record_requests
from crm_mcp.errors import NotFound
from crm_mcp.guard import BoundCall
from crm_mcp.ids import Name
from crm_mcp.names import Find, Read, names_of
from crm_mcp.operation import Before


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
        ToolFailure: a record cannot be read, or is not there although the write does not make it.
            Then nobody can be shown what would change, and nothing is sent.
    """
    before = call.operation.before
    if before is None or not before.tool:
        return ()
    wanted = record_requests(before, call.arguments)
    records = [await _read_before(read, before, arguments) for arguments in wanted]
    return look(call.operation, call.arguments, records)


async def _read_before(read: Read, before: Before, arguments: dict[str, Any]) -> Any:
    """Read one record as it stands; None where there is none yet and the write makes it."""
    try:
        return await read_one(read, before.tool, arguments)
    except NotFound:
        if not before.may_be_missing:
            raise
        return None


async def read_one(read: Read, tool: str, arguments: dict[str, Any]) -> Any:
    """Read one record; the answer may be a list of one.

    Raises:
        ToolFailure: it cannot be read, or is not there.
    """
    data = await read(tool, arguments)
    if not isinstance(data, list):
        return data
    if len(data) != 1:
        raise NotFound(
            f"The record to be changed was not found ({len(data)} records fit). Nothing was sent.",
            hint="Find the record first, and name it by what the read returns.",
        )
    return data[0]
