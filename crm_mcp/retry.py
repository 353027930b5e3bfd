"""Step 6b: may a request be sent again, and when? Pure.

Reads go again on connect errors, 429, 502, 503 and 504. A write goes again only where it cannot
have happened: nothing left this machine, or the CRM said 429; an action not even on 429. Neither
does a write that is a GET: what stands on its way may have repeated it, and says nothing certain.
"""

from enum import Enum
from http import HTTPStatus

from crm_mcp.operation import Operation
from crm_mcp.vendors.base import Reply, retry_after

MAX_ATTEMPTS = 3
MAX_WAIT_SECONDS = 30.0
FIRST_WAIT_SECONDS = 0.5

_BUSY = frozenset(
    {HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}
)


class Lost(Enum):
    """No usable answer: never sent, perhaps arrived, or answered beyond all bounds."""

    UNSENT = "unsent"
    MAYBE_SENT = "maybe_sent"
    TOO_LARGE = "too_large"


def wait_before_retry(operation: Operation, result: Reply | Lost, attempt: int) -> float | None:
    """Say how many seconds to wait before sending again; None means never.

    Args:
        operation: what was called.
        result: what came of the last attempt.
        attempt: the number of that attempt, from 1.
    """
    if attempt >= MAX_ATTEMPTS or not _may_go_again(operation, result):
        return None
    asked = retry_after(result.headers) if isinstance(result, Reply) else None
    wait = FIRST_WAIT_SECONDS * 2 ** (attempt - 1) if asked is None else asked
    return wait if wait <= MAX_WAIT_SECONDS else None


def _may_go_again(operation: Operation, result: Reply | Lost) -> bool:
    if isinstance(result, Lost):
        return result is Lost.UNSENT
    if operation.is_write and operation.request.method == "GET":
        return False
    if result.status == HTTPStatus.TOO_MANY_REQUESTS:
        return operation.effect != "action"
    return operation.repeatable and result.status in _BUSY
