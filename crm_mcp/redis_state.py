"""The state on Redis or Valkey, for replicas on several machines.

A transaction takes a lock that ends by itself, reads, and commits in one script. The script looks
whether the lock is still this transaction's: one that was slow, paused or cut off commits nothing.
"""

import random
import secrets
import threading
import time
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from math import inf, isinf
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from crm_mcp.errors import StateError
from crm_mcp.presence import Presence
from crm_mcp.state import FORMAT, LOCK_SECONDS, Row, Tables, as_row, as_text

if TYPE_CHECKING:
    from redis import Redis

ANSWER_SECONDS = 1.0
REST_SECONDS = 2.0
"""After a failure; so long nobody waits for a server that does not answer."""
HELD_SECONDS = 5.0
"""So long the others wait at most where a process was killed in the middle."""
ALIVE_SECONDS = 30.0
BEAT_SECONDS = 5.0
PAGE = 500

_COMMIT = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
local i = 2
while i <= #ARGV do
  local what, where, key, value, ends = ARGV[i], ARGV[i+1], ARGV[i+2], ARGV[i+3], ARGV[i+4]
  if what == 'line' then
    redis.call('XADD', where, key .. '-0', 'line', value)
  elseif what == 'put' then
    redis.call('HSET', where, key, value)
    if ends == '' then redis.call('ZREM', where .. ':ends', key)
    else redis.call('ZADD', where .. ':ends', ends, key) end
  else
    redis.call('HDEL', where, key)
    redis.call('ZREM', where .. ':ends', key)
  end
  i = i + 5
end
redis.call('DEL', KEYS[1])
return 1
"""
_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end"


class RedisState:
    """The rows as hashes, the record as a stream; one lock for all.

    Args:
        url: of the server; it may hold a password.
        path: the folder of this machine for files that stand beside.
        prefix: of all keys, so that several teams can share a server.
    """

    def __init__(self, url: str, path: Path, prefix: str = "crm-mcp") -> None:
        self.path = path
        self._url = url
        self._prefix = f"{prefix}:{FORMAT}"
        self._rests_until = -inf
        self._opened: Redis | None = None
        self._opening = threading.Lock()

    @property
    def is_there(self) -> bool:
        """Whether anything was ever kept here; a server is there for all."""
        return True

    @contextmanager
    def transaction(self) -> Iterator[Tables]:
        """Hold the write lock; commit at the end, leave everything as it was on any error.

        Raises:
            StateError: the server does not answer, the lock cannot be had or was lost. Whether
                a commit that got no answer counts, nobody knows.
        """
        import redis  # with the first write

        with self.told():
            token = self._locked()
            tables = _RedisTables(self.server, self._prefix)
            try:
                yield tables
                is_done = self.server.eval(_COMMIT, 1, self.key("lock"), token, *tables.commands())
            except redis.ResponseError as error:
                self._release(token)
                raise StateError(f"the state server refuses: {error}") from error
            except OSError as error:  # of a file beside; the server's are RedisErrors
                self._release(token)
                raise StateError(f"{self.path}: the state cannot be used: {error}") from error
            except BaseException:
                self._release(token)
                raise
        if not is_done:
            raise StateError("the lock of the state was lost before the end; nothing was changed")

    def presence(self) -> Presence:
        """Give this process a sign of life on the server."""
        return Heartbeat(self)

    def lines(self, after: int) -> Iterator[bytes]:
        """Read the stream of the record from a number on.

        Raises:
            StateError: the server does not answer.
        """
        while True:
            with self.told():
                page = cast(
                    "list[Any]",
                    self.server.xrange(self.key("audit-lines"), f"{after + 1}-0", count=PAGE),
                )
            for number, fields in page:
                after = int(number.partition(b"-")[0])
                yield fields[b"line"]
            if len(page) < PAGE:
                return

    @property
    def server(self) -> "Redis":
        """The connections, opened on first use."""
        with self._opening:
            if self._opened is None:
                self._opened = _connected(self._url)
        return self._opened

    def key(self, name: str) -> str:
        """Name a key of ours."""
        return f"{self._prefix}:{name}"

    @contextmanager
    def told(self) -> Iterator[None]:
        """Tell the server's errors as ours.

        Raises:
            StateError: it does not answer, or has not a moment ago.
        """
        import redis  # see `transaction`

        if time.monotonic() < self._rests_until:
            raise StateError("the state server did not answer a moment ago")
        try:
            yield
        except redis.RedisError as error:
            self._rests_until = time.monotonic() + REST_SECONDS
            # The address stands in no message: it may hold a password.
            raise StateError(f"the state server cannot be used: {type(error).__name__}") from None

    def _locked(self) -> str:
        """Take the lock; waits for others, but not for ever."""
        token = secrets.token_hex(16)
        end = time.monotonic() + LOCK_SECONDS
        lasts = int(HELD_SECONDS * 1000)
        pause = 0.0005
        while not self.server.set(self.key("lock"), token, nx=True, px=lasts):
            if time.monotonic() > end:
                raise StateError("the lock of the state cannot be had: others hold it")
            time.sleep(random.uniform(0, pause))  # noqa: S311 - to come apart, not to hide
            pause = min(2 * pause, 0.02)
        return token

    def _release(self, token: str) -> None:
        import redis  # see `transaction`

        with suppress(redis.RedisError):  # it ends by itself
            self.server.eval(_RELEASE, 1, self.key("lock"), token)


def _connected(url: str) -> "Redis":
    """Open connections that never send anything a second time by themselves.

    Raises:
        StateError: the library is not installed.
    """
    try:
        from redis import Redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry
    except ImportError:
        raise StateError("a state server needs more: pip install 'crm-mcp[team]'") from None
    return Redis.from_url(
        url,
        socket_timeout=ANSWER_SECONDS,
        socket_connect_timeout=ANSWER_SECONDS,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
    )


class _RedisTables:
    """The rows of the server with what this transaction has changed, which is sent at its end."""

    def __init__(self, server: "Redis", prefix: str) -> None:
        self._server = server
        self._prefix = prefix
        self._changed: dict[tuple[str, str], tuple[Row, float] | None] = {}
        self._lines: list[tuple[int, bytes]] = []

    def get(self, table: str, key: str) -> Row | None:
        if (table, key) in self._changed:
            changed = self._changed[table, key]
            return changed[0] if changed else None
        found = cast("bytes | None", self._server.hget(self._name(table), key))
        return None if found is None else as_row(found)

    def rows(self, table: str) -> dict[str, Row]:
        found = cast("dict[bytes, bytes]", self._server.hgetall(self._name(table)))
        rows = {key.decode(): as_row(value) for key, value in found.items()}
        for (changed_table, key), change in self._changed.items():
            if changed_table == table:
                rows.pop(key, None)
                if change:
                    rows[key] = change[0]
        return rows

    def count(self, table: str) -> int:
        found = cast("list[bytes]", self._server.hkeys(self._name(table)))
        keys = {key.decode() for key in found}
        for (changed_table, key), change in self._changed.items():
            if changed_table == table:
                (keys.add if change else keys.discard)(key)
        return len(keys)

    def put(self, table: str, key: str, row: Mapping[str, Any], until: float = inf) -> None:
        self._changed[table, key] = (dict(row), until)

    def delete(self, table: str, key: str) -> bool:
        was_there = self.get(table, key) is not None
        self._changed[table, key] = None
        return was_there

    def purge(self, table: str, now: float) -> None:
        ended = cast(
            "list[bytes]",
            self._server.zrangebyscore(f"{self._name(table)}:ends", "-inf", repr(now)),
        )
        for key in ended:
            self._changed.setdefault((table, key.decode()), None)

    def add_line(self, number: int, line: bytes) -> None:
        self._lines.append((number, line))

    def commands(self) -> Iterator[str | bytes]:
        """Give what the script is to do, five arguments a step; lines first: one may be refused."""
        for number, line in self._lines:
            yield from ("line", f"{self._prefix}:audit-lines", str(number), line, "")
        for (table, key), change in self._changed.items():
            if change is None:
                yield from ("delete", self._name(table), key, "", "")
            else:
                row, until = change
                ends = "" if isinf(until) else repr(until)
                yield from ("put", self._name(table), key, as_text(row), ends)

    def _name(self, table: str) -> str:
        return f"{self._prefix}:{table}"


class Heartbeat:
    """The sign of life on the server: a key that ends soon, and is renewed while the process is."""

    def __init__(self, state: RedisState) -> None:
        self._state = state
        self._name = ""

    def name(self) -> str:
        """Give the name under which others find this process; begins to beat on first use.

        Raises:
            StateError: the server does not answer.
        """
        if not self._name:
            name = secrets.token_hex(8)
            _beat(self._state, name)
            ended = threading.Event()
            beating = (self._state, name, ended)
            threading.Thread(target=_keep_beating, args=beating, daemon=True).start()
            weakref.finalize(self, _leave, self._state, name, ended)
            self._name = name
        return self._name

    def lives(self, name: str) -> bool:
        """Tell whether the process of this name still runs, or did half a minute ago."""
        with self._state.told():
            return bool(name) and bool(self._state.server.exists(_sign(self._state, name)))


def _sign(state: RedisState, name: str) -> str:
    return state.key(f"running:{name}")


def _beat(state: RedisState, name: str) -> None:
    with state.told():
        state.server.set(_sign(state, name), "1", px=int(ALIVE_SECONDS * 1000))


def _keep_beating(state: RedisState, name: str, ended: threading.Event) -> None:
    while not ended.wait(BEAT_SECONDS):
        with suppress(StateError):  # the next beat comes
            _beat(state, name)


def _leave(state: RedisState, name: str, ended: threading.Event) -> None:
    ended.set()
    with suppress(StateError), state.told():
        state.server.delete(_sign(state, name))
