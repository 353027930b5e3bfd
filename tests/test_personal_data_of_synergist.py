"""Personal data of a vendor whose fields carry prefixes, and whose writes stand in addresses."""

import json
from pathlib import Path
from typing import Any

import pytest
from overheard import KEY, Overheard, connected

from crm_mcp.loader import load_vendor, schemas_root
from crm_mcp.marks import Masks, Tokens
from crm_mcp.respond import Outcome
from crm_mcp.sandbox import story
from crm_mcp.screen import Screen

pytestmark = pytest.mark.anyio

CONTACTS = "synergist_client_contacts_list"
PENDING = "synergist_pending_timesheets_list"
CREATE = "synergist_activities_create"
TOKENS = Tokens(KEY, "synergist (sandbox)")
HIDING = ("mask", "token")
PERSON = story.ELEANOR
NAME_TOKEN = TOKENS.seal("person", PERSON.name)
EMAIL_TOKEN = TOKENS.seal("email", PERSON.email)


@pytest.fixture
def sandbox() -> Overheard:
    return Overheard()


def activity(name: str, email: str) -> dict[str, Any]:
    return {
        "company": 1,
        "data": [
            {
                "activityActivitytypeCode": "NOTES",
                "activitySubject": f"Call {name}",
                "activityDetails": f"or write to {email}",
                "activityClientCode": "1/CAL001",
            }
        ],
    }


def told(results: Any) -> list[str]:
    """Find what is told of the person."""
    text = json.dumps(results, ensure_ascii=False)
    return [one for one in (PERSON.name, "Eleanor", PERSON.email, PERSON.mobile) if one in text]


async def test_a_search_by_a_token_is_a_search_by_its_value(
    tmp_path: Path, sandbox: Overheard
) -> None:
    async with connected("token", tmp_path, sandbox) as session:
        by_token = await session.call(CONTACTS, company=1, search=NAME_TOKEN)
        by_value = await session.call(CONTACTS, company=1, search=PERSON.name)

    assert by_token["data"] == by_value["data"]
    (found,) = by_token["data"]
    assert found["clientcontactFullName"] == NAME_TOKEN
    assert found["clientcontactEMail"] == EMAIL_TOKEN
    assert f"search={PERSON.name}" in sandbox.heard[0]


@pytest.mark.parametrize("policy", HIDING)
async def test_the_code_of_a_colleague_is_shown_and_finds_their_timesheets(
    policy: str, tmp_path: Path, sandbox: Overheard
) -> None:
    async with connected(policy, tmp_path, sandbox) as session:
        one, *_ = (await session.call(PENDING, company=1))["data"]
        theirs = (await session.call(PENDING, company=1, resource=one["tspResourceCode"]))["data"]

    assert one["tspResourceCode"] == "1/TOBIAS"
    assert one in theirs
    assert {row["tspResourceName"] for row in theirs} == {one["tspResourceName"]}
    assert one["tspResourceName"].startswith("<person:")


@pytest.mark.parametrize("policy", HIDING)
async def test_the_same_field_is_a_company_s_in_one_list_and_a_person_s_in_another(
    policy: str, tmp_path: Path, sandbox: Overheard
) -> None:
    async with connected(policy, tmp_path, sandbox) as session:
        firms = await session.call("synergist_purchase_suppliers_list", company=1)
        staff = await session.call("synergist_expense_sheet_suppliers_list", company=1)

    assert "Ashgrove Seating" in {row["supplierName"] for row in firms["data"]}
    assert {row["supplierName"].partition(":")[0] for row in staff["data"]} == {"<person"}


@pytest.mark.parametrize(
    "field",
    [
        "activityCreated",
        "activityModified",
        "activityCompletedDescription",
        "activityhistoryCreatedDisplayDescription",
        "attachmentCreatedDisplay",
    ],
)
def test_a_sentence_that_always_names_somebody_is_hidden_where_nothing_else_names_them(
    field: str,
) -> None:
    operations = {one.name: one for one in load_vendor(schemas_root(), "synergist")}
    screen = Screen(Masks(), operations["synergist_activities_list"], {})

    shown = screen.outcome(Outcome([{field: f"Done by {PERSON.name} on 02/03/2026 at 9:00am"}]))

    assert shown.data == [{field: "<personal:hidden>"}]


async def test_a_person_sees_what_stands_behind_a_token_and_the_crm_gets_it(
    tmp_path: Path, sandbox: Overheard
) -> None:
    read: list[str] = []

    def person(preview: str) -> Any:
        read.append(preview)
        return "approve"

    async with connected("token", tmp_path, sandbox, mode="confirm", person=person) as session:
        done = await session.call(CREATE, **activity(NAME_TOKEN, EMAIL_TOKEN))
        number = done["data"][0]["activityID"]
        seen = await session.call("synergist_activities_get", activityid=number, company=1)

    assert f'activitySubject = "Call {PERSON.name}"' in read[0]
    assert f'activityDetails = "or write to {PERSON.email}"' in read[0]
    assert "<person:" not in read[0]
    (write,) = [heard for heard in sandbox.heard if "action=create" in heard]
    assert f"Call {PERSON.name}" in write
    assert seen["data"][0]["activityDetails"] == f"or write to {EMAIL_TOKEN}"
    assert told(done) == []


@pytest.mark.parametrize("policy", HIDING)
async def test_neither_a_dry_run_nor_an_error_tells_the_caller(
    policy: str, tmp_path: Path, sandbox: Overheard
) -> None:
    name = NAME_TOKEN if policy == "token" else PERSON.name
    given = activity(name, PERSON.email)
    given["data"][0]["activityOwnerName"] = name
    async with connected(policy, tmp_path, sandbox) as session:
        dry = await session.call(CREATE, **given, _dry_run=True)
        given["data"][0]["activityClientCode"] = f"1/{name}"
        refused = await session.call(CREATE, **given)

    assert "activitySubject" in dry["data"]["preview"]
    assert refused["error"] == "not_found"
    assert (told(dry), told(refused)) == ([], [])
