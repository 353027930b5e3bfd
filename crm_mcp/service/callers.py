"""Who calls over HTTP: who the token of each single request names."""

from typing import Any

from mcp import MCPError
from mcp.server import ServerRequestContext
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser, BearerAuthBackend
from mcp.server.auth.provider import AccessToken, TokenVerifier
from mcp.server.auth.routes import build_resource_metadata_url
from mcp_types import INVALID_REQUEST
from pydantic import AnyHttpUrl, ValidationError
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from crm_mcp.access import Narrowing, TooWideError, access_of
from crm_mcp.config import Settings
from crm_mcp.errors import ConfigError, first_problem
from crm_mcp.identity import Identity
from crm_mcp.rights import READ, WRITE, Rights
from crm_mcp.service.answers import answer
from crm_mcp.service.oauth import IssuedTokens, IssuerKeys
from crm_mcp.service.tokens import GROUPS, TokenFile
from crm_mcp.service_settings import ROOT, ServiceSettings
from crm_mcp.views import Views

IDENTITY = "crm_mcp.identity"
WHY = "crm_mcp.why"
"""Where a request keeps who sent it, and why it was refused."""
NARROWING = {f"x-crm-{name}": name for name in Narrowing.model_fields}
"""The headers by which a caller narrows what they see; each stands once in a request."""
ANYONE = AuthenticatedUser(AccessToken(token="", client_id="anyone", scopes=[READ, WRITE]))
"""The one caller that everybody on this machine is, where it is set so."""


def verifier_of(settings: ServiceSettings) -> TokenVerifier | None:
    """Choose by the settings who checks tokens; nobody does where anyone may call."""
    if settings.tokens is not None:
        return TokenFile(settings.tokens)
    if settings.issuer and settings.keys_url and settings.url:
        keys = IssuerKeys(settings.keys_url)
        return IssuedTokens(settings.issuer, settings.url, keys, settings.groups_claim)
    return None


class Callers:
    """Lets a request through when a token of its own names its caller.

    Every request of a session is looked at, not the first alone: a token may end meanwhile, or
    have fewer scopes than the one before.
    """

    def __init__(
        self, app: ASGIApp, settings: Settings, views: Views, verifier: TokenVerifier | None
    ) -> None:
        self._app = app
        self._views = views
        self._access = settings.access
        self._http = settings.http
        self._backend = BearerAuthBackend(verifier) if verifier else None
        self._challenge = _challenge(settings.http)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Find the caller and what there is for them, or answer 401 or 403."""
        user = await self._find(scope)
        if user is None:
            return await self._refuse(scope, receive, send, 401, "invalid_token")
        scope["user"] = user
        if not Rights.of(user.scopes).calls:
            return await self._refuse(scope, receive, send, 403, "insufficient_scope")
        try:
            scope[IDENTITY] = self._identity(user, Headers(scope=scope))
        except (TooWideError, ConfigError) as error:
            scope[WHY] = str(error)
            refusal = answer(403, "not_for_this_caller", message=str(error))
            return await refusal(scope, receive, send)
        return await self._app(scope, receive, send)

    async def _find(self, scope: Scope) -> AuthenticatedUser | None:
        if self._backend is None:
            return ANYONE
        found = await self._backend.authenticate(HTTPConnection(scope))
        return found[1] if found else None

    def _identity(self, user: AuthenticatedUser, headers: Headers) -> Identity:
        """Say who calls, and what is left for them.

        Raises:
            TooWideError: nothing is, or they want more than there is for them.
            ConfigError: they name tools or toolsets that do not exist.
        """
        token = user.access_token
        groups = (token.claims or {}).get(GROUPS, [])
        theirs = access_of(self._access, token.client_id, groups)
        if theirs is None:
            raise TooWideError("the operator's settings give this caller access to nothing")
        narrowings = tuple(one for one in (theirs, _wish(headers)) if one != Narrowing())
        # Which Host it may be is looked at before anything is called.
        page = self._http.page or f"http://{headers.get('host', '')}{ROOT}"
        page = page if self._backend else ""
        identity = Identity(token.client_id, Rights.of(user.scopes), narrowings, page)
        self._views.of(identity)
        return identity

    async def _refuse(
        self, scope: Scope, receive: Receive, send: Send, status: int, error: str
    ) -> None:
        told = f'Bearer error="{error}", scope="{READ} {WRITE}"{self._challenge}'
        await answer(status, error, {"www-authenticate": told})(scope, receive, send)


def _wish(headers: Headers) -> Narrowing:
    """Read how a caller narrows what they see.

    Raises:
        TooWideError: it cannot be read, and so nobody knows what it leaves out.
    """
    named = {name: headers[header] for header, name in NARROWING.items() if header in headers}
    for name, value in named.items():
        if not value.strip(" ,"):  # what is left is nothing, and an empty list would mean all
            raise TooWideError(f"{name} is empty")
    try:
        return Narrowing.model_validate(named)
    except ValidationError as error:
        raise TooWideError(first_problem(error)) from None


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
    identity = request.scope.get(IDENTITY) if isinstance(request, HTTPConnection) else None
    if not isinstance(identity, Identity):
        raise MCPError(INVALID_REQUEST, "Nobody can say who sent this request.")
    return identity
