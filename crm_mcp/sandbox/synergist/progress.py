"""How far jobs and phases are: what was spent of what was estimated, in percent."""

from collections.abc import Iterable

from crm_mcp.sandbox.synergist.world import Record, World

WHITE_POINT = 110
"""The percentage from which a thermometer is over the top."""


def progress_value(world: World, phases: Iterable[Record]) -> int:
    """Give the percentage; 0 where nothing was estimated."""
    keys = {phase.key for phase in phases}
    estimated, spent = (
        sum(record["cost"] for record in world.all(kind) if record["phase"] in keys)
        for kind in ("estimate", "cost")
    )
    return round(100 * spent / estimated) if estimated else 0


def progress(world: World, phases: Iterable[Record]) -> str:
    """Write the percentage; nothing for none."""
    value = progress_value(world, phases)
    return f"{value}%" if value else ""
