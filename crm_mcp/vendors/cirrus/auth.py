"""A token that the operator has: in the header `X-Token`, or as a bearer (document line 7)."""

from collections.abc import Generator
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from crm_mcp.vendors.cirrus.settings import CirrusSettings


class TokenAuth(httpx.Auth):
    """Adds the one header as the last step before the wire."""

    def __init__(self, settings: "CirrusSettings") -> None:
        self._token = settings.token
        self._bearer = settings.bearer_token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        """Send the request with its token."""
        if self._token is not None:
            request.headers["X-Token"] = self._token.get_secret_value()
        if self._bearer is not None:
            request.headers["Authorization"] = f"Bearer {self._bearer.get_secret_value()}"
        yield request
