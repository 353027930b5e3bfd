"""The golden examples: what an operation's own example becomes on its way out and back. Pure."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from crm_mcp.bind import bind
from crm_mcp.errors import ToolFailure
from crm_mcp.operation import Example, Operation
from crm_mcp.redact import Redactor
from crm_mcp.request import RequestSpec
from crm_mcp.respond import respond
from crm_mcp.validate import ArgumentValidator
from crm_mcp.vendors.base import Reply, Vendor


@dataclass(frozen=True)
class GoldenRun:
    """What the engine made of one example, in the form in which the file writes it."""

    request: dict[str, Any]
    result: dict[str, Any]


def run(operation: Operation, vendor: Vendor, example: Example) -> GoldenRun:
    """Take one example through validation, `bind` and `respond`; nothing is sent.

    Raises:
        InvalidArguments: the example's own arguments do not fit the operation.
    """
    ArgumentValidator().check(operation, example.arguments)
    spec = bind(operation, example.arguments)
    return GoldenRun(_request(spec), _result(operation, vendor, example))


def expected_request(example: Example) -> dict[str, Any]:
    """Write the request an example expects in the form of `GoldenRun.request`."""
    expected = example.request
    query = (
        (name, text)
        for name, value in expected.query.items()
        for text in ([value] if isinstance(value, str) else value)
    )
    parts = {
        "method": expected.method,
        "path": expected.path,
        "query": _by_name(query),
        "headers": expected.headers,
        "form": expected.form,
        "json": expected.body,
        "local": expected.local,
    }
    return _without_empty(parts)


def example_reply(example: Example) -> Reply:
    """Make the vendor's answer of an example as it would come over the wire."""
    reply = example.reply
    text = json.dumps(reply.body) if reply.body is not None else reply.text or ""
    headers = {name.lower(): value for name, value in reply.headers.items()}
    return Reply(reply.status, headers, text.encode())


def _request(spec: RequestSpec) -> dict[str, Any]:
    parts = {
        "method": spec.method,
        "path": spec.path,
        "query": _by_name(spec.query),
        "headers": _by_name(spec.headers),
        "form": _by_name(spec.form),
        "json": None if spec.json is None else json.loads(spec.json),
        "local": _by_name(spec.local),
    }
    return _without_empty(parts)


def _without_empty(parts: dict[str, Any]) -> dict[str, Any]:
    """Leave out the parts that are not there; an empty JSON body is there all the same."""
    return {
        part: value
        for part, value in parts.items()
        if value or (part == "json" and value is not None)
    }


def _by_name(pairs: Iterable[tuple[str, str]]) -> dict[str, str | list[str]]:
    """Write pairs as an object; a name that comes more than once has a list."""
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


def _result(operation: Operation, vendor: Vendor, example: Example) -> dict[str, Any]:
    try:
        reply = example_reply(example)
        return respond(operation, vendor, reply, example.arguments, Redactor()).as_dict()
    except ToolFailure as failure:
        return failure.as_dict()
