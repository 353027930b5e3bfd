"""What replicas share of one account beside the state: its pace, and its session with the CRM.

Both are a courtesy to the CRM, not a guard: while the server does not answer, each replica goes by
itself, so that reads go on. A session's token stands there sealed by a key that only replicas have.
"""

import hashlib
import json
import logging
from base64 import b64decode, b64encode
from collections.abc import Callable
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, cast

from anyio import to_thread

from crm_mcp.errors import StateError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV

    from crm_mcp.redis_state import RedisState

logger = logging.getLogger(__name__)

_TURN = """
local size, window = tonumber(ARGV[1]), tonumber(ARGV[2])
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
local turn = now
if redis.call('LLEN', KEYS[1]) >= size then
  local first = tonumber(redis.call('LPOP', KEYS[1]))
  if first + window > turn then turn = first + window end
end
redis.call('RPUSH', KEYS[1], string.format('%.6f', turn))
redis.call('PEXPIRE', KEYS[1], math.ceil((turn - now + window) * 1000) + 1000)
return tostring(turn - now)
"""


class Sharing:
    """One account's part of the server.

    Args:
        state: the server.
        account: as people read it.
        key: seals the session's token; without one, sessions are not shared.
    """

    def __init__(self, state: "RedisState", account: str, key: str | None) -> None:
        self._state = state
        self._account = account
        self._key = key

    async def wait(self, requests: int, window: float) -> float:
        """Take a turn among all replicas; gives the seconds until it comes.

        Args:
            requests: so many may go in any window.
            window: in seconds.
        """
        name = self._name("pace")

        def turn() -> bytes:
            return cast("bytes", self._state.server.eval(_TURN, 1, name, requests, repr(window)))

        told = await self._asked(turn)
        return float(told) if told is not None else 0.0

    async def grant(self) -> tuple[str, float] | None:
        """Give the token of the session that another replica opened, and its seconds left."""
        if self._key is None:
            return None
        name = self._name("session")

        def read() -> tuple[bytes | None, int]:
            server = self._state.server
            return cast("bytes | None", server.get(name)), server.pttl(name)

        told = await self._asked(read)
        sealed, left = told or (None, 0)
        if sealed is None or left <= 0:
            return None
        token = self._opened(sealed)
        return (token, left / 1000) if token else None

    async def keep(self, token: str, seconds: float) -> None:
        """Let the others have a session."""
        if self._key is not None and seconds > 0:
            sealed = b64encode(self._cipher.encrypt(token.encode(), [self._account.encode()]))
            set_it = partial(self._state.server.set, self._name("session"), sealed)
            await self._asked(partial(set_it, px=min(int(seconds * 1000), 2**50)))

    async def drop(self, token: str) -> None:
        """Take a session away that the CRM has refused, if it is still that one."""
        there = await self.grant()
        if there and there[0] == token:
            await self._asked(partial(self._state.server.delete, self._name("session")))

    async def pause(self) -> float:
        """Give the seconds in which nobody logs in, because a login was refused."""
        left = await self._asked(partial(self._state.server.pttl, self._name("pause")))
        return max(0, left or 0) / 1000

    async def begin_pause(self, seconds: float) -> None:
        """Let nobody log in for a while."""
        set_it = partial(self._state.server.set, self._name("pause"), "1")
        await self._asked(partial(set_it, px=int(seconds * 1000)))

    async def _asked(self, question: Callable[[], Any]) -> Any:
        """Ask the server; None where it does not answer."""

        def ask() -> Any:
            with self._state.told():
                return question()

        try:
            return await to_thread.run_sync(ask)
        except StateError as error:
            logger.warning("%s goes by itself here: %s", self._account, error)
            return None

    def _name(self, what: str) -> str:
        whose = hashlib.sha256(json.dumps(self._account).encode()).hexdigest()[:24]
        return self._state.key(f"{what}:{whose}")

    def _opened(self, sealed: bytes) -> str:
        """Read a token; empty where it was sealed with another key, or for another account."""
        from cryptography.exceptions import InvalidTag

        try:
            return self._cipher.decrypt(b64decode(sealed), [self._account.encode()]).decode()
        except (InvalidTag, ValueError):
            return ""

    @cached_property
    def _cipher(self) -> "AESSIV":
        from cryptography.hazmat.primitives.ciphers.aead import AESSIV

        told = (self._key or "").encode()
        return AESSIV(hashlib.blake2b(told, digest_size=64, person=b"crm-mcp sessions").digest())
