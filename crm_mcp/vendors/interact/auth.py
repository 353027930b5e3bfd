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
from functools import partial
from http.client import BAD_REQUEST, INTERNAL_SERVER_ERROR, UNAUTHORIZED
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

import httpx

from crm_mcp.errors import InvalidArguments, NotCallable
from crm_mcp.vendors.base import Reply, Session, Wire
from crm_mcp.vendors.interact.grant import LOGIN_HINT, read_grant
from crm_mcp.vendors.login import Grant, Login

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
        self._login = Login("interact", LOGIN_HINT, clock)

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
            return await self._login.made(wire, partial(self._asked, request))
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
        request.extensions[_GRANT] = await self._opened(wire, request.extensions.get(_GRANT))

    async def close(self, wire: Wire) -> None:
        """Log out, if a session is open; nobody logs in for that.

        Raises:
            NoAnswerError: interact may not know of it.
        """
        await self._log_out(wire.request("POST", "/logout"), wire)

    async def _opened(self, wire: Wire, refused: Grant | None = None) -> Grant:
        return await self._login.opened(wire, self._log_in, refused)

    async def _within_session(self, request: httpx.Request, wire: Wire) -> Reply:
        """Send a request with a token, and once more with a new one if that was refused.

        A 401 says that interact did not know who was calling, and so did nothing: this makes the
        repeat safe for writes too. What the second attempt brings is the answer.
        """
        grant = await self._opened(wire)
        reply = await self._sent(request, grant, wire)
        if reply.status == UNAUTHORIZED:
            grant = await self._opened(wire, refused=grant)
            reply = await self._sent(request, grant, wire)
        return reply

    async def _sent(self, request: httpx.Request, grant: Grant, wire: Wire) -> Reply:
        """Send a request with a token; being used puts off the end of the session."""
        request.extensions[_GRANT] = grant
        start = self._clock()
        reply = await wire.send(request)
        # One that does not know the token, or is broken, has not put anything off.
        was_used = reply.status < INTERNAL_SERVER_ERROR and reply.status != UNAUTHORIZED
        if was_used:
            self._login.put_off(grant, start)
        return reply

    async def _log_in(self, wire: Wire) -> tuple[Grant, Reply]:
        return await self._asked(wire.request("POST", "/login"), wire)

    async def _asked(self, request: httpx.Request, wire: Wire) -> tuple[Grant, Reply]:
        reply = await wire.send(request)
        return read_grant(reply, self._now()), reply

    async def _log_out(self, request: httpx.Request, wire: Wire) -> Reply:
        """End the session; without one there is nothing to send, and that is no failure."""
        grant = self._login.good()
        if grant is None:
            return _NOTHING_OPEN
        request.extensions[_GRANT] = grant
        try:
            reply = await wire.send(request)
        finally:
            self._login.forget(grant)
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
        grant: Grant | None = request.extensions.get(_GRANT, self._login.newest)
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
