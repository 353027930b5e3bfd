"""What a job has cost so far and what is charged for it: the transactions of its phases."""

from collections.abc import Iterable, Mapping

from crm_mcp.sandbox.synergist.wire import Rows
from crm_mcp.sandbox.synergist.world import Record, Row, World

_ZERO = (
    *("costCurrencyRecommendedChargeOT1", "costCurrencyRecommendedChargeOT2"),
    *("costQuantityOT1", "costQuantityOT2", "costRecommendedChargeOT1"),
    "costRecommendedChargeOT2",
)
_EMPTY = (
    *("costCurrencyBuy", "costCurrencyBuyDescription", "costCurrencySell"),
    *("costCurrencySellDescription", "costTaskDescription", "costStage"),
)
_CHARGE_RATES = (
    *("costChargeRate", "costChargeRateOT1", "costChargeRateOT2"),
    *("costCurrencyChargeRate", "costCurrencyChargeRateNormal"),
    *("costCurrencyChargeRateOT1", "costCurrencyChargeRateOT2"),
)
_CHARGES = (
    *("costCharge", "costCurrencyCharge", "costRecommendedCharge"),
    "costCurrencyRecommendedCharge",
)


def add_time_cost(
    world: World, phase: Record, data: Mapping[str, object], *, code: str, hours: float
) -> Record:
    """Add the transaction of hours that were worked; the charge code tells the rates.

    What was done when and by whom stands in `data` as `date`, `resource` and `work`.
    """
    rates = world.find("chargecode", code)
    return world.add(
        "cost",
        {
            **data,
            "phase": phase.key,
            "code": code,
            "type": "T",
            "text": rates["description"],
            "quantity": hours,
            "costRate": rates["costRate"],
            "cost": hours * rates["costRate"],
            "chargeRate": rates["chargeRate"],
            "charge": hours * rates["chargeRate"],
        },
        company=phase.company,
    )


def costs_of(world: World, phases: Iterable[Record], *, with_phase: bool) -> Rows:
    """Show the transactions of some phases; those of a whole job say which phase they are for."""
    return Rows(
        [
            {**_row(cost), **({"costPhase": phase["phasePhase"]} if with_phase else {})}
            for phase in phases
            for cost in world.where("cost", phase=phase.key)
        ]
    )


def _row(cost: Record) -> Row:
    return {
        **dict.fromkeys(_CHARGES, cost["charge"]),
        **dict.fromkeys(_CHARGE_RATES, cost["chargeRate"]),
        "costChargeCode": cost["code"],
        **dict.fromkeys(("costCostRate", "costCostRateOT1", "costCostRateOT2"), cost["costRate"]),
        "costCostTotal": cost["cost"],
        **dict.fromkeys(("costCurrencyBuyRate", "costCurrencySellRate"), 1),
        "costDate": cost["date"],
        "costDescription": cost["text"],
        "costWorkDone": cost["work"],
        "costResourceName": cost["resource"],
        "costQuantity": cost["quantity"],
        "costChargeCodeType": cost["type"],
        **dict.fromkeys(_ZERO, 0),
        **dict.fromkeys(_EMPTY, ""),
    }
