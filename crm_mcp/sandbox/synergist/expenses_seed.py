"""Tidewell's first expense claims, one in each state, and the stages of the work they are for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from crm_mcp.sandbox import story
from crm_mcp.sandbox.synergist.company import INTERIORS
from crm_mcp.sandbox.synergist.expenses_lines import amounts
from crm_mcp.sandbox.synergist.expenses_post import post_lines
from crm_mcp.sandbox.synergist.expenses_records import add_sheet
from crm_mcp.sandbox.synergist.expenses_table import (
    APPROVED,
    LINE,
    POSTED,
    PROCESSED,
    QUERIED,
    RETURNED,
    SHEET,
    SUBMITTED,
    UNSUBMITTED,
    sheet_of,
)
from crm_mcp.sandbox.synergist.job_seed import INSTALLATION, SUPPLY, SURVEY, job_number
from crm_mcp.sandbox.synergist.purchases_suppliers import HOTEL, MEALS, MILEAGE, TRAIN
from crm_mcp.sandbox.synergist.world import World

FIRST_SHEET, FIRST_LINE = 1786, 3395
_FIRST_STAGE = 980
_STAGES = ("Ordered", "Ready at the works", "Delivered")
_WON = tuple(deal for deal in story.DEALS if deal.stage == "Won")
_CHAIRS, _BOOTH = (job_number(deal) for deal in _WON)
_SHOWROOM = "1/00000051.001"


@dataclass(frozen=True)
class _Line:
    """One claim: what for, how much, and what has become of it."""

    supply_type: str
    text: str
    phase: str
    total: float
    status: str
    miles: int = 0


@dataclass(frozen=True)
class _Claim:
    colleague: story.Colleague
    text: str
    at: datetime
    status: str
    lines: tuple[_Line, ...]


_CLAIMS = (
    _Claim(
        story.TOBIAS,
        "Booth in Göteborg",
        story.day(2025, 11, 28),
        POSTED,
        (
            _Line(TRAIN, "Train to Göteborg", f"{_BOOTH}.{INSTALLATION}", 64, APPROVED),
            _Line(HOTEL, "One night in Göteborg", f"{_BOOTH}.{INSTALLATION}", 118, APPROVED),
        ),
    ),
    _Claim(
        story.OWEN,
        "Survey in Leeds",
        story.day(2026, 1, 23),
        PROCESSED,
        (
            _Line(MILEAGE, "Manchester to Leeds and back", f"{_CHAIRS}.{SURVEY}", 0, APPROVED, 92),
            _Line(MEALS, "Lunch with Eleanor Whitby", f"{_CHAIRS}.{SURVEY}", 43.2, QUERIED),
        ),
    ),
    _Claim(
        story.GRETA,
        "Showroom day",
        story.day(2026, 2, 13),
        RETURNED,
        (_Line(MEALS, "Coffee for the visitors", _SHOWROOM, 27, SUBMITTED),),
    ),
    _Claim(
        story.OWEN,
        "Delivery of the first lot",
        story.day(2026, 2, 26),
        SUBMITTED,
        (_Line(MILEAGE, "Manchester to Leeds", f"{_CHAIRS}.{INSTALLATION}", 0, SUBMITTED, 46),),
    ),
    _Claim(
        story.MAYA,
        "Drawings for Leeds",
        story.day(2026, 2, 27),
        UNSUBMITTED,
        (
            _Line(TRAIN, "Bristol to Leeds", f"{_CHAIRS}.{SURVEY}", 96.4, UNSUBMITTED),
            _Line(HOTEL, "One night in Leeds", f"{_CHAIRS}.{SURVEY}", 89, UNSUBMITTED),
        ),
    ),
)


def seed(world: World) -> None:
    """Add stages, and claims from the oldest to the newest."""
    code = _FIRST_STAGE
    for deal in _WON:
        phase = f"{job_number(deal)}.{SUPPLY}"
        for sequence, text in enumerate(_STAGES, 1):
            data = {"description": text, "sequence": sequence, "phase": phase}
            world.add("expensestage", data, key=f"{INTERIORS}/W{code:010}")
            code += 1
    world.count_from(SHEET, FIRST_SHEET)
    world.count_from(LINE, FIRST_LINE)
    for claim in _CLAIMS:
        world.now = claim.at + timedelta(hours=16)
        _add(world, claim)


def _add(world: World, claim: _Claim) -> None:
    data = {
        "expensesheetSupplierCode": f"{INTERIORS}/{claim.colleague.code.upper()}",
        "expensesheetCompany": INTERIORS,
        "expensesheetDescription": claim.text,
    }
    sheet = add_sheet(world, data, claim.status)
    if claim.status != UNSUBMITTED:
        world.change(sheet, {"status_at": world.now})
    _add_lines(world, int(sheet.key), claim.lines)
    if claim.status == POSTED:
        post_lines(world, sheet_of(world, sheet))


def _add_lines(world: World, sheet: int, lines: Sequence[_Line]) -> None:
    for line in lines:
        data = {
            "expenselineSheetInternal": sheet,
            "expenselineSupplyType": line.supply_type,
            "expenselineDescription": line.text,
            "expenselineJobAndPhase": line.phase,
            "expenselineDate": world.today,
            "expenselineQuantity": line.miles,
            "expenselineTotal": line.total,
        }
        notes = {"notes": "Who was there?"} if line.status == QUERIED else {}
        world.add(LINE, {**data, **amounts(world, data), "status": line.status, **notes})
