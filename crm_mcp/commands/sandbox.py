"""`crm-mcp sandbox`: the embedded stand-in on a loopback port."""

import shlex

import typer

from crm_mcp.app import load_catalogue
from crm_mcp.commands.setup import listen
from crm_mcp.sandbox.app import Sandbox

HOST = "127.0.0.1"


def serve_sandbox(port: int) -> None:
    """Serve until interrupted; prints the settings that lead another server here.

    Raises:
        ConfigError: the port cannot be had.
    """
    import uvicorn

    sandbox = Sandbox(load_catalogue())
    listener = listen(HOST, port)
    origin = f"http://{HOST}:{listener.getsockname()[1]}"
    for vendor in sandbox.vendors:
        for name, value in sandbox.settings(vendor, origin).items():
            typer.echo(f"CRM_MCP_{vendor.upper()}_{name.upper()}={shlex.quote(value)}")
    typer.echo("Serving made-up data on this machine only; Ctrl-C ends it.", err=True)
    config = uvicorn.Config(sandbox.app, log_level="warning", lifespan="off", ws="wsproto")
    uvicorn.Server(config).run(sockets=[listener])
