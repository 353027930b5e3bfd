"""What a job is in Synergist: an opportunity or an order, with its fields and what it refers to."""

from crm_mcp.sandbox.synergist.progress import WHITE_POINT, progress, progress_value
from crm_mcp.sandbox.synergist.reference import STATUSES
from crm_mcp.sandbox.synergist.tables import Field, Shown, Table, fields, first_line, via
from crm_mcp.sandbox.synergist.world import Key, Record, World

JOB = "job"
QUOTE = 1
LIVE = 2
IN_HOUSE = 3
SPECIAL = 5

_LIST, _DETAILS, _BOTH = Shown.LIST, Shown.DETAILS, Shown.BOTH


def simple_number(number: Key) -> str:
    """Write the number of a job or phase without company and zeros: 1/00000482 is 482."""
    return str(number).partition("/")[2].lstrip("0")


JOBS = Table(
    kind=JOB,
    prefix="job",
    key="jobNumber",
    # The document spells the version of a job in this way.
    head=("jobUuid", "jobTimeStampModified", "jobRecommendedVersionNumber"),
    models=("jobslist", "jobdetails"),
    fields=(
        Field("jobDescription1stLine", shown=_BOTH, label="Description"),
        Field("jobWonBy", shown=_DETAILS),
        Field("jobCustomField218", shown=_BOTH, label="Floor", editable=True),
        Field("jobCustomField290", "date", label="Hand-over", editable=True),
        Field("jobThermProgress", shown=_LIST, label="Progress"),
        *fields(_LIST, "jobThermValue", "jobThermWhitePoint", of="number"),
        Field("jobOrderNumber", editable=True),
        *fields(_BOTH, "jobContactFullName", "jobHandlerFullName"),
        Field("jobClientCode", editable=True, mandatory=True, refers="client"),
        Field("jobClientName"),
        Field("jobCompleted", "boolean", _LIST),
        *fields(_BOTH, "jobDateIn", "jobDateDue", of="date", editable=True),
        Field("jobNumber"),
        Field("jobNumberSimple", shown=_LIST),
        Field("jobStatus", "number", editable=True),
        *fields(_BOTH, "jobStatusDescription", "jobJobtypeDescription"),
        Field("jobPriorityDescription"),
        Field("jobCurrencyCode", editable=True, refers="currency"),
        Field("jobExchangeRate", "number", editable=True),
        *fields(_DETAILS, "jobCurrencySymbol", "jobCurrency"),
        *fields(_DETAILS, "jobComments", "jobDescription", editable=True),
        *fields(_DETAILS, "jobCurQuotedPrice", "jobQuotedPrice", of="number", editable=True),
        *fields(_DETAILS, "jobCompletedDate", "jobLeadClosedDate", of="date"),
        Field("jobReferenceJob", shown=_DETAILS, editable=True),
        Field("jobTaxCode", "number", _DETAILS, editable=True),
        *fields(_DETAILS, "jobOppCurrentStatus", "jobOppLeadRating", editable=True),
        Field("jobOppSource", shown=_DETAILS, editable=True),
        Field("jobOppWeighting", "number", _DETAILS, editable=True),
        Field("jobStageNotes", shown=_DETAILS, editable=True),
        Field("jobHandlerUserID", "number", _DETAILS, editable=True, refers="user"),
        Field("jobHandlerTeam", shown=_DETAILS, editable=True, refers="team"),
        Field("jobTeamDescription", shown=_DETAILS),
        Field("jobCampaignNo", "number", _DETAILS, editable=True, refers="campaign"),
        Field("jobCampaignDescription", shown=_DETAILS),
        Field("jobContactInternalRef", "number", _DETAILS, editable=True, refers="clientcontact"),
        Field("jobJobtypeCode", shown=_DETAILS, editable=True, refers="jobtype"),
        Field("jobProjectCode", "number", _DETAILS, editable=True, refers="project"),
        Field("jobProjectDescription", shown=_DETAILS),
        Field("jobStagePriority", "number", _DETAILS, editable=True),
        Field("jobWorkflowCode", shown=_DETAILS, editable=True),
        Field("jobCurrentStageDescription", shown=_DETAILS),
        Field("jobSalesStatusReason", shown=Shown.NOWHERE, editable=True, refers="salesreason"),
        Field("jobPrefixOnly", shown=Shown.NOWHERE, editable=True),
        Field("varJobTemplate", shown=Shown.NOWHERE, editable=True, mandatory=True, refers=JOB),
    ),
    derived={
        "jobDescription1stLine": first_line("jobDescription"),
        "jobNumberSimple": lambda _, job: simple_number(job.key),
        "jobClientName": via("client", "jobClientCode", "clientName"),
        "jobContactFullName": via(
            "clientcontact", "jobContactInternalRef", "clientcontactFullName"
        ),
        "jobHandlerFullName": via("user", "jobHandlerUserID", "userFullName"),
        "jobTeamDescription": via("team", "jobHandlerTeam", "teamDescription"),
        "jobStatusDescription": lambda _, job: STATUSES[job["jobStatus"]],
        "jobJobtypeDescription": via("jobtype", "jobJobtypeCode", "JobtypeDescription"),
        "jobCurrency": via("currency", "jobCurrencyCode", "currencyCurrencyName"),
        "jobCurrencySymbol": via("currency", "jobCurrencyCode", "currencySymbol"),
        "jobCampaignDescription": via("campaign", "jobCampaignNo", "campaignName"),
        "jobProjectDescription": via("project", "jobProjectCode", "projectName"),
        "jobThermProgress": lambda world, job: progress(world, phases_of(world, job)),
        "jobThermValue": lambda world, job: progress_value(world, phases_of(world, job)),
        "jobThermWhitePoint": lambda *_: WHITE_POINT,
    },
)


def phases_of(world: World, job: Record) -> list[Record]:
    """List the phases of a job in their order."""
    return world.where("phase", phaseJobNumber=job.key)
