"""The Synergist stand-in's expense sheets on their way from the claimant to the books."""

import base64
from typing import Any

import pytest
from synergist_caller import Crm, values
from synergist_claims import (
    OPEN,
    PHASE,
    POSTED,
    PROCESSED,
    QUERIED,
    SUBMITTED,
    decide,
    lines,
    sheet,
    step,
    why,
)


@pytest.fixture(name="crm")
def _crm() -> Crm:
    return Crm()


def test_the_story_has_a_sheet_in_every_state(crm: Crm) -> None:
    rows = crm.rows("expensesheets", action="expensesheetlist", company=1)
    assert values(rows, "expensesheetStatusCode") == [
        "posted",
        "processed",
        "returned",
        "submitted",
        "unsubmitted",
    ]
    assert crm.rows("expensesheets", action="expensesheetlist", company=2) == []


def test_a_sheet_shows_its_sums_and_what_may_be_done_with_it(crm: Crm) -> None:
    row = sheet(crm, OPEN)
    assert (row["expensesheetInternalRef"], row["expensesheetLines"]) == (str(OPEN), 2)
    assert (row["expensesheetGross"], row["array_expensesheetvat"]) == (185.4, 14.83)
    assert (row["expensesheetSubmit"], row["expensesheetApprove"]) == (True, False)
    assert row["expensesheetCreatedDateTime"] == "27/02/2026 4:00pm"
    assert row["expensesheetStatusDateTime"] == "00/00/0000"
    assert sheet(crm, POSTED)["expensesheetStatusDateTime"] == "28/11/2025"


def test_a_sheet_goes_from_the_claimant_to_the_books(crm: Crm) -> None:
    before = len(crm.rows("phases", action="costscharges", jobphase=PHASE))
    assert step(crm, "submit", OPEN) == "Expense sheet submitted."
    assert why(crm, "process", OPEN) == "is not approved"
    assert step(crm, "approve", OPEN) == "Expense sheet approved."
    assert sheet(crm, OPEN)["expensesheetApproved"] == 185.4
    assert step(crm, "process", OPEN) == "Expense sheet processed."
    assert step(crm, "post", OPEN) == "Expense sheet posted."
    costs = crm.rows("phases", action="costscharges", jobphase=PHASE)[before:]
    assert values(costs, "costCostTotal") == [96.4, 74.17]
    assert values(costs, "costDescription") == ["Train and tram", "Hotel"]


def test_all_steps_can_be_taken_at_once(crm: Crm) -> None:
    assert step(crm, "all", SUBMITTED) == "Expense sheet approved, processed and posted."
    assert sheet(crm, SUBMITTED)["expensesheetStatusCode"] == "posted"
    assert why(crm, "all", OPEN) == "has no submitted lines"


def test_an_approval_can_be_taken_back(crm: Crm) -> None:
    assert why(crm, "unapprove", SUBMITTED) == "is not approved"
    step(crm, "approve", SUBMITTED)
    assert step(crm, "unapprove", SUBMITTED) == "Expense sheet un-approved."
    assert values(lines(crm, SUBMITTED), "expenselineStatusDisplay") == ["Submitted"]
    assert why(crm, "unapprove", PROCESSED) == "is not submitted"


def test_a_returned_sheet_goes_one_step_back_and_its_lines_stay(crm: Crm) -> None:
    before = values(lines(crm, PROCESSED), "expenselineStatusCode")
    assert step(crm, "return", PROCESSED) == "Expense sheet returned."
    assert sheet(crm, PROCESSED)["expensesheetStatusCode"] == "submitted"
    step(crm, "return", PROCESSED)
    assert sheet(crm, PROCESSED)["expensesheetStatusCode"] == "returned"
    assert values(lines(crm, PROCESSED), "expenselineStatusCode") == before
    assert why(crm, "return", PROCESSED) == "is not submitted or processed"
    step(crm, "submit", PROCESSED)
    assert values(lines(crm, PROCESSED), "expenselineStatusCode") == ["A", "S"]


@pytest.mark.parametrize("word", ["submit", "approve", "process", "post", "return", "delete"])
def test_nothing_more_happens_to_a_posted_sheet(crm: Crm, word: str) -> None:
    assert why(crm, word, POSTED)
    item = {"expensesheetInternalRef": POSTED, "expensesheetDescription": "New"}
    assert crm.why("expensesheets", [item], action="update").endswith("is posted")


def test_an_approved_sheet_cannot_be_deleted_and_an_open_one_can(crm: Crm) -> None:
    step(crm, "approve", SUBMITTED)
    assert why(crm, "delete", SUBMITTED) == "is approved"
    assert why(crm, "delete", PROCESSED) == "is processed"
    assert step(crm, "delete", OPEN) == "Expense sheet deleted."
    action = "expensesheetlist"
    assert crm.why("expensesheets", action=action, expensesheet=OPEN).endswith("not found")


def test_what_is_queried_keeps_a_sheet_from_the_books(crm: Crm) -> None:
    assert why(crm, "post", PROCESSED) == "has lines that are queried or held"
    told = decide(crm, "resubmit", QUERIED, resubmitreason="Eleanor and I")
    new = told["data"][0]["expensesheetInternalRef"]
    assert told["responsemessage"] == "Expense line re-submitted."
    (moved,) = lines(crm, new)
    assert moved["expenselineSubmittersNotes"] == "Eleanor and I"
    assert (moved["expenselineSubmitted"], moved["expenselineApproversNotes"]) == (
        True,
        "Who was there?",
    )
    step(crm, "post", PROCESSED)


def test_a_sheet_without_lines_is_not_submitted(crm: Crm) -> None:
    item = {"expensesheetSupplierCode": "1/maya", "expensesheetCompany": 1}
    made = crm.written("expensesheets", item, action="create")
    assert why(crm, "submit", made["expensesheetInternalRef"]) == "has no lines"
    assert made["expensesheetRecordVersionNumber"] == 0


def test_only_claimants_have_sheets(crm: Crm) -> None:
    item = {"expensesheetSupplierCode": "1/ASH001", "expensesheetCompany": 1}
    words = "supplier 1/ASH001 claims no expenses"
    assert crm.why("expensesheets", [item], action="create") == words


def test_the_words_on_a_sheet_change_and_its_owner_does_not(crm: Crm) -> None:
    item = {
        "expensesheetInternalRef": OPEN,
        "expensesheetDescription": "Leeds",
        "expensesheetCompany": 2,
    }
    told = crm.write("expensesheets", [item], action="update", company=1)
    assert told["warningmessage"] == "expensesheetCompany stays as it is."
    assert sheet(crm, OPEN)["expensesheetDescription"] == "Leeds"
    stale = {"expensesheetInternalRef": OPEN, "expensesheetRecordVersionNumber": 0}
    assert "another user" in crm.why("expensesheets", [stale], action="update")


def test_a_copied_sheet_is_unsubmitted_with_all_its_lines(crm: Crm) -> None:
    action = "expensesheetcopy"
    told = crm.write("expensesheets", action=action, company=1, expensesheet=POSTED)
    new = told["data"][0]["expensesheetInternalRef"]
    assert told["responsemessage"] == f"Expense sheet {POSTED} copied to {new}."
    assert values(lines(crm, new), "expenselineStatusCode") == ["W", "W"]
    assert values(lines(crm, new), "expenselineLineNumber") == [1, 2]


def test_a_sheet_is_named_by_its_uuid_as_well(crm: Crm) -> None:
    item = {"expensesheetSupplierCode": "1/MAYA", "expensesheetCompany": 1}
    uuid = crm.written("expensesheets", item, action="create")["expensesheetUuid"]
    defaults = crm.reply("expensesheets", action="expenselinedefaults", uuid=uuid)
    assert defaults["responsemessage"] == "Expense sheet 1791 line defaults."
    assert defaults["data"][0]["expenselineSheetInternal"] == 1791
    crm.write("expensesheets", action="expensesheetsdelete", uuid=uuid)
    words = f"expense sheet {uuid} not found"
    assert crm.why("expensesheets", action="expensesheetdelete", uuid=uuid) == words


def test_of_several_sheets_those_that_can_are_done_and_a_warning_counts_them(crm: Crm) -> None:
    action = "expensesheetsapprove"
    told = crm.write("expensesheets", action=action, expensesheet=[SUBMITTED, OPEN])
    assert told["warningmessage"] == "1 of 2 Expense sheet approved."
    assert (told["responsemessage"], "data" in told) == ("", False)
    assert why(crm, "sapprove", OPEN) == "has no submitted lines"
    assert step(crm, "sprocess", [SUBMITTED]) == "Expense sheet processed."


def test_a_step_of_several_that_fails_half_way_leaves_that_sheet_as_it_was(crm: Crm) -> None:
    made = crm.write("expensesheets", action="expensesheetcopy", company=1, expensesheet=OPEN)
    number = made["data"][0]["expensesheetInternalRef"]
    step(crm, "submit", number)
    decide(crm, "hold", lines(crm, number)[0]["expenselineInternal"])
    told = crm.write("expensesheets", action="expensesheetsall", expensesheet=[number, SUBMITTED])
    assert told["warningmessage"].startswith("1 of 2 ")
    assert sheet(crm, number)["expensesheetStatusCode"] == "submitted"
    assert sheet(crm, number)["expensesheetLinesApproved"] == 0


def test_an_action_for_one_sheet_takes_one(crm: Crm) -> None:
    words = crm.why("expensesheets", action="expensesheetpost", expensesheet=[1786, 1787])
    assert words == "action expensesheetpost takes one expense sheet"


def test_there_is_a_picker_for_everything_that_a_claim_refers_to(crm: Crm) -> None:
    def of(area: str, action: str, name: str, **parameters: Any) -> list[Any]:
        return values(crm.rows(area, action=action, company=1, **parameters), name)

    assert of("expensesheets", "companylist", "companyNumber") == [1]
    assert "1/RUFUS" not in of("expensesheets", "supplierlist", "supplierCode")
    states = of("expensesheets", "expensesheetstatuses", "expensesheetSheetStatus")
    assert states == ["", "W", "S", "A", "P", "T"]
    jobs = of("expenselines", "jobslist", "jobNumberSimple")
    assert sorted(jobs) == ["1001", "1005", "51", "52"]
    assert "1/CAL001" in of("expenselines", "clientslist", "clientCode")
    assert len(of("expenselines", "phaseslist", "phaseJobAndPhase")) == 8
    stages = of("expenselines", "workflowslist", "stageSequence", jobphase="1/00001001.002")
    assert stages == [3, 2, 1]
    assert len(of("expenselines", "stageslist", "stageCode")) == 6
    assert of("expenselines", "exchangerates", "currencyCode") == ["1/EUR", "1/SEK", "1/DEM"]
    active = of("expenselines", "currencycodes", "currencyCode", active="Y")
    assert active == ["1/EUR", "1/SEK"]
    rates = of("expenselines", "supplytypes", "supplytypesRate", supplytype="mil")
    assert rates == [0.45]
    named = {"supplier": "1/MAYA", "jobphase": PHASE}
    assert len(of("expenselines", "supplytypeslist", "supplytypesUuid", **named)) == 4


def test_a_sheet_is_printed_as_base64_or_as_a_file(crm: Crm) -> None:
    named = {"company": 1, "expensesheet": OPEN}
    templates = crm.rows("expensesheets", action="expensesheetinputprints", **named)
    click = templates[0]["menuClickAction"]
    assert click == "EXPENSESHEETINPUTFILE REPORT -1790"
    printed = crm.reply("expensesheets", action="expensesheetinputprint -1790", **named)
    content = base64.b64decode(printed["data"][0]["expensesheetAttachmentBase64Blob"])
    assert b"One night in Leeds" in content
    answer = crm.send("expensesheets", action="expensesheetinputfile -1790", **named)
    assert (answer.content, answer.content_type) == (content, "application/pdf")
