"""The Synergist stand-in's expense lines: what is claimed, decided and attached."""

import base64
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from synergist_caller import Crm, Row, values
from synergist_claims import (
    LINE,
    OPEN,
    PHASE,
    POSTED,
    PROCESSED,
    QUERIED,
    RETURNED,
    SUBMITTED,
    add_line,
    decide,
    line,
    lines,
    sheet,
    status,
    step,
    why_line,
)

from crm_mcp.sandbox.base import Call


@pytest.fixture(name="crm")
def _crm() -> Crm:
    return Crm()


def test_a_new_line_has_the_tax_of_its_type(crm: Crm) -> None:
    told = add_line(crm, OPEN, expenselineTotal=382, expensesheetSupplierCode="1/MAYA")
    assert (told["expenselineTaxCode"], told["expenselineTaxAmount"]) == (1, 63.67)
    assert told["expenselineCurrencyTotal"] == 382
    assert line(crm, told["expenselineInternal"])["expenselineDate"] == "2026-03-02"


def test_miles_are_paid_by_their_rate(crm: Crm) -> None:
    miles = {"expenselineSupplyType": "1/MIL", "expenselineQuantity": 100}
    told = add_line(crm, OPEN, expenselineTotal=1, **miles)
    assert (told["expenselineRate"], told["expenselineCurrencyTotal"]) == (0.45, 45)
    assert line(crm, told["expenselineInternal"])["expenselineSupplyTypeMileage"] is True


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"expenselineSheetInternal": 0}, "expenselineSheetInternal is missing"),
        ({"expenselineSupplyType": ""}, "expenselineSupplyType is missing"),
        ({"expenselineJobAndPhase": "1/00000801.001"}, "phase 1/00000801.001 is completed"),
        ({"expenselineTotal": 0}, "expenselineTotal is missing"),
        ({"expenselineTaxCode": 77}, "invalid expenselineTaxCode 77"),
        ({"expensesheetSupplierCode": "1/OWEN"}, f"expense sheet {OPEN} is not 1/OWEN's"),
        ({"expenselineSheetInternal": POSTED}, f"expense sheet {POSTED} is posted"),
    ],
)
def test_a_line_that_breaks_a_rule_is_not_made(crm: Crm, wrong: Row, words: str) -> None:
    item = {**LINE, "expenselineSheetInternal": OPEN, **wrong}
    assert crm.why("expenselines", [item], action="create") == words


def test_a_line_can_be_changed_while_its_sheet_is_open(crm: Crm) -> None:
    number = lines(crm, OPEN)[1]["expenselineInternal"]
    told = crm.write(
        "expenselines", [{"expenselineInternal": number, "expenselineTotal": 100}], action="update"
    )
    assert "data" not in told
    assert line(crm, number)["expenselineTaxAmount"] == 16.67
    train = {"expenselineInternal": number, "expenselineSupplyType": "1/TRA"}
    crm.write("expenselines", [train], action="update")
    assert line(crm, number)["expenselineTaxAmount"] == 0
    taxed = {**train, "expenselineTaxCode": 1}
    crm.write("expenselines", [taxed], action="update")
    assert line(crm, number)["expenselineTaxCode"] == 1


def test_a_line_stays_on_its_sheet_and_an_approved_one_as_it_is(crm: Crm) -> None:
    number = lines(crm, OPEN)[0]["expenselineInternal"]
    item = {"expenselineInternal": number, "expenselineSheetInternal": RETURNED}
    words = "expenselineSheetInternal stays as it is"
    assert crm.why("expenselines", [item], action="update") == words
    approved = lines(crm, PROCESSED)[0]["expenselineInternal"]
    change = [{"expenselineInternal": approved, "expenselineTotal": 1}]
    assert crm.why("expenselines", change, action="update").endswith("is approved")
    step(crm, "return", PROCESSED)
    step(crm, "return", PROCESSED)
    assert crm.why("expenselines", change, action="update").endswith("is approved")


def test_a_line_is_held_queried_rejected_and_approved_by_itself(crm: Crm) -> None:
    (number,) = values(lines(crm, SUBMITTED), "expenselineInternal")
    assert decide(crm, "hold", number)["responsemessage"] == "Expense line held."
    assert line(crm, number)["expenselineHeld"] is True
    assert decide(crm, "approve", number)["responsemessage"] == "Expense line approved."
    told = decide(crm, "query", number, queryrejectreason="Which day?")
    assert told["responsemessage"] == "Expense line queried."
    assert line(crm, number)["expenselineApproversNotes"] == "Which day?"
    assert why_line(crm, "reject", number) == "is queried"
    assert why_line(crm, "resubmit", number) == "is on a sheet that is submitted"


@pytest.mark.parametrize("word", ["submit", "submittable"])
def test_a_line_is_submitted_even_by_the_word_that_sounds_like_a_question(
    crm: Crm, word: str
) -> None:
    number = lines(crm, OPEN)[0]["expenselineInternal"]
    assert decide(crm, word, number)["responsemessage"] == "Expense line set to submitted."
    assert status(crm, number) == "Submitted"
    assert why_line(crm, word, number) == "is submitted"


def test_a_rejected_line_can_be_put_right_and_submitted_again(crm: Crm) -> None:
    (number,) = values(lines(crm, SUBMITTED), "expenselineInternal")
    decide(crm, "reject", number)
    assert line(crm, number)["expenselineEdit"] is True
    decide(crm, "submit", number)
    assert status(crm, number) == "Submitted"


def test_a_copied_line_lands_on_its_sheet_or_on_a_new_one(crm: Crm) -> None:
    number = lines(crm, OPEN)[0]["expenselineInternal"]
    same = decide(crm, "copy", number)
    assert same["data"][0]["expenselineSheetInternal"] == OPEN
    new = same["data"][0]["expenselineInternal"]
    assert same["responsemessage"] == f"Expense line {new} created."
    other = decide(crm, "copy", QUERIED)
    assert other["data"][0]["expenselineSheetInternal"] == 1791
    assert sheet(crm, 1791)["expensesheetStatusCode"] == "unsubmitted"


def test_lines_are_deleted_one_by_one_or_several_at_once(crm: Crm) -> None:
    first, second = values(lines(crm, OPEN), "expenselineInternal")
    assert decide(crm, "delete", first)["responsemessage"] == "Expense line deleted."
    approved = lines(crm, PROCESSED)[0]["expenselineInternal"]
    told = crm.write(
        "expenselines", action="expenselinesdelete", company=1, expenseline=[approved, second]
    )
    assert told["warningmessage"] == "1 of 2 Expense line deleted."
    assert why_line(crm, "delete", approved) == "is approved"


@pytest.mark.parametrize(
    ("parameters", "count"),
    [
        ({}, 8),
        ({"job": "1/00001005"}, 2),
        ({"jobphase": PHASE}, 4),
        ({"client": "1/TID001"}, 1),
        ({"supplier": "1/OWEN"}, 3),
        ({"search": "göteborg"}, 2),
        ({"expenseline": QUERIED}, 1),
    ],
)
def test_lines_are_found_by_what_they_are_for(crm: Crm, parameters: Row, count: int) -> None:
    assert len(crm.rows("expenselines", company=1, **parameters)) == count


def test_a_line_of_the_list_tells_state_and_client(crm: Crm) -> None:
    row = crm.rows("expenselines", company=1)[0]
    assert (row["expenselineStatus"], row["expenselineClient"][:8]) == ("Approved", "Lindgren")
    assert row["expenselineJobAndPhaseNumberSimple"] == "1005.003"


RECEIPT: Row = {
    "variable_AttachmentBase64": base64.b64encode(b"paid").decode(),
    "variable_AttachmentFileName": "Receipt.txt",
    "expenselines_expenselineinternal": str(QUERIED),
}


def attachment(crm: Crm, word: str, number: int = QUERIED) -> Any:
    return crm.why("expenselines", action=f"attachment{word}", company=1, expenseline=number)


def test_a_receipt_is_attached_seen_opened_and_removed(crm: Crm) -> None:
    assert attachment(crm, "view").endswith("has no attachment")
    told = crm.written("expenselines", RECEIPT, action="update")
    assert told["expenselineInternal"] == QUERIED
    seen = crm.row("expenselines", action="attachmentview", expenseline=QUERIED)
    assert base64.b64decode(seen["attachmentBase64"]) == b"paid"
    assert seen["attachmentOriginalFilename"] == "Receipt.txt"
    opened = crm.send("expenselines", action="attachmentfile", company=1, expenseline=QUERIED)
    assert (opened.content, opened.content_type) == (b"paid", "text/plain")
    assert line(crm, QUERIED)["expenselineAttachmentView"] is True
    removed = crm.write("expenselines", action="attachmentremove", company=1, expenseline=QUERIED)
    assert removed["responsemessage"] == "Expense line attachment deleted."
    assert attachment(crm, "remove").endswith("has no attachment")


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"variable_AttachmentFileName": ""}, "variable_AttachmentFileName is missing"),
        ({"variable_AttachmentBase64": ""}, "variable_AttachmentBase64 is missing"),
        ({"variable_AttachmentBase64": "?"}, "variable_AttachmentBase64 is no base64"),
        ({"expenselines_expenselineinternal": "3395"}, "expense line 3395 is posted"),
    ],
)
def test_a_receipt_that_breaks_a_rule_is_not_kept(crm: Crm, wrong: Row, words: str) -> None:
    assert crm.why("expenselines", [RECEIPT | wrong], action="update") == words


def test_a_receipt_in_amazon_s3_is_there_when_it_was_brought(crm: Crm) -> None:
    crm.stand_in.use_s3()
    told = crm.written("expenselines", RECEIPT, action="update")
    assert attachment(crm, "file").endswith("is not there")
    address = urlsplit(told["attachmentS3UrlPut"])
    path = address.path.removeprefix("/synergist")
    put = Call("PUT", path, tuple(parse_qsl(address.query)), content=b"paid")
    assert crm.stand_in.misfit(put).status == 200
    seen = crm.row("expenselines", action="attachmentview", expenseline=QUERIED)
    assert base64.b64decode(seen["attachmentBase64"]) == b"paid"
