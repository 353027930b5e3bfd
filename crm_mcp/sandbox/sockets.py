"""Websockets of the stand-ins: who is let in is pushed to until one side goes."""

import json
from collections.abc import Awaitable, Callable, Mapping

import anyio
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from crm_mcp.respond import SANDBOX_HEADER
from crm_mcp.sandbox.base import Call, Opener, Push, StandIn

REFUSED = 401


class DirectSocket:
    """A connection to a stand-in in the same process."""

    def __init__(self, push: Push) -> None:
        self.headers = {SANDBOX_HEADER: "1"}
        self._push = push

    async def receive(self) -> str:
        """Wait for the next message."""
        return json.dumps(await self._push())


def socket_routes(stand_ins: Mapping[str, StandIn]) -> list[WebSocketRoute]:
    """Make a route for each websocket that a stand-in offers."""
    return [
        WebSocketRoute(path, _endpoint(opener))
        for stand_in in stand_ins.values()
        for path, opener in stand_in.sockets.items()
    ]


def _endpoint(opener: Opener) -> Callable[[WebSocket], Awaitable[None]]:
    async def endpoint(websocket: WebSocket) -> None:
        query = tuple(websocket.query_params.multi_items())
        push = opener(Call("WS", websocket.url.path, query, dict(websocket.headers)))
        if push is None:
            await _refuse(websocket)
        else:
            await _serve(websocket, push)

    return endpoint


async def _refuse(websocket: WebSocket) -> None:
    """Answer the request for a websocket with an HTTP status."""
    await websocket.send(
        {"type": "websocket.http.response.start", "status": REFUSED, "headers": []}
    )
    await websocket.send({"type": "websocket.http.response.body", "body": b""})


async def _serve(websocket: WebSocket, push: Push) -> None:
    await websocket.accept()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_push, websocket, push)
        try:
            while True:
                await websocket.receive_text()  # what a device says means nothing here
        except WebSocketDisconnect:
            tasks.cancel_scope.cancel()


async def _push(websocket: WebSocket, push: Push) -> None:
    while True:
        await websocket.send_json(await push())
