"""What clients can read beside tools: the feeds of CRMs, and files that results linked to."""

import base64
from typing import Any

from mcp import MCPError
from mcp.server import ServerRequestContext
from mcp_types import (
    INVALID_PARAMS,
    BlobResourceContents,
    ListResourcesResult,
    PaginatedRequestParams,
    ReadResourceRequestParams,
    ReadResourceResult,
    Resource,
)

from crm_mcp.feeds import Feeds
from crm_mcp.parties import Caller
from crm_mcp.received import Kept, Received

Context = ServerRequestContext[Any]


class Resources:
    """The handlers that list and read resources of every kind."""

    def __init__(self, feeds: Feeds, received: Received) -> None:
        self._feeds = feeds
        self._received = received

    def handlers(self) -> dict[str, Any]:
        """Name the handlers for the server."""
        return {
            "on_list_resources": self.list_resources,
            "on_read_resource": self.read_resource,
            **self._feeds.handlers(),
        }

    async def list_resources(
        self, _ctx: Context, _params: PaginatedRequestParams | None
    ) -> ListResourcesResult:
        """List the feeds, and the files that are still kept."""
        files = [_described(kept) for kept in self._received.of(Caller.name)]
        return ListResourcesResult(resources=[*self._feeds.resources(), *files])

    async def read_resource(
        self, _ctx: Context, params: ReadResourceRequestParams
    ) -> ReadResourceResult:
        """Read a feed's newest messages, or a file.

        Raises:
            MCPError: there is no such feed, and no such file is kept any more.
        """
        if (feed := self._feeds.read(params.uri)) is not None:
            return feed
        kept = self._received.get(params.uri, Caller.name)
        if kept is None:
            feeds = ", ".join(str(resource.uri) for resource in self._feeds.resources())
            there_are = f" There are: {feeds}." if feeds else ""
            raise MCPError(
                INVALID_PARAMS,
                f"There is no resource of this name.{there_are} Files are kept for a while only: "
                "make the call that brought it again.",
                {"uri": params.uri},
            )
        content = BlobResourceContents(
            uri=kept.uri,
            mime_type=kept.file.mime_type,
            blob=base64.b64encode(kept.file.content).decode("ascii"),
        )
        return ReadResourceResult(contents=[content], ttl_ms=0, cache_scope="private")


def _described(kept: Kept) -> Resource:
    return Resource(
        uri=kept.uri,
        name=kept.file.name,
        mime_type=kept.file.mime_type,
        size=len(kept.file.content),
    )
