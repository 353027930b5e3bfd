"""Jobs and phases of the Synergist stand-in: making, changing, promoting, choosing."""

import pytest
from synergist_caller import PROCESSED, Crm, Row, values

TEMPLATE = "1/00000900"
NEW = {"varJobTemplate": TEMPLATE, "jobClientCode": "1/CAL001"}


@pytest.fixture
def crm() -> Crm:
    return Crm()


def details(crm: Crm, number: object) -> Row:
    return crm.row("jobs", job=number, modelstructure="jobdetails")


def created(crm: Crm, **item: object) -> Row:
    """Make a job and read its details."""
    row = crm.written("jobs", {**NEW, **item}, action="create", company=1)
    return details(crm, row["jobNumber"])


# Reading


def test_a_job_shows_the_deal_of_the_story(crm: Crm) -> None:
    job = details(crm, "1/00001001")
    told = ("ClientName", "ContactFullName", "HandlerFullName", "StatusDescription", "QuotedPrice")
    assert [job[f"job{name}"] for name in told] == [
        *("Calder & Wrenfield Solicitors", "Eleanor Whitby", "Owen Pritchard", "Live", 6840)
    ]
    assert job["jobDescription"].splitlines() == [job["jobDescription1stLine"], "24 pieces"]
    (listed,) = crm.rows("jobs", job="1/00001001", modelstructure="jobslist")
    assert (listed["jobNumberSimple"], listed["jobThermWhitePoint"]) == ("1001", 110)


def test_progress_compares_what_was_spent_with_what_was_estimated(crm: Crm) -> None:
    (phase,) = crm.rows("phases", jobphase="1/00001001.001", modelstructure="phaseslist")
    # 4 of 8 hours of survey at 32, 7.5 of 10 hours of drawing at 35.
    assert (phase["phaseThermValue"], phase["phaseThermProgress"]) == (64, "64%")
    (idle,) = crm.rows("phases", jobphase="1/00001002.002", modelstructure="phaseslist")
    assert (idle["phaseThermValue"], idle["phaseThermProgress"]) == (0, "")
    (unknown,) = crm.rows("jobs", job="2/00000900", modelstructure="jobslist")
    assert unknown["jobThermProgress"] == ""


def test_a_phase_shows_what_stands_in_its_job(crm: Crm) -> None:
    phase = crm.row("phases", company=1, job="1/00001004.002")
    told = ("ClientName", "Description", "JobDescription", "StatusDescription", "ProjectName")
    assert [phase[f"phase{name}"] for name in told] == [
        *("Nordkamm Logistik GmbH", "Supply"),
        *("Sit-Stand Desk Fjord for Nordkamm Logistik GmbH\n60 pieces", "Quote", "Spring Refit"),
    ]
    assert (phase["phaseSalesCodeDescription"], phase["phaseSalesTaxRate"]) == ("3 (19%)", 19)


def test_costs_are_told_for_a_job_and_for_a_phase(crm: Crm) -> None:
    of_job = crm.rows("jobs", action="costscharges", job="1/00001001")
    of_phase = crm.rows("phases", action="costscharges", jobphase="1/00001001.001")
    assert [row.pop("costPhase") for row in of_job] == ["001", "001"]
    assert of_job == of_phase
    names = ("costDescription", "costQuantity", "costCostTotal", "costCharge", "costResourceName")
    assert [tuple(row[name] for name in names) for row in of_phase] == [
        ("Survey", 4, 128, 260, "Owen Pritchard"),
        ("Drawing", 7.5, 262.5, 562.5, "Maya Thornbury"),
    ]
    assert crm.rows("phases", action="costscharges", jobphase="1/00001001.002") == []


@pytest.mark.parametrize(
    ("area", "parameters", "words"),
    [
        ("jobs", {"action": "costscharges"}, "job is missing"),
        ("jobs", {"action": "costscharges", "job": "1/0"}, "job 1/0 not found"),
        ("phases", {"action": "costscharges"}, "jobphase is missing"),
        ("jobs", {"action": "contacts"}, "client is missing"),
        ("jobs", {"action": "contacts", "client": "1/X"}, "client 1/X not found"),
        ("jobs", {"action": "projects", "client": "1/X"}, "client 1/X not found"),
        ("jobs", {"action": "handlers", "team": "1/X"}, "team 1/X not found"),
        ("jobs", {"action": "teams", "job": "1/X"}, "job 1/X not found"),
    ],
)
def test_what_is_missing_is_named(
    crm: Crm, area: str, parameters: dict[str, str], words: str
) -> None:
    assert crm.why(area, **parameters) == words


# Choosing


def test_clients_are_chosen_by_type_and_view(crm: Crm) -> None:
    found = crm.rows("jobs", action="clients", company=1, clienttype="law")
    assert values(found, "clientCode") == ["1/CAL001"]
    gold = crm.rows("jobs", action="clients", company=1, view=44486, rows=2, page=2)
    assert values(gold, "clientCode") == ["1/NOR001"]


def test_contacts_of_a_client_are_chosen(crm: Crm) -> None:
    assert crm.rows("jobs", action="contacts", client="1/NOR001") == [
        {
            "clientcontactInternalRef": 8604,
            "clientcontactFullName": "Jürgen Möller",
            "variable_selected": True,
        },
        {
            "clientcontactInternalRef": 8605,
            "clientcontactFullName": "Anke Petersen",
            "variable_selected": False,
        },
    ]


def test_projects_and_campaigns_of_a_client_are_those_of_its_jobs(crm: Crm) -> None:
    projects = crm.rows("jobs", action="projects", company=1)
    assert values(projects, "projectName") == [
        *("Spring Refit", "Sit-Stand Launch", "Quiet Office Tour")
    ]
    theirs = crm.rows("jobs", action="projects", company=1, client="1/moo001")
    assert values(theirs, "projectName") == ["Quiet Office Tour"]
    campaigns = crm.rows("jobs", action="campaigns", company=1)
    assert values(campaigns, "campaignNo") == [268, 269]
    theirs = crm.rows("jobs", action="campaigns", company=1, client="1/MOO001")
    assert values(theirs, "campaignName") == ["Quiet Office Tour"]


def test_job_types_depend_on_whether_a_job_is_in_house(crm: Crm) -> None:
    every = crm.rows("jobs", action="jobtypes", company=1)
    assert values(every, "JobtypeCode") == ["", "1/SUP", "1/PLAN", "1/SHOW", "1/TRAI"]
    in_house = crm.rows("jobs", action="jobtypes", company=1, job="1/00000051")
    assert values(in_house, "JobtypeCode") == ["", "1/SHOW", "1/TRAI"]
    assert values(in_house, "variable_selected") == [False, True, False]
    outside = crm.rows("jobs", action="jobtypes", company=1, job="1/00001001")
    assert values(outside, "JobtypeCode") == ["", "1/SUP", "1/PLAN"]


def test_handlers_and_teams_are_chosen(crm: Crm) -> None:
    everybody = crm.rows("jobs", action="handlers", company=1)
    assert values(everybody, "userUserId") == [0, 11, 12, 13, 14, 15]
    marketing = crm.rows("jobs", action="handlers", company=1, team="1/mkt")
    assert values(marketing, "userFullName")[1:] == [
        *("Maya Thornbury", "Tobias Ekström", "Imogen Clarke")
    ]
    teams = crm.rows("jobs", action="teams", company=1, job="1/00001001")
    assert values(teams, "teamCode") == ["", "1/SAL", "1/MKT"]
    assert values(teams, "variable_selected") == [False, True, False]


def test_sales_statuses_are_made_of_status_and_reason(crm: Crm) -> None:
    rows = crm.rows("jobs", action="salesstatuses", company=1)
    codes = [f"{r['salesreasonStatusStatus']}-{r['salesreasonStatusReasonId']}" for r in rows]
    assert values(rows, "salesreasonStatusReason") == codes
    assert rows[-2]["salesreasonStatusReasonDesc"] == "Promoted - In Progress"


# Making a job


def test_a_new_job_takes_the_phases_and_estimates_of_its_template(crm: Crm) -> None:
    job = created(crm)
    assert (job["jobNumber"], job["jobStatus"], job["jobClientCode"]) == (
        *("1/00002002", 2, "1/CAL001"),
    )
    assert (job["jobReferenceJob"], job["jobJobtypeCode"]) == (TEMPLATE, "1/SUP")
    assert (job["jobDateIn"], job["jobDateDue"]) == ("2026-03-02", "2026-04-18")
    phases = crm.rows("phases", job=job["jobNumber"])
    assert values(phases, "phaseDatein") == ["2026-03-02", "2026-03-09", "2026-04-13"]
    assert values(phases, "phaseDateDue") == ["2026-03-09", "2026-04-13", "2026-04-18"]
    for area in ("estimates", "calendar"):
        parameters: Row = {"Job-Number": job["jobNumber"], "job": job["jobNumber"], "company": 1}
        action = {"action": "unallocated"} if area == "calendar" else {}
        assert len(crm.rows(area, **parameters, **action)) == 3


def test_a_new_job_takes_what_it_is_given(crm: Crm) -> None:
    job = created(
        crm,
        jobNumber="1/00LOB7",
        jobDateIn="2026/04/01",
        jobDateDue="2026/04/30",
        jobDescription="Lobby",
        jobComments="Quiet hours only",
        jobJobtypeCode="1/plan",
        jobHandleruserid="11",
        jobHandlerTeam="1/SAL",
        jobStatus="1",
        jobReferenceJob="ABC1000",
        jobContactInternalRef=8601,
        jobProjectCode=381,
        jobCampaignNo=268,
        jobCustomField218="Ground floor",
    )
    assert {name: job[f"job{name}"] for name in GIVEN} == GIVEN
    phases = crm.rows("phases", job="1/00LOB7")
    assert values(phases, "phaseJobNumberSimple") == ["LOB7"] * 3
    assert values(phases, "phaseDateDue") == ["2026-04-30"] * 3


GIVEN: Row = {
    "Number": "1/00LOB7",
    "DateIn": "2026-04-01",
    "DateDue": "2026-04-30",
    "Description": "Lobby",
    "Comments": "Quiet hours only",
    "JobtypeCode": "1/PLAN",
    "HandlerFullName": "Maya Thornbury",
    "TeamDescription": "Sales",
    "StatusDescription": "Quote",
    "ReferenceJob": "ABC1000",
    "ContactFullName": "Eleanor Whitby",
    "ProjectDescription": "Spring Refit",
    "CampaignDescription": "Sit-Stand Launch",
    "CustomField218": "Ground floor",
}


def test_a_due_date_before_the_first_day_counts_for_nothing(crm: Crm) -> None:
    job = created(crm, jobDateIn="2026-04-01", jobDateDue="2026-03-01")
    assert job["jobDateDue"] == "2026-05-18"


def test_a_number_given_twice_is_refused(crm: Crm) -> None:
    created(crm, jobNumber="1/00LOB7")
    item = {**NEW, "jobNumber": "1/00lob7"}
    assert crm.why("jobs", [item], action="create") == "job 1/00lob7 already exists"


def test_a_prefix_is_taken_only_where_the_company_allows_it(crm: Crm) -> None:
    reply = crm.write("jobs", [{**NEW, "jobPrefixOnly": "JN"}], action="create")
    assert reply["data"][0]["jobNumber"] == "1/00002002"
    assert reply["warningmessage"] == "The company allows no prefix: JN was ignored."
    service = {"varJobTemplate": "2/00000900", "jobClientCode": "2/LIN001", "jobPrefixOnly": "JN"}
    for number in ("2/JN001006", "2/JN001007"):
        assert crm.written("jobs", service, action="create", company=2)["jobNumber"] == number


def test_several_jobs_are_made_in_one_call(crm: Crm) -> None:
    rows = crm.write("jobs", [NEW, NEW], action="create")["data"]
    assert values(rows, "jobNumber") == ["1/00002002", "1/00002003"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"varJobTemplate": ""}, "varJobTemplate is missing"),
        ({"varJobTemplate": "1/0"}, "job 1/0 not found"),
        ({"jobClientCode": None}, "jobClientCode is missing"),
        ({"jobClientCode": "1/X"}, "client 1/X not found"),
        ({"jobClientCode": "2/LIN001"}, "client 2/LIN001 belongs to another company than the job"),
        ({"jobClientCode": "1/WEI001"}, "client 1/WEI001 is on hold"),
        ({"jobContactInternalRef": 8604}, "contact 8604 is not at client 1/CAL001"),
        ({"jobContactInternalRef": 1}, "clientcontact 1 not found"),
        ({"jobStatus": "6"}, "invalid jobStatus 6"),
        ({"jobTaxCode": 9}, "invalid jobTaxCode 9"),
        ({"jobNumber": "1/a b"}, "invalid jobNumber 1/a b"),
        ({"jobNumber": "2/00LOB7"}, "invalid jobNumber 2/00LOB7"),
        ({"jobDateIn": "soon"}, "invalid jobDateIn"),
        ({"jobDescription": ["x"]}, "invalid jobDescription"),
        ({"jobDescription": True}, "invalid jobDescription"),
        ({"jobProjectCode": "nan"}, "invalid jobProjectCode"),
        ({"jobHandleruserid": True}, "invalid jobHandlerUserID"),
    ],
)
def test_a_job_that_makes_no_sense_is_refused(crm: Crm, change: Row, words: str) -> None:
    assert crm.why("jobs", [{**NEW, **change}], action="create") == words


def test_a_template_of_another_company_is_refused(crm: Crm) -> None:
    words = "template 1/00000900 belongs to another company"
    assert crm.why("jobs", [NEW], action="create", company=2) == words


def test_one_bad_item_keeps_the_others_from_being_made(crm: Crm) -> None:
    before = len(crm.rows("jobs")), len(crm.rows("phases"))
    bad = {**NEW, "jobClientCode": "1/X"}
    assert crm.why("jobs", [NEW, bad], action="create") == "client 1/X not found"
    assert (len(crm.rows("jobs")), len(crm.rows("phases"))) == before
    assert created(crm)["jobNumber"] == "1/00002002"


# Changing a job


def test_a_change_counts_the_version_up_and_leaves_the_rest(crm: Crm) -> None:
    before = details(crm, "1/00001003")
    change = {"jobDescription": "Chairs\nBlue", "jobComments": "Ahead", "jobHandlerUserID": "11"}
    told = crm.written("jobs", {"jobNumber": "1/00001003", **change}, action="update")
    after = details(crm, "1/00001003")
    assert told == {
        "jobNumber": "1/00001003",
        **{name: after[name] for name in ("jobUuid", "jobTimeStampModified")},
        "jobRecommendedVersionNumber": 1,
    }
    assert {name for name in after if after[name] != before[name]} == {
        *("jobTimeStampModified", "jobRecommendedVersionNumber", "jobDescription", "jobComments"),
        *("jobDescription1stLine", "jobHandlerUserID", "jobHandlerFullName"),
    }


def test_what_cannot_be_written_is_ignored_with_a_warning(crm: Crm) -> None:
    item = {"jobNumber": "1/00001003", "jobClientName": "X", "colour": "red", "jobComments": "Y"}
    reply = crm.write("jobs", [item], action="update")
    assert reply["responsemessage"] == PROCESSED
    assert reply["warningmessage"] == (
        "jobClientName cannot be written and was ignored. colour cannot be written and was ignored."
    )
    assert details(crm, "1/00001003")["jobComments"] == "Y"


def test_a_job_may_be_named_by_its_uuid(crm: Crm) -> None:
    uuid = details(crm, "1/00001003")["jobUuid"]
    told = crm.written("jobs", {"jobUuid": uuid, "jobComments": "Y"}, action="update")
    assert told["jobNumber"] == "1/00001003"


def test_a_version_is_compared_when_it_comes_along(crm: Crm) -> None:
    item = {"jobNumber": "1/00001003", "jobComments": "Y", "jobRecommendedVersionNumber": 0}
    assert crm.written("jobs", item, action="update")["jobRecommendedVersionNumber"] == 1
    assert crm.why("jobs", [item], action="update") == (
        "job 1/00001003 has been updated by another user: jobRecommendedVersionNumber is 1 now"
    )


def test_the_due_date_is_left_alone_where_it_follows_from_the_phases(crm: Crm) -> None:
    item = {"jobNumber": "2/00001005", "jobDateDue": "2026-05-01", "jobComments": "Y"}
    reply = crm.write("jobs", [item], action="update")
    assert reply["warningmessage"] == "jobDateDue follows from the phases and was ignored."
    assert details(crm, "2/00001005")["jobDateDue"] == "2026-02-16"
    item = {"jobNumber": "1/00001003", "jobDateDue": "2026-05-01"}
    crm.written("jobs", item, action="update")
    assert details(crm, "1/00001003")["jobDateDue"] == "2026-05-01"


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ({"jobComments": "x"}, "jobNumber is missing"),
        ({"jobNumber": "1/0"}, "job 1/0 not found"),
        ({"jobUuid": "1/0"}, "job 1/0 not found"),
        ({"jobNumber": "1/00001003", "jobStatus": 0}, "invalid jobStatus 0"),
        ({"jobNumber": "1/00001003", "jobClientCode": ""}, "jobClientCode is missing"),
        ({"jobNumber": "1/00001003", "jobClientCode": "1/WEI001"}, "client 1/WEI001 is on hold"),
        (
            {"jobNumber": "1/00001003", "jobRecommendedVersionNumber": "x"},
            "invalid jobRecommendedVersionNumber",
        ),
    ],
)
def test_a_change_that_makes_no_sense_is_refused(crm: Crm, item: Row, words: str) -> None:
    assert crm.why("jobs", [item], action="update") == words


def test_a_template_is_no_field_of_a_job(crm: Crm) -> None:
    item = {"jobNumber": "1/00001003", "varJobTemplate": TEMPLATE, "jobPrefixOnly": "X"}
    reply = crm.write("jobs", [item], action="update")
    assert reply["warningmessage"] == (
        "varJobTemplate is for new jobs and was ignored. "
        "jobPrefixOnly is for new jobs and was ignored."
    )


# Opportunities


def test_an_opportunity_is_promoted(crm: Crm) -> None:
    item = {"jobNumber": "1/00001002", "jobStatus": "2", "jobSalesStatusReason": "3-7"}
    told = crm.written("jobs", item, action="update")
    assert {name: told[name] for name in told if name.startswith("jobLead")} == {
        "jobLeadPromotedDate": "2026-03-02",
        "jobLeadPromotedTime": "09:00:01",
        "jobLeadPromotedTimeZone": "UTCA",
        "jobLeadPromotedDateUTC": "2026-03-02",
        "jobLeadPromotedTimeUTC": "09:00:01",
        "jobLeadPromotedUserID": 11,
    }
    assert (told["jobSalesStatusReason"], told["jobNumberOnly"]) == ("3-7", 1002)
    assert details(crm, "1/00001002")["jobStatusDescription"] == "Live"
    assert "1/00001002" not in values(crm.rows("jobs", view=-1501), "jobNumber")


def test_a_promotion_needs_no_reason(crm: Crm) -> None:
    item = {"jobNumber": "1/00001002", "jobStatus": 2}
    assert crm.written("jobs", item, action="update")["jobSalesStatusReason"] == "3-6"


def test_an_opportunity_is_lost_with_a_reason_and_stays_a_quote(crm: Crm) -> None:
    item = {"jobNumber": "1/00001002", "jobSalesStatusReason": "2-102"}
    told = crm.written("jobs", item, action="update")
    job = details(crm, "1/00001002")
    assert told["jobLeadClosedDate"] == job["jobLeadClosedDate"] == "2026-03-02"
    assert job["jobStatusDescription"] == "Quote"


def test_an_open_opportunity_gets_another_reason(crm: Crm) -> None:
    item = {"jobNumber": "1/00001002", "jobSalesStatusReason": "1-2"}
    assert "jobLeadPromotedDate" not in crm.written("jobs", item, action="update")


@pytest.mark.parametrize(
    ("item", "words"),
    [
        (
            {"jobNumber": "1/00001002", "jobSalesStatusReason": "3-6"},
            "jobSalesStatusReason 3-6 does not go with this jobStatus",
        ),
        (
            {"jobNumber": "1/00001002", "jobStatus": 2, "jobSalesStatusReason": "2-101"},
            "jobSalesStatusReason 2-101 does not go with this jobStatus",
        ),
        (
            {"jobNumber": "1/00001001", "jobStatus": 2, "jobSalesStatusReason": "3-6"},
            "job 1/00001001 is no opportunity",
        ),
        (
            {"jobNumber": "1/00001002", "jobStatus": 2, "jobSalesStatusReason": "3-99"},
            "salesreason 3-99 not found",
        ),
    ],
)
def test_a_reason_must_go_with_the_status(crm: Crm, item: Row, words: str) -> None:
    assert crm.why("jobs", [item], action="update") == words
