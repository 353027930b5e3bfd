"""What the list of tools says of one operation."""

import json
from typing import Any

from crm_mcp.operation import Operation

DRY_RUN = "_dry_run"
FRESH_MS = 3_600_000
"""How long a client may keep what does not change while the server runs."""
_DRY_RUN_SCHEMA = {
    "type": "boolean",
    "description": "True: show what would be sent and change nothing.",
}


def list_entry(operation: Operation) -> dict[str, Any]:
    """Write one entry of `tools/list`."""
    return {
        "name": operation.name,
        "title": operation.title,
        "description": operation.description,
        "inputSchema": advertised_schema(operation),
        "annotations": operation.annotations(),
    }


def advertised_schema(operation: Operation) -> dict[str, Any]:
    """Give the operation's own schema, and for writes the argument that is ours."""
    if not operation.is_write:
        return operation.input_schema
    properties = {**operation.properties, DRY_RUN: _DRY_RUN_SCHEMA}
    return {**operation.input_schema, "properties": properties}


def entry_bytes(operation: Operation) -> int:
    """Count the bytes of an operation's entry in the list of tools, as compact JSON."""
    entry = json.dumps(list_entry(operation), ensure_ascii=False, separators=(",", ":"))
    return len(entry.encode())
