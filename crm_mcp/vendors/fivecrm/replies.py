"""Reading FIVE CRM's answers: `STATUS` decides, errors are sentences.

Sources in the vendor's document: sections 4 and 5.1 to 8.2, "Error Messages" of each. `ERROR`
may be a text or a list, and per item it is `ERROR` or `ERRORS`; each form is accepted.
"""

import re
from collections.abc import Iterator
from typing import Any

from crm_mcp.errors import (
    AuthFailed,
    Conflict,
    Forbidden,
    NotFound,
    Rejected,
    Unavailable,
    UnreadableReply,
    UpstreamError,
)
from crm_mcp.vendors.base import FailedItem, Reading, Reply, decode_json, http_failure

NOTHING_FOUND = "Unable to locate any matching contacts"
MAX_WORDS = 500

# The documented sentences, each with our kind and what to do; the first match counts.
_KINDS: tuple[tuple[re.Pattern[str], type[UpstreamError], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), kind, hint)
    for pattern, kind, hint in (
        (r"^Unauthorised", AuthFailed, "Ask the operator to check the API hash of the CRM user."),
        (r"^System has expired", Forbidden, "The CRM's licence has run out: tell its owner."),
        (
            r"do not have the necessary user permissions",
            Forbidden,
            "The CRM user may not see this area; list the areas it may see.",
        ),
        (
            r"internal error occurred|^An (unexpected )?error occurred",
            Unavailable,
            "Try again later.",
        ),
        (
            r"^The specified database area does not exist",
            NotFound,
            "List the database areas to find the right number; leading zeros count.",
        ),
        (
            r"^No (matching|pre-existing) Customer Product",
            NotFound,
            "Account, product, manufacturer and reference must all be as they stand in the CRM.",
        ),
        (r"\) does not exist (in|on) ", NotFound, "Check the account number and contact name."),
        (r"already in use", Conflict, "Leave reference out to have a new one made, or update."),
        (r"^(No|Unknown) API mode specified", Rejected, "This FIVE CRM may lack the API mode."),
        (r"^Invalid date provided", Rejected, "Write dates as YYYY-MM-DD hh:mm:ss."),
    )
)


def read_reply(reply: Reply) -> Reading:
    """Tell success, partial success and failure apart.

    Raises:
        UpstreamError: by the documented sentence, or by the HTTP status when there is none.
        UnreadableReply: no JSON object with a known STATUS.
    """
    failure = http_failure(reply)
    try:
        body = decode_json(reply)
    except UnreadableReply:
        if failure:
            raise failure from None
        raise
    status = body.get("STATUS") if isinstance(body, dict) else None
    if status in ("success", "success with errors"):
        return _read_success(body)
    if status == "error":
        return _read_error(body)
    raise failure or UnreadableReply(
        "The CRM's answer has no STATUS that its document knows.",
        hint="Ask the operator to check that the address leads to FIVE CRM's API version 2.",
    )


def _read_success(body: dict[str, Any]) -> Reading:
    """Read a success; of the two documented names of areas, each is there afterwards."""
    areas = body.get("AREAS", body.get("AREA"))
    if areas is not None:
        body = {"AREA": areas, "AREAS": areas, **body}
    if "CUSTOMER_PRODUCTS" in body:
        return _read_products(body)
    return Reading(body)


def _read_products(body: dict[str, Any]) -> Reading:
    """Count item by item; a partial success without a failed item contradicts itself."""
    products = body["CUSTOMER_PRODUCTS"]
    told = products if isinstance(products, dict) else {}
    failed = tuple(
        FailedItem(_product(entry), tuple(_sentences(entry)))
        for entry in _list(told.get("UNSUCCESSFUL"))
    )
    done = len(_list(told.get("SUCCESSFUL")))
    if not failed and (not done or body["STATUS"] != "success"):
        raise UnreadableReply("The CRM's answer does not say which records it took.")
    return Reading(body, done=done, failed=failed)


def _read_error(body: dict[str, Any]) -> Reading:
    sentences = list(_sentences(body))
    if any(sentence.startswith(NOTHING_FOUND) for sentence in sentences):
        return Reading(body, empty=True)
    raise failure_of(sentences)


def failure_of(sentences: list[str]) -> UpstreamError:
    """Make our error from the CRM's sentences; an unknown one counts as a rule of the CRM."""
    words = "; ".join(sentences)[:MAX_WORDS] or "no reason given"
    for pattern, kind, hint in _KINDS:
        if any(pattern.search(sentence) for sentence in sentences):
            return kind(f"FIVE CRM said: {words}", hint=hint, vendor_code=words)
    return Rejected(f"FIVE CRM said: {words}", vendor_code=words)


def _sentences(entry: Any) -> Iterator[str]:
    """List the error sentences of a reply or of one item, in each documented form."""
    for key in ("ERROR", "ERRORS"):
        said = entry.get(key) if isinstance(entry, dict) else None
        if isinstance(said, str):
            yield said
        yield from (str(sentence) for sentence in _list(said))


def _product(entry: Any) -> Any:
    return entry.get("CUSTOMER_PRODUCT", entry) if isinstance(entry, dict) else entry


def _list(value: Any) -> list[Any]:
    """Read a list; PHP writes one with gaps as an object."""
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []
