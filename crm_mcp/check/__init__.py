"""The rules that every operation file must keep; `crm-mcp check` and the tests run them.

A rule is a function that tells in sentences what an operation must change. The rules stand by
theme in the modules beside; here they have their names and their order.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from crm_mcp.check import dialects, effects, request, response, schema, undo
from crm_mcp.check.catalogue import catalogue_problems
from crm_mcp.check.documented import documented_problems
from crm_mcp.check.examples import failing_examples
from crm_mcp.check.fields import wrong_fields
from crm_mcp.check.files import Folder, Problem, file_of, read_folder
from crm_mcp.check.ids import kind_problems, wrong_ids
from crm_mcp.check.personal import personal_problems
from crm_mcp.loader import read_json, vendor_ids
from crm_mcp.operation import Operation
from crm_mcp.vendors.base import Vendor

__all__ = ["Problem", "check", "operation_json_schema", "write_operation_schema"]

OPERATION_SCHEMA = "operation.schema.json"
_NOT_IN_FILE = ("vendor", "toolset", "sample")

_OPERATION_RULES: tuple[tuple[str, Callable[[Operation], Iterator[str]]], ...] = (
    ("name", effects.wrong_name),
    ("verb", effects.wrong_verb),
    ("traits", effects.wrong_traits),
    ("confirm", effects.wrong_confirm),
    ("pagination", effects.wrong_pagination),
    ("root", schema.wrong_root),
    ("references", schema.leftover_references),
    ("argument-names", schema.wrong_names),
    ("required", schema.unknown_required),
    ("described", schema.badly_described),
    ("credentials", schema.credential_names),
    ("max-items", schema.unbounded_arrays),
    ("bulk", schema.bulk_without_array),
    ("entry-size", schema.oversized),
    ("dialect", dialects.foreign_words),
    ("targets", request.colliding_arguments),
    ("placeholders", request.unfilled_placeholders),
    ("constants", request.overwritten_constants),
    ("arguments", request.unknown_arguments),
    ("arrays", request.unstyled_arrays),
    ("same-length", request.uncountable_lists),
    ("files", response.unseen_files),
)
_FOLDER_RULES: tuple[tuple[str, Callable[[Operation, Folder], Iterator[str]]], ...] = (
    ("undo", undo.wrong_undo),
    ("undo", undo.wrong_inverse),
    ("before", effects.wrong_before),
    ("ids", wrong_ids),
    ("fields", wrong_fields),
)
# Where one of these is broken the examples cannot be right, or not even be run.
_NEEDED_TO_RUN = frozenset(
    {
        "arguments",
        "arrays",
        "constants",
        "pagination",
        "placeholders",
        "required",
        "same-length",
        "targets",
    }
)


def check(root: Path, vendors: Iterable[Vendor], documents: Path | None = None) -> list[Problem]:
    """Find every rule that an operation file breaks.

    Args:
        root: the folder `tool_schemas`, with one folder a vendor.
        vendors: the vendors' code, needed to read the replies in the examples.
        documents: the folder of the vendors' documents, to compare headings and sample addresses.
    """
    code = {vendor.id: vendor for vendor in vendors}
    problems = list(_stale_schema(root))
    for vendor_id in vendor_ids(root):
        if vendor_id in code:
            problems += _vendor_problems(root, code[vendor_id], documents)
        else:
            problems.append(Problem(vendor_id, "vendor", "no vendor's code has this id"))
    return sorted(problems, key=lambda problem: problem.file)


def _vendor_problems(root: Path, vendor: Vendor, documents: Path | None) -> Iterator[Problem]:
    folder, problems = read_folder(root, vendor.id)
    yield from problems
    for operation in folder.operations:
        for rule, text in _broken_rules(operation, folder, vendor):
            yield Problem(file_of(operation), rule, text)
    yield from kind_problems(folder)
    yield from personal_problems(folder, documents)
    yield from catalogue_problems(folder, vendor.median_bytes)
    yield from documented_problems(root, folder, documents)


def _broken_rules(
    operation: Operation, folder: Folder, vendor: Vendor
) -> Iterator[tuple[str, str]]:
    broken = [(rule, text) for rule, find in _OPERATION_RULES for text in find(operation)]
    broken += [(rule, text) for rule, find in _FOLDER_RULES for text in find(operation, folder)]
    yield from broken
    if _NEEDED_TO_RUN.isdisjoint(rule for rule, _ in broken):
        yield from (("example", text) for text in failing_examples(operation, vendor))


class _FileSchema(GenerateJsonSchema):
    """Leaves out the titles that only repeat the keys."""

    def field_title_should_be_set(self, _schema: Any) -> bool:
        return False


def operation_json_schema() -> dict[str, Any]:
    """Make the JSON Schema of one operation file, for editors."""
    generated = Operation.model_json_schema(schema_generator=_FileSchema)
    properties: dict[str, Any] = {
        "$schema": {"type": "string", "description": f"Path to {OPERATION_SCHEMA}."},
        **generated["properties"],
    }
    # Served operations do without their examples; files never do.
    properties["examples"] |= {"minItems": 1}
    required = [*generated["required"], "examples"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "CRM operation",
        "description": (
            "One documented call of a CRM, offered as one tool. The file lies in "
            "<vendor>/<toolset>/ and is named after the tool."
        ),
        "type": "object",
        "additionalProperties": False,
        "required": [key for key in required if key not in _NOT_IN_FILE],
        "properties": {key: properties[key] for key in properties if key not in _NOT_IN_FILE},
        "$defs": generated["$defs"],
    }


def write_operation_schema(root: Path) -> None:
    """Write the schema of operation files beside the vendors' folders."""
    (root / OPERATION_SCHEMA).write_bytes(_schema_text())


def _stale_schema(root: Path) -> Iterator[Problem]:
    """Compare the schema file with the model; a folder of one's own may do without it."""
    path = root / OPERATION_SCHEMA
    if path.exists() and _keys(read_json(path)) != _keys(operation_json_schema()):
        yield Problem(
            OPERATION_SCHEMA, "stale", "the model has changed: run crm-mcp check --write-schema"
        )


def _keys(schema: dict[str, Any]) -> dict[str, Any]:
    """Say what of a schema is ours: its names. How they are written differs between pydantics."""
    parts = {"": schema, **schema.get("$defs", {})}
    return {
        name: (sorted(part.get("properties", {})), sorted(part.get("required", ())))
        for name, part in parts.items()
    }


def _schema_text() -> bytes:
    text = json.dumps(operation_json_schema(), ensure_ascii=False, indent=2)
    return f"{text}\n".encode()
