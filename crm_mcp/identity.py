"""Who sends a request: on stdio the person whose machine this is, over HTTP who the token names."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mcp.server import ServerRequestContext

from crm_mcp.access import Narrowing
from crm_mcp.parties import Caller
from crm_mcp.rights import FULL, Rights


@dataclass(frozen=True, slots=True)
class Identity:
    """A caller's name for the record, and what they may do.

    `narrowings` are those of the operator and of the caller, in this order. `page` is where
    people decide, if they can.
    """

    name: str = Caller.name
    rights: Rights = FULL
    narrowings: tuple[Narrowing, ...] = ()
    page: str = ""


Identify = Callable[[ServerRequestContext[Any]], Identity]
"""Tells who sends a request.

Raises:
    MCPError: nobody can say; the request must not go on.
"""


def whoever_started_it(_ctx: ServerRequestContext[Any]) -> Identity:
    """Name the one caller of a process that a client started for itself."""
    return Identity()
