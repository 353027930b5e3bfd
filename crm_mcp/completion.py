"""Completion of what people type, from what is known here; no CRM is ever asked for it."""

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

from crm_mcp.catalogue import Catalogue
from crm_mcp.errors import InvalidArguments
from crm_mcp.prompts import Prompts
from crm_mcp.resources import OPERATION, OPERATIONS

MAX_VALUES = 100
"""As many as the protocol lets an answer have."""

Context = ServerRequestContext[Any]


class Completions:
    """The handler that completes arguments of prompts, and names of operations."""

    def __init__(self, prompts: Prompts, catalogue: Catalogue) -> None:
        self._prompts = prompts
        self._catalogue = catalogue

    def handlers(self) -> dict[str, Any]:
        """Name the handler for the server."""
        return {"on_completion": self.complete}

    async def complete(self, _ctx: Context, params: CompleteRequestParams) -> CompleteResult:
        """List the values that begin as typed, the most likely first.

        Raises:
            MCPError: there is nothing of this name to complete.
        """
        try:
            found = self._values(params)
        except InvalidArguments as error:
            raise MCPError(INVALID_PARAMS, error.message) from None
        completion = Completion(
            values=found[:MAX_VALUES], total=len(found), has_more=len(found) > MAX_VALUES
        )
        return CompleteResult(completion=completion)

    def _values(self, params: CompleteRequestParams) -> list[str]:
        argument = params.argument
        if isinstance(params.ref, PromptReference):
            return self._prompts.values(params.ref.name, argument.name, argument.value)
        if params.ref.uri != OPERATIONS or argument.name != OPERATION:
            raise InvalidArguments(f"Only {OPERATION} of {OPERATIONS} can be completed.")
        return self._catalogue.names(argument.value)
