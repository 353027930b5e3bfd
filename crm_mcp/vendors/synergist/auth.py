"""The credentials join the query, as the last step before the wire (document line 88)."""

from collections.abc import Generator

import httpx

from crm_mcp.vendors.quiet import QuietURL
from crm_mcp.vendors.synergist.query import with_credentials
from crm_mcp.vendors.synergist.settings import SynergistSettings


class QueryAuth(httpx.Auth):
    """Adds user, password and version to the query, in an address that nothing can write out."""

    def __init__(self, settings: SynergistSettings) -> None:
        self._settings = settings

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        """Send the request with the credentials in its query."""
        query = with_credentials(request.url.query.decode("ascii"), self._settings)
        request.url = QuietURL(request.url.copy_with(query=query.encode("ascii")))
        # Writes look like reads here: nothing between us and the CRM may answer in its place.
        request.headers["cache-control"] = "no-cache, no-store"
        yield request
