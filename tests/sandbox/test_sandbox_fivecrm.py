"""What the FIVE CRM stand-in reads out, and whom it lets in."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fivecrm_caller import Caller, error, new_sandbox, operations

from crm_mcp.operation import Operation
from crm_mcp.sandbox import story

READS = [entry for entry in operations().values() if entry.effect == "read"]
AREA_READS = [entry for entry in READS if "area" in entry.properties]
WRITE_MODES = ("importCustomerProducts", "updateCustomerProducts")
MODES = [entry.request.const["query:mode"] for entry in READS] + list(WRITE_MODES)
NO_PERMISSION = "You do not have the necessary user permissions to access this database area."

pytestmark = pytest.mark.anyio


@pytest.fixture
async def crm() -> AsyncIterator[Caller]:
    sandbox = new_sandbox()
    async with httpx.AsyncClient(transport=sandbox.transport()) as http:
        yield Caller(sandbox, http)


def shape(value: Any) -> Any:
    """Keys in their order and kinds of values; a list of records by its first."""
    if isinstance(value, dict):
        # The keys of this one are names of categories: data of each customer.
        data = "PROCESSING_DETAILS"
        return [(key, key if key == data else shape(item)) for key, item in value.items()]
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [shape(value[0])]
    return type(value)


def arguments_for(operation: Operation) -> dict[str, str]:
    given = {"area": "001", "contName": "Eleanor Whitby"}
    return {name: text for name, text in given.items() if name in operation.properties}


@pytest.mark.parametrize("operation", READS, ids=lambda entry: entry.name)
async def test_each_read_answers_field_for_field_like_the_document(
    crm: Caller, operation: Operation
) -> None:
    reply = await crm.call(operation.name, **arguments_for(operation))
    assert shape(reply) == shape(operation.examples[0].reply.body)


async def test_the_hash_is_valid_for_its_user(crm: Caller) -> None:
    reply = await crm.call("fivecrm_hash_validate")
    assert reply == {"STATUS": "success", "MESSAGE": ["Hash is valid"]}


@pytest.mark.parametrize("mode", MODES)
async def test_no_mode_answers_without_the_hash(crm: Caller, mode: str) -> None:
    query = (("mode", mode), ("area", "001"), ("contName", "Eleanor Whitby"))
    assert await crm.post(query, let_in=False) == error("Unauthorised")


async def test_a_wrong_hash_is_refused(crm: Caller) -> None:
    form = (("mode", "validateHash"), ("hash", "somebody-else"))
    assert await crm.post(form=form, let_in=False) == error("Unauthorised")


async def test_the_hash_counts_in_the_body_and_never_in_the_address(crm: Caller) -> None:
    query = (("mode", "validateHash"), ("hash", crm.settings["hash"]))
    assert await crm.post(query, let_in=False) == error("Unauthorised")


async def test_the_hash_counts_in_a_form_only(crm: Caller) -> None:
    address = f"{crm.settings['base_url']}/api2.php?mode=validateHash"
    reply = await crm.http.post(address, json={"hash": crm.settings["hash"]})
    assert reply.json() == error("Unauthorised")


async def test_mode_and_area_may_stand_in_the_address_or_in_the_body(crm: Caller) -> None:
    pairs = (("mode", "getProjects"), ("area", "002"))
    assert await crm.post(query=pairs) == await crm.post(form=pairs)
    assert await crm.post(query=pairs) == await crm.call("fivecrm_projects_list", area="002")


@pytest.mark.parametrize("query", [(), (("mode", ""),), (("area", "001"),)])
async def test_a_request_without_a_mode_is_told_so(crm: Caller, query: Any) -> None:
    assert await crm.post(query) == error("No API mode specified")


@pytest.mark.parametrize("mode", ["getDataBaseArea", "getEverything", "VALIDATEHASH"])
async def test_a_mode_that_no_operation_has_is_unknown(crm: Caller, mode: str) -> None:
    assert await crm.post((("mode", mode),)) == error("Unknown API mode specified")


async def test_another_address_is_no_api(crm: Caller) -> None:
    reply = await crm.http.post(f"{crm.settings['base_url']}/api.php?mode=validateHash")
    assert (reply.status_code, reply.headers["content-type"]) == (
        404,
        "text/html; charset=utf-8",
    )


@pytest.mark.parametrize("operation", AREA_READS, ids=lambda entry: entry.name)
@pytest.mark.parametrize(
    ("area", "sentence"),
    [
        ("", "No database area has been specified"),
        ("1", "The specified database area does not exist"),
        ("005", "The specified database area does not exist"),
        ("003", NO_PERMISSION),
    ],
)
async def test_an_area_must_be_given_exist_and_be_permitted(
    crm: Caller, operation: Operation, area: str, sentence: str
) -> None:
    arguments = arguments_for(operation) | {"area": area}
    assert await crm.call(operation.name, **arguments) == error(sentence)


async def test_the_areas_are_those_the_user_may_see(crm: Caller) -> None:
    reply = await crm.call("fivecrm_areas_list")
    assert [(area["number"], area["active"]) for area in reply["AREAS"]] == [
        ("001", True),
        ("002", True),
        ("004", False),
    ]


async def test_one_area_is_read_as_it_is_listed(crm: Caller) -> None:
    listed = (await crm.call("fivecrm_areas_list"))["AREAS"]
    for area in listed:
        reply = await crm.call("fivecrm_areas_get", area=area["number"])
        assert reply == {"STATUS": "success", "AREA": area}


async def test_owners_belong_to_their_area_and_keep_those_who_left(crm: Caller) -> None:
    sales = (await crm.call("fivecrm_owners_list", area="001"))["OWNERS"]
    marketing = (await crm.call("fivecrm_owners_list", area="002"))["OWNERS"]
    assert [owner["owner"] for owner in sales] == ["Maya", "Owen", "Greta", "Tobias", "Rufus"]
    assert [owner["owner"] for owner in sales if not owner["active"]] == ["Rufus"]
    assert {owner["area"] for owner in marketing} == {"002"}


async def test_sales_people_are_those_who_still_work(crm: Caller) -> None:
    people = (await crm.call("fivecrm_sales_people_list", area="001"))["SALES_PEOPLE"]
    assert "Rufus Ashdown" not in [person["name"] for person in people]
    assert people[0]["postCodeRegions"] == ["BS", "CF", "EC"]


async def test_an_area_that_nothing_happens_in_has_empty_lists(crm: Caller) -> None:
    reply = await crm.call("fivecrm_projects_list", area="004")
    assert reply == {"STATUS": "success", "PROJECTS": []}


@pytest.mark.parametrize(
    ("criteria", "ids"),
    [
        ({"contName": "Eleanor Whitby"}, ["1"]),
        ({"contName": "karin ÅHLUND"}, ["6"]),
        ({"contEmail": "jurgen.moller@nordkamm-logistik.example.com"}, ["4"]),
        ({"contExternalContactId": "TWC-7"}, ["7"]),
        ({"contTelephone": "0113 496 0112"}, ["2"]),
        ({"contTelephone": "07700 900112"}, ["2"]),
        ({"accCompany": "Calder & Wrenfield Solicitors"}, ["1", "2"]),
        ({"accExtLeadId": "L-3"}, ["4", "5"]),
        ({"accExtAccountId": "TW-57A"}, ["8"]),
        ({"accPostcode": "CF10 3CM"}, ["7"]),
        ({"accPostcode": "LS1 4CK", "contName": "Daniel Okeford"}, ["2"]),
    ],
)
async def test_contacts_are_found_by_every_criterion(
    crm: Caller, criteria: dict[str, str], ids: list[str]
) -> None:
    reply = await crm.call("fivecrm_privacy_details_search", area="001", **criteria)
    assert [contact["ID"] for contact in reply["CONTACTS"]] == ids


@pytest.mark.parametrize(
    "criteria",
    [
        {"contName": "Eleanor"},
        {"contName": "Beatrice Holloway"},
        {"contName": "Eleanor Whitby", "accCompany": "Nordkamm Logistik GmbH"},
    ],
    ids=["only a part", "in another area", "not all criteria met"],
)
async def test_nobody_found_is_said_in_the_form_of_an_error(
    crm: Caller, criteria: dict[str, str]
) -> None:
    reply = await crm.call("fivecrm_privacy_details_search", area="001", **criteria)
    assert reply == error("Unable to locate any matching contacts")


@pytest.mark.parametrize("criterion", [(), (("contName", ""),), (("companyName", "Calder"),)])
async def test_a_search_needs_a_criterion_that_exists(crm: Caller, criterion: Any) -> None:
    reply = await crm.post((("mode", "getPrivacyDetails"), ("area", "001"), *criterion))
    assert reply == error("At least one search criteria must be specified")


async def test_the_criteria_of_a_search_stand_in_the_address(crm: Caller) -> None:
    query = (("mode", "getPrivacyDetails"), ("area", "001"))
    reply = await crm.post(query, form=(("contName", "Eleanor Whitby"),))
    assert reply == error("At least one search criteria must be specified")


async def test_privacy_details_tell_what_was_withdrawn_and_what_still_holds(crm: Caller) -> None:
    reply = await crm.call("fivecrm_privacy_details_search", area="001", contName="Harriet Lowe")
    withdrawn, valid = reply["CONTACTS"][0]["PRIVACY_DETAILS"]
    assert withdrawn["WITHDRAWN_DATE"] == "2026-01-19 00:00:00"
    assert (valid["LAWFUL_TYPE"], valid["WITHDRAWN_DATE"]) == ("Contract", "")
    assert valid["PROCESSING_DETAILS"] == {"Service": ["Email", "Phone"]}


async def test_privacy_details_name_channels_and_categories_that_the_area_has(crm: Caller) -> None:
    for area, people in (("001", story.PEOPLE[:8]), ("002", story.PEOPLE[8:])):
        channels = (await crm.call("fivecrm_processing_channels_list", area=area))[
            "PROCESSING_CHANNELS"
        ]
        categories = (await crm.call("fivecrm_processing_categories_list", area=area))[
            "PROCESSING_CATEGORIES"
        ]
        known = ({row["name"] for row in channels}, {row["name"] for row in categories})
        for person in people:
            found = await crm.call(
                "fivecrm_privacy_details_search", area=area, contEmail=person.email
            )
            for detail in found["CONTACTS"][0]["PRIVACY_DETAILS"]:
                processing = detail["PROCESSING_DETAILS"]
                assert set(processing) <= known[1]
                assert {name for names in processing.values() for name in names} <= known[0]
