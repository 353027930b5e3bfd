"""The Synergist stand-in's timesheets: posted time, pending time, its timer and the week."""

from datetime import timedelta
from typing import Any

import pytest
from synergist_caller import Crm, Row, values

TOBIAS, GRETA, OWEN, _, HELD, FRIDAY, MONDAY, _, SERVICE = range(3608, 3617)
"""The pending timesheets of the story."""

NEW: Row = {
    "tspJobAndPhase": "1/00001001.001",
    "tspTimeDate": "2026-03-02",
    "tspResourceCode": "1/MAYA",
}


@pytest.fixture(name="crm")
def _crm() -> Crm:
    return Crm()


def made(crm: Crm, **more: Any) -> Row:
    envelope = crm.write("tspending", [NEW | more], action="create", company=1)
    (row,) = envelope["data"]
    told: Row = row
    return told


def one(crm: Crm, number: int) -> Row:
    return crm.row("tspending", action="pendingtimesheet", tspending=number)


def screen(crm: Crm, number: int, resource: str = "1/MAYA") -> Row:
    rows = crm.rows("tspending", action="timesheetpendinglist", company=1, resource=resource)
    return next(row for row in rows if row["tspEntryNo"] == number)


def do(crm: Crm, action: str, number: int) -> Row:
    return crm.write("tspending", action=action, tspending=number)


def why(crm: Crm, action: str, number: int) -> str:
    words = crm.why("tspending", action=action, tspending=number)
    return words.removeprefix(f"timesheet {number} ")


def timer(crm: Crm, word: str, number: int) -> Row:
    (row,) = do(crm, f"timer{word}", number)["data"]
    told: Row = row
    return told


def wait(crm: Crm, **time: float) -> None:
    crm.world.now += timedelta(**time)


def test_time_spent_on_the_deals_is_posted_to_their_jobs(crm: Crm) -> None:
    rows = crm.rows("time", job="1/00001001", company=1)
    assert values(rows, "tsResource") == ["Owen Pritchard", "Maya Thornbury"]
    assert values(rows, "tsResourceCode") == ["1/OWEN", "1/MAYA"]
    assert values(rows, "tsHoursTotal") == [4, 7.5]
    assert "tsHoursCost" not in rows[0]
    detailed = crm.rows("time", jobphase="1/00001001.001", modelstructure="timesheetdetails")
    assert values(detailed, "tsHoursCost") == [128, 262.5]


def test_posted_time_is_found_by_several_companies_and_resources_and_by_day(crm: Crm) -> None:
    rows = crm.rows("time", company=[1, 2], resource=["1/maya", "1/GRETA"])
    assert set(values(rows, "tsResourceCode")) == {"1/MAYA", "1/GRETA"}
    day = crm.rows("time", date='"2026-01-14"')
    assert set(values(day, "tsJobAndPhase")) == {"1/00001001.001"}
    assert crm.rows("time", date="1999-01-01") == []


def test_expenses_are_no_time(crm: Crm) -> None:
    before = len(crm.rows("time", job="1/00001001"))
    crm.write("expensesheets", action="expensesheetall", expensesheet=1789)
    assert len(crm.rows("time", job="1/00001001")) == before


def test_time_of_somebody_who_is_no_user_has_no_resource_code(crm: Crm) -> None:
    cost = crm.world.where("cost", type="T", resource="Owen Pritchard")[-1]
    crm.world.change(cost, {"resource": "A helper"})
    assert "" in values(crm.rows("time"), "tsResourceCode")


@pytest.mark.parametrize(
    ("parameters", "numbers"),
    [
        ({"resource": "1/tobias"}, [TOBIAS, SERVICE]),
        ({"resource": ["1/GRETA", "1/TOBIAS"], "company": 1}, [TOBIAS, GRETA]),
        ({"datefrom": "2026-02-27", "dateto": "2026-02-27", "company": 2}, [SERVICE]),
        ({"date": "2026/02/25"}, [TOBIAS, GRETA]),
        ({"client": "1/TID001"}, [GRETA, 3615]),
        ({"job": "1/00001001", "resource": "1/MAYA"}, [FRIDAY, MONDAY]),
        ({"jobphase": "1/00001001.002"}, [HELD]),
    ],
)
def test_pending_time_is_found_by_who_where_and_when(
    crm: Crm, parameters: Row, numbers: list[int]
) -> None:
    assert values(crm.rows("tspending", **parameters), "tspEntryNo") == numbers


def test_one_timesheet_is_shown_with_its_details(crm: Crm) -> None:
    row = crm.row("tspending", tspending=TOBIAS)
    assert (row["tspApprovalStatus"], row["tspApprovalNotes"]) == ("Q", "Why?")
    assert (row["tspResourceName"], row["tspChargeCodeDescription"]) == (
        "Tobias Ekström",
        "Installation",
    )
    assert one(crm, TOBIAS)["tspApprovalNotes"] == "Why?"


def test_the_resource_of_somebody_unknown_has_no_name(crm: Crm) -> None:
    crm.world.change(crm.world.find("tspending", TOBIAS), {"tspResourceCode": "1/GONE"})
    assert one(crm, TOBIAS)["tspResourceName"] == ""


def test_the_list_of_submitted_time_needs_a_resource_and_shows_every_state(crm: Crm) -> None:
    action = "timesheetpendinglist"
    assert crm.why("tspending", action=action, company=1) == "resource is missing"
    rows = crm.rows("tspending", action=action, company=1, resource="1/OWEN")
    names = values(rows, "tspApprovalStatusName")
    assert names == ["Submitted", "Approved", "Held"]
    assert values(rows, "tspEdit") == ["N", "N", "N"]
    assert screen(crm, FRIDAY)["tspSubmit"] == "Y"


def test_new_time_has_the_usual_charge_code_and_cannot_be_submitted_without_hours(
    crm: Crm,
) -> None:
    row = made(crm)
    assert (row["tspChargeCode"], row["tspApprovalStatusName"]) == ("1/SUR", "Unsubmitted")
    assert (row["tspEdit"], row["tspSubmit"], row["tspHoursNormal"]) == ("Y", "N", 0)
    assert row["tspJobPhaseNumberSimple"] == "1001.001"
    assert why(crm, "pendingsubmit", row["tspEntryNo"]) == "has no hours"


def test_what_cannot_be_written_is_left_out_with_a_warning(crm: Crm) -> None:
    item = NEW | {"tspApprovalStatus": "A"}
    envelope = crm.write("tspending", [item], action="create", company=1)
    assert envelope["warningmessage"] == "tspApprovalStatus cannot be written and was ignored."
    assert envelope["data"][0]["tspApprovalStatus"] == "W"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"tspTimeDate": ""}, "tspTimeDate is missing"),
        ({"tspResourceCode": "1/NOBODY"}, "resource 1/NOBODY not found"),
        ({"tspResourceCode": "1/RUFUS"}, "resource 1/RUFUS not found"),
        ({"tspJobAndPhase": "1/00000801.001"}, "phase 1/00000801.001 is completed"),
        ({"tspHoursNormal": -1}, "invalid hours"),
        ({"tspHoursNormal": 20, "tspHoursOtime1": 5}, "invalid hours"),
    ],
)
def test_time_that_breaks_a_rule_is_not_written_down(crm: Crm, wrong: Row, words: str) -> None:
    assert crm.why("tspending", [NEW | wrong], action="create", company=1) == words


def test_time_is_changed_until_it_is_submitted(crm: Crm) -> None:
    item = {"tspEntryNo": FRIDAY, "tspWorkDone": "Reception"}
    told = crm.written("tspending", item, action="update", company=1)
    assert (told["tspTimerStatusNormal"], told["tspRecordVersionNumber"]) == ("", 1)
    assert one(crm, FRIDAY)["tspWorkDone"] == "Reception"
    stale = [item | {"tspRecordVersionNumber": 0}]
    assert "another user" in crm.why("tspending", stale, action="update", company=1)
    other = [item | {"tspJobAndPhase": "2/00001005.001"}]
    words = "phase 2/00001005.001 belongs to another company"
    assert crm.why("tspending", other, action="update", company=1) == words
    told = do(crm, "pendingsubmit", FRIDAY)
    assert told["responsemessage"] == "TS pending record(s) submitted"
    words = f"timesheet {FRIDAY} is submitted"
    for action in ("update", "delete"):
        assert crm.why("tspending", [item], action=action, company=1) == words
    assert why(crm, "pendingsubmit", FRIDAY) == "is submitted"


def test_time_is_deleted(crm: Crm) -> None:
    told = crm.written("tspending", {"tspEntryNo": FRIDAY}, action="delete", company=1)
    assert (told["tspEntryNo"], told["tspending_recordversionnumber"]) == (FRIDAY, 0)
    assert crm.rows("tspending", tspending=FRIDAY) == []


def test_where_nobody_approves_time_it_is_posted_at_once(crm: Crm) -> None:
    do(crm, "pendingsubmit", SERVICE)
    assert one(crm, SERVICE)["tspApprovalStatus"] == "P"


def test_queried_time_is_put_right_and_submitted_again(crm: Crm) -> None:
    item = {"tspEntryNo": TOBIAS, "tspApprovalNotesReSubmit": "The door stuck"}
    crm.written("tspending", item, action="update", company=1)
    told = do(crm, "pendingresubmit", TOBIAS)
    assert told["responsemessage"] == "TS pending record resubmitted"
    row = screen(crm, TOBIAS, "1/TOBIAS")
    assert (row["tspApprovalStatusName"], row["tspSubmitterNotes"]) == (
        "Submitted",
        "The door stuck",
    )
    assert why(crm, "pendingresubmit", FRIDAY) == "is unsubmitted"


def test_time_is_not_submitted_again_while_a_timer_runs(crm: Crm) -> None:
    timer(crm, "startot1", GRETA)
    assert why(crm, "pendingresubmit", GRETA).endswith("a timer that was not stopped")


def test_copied_time_is_unsubmitted(crm: Crm) -> None:
    timer(crm, "startnormal", TOBIAS)
    told = do(crm, "pendingcopy", TOBIAS)
    new = told["data"][0]["tspEntryNo"]
    assert told["responsemessage"] == f"TS pending {TOBIAS} record copied to {new}"
    row = screen(crm, new, "1/TOBIAS")
    assert (row["tspApprovalStatus"], row["tspTimerStatusNormal"]) == ("W", "")
    assert row["tspHoursNormal"] == 3


def test_a_timer_counts_while_it_runs_and_adds_to_the_hours_when_it_stops(crm: Crm) -> None:
    number = made(crm)["tspEntryNo"]
    told = timer(crm, "startnormal", number)
    assert told["tspTimerStatusNormal"] == "RUNNING"
    assert told["tspending_timerstartdatenormal"] == "2026-03-02"
    wait(crm, minutes=30)
    assert timer(crm, "pausenormal", number)["tspTimerStatusNormal"] == "PAUSED"
    wait(crm, hours=5)
    (asked,) = crm.reply("tspending", action="timerelapsednormal", tspending=number)["data"]
    assert asked["tspTimerElapsedNormal"] == 1801
    timer(crm, "resumenormal", number)
    wait(crm, minutes=15)
    assert screen(crm, number)["tspTimerStatusNormal"] == "RUNNING"
    told = timer(crm, "stopnormal", number)
    assert told["tspTimerStatusNormal"] == ""
    assert told["tspending_timerstartdatenormal"] == "0000-00-00"
    assert one(crm, number)["tspHoursNormal"] == pytest.approx(0.75, abs=0.01)


def test_a_timer_for_overtime_adds_to_overtime(crm: Crm) -> None:
    timer(crm, "startot2", FRIDAY)
    wait(crm, hours=1)
    timer(crm, "stopot2", FRIDAY)
    row = one(crm, FRIDAY)
    assert (row["tspHoursNormal"], round(row["tspHoursOtime2"])) == (6, 1)


@pytest.mark.parametrize("word", ["cancel", "discard", "remove"])
def test_a_timer_that_is_given_up_leaves_the_hours_alone(crm: Crm, word: str) -> None:
    timer(crm, "startnormal", FRIDAY)
    wait(crm, hours=1)
    assert why(crm, "pendingsubmit", FRIDAY) == "has a timer that was not stopped"
    assert timer(crm, f"{word}normal", FRIDAY)["tspTimerStatusNormal"] == ""
    assert one(crm, FRIDAY)["tspHoursNormal"] == 6


def test_a_timer_takes_only_what_goes_with_its_state(crm: Crm) -> None:
    assert why(crm, "timerstopnormal", FRIDAY) == "the timer is not running"
    timer(crm, "startnormal", FRIDAY)
    assert why(crm, "timerstartnormal", FRIDAY) == "the timer is running"
    assert why(crm, "timerresumenormal", FRIDAY) == "the timer is running"
    assert why(crm, "timerstartnormal", OWEN) == "is submitted"


def test_a_timer_can_begin_a_timesheet(crm: Crm) -> None:
    item = NEW | {"tspResourceName": "Maya Thornbury"}
    envelope = crm.write("tspending", [item], action="timerstartnormal", company=1)
    number = envelope["data"][0]["tspEntryNo"]
    assert screen(crm, number)["tspTimerStatusNormal"] == "RUNNING"
    words = "tspending is missing"
    assert crm.why("tspending", [item], action="timerstopnormal", company=1) == words


def test_the_week_stands_beside_an_empty_data(crm: Crm) -> None:
    made(crm, tspHoursNormal=2, tspHoursOtime1=1, tspTimeDate="2026-03-03")
    told = crm.reply("tspending", action="timesheetsummary", company=1)
    assert (told["data"], told["totalrows"]) == ([], 0)
    assert told["dates"][0]["tspTssDay0Date"] == "2026-03-02"
    assert told["labels"][0]["tspTssDay6Label"] == "Sun"
    (totals,), (overtime,) = told["totals"], told["ot1totals"]
    assert (totals["tspTssDay0Total"], totals["tspTssDay1Total"]) == (2, 2)
    assert totals["tspTssChargeableTotal"] == 3.5
    assert totals["tspTssNonChargeableTotal"] == 0.5
    assert overtime["tspTssDay1Ot1Total"] == 1
    assert told["ot2totals"][0]["tspTssChargeableOt2Total"] == 0
    assert told["resource"][0]["tspTssResourceChargeable"] == 4.5


def test_companies_tell_whether_time_is_approved(crm: Crm) -> None:
    rows = crm.rows("tspending", action="companysettings", company=[1, 2])
    assert values(rows, "companyTimesheetapproval") == [True, False]


def test_somebodys_jobs_are_those_handled_or_worked_on(crm: Crm) -> None:
    action = "userjobslist"
    rows = crm.rows("tspending", action=action, company=1, resource="1/tobias")
    assert "1/00001005" in values(rows, "jobNumber")
    mine = crm.rows("tspending", action=action, company=1, resource="1/MAYA")
    assert "1/00001001" in values(mine, "jobNumber")
    elsewhere = crm.rows("tspending", action=action, company=2, resource="1/MAYA")
    assert elsewhere == []
    assert crm.why("tspending", action=action, company=1) == "resource is missing"
