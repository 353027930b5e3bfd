"""`crm-mcp approvals web`: a page on which a person decides, on this machine only."""

import secrets
from contextlib import suppress

import typer

from crm_mcp.commands.setup import listen, start_logging
from crm_mcp.config import Settings

HOST = "127.0.0.1"
PATIENCE_SECONDS = 2


def serve_page(settings: Settings, port: int) -> None:
    """Print the address and serve the page until interrupted.

    Raises:
        ConfigError: the port cannot be had.
    """
    # Imported only here: no other command serves HTML.
    import uvicorn

    from crm_mcp.web.app import approval_app

    start_logging(settings)
    token = secrets.token_urlsafe(32)
    with listen(HOST, port) as listener:
        origin = f"http://{HOST}:{listener.getsockname()[1]}"
        config = uvicorn.Config(
            approval_app(settings, token, origin),
            log_config=None,
            log_level=settings.general.log_level.lower(),
            access_log=False,  # it would write the token down
            lifespan="off",
            ws="none",
            server_header=False,
            timeout_graceful_shutdown=PATIENCE_SECONDS,
        )
        typer.echo(f"{origin}/enter?token={token}")
        typer.echo(
            "Open this address in a browser on this machine; it works once. Ctrl-C ends the page.",
            err=True,
        )
        with suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[listener])
