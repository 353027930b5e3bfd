"""What a person reads before a write: pure text, in which no value can pretend to be ours.

Every value is quoted, and every character that cannot be seen, or that changes the direction of
reading, is written as its code.
"""

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import unquote

from crm_mcp.clean import HIDDEN
from crm_mcp.compare import Difference, Look
from crm_mcp.guard import BoundCall
from crm_mcp.ids import BEYOND_LIMIT, MAX_LOOKUPS, Name, Place
from crm_mcp.operation import Operation
from crm_mcp.redact import Redactor
from crm_mcp.request import encode_pairs

_PLACEHOLDER = re.compile(r"\{([^{}]+)\}|\(s\)")
_INVISIBLE = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
_DATE = re.compile(r"\d{4}([/-])\d\d\1\d\d(?=$|[T ])", re.ASCII)
_NAME = re.compile(r"[\w.\[\]-]+", re.ASCII)
_PLAIN = re.compile(r"[\w-]+", re.ASCII)
_PHONE = re.compile(r"[+(0][\d ()/.-]+", re.ASCII)
_DATE_LIKE = re.compile(r"\d{1,4}[/. -]\d{1,2}[/. -]\d{1,4}", re.ASCII)
# In an address some of the alphabet stand as codes, and the code of a quotation mark before it.
_ENCODED = re.compile(r"(?<!%)(?<!%[0-9A-F])(?:[A-Za-z0-9+/_=-]|%2[BF]|%3D){1000,}", re.ASCII)
_NOT_DIGIT = re.compile(r"\D")
_PHONE_DIGITS = 7
_SHOWN = 24
_LARGE = 1000
# From 2001 to 2096 in milliseconds: hardly an amount of anything else.
_FIRST_MOMENT, _LAST_MOMENT = 10**12, 4 * 10**12
_LONG_LABEL = 100
_LAST_SHORT = 0xFFFF
_MARKS = frozenset({"Mn", "Me"})
_MAX_MARKS = 5
_RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})
_UNDO = {"exact": "yes, with {tool}", "partial": "partly; {stays}", "none": "no"}


@dataclass(frozen=True)
class Context:
    """What a person should know beside the call itself.

    `looks` are the records as they stand, where they could be read. `names` tell what ids among
    the arguments are ids of. `forecast` says how many requests it takes, where that says something.
    `repeated` are values that came word for word from CRM texts, each with the tool that read it.
    `unlisted` says which fields the CRM did not list when it listed those of this model.
    `word` is what is typed to approve, where choosing is not enough.
    """

    base_url: str
    looks: tuple[Look, ...] = ()
    names: tuple[Name, ...] = ()
    forecast: str = ""
    repeated: Mapping[str, str] = field(default_factory=dict)
    unlisted: tuple[str, ...] = ()
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
        *([f"Requests: {context.forecast}"] if context.forecast else []),
        f"Can be undone: {_undo(operation)}",
        *([f"Takes back: {call.undoing.told}"] if call.undoing else []),
        *_evidence(operation),
        *(line for look in context.looks for line in _record(look)),
        "",
        "What will be sent:" if operation.effect == "delete" else "What will be written:",
        *_arguments(call, context),
        *_repeated(context.repeated),
        *_unlisted(context.unlisted),
        "",
        "The exact request, without credentials:",
        *(f"  {line}" for line in _request(call, context.base_url)),
        *(["", f"To approve, type: {context.word}"] if context.word else []),
    ]
    text = "\n".join(lines)
    return redactor.text(shortened(text) if "binary" in operation.traits else text)


def _arguments(call: BoundCall, context: Context) -> Iterator[str]:
    if not call.arguments:
        yield "  nothing beside the call itself"
        return
    known = {name.id.place: name for name in context.names}
    looked_up = _looked_up(call, context.looks)
    for place, value in _places(call.arguments):
        plain = "" if value in looked_up else echo(value)
        said = _named(known[place]) if place in known else plain
        yield f"  {_place_name(place)} = {quoted(value)}{said}"
    without = sum(name.missing == BEYOND_LIMIT for name in context.names)
    if without:
        yield f"  Ids without a name: {without}, because at most {MAX_LOOKUPS} are looked up."


def _looked_up(call: BoundCall, looks: tuple[Look, ...]) -> list[Any]:
    """List what the records were found by: ids, which are no amounts to say once more."""
    before = call.operation.before
    if before is None:
        return []
    keys = [value for look in looks for _, value in look.label[: len(before.arguments)]]
    return keys + [call.arguments.get(name) for name in before.along if looks]


def _named(name: Name) -> str:
    """Say what an id is an id of: the CRM's words in quotes, ours without."""
    kind = name.id.kind.words
    if name.missing:
        return f" ({kind}; {name.missing})"
    label = " ".join(quoted(_short(value)) for value in name.label)
    return f" ({kind}: {label})" if label else f" ({kind}, without a name)"


def _short(value: Any) -> Any:
    cut = isinstance(value, str) and len(value) > _LONG_LABEL
    return f"{value[:_LONG_LABEL]}…" if cut else value


def _repeated(repeated: Mapping[str, str]) -> Iterator[str]:
    """Point out what the write repeats from the CRM's own texts, which anybody may have written."""
    if repeated:
        yield ""
        yield "Taken over word for word from texts in the CRM:"
    for value, tool in repeated.items():
        yield f"  {quoted(value)} (read with {tool})"


def _unlisted(told: tuple[str, ...]) -> Iterator[str]:
    """Point out fields that the CRM may not know: what is written there may get lost."""
    if told:
        yield ""
        yield "Fields that the CRM may not have:"
    for sentence_of_one in told:
        yield f"  {visible(sentence_of_one)}"


def _record(look: Look) -> Iterator[str]:
    """Show one record: by name and id, then what changes, or all of it when it goes."""
    yield ""
    yield "Record: " + ", ".join(f"{name} = {quoted(value)}" for name, value in look.label)
    if look.is_new:
        yield "  The CRM has none yet: it would be made."
    elif not look.differences:
        yield "  What stands there now:"
        for name, value in leaves(look.record):
            yield f"    {name or 'record'} = {quoted(value)}"
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
        grouped = f"{value:,}".replace(",", "\u202f")
        return f" ({grouped}{_moment(value)})"
    if not isinstance(value, str):
        return ""
    if found := _DATE.match(value):
        return _day(found[0])
    digits = _NOT_DIGIT.sub("", value)
    if _PHONE.fullmatch(value) and not _DATE_LIKE.fullmatch(value) and len(digits) >= _PHONE_DIGITS:
        groups = [digits[start : start + 3] for start in range(0, len(digits), 3)]
        return f" (digits: {' '.join(groups)})"
    return ""


def _moment(value: float) -> str:
    """Say what a number is as a time, if it can be milliseconds since 1970 of our days."""
    if not isinstance(value, int) or not _FIRST_MOMENT <= value < _LAST_MOMENT:
        return ""
    moment = datetime.fromtimestamp(value / 1000, UTC)
    return f"; as a time {moment:%A}, {moment.day} {moment:%B %Y, %H:%M} UTC"


def _day(text: str) -> str:
    try:
        day = date.fromisoformat(text.replace("/", "-"))
    except ValueError:
        return " (no day of the calendar)"
    return f" ({day:%A}, {day.day} {day:%B %Y})"


def sentence(operation: Operation, arguments: Mapping[str, Any]) -> str:
    """Fill the operation's sentence: a list stands as its number of items, a text in quotes.

    `(s)` is the plural of what was counted last.
    """
    count = 0

    def fill(found: re.Match[str]) -> str:
        nonlocal count
        if found[1] is None:
            return "" if count == 1 else "s"
        value = arguments.get(found[1])
        if isinstance(value, list):
            count = len(value)
            return str(count)
        return quoted(value)

    return _PLACEHOLDER.sub(fill, operation.confirm or operation.title)


def leaves(value: Any) -> Iterator[tuple[str, Any]]:
    """List every single value with its full name, so that a person sees each of them."""
    for place, leaf in _places(value):
        yield _place_name(place), leaf


def _places(value: Any, place: Place = ()) -> Iterator[tuple[Place, Any]]:
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _places(item, (*place, key))
    elif isinstance(value, list) and value:
        for index, item in enumerate(value):
            yield from _places(item, (*place, index))
    else:
        yield place, value


def _place_name(place: Place) -> str:
    text = ""
    for step in place:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            shown = step if _PLAIN.fullmatch(step) else quoted(step)
            text += f".{shown}" if text else shown
    return text


def quoted(value: Any) -> str:
    """Write a value as JSON with everything invisible made visible."""
    return visible(json.dumps(value, ensure_ascii=False))


def shortened(text: str) -> str:
    """Write encoded files, which nobody can read, as their beginning, length and digest."""
    return _ENCODED.sub(_abbreviated, text)


def _abbreviated(found: re.Match[str]) -> str:
    content = unquote(found[0])
    digest = hashlib.sha256(content.encode()).hexdigest()
    return f"{content[:_SHOWN]}… ({len(content)} characters, SHA-256 {digest})"


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
    if operation.source.evidence == "inferred-weak":
        yield "Beware: at that address the CRM may do something else than is said here."


def _request(call: BoundCall, base_url: str) -> Iterator[str]:
    spec = call.spec
    yield visible(f"{spec.method} {base_url}{spec.target}")
    for name, value in spec.headers:
        yield visible(f"{name}: {value}")
    if spec.form:
        yield visible(encode_pairs(spec.form))
    if spec.json is not None:
        yield visible(spec.json)
