"""What an activity is in Synergist: a call, a meeting, a task, with its fields."""

from datetime import time
from typing import Any

from crm_mcp.sandbox.synergist.history import clock, summary_of
from crm_mcp.sandbox.synergist.job_table import simple_number
from crm_mcp.sandbox.synergist.tables import (
    NO_DATE,
    NO_TIME,
    Field,
    Get,
    Shown,
    Table,
    fields,
    first_line,
    via,
)
from crm_mcp.sandbox.synergist.world import Record, World

ACTIVITY = "activity"
OTHERS = "activitySecondaryOwnersUserID"
"""The field with the ids of the secondary owners."""

_LIST, _DETAILS, _BOTH = Shown.LIST, Shown.DETAILS, Shown.BOTH
_ZONE = "UTCA"


def shown_time(text: str) -> str:
    """Write a time as the screens do: 13:30:00 is 1:30 PM."""
    return f"{time.fromisoformat(text):%I:%M %p}".lstrip("0")


def others(world: World, activity: Record) -> list[str]:
    """Name the secondary owners."""
    return [world.find("user", number)["userFullName"] for number in activity[OTHERS] or ()]


def _simple(name: str) -> Get:
    return lambda _, activity: simple_number(activity[name] or "")


def _created(world: World, activity: Record) -> str:
    name = world.find("user", activity["created"])["userFullName"]
    return f"Created by {name} on {activity['at']:%d/%m/%Y} at {clock(activity)}"


def _modified(world: World, activity: Record) -> str:
    name = world.find("user", activity["changed"])["userFullName"]
    at = f"{activity.modified:%I:%M%p}".lstrip("0").lower()
    return f"Last modified by {name} on {activity.modified:%d/%m/%Y} at {at}"


def _regarding(_: World, activity: Record) -> str:
    for title, name in (("Phase", "activityJobAndPhase"), ("Job", "activityJobNumber")):
        if activity[name]:
            return f"{title}: {activity[name]}"
    return f"Client: {activity['activityClientCode']}"


def _attachments(world: World, activity: Record) -> str:
    return str(len(world.where("attachment", attachmentActivityID=activity.key)))


def _due_time(_: World, activity: Record) -> str:
    return shown_time(activity["activityTimeDue"] or NO_TIME)


def _at(pattern: str) -> Get:
    return lambda _, activity: format(activity["at"], pattern)


def _changed(pattern: str) -> Get:
    return lambda _, activity: format(activity.modified, pattern)


def _first_line_of(kind: str, reference: str, name: str) -> Get:
    """Make a field show the first line of what another record holds."""
    get = via(kind, reference, name)
    return lambda world, activity: str(get(world, activity)).partition("\n")[0]


def _number(reference: str) -> Get:
    return lambda _, activity: activity[reference] or 0


_JOB = _first_line_of("job", "activityJobNumber", "jobDescription")
_PHASE = _first_line_of("phase", "activityJobAndPhase", "phaseDescription")
_DERIVED: dict[str, Get] = {
    "activityAttachmentCount": _attachments,
    "activityCreated": _created,
    "activityModified": _modified,
    "activityDetails1stLine": first_line("activityDetails"),
    "activityHistorySummary": summary_of,
    "activityRegardingWhat": _regarding,
    "activityRegardingDescription": _JOB,
    "activityRegardingDescription2": _PHASE,
    "activityJobDescription1stLine": _JOB,
    "activityJobPhaseDescription1stLine": _PHASE,
    OTHERS: lambda _, activity: list(activity[OTHERS] or ()),
    "activitySecondaryOwnersDescription": others,
    "activityPriorityDescription": via(
        "activitypriority", "activityPriorityID", "lookupActivityPriorityDescription"
    ),
    "activityOwnerName": via("user", "activityOwnerID", "userFullName"),
    "activityTeamDescription": via("team", "activityTeamCode", "teamDescription"),
    "activityClientName": via("client", "activityClientCode", "clientName"),
    "activityClientPhone": via("client", "activityClientCode", "clientPhone"),
    "activityClientEmail": via("client", "activityClientCode", "clientEmail"),
    "activityClientContactFullName": via(
        "clientcontact", "activityClientContactInternalRef", "clientcontactFullName"
    ),
    "activityActivitytype": via(
        "activitytype", "activityActivitytypeCode", "activitytypeDescription"
    ),
    "activityActivitytypeCategory": via(
        "activitytype", "activityActivitytypeCode", "activitytypeNoteCategory", 0
    ),
    "activityActivitytypeCompanyNumber": lambda *_: 1,
    "activityCompanyName": lambda world, activity: world.find("company", activity.company)[
        "companyName"
    ],
    "activityCompanyNumber": lambda _, activity: activity.company,
    "activityJobNumberSimple": _simple("activityJobNumber"),
    "activityJobAndPhaseSimple": _simple("activityJobAndPhase"),
    "activityViewDate": lambda _, activity: activity["activityDateDue"] or NO_DATE,
    "activityViewTime": lambda _, activity: activity["activityTimeDue"] or NO_TIME,
    "activityTimeDueDisplay": _due_time,
    "activityCreatedBy": via("user", "created", "userFullName"),
    "activityCreatedByUserID": _number("created"),
    "activityCreationDate": _at("%Y-%m-%d"),
    "activityCreationTime": _at("%H:%M:%S"),
    "activityCreationTimeZone": lambda *_: _ZONE,
    "activityLastModifiedBy": via("user", "changed", "userFullName"),
    "activityLastModifiedByUserID": _number("changed"),
    "activityLastModifiedDate": _changed("%Y-%m-%d"),
    "activityLastModifiedTime": _changed("%H:%M:%S"),
    "activityLastModifiedTimeZone": lambda *_: _ZONE,
    "activityCompletedBy": via("user", "activityCompletedByUserID", "userFullName"),
}


_ALERTS = ("activityImmediateAlert", "activityAlertCompleted")
_FIELDS: tuple[Field, ...] = (
    Field("activityAttachmentCount", shown=_LIST),
    *fields(_BOTH, "activityCreated", "activityDetails1stLine"),
    *fields(_BOTH, "activityRegardingDescription", "activityRegardingDescription2"),
    Field("activityRegardingWhat"),
    Field("activityCustomField300", label="Showroom", editable=True),
    Field("activityCustomField302", "date", label="Sample due back", editable=True),
    Field("activityCustomField303", "boolean", label="Sample lent", editable=True),
    Field("activityCustomField306", "number", label="Visitors", editable=True),
    Field("activityPriorityDescription"),
    Field("activityOwnerID", "number", editable=True, refers="user"),
    Field("activityOwnerName"),
    Field("activityClientCode", editable=True, mandatory=True, refers="client"),
    Field("activityClientName"),
    Field("activityCompleted", "boolean", editable=True),
    Field("activityViewDate", "date", _LIST),
    Field("activityViewTime", "time", _LIST),
    Field("activityViewTimezone", shown=_LIST),
    Field("activityJobNumber", editable=True, refers="job"),
    Field("activityJobNumberSimple"),
    Field("activityJobAndPhase", editable=True, refers="phase"),
    Field("activityJobAndPhaseSimple"),
    Field("activitySubject", editable=True),
    Field("activityActivitytype"),
    Field("activityID", "number"),
    Field("activityCreationDate", "date"),
    Field("activityAlertBeforePeriodDescription", shown=_DETAILS),
    *fields(_DETAILS, "activityJobPhaseDescription1stLine", "activityJobDescription1stLine"),
    *fields(_DETAILS, "activityCompletedDescription", "activityHistorySummary"),
    *fields(_DETAILS, "activityMailshotResponse", "activityModified"),
    *fields(_DETAILS, "activitySecondaryOwnersDescription", OTHERS),
    *fields(_DETAILS, "activityTimeDueDisplay", "activityCompanyName"),
    Field("activityCompanyNumber", "number", _DETAILS),
    *fields(_DETAILS, "activityStageCode", "activityStageDescription"),
    Field("activityDetails", shown=_DETAILS, editable=True),
    *fields(_DETAILS, "activityClientPhone", "activityClientEmail"),
    Field(
        "activityActivitytypeCode",
        shown=_DETAILS,
        editable=True,
        mandatory=True,
        refers="activitytype",
    ),
    *fields(_DETAILS, "activityActivitytypeCompanyNumber", of="number"),
    *fields(_DETAILS, "activityActivitytypeCategory", of="number"),
    Field("activityTeamCode", shown=_DETAILS, editable=True, refers="team"),
    *fields(_DETAILS, "activityTeamDescription", "activityCompletedBy", "activityCreatedBy"),
    Field("activityLastModifiedBy", shown=_DETAILS),
    Field(
        "activityClientContactInternalRef",
        "number",
        _DETAILS,
        editable=True,
        refers="clientcontact",
    ),
    Field("activityClientContactFullName", shown=_DETAILS),
    Field("activityStatus", shown=_DETAILS, editable=True),
    Field("activityPriorityID", "number", _DETAILS, editable=True, refers="activitypriority"),
    Field("activityCategory", shown=_DETAILS, editable=True, refers="activitycategory"),
    *fields(_DETAILS, "activityAlertSentBefore", "activityAlertSentInstant", of="boolean"),
    Field("activityAlertBeforePeriod", "number", _DETAILS, editable=True),
    *fields(_DETAILS, *_ALERTS, of="boolean", editable=True),
    Field("activityMarketingCampaignID", "number", _DETAILS, editable=True, refers="campaign"),
    Field("activityMarketingCampaignPromotionCode", shown=_DETAILS),
    Field("activityDateDue", "date", _DETAILS, editable=True),
    Field("activityTimeDue", "time", _DETAILS, editable=True),
    *fields(_DETAILS, "activityDueTimezone", "activityCompletedTimeZone"),
    Field("activityCompletedByUserID", "number", _DETAILS),
    Field("activityCompletedDate", "date", _DETAILS),
    Field("activityCompletedTime", "time", _DETAILS),
    *fields(_DETAILS, "activityTimezoneCompleted", "activityTimezoneCreated"),
    Field("activityTimezoneLastModified", shown=_DETAILS),
    *fields(_DETAILS, "activityCreatedByUserID", "activityLastModifiedByUserID", of="number"),
    Field("activityCreationTime", "time", _DETAILS),
    Field("activityLastModifiedDate", "date", _DETAILS),
    Field("activityLastModifiedTime", "time", _DETAILS),
    *fields(_DETAILS, "activityCreationTimeZone", "activityLastModifiedTimeZone"),
)

ACTIVITIES = Table(
    kind=ACTIVITY,
    prefix="activity",
    key="activityID",
    head=("activityuuid", "activityTimeStampModified", "activityRecordVersionNumber"),
    models=("activitylist", "activitydetails"),
    fields=_FIELDS,
    derived=_DERIVED,
    aliases={"job": "activityJobNumber", "jobphase": "activityJobAndPhase"},
)


def stamp_of(world: World, user: Record) -> dict[str, Any]:
    """Give what a new activity knows of its maker."""
    return {"created": user.key, "changed": user.key, "at": world.now}
