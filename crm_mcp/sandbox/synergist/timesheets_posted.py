"""Posted timesheets: the time that has become a cost of a job."""

from crm_mcp.sandbox.synergist.company import USERS
from crm_mcp.sandbox.synergist.phases import PHASES
from crm_mcp.sandbox.synergist.reads import Listing
from crm_mcp.sandbox.synergist.tables import Field, Shown, Table, fields, via
from crm_mcp.sandbox.synergist.world import Record, Row, World

TIME = "T"
"""The type of costs that are time."""


def _resource(world: World, cost: Record) -> str:
    users = world.where(USERS.kind, userFullName=cost["resource"])
    return str(users[0]["userResourceCode"]) if users else ""


def _is_on(row: Row, day: str) -> bool:
    # The document writes the day in quotation marks.
    return bool(row["tsTimeDate"] == day.strip('"'))


TIMES = Table(
    kind="cost",
    prefix="ts",
    key="tsEntryNo",
    head=("tsUuid", "tsTimestampModified", "tsRecordVersionNumber"),
    models=("timesheetslist", "timesheetdetails"),
    fields=(
        *fields(Shown.BOTH, "tsJobAndPhase", "tsPhaseDescription", "tsStageCode"),
        *fields(Shown.BOTH, "tsStageDescription", "tsTaskDesc", "tsChargeCode"),
        Field("tsChargeCodeDescription"),
        Field("tsTimeDate", "date"),
        *fields(Shown.BOTH, "tsResourceCode", "tsResource", "tsSalesInvNo"),
        *fields(Shown.BOTH, "tsHoursTotal", "tsHoursNormal", of="number"),
        *fields(Shown.BOTH, "tsHoursOtime1", "tsHoursOtime2", of="number"),
        Field("tsWorkDone"),
        *fields(Shown.DETAILS, "tsChargeType", "tsCostType"),
        Field("tsHoursCost", "number", Shown.DETAILS),
        *fields(Shown.DETAILS, "tsApprovalNotes", "tsTransferHistory", "tsTickoffType"),
        Field("tsTransferredFrom", shown=Shown.DETAILS),
        Field("job", shown=Shown.NOWHERE),
    ),
    derived={
        "tsJobAndPhase": lambda _, cost: cost["phase"],
        "tsPhaseDescription": via(PHASES.kind, "phase", "phaseDescription"),
        "tsChargeCode": lambda _, cost: cost["code"],
        "tsChargeCodeDescription": lambda _, cost: cost["text"],
        "tsTimeDate": lambda _, cost: cost["date"],
        "tsResourceCode": _resource,
        "tsResource": lambda _, cost: cost["resource"],
        "tsHoursTotal": lambda _, cost: cost["quantity"],
        "tsHoursNormal": lambda _, cost: cost["quantity"],
        "tsWorkDone": lambda _, cost: cost["work"],
        "tsHoursCost": lambda _, cost: cost["cost"],
        "job": via(PHASES.kind, "phase", "phaseJobNumber"),
    },
)

LISTING = Listing(
    TIMES,
    filters={
        "job": ("job",),
        "jobphase": ("tsJobAndPhase",),
        "resource": ("tsResourceCode",),
    },
    tests={"date": _is_on},
    keeps=lambda cost: cost["type"] == TIME,
)
