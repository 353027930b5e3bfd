"""Pending timesheets: writing down time, changing and copying it, and submitting it."""

from collections.abc import Mapping
from typing import Any

from crm_mcp.sandbox.synergist.calls import Calls
from crm_mcp.sandbox.synergist.company import COMPANIES
from crm_mcp.sandbox.synergist.errors import RefusalError
from crm_mcp.sandbox.synergist.purchases_suppliers import usable_phase
from crm_mcp.sandbox.synergist.reads import found, reading
from crm_mcp.sandbox.synergist.timesheets_clock import CLOCKS
from crm_mcp.sandbox.synergist.timesheets_table import (
    HOURS,
    LISTING,
    PENDING,
    POSTED,
    QUERIED,
    REJECTED,
    SUBMITTED,
    TIMESHEETS,
    UNSUBMITTED,
    check_changeable,
    has_hours,
    is_timed,
    may_be_submitted,
    meant,
    screen_row,
    state_of,
)
from crm_mcp.sandbox.synergist.wire import Ask, Done, Rows, Said
from crm_mcp.sandbox.synergist.world import Record, Row, World
from crm_mcp.sandbox.synergist.writes import Item, each, ignored, named, new_values, values_of

_DAY = 24
_ONE_TIMESHEET = (
    *("tspApprovalNotesReSubmit", "tspApprovalNotes", "tspApprovalStatus", "tspChargeCode"),
    *("tspComplete", "tspEntryNo", *HOURS, "tspJobAndPhase", "tspMaterialCode"),
    *("tspMatQuantity", "tspResourceCode", "tspTaskDescription", "tspWorkDone"),
    *("tspChargeCodeDescription", "tspMatDescription", "tspResourceName"),
)


def _create(world: World, ask: Ask) -> Said:
    """Write down time; the answer is that to a question, as in the document's sample."""
    made = [add_entry(world, item) for item in ask.items]
    warnings = [warning for _, found_warnings in made for warning in found_warnings]
    rows = [screen_row(world, entry) for entry, _ in made]
    return Rows(rows, beside={"warningmessage": " ".join(warnings)})


def add_entry(world: World, item: Row) -> tuple[Record, tuple[str, ...]]:
    """Make a timesheet, and warn of what could not be written."""
    # A call for the timer names the resource twice.
    given = {name: value for name, value in item.items() if name != "tspResourceName"}
    values = new_values(world, TIMESHEETS, given)
    phase = usable_phase(world, values.data["tspJobAndPhase"])
    usual = next(code.key for code in world.all("chargecode") if code.company == phase.company)
    data = {"tspChargeCode": usual, **values.data, "tspApprovalStatus": UNSUBMITTED}
    _check(world, data)
    hours = dict.fromkeys(HOURS, 0)
    return world.add(PENDING, hours | data, company=phase.company), ignored(values)


def _check(world: World, data: Mapping[str, Any]) -> None:
    """Refuse hours that no day has, and somebody who does not work here."""
    hours = [data.get(name, 0) for name in HOURS]
    if min(hours) < 0 or sum(hours) > _DAY:
        raise RefusalError("invalid hours")
    check_resource(world, data["tspResourceCode"])


def check_resource(world: World, code: str) -> Record:
    """Find the user who is a resource.

    Raises:
        RefusalError: nobody is, or somebody who has left.
    """
    for user in world.where("user", userActive=True):
        if user["userResourceCode"].casefold() == code.casefold():
            return user
    raise RefusalError(f"resource {code} not found")


def _update(world: World, ask: Ask) -> Said:
    return each(ask.items, lambda item: _update_one(world, item))


def _update_one(world: World, item: Row) -> Item:
    entry = named(world, TIMESHEETS, item)
    check_changeable(entry)
    values = values_of(world, TIMESHEETS, item)
    data = {**entry.data, **values.data}
    _check(world, data)
    phase = usable_phase(world, data["tspJobAndPhase"])
    if phase.company != entry.company:
        raise RefusalError(f"phase {phase.key} belongs to another company")
    changed = world.change(entry, values.data)
    timers = {clock.status: changed[clock.status] or "" for clock in CLOCKS}
    return Item({**timers, **TIMESHEETS.named(changed)}, ignored(values))


def _delete(world: World, ask: Ask) -> Said:
    return each(ask.items, lambda item: _delete_one(world, item))


def _delete_one(world: World, item: Row) -> Item:
    entry = named(world, TIMESHEETS, item)
    check_changeable(entry)
    world.drop(entry)
    row = TIMESHEETS.named(entry)
    # The document's sample spells the version in the way of the database here.
    return Item({**row, "tspending_recordversionnumber": row.pop("tspRecordVersionNumber")})


def _submitted(world: World, ask: Ask) -> Said:
    ask.required("resource")
    return Rows([screen_row(world, entry) for entry in found(world, LISTING, ask)])


def _get(world: World, ask: Ask) -> Said:
    entry = meant(world, ask)
    row = TIMESHEETS.whole(world, entry)
    return Rows([{**TIMESHEETS.stamp(entry), **{name: row[name] for name in _ONE_TIMESHEET}}])


def _copy(world: World, ask: Ask) -> Said:
    entry = meant(world, ask)
    fresh: dict[str, Any] = {"tspApprovalStatus": UNSUBMITTED, "tspApprovalNotes": ""}
    for clock in CLOCKS:
        fresh |= dict.fromkeys((clock.status, clock.counted, clock.since))
    copied = world.add(PENDING, {**entry.data, **fresh}, company=entry.company)
    row = {TIMESHEETS.key: copied.key, "tspUuid": copied.uuid}
    return Done(f"TS pending {entry.key} record copied to {copied.key}", [row])


def _submit(world: World, ask: Ask) -> Said:
    """Submit a timesheet; where nobody approves them, it is on its way to the job at once."""
    entry = meant(world, ask)
    if not may_be_submitted(entry):
        raise RefusalError(f"timesheet {entry.key} {_objection(entry)}")
    is_approved = world.find(COMPANIES.kind, entry.company)["companyTimesheetapproval"]
    world.change(entry, {"tspApprovalStatus": SUBMITTED if is_approved else POSTED})
    return Done("TS pending record(s) submitted")


def _objection(entry: Record) -> str:
    if entry["tspApprovalStatus"] != UNSUBMITTED:
        return f"is {state_of(entry)}"
    return "has a timer that was not stopped" if is_timed(entry) else "has no hours"


def _resubmit(world: World, ask: Ask) -> Said:
    entry = meant(world, ask)
    if entry["tspApprovalStatus"] not in (QUERIED, REJECTED):
        raise RefusalError(f"timesheet {entry.key} is {state_of(entry)}")
    if is_timed(entry) or not has_hours(entry):
        raise RefusalError(f"timesheet {entry.key} has no hours, or a timer that was not stopped")
    world.change(entry, {"tspApprovalStatus": SUBMITTED})
    return Done("TS pending record resubmitted")


ENTRIES: Calls = {
    ("tspending", ""): reading(LISTING),
    ("tspending", "create"): _create,
    ("tspending", "update"): _update,
    ("tspending", "delete"): _delete,
    ("tspending", "timesheetpendinglist"): _submitted,
    ("tspending", "pendingtimesheet"): _get,
    ("tspending", "pendingcopy"): _copy,
    ("tspending", "pendingsubmit"): _submit,
    ("tspending", "pendingresubmit"): _resubmit,
}
