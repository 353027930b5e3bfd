"""The API hash joins the form body; it never stands in an address (document line 62)."""

from collections.abc import Generator
from urllib.parse import urlencode

import httpx
from pydantic import SecretStr


class HashAuth(httpx.Auth):
    """Adds the form field `hash` as the last step before the wire."""

    requires_request_body = True

    def __init__(self, api_hash: SecretStr) -> None:
        self._hash = api_hash

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        """Send the request with the hash in its form body."""
        field = urlencode({"hash": self._hash.get_secret_value()}).encode()
        body = request.content + b"&" + field if request.content else field
        headers = httpx.Headers(request.headers)
        headers["content-type"] = "application/x-www-form-urlencoded"
        del headers["content-length"]
        yield httpx.Request(
            request.method,
            request.url,
            headers=headers,
            content=body,
            extensions=request.extensions,
        )
