"""The Synergist stand-in's purchases: estimates, orders, their money and what ends them."""

import base64
from typing import Any

import pytest
from synergist_caller import RULE, Crm, Row, values

LEEDS = "1/00001001.003"
NEW: Row = {
    "poJobandPhase": LEEDS,
    "poSupplytype": "1/CHA",
    "poSupplierCode": "1/ASH001",
    "poDescription": "Spare castors",
    "poEstCost": 25,
    "poEstRecChgOut": 50,
}


@pytest.fixture(name="crm")
def _crm() -> Crm:
    return Crm()


@pytest.fixture(name="made")
def _made(crm: Crm) -> int:
    number: int = crm.written("purchases", NEW, action="create", company=1)["poInternal"]
    return number


def details(crm: Crm, number: int) -> Row:
    return crm.row("purchases", purchase=number)


def step(crm: Crm, word: str, number: int, **more: Any) -> Row:
    envelope = crm.write("purchases", action=word, purchase=number, **more)
    (row,) = envelope["data"]
    told: Row = row
    return {**told, "said": envelope["responsemessage"]}


def numbered(crm: Crm, order: str) -> int:
    (row,) = [row for row in crm.rows("purchases") if row["poPONumber"] == order]
    number: int = row["poInternal"]
    return number


def test_deals_of_the_story_need_purchases_and_those_won_are_ordered(crm: Crm) -> None:
    rows = crm.rows("purchases", jobphase="1/00001001.002")
    assert values(rows, "poDescription") == ["24 x Task Chair Heron"]
    assert rows[0]["poPONumber"] == "012082"
    assert rows[0]["poCostDisplay"] == "£4,275.00"
    assert values(crm.rows("purchases", jobphase="1/00001004.002"), "poPONumber") == ["{EST}"]
    assert crm.rows("purchases", job="1/00001006") == []


@pytest.mark.parametrize(
    ("view", "kept"),
    [
        (-2001, lambda row: row["poPONumber"] == "{EST}"),
        (-2002, lambda row: row["poPONumber"] == "012082"),
        (-2003, lambda row: row["poOrderedByUserId"] == 11),
        (-2004, lambda _: True),
    ],
)
def test_a_view_keeps_what_its_name_says(crm: Crm, view: int, kept: Any) -> None:
    seen = values(crm.rows("purchases", view=view), "poInternal")
    assert set(seen) == {row["poInternal"] for row in crm.rows("purchases") if kept(row)}
    assert seen


def test_details_tell_of_the_job_and_the_supplier(crm: Crm) -> None:
    row = details(crm, numbered(crm, "012082"))
    assert row["poClientName"] == "Calder & Wrenfield Solicitors"
    assert row["poSalesCodeDescription"] == "1 (20%)"
    assert (row["poSupplierName"], row["poSupplyTypeDescription"]) == ("Ashgrove Seating", "Chairs")
    assert row["poOrderedByFullName"] == "Owen Pritchard"


def test_a_new_purchase_is_an_estimate_and_its_markup_follows_from_the_charge(crm: Crm) -> None:
    row = crm.written("purchases", NEW, action="create")
    assert (row["poPONumber"], row["poEstMarkUp"], row["poEstRecChgOut"]) == ("{EST}", 100, 50)
    assert (row["poCost"], row["poEstimatedDate"], row["poRecordVersionNumber"]) == (
        0,
        "2026-03-02",
        0,
    )


def test_a_markup_makes_the_charge_and_without_one_the_suppliers_counts(crm: Crm) -> None:
    without = {name: value for name, value in NEW.items() if name != "poEstRecChgOut"}
    told = crm.written("purchases", {**without, "poEstMarkUp": 10}, action="create")
    assert told["poEstRecChgOut"] == 27.5
    assert crm.written("purchases", without, action="create")["poEstRecChgOut"] == 35


def test_a_price_in_a_foreign_currency_is_worked_out_in_pounds(crm: Crm) -> None:
    without = {name: value for name, value in NEW.items() if not name.startswith("poEst")}
    foreign = {"poCurrencyCode": "1/EUR", "poCurrencyEstCost": 23, "poCurrencyEstCharge": 50}
    row = crm.written("purchases", without | foreign, action="create")
    assert (row["poCurrencyRate"], row["poEstCost"], row["poEstMarkUp"]) == (1.15, 20, 150)
    base = crm.written(
        "purchases",
        {"poInternal": row["poInternal"], "poCurrencyCode": ""},
        action="update",
    )
    assert (base["poCurrencyRate"], base["poEstCost"]) == (1, 23)


def test_a_charge_for_nothing_has_no_markup(crm: Crm) -> None:
    row = crm.written("purchases", {**NEW, "poEstCost": 0}, action="create")
    assert (row["poEstMarkUp"], row["poEstRecChgOut"]) == (0, 50)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"poDescription": ""}, "poDescription is missing"),
        ({"poJobandPhase": "1/00000801.001"}, "phase 1/00000801.001 is completed"),
        ({"poSupplierCode": "1/OLD001"}, "supplier 1/OLD001 is on hold"),
        ({"poSupplierCode": "1/RUFUS"}, "supplier 1/RUFUS is inactive"),
        ({"poSupplierCode": "2/STE001"}, "supplier 2/STE001 belongs to another company"),
        ({"poSupplytype": "2/ACO"}, "supplytype 2/ACO belongs to another company"),
        ({"poCurrencyCode": "1/DEM"}, "currency 1/DEM is inactive"),
        ({"poCurrencyRate": -1}, "invalid poCurrencyRate -1"),
        ({"poEstCost": 1e308, "poCurrencyRate": 9}, "invalid amount"),
    ],
)
def test_a_purchase_that_breaks_a_rule_is_not_made(crm: Crm, wrong: Row, words: str) -> None:
    assert crm.why("purchases", [NEW | wrong], action="create") == words


def test_the_cost_can_be_changed_and_the_markup_stays(crm: Crm, made: int) -> None:
    row = crm.written("purchases", {"poInternal": str(made), "poEstCost": 33}, action="update")
    assert (row["poEstRecChgOut"], row["poEstMarkUp"], row["poChargeout"]) == (66, 100, 0)
    assert row["poRecordVersionNumber"] == 1
    assert details(crm, made)["poDescription"] == "Spare castors"


def test_phase_and_supplier_can_be_changed_within_the_company(crm: Crm, made: int) -> None:
    item = {"poInternal": made, "poJobandPhase": "1/00001001.002", "poSupplierCode": "1/bjo001"}
    crm.written("purchases", item, action="update")
    assert details(crm, made)["poSupplierCode"] == "1/BJO001"
    other = {"poInternal": made, "poJobandPhase": "2/00001005.001"}
    words = "phase 2/00001005.001 belongs to another company"
    assert crm.why("purchases", [other], action="update") == words


def test_an_old_version_is_refused(crm: Crm, made: int) -> None:
    step(crm, "estimatepicked_on", made)
    item = {"poInternal": made, "poRecordVersionNumber": 0, "poEstCost": 1}
    assert "updated by another user" in crm.why("purchases", [item], action="update")


def test_an_estimate_can_be_deleted_and_an_order_cannot(crm: Crm, made: int) -> None:
    told = crm.written("purchases", {"poInternal": made}, action="delete")
    assert set(told) == {"poInternal", "poUuid"}
    assert crm.rows("purchases", purchase=made) == []
    order = numbered(crm, "012082")
    words = f"purchase {order} is an order: cancel it"
    assert crm.why("purchases", [{"poInternal": order}], action="delete") == words


def test_an_approved_purchase_stays_as_it_is_until_that_is_taken_back(crm: Crm, made: int) -> None:
    told = step(crm, "approve", made)
    assert (told["poPOApproved"], told["poPOApprovedDate"]) == (True, "2026-03-02")
    assert told["said"] == "Purchase order approved. "
    change = [{"poInternal": made, "poEstCost": 1}]
    assert crm.why("purchases", change, action="update") == f"purchase {made} is approved"
    assert crm.why("purchases", action="approve", purchase=made).endswith("is approved")
    undone = step(crm, "unapprove", made)
    assert (undone["poPOApproved"], undone["poPOApprovedDate"]) == (False, "0000-00-00")
    assert crm.why("purchases", action="unapprove", purchase=made).endswith("is not approved")
    crm.write("purchases", change, action="update")


def test_an_estimate_becomes_an_order_that_can_be_cancelled(crm: Crm, made: int) -> None:
    step(crm, "approve", made)
    told = step(crm, "promote", made)
    assert (told["poPONumber"], told["poCost"], told["poChargeout"]) == ("012083", 25, 50)
    assert told["poOriginalCost"] == 25
    assert crm.why("purchases", action="promote", purchase=made).endswith("is an order already")
    step(crm, "quotepicked_on", made)
    cancelled = step(crm, "cancel", made)
    assert (cancelled["poCancelDate"], cancelled["poPickedForQuote"]) == ("2026-03-02", False)
    for word in ("cancel", "promote", "approve", "option_on"):
        assert crm.why("purchases", action=word, purchase=made).endswith("is cancelled")


def test_an_estimate_is_not_cancelled_and_an_invoiced_order_is_left_alone(
    crm: Crm, made: int
) -> None:
    words = f"purchase {made} is an estimate: delete it"
    assert crm.why("purchases", action="cancel", purchase=made) == words
    paid = numbered(crm, "012081")
    assert crm.why("purchases", action="cancel", purchase=paid).endswith("has been invoiced")


@pytest.mark.parametrize(
    ("on", "off", "name"),
    [
        ("quotepicked_on", "quotedpicked_off", "poPickedForQuote"),
        ("quotedpicked_on", "quotedpicked_off", "poPickedForQuote"),
        ("estimatepicked_on", "estimatepicked_off", "poPicked"),
    ],
)
def test_picks_go_on_and_off(crm: Crm, made: int, on: str, off: str, name: str) -> None:
    assert step(crm, on, made)[name] is True
    assert details(crm, made)[name] is True
    assert step(crm, off, made)[name] is False


def test_an_option_goes_on_and_off_and_is_told_in_other_names(crm: Crm, made: int) -> None:
    assert step(crm, "option_on", made)["purchaseorder_option"] == "option"
    assert details(crm, made)["poOption"] == "option"
    assert step(crm, "option_off", made)["purchaseorder_option"] == ""


def test_an_investment_charges_nothing_and_remembers_what_it_would(crm: Crm) -> None:
    order = numbered(crm, "012082")
    for _ in range(2):
        told = step(crm, "investment_on", order)
        assert (told["purchaseorder_chargeout"], told["purchaseorder_investment"]) == (0, 6840)
        assert told["purchaseorder_markup"] == -100
    crm.write("purchases", [{"poInternal": order, "poTheirRef": "A-1"}], action="update")
    assert details(crm, order)["poInvestment"] == 6840
    told = step(crm, "investment_off", order)
    assert (told["purchaseorder_chargeout"], told["purchaseorder_invest"]) == (6840, False)


def test_an_update_can_make_an_investment_and_an_order_of_it_charges_nothing(
    crm: Crm, made: int
) -> None:
    crm.written("purchases", {"poInternal": made, "poInvest": True}, action="update")
    told = step(crm, "promote", made)
    assert (told["poCost"], told["poChargeout"], told["poInvestment"]) == (25, 0, 50)


def test_another_currency_keeps_the_foreign_price(crm: Crm, made: int) -> None:
    told = step(crm, "changecurrency", made, currency="1/EUR", currencyrate="1.25")
    assert (told["poEstCost"], told["poCurrencyEstCost"], told["poEstMarkUp"]) == (20, 25, 100)
    usual = step(crm, "changecurrency", made, currency="1/SEK")
    assert usual["poCurrencyRate"] == 13.2
    for currency, rate in (("1/DEM", 1), ("1/EUR", -1)):
        assert crm.why(
            "purchases",
            action="changecurrency",
            purchase=made,
            currency=currency,
            currencyrate=rate,
        ).startswith(("currency 1/DEM", "invalid currencyrate"))


def test_another_supplier_has_no_contact_yet(crm: Crm, made: int) -> None:
    contact = crm.rows("purchases", action="contacts", supplier="1/ASH001")[0]
    number = contact["suppliercontactInternalRef"]
    crm.written(
        "purchases",
        {"poInternal": made, "poSupplierContactInternalRef": number},
        action="update",
    )
    assert details(crm, made)["poContactName"] == "Phoebe Marsh"
    told = step(crm, "changesupplier", made, supplier="1/ste001")
    assert (told["poSupplierCode"], told["poSupplierContactInternalRef"]) == ("1/STE001", 0)


def test_several_purchases_take_a_step_together_or_not_at_all(crm: Crm, made: int) -> None:
    other = crm.written("purchases", NEW, action="create")["poInternal"]
    both = [made, other]
    assert len(crm.write("purchases", action="approve", purchase=both)["data"]) == 2
    step(crm, "unapprove", made)
    code, _ = crm.refusal("purchases", action="approve", purchase=both)
    assert code == RULE
    assert details(crm, made)["poPOApproved"] is False


def test_suppliers_and_claimants_are_listed_apart(crm: Crm) -> None:
    makers = crm.rows("purchases", action="supplierslist", company=1)
    assert values(makers, "supplierCode") == ["1/ASH001", "1/BJO001", "1/STE001", "1/OLD001"]
    assert makers[0]["supplierSupplytypeDescription"] == "Chairs"
    claimants = crm.rows("purchases", action="expenseslist", company=2)
    assert values(claimants, "supplierCode") == ["2/TOBIAS"]


def test_there_is_a_picker_for_everything_that_a_purchase_refers_to(crm: Crm) -> None:
    def first(action: str, **parameters: Any) -> Row:
        return crm.rows("purchases", action=action, company=1, **parameters)[0]

    chosen = crm.rows("purchases", action="supplytypes", company=1, supplier="1/BJO001")
    assert [row["supplytypesSupplyType"] for row in chosen if row["variable_selected"]] == ["1/DES"]
    assert not first("supplytypes")["variable_selected"]
    assert first("orderers")["userFullName"] == "Maya Thornbury"
    assert first("currencies")["currencyCurrencyName"] == "- Base currency -"
    codes = values(crm.rows("purchases", action="currencies"), "currencyCode")
    assert codes == ["", "1/EUR", "1/SEK"]
    assert "jobExchangeRate" in first("jobslist")
    assert first("podescriptions")["podescriptionsPoText"].startswith("Please")
    assert first("taxcodes")["taxCodeDescription"] == "1 (UK 20%)"
    assert len(crm.rows("purchases", action="contacts", company=1)) == 3


def test_an_order_is_printed_as_base64_or_as_a_file(crm: Crm) -> None:
    order = numbered(crm, "012082")
    templates = crm.rows("purchases", action="purchaseinputprints", purchase=order)
    click = templates[0]["menuClickAction"]
    assert click == "PURCHASEINPUTFILE PURCHASEINPUTFILEREPORT -2096"
    code = click.rpartition(" ")[2]
    printed = crm.reply("purchases", action=f"purchaseinputprints {code}", purchase=order)
    content = base64.b64decode(printed["data"][0]["variable_attachmentbase64blob"])
    assert content.startswith(b"%PDF")
    assert b"24 x Task Chair Heron" in content
    answer = crm.send("purchases", action=f"purchaseinputfiles  {code}", purchase=order)
    assert (answer.content, answer.content_type) == (content, "application/pdf")
    words = crm.why("purchases", action="purchaseinputprints -1", purchase=order)
    assert words == "template -1 not found"
