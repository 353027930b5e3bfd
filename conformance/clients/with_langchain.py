"""LangChain's adapters, with their defaults: a new session for each call."""

import asyncio
import json
import os

from langchain_core.tools import ToolException
from langchain_mcp_adapters.client import MultiServerMCPClient


async def main() -> None:
    """List, read and write; what comes back is seen on the wire."""
    server = json.loads(os.environ["CRM_MCP_COMMAND"]) | {"transport": "stdio"}
    client = MultiServerMCPClient({"crm": server})
    tools = {tool.name: tool for tool in await client.get_tools()}
    for call in json.loads(os.environ["CRM_MCP_CALLS"]):
        try:
            await tools[call["name"]].ainvoke(call["arguments"])
        except ToolException as refused:
            print(refused)


asyncio.run(main())
