"""What a pending timesheet is in Synergist: time that somebody wrote down, not yet posted."""

from collections.abc import Mapping

from crm_mcp.sandbox.synergist.errors import RefusalError
from crm_mcp.sandbox.synergist.expenses_table import LINE_STATES
from crm_mcp.sandbox.synergist.job_table import simple_number
from crm_mcp.sandbox.synergist.phases import PHASES
from crm_mcp.sandbox.synergist.reads import Listing
from crm_mcp.sandbox.synergist.tables import Field, Get, Shown, Table, fields, read_value, via
from crm_mcp.sandbox.synergist.timesheets_clock import CLOCKS, elapsed
from crm_mcp.sandbox.synergist.wire import Ask, as_whole
from crm_mcp.sandbox.synergist.world import Record, Row, World

PENDING = "tspending"

UNSUBMITTED, SUBMITTED, POSTED, QUERIED, REJECTED = "W", "S", "P", "Q", "R"
"""The states of a timesheet. The document has no letter for submitted; expense lines have this."""

STATES: Mapping[str, str] = {**LINE_STATES, POSTED: "Posted"}

HOURS = tuple(f"tspHours{clock.hours}" for clock in CLOCKS)

_CHANGEABLE = (UNSUBMITTED, QUERIED, REJECTED)
_LIST, _DETAILS, _NOWHERE = Shown.LIST, Shown.DETAILS, Shown.NOWHERE


def _of_phase(name: str) -> Get:
    """Make a field show what the phase of a timesheet shows."""
    return lambda world, entry: PHASES.whole(
        world, world.find(PHASES.kind, entry["tspJobAndPhase"])
    )[name]


def _resource_name(world: World, entry: Record) -> str:
    code = entry["tspResourceCode"].casefold()
    return next(
        (
            str(user["userFullName"])
            for user in world.all("user")
            if user["userResourceCode"].casefold() == code
        ),
        "",
    )


TIMESHEETS = Table(
    kind=PENDING,
    prefix="tsp",
    key="tspEntryNo",
    head=("tspUuid", "tspTimeStampModified", "tspRecordVersionNumber"),
    models=("tspendingslist", "tspendingdetails"),
    fields=(
        Field("tspEntryNo", "number"),
        Field("tspJobAndPhase", editable=True, mandatory=True, refers=PHASES.kind),
        Field("tspStageCode", editable=True),
        Field("tspStageDescription"),
        Field("tspTaskDescription", editable=True),
        Field("tspChargeCode", editable=True, refers="chargecode"),
        Field("tspChargeCodeDescription"),
        Field("tspResourceCode", editable=True, mandatory=True),
        Field("tspResourceName"),
        Field("tspMaterialCode", editable=True),
        Field("tspMatQuantity", "number", editable=True),
        *fields(Shown.BOTH, *HOURS, of="number", editable=True),
        *fields(_DETAILS, "tspApprovalStatus", "tspApprovalNotes"),
        *fields(_DETAILS, "tspApprovalNotesReSubmit", "tspWorkDone", editable=True),
        Field("tspTimeDate", "date", editable=True, mandatory=True),
        *fields(_NOWHERE, "tspClientCode", "tspJobClientName", "tspPhaseDescription"),
        *fields(_NOWHERE, "tspPhaseJobDescription1stline", "tspJobPhaseNumberSimple", "job"),
        *fields(_NOWHERE, "tspComplete", "tspMatDescription", "tspStageCurrentDescription"),
    ),
    derived={
        "tspChargeCodeDescription": via("chargecode", "tspChargeCode", "description"),
        "tspResourceName": _resource_name,
        "tspClientCode": _of_phase("phaseClientCode"),
        "tspJobClientName": _of_phase("phaseClientName"),
        "tspPhaseDescription": _of_phase("phaseDescription"),
        "tspPhaseJobDescription1stline": _of_phase("phaseJobDescription1stLine"),
        "tspJobPhaseNumberSimple": lambda _, entry: simple_number(entry["tspJobAndPhase"]),
        "job": via(PHASES.kind, "tspJobAndPhase", "phaseJobNumber"),
    },
)


def _day(value: str, name: str) -> str:
    day: str = read_value(Field(name, "date"), value)
    return day


LISTING = Listing(
    TIMESHEETS,
    own=("tspending",),
    filters={
        "resource": ("tspResourceCode",),
        "client": ("tspClientCode",),
        "job": ("job",),
        "jobphase": ("tspJobAndPhase",),
    },
    tests={
        "date": lambda row, value: bool(row["tspTimeDate"] == _day(value, "date")),
        "datefrom": lambda row, value: bool(row["tspTimeDate"] >= _day(value, "datefrom")),
        "dateto": lambda row, value: bool(row["tspTimeDate"] <= _day(value, "dateto")),
    },
)


def meant(world: World, ask: Ask) -> Record:
    """Find the timesheet that a call names by its number."""
    return world.find(PENDING, as_whole(ask.required(PENDING), PENDING))


def check_changeable(entry: Record) -> None:
    """Refuse a change of a timesheet that is on its way."""
    if not is_changeable(entry):
        raise RefusalError(f"timesheet {entry.key} is {state_of(entry)}")


def is_changeable(entry: Record) -> bool:
    """Tell whether the owner may still change a timesheet."""
    return entry["tspApprovalStatus"] in _CHANGEABLE


def state_of(entry: Record) -> str:
    """Name the state of a timesheet in the middle of a sentence."""
    return STATES[entry["tspApprovalStatus"]].lower()


def has_hours(entry: Record) -> bool:
    """Tell whether there is anything to submit."""
    return any(entry[name] for name in HOURS)


def is_timed(entry: Record) -> bool:
    """Tell whether a timer runs or waits."""
    return any(entry[clock.status] for clock in CLOCKS)


def screen_row(world: World, entry: Record) -> Row:
    """Show a timesheet as the screen of its owner does: also what may be done with it."""
    row = TIMESHEETS.whole(world, entry)
    taken = (
        *("tspApprovalStatus", "tspChargeCode", "tspComplete", "tspEntryNo", *HOURS),
        *("tspJobAndPhase", "tspMaterialCode", "tspMatQuantity", "tspTaskDescription"),
        *("tspTimeDate", "tspWorkDone", "tspStageCode", "tspChargeCodeDescription"),
        *("tspPhaseDescription", "tspJobPhaseNumberSimple", "tspClientCode"),
        *("tspJobClientName", "tspPhaseJobDescription1stline"),
        *("tspStageCurrentDescription", "tspMatDescription", "tspStageDescription"),
    )
    may_change, may_submit = is_changeable(entry), may_be_submitted(entry)
    return {
        **TIMESHEETS.stamp(entry),
        **{name: row[name] for name in taken},
        "tspDiaryInternal": 0,
        "tspApprovalStatusName": STATES[entry["tspApprovalStatus"]],
        "tspApproverNotes": row["tspApprovalNotes"],
        "tspSubmitterNotes": row["tspApprovalNotesReSubmit"],
        "tspCompleteStages": False,
        "tspMovestages": False,
        "tspMaterials": 0,
        "tspCopy": "Y",
        "tspDelete": "Y" if may_change else "N",
        "tspEdit": "Y" if may_change else "N",
        "tspSubmit": "Y" if may_submit else "N",
        **{clock.shown_elapsed: elapsed(world, entry, clock) for clock in CLOCKS},
        **{clock.status: entry[clock.status] or "" for clock in CLOCKS},
    }


def may_be_submitted(entry: Record) -> bool:
    """Tell whether a timesheet is complete and was never submitted."""
    is_new = entry["tspApprovalStatus"] == UNSUBMITTED
    return is_new and has_hours(entry) and not is_timed(entry)
