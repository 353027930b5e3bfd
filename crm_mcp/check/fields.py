"""Rules about the fields that a CRM lists itself, for writes whose items are open."""

from collections.abc import Iterator

from crm_mcp.check.files import Folder
from crm_mcp.check.schema import has_place
from crm_mcp.operation import Operation
from crm_mcp.pointer import steps


def wrong_fields(operation: Operation, folder: Folder) -> Iterator[str]:
    """Demand a list of open items, and a read that lists their fields."""
    if operation.response.fields and operation.is_write:
        yield "response.fields is for a read that lists fields"
    fields = operation.fields
    if fields is None:
        return
    if not operation.is_write:
        yield "fields is for writes: a read has no items to name them in"
    # A name that no schema can know: only open items have a place for it.
    if not has_place(operation.input_schema, (*steps(fields.each), "0", "no such field")):
        yield f"fields.each is {fields.each}, which is no list of open items"
    read = folder.find(fields.tool)
    if read is None or not read.response.fields:
        yield f"fields names {fields.tool}, which is no read with response.fields"
        return
    for name in fields.arguments.keys() - read.properties.keys():
        yield f"fields gives {name}, which is no argument of {read.name}"
