"""Rules about the JSON Schema that the large model providers take.

Each takes another part of the language, and one tool that it does not take can cost the whole
list. So the files keep to what all of them take, or pass over without harm.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from crm_mcp.check.schema import subschemas
from crm_mcp.operation import Operation

MAX_NAME = 50
"""Hosts put the server's name in front, and take 64 characters in all."""
MAX_DEPTH = 10
"""Objects and lists in each other that the strictest provider takes."""

_TAKEN = """
type description properties required additionalProperties items enum const default format pattern
minLength maxLength minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minItems maxItems
uniqueItems minProperties maxProperties propertyNames anyOf not writeOnly title examples
"""
_KEYWORDS = frozenset(_TAKEN.split())
_FORMATS = frozenset({"date", "date-time", "time", "duration", "email", "hostname", "uri", "uuid"})
_MASKED = frozenset({"password"})  # only clients that draw forms look at it
_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "array": list,
    "object": dict,
    "null": type(None),
}


def foreign_words(operation: Operation) -> Iterator[str]:
    """Demand a schema that every large provider takes."""
    yield from dialect_problems(operation.name, operation.input_schema)


def dialect_problems(name: str, schema: Mapping[str, Any]) -> Iterator[str]:
    """Find what some provider would refuse in one tool."""
    if len(name) > MAX_NAME:
        yield f"the name has {len(name)} characters: at most {MAX_NAME}, hosts put theirs in front"
    for where, part in subschemas(schema):
        place = where or "the root"
        for word in sorted(set(part) - _KEYWORDS):
            if not word.startswith("$"):  # told by the rule about references
                yield f"take {word} from {place}: not every provider takes it"
        if part.get("format", "date") not in _FORMATS | _MASKED:
            yield f"take the format {part['format']} from {place}: not every provider knows it"
        if part.get("type") == "array" and "items" not in part:
            yield f"say items of {place}: some providers refuse a list of anything"
        if _depth(where) > MAX_DEPTH:
            yield f"{place} is more than {MAX_DEPTH} levels deep: flatten it"
        yield from _enum_problems(place, part)


def _enum_problems(place: str, part: Mapping[str, Any]) -> Iterator[str]:
    if "enum" not in part:
        return
    values, types = part["enum"], part.get("type", [])
    kinds = [types] if isinstance(types, str) else types
    if not values:
        yield f"the enum of {place} is empty"
    for value in values:
        if not any(_is(kind, value) for kind in kinds):
            yield f"the enum of {place} holds {value!r}, which is none of its types"


def _is(kind: str, value: Any) -> bool:
    return isinstance(value, _TYPES[kind]) and isinstance(value, bool) == (kind == "boolean")


def _depth(where: str) -> int:
    return where.count(".") + where.count("[]") + bool(where)
