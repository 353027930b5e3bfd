"""What reaches a Synergist, read as the most careless server might read it.

Which action words write is told by the operation files: all that their writes can send.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote, unquote_plus

import httpx
from open_crm import OpenCrm, Write, catalogue, writes

from crm_mcp.bind import parse_target, placeholders, targets
from crm_mcp.operation import Operation

VENDOR = "synergist"
OPERATIONS = catalogue()[VENDOR]
READS = tuple(one for one in OPERATIONS if not one.is_write)
WRITES: tuple[Write, ...] = tuple(one for one in writes() if one.operation.vendor == VENDOR)
DECODINGS = 3
_NO_WORD = re.compile(r"[^a-z0-9_]+")

Answer = Callable[[httpx.Request], httpx.Response]
"""What a write meets in the place of its CRM; it may raise as the network does."""


def words_of(operation: Operation) -> frozenset[str]:
    """List all action words that an operation can send, in lower case."""
    values = [operation.request.const.get("query:action", "")]
    for name, schema in operation.properties.items():
        places = [parse_target(target) for target in targets(operation, name)]
        if any((place.part, place.name or name) == ("query", "action") for place in places):
            values += schema.get("enum", ())
    return frozenset(str(value).lower() for value in values if value)


WRITING = frozenset(word for one in OPERATIONS if one.is_write for word in words_of(one))


def actions_in(target: bytes) -> frozenset[str]:
    """Read all words that any server might take for the action.

    Pairs end at `&` and `;`; the first and the last of several count, and so do those between.
    Names and values are decoded up to three times, and know no capitals.
    """
    query = target.decode("ascii").partition("?")[2]
    pairs = (pair.partition("=") for pair in re.split("[&;]", query))
    return frozenset(
        word
        for name, _, value in pairs
        if any(_NO_WORD.split(one)[0] == "action" for one in _readings(name))
        for one in _readings(value)
        for word in _NO_WORD.split(one)
    ) - {""}


def _readings(text: str) -> Iterator[str]:
    for decode in (unquote_plus, unquote):
        said = text
        for _ in range(DECODINGS + 1):
            yield said.lower().strip()
            said = decode(said)


def is_write(target: bytes) -> bool:
    """Tell whether some server might take a request for a write."""
    return not WRITING.isdisjoint(actions_in(target))


def misdeeds(operation: Operation, requests: Iterable[bytes]) -> list[str]:
    """Say which of the requests of a read are none: a writing action, or another address."""
    told = []
    for target in requests:
        path = target.decode("ascii").partition("?")[0]
        if is_write(target):
            told.append(f"writes: {target!r}")
        if path not in _paths(operation):
            told.append(f"goes elsewhere: {target!r}")
    return told


def _paths(operation: Operation) -> set[str]:
    """List the paths that the operation files allow for a read; a free one is none of them."""
    paths = {f"/{VENDOR}{operation.request.path}"}
    for name in placeholders(operation.request.path):
        values = operation.properties[name].get("enum", ())
        paths = {path.replace(f"{{{name}}}", value) for path in paths for value in values}
    return paths & {path for one in READS for path in _spelled(one)}


def _spelled(operation: Operation) -> set[str]:
    path = f"/{VENDOR}{operation.request.path}"
    values = operation.properties.get("area", {}).get("enum", ())
    return {path.replace("{area}", value) for value in values} or {path}


class Tapped(OpenCrm):
    """A CRM that takes everything, and remembers each request of Synergist's as it came.

    Args:
        answer: what writes meet instead of the CRM.
    """

    def __init__(self, answer: Answer | None = None) -> None:
        super().__init__()
        self.heard: list[httpx.Request] = []
        self.written: list[httpx.Request] = []
        """Those of them that some server might take for a write."""
        self.answer = answer

    def transport(self) -> httpx.AsyncBaseTransport:
        """Reach the CRMs through the tap."""
        return _Tap(super().transport(), self)

    @property
    def requests(self) -> list[bytes]:
        """Path and query of each request."""
        return [request.url.raw_path for request in self.heard]


@dataclass
class _Tap(httpx.AsyncBaseTransport):
    inner: httpx.AsyncBaseTransport
    crm: Tapped = field(repr=False)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        target = request.url.raw_path
        if target.startswith(b"/" + VENDOR.encode() + b"/"):
            self.crm.heard.append(request)
            if is_write(target):
                self.crm.written.append(request)
                if self.crm.answer:
                    return self.crm.answer(request)
        return await self.inner.handle_async_request(request)
