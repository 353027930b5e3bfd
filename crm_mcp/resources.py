"""What clients can read beside tools: feeds of CRMs, files that results linked to, the catalogue.

The catalogue is one resource, and each operation is one by a template: a list of them all would
fill what clients show.
"""

import base64
from collections.abc import Callable
from functools import partial
from typing import Any

from anyio import to_thread
from mcp import MCPError
from mcp.server import ServerRequestContext
from mcp_types import (
    INVALID_PARAMS,
    BlobResourceContents,
    ListResourcesResult,
    ListResourceTemplatesResult,
    PaginatedRequestParams,
    ReadResourceRequestParams,
    ReadResourceResult,
    Resource,
    ResourceTemplate,
    TextResourceContents,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from crm_mcp.app import App
from crm_mcp.entries import FRESH_MS
from crm_mcp.envelope import as_text, fit
from crm_mcp.errors import ToolFailure
from crm_mcp.feeds import JSON_TYPE, Feeds
from crm_mcp.identity import Identify
from crm_mcp.received import Kept, Received
from crm_mcp.recorder import record_reach
from crm_mcp.views import View

CATALOGUE = "crm://catalogue"
_ONE = "crm://operations/"
OPERATION = "name"
OPERATIONS = f"{_ONE}{{{OPERATION}}}"
MAX_ECHO = 200
NOT_FOUND_UNTIL_2025 = -32002
"""The handshake era has a code of its own for what is not there."""

Context = ServerRequestContext[Any]


class Resources:
    """The handlers that list and read resources of every kind."""

    def __init__(
        self,
        app: App,
        feeds: Feeds,
        received: Received,
        view_of: Callable[[Context], View],
        identify: Identify,
    ) -> None:
        self._audit = app.audit
        self._feeds = feeds
        self._received = received
        self._view_of = view_of
        self._limit = app.settings.general.max_result_chars
        self._identify = identify

    def handlers(self) -> dict[str, Any]:
        """Name the handlers for the server."""
        return {
            "on_list_resources": self.list_resources,
            "on_list_resource_templates": self.list_templates,
            "on_read_resource": self.read_resource,
            **self._feeds.handlers(),
        }

    async def list_resources(
        self, ctx: Context, _params: PaginatedRequestParams | None
    ) -> ListResourcesResult:
        """List the catalogue, the feeds, and the files that are still kept."""
        identity = self._identify(ctx)
        files = [_described(kept) for kept in self._received.of(identity.name)]
        feeds = self._feeds.resources(self._view_of(ctx))
        return ListResourcesResult(resources=[_catalogue(), *feeds, *files])

    async def list_templates(
        self, _ctx: Context, _params: PaginatedRequestParams | None
    ) -> ListResourceTemplatesResult:
        """List the one template, which stands for every operation."""
        template = ResourceTemplate(
            uri_template=OPERATIONS,
            name="operation",
            title="One tool of a CRM",
            description="What one tool does, all its arguments with an example, the data of its "
            "answer, and whether a person is asked first.",
            mime_type=JSON_TYPE,
        )
        return ListResourceTemplatesResult(
            resource_templates=[template], ttl_ms=FRESH_MS, cache_scope="private"
        )

    async def read_resource(
        self, ctx: Context, params: ReadResourceRequestParams
    ) -> ReadResourceResult:
        """Read the catalogue, an operation, a feed's newest messages, or a file.

        Raises:
            MCPError: there is no such resource, and no such file is kept any more.
        """
        uri, identity, view = params.uri, self._identify(ctx), self._view_of(ctx)
        if uri == CATALOGUE:
            return _fixed(uri, await to_thread.run_sync(view.catalogue.whole, self._limit))
        if uri.startswith(_ONE):
            return await self._operation(ctx, uri)
        if (feed := self._feeds.read(uri, view)) is not None:
            return feed
        if (kept := self._received.get(uri, identity.name)) is not None:
            return _file(kept)
        if self._received.is_anothers(uri, identity.name):
            asked = "a file of another caller"
            await to_thread.run_sync(record_reach, self._audit, identity.name, asked)
        feeds = [str(resource.uri) for resource in self._feeds.resources(view)]
        raise _not_found(
            ctx,
            uri,
            f"There is no resource of this name. There are: {', '.join([CATALOGUE, *feeds])}, and "
            f"{OPERATIONS}. Files are kept for a while only: make the call that brought it again.",
        )

    async def _operation(self, ctx: Context, uri: str) -> ReadResourceResult:
        try:
            describe = partial(self._view_of(ctx).catalogue.describe, uri.removeprefix(_ONE))
            described = await to_thread.run_sync(describe)
        except ToolFailure as error:
            raise _not_found(ctx, uri, error.message, **error.details) from None
        return _fixed(uri, fit(described, self._limit))


def _not_found(ctx: Context, uri: str, message: str, **details: Any) -> MCPError:
    """Say that there is no such resource, by the code of the client's era."""
    modern = ctx.protocol_version in MODERN_PROTOCOL_VERSIONS
    code = INVALID_PARAMS if modern else NOT_FOUND_UNTIL_2025
    return MCPError(code, message, {"uri": uri[:MAX_ECHO], **details})


def _fixed(uri: str, envelope: dict[str, Any]) -> ReadResourceResult:
    """Answer with what stays the same while the server runs."""
    text = TextResourceContents(uri=uri, mime_type=JSON_TYPE, text=as_text(envelope))
    return ReadResourceResult(contents=[text], ttl_ms=FRESH_MS, cache_scope="private")


def _file(kept: Kept) -> ReadResourceResult:
    content = BlobResourceContents(
        uri=kept.uri,
        mime_type=kept.file.mime_type,
        blob=base64.b64encode(kept.file.content).decode("ascii"),
    )
    return ReadResourceResult(contents=[content], ttl_ms=0, cache_scope="private")


def _catalogue() -> Resource:
    return Resource(
        uri=CATALOGUE,
        name="catalogue",
        title="All tools that can be called here",
        description="The names of all tools of the connected CRMs by toolset, with what they do "
        "to data and their titles, listed as tools or not.",
        mime_type=JSON_TYPE,
    )


def _described(kept: Kept) -> Resource:
    return Resource(
        uri=kept.uri,
        name=kept.file.name,
        mime_type=kept.file.mime_type,
        size=len(kept.file.content),
    )
