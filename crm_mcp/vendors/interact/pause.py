"""Patience after a refused login, so that a wrong password does not lock the account."""

from collections.abc import Callable
from math import ceil, inf

from crm_mcp.errors import AuthFailed
from crm_mcp.vendors.interact.grant import LOGIN_HINT, NOT_SENT

# Seconds to wait after the first refused login, the second, and so on: four in seven minutes.
PAUSES = (60.0, 120.0, 240.0, 480.0, 960.0, 1920.0, 3600.0)


class Pause:
    """The time in which nobody logs in, because the last login was refused.

    The settings do not change while the server runs, so a repeat helps only where the account
    was changed in the CRM. Each refusal in a row makes the pause longer.

    Args:
        clock: in seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._refusals = 0
        self._end = -inf

    def heed(self) -> None:
        """Let a login pass, unless it comes too soon.

        Raises:
            AuthFailed: it does; says when the next may be tried.
        """
        wait = self._end - self._clock()
        if wait > 0:
            raise AuthFailed(
                "interact refused the last login of this server, and asking again so soon could "
                f"lock the account. {NOT_SENT}",
                hint=f"{LOGIN_HINT} The next login can be tried in {ceil(wait)} seconds.",
            )

    def begin(self) -> None:
        """Note a refused login."""
        self._end = self._clock() + PAUSES[min(self._refusals, len(PAUSES) - 1)]
        self._refusals += 1

    def forget(self) -> None:
        """Note a login that was accepted."""
        self._refusals = 0
