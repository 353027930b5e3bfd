"""The OpenAI Agents SDK, with its defaults; all tools are also made strict for a model."""

import asyncio
import json
import os

from agents.mcp import MCPServerStdio, MCPUtil


async def main() -> None:
    """List, convert, read and write; what comes back is seen on the wire."""
    server = MCPServerStdio(
        json.loads(os.environ["CRM_MCP_COMMAND"]), client_session_timeout_seconds=60
    )
    async with server:
        for tool in await server.list_tools():
            MCPUtil.to_function_tool(tool, server, convert_schemas_to_strict=True)
        for call in json.loads(os.environ["CRM_MCP_CALLS"]):
            await server.call_tool(call["name"], call["arguments"])


asyncio.run(main())
