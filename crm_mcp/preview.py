"""What a person reads before a write: pure text, in which no value can pretend to be ours.

Every value is quoted, and every character that cannot be seen, or that changes the direction of
reading, is written as its code.
"""

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

from crm_mcp.guard import BoundCall
from crm_mcp.operation import Operation
from crm_mcp.redact import Redactor
from crm_mcp.request import encode_pairs

_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")
_HIDDEN = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
_UNDO = {"exact": "yes, with {tool}", "partial": "partly; {stays}", "none": "no"}


def render(call: BoundCall, base_url: str, redactor: Redactor) -> str:
    """Write the preview of one call: effect, arguments, undo, and the exact request."""
    operation = call.operation
    lines = [
        sentence(operation, call.arguments),
        "",
        f"Account: {call.account}",
        f"Tool: {operation.name} ({_kind(operation)})",
        f"Records: {call.records}",
        f"Can be undone: {_undo(operation)}",
        *_evidence(operation),
        "",
        "What will be written:",
        *(f"  {name} = {quoted(value)}" for name, value in leaves(call.arguments)),
        "",
        "The exact request, without credentials:",
        *(f"  {line}" for line in _request(call, base_url)),
    ]
    return redactor.text("\n".join(lines))


def sentence(operation: Operation, arguments: Mapping[str, Any]) -> str:
    """Fill the operation's sentence: a list stands as its number of items, a text in quotes."""

    def fill(found: re.Match[str]) -> str:
        value = arguments.get(found[1])
        return str(len(value)) if isinstance(value, list) else quoted(value)

    return _PLACEHOLDER.sub(fill, operation.confirm or operation.title)


def leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """List every single value with its full name, so that a person sees each of them."""
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            shown = key if re.fullmatch(r"[\w.-]+", key, re.ASCII) else quoted(key)
            yield from leaves(item, f"{name}.{shown}" if name else shown)
    elif isinstance(value, list) and value:
        for index, item in enumerate(value):
            yield from leaves(item, f"{name}[{index}]")
    else:
        yield name, value


def quoted(value: Any) -> str:
    """Write a value as JSON with everything invisible made visible."""
    return visible(json.dumps(value, ensure_ascii=False))


def visible(text: str) -> str:
    """Write invisible and direction-changing characters as their codes."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        f"\\u{ord(char):04x}" if unicodedata.category(char) in _HIDDEN else char for char in text
    )


def _kind(operation: Operation) -> str:
    return ", ".join((operation.effect, *operation.traits))


def _undo(operation: Operation) -> str:
    if operation.undo is None:
        return "not said"
    return _UNDO[operation.undo.kind].format(tool=operation.undo.tool, stays=operation.undo.stays)


def _evidence(operation: Operation) -> Iterator[str]:
    if operation.source.evidence.startswith("inferred"):
        yield f"Beware: the address of this call is {operation.source.evidence}, not documented."


def _request(call: BoundCall, base_url: str) -> Iterator[str]:
    spec = call.spec
    yield visible(f"{spec.method} {base_url}{spec.target}")
    for name, value in spec.headers:
        yield visible(f"{name}: {value}")
    if spec.form:
        yield visible(encode_pairs(spec.form))
    if spec.json is not None:
        yield visible(spec.json)
