"""The service as one ASGI app, from the outside in: record, bounds, caller, turn, body, MCP."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from anyio import to_thread
from mcp.server.auth.routes import create_protected_resource_routes
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from pydantic import AnyHttpUrl
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route

from crm_mcp.app import App
from crm_mcp.errors import StateError
from crm_mcp.rights import READ, WRITE
from crm_mcp.server import build_server
from crm_mcp.service.answers import answer
from crm_mcp.service.approvals import TeamPage
from crm_mcp.service.callers import Callers, identify, verifier_of
from crm_mcp.service.denials import Denials, RefusalRecord
from crm_mcp.service.limits import Bounds, Turns, WholeBody
from crm_mcp.service.observe import RequestIds
from crm_mcp.service_settings import PATH, ROOT, ServiceSettings
from crm_mcp.views import Views

if TYPE_CHECKING:
    from mcp.server import Server
    from mcp.server.auth.provider import TokenVerifier
    from mcp.server.streamable_http import EventStore
    from starlette.types import ASGIApp

MAX_SESSIONS = 1_000
IDLE_SECONDS = 1_800.0
RETRY_MS = 100


def service_app(
    app: App,
    is_stopping: Callable[[], bool],
    server: "Server[Any] | None" = None,
    events: "EventStore | None" = None,
    refusals: RefusalRecord | None = None,
) -> Starlette:
    """Put an app behind HTTP: `/mcp` for callers, `/healthz` and `/readyz` for whoever runs it.

    Args:
        app: what is served.
        is_stopping: whether the server takes no new requests.
        server: of the app, if it is not the usual one.
        events: keeps what a client of the handshake era may have missed; by default nothing does,
            and such a client asks again.
        refusals: where refused requests are recorded, if somebody else refuses some too.

    Raises:
        ConfigError: a table of `access` gives what there is not.
    """
    settings = app.settings.http
    refusals = refusals or RefusalRecord(app.audit)
    views, verifier = Views(app), verifier_of(settings)
    views.check(app.settings.access)
    sessions = StreamableHTTPSessionManager(
        server or build_server(app, identify=identify, views=views),
        event_store=events,
        retry_interval=RETRY_MS if events else None,
        security_settings=TransportSecuritySettings(
            allowed_hosts=settings.hosts, allowed_origins=settings.pages
        ),
        max_request_body_size=settings.max_body_bytes,
        max_sessions=MAX_SESSIONS,
        session_idle_timeout=IDLE_SECONDS,
    )
    guarded: ASGIApp = WholeBody(sessions.handle_request, settings.max_body_bytes)
    guarded = Callers(Turns(guarded, settings.max_calls), app.settings, views, verifier)
    guarded = Denials(Bounds(guarded, is_stopping), refusals)

    @asynccontextmanager
    async def running(_: Starlette) -> AsyncIterator[None]:
        async with sessions.run():
            yield

    routes: list[BaseRoute] = [
        Route(PATH, endpoint=RequestIds(guarded)),
        Route("/healthz", endpoint=_is_alive, methods=["GET"]),
        Route("/readyz", endpoint=_readiness(app, is_stopping), methods=["GET"]),
        *_metadata(settings),
        *_page(app, verifier, is_stopping, refusals),
    ]
    return Starlette(routes=routes, lifespan=running)


def _readiness(
    app: App, is_stopping: Callable[[], bool]
) -> Callable[[Request], Awaitable[Response]]:
    """Answer whether requests are taken."""

    async def is_ready(_: Request) -> Response:
        if is_stopping():
            return answer(503, "stopping")
        try:
            await to_thread.run_sync(app.ledger.check)
        except StateError:
            if app.settings.general.state_url is None:
                return answer(503, "state_unusable")
            # All replicas share it: taken out of service together, they could not even read.
            return Response("ready to read, not to write\n", media_type="text/plain")
        return Response("ready\n", media_type="text/plain")

    return is_ready


async def _is_alive(_: Request) -> Response:
    return Response("alive\n", media_type="text/plain")


def _page(
    app: App,
    verifier: "TokenVerifier | None",
    is_stopping: Callable[[], bool],
    refusals: RefusalRecord,
) -> list[BaseRoute]:
    """Show a team its questions, where it is known who asks."""
    if verifier is None:
        return []
    page = Bounds(TeamPage(app, verifier).asgi(), is_stopping)
    return [Mount(ROOT, app=RequestIds(Denials(page, refusals)))]


def _metadata(settings: ServiceSettings) -> list[Route]:
    """Tell clients who issues the tokens, where somebody does."""
    if not (settings.issuer and settings.url):
        return []
    return create_protected_resource_routes(
        AnyHttpUrl(settings.url), [AnyHttpUrl(settings.issuer)], [READ, WRITE], "crm-mcp"
    )
