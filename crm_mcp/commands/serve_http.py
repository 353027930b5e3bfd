"""`crm-mcp serve --http`: the MCP server for many callers, until it is told to stop."""

import asyncio
import logging
import socket
from types import FrameType

import anyio
import typer
import uvicorn

from crm_mcp.app import App
from crm_mcp.commands.setup import Setup, listen, run_server
from crm_mcp.errors import ConfigError
from crm_mcp.service.app import service_app
from crm_mcp.service.denials import RefusalRecord
from crm_mcp.service.limits import MAX_HEADER_BYTES, PatientProtocol
from crm_mcp.service.observe import observed
from crm_mcp.service_settings import PATH

MAX_CONNECTIONS = 1_000
ANSWER_SECONDS = 0.5
"""For the answer of the last write to leave: streams are cut off right afterwards."""
LAST_SECONDS = 5
"""For all else that is under way."""
CUT = "without completing response"
"""How the HTTP library tells of a stream that was cut off."""


def serve_http(setup: Setup) -> None:
    """Listen until SIGTERM or SIGINT; says where on standard error.

    Raises:
        ConfigError: nobody may call, the key that replicas share is missing, or the port cannot
            be had.
    """
    settings = setup.settings.http
    if not settings.knows_callers:
        raise ConfigError(
            "it is not set who may call. Set CRM_MCP_HTTP_TOKENS to a file of callers (crm-mcp "
            "token makes one), CRM_MCP_HTTP_ISSUER to who issues their OAuth tokens, or "
            "CRM_MCP_HTTP_ANYONE=true to let in everybody on this machine."
        )
    if setup.settings.general.state_url is not None and settings.state_key is None:
        raise ConfigError(
            "CRM_MCP_HTTP_STATE_KEY is missing: replicas that share CRM_MCP_STATE_URL must share "
            "the key of their questions and sessions too."
        )
    with listen(settings.host, settings.port) as listener:
        run_server(_serve, setup, listener)


async def _serve(setup: Setup, listener: socket.socket) -> None:
    async with setup.open() as app:
        host, port = listener.getsockname()[:2]
        name = f"[{host}]" if ":" in host else host
        typer.echo(f"crm-mcp serves http://{name}:{port}{PATH}", err=True)
        with observed(setup.settings.telemetry, app.ledger):
            await DrainingServer(app).run_at(listener)


class DrainingServer(uvicorn.Server):
    """Stops in steps: no new request, no new write, the end of writes under way, the rest."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._stop = anyio.Event()
        self._is_stopping = False
        self._loop = asyncio.get_running_loop()
        refusals = RefusalRecord(app.audit)
        unread = {"unread": staticmethod(refusals.unread)}
        proxies = list(app.settings.http.proxies)
        super().__init__(
            uvicorn.Config(
                service_app(app, lambda: self._is_stopping, refusals=refusals),
                http=type("RecordingProtocol", (PatientProtocol,), unread),
                ws="none",
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                # Not left to the default: that believes every process of this machine.
                proxy_headers=bool(proxies),
                forwarded_allow_ips=proxies,
                h11_max_incomplete_event_size=MAX_HEADER_BYTES,
                limit_concurrency=MAX_CONNECTIONS,
                timeout_graceful_shutdown=LAST_SECONDS,
            )
        )

    async def run_at(self, listener: socket.socket) -> None:
        """Serve until it is told to stop, and has."""
        log = logging.getLogger("uvicorn.error")
        log.addFilter(self._is_news)
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._drain)
                await self.serve(sockets=[listener])
                tasks.cancel_scope.cancel()
        finally:
            log.removeFilter(self._is_news)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to stop; a second signal does not wait for writes."""
        if self._is_stopping:
            super().handle_exit(sig, frame)
            return
        self._is_stopping = True
        # A signal may come between any two steps of the loop.
        self._loop.call_soon_threadsafe(self._stop.set)

    def _is_news(self, record: logging.LogRecord) -> bool:
        """Leave out that streams are cut off by the end: all that are open end so."""
        error = record.exc_info[1] if record.exc_info else None
        was_cut = isinstance(error, asyncio.CancelledError) or CUT in str(record.msg)
        return not (self._is_stopping and was_cut)

    async def _drain(self) -> None:
        await self._stop.wait()
        await self._app.pipeline.drain.close(leave=ANSWER_SECONDS)
        self.should_exit = True
