"""Activities of the Synergist stand-in: their life, their history, and their pickers."""

import pytest
from synergist_caller import PROCESSED, RULE, Crm, Row, values

NEW = {"activityActivitytypeCode": "Notes", "activityClientCode": "1/CAL001"}
VERSION = "activityRecordVersionNumber"
OTHERS = "activitySecondaryOwnersUserID"


@pytest.fixture
def crm() -> Crm:
    return Crm()


def details(crm: Crm, number: object) -> Row:
    return crm.row("activities", activityid=number, modelstructure="activitydetails")


def created(crm: Crm, **item: object) -> Row:
    """Make an activity and read its details."""
    row = crm.written("activities", {**NEW, **item}, action="create", company=1)
    return details(crm, row["activityID"])


def changed(crm: Crm, activity: Row, **change: object) -> Row:
    """Change an activity that was read, and read its details."""
    item = {"activityID": activity["activityID"], VERSION: activity[VERSION], **change}
    crm.written("activities", item, action="update")
    return details(crm, activity["activityID"])


def history(crm: Crm, number: object) -> list[object]:
    """Read what the history tells, newest first."""
    rows = crm.rows("activities", action="history", activityid=number)
    return values(rows, "activityhistoryHistoryDetail")


# Making


def test_a_new_activity_belongs_to_who_made_it(crm: Crm) -> None:
    told = crm.written("activities", NEW, action="create")
    activity = details(crm, told["activityID"])
    assert told == {
        "activityID": 7034,
        "activityuuid": activity["activityuuid"],
        "activityOwnerID": 11,
        "activityOwnerName": "Maya Thornbury",
        "activityTimeStampModified": activity["activityTimeStampModified"],
        VERSION: 0,
    }
    assert activity["activityCreated"] == "Created by Maya Thornbury on 02/03/2026 at 9:00am"
    assert activity["activityModified"] == (
        "Last modified by Maya Thornbury on 02/03/2026 at 9:00am"
    )
    told_of = ("Status", "PriorityDescription", "Activitytype", "RegardingWhat", "TimeDueDisplay")
    assert [activity[f"activity{name}"] for name in told_of] == [
        *("Normal", "Med", "Notes", "Client: 1/CAL001", "12:00 AM")
    ]


def test_a_new_activity_takes_what_it_is_given(crm: Crm) -> None:
    activity = created(
        crm,
        activitySubject="Chairs",
        activityDetails="First\rSecond",
        Jobphase="1/00001001.002",
        activityClientContactInternalRef="8601",
        activityOwnerID=12,
        activityTeamCode="1/sal",
        activityPriorityID=1,
        activityStatus="Waiting for client",
        activityCategory="price",
        activityDateDue="2026/03/09",
        activityTimeDue="13:30",
        activityCustomField300="Bristol",
        activityCustomField302="2026-04-01",
        activityCustomField303="true",
        activityCustomField306="2.5",
        activityAlertBeforePeriod=None,
    )
    shown = {name: activity[f"activity{name}"] for name in GIVEN}
    assert shown == GIVEN


GIVEN: Row = {
    "Subject": "Chairs",
    "Details": "First\rSecond",
    "Details1stLine": "First",
    "JobNumber": "1/00001001",
    "JobAndPhase": "1/00001001.002",
    "JobNumberSimple": "1001",
    "JobAndPhaseSimple": "1001.002",
    "RegardingWhat": "Phase: 1/00001001.002",
    "RegardingDescription": "Task Chair Heron for Calder & Wrenfield Solicitors",
    "RegardingDescription2": "Supply",
    "ClientContactFullName": "Eleanor Whitby",
    "OwnerName": "Owen Pritchard",
    "TeamDescription": "Sales",
    "PriorityDescription": "High",
    "Status": "Waiting for client",
    "Category": "Price",
    "DateDue": "2026-03-09",
    "TimeDue": "13:30:00",
    "TimeDueDisplay": "1:30 PM",
    "CustomField300": "Bristol",
    "CustomField302": "2026-04-01",
    "CustomField303": True,
    "CustomField306": 2.5,
    "AlertBeforePeriod": 0,
}


def test_an_activity_may_be_about_a_job_without_a_phase(crm: Crm) -> None:
    activity = created(crm, Job="1/00001001")
    assert activity["activityRegardingWhat"] == "Job: 1/00001001"
    assert activity["activityRegardingDescription2"] == ""


def test_an_activity_may_be_completed_when_it_is_made(crm: Crm) -> None:
    activity = created(crm, activityCompleted=True)
    completed = ("By", "Date", "Time", "TimeZone")
    assert [activity[f"activityCompleted{name}"] for name in completed] == [
        *("Maya Thornbury", "2026-03-02", "09:00:01", "UTCA")
    ]


def test_an_activity_belongs_to_the_company_of_the_item_else_of_the_call(crm: Crm) -> None:
    client = {"activityClientCode": "2/LIN001"}
    assert created(crm, activityCompanyNumber=2, **client)["activityCompanyName"] == (
        "Tidewell Service"
    )
    row = crm.written("activities", {**NEW, **client}, action="create", company=2)
    assert details(crm, row["activityID"])["activityCompanyNumber"] == 2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"activityActivitytypeCode": ""}, "activityActivitytypeCode is missing"),
        ({"activityActivitytypeCode": "PUP"}, "activitytype PUP not found"),
        ({"activityClientCode": None}, "activityClientCode is missing"),
        ({"activityClientCode": "1/X"}, "client 1/X not found"),
        ({"Job": "1/00001003"}, "job 1/00001003 is not for client 1/CAL001"),
        ({"Jobphase": "1/00001003.001"}, "job 1/00001003 is not for client 1/CAL001"),
        (
            {"activityClientContactInternalRef": 8604},
            "contact 8604 is not at client 1/CAL001",
        ),
        ({"activityActivitytypeCode": "REQ"}, "a requisition needs a job"),
        ({"activityStatus": "Odd"}, "invalid activityStatus Odd"),
        ({"activityCategory": "Odd"}, "activitycategory Odd not found"),
        ({"activityPriorityID": 4}, "activitypriority 4 not found"),
        ({"activityCompanyNumber": 7}, "company 7 not found"),
        ({"activityCompanyNumber": "x"}, "invalid activityCompanyNumber x"),
        ({"activityDateDue": "2026-02-30"}, "invalid activityDateDue"),
        ({"activityTimeDue": "25:00"}, "invalid activityTimeDue"),
        ({"activityCompleted": "perhaps"}, "invalid activityCompleted"),
        ({"activityOwnerID": 3.5}, "user 3.5 not found"),
    ],
)
def test_an_activity_that_makes_no_sense_is_refused(crm: Crm, change: Row, words: str) -> None:
    assert crm.why("activities", [{**NEW, **change}], action="create") == words


def test_a_requisition_with_a_job_waits_in_the_calendar(crm: Crm) -> None:
    activity = created(crm, activityActivitytypeCode="REQ", Job="1/00001001")
    rows = crm.rows("calendar", action="requisitions", company=1)
    assert activity["activityID"] in values(rows, "calActivityIdReqSelect")


# Changing


def test_a_change_needs_the_present_version(crm: Crm) -> None:
    item = {"activityID": 7010, "activityDetails": "Later"}
    assert crm.why("activities", [item], action="update") == f"{VERSION} is missing"
    told = crm.written("activities", {**item, VERSION: "0"}, action="update")
    assert (told["activityID"], told[VERSION]) == (7010, 1)
    assert crm.refusal("activities", [{**item, VERSION: 0}], action="update") == (
        RULE,
        f"activity 7010 has been updated by another user: {VERSION} is 1 now",
    )
    assert details(crm, 7010)["activityDetails"] == "Later"


def test_a_stale_version_keeps_the_other_items_from_being_written(crm: Crm) -> None:
    items = [
        {"activityID": 7010, VERSION: 0, "activityDetails": "New"},
        {"activityID": 7011, VERSION: 5, "activityDetails": "New"},
    ]
    assert "7011" in crm.why("activities", items, action="update")
    assert details(crm, 7010)["activityDetails"] == ""


def test_a_change_is_written_into_the_history(crm: Crm) -> None:
    activity = created(crm)
    activity = changed(
        crm,
        activity,
        activityStatus="Waiting for supplier",
        activityActivitytypeCode="TODO",
        activityCategory="Price",
        activityPriorityID=3,
        activityOwnerID=13,
        activitySubject="Not told",
    )
    assert history(crm, activity["activityID"]) == [
        "Transferred to Greta Hollmann for actioning",
        "Priority changed to 'Low'",
        "Category changed to 'Price'",
        "Type changed to 'Task'",
        "Status changed to 'Waiting for supplier'",
    ]
    summary = activity["activityHistorySummary"].split("\r")
    assert summary[0] == "02/03/26 9:00am - Transferred to Greta Hollmann for actioning"
    assert len(summary) == 6


def test_an_activity_is_completed_and_opened_again(crm: Crm) -> None:
    activity = changed(crm, created(crm), activityCompleted=True)
    assert activity["activityCompletedByUserID"] == 11
    activity = changed(crm, activity, activityCompleted=False)
    completed = ("ByUserID", "Date", "Time", "TimeZone")
    assert [activity[f"activityCompleted{name}"] for name in completed] == [
        *(0, "0000-00-00", "00:00:00", "")
    ]
    assert history(crm, activity["activityID"]) == ["Opened again", "Completed"]


def test_who_changed_an_activity_is_told(crm: Crm) -> None:
    activity = created(crm)
    crm.credentials = {"user": "greta", "password": "sandbox-password-of-greta"}
    activity = changed(crm, activity, activitySubject="Mine now")
    assert activity["activityCreatedBy"] == "Maya Thornbury"
    assert activity["activityLastModifiedBy"] == "Greta Hollmann"
    assert activity["activityLastModifiedTime"] > activity["activityCreationTime"]


def test_a_change_must_leave_a_sensible_activity(crm: Crm) -> None:
    item = {"activityID": 7010, VERSION: 0, "activityClientCode": "1/BRI001"}
    assert crm.why("activities", [item], action="update") == (
        "job 1/00001001 is not for client 1/BRI001"
    )


# Taking away


def test_a_deleted_activity_is_gone_with_all_that_hangs_on_it(crm: Crm) -> None:
    crm.write("activities", action="comment", activityid=7010, description="Hello")
    assert len(crm.rows("attachments")) == 2
    uuid = details(crm, 7010)["activityuuid"]
    reply = crm.write("activities", [{"activityID": 7010}], action="delete")
    assert reply["data"] == [{"activityID": 7010, "activityuuid": uuid}]
    assert crm.rows("activities", activityid=7010) == []
    assert crm.rows("attachments") == []
    assert 7010 not in values(crm.rows("acthistory", company=1), "activityhistoryNotesID")
    assert crm.why("activities", [{"activityID": 7010}], action="delete") == (
        "activity 7010 not found"
    )


def test_a_number_is_never_given_twice(crm: Crm) -> None:
    first = created(crm)
    crm.write("activities", [{"activityID": first["activityID"]}], action="delete")
    second = created(crm)
    assert (first["activityID"], second["activityID"]) == (7034, 7035)
    assert first["activityuuid"] != second["activityuuid"]


def test_what_cannot_all_be_deleted_is_left(crm: Crm) -> None:
    items = [{"activityID": 7010}, {"activityID": 1}]
    assert crm.why("activities", items, action="delete") == "activity 1 not found"
    assert details(crm, 7010)


# Follow-ups


def test_a_follow_up_takes_over_what_the_activity_is_about(crm: Crm) -> None:
    reply = crm.write("activities", action="activityfollowup", activityID=7010, activitytype="call")
    assert reply["responsemessage"] == "Followup created."
    (told,) = reply["data"]
    made, origin = details(crm, told["activityID"]), details(crm, 7010)
    assert told == {"activityID": 7034, "activityuuid": made["activityuuid"]}
    same = ("Subject", "ClientCode", "ClientContactFullName", "JobAndPhase")
    assert all(made[f"activity{name}"] == origin[f"activity{name}"] for name in same)
    assert (made["activityActivitytypeCode"], made["activityOwnerName"]) == (
        *("CALL", "Maya Thornbury"),
    )


def test_follow_ups_are_listed_newest_first_and_the_activity_last(crm: Crm) -> None:
    follow = {"action": "activityfollowup", "activitytype": "TODO"}
    crm.write("activities", activityID=7010, **follow)
    crm.write("activities", activityID=7034, **follow)
    reply = crm.reply("activities", action="followuplist", activity=7010, version="3.1")
    assert values(reply["data"], "activityID") == [7035, 7034, 7010]
    assert reply["totalrows"] == 0
    assert values(reply["data"], "activityDetails1stLIne") == ["", "", ""]
    alone = crm.rows("activities", action="followuplist", activity=7001)
    assert values(alone, "activityID") == [7001]


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"action": "activityfollowup", "activitytype": "TODO"}, "activityID is missing"),
        ({"action": "activityfollowup", "activityid": 7010}, "activitytype is missing"),
        (
            {"action": "activityfollowup", "activityid": 7010, "activitytype": "X"},
            "activitytype X not found",
        ),
        ({"action": "followuplist"}, "activityID is missing"),
        ({"action": "comment", "description": "x"}, "activityID is missing"),
        ({"action": "comment", "activityid": 7010}, "description is missing"),
        ({"action": "comment", "activityid": 1, "description": "x"}, "activity 1 not found"),
        ({"action": "history", "activityid": "x"}, "invalid activityid x"),
    ],
)
def test_what_is_missing_is_named(crm: Crm, parameters: Row, words: str) -> None:
    assert crm.why("activities", **parameters) == words


# Comments and history


def test_a_comment_stands_in_the_history_and_leaves_the_version(crm: Crm) -> None:
    reply = crm.write("activities", action="comment", activityID=7010, description="Hello, äöü")
    assert reply == {"responsemessage": "Comment created.", "warningmessage": ""}
    (row,) = crm.rows("activities", action="history", activityID=7010)
    assert row == {
        "activityhistoryUuid": row["activityhistoryUuid"],
        "activityhistoryTimeStampModified": 1772442001,
        "activityhistoryRecordVersionNumber": 0,
        "activityhistoryComment": "",
        "activityhistoryCreatedByUserID": 11,
        "activityhistoryDateCreated": "2026-03-02",
        "activityhistoryHistoryDetail": "Hello, äöü",
        "activityhistoryNotesHistoryCategory": 0,
        "activityhistoryTimeCreated": "09:00:01",
        "activityhistoryCreatedByFullNAme": "Maya Thornbury",
        "activityhistoryCreatedDisplayDescription": (
            "Created by Maya Thornbury on 02/03/2026 at 9:00am"
        ),
    }
    assert details(crm, 7010)[VERSION] == 0


def test_history_is_read_at_its_own_address_too(crm: Crm) -> None:
    found = crm.rows("activities", action="history", activityID=7001)
    assert found == crm.rows("activityhistory", activityid=7001)
    assert values(found, "activityhistoryHistoryDetail") == ["Completed"]


def test_the_older_history_is_of_a_company_or_of_one_activity(crm: Crm) -> None:
    rows = crm.rows("acthistory", company=1, rows=2, page=4)
    assert len(rows) == 2
    assert crm.rows("acthistory", company=2) == []
    (row,) = crm.rows("acthistory", company=1, NotesID=7001)
    assert row == {
        "activityhistoryUuid": row["activityhistoryUuid"],
        "activityhistoryTimeStampModified": 1762336800,
        "activityhistoryRecordVersionNumber": 0,
        "activityhistoryNotesID": 7001,
        "activityhistoryNotesHistoryID": 1,
        "activityhistoryDateCreated": "2025-11-05",
        "activityhistoryTimeCreated": "10:00:00",
        "activityhistoryComment": "",
    }
    assert crm.why("acthistory", company=1, NotesID=1) == "activity 1 not found"


# Secondary owners


def test_secondary_owners_are_set_at_the_older_address(crm: Crm) -> None:
    item = {"activityID": 7010, OTHERS: [12, 13, 12]}
    told = crm.written("notes", item, action="update", version="3.1")
    assert (told[OTHERS], told["activitySecondaryOwnersDescription"]) == (
        *([12, 13], "Owen Pritchard, Greta Hollmann"),
    )
    activity = details(crm, 7010)
    assert activity[OTHERS] == [12, 13]
    assert activity["activitySecondaryOwnersDescription"] == ["Owen Pritchard", "Greta Hollmann"]
    assert activity[VERSION] == told[VERSION] == 1
    crm.written("notes", {"activityID": 7010, OTHERS: []}, action="update", version="3.1")
    assert history(crm, 7010) == [
        "Also on this activity: nobody",
        "Also on this activity: Owen Pritchard, Greta Hollmann",
    ]


def test_secondary_owners_need_the_older_version_and_people_who_are_there(crm: Crm) -> None:
    item: Row = {"activityID": 7010, OTHERS: [12]}
    assert crm.refusal("notes", [item], action="update") == (404004, "request not recognized")
    older = {"action": "update", "version": "3.1"}
    assert crm.why("notes", [{**item, OTHERS: [99]}], **older) == "user 99 not found"
    assert crm.why("notes", [{**item, OTHERS: ["x"]}], **older) == f"invalid {OTHERS} x"
    assert crm.why("notes", [{"activityID": 7010}], **older) == f"{OTHERS} is missing"


def test_an_ordinary_update_leaves_secondary_owners_alone(crm: Crm) -> None:
    item = {"activityID": 7010, VERSION: 0, OTHERS: [12], "activitySubject": "New"}
    reply = crm.write("activities", [item], action="update")
    assert reply["responsemessage"] == PROCESSED
    assert reply["warningmessage"] == f"{OTHERS} cannot be written and was ignored."
    assert details(crm, 7010)[OTHERS] == []


# Choosing


def test_types_leave_out_the_requisition_unless_there_is_a_job(crm: Crm) -> None:
    rows = crm.rows("activities", action="activitytypes", company=1, activitytype="todo")
    assert values(rows, "activitytypeCode") == ["CALL", "MAIL", "MEET", "NOTES", "TODO"]
    assert values(rows, "variable_selected") == [False, False, False, False, True]
    for place in ({"job": "1/00001001"}, {"jobphase": "1/00001001.001"}):
        rows = crm.rows("activities", action="activitytypes", company=1, **place)
        assert "REQ" in values(rows, "activitytypeCode")
    assert crm.why("activities", action="activitytypes", job="1/X") == "job 1/X not found"
    assert crm.why("activities", action="activitytypes", jobphase="X") == "phase X not found"


def test_clients_and_contacts_are_chosen(crm: Crm) -> None:
    listed = {"style": "modeldata", "modelstructure": "clientslist", "view": "SELECTVIEW44486"}
    rows = crm.rows("activities", action="clientslist", company=1, **listed)
    assert values(rows, "clientCode") == ["1/CAL001", "1/LIN001", "1/NOR001"]
    rows = crm.rows("activities", action="clientcontacts", company=1, client="1/FER001")
    assert values(rows, "clientcontactFullName") == ["Gareth Bowen"]


def test_owners_are_those_who_are_still_there(crm: Crm) -> None:
    rows = crm.rows("activities", action="owners", company=1)
    assert values(rows, "userUserId") == [11, 12, 13, 14, 15]
    rows = crm.rows("activities", action="secondaryowners", company=1, userid=[12, 13])
    assert [row["userUserId"] for row in rows if row["variable_selected"]] == [12, 13]
    rows = crm.rows("activities", action="secondaryowners", company=1)
    assert not any(values(rows, "variable_selected"))


def test_priorities_and_statuses_mark_the_chosen_one(crm: Crm) -> None:
    rows = crm.rows("activities", action="priorities", company=1, input=2)
    assert [tuple(row.values()) for row in rows] == [
        *((1, "High", False), (2, "Med", True), (3, "Low", False))
    ]
    for chosen in ({"activityID": 7010, "status": ""}, {"status": "Normal"}, {"input": "Normal"}):
        rows = crm.rows("activities", action="status", company=1, **chosen)
        assert rows[0] == {"lookupActivityStatus": "Normal", "variable_selected": True}
    rows = crm.rows("activities", action="status", company=1)
    assert not any(values(rows, "variable_selected"))


def test_times_are_the_half_hours_of_a_day(crm: Crm) -> None:
    rows = crm.rows("activities", action="times")
    assert len(rows) == 48
    shown = [tuple(row.values()) for row in (rows[0], rows[1], rows[25])]
    assert shown == [
        ("00:00:00", "12:00 AM", True),
        ("00:30:00", "12:30 AM", False),
        ("12:30:00", "12:30 PM", False),
    ]


def test_teams_and_categories_are_chosen(crm: Crm) -> None:
    teams = crm.rows("activities", action="teams", company=2)
    assert values(teams, "teamDescription") == ["Service"]
    plain = crm.rows("activities", action="categories", company=1, activitytype="TODO")
    assert values(plain, "lookupActivityCategory") == ["Delivery", "Drawing", "Price"]
    mail = crm.rows("activities", action="categories", company=1, activitytype="mail")
    assert values(mail, "lookupActivityCategory")[-1] == "Newsletter"
