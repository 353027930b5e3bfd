"""Step 7: a raw answer becomes an outcome, or one of our errors. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any, Literal

from crm_mcp.clean import clean, clean_text
from crm_mcp.errors import (
    NotFound,
    Rejected,
    ToolFailure,
    Unavailable,
    UnknownOutcome,
    UnreadableReply,
)
from crm_mcp.operation import Operation, Pagination
from crm_mcp.pointer import changed, find, steps
from crm_mcp.redact import MASK, Redactor
from crm_mcp.resume import Resume
from crm_mcp.vendors.base import FailedItem, Reading, Reply, Vendor

WriteStatus = Literal["done", "partly_done", "not_done", "unknown"]
_LINE_ENDS = re.compile("[\t\n\r\u2028\u2029]+")
_FILE_NAME = "content-disposition"
SANDBOX_HEADER = "x-crm-mcp-sandbox"
NOWHERE = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED})
"""What a CRM answers where nothing stands at an address, or nothing that takes the method."""
_CORRECT_IT = (
    "tell the person that this CRM may have the call at another address, which the operator of "
    "this server can correct."
)
LOOK_FIRST = (
    "Look in the CRM whether the change is there before anybody repeats it; "
    "it has not been and will not be sent again by itself."
)


@dataclass(frozen=True)
class Outcome:
    """What a call brought: the data, where the page stands, and for writes what happened.

    `check` says after a write which fields stand as written, where they could be read again.
    `applied` are the arguments that joined those of the caller, because they are set up here.
    `undo` names what would take the write back, where that is kept. `resume` knows of a list how
    to go on at any of its items; it is not told, but used where not all of them can be shown.
    """

    data: Any
    page: dict[str, Any] = field(default_factory=dict)
    applied: Mapping[str, Any] = field(default_factory=dict)
    status: WriteStatus | None = None
    not_done: tuple[FailedItem, ...] = ()
    check: Mapping[str, Any] = field(default_factory=dict)
    undo: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    simulated: bool = False
    resume: Resume | None = field(default=None, compare=False)

    def as_dict(self) -> dict[str, Any]:
        """Write the envelope's part that is the same for every caller; empty keys left out."""
        parts = {
            "data": self.data,
            "page": self.page,
            "applied": dict(self.applied),
            "status": self.status,
            "not_done": [entry.as_dict() for entry in self.not_done],
            "check": dict(self.check),
            "undo": dict(self.undo),
            "warnings": list(self.warnings),
        }
        return {key: value for key, value in parts.items() if key == "data" or value}


def respond(
    operation: Operation,
    vendor: Vendor,
    reply: Reply,
    arguments: Mapping[str, Any],
    redactor: Redactor,
) -> Outcome:
    """Read the vendor's answer to one call.

    Raises:
        UpstreamError: what the vendor said went wrong. A write whose answer says nothing
            certain ends in UnknownOutcome.
    """
    try:
        reading = vendor.read(_named(reply, redactor))
        data = _masked(_data(operation, reading), operation.response.mask)
    except ToolFailure as failure:
        failure = _with_doubt(operation, reply, cleaned(failure, redactor))
        raise failure_after_sending(operation, failure) from None
    if reading.failed and not reading.done:
        raise _all_failed(reading, redactor)
    visible, hidden = clean(data)  # first: what hides a secret from the redactor must be gone
    return Outcome(
        data=redactor.value(visible),
        page=redactor.value(_page(operation, reading.body, data, arguments)),
        status=_status(operation, reading, reply),
        not_done=tuple(_clean_item(entry, redactor) for entry in reading.failed),
        warnings=(*_warnings(reading, reply, redactor), *_told(hidden)),
        simulated=SANDBOX_HEADER in reply.headers,
    )


def _named(reply: Reply, redactor: Redactor) -> Reply:
    """Mask the secrets in the name of a file, before a reader cuts them in two."""
    if _FILE_NAME not in reply.headers:
        return reply
    name = redactor.text(reply.headers[_FILE_NAME])
    return replace(reply, headers={**reply.headers, _FILE_NAME: name})


def _data(operation: Operation, reading: Reading) -> Any:
    if reading.empty and not operation.is_write:
        return []
    try:
        return find(reading.body, operation.response.data)
    except LookupError as error:
        raise UnreadableReply(
            f"The CRM's answer lacks {operation.response.data}, which its document promises.",
            hint="Tell the operator: the CRM may be of another version.",
        ) from error


def _with_doubt(operation: Operation, reply: Reply, failure: ToolFailure) -> ToolFailure:
    """Say that not the record but the address may be missing, where that was only inferred."""
    evidence = operation.source.evidence
    missing = isinstance(failure, NotFound | Rejected) and reply.status in NOWHERE
    if not missing or not evidence.startswith("inferred"):
        return failure
    failure.message += f" The address of this call is {evidence}, not documented by the vendor."
    names_record = bool(operation.ids) or "{" in operation.request.path
    if names_record and reply.status == HTTPStatus.NOT_FOUND:
        failure.hint = f"Check the ids first. If they are right, {_CORRECT_IT}"
    else:
        failure.hint = f"Other arguments do not help: {_CORRECT_IT}"
    return failure


def failure_after_sending(operation: Operation, failure: ToolFailure) -> ToolFailure:
    """Say what a failure after sending means: "try again" is wrong where a write may be done."""
    if not operation.is_write or not isinstance(failure, Unavailable | UnreadableReply):
        return failure
    return UnknownOutcome(
        f"{failure.message} Whether the change was made is not known.",
        hint=LOOK_FIRST,
        vendor_code=failure.vendor_code,
        status="unknown",
    )


def _all_failed(reading: Reading, redactor: Redactor) -> Rejected:
    items = [_clean_item(entry, redactor) for entry in reading.failed]
    reasons = "; ".join(dict.fromkeys(text for entry in items for text in entry.errors))
    return Rejected(
        f"The CRM took no record ({len(items)} failed): {reasons[:500] or 'no reason given'}",
        hint="Mend the records named in not_done and call again.",
        status="not_done",
        not_done=[entry.as_dict() for entry in items],
    )


def _status(operation: Operation, reading: Reading, reply: Reply) -> WriteStatus | None:
    if not operation.is_write:
        return None
    if reply.shortfall is not None:
        return reply.shortfall.status
    return "partly_done" if reading.failed or reading.partial else "done"


def _warnings(reading: Reading, reply: Reply, redactor: Redactor) -> tuple[str, ...]:
    own = (reply.shortfall.words,) if reply.shortfall else ()
    return (*own, *(_clean(text, redactor) for text in reading.warnings))


def cleaned(failure: ToolFailure, redactor: Redactor) -> ToolFailure:
    """Take out of a failure what the CRM's own words may hide or tell."""
    failure.message = _clean(failure.message, redactor)
    failure.args = (failure.message,)  # what a `repr` shows
    failure.vendor_code = _clean(failure.vendor_code, redactor)
    failure.details = redactor.value(clean(failure.details)[0])
    return failure


def _clean_item(entry: FailedItem, redactor: Redactor) -> FailedItem:
    item, _ = clean(entry.item)
    return FailedItem(redactor.value(item), tuple(_clean(text, redactor) for text in entry.errors))


def _clean(text: str, redactor: Redactor) -> str:
    """Clean a sentence of the CRM's; on one line, so that none of it passes for a line of ours."""
    return redactor.text(_LINE_ENDS.sub(" ", clean_text(text)[0]))


def _told(hidden: int) -> tuple[str, ...]:
    if not hidden:
        return ()
    return (f"{hidden} hidden characters were taken out of the CRM's texts.",)


def _masked(data: Any, pointers: tuple[str, ...]) -> Any:
    for pointer in pointers:
        data = changed(data, steps(pointer), lambda value: MASK if value else value)
    return data


def _page(
    operation: Operation, body: Any, data: Any, arguments: Mapping[str, Any]
) -> dict[str, Any]:
    """Say how many came, how many there are, and which arguments bring the next."""
    pagination = operation.pagination
    if pagination is None or not isinstance(data, list):
        return {}
    page: dict[str, Any] = {"returned": len(data)}
    if pagination.style == "none":
        return page
    total = _total(pagination, body)
    position = int(arguments.get(pagination.position, pagination.first))
    usual = operation.properties.get(pagination.size, {}).get("default", 0)
    size = int(arguments.get(pagination.size, usual)) or len(data)
    seen = (position - pagination.first) * (1 if pagination.style == "offset" else size)
    whole = pagination.whole and not {pagination.position, pagination.size} & arguments.keys()
    # A total of 0 beside rows is a known lie of one vendor; a full page then means more.
    # Where neither total nor size is known, an empty page alone says that the list has ended.
    more = seen + len(data) < total if total else not whole and 0 < size <= len(data)
    page |= {"total": total} if total else {}
    page["more"] = more
    if more:
        step = len(data) if pagination.style == "offset" else 1
        page["next"] = {**arguments, pagination.position: position + step}
    return page


def _total(pagination: Pagination, body: Any) -> int:
    try:
        total = find(body, pagination.total) if pagination.total else 0
    except LookupError:
        return 0
    return total if isinstance(total, int) else 0
