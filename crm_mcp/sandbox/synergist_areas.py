"""The areas of Synergist, and the world as it is when the story begins.

An area is a module of its own that defines `AREA`. Here they stand in the order in which their
first records are made: an area may refer to what stands before it.
"""

from types import MappingProxyType

from crm_mcp.sandbox import (
    story,
    synergist_activities,
    synergist_attachments,
    synergist_calendar,
    synergist_clients,
    synergist_company,
    synergist_estimates,
    synergist_expenses,
    synergist_jobs,
    synergist_phases,
    synergist_purchases,
    synergist_reference,
    synergist_timesheets,
    synergist_views,
)
from crm_mcp.sandbox.synergist_calls import Area, Calls
from crm_mcp.sandbox.synergist_world import World

AREAS: tuple[Area, ...] = (
    synergist_company.AREA,
    synergist_reference.AREA,
    synergist_clients.AREA,
    synergist_jobs.AREA,
    synergist_phases.AREA,
    synergist_activities.AREA,
    synergist_attachments.AREA,
    synergist_estimates.AREA,
    synergist_calendar.AREA,
    synergist_purchases.AREA,
    synergist_expenses.AREA,
    synergist_timesheets.AREA,
    synergist_views.AREA,
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
