"""A long list, read to its end by following `page.next` alone: nothing is lost, nothing doubled."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from mcp import Client

from crm_mcp.app import load_catalogue
from crm_mcp.envelope import as_text
from crm_mcp.sandbox.app import Sandbox
from crm_mcp.sandbox.cirrus import CirrusStandIn
from crm_mcp.sandbox.fivecrm import data
from crm_mcp.sandbox.fivecrm.data import ExtraField
from crm_mcp.sandbox.interact import InteractStandIn
from crm_mcp.sandbox.synergist import SynergistStandIn
from crm_mcp.testing import sandbox_client

pytestmark = pytest.mark.anyio

MANY = 2_000
LIMIT = 20_000
HUGE = 1_234
"""The one record that is larger than a whole result."""
MOST_CALLS = 300


def text_of(number: int) -> str:
    """Write a text for a record: most are short, some long, and one is longer than a result."""
    length = 30_000 if number == HUGE else 3_000 if number % 97 == 5 else 10 + number % 60
    return f"{number:05} {'x' * length}"


def seeded_fivecrm(monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    fields = tuple(ExtraField(n, text_of(n), n, "varchar") for n in range(MANY))
    areas = tuple(replace(area, account_fields=fields) for area in data.AREAS)
    monkeypatch.setattr(data, "AREAS", areas)
    return Sandbox(load_catalogue())


def seeded_interact(_: pytest.MonkeyPatch) -> Sandbox:
    sandbox = Sandbox(load_catalogue())
    crm = sandbox.stand_in("interact")
    assert isinstance(crm, InteractStandIn)
    maya = crm.world.all("user")[0]
    for record in (*crm.world.all("note"), *crm.world.all("contact")):
        crm.world.drop(record)
    for number in range(MANY):
        crm.world.add("note", maya.id, {"message": text_of(number)})
        name = {"contactType": "organization", "organizationName": text_of(number)}
        crm.world.add("contact", maya.id, name)
    return sandbox


def seeded_synergist(_: pytest.MonkeyPatch) -> Sandbox:
    sandbox = Sandbox(load_catalogue())
    crm = sandbox.stand_in("synergist")
    assert isinstance(crm, SynergistStandIn)
    usual = {company.key: company for company in crm.world.all("company")}
    for number in range(MANY):
        one = usual.get(number)
        if one is not None:
            crm.world.change(one, {"companyName": text_of(number)})
        else:
            crm.world.add("company", {"companyName": text_of(number)}, key=number, company=number)
    return sandbox


def seeded_cirrus(_: pytest.MonkeyPatch) -> Sandbox:
    sandbox = Sandbox(load_catalogue())
    crm = sandbox.stand_in("cirrus")
    assert isinstance(crm, CirrusStandIn)
    for row in crm.world.all("deliveryTerm"):
        crm.world.remove("deliveryTerm", row["id"])
    for number in range(MANY):
        crm.world.add("deliveryTerm", name=text_of(number), default=0)
    return sandbox


SEEDED: Mapping[str, Callable[[pytest.MonkeyPatch], Sandbox]] = {
    "fivecrm": seeded_fivecrm,
    "interact": seeded_interact,
    "synergist": seeded_synergist,
    "cirrus": seeded_cirrus,
}

FIELDS, NOTES = "fivecrm_account_fields_list", "interact_notes_list"
CONTACTS, NAME = "interact_contacts_list", "organizationName"
COMPANIES, COMPANY = "synergist_companies_list", "companyName"
TERMS = "cirrus_delivery_terms_list"

AT_ONCE = [
    pytest.param(FIELDS, {"area": "001"}, "heading", id="five-at-once"),
    pytest.param(NOTES, {}, "message", id="interact-at-once"),
]
BY_OFFSET = pytest.param(CONTACTS, {"offset": 0, "limit": 60}, NAME, id="interact-by-offset")
BY_OFFSET_ALONE = pytest.param(CONTACTS, {}, NAME, id="interact-by-offset-without-a-size")
BY_PAGE = pytest.param(TERMS, {"per_page": 50}, "name", id="cirrus-by-page")
PAGED = [
    BY_OFFSET,
    pytest.param(COMPANIES, {"rows": 70}, COMPANY, id="synergist-by-page"),
    pytest.param(COMPANIES, {}, COMPANY, id="synergist-by-page-without-a-size"),
    BY_PAGE,
    pytest.param(TERMS, {}, "name", id="cirrus-by-page-without-a-size"),
]


async def walk(client: Client, tool: str, arguments: Any) -> list[Any]:
    """Follow `page.next` to the end, and do nothing else."""
    records: list[Any] = []
    for _ in range(MOST_CALLS):
        result = await client.call_tool(tool, arguments)
        told = result.structured_content
        assert told is not None
        assert not result.is_error, told
        assert len(as_text(told)) <= LIMIT
        page = told.get("page", {})
        assert page.get("returned", len(told["data"])) == len(told["data"]) > 0
        assert page.get("more", False) is ("next" in page)
        records += told["data"]
        if "next" not in page:
            return records
        arguments = page["next"]
    pytest.fail("the list has no end")


async def walked(
    monkeypatch: pytest.MonkeyPatch, tool: str, arguments: Mapping[str, Any]
) -> list[Any]:
    sandbox = SEEDED[tool.partition("_")[0]](monkeypatch)
    async with sandbox_client(sandbox=sandbox, max_result_chars=LIMIT) as client:
        return await walk(client, tool, dict(arguments))


def check(records: list[Any], key: str) -> None:
    """See that each record came once, and whole if it can be shown whole at all."""
    texts = {record[key][:5]: record[key] for record in records}
    assert len(records) == len(texts) == MANY
    for number in range(MANY):
        text = texts[f"{number:05}"]
        assert text == text_of(number) or (number == HUGE and text.endswith("(30006 characters)"))


@pytest.mark.parametrize(("tool", "arguments", "key"), [*AT_ONCE, *PAGED])
async def test_a_list_of_2000_records_is_read_to_its_end_by_page_next_alone(
    monkeypatch: pytest.MonkeyPatch, tool: str, arguments: dict[str, Any], key: str
) -> None:
    check(await walked(monkeypatch, tool, arguments), key)


@pytest.mark.parametrize(("tool", "arguments", "key"), [AT_ONCE[0], BY_OFFSET, BY_PAGE])
async def test_so_it_is_with_only_one_field_of_each(
    monkeypatch: pytest.MonkeyPatch, tool: str, arguments: dict[str, Any], key: str
) -> None:
    records = await walked(monkeypatch, tool, {**arguments, "_select": key})

    check(records, key)
    assert all(record.keys() == {key} for record in records)


@pytest.mark.parametrize(("tool", "arguments", "key"), [BY_OFFSET_ALONE, BY_PAGE])
async def test_so_it_is_with_several_pages_in_each_call(
    monkeypatch: pytest.MonkeyPatch, tool: str, arguments: dict[str, Any], key: str
) -> None:
    check(await walked(monkeypatch, tool, {**arguments, "_select": [key], "_pages": 20}), key)
