"""Reading Synergist's answers: an envelope with `success`, an XML error, or a file.

Sources in the vendor's document: lines 88 to 135 (envelope, errors) and 203 to 214 (codes), 2384
and 4833 (files as base64), 3737 and 4897 (files as they are), 5378 (a success that is none).

Every success is read into the envelope with these places, whatever the CRM left out:

    /data              the rows; for a file, one row with its name, contentType, size and base64
    /content           everything but the envelope: the rows, and what stands beside them
    /responsemessage   the sentence that says what was done
    /totalrows         the number of all rows; 0 where the CRM does not say
"""

import re
from http import HTTPStatus
from typing import Any

from crm_mcp.errors import Rejected, UnreadableReply, UpstreamError
from crm_mcp.redact import MASK
from crm_mcp.vendors.base import Reading, Reply, decode_json, http_failure
from crm_mcp.vendors.synergist.failures import MAX_WORDS, Said, failure_of, read_xml
from crm_mcp.vendors.synergist.files import file_row

_OF = re.compile(r"\s*(\d{1,9}) of (\d{1,9})\b")
_UPLOAD = re.compile("s3urlput$", re.IGNORECASE)
_ENVELOPE = frozenset(
    {
        "responsecode",
        "responsestatus",
        "errorcode",
        "errormessage",
        "responsemessage",
        "warningmessage",
        "success",
        "totalrows",
        "totalpages",
        "pagerows",
        "pagenumber",
    }
)


def read_reply(reply: Reply) -> Reading:
    """Tell success, partial success and failure apart.

    Raises:
        UpstreamError: by the documented code, by the words, or by the HTTP status.
        UnreadableReply: neither an envelope nor an error nor a file.
    """
    failure = http_failure(reply)
    if failure is not None:
        raise _told_failure(reply, failure)
    if (said := read_xml(reply.content)) is not None:
        raise failure_of(said)
    if (row := file_row(reply)) is not None:
        return Reading(_complete({"data": [row]}))
    return _read_envelope(decode_json(reply))


def _told_failure(reply: Reply, failure: UpstreamError) -> UpstreamError:
    """Read what the CRM said; HTTP 404 around it does not mean that a record is missing."""
    is_own = HTTPStatus.BAD_REQUEST <= reply.status < HTTPStatus.INTERNAL_SERVER_ERROR
    if not is_own or reply.status == HTTPStatus.TOO_MANY_REQUESTS:
        return failure
    said = read_xml(reply.content) or _envelope_error(reply)
    if said is not None:
        return failure_of(said)
    if reply.status != HTTPStatus.NOT_FOUND:
        return failure
    return UnreadableReply(
        "Synergist answered with HTTP 404, but not with an error of its own.",
        hint="Ask the operator to check the address of the CRM; it ends before /jsonapi/.",
        vendor_code="404",
    )


def _envelope_error(reply: Reply) -> Said | None:
    """Read an error that comes as JSON."""
    try:
        body = decode_json(reply)
    except UnreadableReply:
        return None
    return _said(body) if isinstance(body, dict) and body.get("success") is False else None


def _said(body: dict[str, Any]) -> Said:
    words = (body.get(key) for key in ("errormessage", "responsemessage", "warningmessage"))
    return Said(_text(body.get("errorcode")), next(filter(None, map(_text, words)), ""))


def _read_envelope(body: Any) -> Reading:
    if not isinstance(body, dict) or not isinstance(body.get("success"), bool):
        raise UnreadableReply(
            "Synergist's answer does not say whether the call succeeded.",
            hint="Ask the operator to check that the address leads to Synergist's API.",
        )
    if not body["success"]:
        raise failure_of(_said(body))
    return _read_success(body)


def _read_success(body: dict[str, Any]) -> Reading:
    """Read a success; one with a warning did only a part of what was asked."""
    warning, error, done = (
        _text(body.get(key)) for key in ("warningmessage", "errormessage", "responsemessage")
    )
    if (count := _count(warning)) and not count[0] and count[1]:
        raise Rejected(f"Synergist said: {warning}", status="not_done")
    told = tuple(dict.fromkeys(words for words in (warning, error) if words))
    short = (done,) if _count(done) and not _is_all(done) else ()
    partial = any(not _is_all(words) for words in (*told, *short))
    return Reading(_complete(body), partial=partial, warnings=(*told, *short))


def _count(words: str) -> tuple[int, int] | None:
    """Read how many of how many records were dealt with, where a sentence begins with it."""
    found = _OF.match(words)
    return (int(found[1]), int(found[2])) if found else None


def _is_all(words: str) -> bool:
    count = _count(words)
    return count is not None and count[0] == count[1]


def _complete(body: dict[str, Any]) -> dict[str, Any]:
    """Add the places that every envelope has; hide the addresses that whoever has may write to."""
    rows = body.get("data")
    whole: dict[str, Any] = _without_upload_addresses(
        {"responsemessage": "", "totalrows": 0, **body, "data": [] if rows is None else rows}
    )
    content = {key: value for key, value in whole.items() if key not in _ENVELOPE}
    return {**whole, "content": content}


def _without_upload_addresses(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_upload_addresses(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: MASK if item and _UPLOAD.search(key) else _without_upload_addresses(item)
        for key, item in value.items()
    }


def _text(said: Any) -> str:
    return " ".join(str(said).split())[:MAX_WORDS] if said not in (None, 0, "0") else ""
