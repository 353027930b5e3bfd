"""Step 4: an operation and its arguments become one request. Pure, and without secrets.

A target says where a value goes: `path`, `query`, `query:rows`, `header:X-Fields`, `form:mode`,
`json#/address/city`, or `query:input#/data` for a place in a JSON document that is itself one
parameter. `local` is not sent: it steers our side of the call. Values are written, never
translated; before an argument with a `file:` target comes here, its content has taken its place.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import quote, unquote

from crm_mcp.operation import ArrayStyle, Operation
from crm_mcp.pointer import escape, placed, steps
from crm_mcp.request import Pairs, RequestSpec

FILE_PREFIX = "file:"
_PLACEHOLDER = re.compile(r"\{([A-Za-z0-9_.-]+)\}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_DOTS = re.compile(r"(^|[/\\])\.{1,2}($|[/\\;])")
_DECODINGS = 3
_MAX_SHOWN = 60
_SEPARATORS = {"comma": ",", "lines": "\r\n"}


@dataclass(frozen=True)
class Place:
    """A parsed target: the part of the request, the name there, and the pointer within it."""

    part: str
    name: str | None
    pointer: tuple[str, ...] | None


@dataclass
class _Draft:
    """The request while it is being filled, in wire order."""

    pairs: dict[str, list[tuple[str, str]]] = field(
        default_factory=lambda: {"query": [], "form": [], "header": [], "local": []}
    )
    documents: dict[tuple[str, str], Any] = field(default_factory=dict)
    path: dict[str, str] = field(default_factory=dict)


def bind(operation: Operation, arguments: Mapping[str, Any]) -> RequestSpec:
    """Make the request of one call.

    Args:
        operation: what is called.
        arguments: already valid against its schema and rules.

    Raises:
        InvalidArguments: a value cannot stand where it belongs, such as `..` in a path or a
            line break in a header.
    """
    draft = _Draft()
    for target, value in operation.request.const.items():
        _put(draft, parse_target(target), "", value, "json")
    try:
        for name in operation.properties:
            if name in arguments:
                style = operation.request.arrays.get(name, "json")
                for target in targets(operation, name):
                    _put(draft, parse_target(target), name, arguments[name], style)
    except ValueError as error:
        raise operation.misfit([str(error)]) from error
    return _finish(operation, draft)


def targets(operation: Operation, name: str) -> tuple[str, ...]:
    """Say where one argument goes: its own entry, the path, or the operation's usual place."""
    request = operation.request
    entry = request.bind.get(name)
    if entry is not None:
        return (entry,) if isinstance(entry, str) else entry
    if name in placeholders(request.path):
        return ("path",)
    return (f"json#/{escape(name)}",) if request.args_in == "json" else (request.args_in,)


def is_file(operation: Operation, name: str) -> bool:
    """Tell whether an argument names a file whose content is what is sent."""
    return any(target.startswith(FILE_PREFIX) for target in targets(operation, name))


def placeholders(path: str) -> tuple[str, ...]:
    """List the arguments that a path template names."""
    return tuple(_PLACEHOLDER.findall(path))


@lru_cache(maxsize=4096)
def parse_target(target: str) -> Place:
    """Take a target's text apart; `None` stands for what it does not say."""
    head, hash_sign, pointer = target.removeprefix(FILE_PREFIX).partition("#")
    part, _, name = head.partition(":")
    return Place(part, name or None, steps(pointer) if hash_sign else None)


def _put(draft: _Draft, place: Place, argument: str, value: Any, style: ArrayStyle) -> None:
    name = place.name or argument
    if place.part == "path":
        draft.path[name] = _segment(argument, value)
    elif place.part == "json" or place.pointer is not None:
        _put_in_document(draft, place, name, value)
    elif place.part == "form":
        draft.pairs["form"].extend(_nested(name, value))
    elif place.part == "header":
        draft.pairs["header"].append((name, _header(argument, value, style)))
    else:
        draft.pairs[place.part].extend((name, text) for text in _texts(argument, value, style))


def _put_in_document(draft: _Draft, place: Place, name: str, value: Any) -> None:
    key = (place.part, "" if place.part == "json" else name)
    if key not in draft.documents and place.part != "json":
        draft.pairs[place.part].append((name, ""))  # keeps its turn in the wire order
    draft.documents[key] = placed(draft.documents.get(key), place.pointer or (), value)


def _segment(argument: str, value: Any) -> str:
    text = _scalar(argument, value)
    if not text or _climbs(text):
        raise ValueError(f"{argument} is {_shown(text)}, which cannot stand in an address")
    _refuse_control(argument, text)
    return quote(text, safe="")


def _shown(text: str) -> str:
    return repr(text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…")


def _climbs(text: str) -> bool:
    """Tell whether a text leads elsewhere, for a server that decodes before it looks at steps."""
    for _ in range(_DECODINGS):
        if _DOTS.search(text):
            return True
        text = unquote(text)
    return bool(_DOTS.search(text))


def _header(argument: str, value: Any, style: ArrayStyle) -> str:
    text = ",".join(_texts(argument, value, style))
    _refuse_control(argument, text)
    if text != text.strip():
        raise ValueError(f"{argument} goes into a header and may not begin or end with a blank")
    if not text.isascii():
        raise ValueError(f"{argument} goes into a header and may hold ASCII characters only")
    return text


def _refuse_control(argument: str, text: str) -> None:
    if found := _CONTROL.search(text):
        raise ValueError(f"{argument} holds the control character U+{ord(found[0]):04X}")


def _texts(argument: str, value: Any, style: ArrayStyle) -> Iterator[str]:
    """Write a value for a query or header, an array in the style of the operation."""
    if isinstance(value, dict) or (isinstance(value, list) and style == "json"):
        yield compact(value)
    elif not isinstance(value, list):
        yield _scalar(argument, value)
    elif style == "repeat":
        if not value:
            raise ValueError(f"{argument} is empty, which an address cannot say")
        yield from (_scalar(argument, item) for item in value)
    else:
        separators = _SEPARATORS[style]
        items = [_scalar(argument, item) for item in value]
        if any(separator in item for item in items for separator in separators):
            raise ValueError(f"{argument} has an item that holds the separator of its list")
        yield separators[0].join(items)


def _nested(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """Write nested data as form fields: `customerProducts[0][account]`."""
    if value in ([], {}):
        raise ValueError(f"{name} is empty, which a form cannot say")
    if isinstance(value, dict):
        for key, item in value.items():
            if not key or "[" in key or "]" in key:  # it would end up on another level
                raise ValueError(f"{name} has a name {_shown(key)}, which a form cannot say")
            yield from _nested(f"{name}[{key}]", item)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _nested(f"{name}[{index}]", item)
    else:
        yield name, _scalar(name, value)


def _scalar(argument: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, dict | list):
        raise ValueError(f"{argument} must be a single value")
    return compact(value)


def compact(value: Any) -> str:
    """Write JSON without blanks, with all characters as they are."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _finish(operation: Operation, draft: _Draft) -> RequestSpec:
    body = draft.documents.get(("json", ""))
    return RequestSpec(
        vendor=operation.vendor,
        operation=operation.name,
        method=operation.request.method,
        path=_PLACEHOLDER.sub(lambda found: draft.path[found[1]], operation.request.path),
        query=_pairs(draft, "query"),
        headers=_pairs(draft, "header"),
        form=_pairs(draft, "form"),
        json=None if body is None else compact(body),
        local=_pairs(draft, "local"),
    )


def _pairs(draft: _Draft, part: str) -> Pairs:
    return tuple(
        (name, compact(draft.documents[part, name]) if (part, name) in draft.documents else text)
        for name, text in draft.pairs[part]
    )
