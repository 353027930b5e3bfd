"""Who is let in: by a token in `X-Token`, or by a bearer that the login service gave."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from types import MappingProxyType
from urllib.parse import unquote_plus

from crm_mcp.sandbox.base import Answer, Call, json_answer
from crm_mcp.sandbox.cirrus.world import RefusalError

TOKEN = "sandbox-token-of-maya"  # noqa: S105 - made up
CLIENT: Mapping[str, str] = MappingProxyType(
    {"client_id": "sandbox-client", "client_secret": "sandbox-secret-of-the-client"}
)
TOKEN_PATH = "/oauth/token"  # noqa: S105 - an address
LIFE_SECONDS = 3600


@dataclass
class Access:
    """The tokens that are good: Maya's own for ever, and those of the login service for an hour."""

    bearers: dict[str, datetime] = field(default_factory=dict)
    given: int = 0

    def check(self, call: Call, now: datetime) -> None:
        """Let a call in.

        Raises:
            RefusalError: 401.
        """
        scheme, _, bearer = call.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and bearer:
            good = now < self.bearers.get(bearer, now)
        else:
            good = call.headers.get("x-token") == TOKEN
        if not good:
            raise RefusalError(HTTPStatus.UNAUTHORIZED, "X-Token is missing or not valid")

    def grant(self, call: Call, now: datetime) -> Answer:
        """Give a token to the client (RFC 6749, section 4.4), named in a header or in the form."""
        form = dict(call.form)
        if form.get("grant_type") != "client_credentials":
            return json_answer({"error": "unsupported_grant_type"}, HTTPStatus.BAD_REQUEST)
        named = _basic(call) or (form.get("client_id"), form.get("client_secret"))
        if named != tuple(CLIENT.values()):
            return json_answer({"error": "invalid_client"}, HTTPStatus.UNAUTHORIZED)
        self.given += 1
        token = f"sandbox-bearer-{self.given}"
        self.bearers[token] = now + timedelta(seconds=LIFE_SECONDS)
        told = {"access_token": token, "token_type": "Bearer", "expires_in": LIFE_SECONDS}
        return json_answer(told)

    def expire(self) -> None:
        """End all tokens that the login service gave."""
        self.bearers.clear()


def _basic(call: Call) -> tuple[str, str] | None:
    scheme, _, pair = call.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        text = base64.b64decode(pair, validate=True).decode()
    except (binascii.Error, ValueError):
        return "", ""
    name, _, secret = text.partition(":")
    return unquote_plus(name), unquote_plus(secret)
