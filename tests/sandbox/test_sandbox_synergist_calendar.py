"""Calendar, estimates, quotes and thermometers of the Synergist stand-in."""

import pytest
from synergist_caller import PROCESSED, Crm, Row, values

# The drawing for a deal that is being negotiated.
SUMMARY = 1005540
NEW = {
    "calTimeSummaryInternal": str(SUMMARY),
    "calIsoDateTimeStart": "2026-03-10T14:30:00",
    "calIsoDateTimeEnd": "2026-03-10T16:30:00",
    "calDurationDecimalHours": "2",
    "calResourceId": "11",
}
UPDATE = {
    "calDiaryInternal": "137001",
    "calIsoDateTimeStart": "2026-03-11T09:00:00",
    "calIsoDateTimeEnd": "2026-03-11T10:15:00",
    "calAllDay": "false",
    "calResourceId": "13",
}


@pytest.fixture
def crm() -> Crm:
    return Crm()


def booked(crm: Crm, **item: object) -> Row:
    return crm.written("calendar", {**NEW, **item}, action="create")


def unallocated(crm: Crm, **parameters: object) -> list[Row]:
    usual = {"persistBackendSearch": "N", "sort": "", "direction": 1}
    return crm.rows("calendar", action="unallocated", **usual | parameters)


# What can be booked


def test_the_users_are_those_who_are_still_there(crm: Crm) -> None:
    rows = crm.rows("calendar", action="users", company=1)
    assert values(rows, "userUserId") == [11, 12, 13, 14, 15]
    assert set(values(rows, "calUserNonWorkingDaysWeek")) == {"YNNNNNY"}


def test_an_estimate_tells_what_is_left_of_it(crm: Crm) -> None:
    (row,) = unallocated(crm, jobphase="1/00001001.003")
    shown = ("Estimated", "Booked", "Remaining", "Timesheets", "Requisition", "Initials", "Status")
    assert [row[f"cal{name}Select"] for name in shown] == [16, 8, 8, 0, "!", "OP", "Live"]
    assert row["calUniqueSelect"] == "1/00001001.003###1/INS"
    (row,) = unallocated(crm, jobphase="1/00001001.001", sort="calChargeCodeSelect")[1:]
    assert (row["calTimesheetsSelect"], row["calRequisitionSelect"]) == (4, "")


def test_estimates_leave_out_templates_and_what_is_done(crm: Crm) -> None:
    jobs = {row["calJobPhaseSelect"].partition(".")[0] for row in unallocated(crm)}
    assert jobs == {
        *("1/00000051", "1/00000052", "1/00001001", "1/00001002", "1/00001003", "1/00001004"),
        *("1/00001005", "1/00001006", "1/00002001", "2/00001005"),
    }
    assert values(unallocated(crm, company=2), "calClientSelect") == [
        "Lindgren & Åhlund Arkitekter AB"
    ]
    in_house = unallocated(crm, job="1/00000051")
    assert values(in_house, "calHandlerNameSelect") == ["", ""]


@pytest.mark.parametrize(
    ("parameters", "count"),
    [({"client": "1/cal001"}, 6), ({"job": "1/00001001"}, 3), ({"jobphase": "1/0"}, 0)],
)
def test_estimates_are_filtered(crm: Crm, parameters: Row, count: int) -> None:
    assert len(unallocated(crm, **parameters)) == count


def test_estimates_are_sorted_both_ways(crm: Crm) -> None:
    hours = values(unallocated(crm, sort="calEstimatedSelect"), "calEstimatedSelect")
    assert hours == sorted(hours)
    assert hours[0] < hours[-1]
    backwards = unallocated(crm, sort="calClientSelect", direction=-1)
    names = values(backwards, "calClientSelect")
    assert names == sorted(names, reverse=True)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [({"sort": "colour"}, "invalid sort colour"), ({"direction": 2}, "invalid direction 2")],
)
def test_an_order_that_is_none_is_refused(crm: Crm, parameters: Row, words: str) -> None:
    assert crm.why("calendar", action="unallocated", **parameters) == words


def test_requisitions_ask_for_somebody_s_time(crm: Crm) -> None:
    rows = crm.rows("calendar", action="requisitions", company=1, sort="calCreatedReqSelect")
    assert values(rows, "calActivityIdReqSelect") == [7032, 7033]
    row = rows[0]
    shown = ("Actioned", "Booked", "ChargeDesc", "Hours", "OwnerName", "PhaseDesc", "Subject")
    assert [row[f"cal{name}ReqSelect"] for name in shown] == [
        *(False, 8, "Installation", 16, "Owen Pritchard", "Installation", "Two fitters for a day")
    ]


def test_a_requisition_may_be_for_a_job_as_a_whole(crm: Crm) -> None:
    item = {
        "activityActivitytypeCode": "REQ",
        "activityClientCode": "1/CAL001",
        "Job": "1/00001002",
    }
    crm.written("activities", item, action="create")
    row = crm.rows("calendar", action="requisitions", company=1)[-1]
    shown = ("JobPhase", "PhaseDesc", "ChargeDesc", "DueDate", "Subject", "Hours")
    assert [row[f"cal{name}ReqSelect"] for name in shown] == ["1/00001002", "", "", "", "", 0]


def test_estimates_are_hidden_and_shown_again(crm: Crm) -> None:
    before = len(unallocated(crm))
    reply = crm.write("calendar", action="timesummaryhide", timesummary=[SUMMARY, SUMMARY + 1])
    assert reply == {"responsemessage": "2 of 2 time summaries hidden.", "warningmessage": ""}
    assert len(unallocated(crm)) == before - 2
    again = crm.reply("calendar", action="timesummaryhide", timesummary=SUMMARY)
    assert again["responsemessage"] == "1 of 1 time summaries hidden."
    crm.write("calendar", action="timesummaryshow", timesummary=SUMMARY)
    assert len(unallocated(crm)) == before - 1
    missing = {"action": "timesummaryshow"}
    assert crm.why("calendar", **missing) == "timesummary is missing"
    assert crm.why("calendar", timesummary=1, **missing) == "timesummary 1 not found"


# Bookings


def test_a_booking_is_made_and_counts_against_the_estimate(crm: Crm) -> None:
    told = booked(crm)
    assert {name: told[name] for name in MADE} == MADE
    (shown,) = crm.rows(
        "calendar", action="calendardisplay", datefrom="2026-03-10", dateto="2026-03-10"
    )
    assert (shown["calDiaryInternal"], shown["calNumberOfDays"]) == (137003, 1)
    assert shown["calHoursPerDay"] == 2
    refreshed = crm.reply("calendar", action="calendarrefresh", diary=137003)
    assert refreshed["responsemessage"] == PROCESSED
    assert refreshed["data"] == [
        {
            name: value
            for name, value in told.items()
            if name not in ("calUuid", "calTimeStampModified", "calRecordVersionNumber")
        }
    ]


MADE: Row = {
    "calDiaryInternal": 137003,
    "calResourceId": "11",
    "calResourceName": "Maya Thornbury",
    "calTimeSummaryInternal": SUMMARY,
    "calClientName": "Calder & Wrenfield Solicitors",
    "calJobAndPhase": "1/00001002.001",
    "calJobPhaseNumberSimple": "1002.001",
    "calJobHandlerName": "Owen Pritchard",
    "calChargeCodeDescription": "Drawing",
    "calStartDate": "2026-03-10",
    "calStartTime": "14:30:00",
    "calEndTime": "16:30:00",
    "calAllDay": False,
    "calendarunallocatedestimated": 10,
    "calendarunallocatedbooked": 2,
    "calendarunallocatedremaining": 8,
    "calendarunallocatedinitials": "MT",
    "calNumberOfDays": "1",
    "calDurationDescription": "2 hours",
    "calHoursPerDay": "2",
    "calRequisitionId": 0,
    "calRecordVersionNumber": 0,
}


@pytest.mark.parametrize(
    ("start", "end", "hours", "expected"),
    [
        # The document's sample: a quarter of an hour is the least.
        ("2026-03-10T14:30:00", "2026-03-10T14:30:00", "-0.75", (False, "14:45:00", "0.25 hour")),
        ("2026-03-10T14:30:00", "2026-03-10T17:30:00", 1, (False, "15:30:00", "1 hour")),
        ("2026-03-10T09:00:00", "2026-03-10T17:00:00", 500, (False, "17:00:00", "8 hours")),
        ("2026-03-10", "2026-03-10", 500, (True, "17:00:00", "1 day")),
        ("2026-03-10", "2026-03-10", 4, (False, "13:00:00", "4 hours")),
        # A weekend in between does not count.
        ("2026-03-12", "2026-03-17", 500, (True, "17:00:00", "4 days")),
        ("2026-03-12", "2026-03-17", 8, (False, "11:00:00", "4 days, 2 hours per day")),
        ("2026-03-14", "2026-03-15", 500, (True, "17:00:00", "1 day")),
    ],
)
def test_a_booking_is_bent_to_the_working_days(
    crm: Crm, start: str, end: str, hours: object, expected: tuple[object, ...]
) -> None:
    span = {"calIsoDateTimeStart": start, "calIsoDateTimeEnd": end}
    told = booked(crm, **span, calDurationDecimalHours=hours)
    names = ("calAllDay", "calEndTime", "calDurationDescription")
    assert tuple(told[name] for name in names) == expected


def test_a_booking_is_moved_to_somebody_else(crm: Crm) -> None:
    told = crm.written("calendar", UPDATE, action="update")
    names = ("calIsoDateTimeStart", "calIsoDateTimeEnd", "calDurationDescription")
    assert [told[name] for name in names] == [
        *("2026-03-11T09:00:00", "2026-03-11T10:15:00", "1.25 hours")
    ]
    assert (told["calResourceName"], told["calRecordVersionNumber"]) == ("Greta Hollmann", 1)
    assert (told["calRequisitionId"], told["calRequisitionDetails"]) == (
        *(7032, "24 x Task Chair Heron"),
    )
    told = crm.written("calendar", {**UPDATE, "calAllDay": "true"}, action="update")
    assert (told["calAllDay"], told["calDurationDescription"]) == (True, "1 day")


def test_a_deleted_booking_gives_its_hours_back(crm: Crm) -> None:
    (told,) = crm.write("calendar", [{"diary_diaryinternal": 137001}], action="delete")["data"]
    assert told == {
        "calDiaryInternal": 137001,
        "calUuid": told["calUuid"],
        "calendarunallocatedunique": "1/00001001.003###1/INS",
        "calendarunallocatedestimated": 16,
        "calendarunallocatedbooked": 0,
        "calendarunallocatedremaining": 16,
        "calendarunallocatedtimesheets": 0,
        "calendarunallocateddraft": 0,
        "calendarunallocatedinitials": "",
    }
    assert crm.why("calendar", action="calendarrefresh", diary=137001) == "booking 137001 not found"


def test_the_calendar_shows_what_touches_the_days(crm: Crm) -> None:
    booked(
        crm,
        calIsoDateTimeStart="2026-03-12",
        calIsoDateTimeEnd="2026-03-17",
        calDurationDecimalHours=8,
    )
    for first, last, expected in (
        ("2026-3-1", "2026-3-31", [137001, 137002, 137003]),
        ("2026-03-17", "2026-03-20", [137003]),
        ("2026-03-05", "2026-03-05", [137001, 137002]),
        ("2026-03-18", "2026-03-31", []),
    ):
        days = {"datefrom": first, "dateto": last, "company": 1}
        rows = crm.rows("calendar", action="calendardisplay", **days)
        assert values(rows, "calDiaryInternal") == expected


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"action": "calendardisplay", "dateto": "2026-03-01"}, "datefrom is missing"),
        (
            {"action": "calendardisplay", "datefrom": "2026-02-30", "dateto": "2026-03-01"},
            "invalid datefrom 2026-02-30",
        ),
        (
            {"action": "calendardisplay", "datefrom": "2026-02", "dateto": "2026-03-01"},
            "invalid datefrom 2026-02",
        ),
        (
            {"action": "calendardisplay", "datefrom": "today", "dateto": "2026-03-01"},
            "invalid datefrom today",
        ),
        ({"action": "calendarrefresh"}, "diary is missing"),
    ],
)
def test_what_is_missing_is_named(crm: Crm, parameters: Row, words: str) -> None:
    assert crm.why("calendar", **parameters) == words


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"calTimeSummaryInternal": ""}, "calTimeSummaryInternal is missing"),
        ({"calTimeSummaryInternal": "1"}, "timesummary 1 not found"),
        ({"calTimeSummaryInternal": "x"}, "invalid calTimeSummaryInternal x"),
        ({"calDurationDecimalHours": "x"}, "invalid calDurationDecimalHours"),
        ({"calIsoDateTimeStart": "soon"}, "invalid calIsoDateTimeStart soon"),
        ({"calIsoDateTimeEnd": None}, "calIsoDateTimeEnd is missing"),
        (
            {"calIsoDateTimeEnd": "2026-03-09T10:00:00"},
            "calIsoDateTimeEnd is before calIsoDateTimeStart",
        ),
        (
            {"calIsoDateTimeEnd": "2027-06-01"},
            "calIsoDateTimeEnd is more than a year after calIsoDateTimeStart",
        ),
        ({"calResourceId": "99"}, "user 99 not found"),
        ({"calResourceId": "16"}, "user 16 cannot be booked"),
    ],
)
def test_a_booking_that_makes_no_sense_is_refused(crm: Crm, change: Row, words: str) -> None:
    assert crm.why("calendar", [{**NEW, **change}], action="create") == words


def test_a_change_names_its_booking_and_a_deletion_names_it_in_its_own_way(crm: Crm) -> None:
    item = {**UPDATE, "calDiaryInternal": 1}
    assert crm.why("calendar", [item], action="update") == "booking 1 not found"
    item = {**UPDATE, "calAllDay": ""}
    assert crm.why("calendar", [item], action="update") == "calAllDay is missing"
    assert crm.why("calendar", [{"calDiaryInternal": 137001}], action="delete") == (
        "diary_diaryinternal is missing"
    )


# Estimates, quotes, thermometers


def test_estimates_are_told_for_a_job_or_a_phase(crm: Crm) -> None:
    reply = crm.reply("estimates", company=1, **{"Job-Number": "1/00001001"})
    names = ("Phase", "Type", "Description", "CostEstimated", "CostActual", "UnitsActual")
    assert [tuple(row[f"estimate{name}"] for name in names) for row in reply["data"]] == [
        ("001", "S", "Survey", 256, 128, 4),
        ("001", "S", "Drawing", 350, 262.5, 7.5),
        ("002", "M", "Task Chair Heron", 4104, 0, 0),
        ("003", "S", "Installation", 448, 0, 0),
        ("003", "B", "Hire of a van", 120, 0, 0),
    ]
    assert reply["totalrows"] == 0
    for name in ("Job-And-Phase", "Job-Number"):
        rows = crm.rows("estimates", company=1, **{name: "1/00001001.003"})
        assert values(rows, "estimateDescription") == ["Installation", "Hire of a van"]


def test_quotes_are_told_for_a_job_or_a_phase(crm: Crm) -> None:
    rows = crm.rows("quotes", company=1, **{"Job-Number": "1/00001004"})
    names = ("LineNumber", "LineDescription", "LineQty", "LineValue", "BreakCode")
    assert [tuple(row[f"quote{name}"] for name in names) for row in rows] == [
        (1, "Sit-Stand Desk Fjord", 60, 43200, "000001"),
        (2, "Installation", 1, 480, "000002"),
    ]
    rows = crm.rows("quotes", company=1, **{"Job-And-Phase": "1/00001004.002"})
    assert values(rows, "quoteLineNumber") == [1]


@pytest.mark.parametrize("area", ["estimates", "quotes"])
def test_a_job_or_phase_must_be_named_and_be_there(crm: Crm, area: str) -> None:
    assert crm.why(area, company=1) == "Job-Number or Job-And-Phase is missing"
    assert crm.why(area, company=1, **{"Job-Number": "1/0"}) == "job 1/0 not found"


def test_thermometers_are_listed_for_jobs_and_phases(crm: Crm) -> None:
    reply = crm.reply("thermos", company=1, type="job")
    assert values(reply["data"], "lookupJobPhaseThermNumber") == [-1, 1, 2]
    assert reply["totalrows"] == 0
    assert crm.rows("thermos", company=1, type="phase") == reply["data"]
    assert crm.why("thermos", company=1) == "type is missing"
    assert crm.why("thermos", company=1, type="client") == "invalid type client"
