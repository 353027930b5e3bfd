"""Arguments that a call leaves out and the record has: shown, sent, and bound to the record."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from shop import Person
from synergist_crm import ACTIVITY_GET, ACTIVITY_UPDATE, BEFORE, GET, UPDATE, Office

from crm_mcp.confirm import Answer, QuestionOpen
from crm_mcp.errors import ApprovalRequired, ChangedSincePreview, Conflict, InvalidArguments
from crm_mcp.forms import question_form
from crm_mcp.gaps import filled, has_gaps
from crm_mcp.guard import Mode, Policy
from crm_mcp.ledger import Approval
from crm_mcp.operation import Before, IdKind, Operation

CHANGE = {"data": [{"activityID": 1, "activityDetails": "Lunch"}]}
VERSION = "activityRecordVersionNumber"


class Leaving(Person):
    """Somebody who takes the question along, and answers when the call is repeated."""

    async def ask(self, approval: Approval) -> Answer:
        self.read.append(approval)
        raise QuestionOpen(question_form(approval))


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


@pytest.mark.anyio
async def test_the_version_of_the_record_as_read_is_shown_and_sent(office: Office) -> None:
    person = Person()

    outcome = await office.call(UPDATE, CHANGE, person)

    assert office.crm.writes == [[{**CHANGE["data"][0], VERSION: 10}]]
    assert outcome.status == "done"
    preview = person.read[0].preview
    assert "data[0].activityRecordVersionNumber = 10" in preview
    assert "%22activityRecordVersionNumber%22%3A10" in preview


@pytest.mark.anyio
async def test_each_record_lends_its_own(office: Office) -> None:
    items = [{"activityID": 2, "activityDetails": "b"}, {"activityID": 1, "activityDetails": "a"}]

    await office.call(UPDATE, {"data": items}, Person())

    assert [item[VERSION] for item in office.crm.writes[0]] == [20, 10]


@pytest.mark.anyio
async def test_what_the_call_says_counts_and_a_stale_version_is_a_conflict(office: Office) -> None:
    stale = {"data": [{**CHANGE["data"][0], VERSION: 9}]}
    person = Person()

    with pytest.raises(Conflict) as caught:
        await office.call(UPDATE, stale, person)

    assert office.crm.writes[0][0][VERSION] == 9
    assert "activityRecordVersionNumber: 10 → 9" in person.read[0].preview
    assert "Read the record again" in caught.value.hint


@pytest.mark.anyio
async def test_a_dry_run_shows_the_filled_request_and_sends_nothing(office: Office) -> None:
    outcome = await office.call(UPDATE, {**CHANGE, "_dry_run": True})

    assert "data[0].activityRecordVersionNumber = 10" in outcome.data["preview"]
    assert office.crm.writes == []


@pytest.mark.anyio
async def test_without_a_person_the_record_is_read_all_the_same(tmp_path: Path) -> None:
    office = Office(tmp_path, Policy(mode=Mode.UNATTENDED))

    await office.call(UPDATE, CHANGE)

    assert office.crm.writes[0][0][VERSION] == 10


@pytest.mark.anyio
async def test_without_a_person_a_call_that_leaves_nothing_out_reads_nothing(
    tmp_path: Path,
) -> None:
    office = Office(tmp_path, Policy(mode=Mode.UNATTENDED))

    await office.call(UPDATE, {"data": [{**CHANGE["data"][0], VERSION: 10}]})

    assert len(office.crm.sent) == 1


@pytest.mark.anyio
async def test_a_version_that_grew_while_the_person_read_stops_the_write(office: Office) -> None:
    # The field that would be written is the same again: only the version tells of the change.
    person = Person(meanwhile=lambda: office.crm.change(1, "Meeting 1"))

    with pytest.raises(ChangedSincePreview) as caught:
        await office.call(UPDATE, CHANGE, person)

    assert office.crm.writes == []
    assert "activityRecordVersionNumber = 11" in caught.value.details["preview"]


@pytest.mark.anyio
async def test_a_version_that_grew_before_the_answer_came_back_stops_the_write(
    office: Office,
) -> None:
    left = Leaving()
    with pytest.raises(QuestionOpen):
        await office.call(UPDATE, CHANGE, left)
    office.crm.change(1, "Meeting 1")

    with pytest.raises(ChangedSincePreview):
        await office.call(UPDATE, CHANGE, Person(resumes=left.read[0].id))

    assert office.crm.writes == []


@pytest.mark.anyio
async def test_an_answer_that_comes_back_in_time_sends_what_was_shown(office: Office) -> None:
    left = Leaving()
    with pytest.raises(QuestionOpen):
        await office.call(UPDATE, CHANGE, left)

    await office.call(UPDATE, CHANGE, Person(resumes=left.read[0].id))

    assert office.crm.writes[0][0][VERSION] == 10


@pytest.mark.anyio
async def test_an_approval_out_of_band_dies_with_the_version_it_was_given_for(
    office: Office,
) -> None:
    with pytest.raises(ApprovalRequired) as asked:
        await office.call(UPDATE, CHANGE)
    office.ledger.decide(asked.value.details["approval"]["id"], "approved", "terminal")
    office.crm.change(1, "Meeting 1")

    with pytest.raises(ChangedSincePreview):
        await office.call(UPDATE, CHANGE)
    with pytest.raises(ApprovalRequired) as asked_again:
        await office.call(UPDATE, CHANGE)

    assert asked_again.value.details["approval"]["id"] != asked.value.details["approval"]["id"]
    assert office.crm.writes == []


@pytest.mark.anyio
async def test_a_record_that_does_not_tell_the_value_is_told_before_anybody_is_asked(
    office: Office,
) -> None:
    del office.crm.records[1][VERSION]
    person = Person()

    with pytest.raises(InvalidArguments, match=f"{VERSION} is missing, and the record as read"):
        await office.call(UPDATE, CHANGE, person)

    assert (person.read, office.crm.writes) == ([], [])


@pytest.mark.anyio
async def test_what_is_filled_in_must_fit_the_schema_too(office: Office) -> None:
    office.crm.records[1][VERSION] = "ten"

    with pytest.raises(InvalidArguments, match=f"{VERSION} is missing, and what stands in"):
        await office.call(UPDATE, CHANGE, Person())


@pytest.mark.anyio
async def test_names_are_read_of_what_the_call_says_and_not_of_what_is_kept(
    tmp_path: Path,
) -> None:
    kind = {"name": "activity", "tool": GET, "argument": "activityid", "label": ["/activityID"]}
    ids = {"/data/*/activityID": "activity", f"/data/*/{VERSION}": "activity"}
    update = ACTIVITY_UPDATE.model_copy(
        update={"ids": ids, "kinds": (IdKind.model_validate(kind),)}
    )
    office = Office(tmp_path, operations=(ACTIVITY_GET, update))

    await office.call(UPDATE, CHANGE, Person())

    reads = [dict(spec.query)["activityid"] for spec in office.crm.sent if spec.operation == GET]
    assert set(reads) == {"1"}  # 10, the version that was filled in, is no id that was given
    assert office.crm.writes[0][0][VERSION] == 10


@pytest.mark.anyio
async def test_what_is_kept_is_told_as_staying_and_not_as_taken_over(tmp_path: Path) -> None:
    keep = {"/activityDetails": "/activityDetails"}
    before = {**BEFORE, "keep": keep}
    update = ACTIVITY_UPDATE.model_copy(update={"before": Before.model_validate(before)})
    office = Office(tmp_path, operations=(ACTIVITY_GET, update))
    office.crm.records[1]["activityDetails"] = "Write to office@example.com"
    person = Person()

    await office.call(UPDATE, {"data": [{"activityID": 1, "activityType": "Call"}]}, person)

    [asked] = person.read
    assert "Fields that are sent and stay as they are: 2" in asked.preview
    assert "Taken over word for word" not in asked.preview
    assert office.crm.writes[0][0]["activityDetails"] == "Write to office@example.com"


def filling(fill: dict[str, str], each: str = "", **more: Any) -> Operation:
    before = Before.model_validate({"tool": GET, "each": each, "fill": fill, **more})
    return ACTIVITY_UPDATE.model_copy(update={"before": before})


@pytest.mark.parametrize(
    ("each", "fill", "arguments", "record", "expected"),
    [
        ("", {"/a": "/b"}, {}, {"b": 1}, {"a": 1}),
        ("", {"/a": "/b"}, {"a": 2}, {"b": 1}, {"a": 2}),
        ("", {"/a": "/b", "/c": "/b"}, {"a": 2}, {"b": 1}, {"a": 2, "c": 1}),
        ("", {"/a": "/b"}, {"a": None}, {"b": 1}, {"a": None}),
        ("", {"/a": "/b"}, {}, {"b": None}, {"a": None}),
        ("", {"/a/x": "/b/0"}, {"a": {"y": 2}}, {"b": [1]}, {"a": {"y": 2, "x": 1}}),
        ("", {"/a/x": "/b"}, {}, {"b": 1}, {"a": {"x": 1}}),
        (
            "/p/d",
            {"/a": "/b"},
            {"p": {"d": [{}]}, "q": 1},
            {"b": 1},
            {"p": {"d": [{"a": 1}]}, "q": 1},
        ),
        ("/d", {"/a": "/b"}, {"d": {}}, {"b": 1}, {"d": {"a": 1}}),
    ],
)
def test_places_are_filled_where_nothing_was_said(
    each: str, fill: dict[str, str], arguments: Any, record: Any, expected: Any
) -> None:
    assert filled(filling(fill, each), arguments, [record]) == expected


PRICES = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "prices": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"price": {"type": "number"}},
                "additionalProperties": False,
            },
        },
    },
}


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"name": "A", "prices": [{"price": 3}]}, {"id": 1, "name": "A", "prices": [{"price": 3}]}),
        ({"name": "A"}, {"id": 1, "name": "A"}),
        ({"name": "A", "prices": None}, {"id": 1, "name": "A"}),
        ({"name": "A", "prices": []}, {"id": 1, "name": "A", "prices": []}),
        (
            {"name": "A", "prices": [{"price": "3.5", "unit": {"id": 4}}]},
            {"id": 1, "name": "A", "prices": [{"price": 3.5}]},
        ),
    ],
)
def test_what_a_full_update_would_clear_is_kept_where_it_stands(record: Any, expected: Any) -> None:
    operation = filling({"/name": "/name"}, keep={"/prices": "/prices"})
    operation = operation.model_copy(update={"input_schema": PRICES})

    assert filled(operation, {"id": 1}, [record]) == expected


@pytest.mark.parametrize("stands", [[{"price": "a lot"}], "•••", {"price": 3, "more": "x •••"}])
def test_what_cannot_be_kept_as_it_stands_must_be_given(stands: Any) -> None:
    operation = filling({}, keep={"/prices": "/prices"})
    operation = operation.model_copy(update={"input_schema": PRICES})

    with pytest.raises(InvalidArguments, match="prices is missing, and what stands in the record"):
        filled(operation, {}, [{"prices": stands}])


@pytest.mark.parametrize("before", [None, Before(none="There is no such read.")])
def test_without_anything_to_fill_there_are_no_gaps(before: Before | None) -> None:
    operation = ACTIVITY_UPDATE.model_copy(update={"before": before})

    assert not has_gaps(operation, {})
    assert filled(operation, {"a": 1}, []) == {"a": 1}


def test_a_list_that_was_not_given_has_no_gaps() -> None:
    assert not has_gaps(filling({"/a": "/b"}, "/data"), {})


def test_only_a_read_can_lend_values() -> None:
    with pytest.raises(ValidationError, match="fills from the record that its tool reads"):
        Before.model_validate({"none": "no read", "fill": BEFORE["fill"]})
    with pytest.raises(ValidationError, match="fills from the record that its tool reads"):
        Before.model_validate({"none": "no read", "keep": BEFORE["fill"]})
