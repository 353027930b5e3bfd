"""Step 8: envelopes as MCP results: structured content, and the same as compact JSON text."""

import mimetypes
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

from mcp_types import CallToolResult, ContentBlock, ResourceLink, TextContent

from crm_mcp.envelope import as_text
from crm_mcp.operation import Operation
from crm_mcp.pointer import find_all

MAX_LINKS = 25
_WEB_ADDRESS = re.compile(r"https?://[!-~]{1,2000}", re.ASCII)


def tool_result(envelope: dict[str, Any], operation: Operation | None = None) -> CallToolResult:
    """Wrap an envelope; one with an error is marked as such, files are linked to.

    Args:
        envelope: the data or the error.
        operation: what was called, where its data may name files.
    """
    content: list[ContentBlock] = [TextContent(type="text", text=as_text(envelope))]
    if operation is not None:
        content += islice(_links(operation, envelope.get("data")), MAX_LINKS)
    return CallToolResult(
        content=content, structured_content=envelope, is_error="error" in envelope
    )


def _links(operation: Operation, data: Any) -> Iterator[ResourceLink]:
    """Link to the files that the data name; what is no plain web address is left as text."""
    for pointer in operation.response.links:
        for address in find_all(data, pointer):
            if isinstance(address, str) and _WEB_ADDRESS.fullmatch(address):
                kind, _ = mimetypes.guess_type(address)
                yield ResourceLink(
                    type="resource_link", uri=address, name=operation.title, mime_type=kind
                )
