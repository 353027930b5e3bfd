"""What the OAuth 2 service answers: a token and for how long it is good, or why there is none.

RFC 6749, sections 5.1 and 5.2. The service may be anybody's, so the library gets its answer only
once that is known to be made of texts and numbers.
"""

import json
from http.client import BAD_REQUEST, FORBIDDEN, UNAUTHORIZED
from math import inf
from typing import Any

from oauthlib.oauth2 import BackendApplicationClient, OAuth2Error
from pydantic import SecretStr

from crm_mcp.errors import AuthFailed, RateLimited, Unavailable, UnreadableReply, UpstreamError
from crm_mcp.vendors.base import HEADER_SAFE, Reply, decode_json, http_failure
from crm_mcp.vendors.login import NOT_SENT, Grant

SERVICE = "The login service of Cirrus"
LOGIN_HINT = (
    "Tell the person: the operator of this server must check the client and the secret that it "
    "logs in with."
)
ADDRESS_HINT = "Tell the person: the operator must check the address of the login service."
# So long before its end a token is renewed: a call may wait for its turn meanwhile.
MARGIN_SECONDS = 30.0
MAX_CODE = 64
MAX_WORDS = 500
MAX_DIGITS = 15
_REFUSALS = (BAD_REQUEST, UNAUTHORIZED, FORBIDDEN)
_TEXTS = ("access_token", "token_type", "error", "error_description")


def read_grant(reply: Reply) -> Grant:
    """Read the answer to a request for a token.

    Raises:
        AuthFailed: the service refused this client, in whatever words.
        RateLimited, Unavailable, UnreadableReply: it did not judge, or nobody knows.
    """
    if failure := _not_judged(reply):
        raise failure
    told = _told(reply)
    if "error" in told or reply.status in _REFUSALS:
        raise _refused(reply, told)
    try:
        token = BackendApplicationClient("").parse_request_body_response(json.dumps(told))
    except OAuth2Error:
        raise _unreadable() from None
    access, kind = token["access_token"], token.get("token_type", "bearer")
    if kind.lower() != "bearer" or not HEADER_SAFE.fullmatch(access):
        raise _unreadable()
    return Grant(SecretStr(access), _life(token.get("expires_in")), MARGIN_SECONDS)


def _not_judged(reply: Reply) -> UpstreamError | None:
    """Say what keeps the service from answering; None where it did answer."""
    failure = http_failure(reply)
    if failure is None or reply.status in _REFUSALS:
        return None
    failure.message = f"{failure.message.replace('The CRM', SERVICE, 1)} {NOT_SENT}"
    if isinstance(failure, RateLimited) or reply.status >= 500:  # noqa: PLR2004 - HTTP
        return failure
    return Unavailable(failure.message, hint=ADDRESS_HINT, vendor_code=failure.vendor_code)


def _told(reply: Reply) -> dict[str, Any]:
    """Take out of an answer what the standard names, where it has the form that it should."""
    try:
        body = decode_json(reply)
    except UnreadableReply:
        body = None
    given = body if isinstance(body, dict) else {}
    told: dict[str, Any] = {name: given[name] for name in _TEXTS if _is_text(given.get(name))}
    # Some write the number as a text; nonsense counts as not told, and a 401 will tell.
    seconds = str(given.get("expires_in")).partition(".")[0]
    if seconds.isascii() and seconds.isdecimal() and len(seconds) <= MAX_DIGITS:
        told["expires_in"] = int(seconds)
    return told


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def _life(seconds: int | None) -> float:
    return float(seconds) if seconds else inf


def _refused(reply: Reply, told: dict[str, Any]) -> AuthFailed:
    """Tell a refusal, in the standard's code and the service's words, if it gave any."""
    code, words = told.get("error", "")[:MAX_CODE], told.get("error_description", "")[:MAX_WORDS]
    said = ", ".join(part for part in (f"HTTP {reply.status}", code, words.rstrip(".")) if part)
    return AuthFailed(
        f"{SERVICE} does not accept this server ({said}). {NOT_SENT}",
        hint=LOGIN_HINT,
        vendor_code=code or str(reply.status),
    )


def _unreadable() -> UnreadableReply:
    return UnreadableReply(
        f"{SERVICE} answered, but not with a token that can be used. {NOT_SENT}",
        hint=ADDRESS_HINT,
    )
