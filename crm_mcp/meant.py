"""Arguments that came as text although the schema wants something else. Pure.

Some clients and models send a list, an object, a number or a truth value as its JSON text. Where
the schema takes no text in that place there is one reading, and the argument is read that way; in
any other case it stays as it came, and the check of arguments says what does not fit.
"""

import json
from collections.abc import Mapping
from typing import Any

_BRANCHES = ("anyOf", "oneOf", "allOf", "not", "if", "$ref")
_MAX_TEXT = 1_000_000
_KINDS: Mapping[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
}


def as_meant(schema: Mapping[str, Any], value: Any) -> Any:
    """Read JSON texts where the schema leaves one reading, at every depth."""
    if isinstance(value, str):
        value = _unwrapped(schema, value)
    if isinstance(value, dict):
        known = schema.get("properties", {})
        return {
            name: as_meant(known[name], item) if isinstance(known.get(name), dict) else item
            for name, item in value.items()
        }
    if isinstance(value, list) and isinstance(schema.get("items"), dict):
        return [as_meant(schema["items"], item) for item in value]
    return value


def _unwrapped(schema: Mapping[str, Any], text: str) -> Any:
    """Read one text as JSON, if only that can be meant."""
    types = schema.get("type", "string")
    wanted = set(types if isinstance(types, list) else [types]) - {"null"}
    is_open = "string" in wanted or any(word in schema for word in _BRANCHES)
    if is_open or len(text) > _MAX_TEXT:
        return text
    try:
        read = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return read if any(_is(kind, read) for kind in wanted) else text


def _is(kind: str, value: Any) -> bool:
    """Tell whether a value is of a JSON type; true is no number."""
    return isinstance(value, _KINDS[kind]) and isinstance(value, bool) == (kind == "boolean")
