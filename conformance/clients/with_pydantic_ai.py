"""Pydantic AI, with its defaults."""

import asyncio
import json
import os

from fastmcp.client.transports import StdioTransport
from fastmcp.exceptions import ToolError
from pydantic_ai.mcp import MCPToolset


async def main() -> None:
    """List, read and write; what comes back is seen on the wire."""
    toolset = MCPToolset(
        StdioTransport(**json.loads(os.environ["CRM_MCP_COMMAND"])), tool_error_behavior="error"
    )
    async with toolset:
        await toolset.list_tools()
        for call in json.loads(os.environ["CRM_MCP_CALLS"]):
            try:
                await toolset.direct_call_tool(call["name"], call["arguments"])
            except ToolError as refused:
                print(refused)


asyncio.run(main())
