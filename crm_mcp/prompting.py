"""Prompts over MCP: what clients list, and the text they get."""

from collections.abc import Callable
from typing import Any

from mcp import MCPError
from mcp.server import ServerRequestContext
from mcp_types import (
    INVALID_PARAMS,
    GetPromptRequestParams,
    GetPromptResult,
    ListPromptsResult,
    PaginatedRequestParams,
    PromptArgument,
    PromptMessage,
    TextContent,
)
from mcp_types import Prompt as Entry

from crm_mcp.entries import FRESH_MS
from crm_mcp.errors import InvalidArguments
from crm_mcp.prompts.definition import Prompt
from crm_mcp.views import View

Context = ServerRequestContext[Any]


class Prompting:
    """The handlers that list prompts and write them."""

    def __init__(self, view_of: Callable[[Context], View]) -> None:
        self._view_of = view_of

    def handlers(self) -> dict[str, Any]:
        """Name the handlers for the server."""
        return {"on_list_prompts": self.list_prompts, "on_get_prompt": self.get_prompt}

    async def list_prompts(
        self, ctx: Context, _params: PaginatedRequestParams | None
    ) -> ListPromptsResult:
        """List the prompts; they stay the same while the server runs."""
        entries = [_entry(prompt) for prompt in self._view_of(ctx).prompts.listed]
        return ListPromptsResult(prompts=entries, ttl_ms=FRESH_MS, cache_scope="private")

    async def get_prompt(self, ctx: Context, params: GetPromptRequestParams) -> GetPromptResult:
        """Write one prompt.

        Raises:
            MCPError: there is no such prompt here, or an argument does not fit.
        """
        prompts = self._view_of(ctx).prompts
        try:
            text = prompts.text(params.name, params.arguments or {})
        except InvalidArguments as error:
            raise MCPError(INVALID_PARAMS, error.message) from None
        message = PromptMessage(role="user", content=TextContent(type="text", text=text))
        description = prompts.find(params.name).description
        return GetPromptResult(description=description, messages=[message])


def _entry(prompt: Prompt) -> Entry:
    arguments = [
        PromptArgument(
            name=one.name, title=one.title, description=one.description, required=one.required
        )
        for one in prompt.arguments
    ]
    return Entry(
        name=prompt.name, title=prompt.title, description=prompt.description, arguments=arguments
    )
