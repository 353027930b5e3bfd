"""Expense sheets of Synergist and their lines: what colleagues claim back."""

from crm_mcp.sandbox.synergist.calls import Area
from crm_mcp.sandbox.synergist.expenses_lines import LINE_CALLS
from crm_mcp.sandbox.synergist.expenses_lookups import LOOKUPS
from crm_mcp.sandbox.synergist.expenses_seed import seed
from crm_mcp.sandbox.synergist.expenses_sheets import SHEET_CALLS

AREA = Area({**SHEET_CALLS, **LINE_CALLS, **LOOKUPS}, seed)
