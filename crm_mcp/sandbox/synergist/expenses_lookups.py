"""What an expense may refer to: companies, claimants, clients, jobs, phases, stages and prices."""

from collections.abc import Callable

from crm_mcp.sandbox.synergist.calls import Calls, CarryOut
from crm_mcp.sandbox.synergist.clients import CLIENTS
from crm_mcp.sandbox.synergist.company import COMPANIES
from crm_mcp.sandbox.synergist.expenses_batch import meant
from crm_mcp.sandbox.synergist.expenses_sheets import SHEET_WORDS
from crm_mcp.sandbox.synergist.expenses_table import SHEET_STATES, sheet_of
from crm_mcp.sandbox.synergist.job_table import IN_HOUSE, JOBS, LIVE
from crm_mcp.sandbox.synergist.phases import PHASES
from crm_mcp.sandbox.synergist.pickers import choice
from crm_mcp.sandbox.synergist.purchases_print import (
    as_base64,
    as_file,
    template_named,
    template_rows,
)
from crm_mcp.sandbox.synergist.purchases_suppliers import SUPPLIERS, SUPPLY_TYPE, is_active
from crm_mcp.sandbox.synergist.reads import with_company
from crm_mcp.sandbox.synergist.reference import in_companies
from crm_mcp.sandbox.synergist.tables import Table
from crm_mcp.sandbox.synergist.wire import Ask, Rows, Said
from crm_mcp.sandbox.synergist.world import Record, Row, World

_TEMPLATES = {-1790: "Expense claim with receipts", -2227: "Expense claim"}
_LEVEL = "EXPENSESHEETINPUTFILE"
_YES = ("on", "y", "true", "1", "yes")

Keeps = Callable[[World, Record], bool]


def _small(table: Table, keeps: Keeps, *names: str) -> CarryOut:
    """Make the call that lists records with only a few of their fields."""

    def carry_out(world: World, ask: Ask) -> Said:
        rows = []
        for record in in_companies(world, ask, table.kind):
            if keeps(world, record):
                row = table.whole(world, record)
                rows.append(table.stamp(record) | {name: row[name] for name in names})
        return Rows(rows)

    return carry_out


def _any(_world: World, _record: Record) -> bool:
    return True


def _job_takes(_: World, job: Record) -> bool:
    """Tell whether expenses may be claimed for a job."""
    return job["jobStatus"] in (LIVE, IN_HOUSE) and not job["jobCompleted"]


def _phase_takes(world: World, phase: Record) -> bool:
    job = world.find(JOBS.kind, phase["phaseJobNumber"])
    return _job_takes(world, job) and not phase["phaseCompleted"]


def _client_takes(world: World, client: Record) -> bool:
    return any(_job_takes(world, job) for job in world.where("job", jobClientCode=client.key))


def _claimants(world: World, ask: Ask) -> Said:
    names = ("supplierMultiCurrency", "supplierName", "supplierCode")
    rows = []
    for supplier in in_companies(world, ask, SUPPLIERS.kind):
        if supplier["supplierExpense"] and not supplier["supplierInactive"]:
            values = (bool(supplier[names[0]]), supplier[names[1]], supplier.key)
            rows.append({**SUPPLIERS.stamp(supplier), **dict(zip(names, values, strict=True))})
    return Rows(rows)


def _stages(world: World, ask: Ask) -> Said:
    """List the stages of a phase, or of all; the last comes first."""
    code = ask.text("jobphase")
    phase = world.find(PHASES.kind, code).key if code else None
    stages = [
        stage
        for stage in reversed(in_companies(world, ask, "expensestage"))
        if phase in (None, stage["phase"])
    ]
    return Rows([_stage_row(stage) for stage in stages])


def _stage_row(stage: Record) -> Row:
    return {
        "stageUuid": stage.uuid,
        "stageTimeStampModified": int(stage.modified.timestamp()),
        "stageRecordVersionNumber": stage.version,
        "stageCode": stage.key,
        "stageDescription": stage["description"],
        "stageSequence": stage["sequence"],
        "stageJobNumber": stage["phase"].rpartition(".")[0],
        "stageJobAndPhase": stage["phase"],
    }


def _currencies(world: World, ask: Ask) -> Said:
    """List currencies; only those in use where a call asks for active ones."""
    only_active = ask.text("active").lower() in _YES
    return Rows(
        [
            {
                "currencyUuid": currency.uuid,
                "currencyTimestampModified": int(currency.modified.timestamp()),
                "currencyRecordVersionNumber": currency.version,
                "currencyCurrencyName": currency["currencyCurrencyName"],
                "currencyCode": currency.key,
                "currencySymbol": currency["currencySymbol"],
                "currencyExchangeRate": currency["currencyExchangeRate"],
                "currencyPurchase": currency["currencyExchangeRate"],
            }
            for currency in in_companies(world, ask, "currency")
            if is_active(currency) or not only_active
        ]
    )


def _supply_types(world: World, ask: Ask) -> Said:
    """List what may be claimed. Claimants and phases do not narrow it, but must be there."""
    words = ask.text("supplytype").casefold()
    if ask.text("supplier"):
        world.find(SUPPLIERS.kind, ask.text("supplier"))
    if ask.text("jobphase"):
        world.find(PHASES.kind, ask.text("jobphase"))
    return Rows(
        [
            {
                "supplytypesUuid": entry.uuid,
                "supplytypesTimestampModified": int(entry.modified.timestamp()),
                "supplytypesRecordversionnumber": entry.version,
                "supplytypesDescription": entry["supplytypesDescription"],
                "supplytypesMileage": entry["supplytypesMileage"],
                "supplytypesRate": entry["supplytypesRate"],
                "supplytypesSupplyType": entry.key,
                "supplytypesVatcode": entry["supplytypesVatcode"],
            }
            for entry in in_companies(world, ask, SUPPLY_TYPE)
            if entry["is_expense"] and _has(entry, words)
        ]
    )


def _has(entry: Record, words: str) -> bool:
    return words in f"{entry.key} {entry['supplytypesDescription']}".casefold()


def _statuses(_world: World, _ask: Ask) -> Said:
    states = {"": "- All -", **SHEET_STATES}
    return Rows(
        [
            choice({"expensesheetSheetStatus": code, "expensesheetSheetStatusDesc": text})
            for code, text in states.items()
        ]
    )


def _templates(world: World, ask: Ask) -> Said:
    meant(world, ask, SHEET_WORDS)
    return template_rows(_TEMPLATES, _LEVEL, f"{_LEVEL} REPORT")


def _print(world: World, ask: Ask) -> Said:
    sheet = sheet_of(world, meant(world, ask, SHEET_WORDS))
    title = f"{template_named(_TEMPLATES, ask)} {sheet.record.key}"
    described = (
        f"{line['expenselineDate']} {line['expenselineDescription']} {line['expenselineTotal']}"
        for line in sheet.lines
    )
    lines = (title, *described)
    if ask.action == "expensesheetinputfile":
        return as_file(lines, f"expense-sheet-{sheet.record.key}")
    names = ("expensesheetAttachmentBase64Blob", "expensesheetAttachmentFilename")
    return as_base64(lines, *names)


LOOKUPS: Calls = {
    ("expensesheets", "companylist"): _small(COMPANIES, _any, "companyNumber", "companyName"),
    ("expensesheets", "supplierlist"): with_company(_claimants),
    ("expensesheets", "expensesheetstatuses"): with_company(_statuses),
    ("expensesheets", "expensesheetinputprints"): with_company(_templates),
    ("expensesheets", "expensesheetinputprint"): with_company(_print),
    ("expensesheets", "expensesheetinputfile"): with_company(_print),
    ("expenselines", "clientslist"): with_company(
        _small(CLIENTS, _client_takes, "clientCode", "clientName")
    ),
    ("expenselines", "jobslist"): with_company(
        _small(JOBS, _job_takes, "jobDescription1stLine", "jobNumber", "jobNumberSimple")
    ),
    ("expenselines", "phaseslist"): with_company(
        _small(
            PHASES,
            _phase_takes,
            *("phasePhaseDescription1stLine", "phaseJobDescription1stLine"),
            *("phaseJobAndPhase", "phasePhase", "phaseDisplayOrder", "phaseJobNumberSimple"),
        )
    ),
    ("expenselines", "workflowslist"): with_company(_stages),
    ("expenselines", "stageslist"): with_company(_stages),
    ("expenselines", "exchangerates"): with_company(_currencies),
    ("expenselines", "currencycodes"): with_company(_currencies),
    ("expenselines", "supplytypes"): with_company(_supply_types),
    ("expenselines", "supplytypeslist"): with_company(_supply_types),
}
