"""Servers that others would run for the same operations; each in an environment of its own.

`python servers.py KIND SPECIFICATION BASE_URL` serves one of them on stdio. KIND is `fastmcp`
(its OpenAPI provider) or `lowlevel` (the MCP SDK alone, with the same tools and a bare httpx call).
AWS Labs' server has a command of its own.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

HASH = "benchmark"


def serve_fastmcp(specification: dict[str, Any], base_url: str) -> None:
    """Serve by FastMCP's OpenAPI provider."""
    import httpx2
    from fastmcp import FastMCP

    client = httpx2.AsyncClient(base_url=base_url, trust_env=False)
    FastMCP.from_openapi(specification, client=client, name="peer").run(show_banner=False)


async def serve_lowlevel(specification: dict[str, Any], base_url: str) -> None:
    """Serve by the SDK's low-level server, without checks, guard or anything else of ours."""
    import httpx
    from mcp import types
    from mcp.server import Server
    from mcp.server.stdio import stdio_server

    paths = {one["post"]["operationId"]: path for path, one in specification["paths"].items()}
    tools = [_tool(one["post"]) for one in specification["paths"].values()]
    client = httpx.AsyncClient(base_url=base_url, trust_env=False)

    async def list_tools(_ctx: Any, _params: Any) -> Any:
        return types.ListToolsResult.model_validate({"tools": tools})

    async def call_tool(_ctx: Any, params: Any) -> Any:
        query = {
            name: value if isinstance(value, str) else json.dumps(value)
            for name, value in (params.arguments or {}).items()
        }
        reply = await client.post(paths[params.name], params=query, data={"hash": HASH})
        data = reply.json()
        text = types.TextContent(type="text", text=json.dumps(data))
        return types.CallToolResult(content=[text], structured_content=data)

    server: Any = Server("peer", on_list_tools=list_tools, on_call_tool=call_tool)
    async with stdio_server() as (incoming, outgoing):
        await server.run(incoming, outgoing, server.create_initialization_options())


def _tool(operation: dict[str, Any]) -> dict[str, Any]:
    """Make one entry of the list from an operation of the specification."""
    properties = {
        one["name"]: {**one["schema"], "description": one["description"]}
        for one in operation["parameters"]
    }
    return {
        "name": operation["operationId"],
        "title": operation["summary"],
        "description": operation["description"],
        "inputSchema": {
            "type": "object",
            "properties": properties,
            "required": [one["name"] for one in operation["parameters"] if one["required"]],
            "additionalProperties": False,
        },
    }


def main(kind: str, specification: str, base_url: str) -> None:
    """Serve one kind."""
    document = json.loads(Path(specification).read_text(encoding="utf-8"))
    if kind == "fastmcp":
        serve_fastmcp(document, base_url)
    else:
        asyncio.run(serve_lowlevel(document, base_url))


if __name__ == "__main__":
    main(*sys.argv[1:4])
