"""Bookings of the calendar: somebody's time on some days for what was estimated.

The document says that what is asked for is bent to the rules (line 2839): no more hours than the
working days in between have, at least a quarter of one, and all day if no times are given and the
days are full.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Self

from crm_mcp.sandbox.synergist.calls import Calls
from crm_mcp.sandbox.synergist.errors import RefusalError
from crm_mcp.sandbox.synergist.job_table import JOBS, simple_number
from crm_mcp.sandbox.synergist.reference import in_companies
from crm_mcp.sandbox.synergist.tables import Field, read_value, tidy
from crm_mcp.sandbox.synergist.time_summaries import (
    BOOKING,
    SUMMARY,
    charge_text,
    requisitions_for,
    summary_of,
)
from crm_mcp.sandbox.synergist.wire import Ask, Done, Rows, Said, as_whole
from crm_mcp.sandbox.synergist.world import Record, Row, World
from crm_mcp.sandbox.synergist.writes import Item, each

_MORNING, _EVENING = time(9), time(17)
_LEAST = 0.25
_LONGEST = timedelta(days=366)
_SATURDAY = 5
_START, _END = "calIsoDateTimeStart", "calIsoDateTimeEnd"
_NEEDED = (_START, _END, "calResourceId")


@dataclass(frozen=True)
class Span:
    """From when to when, by days and by the times of each day; without times, for all day."""

    first: date
    last: date
    begins: time | None
    ends: time | None

    @classmethod
    def of(cls, item: Mapping[str, Any]) -> Self:
        """Read the two moments of an item.

        Raises:
            RefusalError: one is no moment, or they stand in the wrong order.
        """
        first, begins = _moment(item[_START], _START)
        last, ends = _moment(item[_END], _END)
        if last < first:
            raise RefusalError(f"{_END} is before {_START}")
        if last - first > _LONGEST:
            raise RefusalError(f"{_END} is more than a year after {_START}")
        return cls(first, last, begins, ends)

    @property
    def days(self) -> int:
        """The working days; one at least, because somebody wants to work."""
        count = (self.last - self.first).days + 1
        days = (self.first + timedelta(days=number) for number in range(count))
        return max(sum(day.weekday() < _SATURDAY for day in days), 1)

    @property
    def is_timed(self) -> bool:
        """Whether a time was given."""
        return self.begins is not None or self.ends is not None

    @property
    def capacity(self) -> float:
        """The hours that fit in."""
        begins, ends = self.begins or _MORNING, self.ends or _EVENING
        minutes = (ends.hour - begins.hour) * 60 + ends.minute - begins.minute
        return max(minutes / 60, _LEAST) * self.days

    def data(self, hours: float) -> Row:
        """Give what a booking of so many hours holds."""
        booked = min(max(hours, _LEAST), self.capacity)
        begins = self.begins or _MORNING
        ends = datetime.combine(self.last, begins) + timedelta(hours=booked / self.days)
        return {
            "first": self.first.isoformat(),
            "last": self.last.isoformat(),
            "begins": begins.isoformat("seconds"),
            "ends": ends.time().isoformat("seconds"),
            "days": self.days,
            "hours": booked,
            "all day": not self.is_timed and booked == self.capacity,
        }


def _moment(value: Any, name: str) -> tuple[date, time | None]:
    """Read a day, and the time if there is one."""
    text = str(value)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise RefusalError(f"invalid {name} {text}") from None
    return moment.date(), moment.time() if "T" in text else None


def add_booking(world: World, summary: Record, user: Record, days: tuple[str, str]) -> Record:
    """Book somebody for all that was estimated, or for as much of it as fits into the days."""
    span = Span.of({_START: days[0], _END: days[1]})
    return _book(world, summary, user, span.data(summary["hours"]))


def _book(world: World, summary: Record, user: Record, data: Row) -> Record:
    phase = str(summary["phase"])
    requisitions = requisitions_for(world, phase)
    asked = requisitions[0].key if requisitions else 0
    values = {**data, "summary": summary.key, "resource": user.key, "requisition": asked}
    return world.add(BOOKING, values, company=summary.company)


def _create(world: World, ask: Ask) -> Said:
    return each(ask.items, lambda item: _create_one(world, item))


def _create_one(world: World, item: Row) -> Item:
    _demand(item, "calTimeSummaryInternal", "calDurationDecimalHours", *_NEEDED)
    summary = world.find(SUMMARY, _number(item, "calTimeSummaryInternal"))
    hours = read_value(Field("calDurationDecimalHours", "number"), item["calDurationDecimalHours"])
    booking = _book(world, summary, _resource(world, item), Span.of(item).data(hours))
    return Item({"calUuid": booking.uuid, **_details(world, booking), **_stamp(booking)})


def _update(world: World, ask: Ask) -> Said:
    return each(ask.items, lambda item: _update_one(world, item))


def _update_one(world: World, item: Row) -> Item:
    _demand(item, "calDiaryInternal", "calAllDay", *_NEEDED)
    booking = world.find(BOOKING, _number(item, "calDiaryInternal"))
    all_day = read_value(Field("calAllDay", "boolean"), item["calAllDay"])
    span = Span.of(item)
    if all_day:
        span = Span(span.first, span.last, None, None)
    data = {**span.data(span.capacity), "resource": _resource(world, item).key}
    changed = world.change(booking, data)
    return Item({"calUuid": changed.uuid, **_details(world, changed), **_stamp(changed)})


def _delete(world: World, ask: Ask) -> Said:
    return each(ask.items, lambda item: _delete_one(world, item))


def _delete_one(world: World, item: Row) -> Item:
    # The document names the booking in another way here than everywhere else.
    _demand(item, "diary_diaryinternal")
    booking = world.find(BOOKING, _number(item, "diary_diaryinternal"))
    world.drop(booking)
    figures = summary_of(world, world.find(SUMMARY, booking["summary"])).figures()
    return Item({"calDiaryInternal": booking.key, "calUuid": booking.uuid, **figures})


def _demand(item: Row, *names: str) -> None:
    for name in names:
        if item.get(name) in (None, ""):
            raise RefusalError(f"{name} is missing")


def _number(item: Row, name: str) -> int:
    return as_whole(str(item[name]), name)


def _resource(world: World, item: Row) -> Record:
    user = world.find("user", _number(item, "calResourceId"))
    if not user["userActive"]:
        raise RefusalError(f"user {user.key} cannot be booked")
    return user


def _stamp(booking: Record) -> Row:
    return {
        "calTimeStampModified": int(booking.modified.timestamp()),
        "calRecordVersionNumber": booking.version,
    }


def _display(world: World, ask: Ask) -> Said:
    first, last = _day(ask, "datefrom"), _day(ask, "dateto")
    return Rows(
        [
            _row(world, booking)
            for booking in in_companies(world, ask, BOOKING)
            if booking["first"] <= last and booking["last"] >= first
        ]
    )


def _day(ask: Ask, name: str) -> str:
    """Read a day; the document's sample writes the first of October as 2017-10-1."""
    text = ask.required(name)
    try:
        return date(*map(int, text.split("-"))).isoformat()
    except (TypeError, ValueError, OverflowError):
        raise RefusalError(f"invalid {name} {text}") from None


def _refresh(world: World, ask: Ask) -> Said:
    ask.required("diary")
    booking = world.find(BOOKING, ask.number("diary"))
    return Done(rows=[_details(world, booking)])


def _row(world: World, booking: Record) -> Row:
    """Show a booking as the calendar does."""
    summary = summary_of(world, world.find(SUMMARY, booking["summary"]))
    job, phase = summary.job, summary.phase
    shown = JOBS.show(world, job)
    requisition = world.get("activity", booking["requisition"])
    user = world.find("user", booking["resource"])
    return {
        "calAllDay": booking["all day"],
        "calChargeCodeDescription": charge_text(world, summary.record["code"]),
        "calClientCode": job["jobClientCode"] or "",
        "calClientName": summary.client_name,
        "calColourHex": "FFE0C0",
        "calDescription": "",
        "calDurationDescription": _duration(booking),
        "calFeedback": "TODO",
        "calHoursPerDay": tidy(booking["hours"] / booking["days"]),
        "calDiaryInternal": booking.key,
        "calIsoDateTimeEnd": f"{booking['last']}T{booking['ends']}",
        "calIsoDateTimeStart": f"{booking['first']}T{booking['begins']}",
        "calJobDescription1stLine": shown["jobDescription1stLine"],
        "calJobHandlerName": shown["jobHandlerFullName"],
        "calJobAndPhase": phase.key,
        "calJobPhaseNumberSimple": simple_number(phase.key),
        "calJobNumberSimple": simple_number(job.key),
        "calNotes": "",
        "calRequisitionDetails": requisition["activityDetails"] if requisition else "",
        "calRequisitionId": requisition.key if requisition else 0,
        "calRequisitionSubject": requisition["activitySubject"] if requisition else "",
        "calNumberOfDays": booking["days"],
        "calPhaseDescription1stLine": phase["phaseDescription"],
        "calRequestStatus": "",
        "calResourceId": str(user.key),
        "calResourceName": user["userFullName"],
        "calStatus": "",
        "calTaskDescription": "",
        "calTimeSummaryInternal": summary.record.key,
        "calWeakLink": 0,
        "calStageCode": "",
        "calStageDesc": "",
    }


def _details(world: World, booking: Record) -> Row:
    """Show a booking on its own, with what is left of the estimate."""
    summary = summary_of(world, world.find(SUMMARY, booking["summary"]))
    row = _row(world, booking)
    return {
        **row,
        "calJobNumber": summary.job.key,
        "calChargeCode": summary.record["code"],
        "calStartDate": booking["first"],
        "calStartTime": booking["begins"],
        "calEndTime": booking["ends"],
        # Texts here, numbers in the display.
        "calNumberOfDays": str(booking["days"]),
        "calHoursPerDay": f"{row['calHoursPerDay']:g}",
        **summary.figures(),
    }


def _duration(booking: Record) -> str:
    days, hours = booking["days"], booking["hours"] / booking["days"]
    if booking["all day"]:
        return f"{days} day" if days == 1 else f"{days} days"
    words = f"{hours:g} hour" if hours <= 1 else f"{hours:g} hours"
    return words if days == 1 else f"{days} days, {words} per day"


CALLS: Calls = {
    ("calendar", "calendardisplay"): _display,
    ("calendar", "calendarrefresh"): _refresh,
    ("calendar", "create"): _create,
    ("calendar", "update"): _update,
    ("calendar", "delete"): _delete,
}
