"""What is done to a purchase by a word: approving, promoting, cancelling, picking and the like.

A step is taken by one purchase or by several, as a JSON array, and then by all of them or none.
"""

from collections.abc import Callable
from typing import Any

from crm_mcp.sandbox.synergist.calls import Calls, CarryOut
from crm_mcp.sandbox.synergist.errors import RefusalError
from crm_mcp.sandbox.synergist.purchases_money import (
    ESTIMATED,
    REAL,
    invested,
    money_of,
    priced,
)
from crm_mcp.sandbox.synergist.purchases_suppliers import is_active, usable_supplier
from crm_mcp.sandbox.synergist.purchases_table import ESTIMATE, PURCHASES, named_purchase, rates_of
from crm_mcp.sandbox.synergist.tables import NO_DATE, Field, read_value
from crm_mcp.sandbox.synergist.wire import Ask, Done, Said
from crm_mcp.sandbox.synergist.world import Record, Row, World

Step = Callable[[World, Ask, Record], Row]
"""Works out what a step changes in a purchase."""

Tell = Callable[[Record], Row]
"""Tells what the answer says of a purchase that took a step."""

_FIRST_ORDER = 12090
_ZONE = "UTCA"

# The answers to two of the steps spell their fields in the way of the database.
_OLD_NAMES = {
    "poCurrencyCode": "currencycode",
    "poCurrencyRate": "currencyrate",
    "poCost": "cost",
    "poCurrencyCost": "currencycost",
    "poMarkup": "markup",
    "poCharge": "chargeout",
    "poCurrencyCharge": "curchargeout",
    "poInvest": "invest",
    "poInvestment": "investment",
    "poInvestmentMarkup": "investmentmarkup",
    "poEstCost": "estcost",
    "poCurrencyEstCost": "currencyestcost",
    "poEstMarkUp": "estmarkup",
    "poEstRecChgOut": "estrecchgout",
    "poCurrencyEstCharge": "estcurchargeout",
    "poOriginalCost": "originalcost",
    "poCurrencyOrigCost": "currencyorigcost",
    "poInternal": "internal",
    "poUuid": "uuid",
    "poTimeStampModified": "timestampmodified",
    "poRecordVersionNumber": "recordversionnumber",
    "poPONumber": "ponumber",
    "poOption": "option",
}


def check_open(purchase: Record) -> None:
    """Refuse what is done to a purchase that is over."""
    if purchase["poCancelDate"]:
        raise RefusalError(f"purchase {purchase.key} is cancelled")
    if purchase["poInvoiceRcd"]:
        raise RefusalError(f"purchase {purchase.key} has been invoiced")


def check_changeable(purchase: Record) -> None:
    """Refuse a change of a purchase that is over or approved."""
    check_open(purchase)
    if purchase["poPOApproved"]:
        raise RefusalError(f"purchase {purchase.key} is approved")


def _approve(world: World, ask: Ask, purchase: Record) -> Row:
    check_changeable(purchase)
    return _approval(world.today, f"{world.now:%H:%M}", ask.user.key, _ZONE)


def _unapprove(_world: World, _ask: Ask, purchase: Record) -> Row:
    check_open(purchase)
    if not purchase["poPOApproved"]:
        raise RefusalError(f"purchase {purchase.key} is not approved")
    return {**_approval(NO_DATE, "00:00", 0, ""), "poPOApproved": False}


def _approval(day: str, time: str, user: object, zone: str) -> Row:
    return {
        "poPOApproved": True,
        "poPOApprovedDate": day,
        "poPOApprovedTime": time,
        "poPOApprovedUserId": user,
        "poPOApprovedDateUtc": day,
        "poPOApprovedTimeUtc": time,
        "poPOApprovedTimeZone": zone,
    }


def _promote(world: World, _: Ask, purchase: Record) -> Row:
    """Make an estimate an order: what was estimated is what it costs."""
    check_open(purchase)
    if _is_order(purchase):
        raise RefusalError(f"purchase {purchase.key} is an order already")
    names = zip(
        (REAL.cost, REAL.currency_cost, REAL.markup, REAL.charge, REAL.currency_charge),
        (
            *(ESTIMATED.cost, ESTIMATED.currency_cost, ESTIMATED.markup, ESTIMATED.charge),
            ESTIMATED.currency_charge,
        ),
        strict=True,
    )
    money = {real: purchase[estimated] for real, estimated in names}
    if purchase["poInvest"]:
        money |= invested(money, rates_of(world, purchase.data), on=True)
    return {
        **money,
        "poOriginalCost": purchase["poEstCost"],
        "poCurrencyOrigCost": purchase["poCurrencyEstCost"],
        "poPONumber": f"{_next_order(world):06}",
        "poDateOrdered": world.today,
        "poDateCreated": world.today,
    }


def _next_order(world: World) -> int:
    taken = [int(entry["poPONumber"]) for entry in world.all("purchase") if _is_order(entry)]
    return max(taken, default=_FIRST_ORDER - 1) + 1


def _is_order(purchase: Record) -> bool:
    return bool(purchase["poPONumber"] != ESTIMATE)


def _cancel(world: World, ask: Ask, purchase: Record) -> Row:
    check_open(purchase)
    if not _is_order(purchase):
        raise RefusalError(f"purchase {purchase.key} is an estimate: delete it")
    time = f"{world.now:%H:%M}"
    return {
        "poCancelDate": world.today,
        "poCancelTime": time,
        "poCancelTimeZone": _ZONE,
        "poCancelDateUtc": world.today,
        "poCancelTimeUtc": time,
        "poCancelUserId": ask.user.key,
        "poPicked": False,
        "poPickedForQuote": False,
        "poOption": "",
        # The write-off invoice that the document speaks of.
        "poInvoiceRef": f"WO{purchase['poPONumber']}",
    }


def _set(name: str, value: object) -> Step:
    """Make a step that sets one field."""

    def step(_world: World, _ask: Ask, purchase: Record) -> Row:
        check_open(purchase)
        return {name: value}

    return step


def _invest(*, on: bool) -> Step:
    """Make a step that begins or ends charging nothing."""

    def step(world: World, _: Ask, purchase: Record) -> Row:
        check_open(purchase)
        if bool(purchase["poInvest"]) == on:
            return {}
        return invested(purchase.data, rates_of(world, purchase.data), on=on)

    return step


def _change_currency(world: World, ask: Ask, purchase: Record) -> Row:
    check_changeable(purchase)
    currency = world.find("currency", ask.required("currency"))
    if not is_active(currency):
        raise RefusalError(f"currency {currency.key} is inactive")
    usual = str(currency["currencyExchangeRate"])
    rate = read_value(Field("currencyrate", "number"), ask.text("currencyrate", usual))
    if rate <= 0:
        raise RefusalError(f"invalid currencyrate {rate}")
    data = {"poCurrencyCode": currency.key, "poCurrencyRate": rate}
    return data | priced(purchase.data, {}, rates_of(world, {**purchase.data, **data}))


def _change_supplier(world: World, ask: Ask, purchase: Record) -> Row:
    check_changeable(purchase)
    supplier = usable_supplier(world, ask.required("supplier"), purchase.company)
    return {"poSupplierCode": supplier.key, "poSupplierContactInternalRef": 0}


def _tell(*names: str) -> Tell:
    """Tell some fields, and which purchase it is."""
    return lambda purchase: {name: purchase[name] for name in names} | named_purchase(purchase)


def _tell_money(purchase: Record) -> Row:
    told = money_of(purchase)
    told["poChargeout"] = told.pop("poCharge")
    return told | named_purchase(purchase)


def _in_old_names(row: Row) -> Row:
    return {f"purchaseorder_{_OLD_NAMES[name]}": value for name, value in row.items()}


def _call(step: Step, message: str, tell: Tell) -> CarryOut:
    """Make the call for a step; the document's messages end in a blank."""

    def carry_out(world: World, ask: Ask) -> Said:
        rows = []
        for number in ask.numbers("purchase"):
            purchase = world.find(PURCHASES.kind, number)
            changed = world.change(purchase, step(world, ask, purchase))
            rows.append(tell(changed))
        return Done(f"Purchase order {message}. ", rows)

    return carry_out


def _calls() -> dict[tuple[str, str], CarryOut]:
    approval: tuple[str, ...] = tuple(_approval("", "", 0, ""))
    cancelled = (
        *("poCancelDate", "poCancelTime", "poCancelTimeZone", "poCancelDateUtc"),
        *("poCancelTimeUtc", "poCancelUserId", "poPicked", "poPickedForQuote", "poOption"),
    )
    supplier = ("poSupplierCode", "poSupplierContactInternalRef")
    calls = {
        "approve": _call(_approve, "approved", _tell(*approval)),
        "unapprove": _call(_unapprove, "unapproved", _tell(*approval)),
        "promote": _call(_promote, "promoted to a real purchase order", _tell_money),
        "cancel": _call(_cancel, "cancelled and written off", _tell(*cancelled)),
        "changecurrency": _call(_change_currency, "currency changed", _tell_money),
        "changesupplier": _call(_change_supplier, "supplier changed", _tell(*supplier)),
    }
    return {("purchases", word): call for word, call in (calls | _flags()).items()}


def _flags() -> dict[str, CarryOut]:
    """Make the calls that switch something on or off."""
    # The document spells the first of these words in both ways.
    flags: tuple[tuple[str, str, Any], ...] = (
        ("quotepicked_on", "poPickedForQuote", True),
        ("quotedpicked_on", "poPickedForQuote", True),
        ("quotedpicked_off", "poPickedForQuote", False),
        ("estimatepicked_on", "poPicked", True),
        ("estimatepicked_off", "poPicked", False),
    )
    said = {"poPickedForQuote": "quote picked changed", "poPicked": "estimate picked changed"}
    picks = {word: _call(_set(name, value), said[name], _tell(name)) for word, name, value in flags}
    options = {
        word: _call(
            _set("poOption", value),
            "option changed",
            lambda purchase: _in_old_names(_tell("poOption")(purchase)),
        )
        for word, value in (("option_on", "option"), ("option_off", ""))
    }
    investments = {
        word: _call(
            _invest(on=on),
            "investment changed",
            lambda purchase: _in_old_names(money_of(purchase) | named_purchase(purchase)),
        )
        for word, on in (("investment_on", True), ("investment_off", False))
    }
    return picks | options | investments


STEPS: Calls = _calls()
