"""Calls and answers of Synergist as values: its query, its envelope, its pages.

Pages are counted from 1, as in all samples of the document; 0, which its text calls the first
page, is the first page too.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self
from urllib.parse import quote

from crm_mcp.sandbox.base import Answer, Call, json_answer
from crm_mcp.sandbox.synergist.errors import Code, RefusalError
from crm_mcp.sandbox.synergist.world import Record, Row

PROCESSED = "data processed successfully."

_PATH = re.compile(r"/jsonapi/([a-z]+)\.json", re.IGNORECASE)
_WHOLE = re.compile(r"-?\d{1,15}", re.ASCII)
_GOOD: Mapping[str, Any] = {
    "responsecode": 1,
    "responsestatus": "OK",
    "errorcode": 0,
    "errormessage": "",
}


@dataclass(frozen=True)
class Ask:
    """What one call asks for; names of parameters, areas and actions know no capitals.

    Args:
        area: the name of the file in the path, such as `jobs`.
        action: its first word; empty for a call that names none.
        detail: what stands behind the action and a blank: the code of a print template.
    """

    area: str
    action: str
    detail: str
    query: Mapping[str, str]
    user: Record

    @classmethod
    def of(cls, call: Call, user: Record) -> Self:
        """Read a call of somebody who has been let in."""
        found = _PATH.fullmatch(call.path)
        if found is None or call.method != "GET":
            raise RefusalError("request not recognized", Code.NOT_RECOGNIZED)
        query = query_of(call)
        action, _, detail = query.get("action", "").strip().partition(" ")
        return cls(found[1].lower(), action.lower(), detail.strip(), query, user)

    def text(self, name: str, default: str = "") -> str:
        """Read a parameter; an empty one is as good as none."""
        return self.query.get(name, "").strip() or default

    def required(self, name: str) -> str:
        """Read a parameter that must be there."""
        if not self.text(name):
            raise RefusalError(f"{name} is missing")
        return self.text(name)

    def number(self, name: str, default: int = 0) -> int:
        """Read a whole number."""
        return as_whole(self.text(name, str(default)), name)

    def values(self, name: str) -> tuple[str, ...]:
        """Read a parameter that holds one value or several as a JSON array."""
        text = self.text(name)
        if not text.startswith("["):
            return (text,) if text else ()
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            raise RefusalError(f"{name} is no list") from None
        return tuple(str(value) for value in found)

    def numbers(self, name: str) -> tuple[int, ...]:
        """Read one whole number, or several as a JSON array, at least one and each once."""
        found = dict.fromkeys(as_whole(value, name) for value in self.values(name))
        if not found:
            raise RefusalError(f"{name} is missing")
        return tuple(found)

    @cached_property
    def items(self) -> Sequence[Row]:
        """The items of `input.data[]`, at least one."""
        try:
            document = json.loads(self.required("input"))
        except (ValueError, RecursionError):
            raise RefusalError("input is no JSON") from None
        items = document.get("data") if isinstance(document, dict) else None
        if not isinstance(items, list) or not items:
            raise RefusalError("input holds no data")
        if not all(isinstance(item, dict) for item in items):
            raise RefusalError("data must be objects")
        return items


def query_of(call: Call) -> Mapping[str, str]:
    """Read the query by names in lower case; of several with one name, the last counts."""
    return {name.lower(): value for name, value in call.query}


def as_whole(text: str, name: str) -> int:
    """Read a whole number."""
    if not _WHOLE.fullmatch(text.strip()):
        raise RefusalError(f"invalid {name} {text}")
    return int(text)


@dataclass(frozen=True)
class Rows:
    """Rows that were asked for, before they are paged.

    Args:
        counted: false where the document's sample tells a total of 0 although rows are there.
        beside: what stands beside the data.
    """

    rows: Sequence[Row]
    counted: bool = True
    beside: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Done:
    """What was done; a warning says what was not."""

    message: str = PROCESSED
    rows: Sequence[Row] | None = None
    warning: str = ""


@dataclass(frozen=True)
class File:
    """A file as it is, instead of JSON."""

    name: str
    content_type: str
    content: bytes


Said = Rows | Done | File


def written(said: Said, ask: Ask, *, changed: bool) -> Answer:
    """Write an answer."""
    if isinstance(said, File):
        headers = {"content-disposition": f"attachment; filename*=UTF-8''{quote(said.name)}"}
        return Answer(said.content, content_type=said.content_type, headers=headers)
    body = _page(said, ask) if isinstance(said, Rows) else _told(said)
    return json_answer(body, changed=changed)


def _page(said: Rows, ask: Ask) -> Row:
    page, size = max(ask.number("page", 1), 1), ask.number("rows")
    if size < 0:
        raise RefusalError(f"invalid rows {size}")
    shown = said.rows[(page - 1) * size : page * size] if size else said.rows
    total = len(said.rows) if said.counted else 0
    return {
        **_GOOD,
        "totalrows": total,
        "totalpages": max(-(-total // size), 1) if size else 1,
        "responsemessage": "",
        "pagerows": size,
        "pagenumber": page,
        "success": True,
        "data": list(shown),
        **said.beside,
    }


def _told(said: Done) -> Row:
    data = {} if said.rows is None else {"data": list(said.rows)}
    told = {"responsemessage": said.message, "warningmessage": said.warning, "success": True}
    return {**_GOOD, **told, **data}
