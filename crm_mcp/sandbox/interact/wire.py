"""Calls and answers of interact.io as values, and how a call's values are checked.

The document says little of what happens to a value that makes no sense; here each one is refused
with the nearest documented code, unknown attributes included, so that a mistake is seen early.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from crm_mcp.sandbox.base import Call
from crm_mcp.sandbox.interact.errors import RefusalError, What

Row = dict[str, Any]
Check = Callable[[Any], bool]
T = TypeVar("T")

_WHOLE = re.compile(r"\d{1,18}", re.ASCII)


@dataclass(frozen=True)
class Said:
    """What a call is answered when all is well."""

    body: Any
    status: int = 200


DELETED = Said({"code": 204, "devmsg": "success"})
DONE = Said({"code": 200, "devmsg": "success"})


def created(entity: Row) -> Said:
    """Answer with what was made."""
    return Said({"code": 201, "entity": entity, "devmsg": "success"}, 201)


def updated(entity: Row) -> Said:
    """Answer with what was changed, as it now stands."""
    return Said({"code": 200, "entity": entity, "devmsg": "success"})


@dataclass(frozen=True)
class Ask:
    """What one call asks for."""

    call: Call

    @property
    def id(self) -> int:
        """The id in the path."""
        return _whole(self.call.in_path["id"], "id")

    @property
    def ids(self) -> tuple[int, ...]:
        """The ids of a bulk call, each once, in their order."""
        return self.numbers("ids")

    @cached_property
    def query(self) -> Mapping[str, str]:
        """The query by name."""
        return dict(self.call.query)

    @cached_property
    def body(self) -> Any:
        """The JSON of the body; None when there is none."""
        if not self.call.content:
            return None
        try:
            return json.loads(self.call.content)
        except (ValueError, RecursionError):
            raise RefusalError(What.BAD_REQUEST, "the body is no JSON") from None

    def required(self, name: str) -> str:
        """Read a parameter that must be there."""
        if not self.query.get(name):
            raise RefusalError(What.MISSING, f"{name} is missing")
        return self.query[name]

    def numbers(self, name: str) -> tuple[int, ...]:
        """Read a list of numbers, separated by commas, that must be there."""
        texts = self.required(name).split(",")
        return tuple(dict.fromkeys(_whole(text, name) for text in texts))

    def number(self, name: str) -> int | None:
        """Read a number that may be left out."""
        return _whole(self.query[name], name) if name in self.query else None

    def flag(self, name: str) -> bool:
        """Read a switch; off when it is left out."""
        return self.choice(name, ("0", "1", "false", "true"), "0") in ("1", "true")

    def choice(self, name: str, choices: Iterable[str], default: str) -> str:
        """Read one of several words."""
        word = self.query.get(name, default)
        if word not in choices:
            raise RefusalError(What.INVALID, f"{name} is invalid")
        return word

    def fields(self, checks: Mapping[str, Check], required: Iterable[str] = ()) -> Row:
        """Read the body's attributes; see `read_fields`."""
        return read_fields(self.body, checks, required)


def page(ask: Ask, found: Sequence[T], show: Callable[[T], Row]) -> Row:
    """Show the part of a list that `offset` and `limit` ask for; without a limit, to the end.

    Where it stands in the whole is told if at least one of the two was given.
    """
    start = ask.number("offset") or 0
    limit = ask.number("limit")
    shown = [show(item) for item in found[start:][:limit]]
    if not {"offset", "limit"} & set(ask.query):
        return {"data": shown}
    counts = {"length": len(shown), "startIndex": start, "totalLength": len(found)}
    return {"data": shown, **counts}


def read_fields(value: Any, checks: Mapping[str, Check], required: Iterable[str] = ()) -> Row:
    """Read an object's attributes, each by its check; null is no value.

    Raises:
        RefusalError: it is no object, an attribute is unknown or does not fit, or a required one
            is absent or empty.
    """
    fields = as_object(value)
    for name, item in fields.items():
        if name not in checks:
            raise RefusalError(What.BAD_REQUEST, f"unknown attribute {name}")
        if item is not None and not checks[name](item):
            raise RefusalError(What.INVALID, f"{name} is invalid")
    for name in required:
        if fields.get(name) in (None, "", []):
            raise RefusalError(What.MISSING, f"{name} is missing")
    return fields


def as_object(value: Any) -> Row:
    """Read an object whose attributes are checked later."""
    if not isinstance(value, dict):
        raise RefusalError(What.BAD_REQUEST, "an object is expected")
    found: Row = value
    return found


def refuse_empty(fields: Row, *names: str) -> None:
    """Keep an update from taking away what must be there."""
    for name in names:
        if name in fields and fields[name] in (None, ""):
            raise RefusalError(What.INVALID, f"{name} must not be empty")


def is_text(value: Any) -> bool:
    """Accept a text."""
    return isinstance(value, str)


def is_whole(value: Any) -> bool:
    """Accept a whole number."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_flag(value: Any) -> bool:
    """Accept true and false."""
    return isinstance(value, bool)


def is_object(value: Any) -> bool:
    """Accept an object, whose attributes are checked later."""
    return isinstance(value, dict)


def one_of(*choices: str) -> Check:
    """Accept these words."""
    return lambda value: value in choices


def list_of(check: Check) -> Check:
    """Accept a list of such values."""
    return lambda value: isinstance(value, list) and all(map(check, value))


def refers_to(*types: str) -> Check:
    """Accept `{"id": 7}`, with one of these types where there are any."""

    def check(value: Any) -> bool:
        if not isinstance(value, dict) or not is_whole(value.get("id")):
            return False
        rest = {name: item for name, item in value.items() if name != "id"}
        return rest in [{"type": type_} for type_ in types] if types else not rest

    return check


def without_nothing(row: Row) -> Row:
    """Leave out what has no value, as interact.io does."""
    return {name: value for name, value in row.items() if value is not None}


def _whole(text: str, name: str) -> int:
    if not _WHOLE.fullmatch(text):
        raise RefusalError(What.INVALID, f"{name} is invalid")
    return int(text)
