"""Phases of jobs: reading them, and what they have cost."""

from crm_mcp.sandbox.synergist.calls import Area
from crm_mcp.sandbox.synergist.costs import costs_of
from crm_mcp.sandbox.synergist.job_table import LIVE, simple_number
from crm_mcp.sandbox.synergist.progress import WHITE_POINT, progress, progress_value
from crm_mcp.sandbox.synergist.reads import Listing, reading
from crm_mcp.sandbox.synergist.reference import STATUSES, TAX_RATES
from crm_mcp.sandbox.synergist.tables import Field, Get, Shown, Table, fields, first_line, via
from crm_mcp.sandbox.synergist.wire import Ask, Said
from crm_mcp.sandbox.synergist.world import Record, View, World

_LIST, _DETAILS, _BOTH = Shown.LIST, Shown.DETAILS, Shown.BOTH


def _of_job(get: Get) -> Get:
    """Make a field show what is worked out for the job of a phase."""
    return lambda world, phase: get(world, world.find("job", phase["phaseJobNumber"]))


def _job_value(name: str) -> Get:
    """Make a field show what the job of a phase holds."""
    return via("job", "phaseJobNumber", name)


def _job_number(name: str) -> Get:
    return via("job", "phaseJobNumber", name, 0)


def _tax_rate(world: World, phase: Record) -> int:
    return TAX_RATES.get(_job_number("jobTaxCode")(world, phase), 0)


def _sales_code(world: World, phase: Record) -> str:
    return f"{_job_number('jobTaxCode')(world, phase)} ({_tax_rate(world, phase)}%)"


PHASES = Table(
    kind="phase",
    prefix="phase",
    key="phaseJobAndPhase",
    head=("phaseuuid", "phaseTimeStampModified", "phaseRecordVersionNumber"),
    models=("phaseslist", "phasedetails"),
    fields=(
        Field("phasePhaseDescription1stLine", shown=_LIST, label="Description"),
        Field("phaseCustomField186", label="Floor"),
        Field("phaseCustomField203", "date", label="Lift booked"),
        Field("phaseThermProgress", shown=_LIST, label="Progress"),
        *fields(_LIST, "phaseThermValue", "phaseThermWhitePoint", of="number"),
        Field("phaseJobDescription1stLine", shown=_LIST, label="Job description"),
        *fields(_BOTH, "phaseJobNumber", "phaseJobAndPhase"),
        Field("phasePhase", shown=_LIST),
        Field("phaseHandlerFullName"),
        Field("phaseOwnerFullName", shown=_LIST),
        *fields(_BOTH, "phaseDatein", "phaseDateDue", of="date"),
        Field("phaseOrderNumber"),
        Field("phaseCompleted", "boolean", _LIST),
        Field("phaseClientCode"),
        Field("phaseClientName"),
        *fields(_LIST, "phaseJobNumberSimple", "phaseJobPhaseNumberSimple"),
        *fields(_BOTH, "phaseContactFullName", "phaseStatusDescription"),
        Field("phasePriorityDescription"),
        *fields(_DETAILS, "phaseSalesCodeDescription", "phaseJobDescription", "phaseDescription"),
        Field("phaseProjectCode", "number", _DETAILS),
        Field("phaseProjectName", shown=_DETAILS),
        Field("phaseCampaignNo", "number", _DETAILS),
        Field("phaseCampaignName", shown=_DETAILS),
        Field("phaseStatus", "number", _DETAILS),
        *fields(_DETAILS, "phaseWorkflowCode", "phaseStageDesc", "phasePhasetypeCode"),
        Field("phasePhasetypeDescription", shown=_DETAILS),
        Field("phaseContactInternalRef", "number", _DETAILS),
        Field("phaseHandlerId", "number", _DETAILS),
        *fields(_DETAILS, "phaseOwner", "phasePhaseOwner"),
        *fields(_DETAILS, "phaseTaxCode", "phaseSalesTaxRate", of="number"),
        *fields(_DETAILS, "phaseCurrency", "phaseCurrencyCode"),
        Field("phaseExchangeRate", "number", _DETAILS),
        *fields(_DETAILS, "phaseTimeIn", "phaseTimeDue", of="time"),
        Field("phaseStagePriority", "number", _DETAILS),
        Field("phaseDisplayOrder", shown=_DETAILS),
    ),
    derived={
        "phasePhaseDescription1stLine": first_line("phaseDescription"),
        "phaseJobDescription": _job_value("jobDescription"),
        "phaseJobDescription1stLine": _of_job(first_line("jobDescription")),
        "phaseThermProgress": lambda world, phase: progress(world, [phase]),
        "phaseThermValue": lambda world, phase: progress_value(world, [phase]),
        "phaseThermWhitePoint": lambda *_: WHITE_POINT,
        "phaseHandlerId": _job_number("jobHandlerUserID"),
        "phaseHandlerFullName": _of_job(via("user", "jobHandlerUserID", "userFullName")),
        "phaseOrderNumber": _job_value("jobOrderNumber"),
        "phaseClientCode": _job_value("jobClientCode"),
        "phaseClientName": _of_job(via("client", "jobClientCode", "clientName")),
        "phaseJobNumberSimple": lambda _, phase: simple_number(phase["phaseJobNumber"]),
        "phaseJobPhaseNumberSimple": lambda _, phase: simple_number(phase.key),
        "phaseContactInternalRef": _job_number("jobContactInternalRef"),
        "phaseContactFullName": _of_job(
            via("clientcontact", "jobContactInternalRef", "clientcontactFullName")
        ),
        "phaseStatus": _job_number("jobStatus"),
        "phaseStatusDescription": lambda world, phase: STATUSES[
            _job_number("jobStatus")(world, phase)
        ],
        "phaseProjectCode": _job_number("jobProjectCode"),
        "phaseProjectName": _of_job(via("project", "jobProjectCode", "projectName")),
        "phaseCampaignNo": _job_number("jobCampaignNo"),
        "phaseCampaignName": _of_job(via("campaign", "jobCampaignNo", "campaignName")),
        "phaseWorkflowCode": _job_value("jobWorkflowCode"),
        "phaseTaxCode": _job_number("jobTaxCode"),
        "phaseSalesTaxRate": _tax_rate,
        "phaseSalesCodeDescription": _sales_code,
        "phaseCurrency": _of_job(via("currency", "jobCurrencyCode", "currencyCurrencyName")),
        "phaseCurrencyCode": _job_value("jobCurrencyCode"),
        "phaseExchangeRate": _job_number("jobExchangeRate"),
        "phaseStagePriority": _job_number("jobStagePriority"),
    },
)

LISTING = Listing(
    PHASES,
    own=("jobphase", "job"),
    filters={
        # The document's sample of the details names job and phase together as the job.
        "job": ("phaseJobNumber", "phaseJobAndPhase"),
        "client": ("phaseClientCode",),
        "clientcontact": ("phaseContactInternalRef",),
        "workflow": ("phaseWorkflowCode",),
    },
    views=("Phases",),
)


def _costs(world: World, ask: Ask) -> Said:
    return costs_of(world, [world.find(PHASES.kind, ask.required("jobphase"))], with_phase=False)


AREA = Area(
    {("phases", ""): reading(LISTING), ("phases", "costscharges"): _costs},
    views=(
        View(-1300, "Phases", "All phases", lambda *_: True, "phaseJobAndPhase"),
        View(
            -1307,
            "Phases",
            "Live phases",
            lambda row, _: row["phaseStatus"] == LIVE,
            "phaseDateDue",
        ),
    ),
)
