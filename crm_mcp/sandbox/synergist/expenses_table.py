"""What expense sheets and their lines are in Synergist, and in which states they can be."""

from collections.abc import Mapping
from dataclasses import dataclass

from crm_mcp.sandbox.synergist.job_table import simple_number
from crm_mcp.sandbox.synergist.phases import PHASES
from crm_mcp.sandbox.synergist.purchases_suppliers import SUPPLIERS, SUPPLY_TYPE
from crm_mcp.sandbox.synergist.reads import Listing
from crm_mcp.sandbox.synergist.tables import Field, Get, Shown, Table, fields, via
from crm_mcp.sandbox.synergist.world import Record, World

SHEET, LINE = "expensesheet", "expenseline"

UNSUBMITTED, SUBMITTED, PROCESSED, POSTED, RETURNED = "W", "S", "A", "P", "T"
"""The states of a sheet; a sheet is approved as soon as one of its lines is."""

SHEET_STATES: Mapping[str, str] = {
    UNSUBMITTED: "Unsubmitted",
    SUBMITTED: "Submitted",
    PROCESSED: "Processed",
    POSTED: "Posted",
    RETURNED: "Returned",
}

APPROVED, HELD, QUERIED, REJECTED = "A", "H", "Q", "R"
"""The states of a line, beside unsubmitted and submitted."""

LINE_STATES: Mapping[str, str] = {
    UNSUBMITTED: "Unsubmitted",
    SUBMITTED: "Submitted",
    APPROVED: "Approved",
    HELD: "Held",
    QUERIED: "Queried",
    REJECTED: "Rejected",
}

_LIST, _NOWHERE = Shown.LIST, Shown.NOWHERE

SHEETS = Table(
    kind=SHEET,
    prefix="expensesheet",
    key="expensesheetInternalRef",
    head=(
        "expensesheetUuid",
        "expensesheetTimestampModified",
        "expensesheetRecordVersionNumber",
    ),
    models=("expensesheetslist", "expensesheetdetails"),
    fields=(
        Field("expensesheetInternalRef", "number"),
        Field("expensesheetSupplierCode", editable=True, mandatory=True, refers=SUPPLIERS.kind),
        Field("expensesheetCompany", "number", editable=True, mandatory=True, refers="company"),
        Field("expensesheetDescription", editable=True),
        Field("expensesheetDate", "date", editable=True),
        Field("status"),
    ),
)


@dataclass(frozen=True)
class Sheet:
    """An expense sheet with its lines as they stand at present."""

    record: Record
    lines: tuple[Record, ...]

    @property
    def state(self) -> str:
        """The state of the sheet itself."""
        return str(self.record["status"])

    def having(self, *states: str) -> list[Record]:
        """List the lines in some states."""
        return [line for line in self.lines if line["status"] in states]

    def total(self, *states: str) -> float:
        """Add up the lines in some states."""
        total: float = sum(line["expenselineTotal"] for line in self.having(*states))
        return round(total, 2)


def sheet_of(world: World, record: Record) -> Sheet:
    """Look at a sheet with its lines."""
    return Sheet(record, tuple(world.where(LINE, expenselineSheetInternal=record.key)))


def phase_value(name: str) -> Get:
    """Make a field show what the phase of a line shows; nothing as long as it has none."""

    def get(world: World, line: Record) -> object:
        code = line["expenselineJobAndPhase"]
        return PHASES.whole(world, world.find(PHASES.kind, code))[name] if code else ""

    return get


LINES = Table(
    kind=LINE,
    prefix="expenseline",
    key="expenselineInternal",
    head=("expenselineUuid", "expenselineTimestampModified", "expenselineRecordVersionNumber"),
    models=("expenselineslist", "expenselinedetails"),
    fields=(
        Field("expenselineStatus"),
        Field("expenselineInternal", "number"),
        Field("expenselineDescription", editable=True),
        Field("expenselineSupplyType", editable=True, refers=SUPPLY_TYPE),
        Field("expenselineSupplyTypeDescription"),
        Field("expenselineDate", "date", editable=True),
        Field("expenselineJobAndPhase", editable=True, refers=PHASES.kind),
        Field("expenselineTotal", "number", editable=True),
        Field("expenselineTaxAmount", "number"),
        *fields(Shown.BOTH, "expenselineStatusCode", "expenselineJobAndPhaseNumberSimple"),
        *fields(Shown.BOTH, "expenselineClientCode", "expenselineClient"),
        Field("expenselineSheetInternal", "number", _NOWHERE, editable=True, refers=SHEET),
        *fields(_NOWHERE, "expenselineQuantity", "expenselineRate", of="number", editable=True),
        Field("expenselineTaxCode", "number", _NOWHERE, editable=True),
        Field("expenselineSubmittersNotes", shown=_NOWHERE, editable=True),
        # A call may name the claimant of the sheet again; see the sample at line 4636.
        Field("expensesheetSupplierCode", shown=_NOWHERE, editable=True, refers=SUPPLIERS.kind),
        *fields(_NOWHERE, "expenselineStageCode", editable=True),
        *fields(_NOWHERE, "job", "supplier"),
    ),
    derived={
        "expenselineStatus": lambda _, line: LINE_STATES[line["status"]],
        "expenselineStatusCode": lambda _, line: line["status"],
        "expenselineSupplyTypeDescription": via(
            SUPPLY_TYPE, "expenselineSupplyType", "supplytypesDescription"
        ),
        "expenselineJobAndPhaseNumberSimple": lambda _, line: simple_number(
            line["expenselineJobAndPhase"] or ""
        ),
        "expenselineClientCode": phase_value("phaseClientCode"),
        "expenselineClient": phase_value("phaseClientName"),
        "job": phase_value("phaseJobNumber"),
        "supplier": via(SHEET, "expenselineSheetInternal", "expensesheetSupplierCode"),
    },
    aliases={"expenselines_expenselineinternal": "expenselineInternal"},
)

LISTING = Listing(
    LINES,
    own=("expenseline",),
    filters={
        "client": ("expenselineClientCode",),
        "job": ("job",),
        "jobphase": ("expenselineJobAndPhase",),
        "supplier": ("supplier",),
    },
)
