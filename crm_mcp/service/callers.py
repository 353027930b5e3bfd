"""Who calls over HTTP: who the token of each single request names."""

from typing import Any

from mcp import MCPError
from mcp.server import ServerRequestContext
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser, BearerAuthBackend
from mcp.server.auth.provider import AccessToken, TokenVerifier
from mcp.server.auth.routes import build_resource_metadata_url
from mcp_types import INVALID_REQUEST
from pydantic import AnyHttpUrl
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from crm_mcp.identity import Identity
from crm_mcp.rights import READ, WRITE, Rights
from crm_mcp.service.answers import answer
from crm_mcp.service.oauth import IssuedTokens, IssuerKeys
from crm_mcp.service.tokens import TokenFile
from crm_mcp.service_settings import ServiceSettings

ANYONE = AuthenticatedUser(AccessToken(token="", client_id="anyone", scopes=[READ, WRITE]))
"""The one caller that everybody on this machine is, where it is set so."""


def verifier_of(settings: ServiceSettings) -> TokenVerifier | None:
    """Choose by the settings who checks tokens; nobody does where anyone may call."""
    if settings.tokens is not None:
        return TokenFile(settings.tokens)
    if settings.issuer and settings.keys_url and settings.url:
        return IssuedTokens(settings.issuer, settings.url, IssuerKeys(settings.keys_url))
    return None


class Callers:
    """Lets a request through when a token of its own names its caller.

    Every request of a session is looked at, not the first alone: a token may end meanwhile, or
    have fewer scopes than the one before.
    """

    def __init__(self, app: ASGIApp, settings: ServiceSettings) -> None:
        self._app = app
        verifier = verifier_of(settings)
        self._backend = BearerAuthBackend(verifier) if verifier else None
        self._challenge = _challenge(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Find the caller, or answer 401 or 403."""
        user = await self._find(scope)
        if user is None:
            return await self._refuse(scope, receive, send, 401, "invalid_token")
        scope["user"] = user
        if not Rights.of(user.scopes).scopes:
            return await self._refuse(scope, receive, send, 403, "insufficient_scope")
        return await self._app(scope, receive, send)

    async def _find(self, scope: Scope) -> AuthenticatedUser | None:
        if self._backend is None:
            return ANYONE
        found = await self._backend.authenticate(HTTPConnection(scope))
        return found[1] if found else None

    async def _refuse(
        self, scope: Scope, receive: Receive, send: Send, status: int, error: str
    ) -> None:
        told = f'Bearer error="{error}", scope="{READ} {WRITE}"{self._challenge}'
        await answer(status, error, {"www-authenticate": told})(scope, receive, send)


def _challenge(settings: ServiceSettings) -> str:
    """Point a client to where it learns who issues tokens."""
    if not (settings.issuer and settings.url):
        return ""
    return f', resource_metadata="{build_resource_metadata_url(AnyHttpUrl(settings.url))}"'


def caller_name(scope: Scope) -> str:
    """Name the caller of a request that was let in; empty for others."""
    user = scope.get("user")
    return user.access_token.client_id if isinstance(user, AuthenticatedUser) else ""


def identify(ctx: ServerRequestContext[Any]) -> Identity:
    """Tell who sent the HTTP request that carries a message.

    Raises:
        MCPError: no request carries it, or nobody looked at its token.
    """
    request = ctx.request
    user = request.scope.get("user") if isinstance(request, HTTPConnection) else None
    if not isinstance(user, AuthenticatedUser):
        raise MCPError(INVALID_REQUEST, "Nobody can say who sent this request.")
    return Identity(user.access_token.client_id, Rights.of(user.scopes))
