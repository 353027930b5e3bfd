"""The sandbox: an ASGI app with one stateful stand-in below `/<vendor id>` for each vendor.

It works on the operation files of the engine and recognises requests by them. Over a socket,
faults are planned by `POST /_sandbox/faults`, the log is read by `GET /_sandbox/log`, and
`POST /_sandbox/<vendor id>/<control>` makes something happen in one CRM without a call.
"""

from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import parse_qsl

import anyio
import httpx
from pydantic import TypeAdapter, ValidationError
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from crm_mcp.errors import ConfigError
from crm_mcp.operation import Operation
from crm_mcp.respond import SANDBOX_HEADER
from crm_mcp.sandbox import stand_ins
from crm_mcp.sandbox.base import Answer, Call, StandIn
from crm_mcp.sandbox.faults import ConnectionDroppedError, Faults, PlannedFault, spoil
from crm_mcp.sandbox.recognise import Recogniser
from crm_mcp.sandbox.sockets import REFUSED, DirectSocket, socket_routes
from crm_mcp.vendors.base import Reply

_OPENING = ("http.response.start", "websocket.accept", "websocket.http.response.start")
_UNTOUCHED = Answer(b"")
MAX_LOG = 20_000
"""Requests; a sandbox that serves for days keeps the newest."""


class Seen(NamedTuple):
    """One request in the log; operation and effect are empty when it fits none."""

    vendor: str
    operation: str
    effect: str
    changed: bool


class Sandbox:
    """Stand-ins for the vendors, each with its own records, which begin as the story tells.

    Args:
        operations: each vendor's operations by the vendor's id; a vendor that has no stand-in
            is left out.
    """

    def __init__(self, operations: Mapping[str, tuple[Operation, ...]]) -> None:
        self.faults = Faults()
        self._log: deque[Seen] = deque(maxlen=MAX_LOG)
        self._stand_ins = {
            vendor: make() for vendor, make in stand_ins().items() if vendor in operations
        }
        vendors = [
            Mount(
                f"/{vendor}",
                _Endpoint(vendor, stand_in, Recogniser(operations[vendor]), self.faults, self._log),
            )
            for vendor, stand_in in self._stand_ins.items()
        ]
        sockets = socket_routes(self._stand_ins)
        self.app: ASGIApp = _Marked(Starlette(routes=[*self._controls(), *sockets, *vendors]))

    @property
    def log(self) -> tuple[Seen, ...]:
        """The vendors' newest requests, in order."""
        return tuple(self._log)

    @property
    def vendors(self) -> tuple[str, ...]:
        """The ids of the vendors that have a stand-in here, in alphabetical order."""
        return tuple(sorted(self._stand_ins))

    def transport(self) -> httpx.AsyncBaseTransport:
        """Make a transport that reaches the app without a socket."""
        return _InProcessTransport(self.app)

    @asynccontextmanager
    async def dial(
        self, request: httpx.Request, auth: httpx.Auth
    ) -> AsyncIterator[DirectSocket | Reply]:
        """Open a websocket without a socket, or refuse it."""
        signed = next(auth.sync_auth_flow(request))
        openers = {
            path: each for one in self._stand_ins.values() for path, each in one.sockets.items()
        }
        push = None
        if opener := openers.get(signed.url.path):
            query = tuple(signed.url.params.multi_items())
            push = opener(Call("WS", signed.url.path, query, dict(signed.headers)))
        yield DirectSocket(push) if push else Reply(REFUSED, {SANDBOX_HEADER: "1"}, b"")

    def settings(self, vendor_id: str, origin: str) -> dict[str, str]:
        """List the settings with which a client reaches one vendor's stand-in.

        Args:
            vendor_id: whose stand-in.
            origin: scheme, host and port of this app, such as `http://localhost`.

        Raises:
            ConfigError: the vendor has no stand-in here; names those that have.
        """
        return {"base_url": f"{origin}/{vendor_id}", **self.stand_in(vendor_id).credentials}

    def control(self, vendor_id: str, name: str) -> None:
        """Make something happen in one vendor's stand-in without a call.

        Raises:
            ConfigError: there is no such stand-in or control; names those there are.
        """
        controls = self.stand_in(vendor_id).controls
        if name not in controls:
            there_are = ", ".join(controls) or "none"
            raise ConfigError(f"no control {name!r} of {vendor_id}; there are: {there_are}")
        controls[name]()

    def stand_in(self, vendor_id: str) -> StandIn:
        """Give one vendor's stand-in.

        Raises:
            ConfigError: the vendor has none here; names those that have.
        """
        if vendor_id not in self._stand_ins:
            there_are = ", ".join(self.vendors) or "none"
            raise ConfigError(f"no sandbox for {vendor_id!r}; there are: {there_are}")
        return self._stand_ins[vendor_id]

    def _controls(self) -> list[Route]:
        return [
            Route("/_sandbox/faults", self._plan_fault, methods=["POST"]),
            Route("/_sandbox/faults", self._clear_faults, methods=["DELETE"]),
            Route("/_sandbox/log", self._show_log, methods=["GET"]),
            Route("/_sandbox/{vendor}/{control}", self._use_control, methods=["POST"]),
        ]

    async def _plan_fault(self, request: Request) -> Response:
        try:
            fault = TypeAdapter(PlannedFault).validate_json(await request.body())
        except ValidationError as error:
            problems = error.errors(include_url=False, include_context=False, include_input=False)
            return JSONResponse({"error": problems}, 422)
        self.faults.plan(fault, fault.times)
        return JSONResponse({"waiting": len(self.faults)}, 201)

    async def _clear_faults(self, _: Request) -> Response:
        self.faults.clear()
        return Response(status_code=204)

    async def _use_control(self, request: Request) -> Response:
        try:
            self.control(request.path_params["vendor"], request.path_params["control"])
        except ConfigError as error:
            return JSONResponse({"error": str(error)}, 404)
        return Response(status_code=204)

    async def _show_log(self, _: Request) -> Response:
        return JSONResponse([entry._asdict() for entry in self._log])


@dataclass(frozen=True)
class _Endpoint:
    """One vendor's part of the app: recognise, carry out, write down, spoil as planned."""

    vendor: str
    stand_in: StandIn
    recogniser: Recogniser
    faults: Faults
    log: deque[Seen]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        call = await _read_call(Request(scope, receive), self.vendor)
        response = await self._respond(call)
        await response(scope, receive, send)

    async def _respond(self, call: Call) -> Response:
        fault = self.faults.take()
        known = self.recogniser.find(call)
        if fault is not None and fault.comes_before:
            answer = _UNTOUCHED
        else:
            answer = self.stand_in.answer(*known) if known else self.stand_in.misfit(call)
        self._note(known[0] if known else None, answer)
        usual = Response(answer.content, answer.status, dict(answer.headers), answer.content_type)
        return usual if fault is None else await spoil(fault, usual)

    def _note(self, operation: Operation | None, answer: Answer) -> None:
        name, effect = (operation.name, operation.effect) if operation else ("", "")
        self.log.append(Seen(self.vendor, name, effect, answer.changed))


async def _read_call(request: Request, vendor: str) -> Call:
    # The raw path, because a slash within a segment is lost once it is decoded.
    path = request.scope["raw_path"].decode("latin-1").removeprefix(f"/{vendor}")
    return Call(
        method=request.method,
        path=path,
        query=tuple(
            parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
        ),
        headers=dict(request.headers),
        content=await request.body(),
    )


class _Marked:
    """Puts the sandbox's header on every answer, so that nobody takes it for a CRM's."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_marked(message: Message) -> None:
            if message["type"] in _OPENING:
                MutableHeaders(raw=message["headers"])[SANDBOX_HEADER] = "1"
            await send(message)

        await self._app(scope, receive, send_marked)


class _InProcessTransport(httpx.AsyncBaseTransport):
    """Reaches an ASGI app directly, and fails as a socket would fail."""

    def __init__(self, app: ASGIApp) -> None:
        self._asgi = httpx.ASGITransport(app)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Carry one request to the app and its answer back.

        Raises:
            ReadError: the connection was dropped.
            ReadTimeout: the answer came later than the client's read timeout allows.
        """
        patience = request.extensions.get("timeout", {}).get("read")
        try:
            with anyio.fail_after(patience):
                return await self._asgi.handle_async_request(request)
        except ConnectionDroppedError as error:
            raise httpx.ReadError("the connection was dropped", request=request) from error
        except TimeoutError as error:
            raise httpx.ReadTimeout("no answer in time", request=request) from error
