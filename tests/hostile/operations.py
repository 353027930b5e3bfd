"""The operations that hostile texts are sent through, and the places where texts can stand."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from other_vendors import OTHER_VENDORS

from crm_mcp.bind import parse_target, targets
from crm_mcp.loader import load_vendor, schemas_root
from crm_mcp.operation import Operation
from crm_mcp.vendors.base import Vendor
from crm_mcp.vendors.fivecrm import VENDOR

FIXTURES = Path(__file__).parents[1] / "fixtures" / "tool_schemas"
MARK = "mark{}end"


@dataclass(frozen=True)
class Case:
    """One operation with its vendor, and arguments that have a mark wherever a text can stand."""

    operation: Operation
    vendor: Vendor
    arguments: Mapping[str, Any]
    marks: tuple[str, ...]

    def __str__(self) -> str:
        return self.operation.name

    def __repr__(self) -> str:
        return f"<{self.operation.name}>"

    def with_texts(self, texts: Mapping[str, str]) -> dict[str, Any]:
        """Put texts in the place of marks."""
        return {name: swapped(value, texts) for name, value in self.arguments.items()}


def swapped(value: Any, texts: Mapping[str, str]) -> Any:
    """Put texts in the place of marks, in names as well as in values."""
    if isinstance(value, str):
        return texts.get(value, value)
    if isinstance(value, list):
        return [swapped(item, texts) for item in value]
    if isinstance(value, dict):
        return {swapped(key, texts): swapped(item, texts) for key, item in value.items()}
    return value


def _marked(operation: Operation, vendor: Vendor) -> Case:
    numbers = count()
    marks: list[str] = []

    def mark() -> str:
        marks.append(MARK.format(next(numbers)))
        return marks[-1]

    arguments = {name: _filled(part, mark) for name, part in operation.properties.items()}
    return Case(operation, vendor, arguments, tuple(marks))


def _filled(schema: Mapping[str, Any], mark: Callable[[], str]) -> Any:
    """Make a value of a schema with everything in it that it allows."""
    kinds = schema.get("type", "object")
    kind = kinds if isinstance(kinds, str) else kinds[0]
    if kind == "object":
        filled = {key: _filled(part, mark) for key, part in schema.get("properties", {}).items()}
        return filled if schema.get("additionalProperties") is False else filled | {mark(): mark()}
    if kind == "array":
        return [_filled(schema.get("items", {}), mark)]
    return mark() if kind == "string" else {"boolean": True}.get(kind, 7)


def _cases() -> Iterator[Case]:
    for operation in load_vendor(schemas_root(), VENDOR.id):
        yield _marked(operation, VENDOR)
    for vendor in OTHER_VENDORS:
        for operation in load_vendor(FIXTURES, vendor.id):
            yield _marked(operation, vendor)


CASES = tuple(_cases())
WRITES = tuple(case for case in CASES if case.operation.is_write)


def marks_in(case: Case, *parts: str) -> tuple[str, ...]:
    """List the marks that end up in these parts of the request."""
    found = []
    for name, value in case.arguments.items():
        places = {parse_target(target).part for target in targets(case.operation, name)}
        if places & set(parts):
            found += [mark for mark in case.marks if f'"{mark}"' in json.dumps(value)]
    return tuple(found)
