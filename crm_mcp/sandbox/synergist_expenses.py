"""Expense sheets of Synergist and their lines: what colleagues claim back."""

from crm_mcp.sandbox.synergist_calls import Area
from crm_mcp.sandbox.synergist_expenses_lines import LINE_CALLS
from crm_mcp.sandbox.synergist_expenses_lookups import LOOKUPS
from crm_mcp.sandbox.synergist_expenses_seed import seed
from crm_mcp.sandbox.synergist_expenses_sheets import SHEET_CALLS

AREA = Area({**SHEET_CALLS, **LINE_CALLS, **LOOKUPS}, seed)
