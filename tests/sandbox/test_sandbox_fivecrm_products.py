"""Importing and updating customer products in the FIVE CRM stand-in."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fivecrm_caller import IMPORT, UPDATE, Caller, done, error, new_sandbox, refusals

CHAIR = {"account": "1", "product": "Task Chair Heron", "manufacturer": "Ashgrove Seating"}
SOLD_CHAIRS = {**CHAIR, "reference": "1001"}
MALFORMED = "Invalid Customer Products data provided."
NOTHING_SENT = "No POST element (customerProducts) found as part of the request"
BOTH_WRITES = pytest.mark.parametrize("mode", ["importCustomerProducts", "updateCustomerProducts"])

pytestmark = pytest.mark.anyio


@pytest.fixture
async def crm() -> AsyncIterator[Caller]:
    sandbox = new_sandbox()
    async with httpx.AsyncClient(transport=sandbox.transport()) as http:
        yield Caller(sandbox, http)


def bad_date(name: str, text: str) -> str:
    return (
        f"Invalid date provided for {name} ({text}). "
        f"Dates should match the following format YYYY-MM-DD hh:mm:ss ({text})"
    )


async def test_an_import_fills_in_what_was_left_out(crm: Caller) -> None:
    reply = await crm.imported({**CHAIR, "planQty": 5, "addn17": "Blue", "discount": 2.5})
    assert reply["STATUS"] == "success"
    assert reply["CUSTOMER_PRODUCTS"]["UNSUCCESSFUL"] == []
    assert done(reply) == [
        {
            **CHAIR,
            "reference": "1007",
            "planQty": 5,
            "actQty": 0,
            "planVal": 0,
            "actVal": 0,
            "updatedBy": "Maya",
            "updated": "2026-03-02 09:00:00",
            "probability": 0,
            "created": "2026-03-02 09:00:00",
            "addn17": "Blue",
            "totalNetValue": 0,
            "taxValue": 0,
            "totalValue": 0,
            "discount": 2.5,
        }
    ]


async def test_fields_come_back_in_the_order_of_the_document(crm: Caller) -> None:
    sent = {"frequency": "yearly", "addn50": "b", "addn01": "a", **CHAIR, "status": "Won"}
    (record,) = done(await crm.imported(sent))
    told = [name for name in record if name in sent]
    assert told == [*CHAIR, "status", "addn01", "addn50", "frequency"]


async def test_an_import_finds_the_id_of_the_contact(crm: Caller) -> None:
    (named,) = done(await crm.imported({**CHAIR, "contact": "Daniel Okeford"}))
    assert (named["contact"], named["cid"]) == ("Daniel Okeford", 2)


@pytest.mark.parametrize(
    ("sent", "cid"), [({"contact": "Daniel Okeford", "cid": 9}, 9), ({}, None)]
)
async def test_an_import_keeps_the_contact_id_it_is_told(
    crm: Caller, sent: dict[str, Any], cid: int | None
) -> None:
    (record,) = done(await crm.imported({**CHAIR, **sent}))
    assert record.get("cid") == cid


async def test_an_empty_contact_and_an_empty_date_stand_for_none(crm: Caller) -> None:
    (record,) = done(await crm.imported({**CHAIR, "contact": "", "endDate": ""}))
    assert (record["contact"], record["endDate"], "cid" in record) == ("", "", False)


async def test_product_and_manufacturer_may_be_empty(crm: Caller) -> None:
    reply = await crm.imported({"account": "57A", "product": "", "manufacturer": ""})
    assert reply["STATUS"] == "success"


async def test_what_is_said_wins_over_what_would_be_filled_in(crm: Caller) -> None:
    said = {"updatedBy": "Joe", "updated": "2020-02-29 12:00:00", "created": "2018-01-01 01:00:00"}
    (record,) = done(await crm.imported({**CHAIR, **said}))
    assert {name: record[name] for name in said} == said


async def test_references_are_counted_in_each_area_and_pass_over_those_taken(crm: Caller) -> None:
    first = await crm.imported(CHAIR, {**CHAIR, "reference": "1008"}, CHAIR)
    assert [record["reference"] for record in done(first)] == ["1007", "1008", "1009"]
    elsewhere = {"account": "8", "product": "Booth", "manufacturer": ""}
    assert done(await crm.imported(elsewhere, area="002"))[0]["reference"] == "2002"
    assert done(await crm.imported(CHAIR))[0]["reference"] == "1010"


async def test_the_clock_goes_on_by_a_minute_with_every_write(crm: Caller) -> None:
    stamps = [done(await crm.imported(CHAIR, CHAIR))[1]["created"] for _ in range(3)]
    assert stamps == ["2026-03-02 09:00:00", "2026-03-02 09:01:00", "2026-03-02 09:02:00"]


async def test_the_clock_stands_still_while_nothing_is_written(crm: Caller) -> None:
    await crm.call("fivecrm_owners_list", area="001")
    await crm.imported({**CHAIR, "account": "none such"})
    assert done(await crm.imported(CHAIR))[0]["created"] == "2026-03-02 09:00:00"


async def test_an_imported_product_can_be_updated(crm: Caller) -> None:
    (imported,) = done(await crm.imported({**CHAIR, "reference": "DEMO-1", "planQty": 12}))
    change = {**CHAIR, "reference": "DEMO-1", "actQty": 10, "status": "Won"}
    reply = await crm.updated(change)
    assert reply["STATUS"] == "success"
    assert done(reply) == [
        {**imported, "actQty": 10, "status": "Won", "updated": "2026-03-02 09:01:00"}
    ]


async def test_an_update_keeps_what_it_is_not_told_and_what_earlier_updates_said(
    crm: Caller,
) -> None:
    await crm.updated({**SOLD_CHAIRS, "addn01": "Oak"})
    (record,) = done(await crm.updated({**SOLD_CHAIRS, "updatedBy": "Joe"}))
    assert (record["addn01"], record["planQty"], record["contact"]) == ("Oak", 24, "Eleanor Whitby")
    assert (record["updatedBy"], record["created"]) == ("Joe", "2026-01-14 00:00:00")


async def test_a_reference_is_taken_once(crm: Caller) -> None:
    product = {**CHAIR, "reference": "DEMO-1"}
    await crm.imported(product)
    in_use = "Reference (DEMO-1) already in use in area (001)"
    same = (
        "The combination of account (1), product (Task Chair Heron), manufacture (Ashgrove "
        "Seating), reference (DEMO-1) is already in use by another Customer Product in area (001)."
    )
    other = await crm.imported({**product, "product": "Table"})
    assert other["STATUS"] == "success with errors"
    assert refusals(other) == [[in_use]]
    assert refusals(await crm.imported(product)) == [[in_use, same]]


async def test_a_reference_is_free_in_another_area(crm: Caller) -> None:
    product = {"account": "7", "product": "Booth", "manufacturer": "", "reference": "1001"}
    assert (await crm.imported(product, area="002"))["STATUS"] == "success"


async def test_within_one_request_the_second_of_two_equal_references_is_refused(
    crm: Caller,
) -> None:
    reply = await crm.imported(*[{**CHAIR, "reference": "TWIN"}] * 2)
    assert len(done(reply)) == 1
    assert refusals(reply)[0][0] == "Reference (TWIN) already in use in area (001)"


async def test_a_partial_success_tells_item_by_item_like_the_document(crm: Caller) -> None:
    bad = {"account": "1", "product": "Chair", "reference": "1001"}
    reply = await crm.imported(CHAIR, bad)
    assert reply["STATUS"] == "success with errors"
    assert [record["reference"] for record in done(reply)] == ["1007"]
    assert reply["CUSTOMER_PRODUCTS"]["UNSUCCESSFUL"] == [
        {
            "CUSTOMER_PRODUCT": bad,
            "ERRORS": [
                "Reference (1001) already in use in area (001)",
                "Manufacturer cannot be null",
            ],
        }
    ]


async def test_a_partial_update_changes_the_good_ones_alone(crm: Caller) -> None:
    bad = {**SOLD_CHAIRS, "manufacturer": "Somebody", "actQty": 1}
    reply = await crm.updated({**SOLD_CHAIRS, "text": "Delivered"}, bad)
    assert reply["STATUS"] == "success with errors"
    assert [record["text"] for record in done(reply)] == ["Delivered"]
    assert done(await crm.updated(SOLD_CHAIRS))[0]["actQty"] == 24


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"account": "99"}, "Account (99) does not exist in database area (001)"),
        ({"account": "8"}, "Account (8) does not exist in database area (001)"),
        (
            {"contact": "Chad Buckley"},
            "Contact (Chad Buckley) does not exist on account (1) in database area (001)",
        ),
        (
            {"contact": "Harriet Lowe"},
            "Contact (Harriet Lowe) does not exist on account (1) in database area (001)",
        ),
        ({"account": ""}, "Account cannot be empty"),
        ({"reference": ""}, "Reference cannot be empty"),
        ({"startDate": "2026-02-30 00:00:00"}, bad_date("startDate", "2026-02-30 00:00:00")),
        ({"endDate": "2026-02-03"}, bad_date("endDate", "2026-02-03")),
        ({"nextDate": "2026-02-03T10:00:00"}, bad_date("nextDate", "2026-02-03T10:00:00")),
        ({"updated": "03/02/2026 10:00:00"}, bad_date("updated", "03/02/2026 10:00:00")),
        ({"created": "yesterday"}, bad_date("created", "yesterday")),
        ({"type_": "sixsix"}, "Field (type_) is longer than the maximum length allowed (5)"),
        ({"addn50": "x" * 251}, "Field (addn50) is longer than the maximum length allowed (250)"),
        ({"text": "x" * 65_536}, "Field (text) is longer than the maximum length allowed (65535)"),
        ({"planQty": "a dozen"}, MALFORMED),
        ({"actVal": "inf"}, MALFORMED),
        ({"probability": 0.5}, MALFORMED),
        ({"addn51": "one too many"}, MALFORMED),
        ({"colour": "blue"}, MALFORMED),
    ],
)
@pytest.mark.parametrize("name", [IMPORT, UPDATE])
async def test_a_bad_value_is_refused_with_its_sentence(
    crm: Caller, name: str, wrong: dict[str, Any], sentence: str
) -> None:
    known = {"reference": "1001" if name == UPDATE else "NEW"}
    reply = await crm.call(name, area="001", customerProducts=[{**CHAIR, **known, **wrong}])
    assert reply["STATUS"] == "success with errors"
    assert (done(reply), refusals(reply)) == ([], [[sentence]])


async def test_texts_of_exactly_the_longest_length_and_odd_numbers_are_taken(crm: Caller) -> None:
    sent = {"text": "x" * 65_535, "type_": "fives", "planVal": -1.5, "actVal": 1e16, "cid": 0}
    (record,) = done(await crm.imported({**CHAIR, **sent}))
    assert {name: record[name] for name in sent} == sent


@pytest.mark.parametrize("name", ["account", "product", "manufacturer"])
async def test_an_import_needs_each_field_of_the_key(crm: Caller, name: str) -> None:
    sent = {key: text for key, text in CHAIR.items() if key != name}
    assert refusals(await crm.imported(sent)) == [[f"{name.capitalize()} cannot be null"]]


@pytest.mark.parametrize("name", ["account", "product", "manufacturer", "reference"])
async def test_an_update_needs_each_field_of_the_key(crm: Caller, name: str) -> None:
    sent = {key: text for key, text in SOLD_CHAIRS.items() if key != name}
    expected = f"No {name} specified on the Customer Product"
    assert refusals(await crm.updated(sent)) == [[expected]]


async def test_all_that_is_wrong_with_a_record_is_told_at_once(crm: Caller) -> None:
    reply = await crm.imported({"account": "99", "product": "x" * 51, "endDate": "soon"})
    assert refusals(reply) == [
        [
            "Manufacturer cannot be null",
            "Field (product) is longer than the maximum length allowed (50)",
            bad_date("endDate", "soon"),
            "Account (99) does not exist in database area (001)",
        ]
    ]


async def test_an_update_of_a_reference_nobody_has_finds_nothing(crm: Caller) -> None:
    assert refusals(await crm.updated({**CHAIR, "reference": "404"})) == [
        ["No pre-existing Customer Product found with the reference (404) in area (001)"]
    ]


@pytest.mark.parametrize(
    "other", [{"account": "2"}, {"product": "Table"}, {"manufacturer": ""}], ids=str
)
async def test_an_update_must_name_the_whole_key(crm: Caller, other: dict[str, str]) -> None:
    key = {**SOLD_CHAIRS, **other}
    said = ", ".join(f"{name} ({text})" for name, text in key.items()) + " in area (001)."
    start = "No matching Customer Product could be found for the following details: "
    assert refusals(await crm.updated(key)) == [[start + said]]


@BOTH_WRITES
@pytest.mark.parametrize(
    ("area", "sentence"),
    [
        ((), "No database area has been specified"),
        ((("area", "999"),), "The specified database area does not exist"),
        (
            (("area", "003"),),
            "You do not have the necessary user permissions to access this database area.",
        ),
    ],
)
async def test_a_write_needs_an_area_of_the_user(
    crm: Caller, mode: str, area: Any, sentence: str
) -> None:
    form = (("mode", mode), *area, ("customerProducts[0][account]", "1"))
    assert await crm.post(form=form) == error(sentence)


@BOTH_WRITES
async def test_a_write_needs_products_in_the_body(crm: Caller, mode: str) -> None:
    product = (("customerProducts[0][account]", "1"),)
    form = (("mode", mode), ("area", "001"))
    assert await crm.post(form=form) == error(NOTHING_SENT)
    assert await crm.post(query=product, form=form) == error(NOTHING_SENT)


@BOTH_WRITES
@pytest.mark.parametrize(
    "name",
    [
        "customerProducts",
        "customerProducts[0]",
        "customerProducts[]",
        "customerProducts[][account]",
        "customerProducts[first][account]",
        "customerProducts[0][]",
        "customerProducts[0][account][name]",
        "customerProducts[0][account",
    ],
)
async def test_products_that_are_no_list_of_flat_records_are_malformed(
    crm: Caller, mode: str, name: str
) -> None:
    good = ("customerProducts[1][account]", "1")
    form = (("mode", mode), ("area", "001"), good, (name, "1"))
    assert await crm.post(form=form) == error(MALFORMED)


async def test_the_numbers_of_the_records_only_tell_them_apart(crm: Caller) -> None:
    fields = [
        (f"customerProducts[{number}][{name}]", text)
        for number in (7, 3)
        for name, text in {**CHAIR, "reference": f"R{number}"}.items()
    ]
    mode = ("mode", "importCustomerProducts")
    reply = await crm.post(form=(mode, ("area", "001"), *fields))
    assert [record["reference"] for record in done(reply)] == ["R7", "R3"]


async def test_an_email_address_and_umlauts_survive_the_form(crm: Caller) -> None:
    text = "Für Å. & Co: 100 % +1 = ok"
    (record,) = done(await crm.imported({**CHAIR, "text": text}))
    assert record["text"] == text
