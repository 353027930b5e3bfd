"""How interact, Synergist and Cirrus answer, as far as the example operations need it.

The fixtures prove the format before these vendors have code of their own: each class reads
replies in its vendor's documented form, and has neither credentials nor settings.
"""

import json
from http import HTTPStatus
from typing import Any, ClassVar

import httpx
from defusedxml.ElementTree import (  # type: ignore[import-untyped]  # the library has no types
    ParseError,
    fromstring,
)

from crm_mcp.errors import (
    AuthFailed,
    Conflict,
    Forbidden,
    NotFound,
    Rejected,
    UnreadableReply,
    UpstreamError,
)
from crm_mcp.vendors.base import (
    Reading,
    Reply,
    Vendor,
    VendorSettings,
    decode_json,
    http_failure,
)

MAX_WORDS = 500
MAX_XML = 64_000
CODE_DIGITS = 14
READ_AGAIN = "Read the record again and repeat the change with its new version."


class _WithoutAccess(Vendor):
    """A vendor that is only read from, never called."""

    settings: ClassVar = VendorSettings
    everyday = ()
    probe = ""

    def auth(self, settings: Any) -> httpx.Auth:  # noqa: ARG002  # the signature is the vendors'
        return httpx.Auth()


class InteractReplies(_WithoutAccess):
    """interact: an error is an object with `error`, a code of 14 digits in four groups."""

    id = "interact"
    title = "interact.io"

    def read(self, reply: Reply) -> Reading:
        body = _decode(reply)
        if isinstance(body, dict) and "error" in body:
            raise _interact_failure(reply, str(body["error"]), _words(body.get("devmsg")))
        if failure := http_failure(reply):
            raise failure
        return Reading(body)


class SynergistReplies(_WithoutAccess):
    """Synergist: HTTP 404 with XML for whatever goes wrong, else an envelope with `success`."""

    id = "synergist"
    title = "Synergist"

    def read(self, reply: Reply) -> Reading:
        if reply.status == HTTPStatus.NOT_FOUND:
            raise _synergist_failure(reply.content)
        if failure := http_failure(reply):
            raise failure
        body = decode_json(reply)
        if not isinstance(body, dict) or "success" not in body:
            raise UnreadableReply("Synergist's answer does not say whether the call succeeded.")
        if body["success"] is not True:
            said = _words(body.get("errormessage"))
            raise Rejected(f"Synergist said: {said}", vendor_code=_words(body.get("errorcode")))
        warning = _words(body.get("warningmessage"))
        return Reading(body, warnings=(warning,) if warning else ())


class CirrusReplies(_WithoutAccess):
    """Cirrus: no form of error is documented, so the HTTP status decides."""

    id = "cirrus"
    title = "Cirrus 2"

    def read(self, reply: Reply) -> Reading:
        body = _decode(reply) if reply.content else None
        if failure := http_failure(reply, _cirrus_words(body)):
            raise failure
        is_bare_page = isinstance(body, dict) and {"items", "total"} <= body.keys()
        return Reading([body] if is_bare_page else body)


OTHER_VENDORS: tuple[Vendor, ...] = (InteractReplies(), SynergistReplies(), CirrusReplies())


def _decode(reply: Reply) -> Any:
    """Decode JSON; a failed call without any still has its HTTP status."""
    try:
        return decode_json(reply)
    except UnreadableReply:
        if failure := http_failure(reply):
            raise failure from None
        raise


def _interact_failure(reply: Reply, code: str, words: str) -> UpstreamError:
    is_whole = len(code) == CODE_DIGITS and code.isdecimal()
    kind = _interact_kind(int(code[:4])) if is_whole else None
    if kind is None:
        return http_failure(reply, words) or Rejected(f"interact said: {words}")
    hint = READ_AGAIN if kind is Conflict else ""
    return kind(f"interact said: {words}", hint=hint, vendor_code=code)


def _interact_kind(group: int) -> type[UpstreamError] | None:
    """Decode the first four digits, as far as the document's table 100 maps to our kinds."""
    if 9100 <= group <= 9119:
        return NotFound
    if 9200 <= group <= 9202:
        return Rejected
    kinds: dict[int, type[UpstreamError]] = {9304: Conflict, 9401: AuthFailed, 9402: Forbidden}
    return kinds.get(group)


def _synergist_failure(content: bytes) -> UpstreamError:
    """Read the XML error; HTTP 404 around it does not mean that a record is missing."""
    unreadable = UnreadableReply("Synergist answered with HTTP 404, but not with its XML error.")
    if len(content) > MAX_XML:
        return unreadable
    try:
        error = fromstring(content, forbid_dtd=True).find("Error")
    except (ParseError, ValueError, LookupError):
        return unreadable
    if error is None:
        return unreadable
    said = _words(error.findtext("ErrorText"))
    return Rejected(f"Synergist said: {said}", vendor_code=_words(error.get("ErrorID")))


def _cirrus_words(body: Any) -> str:
    if not isinstance(body, dict):
        return ""
    said = [body[key] for key in ("message", "errors") if body.get(key)]
    texts = (entry if isinstance(entry, str) else _compact(entry) for entry in said)
    return "; ".join(texts)[:MAX_WORDS]


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _words(said: Any) -> str:
    return "" if said is None else str(said)[:MAX_WORDS]
