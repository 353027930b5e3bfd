"""Step 6: the one way to a vendor. A permit and a request go in, a raw answer comes out.

The host is pinned to the configured one, redirects are not followed, answers are bounded, and
credentials join inside `httpx.Auth`, after everything that could be shown or logged.
"""

import sys
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from functools import partial
from http.cookiejar import CookieJar, DefaultCookiePolicy
from importlib.util import find_spec

import anyio
import httpx

from crm_mcp import __version__
from crm_mcp.errors import ToolFailure, Unavailable, UnreadableReply
from crm_mcp.guard import Gate, Permit
from crm_mcp.operation import Operation
from crm_mcp.redact import Redactor, guard_wire_loggers
from crm_mcp.request import RequestSpec, encode_pairs
from crm_mcp.respond import failure_after_sending
from crm_mcp.retry import Lost, wait_before_retry
from crm_mcp.vendors.base import Reply, Vendor, VendorSettings, is_loopback

MAX_REPLY_BYTES = 20_000_000
CONNECT_SECONDS = 10.0
_HEADERS = (
    ("accept", "application/json"),
    ("accept-encoding", "gzip, deflate"),
    ("user-agent", f"crm-mcp/{__version__}"),
)
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
        gate: Gate,
        redactor: Redactor,
        *,
        timeout: float,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        _settle_absent_sniffio()
        self._auth = vendor.auth(settings)
        self._unguard_loggers = guard_wire_loggers(redactor)
        self._gate = gate
        self._base = httpx.URL(settings.base_url)
        self._deadline = timeout + CONNECT_SECONDS
        self._slots = anyio.CapacityLimiter(settings.concurrency)
        self._pace = Pace(settings.rate, sleep)
        self._sleep = sleep
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
        """Close the connections."""
        await self._reads.aclose()
        await self._writes.aclose()
        self._unguard_loggers()

    async def send(self, permit: Permit, spec: RequestSpec, operation: Operation) -> Reply:
        """Send one request, again only where `retry.py` allows it.

        Raises:
            PermitError: the permit does not fit; nothing was sent.
            Unavailable: nothing arrived, or a read got no answer.
            UnreadableReply: the answer to a read is too large.
            UnknownOutcome: a write may have arrived, and no usable answer came.
        """
        self._gate.spend(permit, spec)
        attempt = 1
        while True:
            await self._pace.turn()
            async with self._slots:
                pool = self._writes if operation.is_write else self._reads
                result = await self._attempt(pool, spec)
            wait = wait_before_retry(operation, result, attempt)
            if wait is None:
                break
            attempt += 1
            await self._sleep(wait)
        if isinstance(result, Lost):
            raise _lost(operation, result)
        return result

    async def _attempt(self, pool: httpx.AsyncClient, spec: RequestSpec) -> Reply | Lost:
        request = self._request(spec)
        try:
            with anyio.fail_after(self._deadline):  # an answer that only trickles has an end too
                async with aclosing(
                    await pool.send(request, auth=self._auth, stream=True)
                ) as response:
                    content = await _bounded(response)
        except _UNSENT:
            return Lost.UNSENT
        except (httpx.RequestError, TimeoutError):
            return Lost.MAYBE_SENT
        if content is None:
            return Lost.TOO_LARGE
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Reply(response.status_code, headers, content)

    def _request(self, spec: RequestSpec) -> httpx.Request:
        """Join the request to the pinned host; only the path and query come from the spec."""
        raw_path = self._base.raw_path.rstrip(b"/") + spec.target.encode("ascii")
        headers = [*_HEADERS, *spec.headers]
        content = None
        if spec.form:
            headers.append(("content-type", _FORM))
            content = encode_pairs(spec.form).encode()
        elif spec.json is not None:
            headers.append(("content-type", "application/json"))
            content = spec.json.encode()
        url = self._base.copy_with(raw_path=raw_path)
        return httpx.Request(spec.method, url, headers=headers, content=content)


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
    ) -> None:
        self._turns: deque[float] = deque(maxlen=max(1, int(rate)))
        self._window = max(1.0, 1 / rate)
        self._sleep = sleep
        self._clock = clock

    async def turn(self) -> None:
        """Wait until one more request may go."""
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
