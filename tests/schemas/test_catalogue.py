"""The catalogue as it is: it keeps every rule, and each change of it is seen in a review.

`UPDATE_SNAPSHOTS=1` renews the snapshot.
"""

import json
import os
from pathlib import Path

import pytest
from other_vendors import OTHER_VENDORS

from crm_mcp.check import check
from crm_mcp.entries import entry_bytes
from crm_mcp.loader import load_vendor, schemas_root, vendor_ids
from crm_mcp.operation import Operation
from crm_mcp.vendors import known_vendors, load_vendor_code

SNAPSHOT = Path(__file__).with_name("catalogue.json")
FIXTURES = Path(__file__).parents[1] / "fixtures" / "tool_schemas"


def snapshot_of(operations: list[Operation]) -> str:
    """Write the catalogue as JSON with one line an operation."""
    lines = []
    for operation in operations:
        facts = {
            "effect": operation.effect,
            "traits": operation.traits,
            "bytes": entry_bytes(operation),
        }
        lines.append(f"  {json.dumps(operation.name)}: {json.dumps(facts)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def test_the_operation_files_keep_every_rule() -> None:
    assert check(schemas_root(), [load_vendor_code(name) for name in known_vendors()]) == []


def test_the_schema_for_editors_is_there() -> None:
    assert (schemas_root() / "operation.schema.json").is_file()


def test_the_example_operations_of_other_vendors_keep_every_rule() -> None:
    problems = check(FIXTURES, OTHER_VENDORS)
    # They were chosen because they are hard, so their median says nothing about a catalogue.
    assert [problem for problem in problems if problem.rule != "median-size"] == []


def test_the_catalogue_is_the_one_that_was_reviewed() -> None:
    root = schemas_root()
    operations = [entry for name in vendor_ids(root) for entry in load_vendor(root, name)]
    loaded = snapshot_of(operations)
    if os.environ.get("UPDATE_SNAPSHOTS") == "1":
        SNAPSHOT.write_text(loaded, encoding="utf-8", newline="\n")
    assert loaded == SNAPSHOT.read_text(encoding="utf-8")


@pytest.mark.parametrize("vendor", known_vendors())
def test_every_vendor_has_operations_and_its_everyday_toolsets(vendor: str) -> None:
    code = load_vendor_code(vendor)
    operations = load_vendor(schemas_root(), vendor)
    toolsets = {operation.toolset for operation in operations}
    assert set(code.everyday) <= toolsets | {operation.name for operation in operations}
    [probe] = (operation for operation in operations if operation.name == code.probe)
    assert probe.effect == "read"
    assert not probe.input_schema.get("required")
