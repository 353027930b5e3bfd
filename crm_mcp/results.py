"""Step 8: envelopes as MCP results: structured content, and the same as compact JSON text."""

import mimetypes
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from mcp_types import CallToolResult, ContentBlock, ResourceLink, TextContent

from crm_mcp.envelope import as_text
from crm_mcp.operation import Operation
from crm_mcp.pointer import find_all
from crm_mcp.received import Kept

MAX_LINKS = 25
_WEB_ADDRESS = re.compile(r"https?://[!-~]{1,2000}", re.ASCII)


def tool_result(
    envelope: dict[str, Any], operation: Operation | None = None, files: Iterable[Kept] = ()
) -> CallToolResult:
    """Wrap an envelope; one with an error is marked as such, files are linked to.

    Args:
        envelope: the data or the error.
        operation: what was called, where its data may name files.
        files: those that the data brought.
    """
    content: list[ContentBlock] = [TextContent(type="text", text=as_text(envelope))]
    if operation is not None:
        content += islice(_links(operation, envelope.get("data")), MAX_LINKS)
    content += map(_link, files)
    return CallToolResult(
        content=content, structured_content=envelope, is_error="error" in envelope
    )


def _link(kept: Kept) -> ResourceLink:
    """Link to a file that can be read here."""
    return ResourceLink(
        type="resource_link",
        uri=kept.uri,
        name=kept.file.name,
        mime_type=kept.file.mime_type,
        size=len(kept.file.content),
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
