"""Faults on demand: what a network and a tired CRM do to a request, once and on purpose."""

import math
from collections import deque
from itertools import repeat
from typing import Annotated, Literal

import anyio
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

Kind = Literal[
    "latency",
    "rate_limited",
    "error_before",
    "error_after",
    "drop_before",
    "drop_after",
    "invalid_json",
    "oversized",
]
MAX_SECONDS = 3600
MAX_SIZE = 1_000_000_000
MAX_TIMES = 1000

_BEFORE = frozenset({"rate_limited", "error_before", "drop_before"})


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Fault:
    """One thing that goes wrong with one request.

    The kinds `rate_limited`, `error_before` and `drop_before` keep the request from being
    carried out; with all others it is carried out and the answer suffers.

    Args:
        kind: what goes wrong.
        seconds: how late the answer is, for `latency`; what Retry-After says, for `rate_limited`.
        size: bytes of the answer, for `oversized`.

    Raises:
        ValidationError: there is no such kind, or a figure is out of bounds.
    """

    kind: Kind
    seconds: Annotated[float, Field(ge=0, le=MAX_SECONDS)] = 1.0
    size: Annotated[int, Field(ge=1, le=MAX_SIZE)] = 50_000_000

    @property
    def comes_before(self) -> bool:
        """Whether the request is not carried out."""
        return self.kind in _BEFORE


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class PlannedFault(Fault):
    """A fault as it is ordered over the wire: with the number of requests it shall meet."""

    times: Annotated[int, Field(ge=1, le=MAX_TIMES)] = 1


class Faults:
    """The faults that wait for the next requests, first come, first served."""

    def __init__(self) -> None:
        self._waiting: deque[Fault] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def plan(self, fault: Fault, times: int = 1) -> None:
        """Let a fault meet the next requests, after those already planned."""
        self._waiting.extend(repeat(fault, times))

    def take(self) -> Fault | None:
        """Give the fault that meets the present request, if any."""
        return self._waiting.popleft() if self._waiting else None

    def clear(self) -> None:
        """Forget all that is planned."""
        self._waiting.clear()


class ConnectionDroppedError(Exception):
    """Makes the server close the connection in the middle of an answer, as was planned."""


class _DroppedResponse(Response):
    """Begins an answer and goes away: the only way an ASGI app has to break a connection."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Promise one byte that never comes."""
        promise = [(b"content-length", b"1")]
        await send({"type": "http.response.start", "status": 200, "headers": promise})
        raise ConnectionDroppedError


async def spoil(fault: Fault, usual: Response) -> Response:
    """Put what the fault makes of it in the place of the usual answer."""
    match fault.kind:
        case "latency":
            await anyio.sleep(fault.seconds)
            return usual
        case "rate_limited":
            wait = str(math.ceil(fault.seconds))
            return PlainTextResponse("Too Many Requests", 429, headers={"retry-after": wait})
        case "error_before" | "error_after":
            return PlainTextResponse("Internal Server Error", 500)
        case "drop_before" | "drop_after":
            return _DroppedResponse()
        case "invalid_json":
            return Response(b'{"cut off": "in the mid', media_type="application/json")
        case _:
            # Blanks at the end leave it valid: what is wrong with it is its size alone.
            body = bytes(usual.body).ljust(fault.size)
            return Response(body, usual.status_code, media_type=usual.media_type)
