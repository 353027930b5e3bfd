"""The week of whoever calls, as a table: what was worked on each day, and what can be charged."""

from collections.abc import Sequence
from datetime import timedelta

from crm_mcp.sandbox.synergist.job_table import IN_HOUSE
from crm_mcp.sandbox.synergist.phases import PHASES
from crm_mcp.sandbox.synergist.timesheets_table import HOURS, PENDING
from crm_mcp.sandbox.synergist.wire import Ask, Rows, Said
from crm_mcp.sandbox.synergist.world import Record, Row, World

_DAYS = 7
_REQUIRED = 37.5
_LABELS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_KINDS = ("", "Ot1", "Ot2")


def week(world: World, ask: Ask) -> Said:
    """Show the present week. The document's sample has the table beside an empty data."""
    monday = world.now.date() - timedelta(days=world.now.weekday())
    days = [f"{monday + timedelta(days=number):%Y-%m-%d}" for number in range(_DAYS)]
    code = ask.user["userResourceCode"]
    entries = [
        entry
        for entry in world.all(PENDING)
        if entry["tspResourceCode"].casefold() == code.casefold() and entry["tspTimeDate"] in days
    ]
    normal, first, second = (
        _totals(world, entries, days, kind, field)
        for kind, field in zip(_KINDS, HOURS, strict=True)
    )
    beside = {
        "dates": [{f"tspTssDay{number}Date": day for number, day in enumerate(days)}],
        "labels": [{f"tspTssDay{number}Label": text for number, text in enumerate(_LABELS)}],
        "ot1totals": [first],
        "ot2totals": [second],
        "resource": [_resource(world, entries)],
        "totals": [normal],
    }
    return Rows([], beside=beside)


def _totals(
    world: World, entries: Sequence[Record], days: Sequence[str], kind: str, field: str
) -> Row:
    row = {
        f"tspTssDay{number}{kind}Total": sum(
            entry[field] for entry in entries if entry["tspTimeDate"] == day
        )
        for number, day in enumerate(days)
    }
    charged = sum(entry[field] for entry in entries if _is_charged(world, entry))
    row[f"tspTssChargeable{kind}Total"] = charged
    row[f"tspTssNonChargeable{kind}Total"] = sum(entry[field] for entry in entries) - charged
    return row


def _resource(world: World, entries: Sequence[Record]) -> Row:
    charged = sum(_all_hours(entry) for entry in entries if _is_charged(world, entry))
    return {
        "tspTimeSheetHoursrequired": _REQUIRED,
        "tspTssResourceChargeable": charged,
        "tspTssResourceNonChargeable": sum(map(_all_hours, entries)) - charged,
    }


def _all_hours(entry: Record) -> float:
    hours: float = sum(entry[field] for field in HOURS)
    return hours


def _is_charged(world: World, entry: Record) -> bool:
    """Tell whether a client pays: not for work in house."""
    phase = world.find(PHASES.kind, entry["tspJobAndPhase"])
    return bool(world.find("job", phase["phaseJobNumber"])["jobStatus"] != IN_HOUSE)
