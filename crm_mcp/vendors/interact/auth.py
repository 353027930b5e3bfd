"""The session with interact: opened on first use, kept, renewed, and given back at the end.

A token from `POST /login` stands in the header `authToken` of each call, except where the
document says otherwise: an event carries the permanent `triggerToken` and nothing else (line
320), a forgotten password is reset without any (line 2040), a logout names the token in its body
(line 303), a websocket has it in its address (line 253), and a login carries the credentials
(line 279).
"""

import json
import time
from collections.abc import Callable, Generator, Mapping
from copy import copy
from http.client import BAD_REQUEST, INTERNAL_SERVER_ERROR, UNAUTHORIZED
from math import inf
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

import anyio
import httpx

from crm_mcp.errors import AuthFailed, InvalidArguments, NotCallable, ToolFailure, Unavailable
from crm_mcp.vendors.base import NoAnswerError, Reply, Session, Wire
from crm_mcp.vendors.interact.grant import NOT_SENT, Grant, read_grant
from crm_mcp.vendors.interact.pause import Pause

if TYPE_CHECKING:
    from crm_mcp.vendors.interact.settings import InteractSettings

Kind = Literal["login", "logout", "event", "open", "socket", "usual"]
_SOCKET = b"/interact-server/socket"  # at the root of the host, whatever the base address
_KINDS: Mapping[tuple[str, bytes], Kind] = MappingProxyType(
    {
        ("POST", b"/login"): "login",
        ("POST", b"/logout"): "logout",
        ("PUT", b"/interactions"): "event",
        ("POST", b"/myAccount?cmd=resetPwd"): "open",
    }
)
# Under this name a request carries the grant that it was given, until its token joins.
_GRANT = "crm_mcp.grant"
_NOTHING_OPEN = Reply(200, {}, b'{"code":200,"devmsg":"no session was open"}')


class SessionAuth(httpx.Auth, Session):
    """Joins what each request needs, and sees that there is a session behind it.

    Args:
        settings: who logs in, where, and as what.
        clock: in seconds, for the time between two moments here.
        now: in seconds since the epoch.
    """

    def __init__(
        self,
        settings: "InteractSettings",
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._base = httpx.URL(settings.base_url).raw_path.rstrip(b"/")
        self._clock = clock
        self._now = now
        self._lock = anyio.Lock()
        self._grant: Grant | None = None
        self._end = inf
        self._logins = 0
        self._failure: ToolFailure | NoAnswerError | None = None
        self._pause = Pause(clock)

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        """Send the request with what it needs: the last step before the wire."""
        kind = self._kind(request)
        if kind == "login":
            request = _with_json(request, self._credentials())
        elif kind == "logout":
            request = _with_json(request, {"authToken": self._token(request)})
        elif kind == "event":
            request.headers["triggerToken"] = self._trigger_token()
        elif kind == "usual":
            request.headers["authToken"] = self._token(request)
        elif kind == "socket":
            joined = {"deviceId": self._device(request), "authToken": self._token(request)}
            request.url = request.url.copy_merge_params(joined)
        yield request

    async def carry(self, request: httpx.Request, wire: Wire) -> Reply:
        """Bring one call's request to its answer.

        Raises:
            NoAnswerError: from the wire.
            AuthFailed, Unavailable, RateLimited, UnreadableReply: there is no session.
            NotCallable: an event, and no trigger token to send it with.
            InvalidArguments: a websocket, and no device to open it for.
        """
        kind = self._kind(request)
        if kind == "login":
            async with self._lock:
                _, reply = await self._log_in(request, wire)
            return reply
        if kind == "logout":
            return await self._log_out(request, wire)
        if kind in ("event", "open"):
            return await wire.send(request)
        return await self._within_session(request, wire)

    async def prepare(self, request: httpx.Request, wire: Wire) -> None:
        """Give a request for the websocket a session; a new one if asked again.

        Raises:
            NoAnswerError: the login never left this machine.
            AuthFailed, Unavailable, RateLimited, UnreadableReply: there is no session.
            InvalidArguments: there is no device to open it for.
        """
        self._device(request)
        request.extensions[_GRANT] = await self.opened(wire, request.extensions.get(_GRANT))

    async def close(self, wire: Wire) -> None:
        """Log out, if a session is open; nobody logs in for that.

        Raises:
            NoAnswerError: interact may not know of it.
        """
        await self._log_out(wire.request("POST", "/logout"), wire)

    async def opened(self, wire: Wire, refused: Grant | None = None) -> Grant:
        """Give the session; all who come while a login is under way share what it brings.

        Args:
            wire: to log in with, if need be.
            refused: what interact has just refused, if so.

        Raises:
            NoAnswerError: the login never left this machine.
            AuthFailed, Unavailable, RateLimited, UnreadableReply: it brought no session.
        """
        if refused is not None and self._grant is refused:
            self._grant = None
        seen = self._logins
        if grant := self._good():
            return grant
        async with self._lock:
            if grant := self._good():
                return grant
            if self._logins != seen and self._failure is not None:
                raise copy(self._failure)  # an exception collects where it has been
            grant, _ = await self._log_in(wire.request("POST", "/login"), wire)
            return grant

    async def _within_session(self, request: httpx.Request, wire: Wire) -> Reply:
        """Send a request with a token, and once more with a new one if that was refused.

        A 401 says that interact did not know who was calling, and so did nothing: this makes the
        repeat safe for writes too. What the second attempt brings is the answer.
        """
        grant = await self.opened(wire)
        reply = await self._sent(request, grant, wire)
        if reply.status == UNAUTHORIZED:
            grant = await self.opened(wire, refused=grant)
            reply = await self._sent(request, grant, wire)
        return reply

    async def _sent(self, request: httpx.Request, grant: Grant, wire: Wire) -> Reply:
        """Send a request with a token; being used puts off the end of the session."""
        request.extensions[_GRANT] = grant
        start = self._clock()
        reply = await wire.send(request)
        # One that does not know the token, or is broken, has not put anything off.
        was_used = reply.status < INTERNAL_SERVER_ERROR and reply.status != UNAUTHORIZED
        if was_used and grant is self._grant:
            self._end = max(self._end, grant.end(start))
        return reply

    def _good(self) -> Grant | None:
        """Give the open session, unless it is known to be over."""
        return self._grant if self._clock() < self._end else None

    async def _log_in(self, request: httpx.Request, wire: Wire) -> tuple[Grant, Reply]:
        """Log in, while the lock is held."""
        self._pause.heed()
        start = self._clock()
        try:
            reply = await wire.send(request)
            grant = read_grant(reply, self._now())
        except (NoAnswerError, ToolFailure) as failure:
            raise self._failed(failure) from None
        wire.hide(grant.token.get_secret_value())
        self._grant, self._end = grant, grant.end(start)
        self._logins += 1
        self._failure = None
        self._pause.forget()
        return grant, reply

    def _failed(self, failure: ToolFailure | NoAnswerError) -> ToolFailure | NoAnswerError:
        """Note what came of a login, for those who wait for it."""
        if isinstance(failure, NoAnswerError) and failure.sent:
            failure = Unavailable(
                f"interact gave no usable answer to the login. {NOT_SENT}", hint="Try again later."
            )
        if isinstance(failure, AuthFailed):
            self._pause.begin()
        self._logins += 1
        self._failure = copy(failure)
        return failure

    async def _log_out(self, request: httpx.Request, wire: Wire) -> Reply:
        """End the session; without one there is nothing to send, and that is no failure."""
        grant = self._good()
        if grant is None:
            return _NOTHING_OPEN
        request.extensions[_GRANT] = grant
        try:
            reply = await wire.send(request)
        finally:
            if self._grant is grant:
                self._grant = None
        # Either says that the token was good for nothing any more, which is what was wanted.
        return _NOTHING_OPEN if reply.status in (BAD_REQUEST, UNAUTHORIZED) else reply

    def _kind(self, request: httpx.Request) -> Kind:
        target = request.url.raw_path
        if target.partition(b"?")[0] == _SOCKET:
            return "socket"
        target = target.removeprefix(self._base)
        return _KINDS.get((request.method, target), "usual")

    def _token(self, request: httpx.Request) -> str:
        """Give the token that a request was meant to have; the newest, where nobody said."""
        grant: Grant | None = request.extensions.get(_GRANT, self._grant)
        return grant.token.get_secret_value() if grant else ""

    def _device(self, request: httpx.Request) -> str:
        device = request.url.params.get("deviceId") or self._settings.device_id
        if device is None:
            raise InvalidArguments(
                "deviceId is missing, and this server has no device of its own. Nothing was sent.",
                hint="interact_devices_list shows the registered devices; "
                "interact_devices_register registers another.",
            )
        return device

    def _credentials(self) -> dict[str, str]:
        given = self._settings
        password = given.password.get_secret_value()
        return {"username": given.username, "password": password, "scope": given.scope}

    def _trigger_token(self) -> str:
        token = self._settings.trigger_token
        if token is None:
            raise NotCallable(
                "Events need the token of a registered trigger device, and this server has none. "
                "Nothing was sent.",
                hint="Tell the person: the operator of this server can give it one.",
            )
        return token.get_secret_value()


def _with_json(request: httpx.Request, body: dict[str, str]) -> httpx.Request:
    """Make the same request with this body."""
    headers = httpx.Headers(request.headers)
    headers["content-type"] = "application/json"
    headers.pop("content-length", None)
    return httpx.Request(
        request.method,
        request.url,
        headers=headers,
        content=json.dumps(body).encode(),
        extensions=request.extensions,
    )
