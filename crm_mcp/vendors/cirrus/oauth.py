"""Tokens of the OAuth 2 service: asked for on first use, shared, renewed early and after a 401.

The client credentials grant of RFC 6749, section 4.4. There is nothing to give back at the end:
a token of this kind ends by itself, and the document knows no way to revoke it.
"""

import time
from base64 import b64encode
from collections.abc import Callable, Generator
from http.client import UNAUTHORIZED
from typing import TYPE_CHECKING
from urllib.parse import quote_plus

import httpx
from oauthlib.oauth2 import BackendApplicationClient

from crm_mcp.vendors.base import Reply, Session, Wire
from crm_mcp.vendors.cirrus.grant import LOGIN_HINT, SERVICE, read_grant
from crm_mcp.vendors.login import Grant, Login

if TYPE_CHECKING:
    from crm_mcp.vendors.cirrus.settings import CirrusSettings

_FORM = "application/x-www-form-urlencoded"
_HEADERS = {
    "accept": "application/json",
    "accept-encoding": "gzip, deflate",
    "content-type": _FORM,
    "user-agent": "crm-mcp",
}
# Under this name a request carries the grant that it was given, until its token joins.
_GRANT = "crm_mcp.grant"
_IS_TOKEN_REQUEST = "crm_mcp.is_token_request"  # noqa: S105 - the name of a mark


class ClientAuth(httpx.Auth, Session):
    """Joins the token to each call, and the client's credentials to the request for one.

    A request that is neither gets nothing.

    Args:
        settings: the client, and where it asks for its tokens.
        clock: in seconds, for the time between two moments here.
    """

    def __init__(
        self, settings: "CirrusSettings", clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings = settings
        self._login = Login(SERVICE, LOGIN_HINT, clock)

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        """Send the request with what it needs: the last step before the wire."""
        grant: Grant | None = request.extensions.get(_GRANT)
        if request.extensions.get(_IS_TOKEN_REQUEST):
            request = self._with_credentials(request)
        elif grant is not None:
            request.headers["Authorization"] = f"Bearer {grant.token.get_secret_value()}"
        yield request

    async def carry(self, request: httpx.Request, wire: Wire) -> Reply:
        """Send a request with a token, and once more with a new one if that was refused.

        A 401 says that Cirrus did not know who was calling, and so did nothing: this makes the
        repeat safe for writes too. What the second attempt brings is the answer.

        Raises:
            NoAnswerError: from the wire.
            AuthFailed, Unavailable, RateLimited, UnreadableReply: there is no token.
        """
        grant = await self._login.opened(wire, self._ask)
        reply = await self._sent(request, grant, wire)
        if reply.status == UNAUTHORIZED:
            grant = await self._login.opened(wire, self._ask, refused=grant)
            reply = await self._sent(request, grant, wire)
        return reply

    async def close(self, wire: Wire) -> None:
        """End nothing: the token does that by itself."""

    @staticmethod
    async def _sent(request: httpx.Request, grant: Grant, wire: Wire) -> Reply:
        request.extensions[_GRANT] = grant
        return await wire.send(request)

    async def _ask(self, wire: Wire) -> tuple[Grant, Reply]:
        """Ask for a token; to the wire it is no write, and no part of one."""
        mark = {_IS_TOKEN_REQUEST: True}
        address = str(self._settings.token_url)
        reply = await wire.send(httpx.Request("POST", address, headers=_HEADERS, extensions=mark))
        return read_grant(reply), reply

    def _with_credentials(self, request: httpx.Request) -> httpx.Request:
        """Make the request for a token: what the service must know, never in the address."""
        given = self._settings
        name = given.client_id or ""
        secret = given.client_secret.get_secret_value() if given.client_secret else ""
        client = BackendApplicationClient(name)
        in_body = given.client_auth == "body"
        body = client.prepare_request_body(
            scope=given.scope,
            include_client_id=in_body,
            client_secret=secret if in_body else None,
        )
        headers = httpx.Headers(request.headers)
        headers.pop("content-length", None)
        if not in_body:
            headers["Authorization"] = _basic(name, secret)
        return httpx.Request(
            request.method,
            request.url,
            headers=headers,
            content=body.encode(),
            extensions=request.extensions,
        )


def _basic(name: str, secret: str) -> str:
    """Write both as section 2.3.1 wants them: each as in a form, then as in RFC 7617."""
    pair = f"{quote_plus(name)}:{quote_plus(secret)}"
    return f"Basic {b64encode(pair.encode()).decode()}"
