"""The areas of Synergist, and the world as it is when the story begins.

An area is a module of its own that defines `AREA`. Here they stand in the order in which their
first records are made: an area may refer to what stands before it.
"""

from types import MappingProxyType

from crm_mcp.sandbox import story
from crm_mcp.sandbox.synergist import (
    activities,
    attachments,
    calendar,
    clients,
    company,
    estimates,
    expenses,
    jobs,
    phases,
    purchases,
    reference,
    timesheets,
    views,
)
from crm_mcp.sandbox.synergist.calls import Area, Calls
from crm_mcp.sandbox.synergist.world import World

AREAS: tuple[Area, ...] = (
    company.AREA,
    reference.AREA,
    clients.AREA,
    jobs.AREA,
    phases.AREA,
    activities.AREA,
    attachments.AREA,
    estimates.AREA,
    calendar.AREA,
    purchases.AREA,
    expenses.AREA,
    timesheets.AREA,
    views.AREA,
)

CALLS: Calls = MappingProxyType(
    {name: carry_out for area in AREAS for name, carry_out in area.calls.items()}
)

_BEGUN = story.day(2025, 9, 1)


def new_world() -> World:
    """Make the world as it is on the morning when the story begins."""
    world = World(_BEGUN, tuple(view for area in AREAS for view in area.views))
    for area in AREAS:
        world.now = _BEGUN
        area.seed(world)
    world.now = story.TODAY
    return world
