"""Step 6: the one way to a vendor. A permit and a request go in, a raw answer comes out.

The host is pinned to the configured one, redirects are not followed, answers are bounded, and
credentials join inside `httpx.Auth`, after everything that could be shown or logged.
"""

import json
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from functools import partial
from http import HTTPStatus
from http.cookiejar import CookieJar, DefaultCookiePolicy
from importlib.util import find_spec
from typing import TYPE_CHECKING

import anyio
import httpx

from crm_mcp import __version__
from crm_mcp.errors import ToolFailure, Unavailable, UnreadableReply
from crm_mcp.guard import Entrance, Gate, Permit
from crm_mcp.listening import DEAF, Ear, Socket, Wanted, collect
from crm_mcp.operation import Operation
from crm_mcp.redact import Redactor, guard_wire_loggers
from crm_mcp.request import RequestSpec, encode_pairs
from crm_mcp.respond import cleaned, failure_after_sending
from crm_mcp.retry import Lost, wait_before_retry
from crm_mcp.telemetry import vendor_request
from crm_mcp.uploads import with_uploads
from crm_mcp.vendors.base import (
    NoAnswerError,
    Reply,
    Session,
    Vendor,
    VendorSettings,
    Wire,
    is_loopback,
)
from crm_mcp.vendors.quiet import QuietURL

if TYPE_CHECKING:
    from crm_mcp.sharing import Sharing
    from crm_mcp.websocket import Dial

MAX_REPLY_BYTES = 20_000_000
CONNECT_SECONDS = 10.0
FAREWELL_SECONDS = 3.0
_HEADERS = (
    ("accept", "application/json"),
    ("accept-encoding", "gzip, deflate"),
    ("user-agent", f"crm-mcp/{__version__}"),
)
_IS_WRITE = "crm_mcp.is_write"
_FILE_HEADERS = (("accept-encoding", "identity"), ("user-agent", f"crm-mcp/{__version__}"))
_ENCODINGS = frozenset({"identity", "gzip", "deflate"})
_FORM = "application/x-www-form-urlencoded"
# After these errors nothing can have left this machine.
_UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


class VendorClient:
    """One pooled HTTP client for one account of one vendor."""

    def __init__(  # noqa: PLR0913 - each is a part that tests replace
        self,
        vendor: Vendor,
        settings: VendorSettings,
        gate: Gate | Entrance,
        redactor: Redactor,
        *,
        timeout: float,
        transport: httpx.AsyncBaseTransport | None = None,
        dial: "Dial | None" = None,
        sharing: "Sharing | None" = None,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        _settle_absent_sniffio()
        self._uploads = partial(vendor.uploads, settings)
        self._auth = vendor.auth(settings)
        self._unguard_loggers = guard_wire_loggers(redactor)
        self._gate = gate
        self._redactor = redactor
        self._wire = Wire(self._bare_request, self._exchange, redactor.learn, sharing)
        self._base = httpx.URL(settings.base_url)
        self._deadline = timeout + CONNECT_SECONDS
        self._slots = anyio.CapacityLimiter(settings.concurrency)
        self._pace = Pace(settings.rate, sleep, sharing=sharing)
        self._sleep = sleep
        self._read = vendor.read
        self._dial = dial
        # A proxy cannot reach this machine for us.
        trust = not is_loopback(self._base.host)
        open_pool = partial(
            httpx.AsyncClient,
            timeout=httpx.Timeout(timeout, connect=min(timeout, CONNECT_SECONDS)),
            transport=transport,
            verify=httpx.create_ssl_context(trust_env=trust) if transport is None else True,
            follow_redirects=False,
            cookies=CookieJar(DefaultCookiePolicy(netscape=False)),  # takes none, keeps none
            event_hooks={"response": [_forget_redirect]},
            trust_env=trust,
        )
        self._reads = open_pool()
        # Each write has a connection of its own: what stands behind an answer in one that is used
        # again is taken for the next answer, and one that died meanwhile leaves nobody knowing.
        self._writes = open_pool(limits=httpx.Limits(max_keepalive_connections=0))

    async def aclose(self) -> None:
        """Close the session with the CRM, if one is open, and the connections.

        The farewell is best effort: it is short, also where the server is being stopped in a
        hurry, and a CRM that does not answer it ends the session by itself.
        """
        try:
            # A session that is shared is not this replica's to end.
            if isinstance(self._auth, Session) and self._wire.shared is None:
                await self._bid_farewell(self._auth)
        finally:
            await self._reads.aclose()
            await self._writes.aclose()
            self._unguard_loggers()

    async def _bid_farewell(self, session: Session) -> None:
        with (
            anyio.move_on_after(FAREWELL_SECONDS, shield=True),
            suppress(NoAnswerError, ToolFailure),
        ):
            await session.close(self._wire)

    async def send(
        self, permit: Permit, spec: RequestSpec, operation: Operation, ear: Ear = DEAF
    ) -> Reply:
        """Send one request, again only where `retry.py` allows it, and the files that follow it.

        Raises:
            PermitError: the permit does not fit; nothing was sent.
            Unavailable: nothing arrived, or a read got no answer.
            UnreadableReply: the answer to a read is too large.
            UnknownOutcome: a write may have arrived, and no usable answer came.
        """
        self._gate.spend(permit, spec)
        if spec.method == "WS":
            return await self._listen(spec, ear)
        attempt = 1
        while True:
            async with self._slots:
                result = await self._attempt(spec, operation)
            wait = wait_before_retry(operation, result, attempt)
            if wait is None:
                break
            attempt += 1
            await self._sleep(wait)
        if isinstance(result, Lost):
            raise _lost(operation, result)
        if not operation.is_write:
            return result
        uploads = self._uploads(result, dict(spec.query))
        return await with_uploads(result, uploads, self._put)  # the write's permit covers them

    async def _put(self, url: QuietURL, content: bytes) -> Reply | Lost:
        """Bring one file somewhere, once and without any credential of ours."""
        request = httpx.Request("PUT", url, headers=_FILE_HEADERS, content=content)
        request.url = url  # httpx made a plain one, which would tell the address in its logs
        request.extensions[_IS_WRITE] = True
        try:
            return await self._exchange(request, httpx.Auth())
        except NoAnswerError as error:
            return Lost(error.why)

    async def _listen(self, spec: RequestSpec, ear: Ear) -> Reply:
        """Collect what the vendor pushes; the answer is the list of it."""
        # Imported on first use: a library that most servers never need.
        from crm_mcp.websocket import Door, dial

        opener = self._dial or partial(dial, self._reads)
        door = Door(opener, self._auth, self._prepared, self._read)
        headers: dict[str, str] = {}

        @asynccontextmanager
        async def connect() -> AsyncIterator[Socket]:
            async with door.connect(self._upgrade(spec)) as socket:
                headers.update(socket.headers)
                yield socket

        heard = await collect(connect, Wanted.of(spec), ear, self._sleep)
        return Reply(HTTPStatus.OK, headers, json.dumps(heard).encode())

    async def _prepared(self, request: httpx.Request) -> None:
        """Give a request for a websocket what the vendor's session has.

        Raises:
            NoAnswerError: no session could be had.
            ToolFailure: the vendor's session could not be had.
        """
        if isinstance(self._auth, Session):
            try:
                await self._auth.prepare(request, self._wire)
            except ToolFailure as failure:
                raise cleaned(failure, self._redactor) from None

    async def _attempt(self, spec: RequestSpec, operation: Operation) -> Reply | Lost:
        """Send one request of a call, within a session where the vendor has them."""
        request = self._request(spec)
        request.extensions[_IS_WRITE] = operation.is_write
        try:
            with vendor_request(operation, spec.method) as told:
                reply = await self._carried(request, self._wire)
                told(str(reply.status))
                return reply
        except NoAnswerError as error:
            return Lost(error.why)

    async def _carried(self, request: httpx.Request, wire: Wire) -> Reply:
        """Bring a request to its answer.

        Raises:
            NoAnswerError: there was no usable answer.
            ToolFailure: the vendor's session could not be had.
        """
        try:
            if isinstance(self._auth, Session):
                return await self._auth.carry(request, wire)
            return await wire.send(request)
        except ToolFailure as failure:  # from the session; it may tell the CRM's own words
            raise cleaned(failure, self._redactor) from None

    async def _exchange(self, request: httpx.Request, auth: httpx.Auth | None = None) -> Reply:
        """Send one request once, bounded in time and size; with our credentials unless said.

        Raises:
            NoAnswerError: there was no usable answer.
        """
        await self._pace.turn()
        pool = self._writes if request.extensions.get(_IS_WRITE) else self._reads
        try:
            with anyio.fail_after(self._deadline):  # an answer that only trickles has an end too
                async with aclosing(
                    await pool.send(request, auth=auth or self._auth, stream=True)
                ) as response:
                    content = await _bounded(response)
        except _UNSENT:
            raise NoAnswerError(Lost.UNSENT.value) from None
        except (httpx.RequestError, TimeoutError):
            raise NoAnswerError(Lost.MAYBE_SENT.value) from None
        if content is None:
            raise NoAnswerError(Lost.TOO_LARGE.value)
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Reply(response.status_code, headers, content)

    def _request(self, spec: RequestSpec) -> httpx.Request:
        """Write what was bound: headers and body as they go over the wire."""
        headers = list(spec.headers)
        content = None
        if spec.form:
            headers.append(("content-type", _FORM))
            content = encode_pairs(spec.form).encode()
        elif spec.json is not None:
            headers.append(("content-type", "application/json"))
            content = spec.json.encode()
        return self._joined(spec.method, spec.target, headers, content)

    def _upgrade(self, spec: RequestSpec) -> httpx.Request:
        """Ask for a websocket; its path begins at the root of the pinned host."""
        url = self._base.copy_with(raw_path=spec.target.encode("ascii"))
        return httpx.Request("GET", url, headers=spec.headers)

    def _bare_request(self, method: str, target: str) -> httpx.Request:
        """Make a request of the session's own."""
        return self._joined(method, target, [], None)

    def _joined(
        self, method: str, target: str, headers: list[tuple[str, str]], content: bytes | None
    ) -> httpx.Request:
        """Join a request to the pinned host; only path and query are the caller's."""
        raw_path = self._base.raw_path.rstrip(b"/") + target.encode("ascii")
        url = self._base.copy_with(raw_path=raw_path)
        return httpx.Request(method, url, headers=[*_HEADERS, *headers], content=content)


async def _forget_redirect(response: httpx.Response) -> None:
    """Take the address out of a redirect: the library would read it, and may fail doing so."""
    if response.has_redirect_location:
        del response.headers["location"]


def _settle_absent_sniffio() -> None:
    """Make a question free that the HTTP library asks with every operation.

    httpcore imports `sniffio` each time, and does without where there is none. Python remembers a
    module that it found, but searches the whole path anew for one that it did not: several times a
    request, which takes longer than the request's own work. None says at once that it is absent.
    """
    if find_spec("sniffio") is None:
        sys.modules["sniffio"] = None  # type: ignore[assignment]  # Python's own way to say so


class Pace:
    """At most `rate` requests in any second; those too early wait for their turn.

    A rate above one that is no whole number counts as the next lower one; a rate below one is one
    request in so many seconds.
    """

    def __init__(
        self,
        rate: float,
        sleep: Callable[[float], Awaitable[None]],
        clock: Callable[[], float] = time.monotonic,
        sharing: "Sharing | None" = None,
    ) -> None:
        self._sharing = sharing
        self._turns: deque[float] = deque(maxlen=max(1, int(rate)))
        self._window = max(1.0, 1 / rate)
        self._sleep = sleep
        self._clock = clock

    async def turn(self) -> None:
        """Wait until one more request may go, here and among all replicas."""
        if self._sharing is not None:
            wait = await self._sharing.wait(self._turns.maxlen or 1, self._window)
            if wait > 0:
                await self._sleep(wait)
        now = self._clock()
        full = len(self._turns) == self._turns.maxlen
        turn = max(now, self._turns[0] + self._window) if full else now
        self._turns.append(turn)
        if turn > now:
            await self._sleep(turn - now)


async def _bounded(response: httpx.Response) -> bytes | None:
    """Read the body, decoded, up to the limit; None when it is larger.

    One layer of compression is bounded by the size of a read; several, or those that were not
    asked for, could grow beyond all bounds in one step.
    """
    if response.headers.get("content-encoding", "identity").lower() not in _ENCODINGS:
        return None
    parts: list[bytes] = []
    size = 0
    async for part in response.aiter_bytes():
        size += len(part)
        if size > MAX_REPLY_BYTES:
            return None
        parts.append(part)
    return b"".join(parts)


_LOST_WORDS = {
    Lost.UNSENT: "The CRM could not be reached. Nothing was sent.",
    Lost.MAYBE_SENT: "The CRM did not answer in time, or broke off.",
    Lost.TOO_LARGE: f"The CRM's answer is larger than {MAX_REPLY_BYTES} bytes, or packed so that "
    "nobody can say how large.",
}


def _lost(operation: Operation, result: Lost) -> ToolFailure:
    """Say what the missing answer means: for a write that may have arrived, nobody knows."""
    words = _LOST_WORDS[result]
    if result is Lost.UNSENT:
        return Unavailable(words, hint="Try again later; if it stays, tell the operator.")
    if result is Lost.TOO_LARGE:
        hint = "Ask for less: fewer records, or a narrower filter."
        return failure_after_sending(operation, UnreadableReply(words, hint=hint))
    return failure_after_sending(operation, Unavailable(words, hint="Try again later."))
