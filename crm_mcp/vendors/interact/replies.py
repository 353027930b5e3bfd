"""Reading interact's answers: what is a failure, and what its code says.

Sources in the vendor's document: section 2.6 and "Success response" of each call. Lists are bare
arrays or stand in `data`; writes answer `{code, entity, devmsg}`; a delete answers HTTP 200 with
the code 204 in its body. A failure is `{code, error, devmsg}`, and the body outweighs the status.
"""

import json
from dataclasses import replace
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
from crm_mcp.vendors.base import FailedItem, Reading, Reply, decode_json, http_failure
from crm_mcp.vendors.interact.codes import FAILURES, ErrorCode, decode

MAX_WORDS = 500
MAX_CODE = 64
_IMPORTED = ("created", "updated", "deleted")
_NOT_IMPORTED = "interact did not store this contact: create, update or merge it by itself."

# What to do where only the HTTP status says what happened.
_HINTS: dict[type[UpstreamError], str] = {
    AuthFailed: FAILURES["9401"].hint,
    Forbidden: FAILURES["9402"].hint,
    NotFound: FAILURES["9100"].hint,
    Rejected: FAILURES["9200"].hint,
    Conflict: "Read the record again: it has changed, or what was given is taken already.",
}


def read_reply(reply: Reply) -> Reading:
    """Tell success from failure.

    Raises:
        UpstreamError: by the code of 14 digits, else by the code in the body or the HTTP status.
        UnreadableReply: neither JSON nor a failure that the HTTP status tells.
    """
    failed = reply.status >= HTTPStatus.MULTIPLE_CHOICES
    if not reply.content and not failed:
        return Reading(None)
    try:
        body = decode_json(reply)
    except UnreadableReply:
        if failed:
            raise failure_of(reply, {}) from None
        raise
    told = body if isinstance(body, dict) else {}
    if failed or _tells_failure(told):
        raise failure_of(reply, told)
    return _read_import(told) if _is_import(told) else Reading(body)


def _tells_failure(body: dict[str, Any]) -> bool:
    """Whether an answer with a good HTTP status says in its body that it is none."""
    error = body.get("error")
    if error and (decode(error) or "code" in body or "devmsg" in body):
        return True
    return "devmsg" in body and _bad_status(body) is not None


def _bad_status(body: dict[str, Any]) -> int | None:
    """Read the code in a body that repeats an HTTP status, where it means a failure."""
    code = body.get("code")
    is_bad = isinstance(code, int) and HTTPStatus.BAD_REQUEST <= code < 600  # noqa: PLR2004 - HTTP
    return code if is_bad else None


def failure_of(reply: Reply, body: dict[str, Any]) -> UpstreamError:
    """Make our error; a code of 14 digits decides, else the HTTP status."""
    code = decode(body.get("error"))
    said = _words(body.get("devmsg"))
    by_status = _by_status(reply, body, said)
    if code and code.failure and code.failure.kind and reply.status != HTTPStatus.TOO_MANY_REQUESTS:
        kind, hint = code.failure.kind, code.failure.hint
        return kind(_sentence(code, said), hint=hint, vendor_code=code.text)
    if by_status is None:
        by_status = UnreadableReply(
            f"interact reported an error without saying which{f': {said}' if said else ''}.",
            hint="Try again later; if it stays, tell the operator.",
        )
    if code:
        by_status.message = _sentence(code, said)
    by_status.vendor_code = str(body.get("error") or by_status.vendor_code)[:MAX_CODE]
    by_status.hint = by_status.hint or _HINTS.get(type(by_status), "")
    return by_status


def _by_status(reply: Reply, body: dict[str, Any], said: str) -> UpstreamError | None:
    """Read the HTTP status, or the one that the body tells behind a good one."""
    hidden = _bad_status(body)
    if reply.status < HTTPStatus.MULTIPLE_CHOICES and hidden is not None:
        reply = replace(reply, status=hidden)
    return http_failure(reply, said)


def _sentence(code: ErrorCode, said: str) -> str:
    return f"interact said: {code.words}{f', in its own words: {said}' if said else ''}."


def _words(devmsg: Any) -> str:
    """Bound the CRM's own words, whatever they are written in."""
    if devmsg is None:
        return ""
    text = devmsg if isinstance(devmsg, str) else json.dumps(devmsg, ensure_ascii=False)
    return text.strip()[:MAX_WORDS]


def _is_import(body: dict[str, Any]) -> bool:
    return all(isinstance(body.get(key), list) for key in (*_IMPORTED, "failed"))


def _read_import(body: dict[str, Any]) -> Reading:
    """Count an import (document line 1893): what failed is left to the caller to mend."""
    failed = tuple(FailedItem(item, (_NOT_IMPORTED,)) for item in body["failed"])
    return Reading(body, done=sum(len(body[key]) for key in _IMPORTED), failed=failed)
