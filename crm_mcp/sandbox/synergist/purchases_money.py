"""The money of a purchase: what it costs, what is added, and what the client is charged.

There are two sides to it, estimated and real. Costs are in the currency of the purchase, charges
in that of the job, and both in Tidewell's own. Whichever of them a call gives, the others follow;
while nobody gives a charge, the markup stays.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from crm_mcp.sandbox.synergist.errors import RefusalError
from crm_mcp.sandbox.synergist.world import Record, Row

_ALL = 100
_TOO_MUCH = 1e12


@dataclass(frozen=True)
class Side:
    """Under which names one side of the money is stored."""

    cost: str
    currency_cost: str
    markup: str
    charge: str
    currency_charge: str


@dataclass(frozen=True)
class Rates:
    """How many of a foreign currency one pound is: for the purchase and for its job."""

    purchase: float = 1
    job: float = 1


ESTIMATED = Side(
    "poEstCost", "poCurrencyEstCost", "poEstMarkUp", "poEstRecChgOut", "poCurrencyEstCharge"
)
REAL = Side("poCost", "poCurrencyCost", "poMarkup", "poCharge", "poCurrencyCharge")
ORIGINAL = ("poOriginalCost", "poCurrencyOrigCost")
INVESTMENT = ("poInvest", "poInvestment", "poInvestmentMarkup")

MONEY = (
    *("poCurrencyCode", "poCurrencyRate", "poCost", "poCurrencyCost", "poMarkup", "poCharge"),
    *("poCurrencyCharge", *INVESTMENT, "poEstCost", "poCurrencyEstCost", "poEstMarkUp"),
    *("poEstRecChgOut", "poCurrencyEstCharge", *ORIGINAL),
)
"""What the answer to most writes tells."""


def rounded(amount: float) -> float:
    """Round to pence; whole pounds have none.

    Raises:
        RefusalError: nobody has so much money.
    """
    # Written in this way, it stops what is no number at all as well.
    if not abs(amount) < _TOO_MUCH:
        raise RefusalError("invalid amount")
    found = round(amount, 2)
    return int(found) if found == int(found) else found


def money_of(purchase: Record) -> Row:
    """Show the money of a purchase as the answer to a write tells it."""
    return {name: purchase[name] for name in MONEY}


def priced(before: Mapping[str, Any], given: Mapping[str, Any], rates: Rates) -> Row:
    """Work out all amounts of a purchase after some of them were given."""
    row = _side(ESTIMATED, before, given, rates) | _side(REAL, before, given, rates)
    base, foreign = ORIGINAL
    row |= _cost(base, foreign, before, given, rates)
    return _as_investment(row, before, given, rates)


def invested(row: Mapping[str, Any], rates: Rates, *, on: bool) -> Row:
    """Charge nothing for a purchase and remember what it would be; or charge that again."""
    if on:
        kept = {"poInvestment": row["poCharge"], "poInvestmentMarkup": row["poMarkup"]}
        free = {"poMarkup": -_ALL, "poCharge": 0, "poCurrencyCharge": 0}
        return {"poInvest": True, **kept, **free}
    charge = row["poInvestment"]
    return {
        "poInvest": False,
        "poInvestment": 0,
        "poInvestmentMarkup": 0,
        "poMarkup": row["poInvestmentMarkup"],
        "poCharge": charge,
        "poCurrencyCharge": rounded(charge * rates.job),
    }


def _side(side: Side, before: Mapping[str, Any], given: Mapping[str, Any], rates: Rates) -> Row:
    row = _cost(side.cost, side.currency_cost, before, given, rates)
    cost = row[side.cost]
    charge = _given_charge(side, given, rates)
    if charge is None:
        markup = given.get(side.markup, before.get(side.markup, 0))
        charge = cost * (1 + markup / _ALL)
    else:
        markup = (charge / cost - 1) * _ALL if cost else 0
    return row | {
        side.markup: rounded(markup),
        side.charge: rounded(charge),
        side.currency_charge: rounded(charge * rates.job),
    }


def _given_charge(side: Side, given: Mapping[str, Any], rates: Rates) -> float | None:
    """Find the charge that a call gives, in pounds."""
    if side.charge in given:
        return float(given[side.charge])
    if side.currency_charge in given:
        return float(given[side.currency_charge]) / rates.job
    return None


def _cost(
    base: str, foreign: str, before: Mapping[str, Any], given: Mapping[str, Any], rates: Rates
) -> Row:
    """Give a cost in both currencies; if none is given, the price in the foreign one stays."""
    if base in given:
        amount = given[base]
        return {base: rounded(amount), foreign: rounded(amount * rates.purchase)}
    amount = given.get(foreign, before.get(foreign, 0))
    return {base: rounded(amount / rates.purchase), foreign: rounded(amount)}


def _as_investment(
    row: Row, before: Mapping[str, Any], given: Mapping[str, Any], rates: Rates
) -> Row:
    """Add what is kept of the charge while the purchase is an investment."""
    was, names = bool(before.get("poInvest")), INVESTMENT
    kept = {name: given.get(name, before.get(name, 0)) for name in names}
    is_now = bool(kept["poInvest"])
    if is_now == was:
        return row | kept | {"poInvest": is_now}
    return row | kept | invested(row | kept, rates, on=is_now)
