"""What the list of tools says of one operation."""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from crm_mcp.operation import Operation
from crm_mcp.wishes import FROM, MAX_PAGES, PAGES, SELECT, is_paged

DRY_RUN = "_dry_run"
_DRY_RUN_SCHEMA = {"type": "boolean", "description": "Show it, send nothing."}
FRESH_MS = 3_600_000
"""How long a client may keep what does not change while the server runs."""
# In the list they stand hundreds of times: what they mean is said once, for the whole server.
# One text, and no list: several clients refuse lists whose items have no schema.
_SELECT_SCHEMA = {"type": "string"}
_PAGES_SCHEMA = {"type": "integer"}
READ_ARGUMENTS = (
    f'Reads take {SELECT} ("id,address.city": only these fields of each record), and lists with '
    f"pages {PAGES} (read up to {MAX_PAGES} pages at once). To read a list to its end, repeat the "
    "call with the arguments in page.next until there is none."
)
_TOLD = {
    SELECT: "Only these fields of each record: paths with commas, such as id,address.city. A list "
    "of texts will do as well. Ask for few: more records fit into a result.",
    PAGES: f"Read up to so many pages, 1 to {MAX_PAGES}, as one list; stops where no more fit.",
    FROM: "Leave out so many items at the beginning of the list; page.next fills it in.",
}


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
    """Give the operation's own schema with the arguments that are ours, in few words."""
    if operation.is_write:
        return _with(operation, {DRY_RUN: _DRY_RUN_SCHEMA})
    pages = {PAGES: _PAGES_SCHEMA} if is_paged(operation) else {}
    return _with(operation, {SELECT: _SELECT_SCHEMA, **pages})


def described_schema(operation: Operation) -> dict[str, Any]:
    """Give the same with all that there is to say of the arguments that are ours."""
    if operation.is_write:
        return advertised_schema(operation)
    ours = {
        SELECT: {**_SELECT_SCHEMA, "description": _TOLD[SELECT]},
        PAGES: {**_PAGES_SCHEMA, "description": _TOLD[PAGES]},
        FROM: {"type": "integer", "description": _TOLD[FROM]},
    }
    if not is_paged(operation):
        del ours[PAGES]
    return _with(operation, ours)


def _with(operation: Operation, ours: dict[str, Any]) -> dict[str, Any]:
    return {**operation.input_schema, "properties": {**operation.properties, **ours}}


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
    return json_bytes(list_entry(operation))


def own_bytes(operation: Operation) -> int:
    """Count the same without what is ours in every read, and its author cannot shorten."""
    entry = list_entry(operation)
    return json_bytes(
        entry if operation.is_write else {**entry, "inputSchema": operation.input_schema}
    )


def json_bytes(value: Any) -> int:
    """Count what a value takes as compact JSON."""
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())
