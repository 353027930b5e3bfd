"""Step 3: arguments against the tool's JSON Schema and its rules.

The schema that is checked is the one that is advertised; nothing is checked twice by hand.
What fails is told as a sentence that names the argument, with an example that would fit.
"""

import difflib
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from crm_mcp.operation import MAX_PROBLEMS, Operation, Rule

if TYPE_CHECKING:
    import jsonschema_rs

MAX_SHOWN = 60
MAX_DEPTH = 50
MAX_TEXT = 1_000_000
MAX_BINARY_TEXT = 20_000_000

_SURROGATE = re.compile("[\ud800-\udfff]")
_HALF = "holds half of a character pair (a lone surrogate)"
_TYPE_NAMES = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}

_SIZES = {
    "maxLength": "has {} characters; at most {} are allowed",
    "minLength": "has {} characters; at least {} are needed",
    "maxItems": "has {} items; at most {} are allowed",
    "minItems": "has {} items; at least {} are needed",
}
_BOUNDS = {"minimum": "the smallest allowed", "maximum": "the largest allowed"}


class ArgumentValidator:
    """Checks arguments against operations; compiles each schema on first use."""

    def __init__(self) -> None:
        self._compiled: dict[str, jsonschema_rs.Validator] = {}

    def check(self, operation: Operation, arguments: Mapping[str, Any]) -> None:
        """Pass in silence, or say what does not fit.

        Raises:
            InvalidArguments: names each argument that does not fit, and gives an example.
        """
        problems = list(_unusable_values(arguments, _text_limit(operation)))
        if not problems:
            problems = self._schema_problems(operation, arguments)
        if not problems:
            problems = [text for rule in operation.rules for text in _broken(rule, arguments)]
        if problems:
            raise operation.misfit(problems)

    def _schema_problems(self, operation: Operation, arguments: Mapping[str, Any]) -> list[str]:
        validator = self._compiled.get(operation.name)
        if validator is None:
            # Compiled here, not at start: 500 schemas cost time and memory nobody asked for.
            import jsonschema_rs

            validator = jsonschema_rs.Draft202012Validator(operation.input_schema)
            self._compiled[operation.name] = validator
        if validator.is_valid(arguments):
            return []
        return [_sentence(error, operation) for error in validator.iter_errors(arguments)]


def _text_limit(operation: Operation) -> int:
    return MAX_BINARY_TEXT if "binary" in operation.traits else MAX_TEXT


def _unusable_values(arguments: Mapping[str, Any], limit: int) -> Iterator[str]:
    """Find what JSON Schema cannot see: NaN, half characters, and what is beyond all bounds."""
    for name in filter(_SURROGATE.search, arguments):
        yield f"the name {_plain(name)} {_HALF}"
    left = limit
    for name, value, depth in _walk(arguments):
        if depth > MAX_DEPTH:
            yield f"{_plain(name)} is nested too deeply: at most {MAX_DEPTH} levels are allowed"
            return
        if isinstance(value, float) and not math.isfinite(value):
            yield f"{_plain(name)} holds a number that is not finite"
        elif isinstance(value, str):
            left -= len(value)
            if left < 0:
                yield f"{_plain(name)} is too long: all texts together may have {limit} characters"
                return
            if _SURROGATE.search(value):
                yield f"{_plain(name)} {_HALF}"


def _walk(arguments: Mapping[str, Any]) -> Iterator[tuple[str, Any, int]]:
    """List every value with its argument and its depth; without recursion, however deep."""
    stack = [(name, value, 1) for name, value in arguments.items()]
    while stack:
        name, value, depth = stack.pop()
        yield name, value, depth
        if isinstance(value, dict | list):
            parts = (*value, *value.values()) if isinstance(value, dict) else value
            stack.extend((name, part, depth + 1) for part in parts)


def _plain(name: str) -> str:
    """Write a name so that any text can hold it."""
    return _cut(name).encode("utf-8", "backslashreplace").decode()


def _sentence(error: "jsonschema_rs.ValidationError", operation: Operation) -> str:
    kind = error.kind
    where = place_name(error.instance_path)
    name = str(kind.name)
    if name == "additionalProperties":
        return _unknown_names(error, operation)
    if name == "required":
        return f"{_join(where, str(kind.as_dict()['property']))} is missing"
    return f"{where or 'the arguments'} {_complaint(error)}"


def _complaint(error: "jsonschema_rs.ValidationError") -> str:
    """Say in words what one keyword of the schema demands."""
    keyword, demand = str(error.kind.name), error.kind.as_dict()
    value = error.instance
    if keyword == "type":
        wanted = " or ".join(_TYPE_NAMES[kind] for kind in demand["types"])
        return f"must be {wanted}, not {_TYPE_NAMES[_type_of(value)]}"
    if keyword == "enum":
        return f"must be one of {_cut(json.dumps(demand['options'], ensure_ascii=False), 300)}"
    if isinstance(value, str | list) and keyword in _SIZES:
        return _SIZES[keyword].format(len(value), demand["limit"])
    if keyword in _BOUNDS:
        return f"is {shown(value)}; {_BOUNDS[keyword]} is {demand['limit']}"
    if keyword == "pattern":
        return f"is {shown(value)}, which does not match {demand['pattern']}"
    return f"is {shown(value)}, which does not fit the schema's {keyword}"


def _unknown_names(error: "jsonschema_rs.ValidationError", operation: Operation) -> str:
    known = _properties_at(operation.input_schema, error.instance_path)
    parts = []
    for name in error.kind.as_dict()["unexpected"]:
        near = difflib.get_close_matches(_cut(name), known, n=1)
        guess = f" (did you mean {near[0]}?)" if near else ""
        parts.append(f"{_join(place_name(error.instance_path), _cut(name))} is unknown{guess}")
    return "; ".join(parts[:MAX_PROBLEMS])


def _properties_at(schema: Mapping[str, Any], path: list[str | int]) -> list[str]:
    """Find the names that the schema knows at a place in the arguments."""
    for step in path:
        named = schema.get("properties", {}).get(step)
        other = schema.get("items" if isinstance(step, int) else "additionalProperties")
        schema = named or (other if isinstance(other, dict) else {})
    return list(schema.get("properties", {}))


def _broken(rule: Rule, arguments: Mapping[str, Any]) -> Iterator[str]:
    """Say which condition between arguments is broken, if it is."""
    if rule.at_least_one and not _given(rule.at_least_one, arguments):
        yield f"give at least one of {', '.join(rule.at_least_one)}"
    if len(_given(rule.at_most_one, arguments)) > 1:
        yield f"give only one of {', '.join(rule.at_most_one)}"
    if rule.exactly_one and len(_given(rule.exactly_one, arguments)) != 1:
        yield f"give exactly one of {', '.join(rule.exactly_one)}"
    given = _given(rule.together, arguments)
    if given and len(given) < len(rule.together):
        yield f"{', '.join(rule.together)} belong together: give all of them or none"
    lengths = {name: len(arguments.get(name, ())) for name in rule.same_length}
    if len(set(lengths.values())) > 1:
        counts = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        yield f"{' and '.join(lengths)} are paired and must have the same length ({counts})"


def _given(names: tuple[str, ...], arguments: Mapping[str, Any]) -> list[str]:
    return [name for name in names if name in arguments]


def place_name(path: Sequence[str | int]) -> str:
    """Write a place among the arguments for a sentence: `data[0].code`."""
    text = ""
    for step in path:
        text = f"{text}[{step}]" if isinstance(step, int) else _join(text, _cut(step))
    return text


def _join(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def _type_of(value: Any) -> str:
    kinds = {str: "string", bool: "boolean", int: "integer", float: "number", list: "array"}
    return kinds.get(type(value), "null" if value is None else "object")


def shown(value: Any) -> str:
    """Write a value for a sentence, cut where it is long."""
    return _cut(json.dumps(value, ensure_ascii=False, default=str))


def _cut(text: str, limit: int = MAX_SHOWN) -> str:
    return text if len(text) <= limit else text[:limit] + "…"
