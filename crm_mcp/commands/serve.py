"""`crm-mcp serve`: the MCP server on standard input and output."""

from crm_mcp.commands.setup import Setup, run_server
from crm_mcp.server import build_server
from crm_mcp.stdio import stdio_streams


def serve(setup: Setup) -> None:
    """Serve one client until it closes standard input."""
    run_server(_serve, setup)


async def _serve(setup: Setup) -> None:
    async with setup.open() as app, stdio_streams() as (incoming, outgoing):
        server = build_server(app)
        await server.run(incoming, outgoing, server.create_initialization_options())
