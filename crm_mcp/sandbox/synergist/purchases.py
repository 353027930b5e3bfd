"""Purchases of Synergist: making, changing and deleting them; the steps are a module of their own.

A purchase is an estimate until it is promoted to an order. Orders are cancelled, not deleted; what
is approved, cancelled or invoiced stays as it is.
"""

from collections.abc import Mapping
from typing import Any

from crm_mcp.sandbox.synergist.calls import Area
from crm_mcp.sandbox.synergist.errors import RefusalError
from crm_mcp.sandbox.synergist.jobs import LISTING as JOB_LISTING
from crm_mcp.sandbox.synergist.purchases_money import money_of, priced
from crm_mcp.sandbox.synergist.purchases_print import (
    as_base64,
    as_file,
    template_named,
    template_rows,
)
from crm_mcp.sandbox.synergist.purchases_seed import seed
from crm_mcp.sandbox.synergist.purchases_steps import STEPS, check_changeable
from crm_mcp.sandbox.synergist.purchases_suppliers import (
    PICKERS,
    SUPPLIERS,
    SUPPLY_TYPE,
    is_active,
    usable_phase,
    usable_supplier,
)
from crm_mcp.sandbox.synergist.purchases_table import (
    ESTIMATE,
    LISTING,
    PURCHASES,
    VIEWS,
    named_purchase,
    rates_of,
)
from crm_mcp.sandbox.synergist.reads import reading
from crm_mcp.sandbox.synergist.tables import NO_DATE
from crm_mcp.sandbox.synergist.wire import Ask, Said
from crm_mcp.sandbox.synergist.world import Record, Row, World
from crm_mcp.sandbox.synergist.writes import Item, each, ignored, named, new_values, values_of

_TEMPLATES = {-2096: "Order with our terms", -1938: "Order", -1951: "Order for email"}
_LEVEL = "PURCHASEINPUTFILE"
_TOLD_OF_NEW = {
    "poDateOrdered": NO_DATE,
    "poEstimatedDate": NO_DATE,
    "poSupplierCode": "",
    "poSupplierContactInternalRef": 0,
    "poSupplytype": "",
    "poInvoiceMemo": "",
    "poDescription": "",
    "poTheirRef": "",
    "poOrderedByUserId": 0,
    "poOrderText": "",
    "poPicked": False,
    "poPickedForQuote": False,
    "poOption": "",
}
"""What the answer to a new purchase tells of it, beside the money."""


def _create(world: World, ask: Ask) -> Said:
    return each(ask.items, lambda item: _create_one(world, ask, item))


def _create_one(world: World, ask: Ask, item: Row) -> Item:
    values = new_values(world, PURCHASES, item)
    phase = usable_phase(world, values.data["poJobandPhase"])
    given = {**_of_currency(world, values.data), **values.data}
    _check_references(world, phase.company, given)
    supplier = usable_supplier(world, given["poSupplierCode"], phase.company)
    before = {"poEstMarkUp": supplier["supplierMarkup"] or 0}
    data = {
        "poPONumber": ESTIMATE,
        "poOrderedByUserId": ask.user.key,
        "poEstimatedDate": world.today,
        "poCurrencyCode": "",
        "poCurrencyRate": 1,
        **given,
    }
    money = priced(before, given, rates_of(world, data))
    purchase = world.add(PURCHASES.kind, data | money, company=phase.company)
    told = {name: _filled(purchase, name, empty) for name, empty in _TOLD_OF_NEW.items()}
    return Item({**money_of(purchase), **named_purchase(purchase), **told}, ignored(values))


def _filled(purchase: Record, name: str, empty: object) -> object:
    value = purchase[name]
    return empty if value is None else value


def _of_currency(world: World, given: Mapping[str, Any]) -> Row:
    """Give the rate that goes with a currency, for a call that names none."""
    code = given.get("poCurrencyCode")
    if code is None:
        return {}
    if not code:
        return {"poCurrencyRate": 1}
    currency = world.find("currency", code)
    if not is_active(currency):
        raise RefusalError(f"currency {code} is inactive")
    return {"poCurrencyRate": currency["currencyExchangeRate"]}


def _check_references(world: World, company: int, given: Mapping[str, Any]) -> None:
    """Refuse a supply type of another company, and a rate that is none."""
    code = given.get("poSupplytype")
    if code is not None and world.find(SUPPLY_TYPE, code).company != company:
        raise RefusalError(f"{SUPPLY_TYPE} {code} belongs to another company")
    if given.get("poCurrencyRate", 1) <= 0:
        raise RefusalError(f"invalid poCurrencyRate {given['poCurrencyRate']}")


def _update(world: World, ask: Ask) -> Said:
    return each(ask.items, lambda item: _update_one(world, item))


def _update_one(world: World, item: Row) -> Item:
    purchase = named(world, PURCHASES, item)
    check_changeable(purchase)
    values = values_of(world, PURCHASES, item)
    given = {**_of_currency(world, values.data), **values.data}
    _check_references(world, purchase.company, given)
    if "poSupplierCode" in given:
        usable_supplier(world, given["poSupplierCode"], purchase.company)
    if "poJobandPhase" in given:
        phase = usable_phase(world, given["poJobandPhase"])
        if phase.company != purchase.company:
            raise RefusalError(f"phase {phase.key} belongs to another company")
    data = {**purchase.data, **given}
    money = priced(purchase.data, given, rates_of(world, data))
    changed = world.change(purchase, given | money)
    told = money_of(changed)
    # The answer to an update calls the charge by another name than that to a new purchase.
    told["poChargeout"] = told.pop("poCharge")
    return Item(told | named_purchase(changed), ignored(values))


def _delete(world: World, ask: Ask) -> Said:
    return each(ask.items, lambda item: _delete_one(world, item))


def _delete_one(world: World, item: Row) -> Item:
    purchase = named(world, PURCHASES, item)
    check_changeable(purchase)
    if purchase["poPONumber"] != ESTIMATE:
        raise RefusalError(f"purchase {purchase.key} is an order: cancel it")
    world.drop(purchase)
    return Item({PURCHASES.key: purchase.key, "poUuid": purchase.uuid})


def _print(world: World, ask: Ask) -> Said:
    """Print a purchase, or tell from which templates there are where none is named."""
    purchase = world.find(PURCHASES.kind, ask.number("purchase"))
    if not ask.detail:
        return template_rows(_TEMPLATES, _LEVEL, f"{_LEVEL} {_LEVEL}REPORT")
    template = template_named(_TEMPLATES, ask)
    row = PURCHASES.show(world, purchase)
    supplier = world.find(SUPPLIERS.kind, purchase["poSupplierCode"])
    lines = (
        f"{template} {purchase['poPONumber']}",
        str(supplier["supplierName"]),
        str(row["poDescription"]),
        str(row["poOrderText"]),
    )
    if ask.action == "purchaseinputfiles":
        return as_file(lines, f"purchase-{purchase.key}")
    return as_base64(lines, "variable_attachmentbase64blob", "variable_attachmentfilename")


AREA = Area(
    {
        ("purchases", ""): reading(LISTING),
        ("purchases", "create"): _create,
        ("purchases", "update"): _update,
        ("purchases", "delete"): _delete,
        ("purchases", "jobslist"): reading(JOB_LISTING),
        ("purchases", "purchaseinputprints"): _print,
        ("purchases", "purchaseinputfiles"): _print,
        **STEPS,
        **PICKERS,
    },
    seed,
    VIEWS,
)
