"""The three clocks of a pending timesheet: for normal hours and two kinds of overtime."""

from dataclasses import dataclass

from crm_mcp.sandbox.synergist.world import Record, World

RUNNING, PAUSED = "RUNNING", "PAUSED"


@dataclass(frozen=True)
class Clock:
    """One of the clocks.

    Args:
        name: with which actions end, in capitals and small letters as in the fields.
        hours: how the field for the hours themselves ends.
    """

    name: str
    hours: str

    @property
    def status(self) -> str:
        """The field that tells whether it runs or pauses."""
        return f"tspTimerStatus{self.name}"

    @property
    def shown_elapsed(self) -> str:
        """The field that shows how many seconds it has counted."""
        return f"tspTimerElapsed{self.name}"

    @property
    def counted(self) -> str:
        """Where the seconds up to the last pause are kept."""
        return f"counted{self.name}"

    @property
    def since(self) -> str:
        """Where the time of the last start is kept."""
        return f"since{self.name}"


CLOCKS = (Clock("Normal", "Normal"), Clock("Ot1", "Otime1"), Clock("Ot2", "Otime2"))


def elapsed(world: World, entry: Record, clock: Clock) -> int:
    """Tell how many seconds a clock has counted."""
    counted = int(entry[clock.counted] or 0)
    if entry[clock.status] != RUNNING:
        return counted
    seconds: float = (world.now - entry[clock.since]).total_seconds()
    return counted + round(seconds)
