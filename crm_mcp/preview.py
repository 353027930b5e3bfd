"""What a person reads before a write: pure text, in which no value can pretend to be ours.

Every value is quoted, and every character that cannot be seen, or that changes the direction of
reading, is written as its code.
"""

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from crm_mcp.clean import HIDDEN
from crm_mcp.compare import Difference, Look
from crm_mcp.guard import BoundCall
from crm_mcp.operation import Operation
from crm_mcp.redact import Redactor
from crm_mcp.request import encode_pairs

_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")
_INVISIBLE = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
_DATE = re.compile(r"\d{4}-\d\d-\d\d(?=$|[T ])", re.ASCII)
_NAME = re.compile(r"[\w.\[\]-]+", re.ASCII)
_PHONE = re.compile(r"[+(0][\d ()/.-]+", re.ASCII)
_DATE_LIKE = re.compile(r"\d{1,4}[/. -]\d{1,2}[/. -]\d{1,4}", re.ASCII)
_NOT_DIGIT = re.compile(r"\D")
_PHONE_DIGITS = 7
_LARGE = 1000
_LAST_SHORT = 0xFFFF
_MARKS = frozenset({"Mn", "Me"})
_MAX_MARKS = 5
_RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})
_UNDO = {"exact": "yes, with {tool}", "partial": "partly; {stays}", "none": "no"}


@dataclass(frozen=True)
class Context:
    """What a person should know beside the call itself.

    `looks` are the records as they stand, where they could be read. `repeated` are values that
    came word for word from CRM texts, each with the tool that read it. `word` is what is typed to
    approve, where choosing is not enough.
    """

    base_url: str
    looks: tuple[Look, ...] = ()
    repeated: Mapping[str, str] = field(default_factory=dict)
    word: str = ""


def render(call: BoundCall, context: Context, redactor: Redactor) -> str:
    """Write the preview of one call: effect, record, arguments, and the exact request."""
    operation = call.operation
    lines = [
        sentence(operation, call.arguments),
        "",
        f"Account: {call.account}",
        f"Tool: {operation.name} ({_kind(operation)})",
        f"Records: {call.records}",
        f"Can be undone: {_undo(operation)}",
        *_evidence(operation),
        *(line for look in context.looks for line in _record(look)),
        "",
        "What will be written:",
        *_arguments(call.arguments),
        *_repeated(context.repeated),
        "",
        "The exact request, without credentials:",
        *(f"  {line}" for line in _request(call, context.base_url)),
        *(["", f"To approve, type: {context.word}"] if context.word else []),
    ]
    return redactor.text("\n".join(lines))


def _arguments(arguments: Mapping[str, Any]) -> Iterator[str]:
    if not arguments:
        yield "  nothing beside the call itself"
        return
    for name, value in leaves(arguments):
        yield f"  {name} = {quoted(value)}{echo(value)}"


def _repeated(repeated: Mapping[str, str]) -> Iterator[str]:
    """Point out what the write repeats from the CRM's own texts, which anybody may have written."""
    if repeated:
        yield ""
        yield "Taken over word for word from texts in the CRM:"
    for value, tool in repeated.items():
        yield f"  {quoted(value)} (read with {tool})"


def _record(look: Look) -> Iterator[str]:
    """Show one record: by name and id, then what changes, or all of it when it goes."""
    yield ""
    yield "Record: " + ", ".join(f"{name} = {quoted(value)}" for name, value in look.label)
    if not look.differences:
        yield "  What stands there now:"
        for name, value in leaves(look.record):
            yield f"    {name or 'record'} = {quoted(value)}"
        return
    moving = [found for found in look.differences if found.kind != "same"]
    for found in moving:
        yield f"  {_difference(found)}"
    stay = len(look.differences) - len(moving)
    if stay:
        yield f"  Fields that are sent and stay as they are: {stay}"


def _difference(found: Difference) -> str:
    name = found.name if _NAME.fullmatch(found.name) else quoted(found.name)
    after = f"{quoted(found.after)}{echo(found.after)}"
    match found.kind:
        case "added":
            return f"{name}: nothing → {after} (added)"
        case "cleared":
            return f"{name}: {quoted(found.before)} → nothing (cleared)"
        case "unknown":
            return f"{name}: ? → {after} (the record as read lacks it: it cannot be compared)"
        case _:
            return f"{name}: {quoted(found.before)}{_arrow(found)}{after}"


def _arrow(found: Difference) -> str:
    """Point from old to new; a word keeps them in this order where the old is read leftwards."""
    turns = any(unicodedata.bidirectional(char) in _RIGHT_TO_LEFT for char in quoted(found.before))
    return " becomes → " if turns else " → "


def echo(value: Any) -> str:
    """Say a date, a large amount or a telephone number once more, so that none is misread."""
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) >= _LARGE:
        return f" ({value:,})".replace(",", "\u202f")
    if not isinstance(value, str):
        return ""
    if found := _DATE.match(value):
        return _day(found[0])
    digits = _NOT_DIGIT.sub("", value)
    if _PHONE.fullmatch(value) and not _DATE_LIKE.fullmatch(value) and len(digits) >= _PHONE_DIGITS:
        groups = [digits[start : start + 3] for start in range(0, len(digits), 3)]
        return f" (digits: {' '.join(groups)})"
    return ""


def _day(text: str) -> str:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return " (no day of the calendar)"
    return f" ({day:%A}, {day.day} {day:%B %Y})"


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
            shown = key if re.fullmatch(r"[\w-]+", key, re.ASCII) else quoted(key)
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
    """Write invisible and direction-changing characters as their codes.

    So are marks that would stand on a quotation mark, and towers of them that cover other lines.
    """
    if text.isascii() and text.isprintable():
        return text
    shown, marks = [], _MAX_MARKS
    for char in text:
        category = unicodedata.category(char)
        marks = marks + 1 if category in _MARKS else _MAX_MARKS if char == '"' else 0
        hides = category in _INVISIBLE or HIDDEN.match(char) or marks > _MAX_MARKS
        shown.append(_code(char) if hides else char)
    return "".join(shown)


def _code(char: str) -> str:
    number = ord(char)
    return f"\\u{number:04x}" if number <= _LAST_SHORT else f"\\U{number:08x}"


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
