"""Step 8: envelopes as MCP results: structured content, and the same as compact JSON text."""

from typing import Any

from mcp_types import CallToolResult, TextContent

from crm_mcp.envelope import as_text


def tool_result(envelope: dict[str, Any]) -> CallToolResult:
    """Wrap an envelope; one with an error is marked as such."""
    return CallToolResult(
        content=[TextContent(type="text", text=as_text(envelope))],
        structured_content=envelope,
        is_error="error" in envelope,
    )
