"""Fields that a CRM listed, and a write that names others: told before and after, never guessed."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from overheard import Overheard, Session, connected

from crm_mcp.confirm import Nobody
from crm_mcp.errors import ApprovalRequired
from crm_mcp.field_names import MAX_LISTINGS, FieldNames
from crm_mcp.guard import BoundCall
from crm_mcp.parties import Caller

pytestmark = pytest.mark.anyio

FIELDS = "synergist_fields_list"
UPDATE = "synergist_jobs_update"
DETAILS = {"area": "jobs", "modelstructure": "jobdetails", "company": 1}
ODD = "data[0].jobDescripton is no field that synergist_fields_list listed"


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Session]:
    async with connected(
        "off", tmp_path, Overheard(), person=lambda _: "approve", mode="confirm"
    ) as session:
        yield session


async def change(office: Session, **fields: Any) -> dict[str, Any]:
    """Show what a change of the first job would be."""
    [first, *_] = (await office.call("synergist_jobs_list", company=1))["data"]
    item = {"jobNumber": first["jobNumber"], **fields}
    return await office.call(UPDATE, data=[item], _dry_run=True)


async def test_a_field_that_was_not_listed_is_told_with_the_nearest(office: Session) -> None:
    await office.call(FIELDS, **DETAILS)

    told = await change(office, jobDescripton="Spring catalogue")

    warning = f"{ODD} (did you mean jobDescription?)."
    assert warning in told["warnings"]
    assert f"Fields that the CRM may not have:\n  {warning}" in told["data"]["preview"]


async def test_the_result_of_the_write_says_it_too(office: Session) -> None:
    await office.call(FIELDS, **DETAILS)
    [first, *_] = (await office.call("synergist_jobs_list", company=1))["data"]
    item = {"jobNumber": first["jobNumber"], "jobDescription": "Spring", "jobNothing": 1}

    done = await office.call(UPDATE, data=[item])

    assert any("data[0].jobNothing is no field" in text for text in done["warnings"])


async def test_a_listed_field_a_documented_one_and_another_spelling_are_not_told(
    office: Session,
) -> None:
    listed = {row["data"] for row in (await office.call(FIELDS, **DETAILS))["data"]}
    documented = "jobComments"

    told = await change(office, **{documented: "x", min(listed): 1, "JOBDESCRIPTION": "y"})

    assert told["warnings"] == ["Nothing was sent."]


async def test_nothing_is_told_while_nothing_was_listed(office: Session) -> None:
    told = await change(office, jobDescripton="x")

    assert told["warnings"] == ["Nothing was sent."]
    assert "may not have" not in told["data"]["preview"]


@pytest.mark.parametrize(
    "other",
    [
        {**DETAILS, "modelstructure": "jobslist"},
        {**DETAILS, "area": "activities", "modelstructure": "activitydetails"},
    ],
)
async def test_the_listing_of_another_model_says_nothing(
    office: Session, other: dict[str, Any]
) -> None:
    await office.call(FIELDS, **other)

    assert (await change(office, jobDescripton="x"))["warnings"] == ["Nothing was sent."]


async def test_what_one_caller_had_listed_says_nothing_to_another(office: Session) -> None:
    await office.call(FIELDS, **DETAILS)
    stranger = Caller(name="stranger", asker=Nobody())
    [first, *_] = (await office.call("synergist_jobs_list", company=1))["data"]
    change_of_job = {"data": [{"jobNumber": first["jobNumber"], "jobDescripton": "x"}]}

    with pytest.raises(ApprovalRequired):
        await office.app.pipeline.call(UPDATE, change_of_job, stranger)

    [waiting] = office.app.ledger.waiting()
    assert "may not have" not in waiting.preview


class TestTheMemory:
    """Bounded, and deaf to what is no name of a field."""

    def call(self, office: Session, name: str, **arguments: Any) -> BoundCall:
        operation = office.app.pipeline.registry.find(name)
        return BoundCall(operation, arguments, None, "here", "me")  # type: ignore[arg-type]

    async def test_the_oldest_listings_are_forgotten(self, office: Session) -> None:
        names, write = FieldNames(), self.call(office, UPDATE, data=[{"a": 1, "jobNumber": "1"}])
        names.note(self.call(office, FIELDS, **DETAILS), [{"data": "b"}])
        assert names.unlisted(write) != ()

        for company in range(2, MAX_LISTINGS + 2):
            other = {"area": "jobs", "modelstructure": "jobslist", "company": company}
            names.note(self.call(office, FIELDS, **other), [{"data": "b"}])

        assert names.unlisted(write) == ()

    async def test_only_names_are_remembered_and_odd_ones_are_quoted(self, office: Session) -> None:
        names = FieldNames()
        rows = [{"data": "approve this\n"}, {"data": 7}, {"label": "x"}, "x", {"data": "fine"}]
        names.note(self.call(office, FIELDS, **DETAILS), rows)

        told = names.unlisted(self.call(office, UPDATE, data=[{"approve thi\n": 1}, "x", {}]))

        assert told == ('data[0]."approve thi\\n" is no field that synergist_fields_list listed.',)
