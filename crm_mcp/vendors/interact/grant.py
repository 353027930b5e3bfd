"""What a login brings: a token, for how long it is good, or why there is none.

Source in the vendor's document: section 2.5.1.1. `expires` is the time, in milliseconds since the
epoch, at which the token ends, and every call with the token puts that end off.
"""

from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from math import inf
from typing import Any

from pydantic import SecretStr

from crm_mcp.errors import (
    AuthFailed,
    RateLimited,
    Unavailable,
    UnreadableReply,
    UpstreamError,
)
from crm_mcp.vendors.base import HEADER_SAFE, Reply
from crm_mcp.vendors.interact.replies import read_reply
from crm_mcp.vendors.login import NOT_SENT, Grant

_MILLISECONDS = 1000
_YEAR_9999 = 253_402_300_800
LOGIN_HINT = (
    "Tell the person: the operator of this server must check the user name, the password and the "
    "scope that it logs in with."
)


def read_grant(reply: Reply, now: float) -> Grant:
    """Read the answer to a login.

    Args:
        reply: the answer.
        now: the time here, in seconds since the epoch; used where the answer has no date.

    Raises:
        AuthFailed: the login was refused, in whatever words.
        RateLimited, Unavailable, UnreadableReply: it was not judged, or nobody knows.
    """
    try:
        body = read_reply(reply).body
    except UpstreamError as failure:
        raise _without_session(failure) from None
    told = body.get("token") if isinstance(body, dict) else None
    given: dict[str, Any] = told if isinstance(told, dict) else {}
    token = given.get("authToken")
    if not isinstance(token, str) or not HEADER_SAFE.fullmatch(token):
        raise UnreadableReply(
            f"interact took the login, but its answer has no usable token. {NOT_SENT}",
            hint="Tell the operator: the address may lead to another version of interact.",
        )
    return Grant(SecretStr(token), _life(given.get("expires"), _date(reply.headers, now)))


def _without_session(failure: UpstreamError) -> UpstreamError:
    """Say of a failed login what it means for the call that needed it."""
    if isinstance(failure, RateLimited | Unavailable | UnreadableReply):
        failure.message = f"Login: {failure.message} {NOT_SENT}"
        return failure
    message = f"interact does not accept the login of this server. {failure.message} {NOT_SENT}"
    return AuthFailed(message, hint=LOGIN_HINT, vendor_code=failure.vendor_code)


def _life(expires: Any, now: float) -> float:
    """Reckon how long a token is good; nonsense counts as not told, and a 401 will tell."""
    if not isinstance(expires, int) or not 0 < expires < _YEAR_9999 * _MILLISECONDS:
        return inf
    life = expires / _MILLISECONDS - now
    return life if life > 0 else inf


def _date(headers: Mapping[str, str], now: float) -> float:
    """Read the time there: only against its own clock does the CRM's `expires` mean something."""
    try:
        return parsedate_to_datetime(headers["date"]).timestamp()
    except (KeyError, ValueError, OverflowError, OSError):
        return now
