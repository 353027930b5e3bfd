"""A generated installation: the package beside a catalogue of N operations.

The method of the generator: reads with exactly ten arguments whose types rotate, a name, a title
and descriptions of the usual length. Everything is derived from the index, nothing is random.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import crm_mcp

ARGUMENTS = 10
GIVEN = 6
NOUNS = ("account", "contact", "deal", "invoice", "job", "lead", "note", "order", "task", "user")
REPLY_ROWS = 6


def install(folder: Path, operations: int) -> Path:
    """Copy the package into a folder and give it a catalogue of so many operations."""
    shutil.copytree(Path(crm_mcp.__file__).parent, folder / "crm_mcp", dirs_exist_ok=True)
    target = folder / "crm_mcp" / "tool_schemas"
    shutil.rmtree(target, ignore_errors=True)
    for index in range(operations):
        operation = generate(index)
        path = target / "fivecrm" / "system" / f"{operation['name']}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(operation, indent=1), encoding="utf-8")
    return folder


def generate(index: int) -> dict[str, Any]:
    """Write one operation file."""
    noun = NOUNS[index % len(NOUNS)]
    properties = {f"{noun}_{number}": _property(noun, number) for number in range(ARGUMENTS)}
    return {
        "name": f"fivecrm_{noun}s_{index}_list",
        "title": f"List {noun}s of group {index}",
        "description": f"List the {noun}s that match all of the given criteria, newest first, with "
        "their numbers, names and states. Use it to find one by what is known of it; to read one "
        "whose number is known, use the tool that gets one.",
        "effect": "read",
        "source": {
            "document": "generated",
            "line": index + 1,
            "section": f"{noun} {index}",
            "evidence": "documented",
        },
        "inputSchema": {
            "type": "object",
            "properties": properties,
            "required": [f"{noun}_0"],
            "additionalProperties": False,
        },
        "request": {"method": "POST", "path": f"/api2/{noun}/{index}", "args_in": "query"},
        "response": {"data": "/ITEMS"},
        "pagination": {"style": "none"},
        "examples": [
            {
                "title": "generated",
                "arguments": arguments(index),
                "request": {"method": "POST", "path": f"/api2/{noun}/{index}"},
                "reply": {"json": reply()},
                "result": {"data": reply()["ITEMS"]},
            }
        ],
    }


def arguments(index: int) -> dict[str, Any]:
    """Give six of the ten arguments of one operation."""
    noun = NOUNS[index % len(NOUNS)]
    values = ("one of them", 7, True, "b", "2026-03-02T09:00:00Z", "some longer text than this")
    return {f"{noun}_{number}": value for number, value in zip(range(GIVEN), values, strict=True)}


def reply() -> dict[str, Any]:
    """Give the fixed answer of the upstream, a little less than 1 kB of JSON."""
    row = {"id": 4711, "name": "Woodworks Ltd", "state": "open", "note": "x" * 60, "active": True}
    return {"STATUS": "success", "ITEMS": [row] * REPLY_ROWS}


def _property(noun: str, number: int) -> dict[str, Any]:
    kinds: tuple[dict[str, Any], ...] = (
        {"type": "string", "maxLength": 60},
        {"type": "integer", "minimum": 1, "maximum": 100},
        {"type": "boolean", "default": False},
        {"type": "string", "enum": ["a", "b", "c", "d", "e"]},
        {"type": "string", "maxLength": 25},
        {"type": "string", "maxLength": 255},
    )
    kind = kinds[number % len(kinds)]
    return {**kind, "description": f"Criterion {number} that the {noun} has to match."}
