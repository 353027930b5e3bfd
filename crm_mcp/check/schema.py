"""Rules about arguments: what an operation's input schema may look like."""

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from crm_mcp.entries import entry_bytes
from crm_mcp.operation import Operation

MAX_DESCRIPTION = 200
MAX_ENTRY_BYTES = 8000

_PROPERTY_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
# Some model providers refuse the whole tool list over one of these at the root of a schema.
_COMBINATORS = ("oneOf", "anyOf", "allOf", "not", "if")
_ONE_BELOW = (
    "items",
    "contains",
    "additionalProperties",
    "propertyNames",
    "unevaluatedItems",
    "unevaluatedProperties",
    "not",
    "if",
    "then",
    "else",
)
_LIST_BELOW = ("prefixItems", "oneOf", "anyOf", "allOf")
_NAMED_BELOW = ("properties", "patternProperties", "dependentSchemas")
_ARRAY_STEPS = ("items", "contains", "prefixItems", "unevaluatedItems")

_TEXT_WORD = re.compile(r"\w+|[^\w\s.]")
_SMALL_WORDS = frozenset({"a", "an", "in", "is", "its", "of", "the", "to"})
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_CREDENTIALS = frozenset(
    {
        "accesstoken",
        "apikey",
        "authtoken",
        "authorization",
        "bearer",
        "credential",
        "credentials",
        "hash",
        "jwt",
        "passphrase",
        "passwd",
        "password",
        "privatekey",
        "pwd",
        "secret",
        "token",
    }
)


def wrong_root(operation: Operation) -> Iterator[str]:
    """Demand a closed object without combinators at the root."""
    schema = operation.input_schema
    if schema.get("type") != "object":
        yield 'say "type": "object" at the root of inputSchema'
    if schema.get("additionalProperties") is not False:
        yield 'say "additionalProperties": false at the root of inputSchema'
    for word in _COMBINATORS:
        if word in schema:
            yield f"take {word} from the root of inputSchema: conditions belong into rules"


def leftover_references(operation: Operation) -> Iterator[str]:
    """Demand a schema that stands alone: it goes to clients as it is."""
    for where, schema in subschemas(operation.input_schema):
        for word in schema:
            if word.startswith("$"):
                yield f"take {word} from {where or 'the root'}: references lead to _shared.json"


def wrong_names(operation: Operation) -> Iterator[str]:
    """Demand argument names that every client takes, and none of ours."""
    for name in operation.properties:
        if not _PROPERTY_NAME.fullmatch(name):
            yield f"rename the argument {name!r}: up to 64 letters, digits, _ . - and bind it"
        if name.startswith("_"):
            yield f"rename the argument {name}: a leading _ marks arguments of this server"


def unknown_required(operation: Operation) -> Iterator[str]:
    """Demand that what is required is also among the properties."""
    for where, schema in subschemas(operation.input_schema):
        known = schema.get("properties", {} if not where else None)
        for name in schema.get("required", ()):
            if known is not None and name not in known:
                yield f"{_join(where, name)} is required but not among the properties"


def badly_described(operation: Operation) -> Iterator[str]:
    """Demand of every description that it is brief, and tells more than the name does."""
    for where, schema in subschemas(operation.input_schema):
        for name, part in schema.get("properties", {}).items():
            text = part.get("description") if isinstance(part, dict) else None
            if text is None:
                continue
            if _repeats(name, text):
                yield (
                    f"the description of {_join(where, name)} says no more than its name: "
                    "say more, or leave it out"
                )
            if len(text) > MAX_DESCRIPTION:
                yield (
                    f"the description of {_join(where, name)} has {len(text)} characters: "
                    f"at most {MAX_DESCRIPTION} are allowed"
                )


def _repeats(name: str, text: str) -> bool:
    """Tell whether all words of a description stand in the name already."""
    spelled = name.lower().replace("_", "")
    words = set(_TEXT_WORD.findall(text.lower())) - _SMALL_WORDS
    return all(word in spelled for word in words)


def credential_names(operation: Operation) -> Iterator[str]:
    """Demand that no argument carries a credential, unless the operation is about one."""
    if "credential" in operation.traits:
        for name, schema in operation.properties.items():
            if _credential_word(name) and not schema.get("writeOnly"):
                yield f"{name} is named like a credential: mark it writeOnly, so that it is masked"
        return
    for where, schema in subschemas(operation.input_schema):
        for name in schema.get("properties", {}):
            if found := _credential_word(name):
                yield (
                    f"{_join(where, name)} is named like a credential ({found}): the vendor's "
                    f"auth sends ours; an operation about another one has the trait credential"
                )


def _credential_word(name: str) -> str | None:
    """Find a word for a credential in a name: whole words, and neighbours written apart."""
    words = [word.lower() for word in _WORD.findall(name)]
    pairs = [first + second for first, second in pairwise(words)]
    return next((word for word in (*words, *pairs) if word in _CREDENTIALS), None)


def unbounded_arrays(operation: Operation) -> Iterator[str]:
    """Demand of a write a bound for each array, at every depth."""
    if operation.is_write:
        for where, schema in subschemas(operation.input_schema):
            if "array" in _types(schema) and "maxItems" not in schema:
                yield f"say maxItems of {where}"


def bulk_without_array(operation: Operation) -> Iterator[str]:
    """Demand of a bulk operation the bounded array whose items are counted."""
    bounded = (
        may_be(schema, "array") and "maxItems" in schema for schema in operation.properties.values()
    )
    if "bulk" in operation.traits and not any(bounded):
        yield "a bulk operation needs an argument that is an array with maxItems"


def oversized(operation: Operation) -> Iterator[str]:
    """Demand a list entry that a model can afford to read."""
    size = entry_bytes(operation)
    if size > MAX_ENTRY_BYTES:
        yield f"the list entry has {size} bytes: at most {MAX_ENTRY_BYTES} are allowed"


def subschemas(
    schema: Mapping[str, Any], where: str = ""
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Walk a valid schema: each part that is an object, and where it stands (`data[].code`)."""
    yield where, schema
    for step, part in _parts(schema):
        if isinstance(part, dict):
            yield from subschemas(part, f"{where}{step}" if step == "[]" else _join(where, step))


def _parts(schema: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key in _ONE_BELOW:
        if key in schema:
            yield _step(key), schema[key]
    for key in _LIST_BELOW:
        for part in schema.get(key, ()):
            yield _step(key), part
    for key in _NAMED_BELOW:
        yield from schema.get(key, {}).items()


def _step(keyword: str) -> str:
    return "[]" if keyword in _ARRAY_STEPS else f"({keyword})"


def may_be(schema: Any, kind: str) -> bool:
    """Tell whether a schema names a JSON type, itself or in one of its branches."""
    if not isinstance(schema, dict):
        return False
    branches = (part for key in ("oneOf", "anyOf", "allOf") for part in schema.get(key, ()))
    return kind in _types(schema) or any(may_be(part, kind) for part in branches)


def has_place(schema: Any, path: tuple[str, ...]) -> bool:
    """Tell whether values of a schema can have a place; an open object has every place."""
    return schema_at(schema, path) is not False


def schema_at(schema: Any, path: tuple[str, ...]) -> Any:
    """Give the schema of a place: true where anything may stand, false where nothing can."""
    for step in path:
        if not isinstance(schema, dict):
            return bool(schema)
        if step in schema.get("properties", {}):
            schema = schema["properties"][step]
        elif step.isdecimal() and "items" in schema:
            schema = schema["items"]
        else:
            return may_be(schema, "object") and schema.get("additionalProperties") is not False
    return schema


def _types(schema: Mapping[str, Any]) -> list[str]:
    types = schema.get("type", [])
    return [types] if isinstance(types, str) else types


def _join(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name
