"""A sandbox whose wire can be watched and disturbed."""

from collections.abc import Awaitable, Callable

import httpx

from crm_mcp.app import load_catalogue
from crm_mcp.sandbox.app import Sandbox

Disturb = Callable[[int, httpx.Request], Awaitable[httpx.Request]]
"""Gets the number of a request, from 1, and gives the request that arrives."""


class Tap(httpx.AsyncBaseTransport):
    """Lets a wire be watched."""

    def __init__(self, inner: httpx.AsyncBaseTransport, sandbox: "TappedSandbox") -> None:
        self._inner = inner
        self._sandbox = sandbox

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._sandbox.requests.append(request)
        if self._sandbox.disturb is not None:
            request = await self._sandbox.disturb(len(self._sandbox.requests), request)
        return await self._inner.handle_async_request(request)


class TappedSandbox(Sandbox):
    """All stand-ins, and each request that was sent to them."""

    def __init__(self) -> None:
        super().__init__(load_catalogue())
        self.requests: list[httpx.Request] = []
        self.disturb: Disturb | None = None

    def transport(self) -> httpx.AsyncBaseTransport:
        return Tap(super().transport(), self)

    @property
    def pages(self) -> list[str]:
        """The pages that were asked for."""
        return [request.url.params.get("page", "") for request in self.requests]
