"""What an area of Synergist's API consists of: its calls, its first records, its views."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from crm_mcp.sandbox.synergist.wire import Ask, Said
from crm_mcp.sandbox.synergist.world import View, World

CarryOut = Callable[[World, Ask], Said]

Calls = Mapping[tuple[str, str], CarryOut]
"""By the area in the path and the action, both in lower case; no action is an empty one."""


def _nothing(_: World) -> None:
    """Add nothing."""


@dataclass(frozen=True)
class Area:
    """One part of Synergist.

    Args:
        calls: what it answers to.
        seed: adds the records with which the story begins; those of the areas before it are
            there already.
        views: the saved filters of its tables.
    """

    calls: Calls
    seed: Callable[[World], None] = _nothing
    views: tuple[View, ...] = ()
