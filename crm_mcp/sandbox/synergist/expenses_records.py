"""New expense sheets and lines, and whether those that are there may still be changed."""

from collections.abc import Mapping
from typing import Any

from crm_mcp.sandbox.synergist.errors import RefusalError
from crm_mcp.sandbox.synergist.expenses_table import (
    LINE,
    POSTED,
    PROCESSED,
    RETURNED,
    SHEET,
    SHEET_STATES,
    UNSUBMITTED,
    Sheet,
)
from crm_mcp.sandbox.synergist.purchases_suppliers import usable_phase, usable_supplier
from crm_mcp.sandbox.synergist.world import Record, World


def no_change(sheet: Sheet) -> str:
    """Say why a sheet cannot be changed; nothing if it can."""
    if sheet.state in (PROCESSED, POSTED):
        return f"is {SHEET_STATES[sheet.state].lower()}"
    return ""


def add_sheet(world: World, data: Mapping[str, Any], state: str = UNSUBMITTED) -> Record:
    """Make a sheet for somebody who may claim expenses."""
    company = data["expensesheetCompany"]
    supplier = usable_supplier(world, data["expensesheetSupplierCode"], company)
    if not supplier["supplierExpense"]:
        raise RefusalError(f"supplier {supplier.key} claims no expenses")
    values = {"expensesheetDate": world.today, **data, "status": state, "created": world.now}
    return world.add(SHEET, values, company=company)


def copy_line(world: World, line: Record, sheet: Record) -> Record:
    """Add a line like another one to a sheet, as yet unsubmitted and without a receipt."""
    fresh = {
        "expenselineSheetInternal": sheet.key,
        "expenselineSubmittersNotes": "",
        "notes": "",
        "status": UNSUBMITTED,
        "receipt": None,
    }
    return world.add(LINE, {**line.data, **fresh}, company=sheet.company)


def check_line(world: World, data: Mapping[str, Any]) -> Record:
    """Find the sheet of a new line, which must be open, and refuse what the line lacks.

    Raises:
        RefusalError: also where the phase is completed, or sheet and claimant do not agree.
    """
    for name in ("expenselineSheetInternal", "expenselineJobAndPhase", "expenselineSupplyType"):
        if not data.get(name):
            raise RefusalError(f"{name} is missing")
    sheet = world.find(SHEET, data["expenselineSheetInternal"])
    if sheet["status"] not in (UNSUBMITTED, RETURNED):
        raise RefusalError(f"expense sheet {sheet.key} is {SHEET_STATES[sheet['status']].lower()}")
    claimant = data.get("expensesheetSupplierCode") or sheet["expensesheetSupplierCode"]
    if claimant != sheet["expensesheetSupplierCode"]:
        raise RefusalError(f"expense sheet {sheet.key} is not {claimant}'s")
    usable_phase(world, data["expenselineJobAndPhase"])
    return sheet
