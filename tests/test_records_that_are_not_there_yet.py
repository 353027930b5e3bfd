"""Writes that make the record where there is none yet: shown as new, and bound to that."""

from pathlib import Path
from typing import Any

import pytest
from shop import UPDATE, Office, Person, operations

from crm_mcp.errors import ChangedSincePreview, NotFound
from crm_mcp.operation import Operation

pytestmark = pytest.mark.anyio

SET = {"id": 9, "version": 1, "name": "Lid"}


def with_update(**before: Any) -> list[Operation]:
    """Copy the shop's operations, with another preview of its update."""
    by_name = {one.name: one for one in operations()}
    update = by_name[UPDATE]
    assert update.before is not None
    changed = update.before.model_copy(update=before)
    return [*{**by_name, UPDATE: update.model_copy(update={"before": changed})}.values()]


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path, known=with_update(may_be_missing=True))


def make(office: Office) -> None:
    office.shop.things[9] = {"id": 9, "version": 1, "name": "Lid", "price": 1}


async def test_a_record_that_is_not_there_is_shown_as_one_to_be_made(office: Office) -> None:
    person = Person()

    with pytest.raises(NotFound):  # this shop makes nothing by an update
        await office.write(UPDATE, person, **SET)

    [asked] = person.read
    assert "The CRM has none yet: it would be made." in asked.preview
    assert 'name: nothing → "Lid" (added)' in asked.preview
    assert "What stands there now" not in asked.preview


async def test_a_record_that_appears_while_the_person_reads_stops_the_write(
    office: Office,
) -> None:
    person = Person(meanwhile=lambda: make(office))

    with pytest.raises(ChangedSincePreview):
        await office.write(UPDATE, person, **SET)

    assert office.shop.writes == []


async def test_one_that_is_there_is_compared_as_ever(office: Office) -> None:
    make(office)
    person = Person()

    await office.write(UPDATE, person, **{**SET, "name": "Cup"})

    assert 'name: "Lid" → "Cup"' in person.read[0].preview


async def test_any_other_write_to_a_record_that_is_not_there_asks_nobody(tmp_path: Path) -> None:
    person = Person()

    with pytest.raises(NotFound):
        await Office(tmp_path).write(UPDATE, person, **SET)

    assert person.read == []
