"""`crm-mcp serve`: the MCP server on standard input and output."""

import gc
from importlib.util import find_spec

import anyio

from crm_mcp.commands.setup import Setup
from crm_mcp.server import build_server
from crm_mcp.stdio import stdio_streams


def serve(setup: Setup) -> None:
    """Serve one client until it closes standard input."""
    gc.freeze()  # what start-up made stays; see __main__.py
    gc.enable()
    uvloop = find_spec("uvloop") is not None
    anyio.run(_serve, setup, backend_options={"use_uvloop": uvloop})


async def _serve(setup: Setup) -> None:
    async with setup.open() as app, stdio_streams() as (incoming, outgoing):
        server = build_server(app)
        await server.run(incoming, outgoing, server.create_initialization_options())
