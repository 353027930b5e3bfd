"""What a vendor must say: its settings, its credentials, and how to read its answers.

A vendor is a small object without state. It imports this module, `errors` and `redact`, and
never the engine; the engine finds it by its folder.
"""

import ipaddress
import json
import math
import re
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from crm_mcp.errors import (
    AuthFailed,
    Conflict,
    Forbidden,
    NotFound,
    RateLimited,
    Rejected,
    Unavailable,
    UnreadableReply,
    UpstreamError,
)
from crm_mcp.vendors.shared import SharedLogin

if TYPE_CHECKING:
    import httpx

_SURROGATE = re.compile("[\ud800-\udfff]")
_PLAIN = re.compile(r"([A-Za-z]+:)?//[^\s@?#\x00-\x1f\x7f]+")
HEADER_SAFE = re.compile(r"[\x21-\x7e]{1,4096}")
"""What a token must be made of to be sent in a header."""
MAX_KIND = 60
MAX_DEPTH = 100
MAX_VALUES = 1_000_000
"""More than that take far more memory than the text they are read from."""


@dataclass(frozen=True, slots=True)
class Shortfall:
    """What did not come of a write that the CRM took, and what to do about it."""

    status: Literal["partly_done", "unknown"]
    words: str


@dataclass(frozen=True, slots=True)
class Reply:
    """A raw HTTP answer: status, headers in lower case, bytes.

    `shortfall` is the client's own word about files that were to follow.
    """

    status: int
    headers: Mapping[str, str]
    content: bytes
    shortfall: Shortfall | None = None


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that a CRM, after a write, wants brought to an address which is a key by itself.

    `hosts` are those that the operator allows; `*.` before a name means all below it.
    """

    address: str = field(repr=False)
    content: bytes = field(repr=False)
    hosts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FailedItem:
    """One record of a bulk write that the CRM did not take: the record as told, and why."""

    item: Any
    errors: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Write the record and its reasons as results and errors tell them."""
        return {"item": self.item, "errors": list(self.errors)}


@dataclass(frozen=True, slots=True)
class Reading:
    """An answer that is no failure.

    `body` is the decoded JSON. `empty` says that the CRM reported "nothing found" in the form
    of an error. `done` and `failed` count a bulk write item by item; `done` is None otherwise.
    `partial` says that a write was not done in whole, where the CRM names no items; the warnings
    tell why.
    """

    body: Any
    empty: bool = False
    done: int | None = None
    failed: tuple[FailedItem, ...] = ()
    warnings: tuple[str, ...] = ()
    partial: bool = False


class VendorSettings(BaseModel):
    """What every vendor needs to know; each adds its credentials as `SecretStr`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    also_needed: ClassVar[str] = ""
    """What is needed beside the fields without a default, where there is a choice."""

    base_url: str = Field(description="Address of the CRM, as its document counts it.")
    rate: float = Field(5.0, gt=0, le=100_000, description="Calls a second, at most.")
    concurrency: int = Field(8, ge=1, le=64, description="Calls under way at once, at most.")

    @field_validator("base_url")
    @classmethod
    def _safe_address(cls, value: str) -> str:
        return safe_address(value).rstrip("/")

    def secrets(self) -> list[str]:
        """List what nobody may read, for the redactor: by default every `SecretStr`."""
        return secrets_of(self)


def secrets_of(settings: BaseModel) -> list[str]:
    """List the secret values among some settings."""
    values = (value for _, value in settings)
    return [value.get_secret_value() for value in values if isinstance(value, SecretStr)]


class NoAnswerError(Exception):
    """One request got no usable answer.

    Args:
        why: `unsent` says that it never left this machine; after anything else it may have arrived.
    """

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why

    @property
    def sent(self) -> bool:
        """Whether the request may have arrived."""
        return self.why != "unsent"


@dataclass(frozen=True, slots=True)
class Wire:
    """What a session may use of its client.

    `request` makes a request without a body from method and path, to the configured host. `send`
    sends one request once, bounded in size and time, and raises `NoAnswerError`; the credentials
    join on the way. `hide` masks a secret in all that anybody can see, from then on. `shared` is
    where replicas find each other's session, if there are any.
    """

    request: Callable[[str, str], "httpx.Request"]
    send: Callable[["httpx.Request"], Awaitable[Reply]]
    hide: Callable[[str], None]
    shared: SharedLogin | None = None


class Session(ABC):
    """An auth whose credentials last for a while: it gets, renews and gives them back by itself.

    The auth joins what it has; the requests that it takes to have something go through here,
    because only the client's own way bounds them and knows whether the call itself was sent. They
    go out within a call that has its permit, and once more at the end.
    """

    @abstractmethod
    async def carry(self, request: "httpx.Request", wire: Wire) -> Reply:
        """Bring one call's request to its answer, within a session where it needs one.

        Raises:
            NoAnswerError: from the wire; `sent` is about the call's own request.
            ToolFailure: there is no session; the call's own request did nothing.
        """

    async def prepare(self, request: "httpx.Request", wire: Wire) -> None:  # noqa: B027
        """Give a request for a websocket what the auth will join to it; nothing by default.

        Asked once more for the same request, what it was given before has been refused.

        Raises:
            NoAnswerError: no session could be had.
            ToolFailure: there is no session.
        """

    @abstractmethod
    async def close(self, wire: Wire) -> None:
        """End the session, if one is open; called once, at the end.

        Raises:
            NoAnswerError: the CRM may not know of the end.
        """


class Vendor(ABC):
    """One CRM system."""

    id: ClassVar[str]
    title: ClassVar[str]
    settings: ClassVar[type[VendorSettings]]
    everyday: ClassVar[tuple[str, ...]]
    """Tools and toolsets of everyday work, listed by default: the most important first."""
    probe: ClassVar[str]
    """A read without arguments that shows whether the credentials work."""
    purposes: ClassVar[Mapping[str, tuple[str, ...]]] = MappingProxyType({})
    """Which tools serve the steps of prompts."""
    median_bytes: ClassVar[int] = 700
    """How long an entry in the list of tools is: half of them may be longer."""

    @abstractmethod
    def auth(self, settings: Any) -> "httpx.Auth":
        """Make what joins the credentials to a request, as the last step before the wire.

        An auth that is a `Session` too is also asked to carry each request.
        """

    @abstractmethod
    def read(self, reply: Reply) -> Reading:
        """Tell success from failure in this vendor's way.

        Raises:
            UpstreamError: the class says what kind of failure it is.
        """

    def defaults(self, settings: Any) -> Mapping[str, Any]:  # noqa: ARG002 - most have none
        """Give arguments for calls that leave them out, of the tools that have them."""
        return {}

    def check(  # noqa: B027 - most CRMs take whatever fits the schema
        self, settings: Any, target: str, traits: Collection[str]
    ) -> None:
        """Refuse what this CRM cannot take, before anybody is asked.

        Args:
            settings: of the account.
            target: path and query of the request.
            traits: of the operation.

        Raises:
            InvalidArguments: it is not to be sent; says why, and what would do.
        """

    def uploads(
        self,
        settings: Any,  # noqa: ARG002 - most have none
        reply: Reply,  # noqa: ARG002
        sent: Mapping[str, str],  # noqa: ARG002
    ) -> tuple[Upload, ...]:
        """Name the files that a write is still to bring somewhere; asked once, after the answer.

        Args:
            settings: of the account.
            reply: the answer to the write, success or not.
            sent: the query of the write.
        """
        return ()


def safe_address(value: str) -> str:
    """Accept https anywhere and http on this machine only.

    Raises:
        ValueError: it is another address, or none.
    """
    parts = urlsplit(value)
    if not parts.hostname or not _PLAIN.fullmatch(value) or parts.port == 0:
        raise ValueError("must be a plain address such as https://crm.example.com/path")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname)):
        raise ValueError("must begin with https:// (http:// is for this machine only)")
    return value


def is_loopback(host: str) -> bool:
    """Tell whether a host name can only mean this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def decode_json(reply: Reply) -> Any:
    """Read the body as JSON that can be written again: finite, not too deep, whole characters.

    Raises:
        UnreadableReply: it is something else, or too much; its text is not told, it may be
            private.
    """
    if sum(map(reply.content.count, (b",", b"[", b"{"))) > MAX_VALUES:
        raise UnreadableReply(
            f"The CRM's answer holds more than {MAX_VALUES} values.",
            hint="Ask for less: fewer records, or a narrower filter.",
        )
    try:
        text = reply.content.decode(json.detect_encoding(reply.content), "surrogatepass")
        value = json.loads(text, parse_constant=_finite, parse_float=_finite)
        _check_depth(value)
    except (ValueError, RecursionError) as error:
        kind = reply.headers.get("content-type", "no content type")
        kind = kind if len(kind) <= MAX_KIND else f"{kind[:MAX_KIND]}…"
        raise UnreadableReply(
            f"The CRM answered with HTTP {reply.status} and {len(reply.content)} bytes "
            f"({kind}) that are not JSON.",
            hint="Try again later; if it stays, the address of the CRM may be wrong.",
        ) from error
    # Half of a character pair comes from an escape, or from a careless encoding.
    return _mended(value) if "\\ud" in text.lower() or not _encodable(text) else value


def _encodable(text: str) -> bool:
    return text.isascii() or not _SURROGATE.search(text)


def _finite(text: str) -> float:
    """Read a number; NaN and the infinities are no JSON."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:20]} is not JSON")
    return number


def _check_depth(value: Any) -> None:
    level, depth = [value], 0
    while level:
        level = [part for node in level for part in _parts(node)]
        depth += 1
        if depth > MAX_DEPTH:
            raise ValueError("nested too deeply")


def _parts(node: Any) -> Iterable[Any]:
    if isinstance(node, dict):
        return node.values()
    return node if isinstance(node, list) else ()


def _mended(value: Any) -> Any:
    """Replace halves of character pairs, which no text may hold."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_mended(item) for item in value]
    if isinstance(value, dict):
        return {_mended(key): _mended(item) for key, item in value.items()}
    return value


def http_failure(reply: Reply, words: str = "") -> UpstreamError | None:
    """Read the HTTP status alone: what kind of failure it is, or None below 300.

    Args:
        reply: the answer.
        words: the CRM's own words, already bounded.
    """
    status = reply.status
    if status < HTTPStatus.MULTIPLE_CHOICES:
        return None
    said = f" and said: {words}" if words else ""
    message = f"The CRM answered with HTTP {status}{said}."
    code = str(status)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        seconds = retry_after(reply.headers)
        wait = f"in {seconds:g} seconds" if seconds is not None else "in a minute"
        return RateLimited(message, hint=f"Try again {wait}.", vendor_code=code, seconds=seconds)
    if status < HTTPStatus.BAD_REQUEST:
        return Unavailable(
            f"The CRM answered with a redirect (HTTP {status}), which is not followed.",
            hint="The CRM may have moved: ask the operator to check its address.",
            vendor_code=code,
        )
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Unavailable(message, hint="Try again later.", vendor_code=code)
    kinds = {401: AuthFailed, 403: Forbidden, 404: NotFound, 409: Conflict}
    return kinds.get(status, Rejected)(message, vendor_code=code)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Read Retry-After in seconds; a date or nonsense counts as not said."""
    try:
        seconds = float(headers.get("retry-after", ""))
    except ValueError:
        return None
    return seconds if 0 <= seconds < math.inf else None
