"""The calendar: who can be booked, and the estimates and requisitions that wait to be booked."""

from collections.abc import Callable

from crm_mcp.sandbox import story
from crm_mcp.sandbox.synergist.bookings import CALLS as BOOKINGS
from crm_mcp.sandbox.synergist.bookings import add_booking
from crm_mcp.sandbox.synergist.calls import Area, CarryOut
from crm_mcp.sandbox.synergist.company import USERS, members, user_named
from crm_mcp.sandbox.synergist.errors import RefusalError
from crm_mcp.sandbox.synergist.job_seed import INSTALLATION, job_number
from crm_mcp.sandbox.synergist.reference import REQUISITION, STATUSES, in_companies
from crm_mcp.sandbox.synergist.tables import tidy
from crm_mcp.sandbox.synergist.time_summaries import (
    BOOKING,
    SUMMARY,
    Summary,
    charge_text,
    requisitions_for,
    summary_of,
)
from crm_mcp.sandbox.synergist.wire import Ask, Done, Rows, Said
from crm_mcp.sandbox.synergist.world import Record, Row, World

_FIRST_BOOKING = 137001
_DIRECTIONS = {"": False, "1": False, "-1": True}


def _users(world: World, _: Ask) -> Said:
    return Rows([_user_row(user) for user in members(world, "")])


def _user_row(user: Record) -> Row:
    return {
        **USERS.stamp(user),
        "userFullName": user["userFullName"],
        "userUserId": user.key,
        "calUserFullNameTZ": user["userFullName"],
        # Sunday first.
        "calUserNonWorkingDaysWeek": "YNNNNNY",
        "calUserAvatarUrl": "/web/images/avatar-blank-192.png",
        "calUserTeamName": "",
    }


def _unallocated(world: World, ask: Ask) -> Said:
    summaries = (summary_of(world, record) for record in in_companies(world, ask, SUMMARY))
    shown = (summary for summary in summaries if summary.is_offered)
    return _sorted(ask, [_unallocated_row(world, s) for s in shown if _is_meant(ask, s)])


def _is_meant(ask: Ask, summary: Summary) -> bool:
    """Apply the key fields."""
    compared = {
        "client": summary.job["jobClientCode"] or "",
        "job": str(summary.job.key),
        "jobphase": str(summary.phase.key),
    }
    return all(
        ask.text(name, value).casefold() == value.casefold() for name, value in compared.items()
    )


def _sorted(ask: Ask, rows: list[Row]) -> Rows:
    """Sort rows by one of their fields.

    Raises:
        RefusalError: there is no such field or direction.
    """
    name, direction = ask.text("sort"), ask.text("direction")
    if direction not in _DIRECTIONS:
        raise RefusalError(f"invalid direction {direction}")
    if not name:
        return Rows(rows)
    if any(name not in row for row in rows):
        raise RefusalError(f"invalid sort {name}")
    return Rows(sorted(rows, key=_by(name), reverse=_DIRECTIONS[direction]))


def _by(name: str) -> Callable[[Row], tuple[float, str]]:
    """Compare numbers as numbers and everything else as text."""

    def key(row: Row) -> tuple[float, str]:
        value = row[name]
        return (value, "") if isinstance(value, int | float) else (0, str(value))

    return key


def _unallocated_row(world: World, summary: Summary) -> Row:
    code, job, phase = summary.record["code"], summary.job, summary.phase
    handler = world.get("user", job["jobHandlerUserID"] or 0)
    requested = requisitions_for(world, str(phase.key))
    return {
        "calBookedSelect": summary.booked,
        "calChargeCodeSelect": code,
        "calChargeDescSelect": charge_text(world, code),
        "calClientSelect": summary.client_name,
        "calDescriptionSelect": f"{_title(job)}/{phase['phaseDescription']}",
        "calDraftSelect": 0,
        "calDueDateDescSelect": phase["phaseDateDue"],
        "calEstimatedSelect": summary.record["hours"],
        "calHandlerSelect": handler["userLogin"] if handler else "",
        "calHandlerNameSelect": handler["userFullName"] if handler else "",
        "calHiddenSelect": "S",
        "calInitialsSelect": summary.people,
        "calJobPhaseSelect": phase.key,
        "calPrioritySelect": "",
        "calRemainingSelect": summary.remaining,
        "calRequestedSelect": "",
        "calRequisitionSelect": "!" if requested else "",
        "calStatusSelect": STATUSES[job["jobStatus"]],
        "calTaskDescSelect": "",
        "calTeamNameSelect": job["jobHandlerTeam"] or "",
        "calTimesheetsSelect": summary.worked,
        "calTimeSummarySelect": summary.record.key,
        "calUniqueSelect": summary.unique,
        "calStageSelect": "",
        "calStageDescriptionSelect": "",
    }


def _title(job: Record) -> str:
    return str(job["jobDescription"]).partition("\n")[0]


def _requisitions(world: World, ask: Ask) -> Said:
    activities = in_companies(world, ask, "activity")
    meant = [a for a in activities if a["activityActivitytypeCode"] == REQUISITION]
    return _sorted(ask, [_requisition_row(world, activity) for activity in meant])


def _requisition_row(world: World, activity: Record) -> Row:
    job = world.find("job", activity["activityJobNumber"])
    phase = world.get("phase", activity["activityJobAndPhase"] or "")
    code = activity["charge code"] or ""
    client = world.find("client", activity["activityClientCode"])
    owner = world.find("user", activity["activityOwnerID"])
    booked = world.where(BOOKING, requisition=activity.key)
    return {
        "calActionedReqSelect": bool(activity["activityCompleted"]),
        "calActivityIdReqSelect": activity.key,
        "calBookedReqSelect": tidy(sum(booking["hours"] for booking in booked)),
        "calChargeCodeReqSelect": code,
        "calChargeDescReqSelect": charge_text(world, code) if code else "",
        "calClientCodeReqSelect": client.key,
        "calClientNameReqSelect": client["clientName"],
        "calCreatedReqSelect": f"{activity['at']:%Y-%m-%d}",
        "calDueDateReqSelect": activity["activityDateDue"] or "",
        "calDetailsReqSelect": activity["activityDetails"] or "",
        "calJobDescReqSelect": _title(job),
        "calJobPhaseReqSelect": phase.key if phase else job.key,
        "calPhaseDescReqSelect": phase["phaseDescription"] if phase else "",
        "calOwnerNameReqSelect": owner["userFullName"],
        "calOwnerIdReqSelect": owner.key,
        "calHoursReqSelect": activity["hours"] or 0,
        "calResourceIdReqSelect": "",
        "calResourceNameReqSelect": "",
        "calSubjectReqSelect": activity["activitySubject"] or "",
        "calUuidReqSelect": activity.uuid,
        "calStageCodeReqSelect": "",
        "calStageDescReqSelect": "",
    }


def _marking(word: str, *, hidden: bool) -> CarryOut:
    """Make the call that hides estimates from what can be booked, or shows them again."""

    def carry_out(world: World, ask: Ask) -> Said:
        found = [world.find(SUMMARY, number) for number in ask.numbers("timesummary")]
        for summary in found:
            if summary["hidden"] != hidden:
                world.change(summary, {"hidden": hidden})
        # The document's sample of hiding tells that they were shown.
        return Done(f"{len(found)} of {len(found)} time summaries {word}.")

    return carry_out


def _seed(world: World) -> None:
    """Book the installation of what was sold."""
    world.count_from(BOOKING, _FIRST_BOOKING)
    won = [deal for deal in story.DEALS if deal.stage == "Won"]
    for deal in won:
        number = f"{job_number(deal)}.{INSTALLATION}"
        (summary,) = world.where(SUMMARY, phase=number)
        user = user_named(world, deal.person.company.owner.name)
        add_booking(world, summary, user, ("2026-03-05", "2026-03-05"))


AREA = Area(
    {
        ("calendar", "users"): _users,
        ("calendar", "unallocated"): _unallocated,
        ("calendar", "requisitions"): _requisitions,
        ("calendar", "timesummaryshow"): _marking("shown", hidden=False),
        ("calendar", "timesummaryhide"): _marking("hidden", hidden=True),
        **BOOKINGS,
    },
    _seed,
)
