"""Time summaries: the hours that a phase was estimated to need, and what became of them.

The calendar offers them as what can be booked; those that are hidden it leaves out.
"""

from dataclasses import dataclass

from crm_mcp.sandbox.synergist.job_table import SPECIAL
from crm_mcp.sandbox.synergist.reference import REQUISITION
from crm_mcp.sandbox.synergist.tables import tidy
from crm_mcp.sandbox.synergist.world import Record, Row, World

SUMMARY = "timesummary"
BOOKING = "booking"


@dataclass(frozen=True)
class Summary:
    """One time summary with the phase and the job that it belongs to, and its figures in hours."""

    record: Record
    phase: Record
    job: Record
    client: Record | None
    booked: float
    worked: float
    people: str

    @property
    def unique(self) -> str:
        """Its name in the calendar: phase and charge code."""
        return f"{self.record['phase']}###{self.record['code']}"

    @property
    def remaining(self) -> float:
        """The hours that were estimated and are not booked; below zero where too many are."""
        return tidy(self.record["hours"] - self.booked)

    @property
    def is_offered(self) -> bool:
        """Whether the calendar offers it: it is not hidden, and somebody is to work on its job."""
        is_done = self.job["jobCompleted"] or self.job["jobStatus"] == SPECIAL
        return not (self.record["hidden"] or is_done)

    @property
    def client_name(self) -> str:
        """Templates have no client."""
        return "" if self.client is None else str(self.client["clientName"])

    def figures(self) -> Row:
        """Show what stands beside every booking."""
        return {
            "calendarunallocatedunique": self.unique,
            "calendarunallocatedestimated": self.record["hours"],
            "calendarunallocatedbooked": self.booked,
            "calendarunallocatedremaining": self.remaining,
            "calendarunallocatedtimesheets": self.worked,
            "calendarunallocateddraft": 0,
            "calendarunallocatedinitials": self.people,
        }


def summary_of(world: World, record: Record) -> Summary:
    """Work out the figures of a time summary."""
    phase = world.find("phase", record["phase"])
    job = world.find("job", phase["phaseJobNumber"])
    bookings = world.where(BOOKING, summary=record.key)
    costs = world.where("cost", phase=phase.key, code=record["code"])
    people = dict.fromkeys(_initials(world, booking) for booking in bookings)
    return Summary(
        record,
        phase,
        job,
        world.get("client", job["jobClientCode"]) if job["jobClientCode"] else None,
        tidy(sum(booking["hours"] for booking in bookings)),
        tidy(sum(cost["quantity"] for cost in costs)),
        ",".join(people),
    )


def requisitions_for(world: World, phase: str) -> list[Record]:
    """List the open requisitions of a phase."""
    return [
        activity
        for activity in world.where("activity", activityActivitytypeCode=REQUISITION)
        if activity["activityJobAndPhase"] == phase and not activity["activityCompleted"]
    ]


def charge_text(world: World, code: str) -> str:
    """Name a charge code."""
    return str(world.find("chargecode", code)["description"])


def _initials(world: World, booking: Record) -> str:
    name = world.find("user", booking["resource"])["userFullName"]
    return "".join(part[0] for part in name.split())
