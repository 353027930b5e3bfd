"""One login for all calls: opened on first use, shared, renewed, and not repeated in vain.

What is asked and how it is answered is the vendor's; who waits for whom is the same everywhere.
"""

from collections.abc import Awaitable, Callable
from copy import copy
from dataclasses import dataclass
from math import ceil, inf

import anyio
from pydantic import SecretStr

from crm_mcp.errors import AuthFailed, ToolFailure, Unavailable
from crm_mcp.vendors.base import NoAnswerError, Reply, Wire

# A session so close to its end may be over when the request arrives.
MARGIN_SECONDS = 5.0
# Seconds to wait after the first refused login, the second, and so on: four in seven minutes.
PAUSES = (60.0, 120.0, 240.0, 480.0, 960.0, 1920.0, 3600.0)
MAX_SHARED_SECONDS = 3_600.0
"""A session whose end nobody told is shared for so long."""
NOT_SENT = "The call itself was not sent."


@dataclass(frozen=True, slots=True)
class Grant:
    """A token and its life in seconds from the login, or from its last use where that counts.

    The life is infinite when it was not told; `margin` is how long before its end it is no longer
    used.
    """

    token: SecretStr
    life: float
    margin: float = MARGIN_SECONDS

    def end(self, since: float) -> float:
        """Say when it is no longer to be used, on the clock that `since` was read from."""
        return since + self.life - min(self.margin, self.life / 2)


LogIn = Callable[[Wire], Awaitable[tuple[Grant, Reply]]]
"""Makes one login; raises `NoAnswerError`, or the `ToolFailure` that says why there is none."""


class Login:
    """The one grant that all calls of an account share.

    Args:
        title: what people call the CRM.
        hint: what the operator can do about a refused login.
        clock: in seconds.
    """

    def __init__(self, title: str, hint: str, clock: Callable[[], float]) -> None:
        self._title = title
        self._clock = clock
        self._lock = anyio.Lock()
        self._grant: Grant | None = None
        self._end = inf
        self._logins = 0
        self._failure: ToolFailure | NoAnswerError | None = None
        self._pause = _Pause(title, hint, clock)

    @property
    def newest(self) -> Grant | None:
        """The grant of the last login, over or not."""
        return self._grant

    def good(self) -> Grant | None:
        """Give the grant, unless it is known to be over."""
        return self._grant if self._clock() < self._end else None

    async def opened(self, wire: Wire, log_in: LogIn, refused: Grant | None = None) -> Grant:
        """Give the grant; all who come while a login is under way share what it brings.

        Args:
            wire: to log in with, if need be.
            log_in: how.
            refused: what the CRM has just refused, if so.

        Raises:
            NoAnswerError: the login never left this machine.
            AuthFailed, Unavailable, RateLimited, UnreadableReply: it brought no grant.
        """
        if refused is not None:
            self.forget(refused)
        seen = self._logins
        if grant := self.good():
            return grant
        async with self._lock:
            if grant := self.good():
                return grant
            if self._logins != seen and self._failure is not None:
                raise copy(self._failure)  # an exception collects where it has been
            if grant := await self._shared(wire, refused):
                return grant
            grant, _ = await self._made(wire, log_in)
            return grant

    async def _shared(self, wire: Wire, refused: Grant | None) -> Grant | None:
        """Take over the session that another replica opened, unless it is the refused one."""
        if wire.shared is None:
            return None
        if refused is not None:
            await wire.shared.drop(refused.token.get_secret_value())
        found = await wire.shared.grant()
        if found is None:
            return None
        token, seconds = found
        wire.hide(token)
        self._grant = Grant(SecretStr(token), seconds)
        self._end = self._grant.end(self._clock())
        return self.good()

    async def made(self, wire: Wire, log_in: LogIn) -> Reply:
        """Log in because somebody wants to, and give the answer.

        Raises:
            NoAnswerError: the login never left this machine.
            AuthFailed, Unavailable, RateLimited, UnreadableReply: it brought no grant.
        """
        async with self._lock:
            _, reply = await self._made(wire, log_in)
        return reply

    def put_off(self, grant: Grant, since: float) -> None:
        """Note that a grant, if it is still the one, was used at a moment, and lives from then."""
        if grant is self._grant:
            self._end = max(self._end, grant.end(since))

    def forget(self, grant: Grant) -> None:
        """Give a grant up, if it is still the one."""
        if grant is self._grant:
            self._grant = None

    async def _made(self, wire: Wire, log_in: LogIn) -> tuple[Grant, Reply]:
        """Log in, while the lock is held."""
        self._pause.heed(await wire.shared.pause() if wire.shared else 0.0)
        start = self._clock()
        try:
            grant, reply = await log_in(wire)
        except (NoAnswerError, ToolFailure) as failure:
            told = self._failed(failure)
            if wire.shared and isinstance(told, AuthFailed):
                await wire.shared.begin_pause(self._pause.left)
            raise told from None
        wire.hide(grant.token.get_secret_value())
        self._grant, self._end = grant, grant.end(start)
        self._logins += 1
        self._failure = None
        self._pause.forget()
        if wire.shared:
            left = self._end - self._clock()
            await wire.shared.keep(grant.token.get_secret_value(), min(left, MAX_SHARED_SECONDS))
        return grant, reply

    def _failed(self, failure: ToolFailure | NoAnswerError) -> ToolFailure | NoAnswerError:
        """Note what came of a login, for those who wait for it."""
        if isinstance(failure, NoAnswerError) and failure.sent:
            # About the login, not about the call: a write that waits for it did not arrive.
            failure = Unavailable(
                f"{self._title} gave no usable answer to the login. {NOT_SENT}",
                hint="Try again later.",
            )
        if isinstance(failure, AuthFailed):
            self._pause.begin()
        self._logins += 1
        self._failure = copy(failure)
        return failure


class _Pause:
    """The time in which nobody logs in, because the last login was refused.

    The settings do not change while the server runs, so a repeat helps only where the account
    was changed in the CRM; and a wrong password must not lock it. Each refusal in a row makes the
    pause longer.
    """

    def __init__(self, title: str, hint: str, clock: Callable[[], float]) -> None:
        self._title = title
        self._hint = hint
        self._clock = clock
        self._refusals = 0
        self._end = -inf

    @property
    def left(self) -> float:
        """The seconds until the next login may be tried."""
        return max(0.0, self._end - self._clock())

    def heed(self, elsewhere: float = 0.0) -> None:
        """Let a login pass, unless it comes too soon.

        Args:
            elsewhere: the seconds that are left of another replica's pause.

        Raises:
            AuthFailed: it does; says when the next may be tried.
        """
        wait = max(self.left, elsewhere)
        if wait > 0:
            raise AuthFailed(
                f"{self._title} refused the last login of this server, and asking again so soon "
                f"could lock the account. {NOT_SENT}",
                hint=f"{self._hint} The next login can be tried in {ceil(wait)} seconds.",
            )

    def begin(self) -> None:
        """Note a refused login."""
        self._end = self._clock() + PAUSES[min(self._refusals, len(PAUSES) - 1)]
        self._refusals += 1

    def forget(self) -> None:
        """Note a login that was accepted."""
        self._refusals = 0
