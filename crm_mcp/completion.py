"""Completion of what people type, from what is known here; no CRM is ever asked for it."""

from collections.abc import Callable
from typing import Any

from mcp import MCPError
from mcp.server import ServerRequestContext
from mcp_types import (
    INVALID_PARAMS,
    CompleteRequestParams,
    CompleteResult,
    Completion,
    PromptReference,
)

from crm_mcp.errors import InvalidArguments
from crm_mcp.resources import OPERATION, OPERATIONS
from crm_mcp.views import View

MAX_VALUES = 100
"""As many as the protocol lets an answer have."""

Context = ServerRequestContext[Any]


class Completions:
    """The handler that completes arguments of prompts, and names of operations."""

    def __init__(self, view_of: Callable[[Context], View]) -> None:
        self._view_of = view_of

    def handlers(self) -> dict[str, Any]:
        """Name the handler for the server."""
        return {"on_completion": self.complete}

    async def complete(self, ctx: Context, params: CompleteRequestParams) -> CompleteResult:
        """List the values that begin as typed, the most likely first.

        Raises:
            MCPError: there is nothing of this name to complete.
        """
        try:
            found = _values(self._view_of(ctx), params)
        except InvalidArguments as error:
            raise MCPError(INVALID_PARAMS, error.message) from None
        completion = Completion(
            values=found[:MAX_VALUES], total=len(found), has_more=len(found) > MAX_VALUES
        )
        return CompleteResult(completion=completion)


def _values(view: View, params: CompleteRequestParams) -> list[str]:
    argument = params.argument
    if isinstance(params.ref, PromptReference):
        return view.prompts.values(params.ref.name, argument.name, argument.value)
    if params.ref.uri != OPERATIONS or argument.name != OPERATION:
        raise InvalidArguments(f"Only {OPERATION} of {OPERATIONS} can be completed.")
    return view.catalogue.names(argument.value)
