"""Tidewell's first purchases: what the deals of the story need from the makers."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from crm_mcp.sandbox import story
from crm_mcp.sandbox.synergist.company import user_named
from crm_mcp.sandbox.synergist.job_seed import INSTALLATION, SUPPLY, SURVEY, job_number
from crm_mcp.sandbox.synergist.purchases_money import priced
from crm_mcp.sandbox.synergist.purchases_suppliers import (
    ACOUSTICS,
    ASHGROVE,
    BJOERKVIK,
    CHAIRS,
    DESKS,
    HAULAGE,
    SERVICE_ACOUSTICS,
    SERVICE_STEINKAMP,
    STEINKAMP,
    TABLES,
)
from crm_mcp.sandbox.synergist.purchases_suppliers import (
    seed as seed_suppliers,
)
from crm_mcp.sandbox.synergist.purchases_table import ESTIMATE, PURCHASES, rates_of
from crm_mcp.sandbox.synergist.world import World

FIRST_PURCHASE = 10006001
_MARKUP = 60
_FIRST_ORDER = 12081

# Supply type, supplier and its currency, by what is sold.
_MADE_BY = {
    story.TASK_CHAIR: (CHAIRS, ASHGROVE, "", 1),
    story.LOUNGE_CHAIR: (CHAIRS, ASHGROVE, "", 1),
    story.DESK: (DESKS, BJOERKVIK, "1/SEK", 13.2),
    story.TABLE: (TABLES, BJOERKVIK, "1/SEK", 13.2),
    story.BOOTH: (ACOUSTICS, STEINKAMP, "1/EUR", 1.15),
}


def seed(world: World) -> None:
    """Add suppliers, and purchases for every deal that is not lost: orders for those won."""
    seed_suppliers(world)
    world.count_from(PURCHASES.kind, FIRST_PURCHASE)
    order = _FIRST_ORDER
    for deal in sorted(story.DEALS, key=lambda entry: entry.opened):
        if deal.stage != "Lost":
            won = deal.stage == "Won"
            _add_supply(world, deal, order if won else 0)
            order += won
    haulage = {
        "poDescription": "Chairs from the works to Leeds",
        "poJobandPhase": f"{job_number(story.DEALS[0])}.{INSTALLATION}",
        "poSupplytype": HAULAGE,
        "poSupplierCode": ASHGROVE,
        "poOrderedByUserId": user_named(world, story.MAYA.name).key,
        "poEstimatedDate": "2026-02-26",
    }
    _add(world, haulage, {"poEstCost": 240, "poEstMarkUp": 25})
    spares = {
        "poDescription": "Door seal for the booth",
        "poJobandPhase": f"2/00001005.{SURVEY}",
        "poSupplytype": SERVICE_ACOUSTICS,
        "poSupplierCode": SERVICE_STEINKAMP,
        "poOrderedByUserId": user_named(world, story.TOBIAS.name).key,
        "poEstimatedDate": "2026-02-20",
    }
    _add(world, spares, {"poEstCost": 85, "poEstMarkUp": 40}, company=2)


def _add_supply(world: World, deal: story.Deal, order: int) -> None:
    """Add what a deal needs; what was ordered last year has been delivered and invoiced."""
    world.now = deal.opened + timedelta(days=7)
    supply_type, supplier, currency, rate = _MADE_BY[deal.product]
    owner = user_named(world, deal.person.company.owner.name)
    given: dict[str, Any] = {"poEstRecChgOut": deal.value}
    given["poEstCost"] = deal.value / (1 + _MARKUP / 100)
    data: dict[str, Any] = {
        "poDescription": f"{deal.quantity} x {deal.product.name}",
        "poJobandPhase": f"{job_number(deal)}.{SUPPLY}",
        "poSupplytype": supply_type,
        "poSupplierCode": supplier,
        "poOrderedByUserId": owner.key,
        "poEstimatedDate": world.today,
        "poCurrencyCode": currency,
        "poCurrencyRate": rate,
        "poPicked": True,
        "poPickedForQuote": True,
    }
    if order:
        ordered = {"poPONumber": f"{order:06}", "poDateOrdered": world.today}
        data |= ordered | {"poDateCreated": world.today, "poDateSent": world.today}
        given |= {"poCost": given["poEstCost"], "poCharge": deal.value}
        given["poOriginalCost"] = given["poEstCost"]
    if order and deal.opened.year < story.TODAY.year:
        paid = {"poInvoiceRcd": True, "poInvoiceDate": "2025-12-18", "poInvoiceRef": "SA-25-1187"}
        data |= paid
    _add(world, data, given)


def _add(world: World, data: Mapping[str, Any], given: Mapping[str, Any], company: int = 1) -> None:
    filled = {"poPONumber": ESTIMATE, "poCurrencyCode": "", "poCurrencyRate": 1, **data}
    money = priced({}, given, rates_of(world, filled))
    world.add(PURCHASES.kind, filled | money, company=company)
