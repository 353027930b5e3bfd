"""Reading Cirrus's answers: the HTTP status decides, because no form of error is documented.

A page is `{page, pages, per_page, total, items}`, in the samples inside an array of one; other
answers are plain arrays and objects. The texts of errors may come as `message` and `errors`, which
the library makes whose marks the document shows (`X-Fields`, `{error_msg}`), or as anything else.
"""

import html
import json
import re
from http import HTTPStatus
from typing import Any

from crm_mcp.errors import (
    AuthFailed,
    Conflict,
    Forbidden,
    NotFound,
    Rejected,
    UnreadableReply,
    UpstreamError,
)
from crm_mcp.vendors.base import Reading, Reply, decode_json, http_failure

MAX_WORDS = 500
MAX_TEXT = 16_000
"""So many bytes of an error that is no JSON are looked at."""

_PAGE = frozenset({"page", "pages", "per_page", "total", "items"})
_NOT_SAID = re.compile(r"<(script|style|head)\b.*?(</\1\s*>|\Z)", re.DOTALL | re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")
_HINTS: dict[type[UpstreamError], str] = {
    AuthFailed: "Tell the person: the operator of this server must check the token or the client "
    "that it uses.",
    Forbidden: "Tell the person: the user of this server may not do this in Cirrus.",
    NotFound: "Check the id: a list of such records shows those that are there.",
    Rejected: "Mend what the CRM names, and call again.",
    Conflict: "Read the record again: it has changed, or what was given is taken already.",
}


def read_reply(reply: Reply) -> Reading:
    """Tell success from failure.

    Raises:
        UpstreamError: by the HTTP status.
        UnreadableReply: a success that is no JSON.
    """
    failed = reply.status >= HTTPStatus.MULTIPLE_CHOICES
    if failure := http_failure(reply, _words(reply) if failed else ""):
        failure.hint = failure.hint or _HINTS.get(type(failure), "")
        raise failure
    if not reply.content.strip():
        return Reading(None)
    body = decode_json(reply)
    # An empty array may stand for an empty page, as it stands for an empty list.
    return Reading([body] if _is_bare_page(body) else body, empty=body == [])


def _is_bare_page(body: Any) -> bool:
    """Whether this is a page outside of its array; a mask of fields may have taken keys away.

    Some pages count more than their rows: a mission's progress has totals of its own.
    """
    if not isinstance(body, dict) or not isinstance(body.get("items"), list):
        return False
    return all(key in _PAGE or key.startswith("total") for key in body)


def _words(reply: Reply) -> str:
    """Find the CRM's own words, on one line and bounded."""
    try:
        said = _said(decode_json(reply))
    except UnreadableReply:
        said = _read_text(reply)
    words = " ".join(said.split())
    short = words if len(words) <= MAX_WORDS else f"{words[:MAX_WORDS]}…"
    return short.rstrip(".")


def _said(body: Any) -> str:
    """Say an error that is JSON: its message and its errors, or all of it."""
    if not isinstance(body, dict):
        return _flat(body)
    known = [_flat(body[key]) for key in ("message", "errors") if body.get(key)]
    return ": ".join(text.rstrip(".") for text in known) or _flat(body)


def _flat(value: Any) -> str:
    """Write a value as a person would say it: fields with what is wrong with them."""
    if isinstance(value, dict):
        return "; ".join(f"{key}: {_flat(item)}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(map(_flat, value))
    return value if isinstance(value, str) else json.dumps(value)


def _read_text(reply: Reply) -> str:
    """Read an error page without its tags, or a plain text."""
    text = reply.content[:MAX_TEXT].decode("utf-8", "replace")
    if not text.lstrip().startswith("<"):
        return text
    return html.unescape(_TAG.sub(" ", _NOT_SAID.sub(" ", text)))
