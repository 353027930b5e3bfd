"""What a posted expense sheet leaves behind: a cost on each phase that its lines are for."""

from crm_mcp.sandbox.synergist.expenses_table import APPROVED, Sheet
from crm_mcp.sandbox.synergist.purchases_money import rounded
from crm_mcp.sandbox.synergist.purchases_suppliers import SUPPLIERS, SUPPLY_TYPE
from crm_mcp.sandbox.synergist.world import World

EXPENSE = "E"
"""The type of such a cost."""


def post_lines(world: World, sheet: Sheet) -> None:
    """Book the approved lines of a sheet; tax is none of the job's costs."""
    claimant = world.find(SUPPLIERS.kind, sheet.record["expensesheetSupplierCode"])
    for line in sheet.having(APPROVED):
        net = rounded(line["expenselineTotal"] - line["expenselineTaxAmount"])
        quantity = line["expenselineQuantity"] or 1
        supply_type = world.find(SUPPLY_TYPE, line["expenselineSupplyType"])
        cost = {
            "phase": line["expenselineJobAndPhase"],
            "date": line["expenselineDate"],
            "resource": claimant["supplierName"],
            "work": line["expenselineDescription"] or "",
            "code": supply_type.key,
            "type": EXPENSE,
            "text": supply_type["supplytypesDescription"],
            "quantity": quantity,
            "costRate": rounded(net / quantity),
            "cost": net,
            "chargeRate": rounded(net / quantity),
            "charge": net,
        }
        world.add("cost", cost, company=line.company)
