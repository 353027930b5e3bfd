"""What a call asks for: its arguments, read and checked by the operation file."""

import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from http import HTTPStatus
from typing import Any

import jsonschema_rs

from crm_mcp.bind import Place, is_file, parse_target, targets
from crm_mcp.operation import Operation
from crm_mcp.pointer import find
from crm_mcp.sandbox.base import Call
from crm_mcp.sandbox.cirrus.world import RefusalError, invalid, not_found

MASK = "X-Fields"
_MAX_WORDS = 200
_TOO_MUCH = 1e15
_NUMBER = re.compile(r"-?\d{1,18}", re.ASCII)


def read_arguments(operation: Operation, call: Call) -> dict[str, Any]:
    """Read the arguments out of a request; in a read, with the defaults of what it leaves out.

    Raises:
        RefusalError: a value in the path is none, another does not fit, or nobody knows it.
    """
    body = _body(call)
    arguments = dict(_given(operation, call, body))
    problems = {**_unknown(operation, call, body), **_misfits(operation, arguments)}
    for name in call.in_path:
        if name in problems:
            raise not_found(name, call.in_path[name][:_MAX_WORDS])
    if problems:
        raise invalid(**problems)
    return (_defaults(operation) if operation.effect == "read" else {}) | arguments


def _defaults(operation: Operation) -> dict[str, Any]:
    known = operation.properties.items()
    return {name: schema["default"] for name, schema in known if "default" in schema}


def _body(call: Call) -> Any:
    if not call.content.strip():
        return {}
    try:
        body = json.loads(
            call.content, parse_constant=_figure, parse_float=_figure, parse_int=_figure
        )
        # Half of a character pair is no text: nothing can write it.
        json.dumps(body, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        message = "The body must be an object in JSON"
        raise RefusalError(HTTPStatus.UNPROCESSABLE_ENTITY, message)
    return body


def _figure(text: str) -> float:
    """Read a number that can be reckoned with."""
    figure = float(text)
    if not abs(figure) < _TOO_MUCH:
        raise ValueError(f"{text[:_MAX_WORDS]} is too much")
    return int(text) if text.lstrip("-").isdecimal() else figure


def _given(operation: Operation, call: Call, body: Any) -> Iterator[tuple[str, Any]]:
    for name, schema in operation.properties.items():
        style = operation.request.arrays.get(name, "")
        for place in _places(operation, name):
            if found := _values_at(call, body, place, name):
                is_json = place.part == "json"
                yield name, found[0] if is_json else _typed(found, schema, style)
                break


def _places(operation: Operation, name: str) -> list[Place]:
    """List where an argument goes; the name of a file on the caller's side goes nowhere."""
    if is_file(operation, name):
        return []
    return [parse_target(target) for target in targets(operation, name)]


def _values_at(call: Call, body: Any, place: Place, name: str) -> list[Any]:
    """Read what stands at a place: all values of that name, none for nothing."""
    wire = place.name or name
    if place.part == "path":
        return [call.in_path[name]]
    if place.part == "header":
        return [text for key, text in call.headers.items() if key == wire.lower()]
    if place.part == "query":
        return [text for key, text in call.query if key == wire]
    try:
        return [find(body, "".join(f"/{step}" for step in place.pointer or ()))]
    except LookupError:
        return []


def _typed(texts: list[str], schema: Mapping[str, Any], style: str) -> Any:
    """Read texts as the schema wants them; what does not fit stays text, and is refused."""
    if schema.get("type") != "array":
        return _value(texts[-1], schema)
    parts = texts if style == "repeat" else texts[-1].split(",")
    return [_value(text, schema.get("items", {})) for text in parts]


def _value(text: str, schema: Mapping[str, Any]) -> Any:
    is_number = schema.get("type") == "integer" and _NUMBER.fullmatch(text)
    return int(text) if is_number else text


def _unknown(operation: Operation, call: Call, body: Mapping[str, Any]) -> dict[str, str]:
    """Find names in the query and the body that stand for no argument."""
    places = [(place, name) for name in operation.properties for place in _places(operation, name)]
    in_query = {place.name or name for place, name in places if place.part == "query"}
    in_body = {step for place, _ in places if place.part == "json" for step in place.pointer or "*"}
    names = [name for name, _ in call.query if name not in in_query]
    names += [name for name in body if not {name, "*"} & in_body]
    return {name[:_MAX_WORDS]: "Unknown field" for name in names}


def _misfits(operation: Operation, arguments: Mapping[str, Any]) -> dict[str, str]:
    """Find what the schema of the operation does not allow."""
    validator = _validator(json.dumps(operation.input_schema))
    return {
        ".".join(map(str, error.instance_path)) or _missing(error): error.message[:_MAX_WORDS]
        for error in validator.iter_errors(arguments)
    }


def _missing(error: jsonschema_rs.ValidationError) -> str:
    return str(error.kind.as_dict().get("property", "body"))


@lru_cache(maxsize=512)
def _validator(schema: str) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(json.loads(schema))
