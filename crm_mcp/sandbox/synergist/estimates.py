"""Estimates and quotes of jobs and phases, and the thermometers that compare them with reality."""

from collections.abc import Mapping

from crm_mcp.sandbox import story
from crm_mcp.sandbox.synergist.calls import Area
from crm_mcp.sandbox.synergist.errors import RefusalError
from crm_mcp.sandbox.synergist.job_seed import INSTALLATION, SUPPLY, SURVEY, job_number
from crm_mcp.sandbox.synergist.job_table import phases_of
from crm_mcp.sandbox.synergist.progress import WHITE_POINT
from crm_mcp.sandbox.synergist.reads import with_company
from crm_mcp.sandbox.synergist.tables import tidy
from crm_mcp.sandbox.synergist.wire import Ask, Rows, Said
from crm_mcp.sandbox.synergist.world import Record, Row, World

TIME, MATERIAL, BOUGHT_IN = "S", "M", "B"
"""The types of estimates (document line 3352)."""

_FIRST_SUMMARY = 1005501
_COST_SHARE = 0.6
_CARE = "Yearly care"
_HOURS: Mapping[str, tuple[tuple[str, float], ...]] = {
    SURVEY: (("1/SUR", 8), ("1/DRA", 10)),
    INSTALLATION: (("1/INS", 16),),
}
_THERMOS = (
    (-1, "KeyThermos", "Key thermos", 0),
    (1, "KeyThermos", "Actual to estimated cost", WHITE_POINT),
    (2, "KeyThermos", "Actual to estimated hours", WHITE_POINT),
)


def _asked_phases(world: World, ask: Ask) -> list[Record]:
    """Find the phases that a call is about: one, or all of a job; either name is good for both.

    Raises:
        RefusalError: it names none, or one that is not there.
    """
    number = ask.text("job-and-phase") or ask.text("job-number")
    if not number:
        raise RefusalError("Job-Number or Job-And-Phase is missing")
    phase = world.get("phase", number)
    return [phase] if phase is not None else phases_of(world, world.find("job", number))


def _estimates(world: World, ask: Ask) -> Said:
    rows = [
        _estimate_row(world, phase, estimate)
        for phase in _asked_phases(world, ask)
        for estimate in world.where("estimate", phase=phase.key)
    ]
    # The document's samples of this and of the thermometers tell a total of 0 beside their rows.
    return Rows(rows, counted=False)


def _estimate_row(world: World, phase: Record, estimate: Record) -> Row:
    spent = world.where("cost", phase=phase.key, code=estimate["code"])
    return {
        "estimateCostActual": sum(cost["cost"] for cost in spent),
        "estimateCostEstimated": estimate["cost"],
        "estimateDescription": estimate["text"],
        "estimatePhase": phase["phasePhase"],
        "estimatePhaseDescription": phase["phaseDescription"],
        "estimateQuoteDetail": "",
        "estimateType": estimate["type"],
        "estimateUnitsActual": sum(cost["quantity"] for cost in spent),
        "estimateUnitsEstimated": estimate["units"],
    }


def _quotes(world: World, ask: Ask) -> Said:
    lines = [
        line
        for phase in _asked_phases(world, ask)
        for line in world.where("quote", phase=phase.key)
    ]
    return Rows([_quote_row(line) for line in lines])


def _quote_row(line: Record) -> Row:
    return {
        "quoteUuid": line.uuid,
        "quoteTimestampModified": int(line.modified.timestamp()),
        "quoteRecordVersionNumber": line.version,
        "quoteBreakCode": f"{line['number']:06}",
        "quoteBreakLine": False,
        "quoteDiscChargeRate": 0,
        "quoteLineBold": False,
        "quoteLineDescription": line["text"],
        "quoteLineDetail": line["detail"],
        "quoteLineItalic": False,
        "quoteLineNumber": line["number"],
        "quoteLineQty": line["quantity"],
        "quoteLineUnderline": False,
        "quoteLineValue": line["value"],
    }


def _thermos(_: World, ask: Ask) -> Said:
    if ask.required("type").lower() not in ("job", "phase"):
        raise RefusalError(f"invalid type {ask.text('type')}")
    rows = [
        {
            "lookupJobPhaseThermGroup": group,
            "lookupJobPhaseThermName": name,
            "lookupJobPhaseThermNumber": number,
            "lookupJobPhaseThermWhitePoint": white_point,
        }
        for number, group, name, white_point in _THERMOS
    ]
    return Rows(rows, counted=False)


def _seed(world: World) -> None:
    """Estimate the time of all phases, and what the deals need; quote the deals."""
    world.count_from("timesummary", _FIRST_SUMMARY)
    for phase in world.all("phase"):
        is_care = phase["phaseDescription"] == _CARE
        hours = (("2/CAR", 6),) if is_care else _HOURS.get(phase["phasePhase"], ())
        for code, units in hours:
            _add_time(world, phase, code, units)
    for deal in story.DEALS:
        _add_deal(world, deal)


def _add_deal(world: World, deal: story.Deal) -> None:
    number, product = job_number(deal), deal.product
    supply = world.find("phase", f"{number}.{SUPPLY}")
    installation = world.find("phase", f"{number}.{INSTALLATION}")
    goods = {"type": MATERIAL, "text": product.name, "units": deal.quantity, "code": ""}
    _add(world, "estimate", supply, {**goods, "cost": tidy(deal.value * _COST_SHARE)})
    van = {"type": BOUGHT_IN, "text": "Hire of a van", "units": 0, "code": "", "cost": 120}
    _add(world, "estimate", installation, van)
    lines = (
        (supply, product.name, deal.quantity, deal.value),
        (installation, "Installation", 1, 480),
    )
    for position, (phase, text, quantity, value) in enumerate(lines, 1):
        line = {"text": text, "detail": "Without tax", "quantity": quantity, "value": value}
        _add(world, "quote", phase, {**line, "number": position})


def _add_time(world: World, phase: Record, code: str, hours: float) -> None:
    """Estimate somebody's time, which can be booked in the calendar as well."""
    rates = world.find("chargecode", code)
    line = {"type": TIME, "text": rates["description"], "units": hours, "code": code}
    _add(world, "estimate", phase, {**line, "cost": hours * rates["costRate"]})
    _add(world, "timesummary", phase, {"code": code, "hours": hours, "hidden": False})


def _add(world: World, kind: str, phase: Record, data: Row) -> None:
    world.add(kind, {**data, "phase": phase.key}, company=phase.company)


AREA = Area(
    {
        ("estimates", ""): with_company(_estimates),
        ("quotes", ""): with_company(_quotes),
        ("thermos", ""): with_company(_thermos),
    },
    _seed,
)
