"""What a stand-in must say: its demo credentials, and what it answers to a call."""

import json
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar
from urllib.parse import parse_qsl

from crm_mcp.operation import Operation
from crm_mcp.request import Pairs

FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Call:
    """One request as the vendor sees it.

    `path` begins below the vendor's address and is still percent-encoded; header names are in
    lower case; `in_path` holds what stands in the places of the operation's path, decoded.
    """

    method: str
    path: str
    query: Pairs = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes = b""
    in_path: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def form(self) -> Pairs:
        """The form fields of the body in wire order; none when the body is no form."""
        if self.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
            return ()
        return tuple(parse_qsl(self.content.decode("utf-8", "replace"), keep_blank_values=True))

    @cached_property
    def parameters(self) -> Mapping[str, str]:
        """Query and form in one, for vendors that accept a parameter in either; the form wins."""
        return dict(self.query) | dict(self.form)


@dataclass(frozen=True)
class Answer:
    """What a stand-in says, and whether one of its records is now another."""

    content: bytes
    status: int = 200
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    changed: bool = False


Push = Callable[[], Awaitable[Any]]
"""Waits for the next message to a device that is connected."""

Opener = Callable[[Call], Push | None]
"""Lets a device in that asks for a websocket, or refuses it with None."""


class StandIn(ABC):
    """One vendor's habits on the wire; an instance is one CRM with records of its own."""

    credentials: ClassVar[Mapping[str, str]]
    """The settings, beside the address, with which a client is let in."""

    @property
    def controls(self) -> Mapping[str, Callable[[], None]]:
        """What tests can make happen in the CRM without a call, by name."""
        return {}

    @property
    def sockets(self) -> Mapping[str, Opener]:
        """The websockets by their path, which begins at the root of the host."""
        return {}

    @abstractmethod
    def answer(self, operation: Operation, call: Call) -> Answer:
        """Carry out a call of a known operation."""

    @abstractmethod
    def misfit(self, call: Call) -> Answer:
        """Answer a request that fits no operation."""


def json_answer(body: Any, status: int = 200, *, changed: bool = False) -> Answer:
    """Answer with JSON in ASCII."""
    return Answer(json.dumps(body).encode(), status, changed=changed)
