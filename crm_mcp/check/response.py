"""Rules about what an answer holds."""

from collections.abc import Iterator, Mapping

from crm_mcp.operation import FileParts, Operation
from crm_mcp.pointer import find_all


def unseen_files(operation: Operation) -> Iterator[str]:
    """Demand of each file in the data an example that has one there."""
    results = [example.result.get("data") for example in operation.examples]
    for parts in operation.response.files:
        rows = [row for data in results for row in find_all(data, parts.at)]
        if not any(_has_file(row, parts) for row in rows):
            yield f"response.files: no example has {parts.content} at {parts.at}"


def _has_file(row: object, parts: FileParts) -> bool:
    keys = {parts.content, parts.name, parts.type} - {""}
    return isinstance(row, Mapping) and keys <= row.keys()
