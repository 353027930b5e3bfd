"""Where the replicas of a service find the session with a CRM that one of them opened."""

from typing import Protocol


class SharedLogin(Protocol):
    """Where replicas find the session that one of them opened; each method may know nothing."""

    async def grant(self) -> tuple[str, float] | None:
        """Give the token of the session, and the seconds it has left."""
        ...

    async def keep(self, token: str, seconds: float) -> None:
        """Let the others have a session."""
        ...

    async def drop(self, token: str) -> None:
        """Take a session away that was refused."""
        ...

    async def pause(self) -> float:
        """Give the seconds in which nobody logs in."""
        ...

    async def begin_pause(self, seconds: float) -> None:
        """Let nobody log in for a while."""
        ...
