"""What the list of tools says of one operation."""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from crm_mcp.operation import Operation

DRY_RUN = "_dry_run"
_DRY_RUN_SCHEMA = {"type": "boolean", "description": "Show it, send nothing."}
FRESH_MS = 3_600_000
"""How long a client may keep what does not change while the server runs."""


def list_entry(operation: Operation) -> dict[str, Any]:
    """Write one entry of `tools/list`."""
    return {
        "name": operation.name,
        "title": operation.title,
        "description": operation.description,
        "inputSchema": advertised_schema(operation),
        "annotations": hints(operation),
    }


def advertised_schema(operation: Operation) -> dict[str, Any]:
    """Give the operation's own schema, and for writes the argument that is ours."""
    if not operation.is_write:
        return operation.input_schema
    properties = {**operation.properties, DRY_RUN: _DRY_RUN_SCHEMA}
    return {**operation.input_schema, "properties": properties}


def hints(operation: Operation) -> Mapping[str, bool]:
    """Tell the MCP hints that are not what the protocol takes for granted.

    They follow from effect and traits and stand nowhere else. What a read destroys or repeats is
    no question, so one hint says all of it.
    """
    if operation.effect == "read":
        return _READS
    destructive = operation.effect in ("update", "delete") or (
        operation.effect == "action" and "destructive" in operation.traits
    )
    return _of_a_write(destructive=destructive, idempotent="idempotent" in operation.traits)


_READS: Mapping[str, bool] = {"readOnlyHint": True}


@lru_cache
def _of_a_write(*, destructive: bool, idempotent: bool) -> Mapping[str, bool]:
    """Make the hints once for all writes that share them; there are few kinds."""
    said = {"readOnlyHint": False, "destructiveHint": destructive, "idempotentHint": idempotent}
    granted = {"destructiveHint": True, "idempotentHint": False}
    return {hint: value for hint, value in said.items() if granted.get(hint) is not value}


def entry_bytes(operation: Operation) -> int:
    """Count the bytes of an operation's entry in the list of tools, as compact JSON."""
    entry = json.dumps(list_entry(operation), ensure_ascii=False, separators=(",", ":"))
    return len(entry.encode())
