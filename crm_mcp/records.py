"""Reading the records that a write would touch, before it and after it."""

from collections.abc import Awaitable, Callable
from typing import Any

from crm_mcp.compare import Look, look, record_requests
from crm_mcp.errors import NotFound
from crm_mcp.guard import BoundCall

Read = Callable[[str, dict[str, Any]], Awaitable[Any]]
"""Reads one record with a tool and its arguments, the way any read goes."""


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
    records = [await read_one(read, before.tool, arguments) for arguments in wanted]
    return look(call.operation, call.arguments, records)


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
