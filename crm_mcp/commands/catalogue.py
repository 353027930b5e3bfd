"""`crm-mcp tools`, `show` and `check`: what there is, as a table, as JSON, and proven."""

import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from crm_mcp.app import load_catalogue, registry_of
from crm_mcp.commands.setup import Setup, print_json
from crm_mcp.entries import entry_bytes
from crm_mcp.guard import Policy
from crm_mcp.loader import schemas_root
from crm_mcp.operation import Operation
from crm_mcp.registry import Registry
from crm_mcp.vendors import known_vendors, load_vendor_code

PIPED_WIDTH = 160


def print_tools(setup: Setup, *, as_json: bool) -> None:
    """Print every operation there is, and whether this server offers it."""
    registry = registry_of(setup.settings, setup.catalogue)
    if as_json:
        print_json([_facts(operation, registry) for operation in registry.operations])
        return
    table = Table(title=f"{len(registry.operations)} tools")
    for column in ("name", "effect", "traits", "toolset", "evidence", "bytes", "listed"):
        right = column == "bytes"
        table.add_column(column, justify="right" if right else "left", no_wrap=True)
    for operation in registry.operations:
        table.add_row(*_row(operation, registry))
    # Piped into another command, no name may be cut to the width of a screen.
    Console(width=None if sys.stdout.isatty() else PIPED_WIDTH).print(table)


def print_tool(name: str) -> None:
    """Explain one operation to a person.

    Raises:
        UnknownTool: no operation of this name; names the nearest.
    """
    operation = _find(name)
    source, request = operation.source, operation.request
    console = Console(highlight=False)
    console.print(f"[bold]{operation.name}[/] · {operation.title}", markup=True)
    console.print(operation.description, markup=False)
    console.print(f"\nEffect: {', '.join((operation.effect, *operation.traits))}", markup=False)
    const = f" {dict(request.const)}" if request.const else ""
    console.print(f"Request: {request.method} {request.path}{const}", markup=False)
    console.print(
        f"Source: {source.document}, line {source.line}, “{source.section}” ({source.evidence})",
        markup=False,
    )
    if source.divergence:
        console.print(f"Differs from the document: {source.divergence}", markup=False)
    console.print(_arguments(operation))
    example = f"crm-mcp call {operation.name} --json '{operation.sample}'"
    console.print(f"Example: {example}", markup=False, soft_wrap=True)


def check_files(root: Path | None, documents: Path | None, *, write_schema: bool) -> int:
    """Check all operation files; print each problem; return the exit code."""
    from crm_mcp.check import check, write_operation_schema

    root = root or schemas_root()
    if write_schema:
        write_operation_schema(root)
    problems = check(root, [load_vendor_code(name) for name in known_vendors()], documents)
    console = Console(highlight=False, soft_wrap=True)
    for problem in problems:
        console.print(f"{problem.file}: {problem.rule}: {problem.message}", markup=False)
    console.print(f"{len(problems)} problems" if problems else "All operation files are in order.")
    return 1 if problems else 0


def _facts(operation: Operation, registry: Registry) -> dict[str, object]:
    return {
        "name": operation.name,
        "vendor": operation.vendor,
        "toolset": operation.toolset,
        "effect": operation.effect,
        "traits": list(operation.traits),
        "method": operation.request.method,
        "path": operation.request.path,
        "source": operation.source.model_dump(exclude_defaults=True),
        "listed": registry.is_listed(operation),
        "inputSchema": operation.input_schema,
    }


def _row(operation: Operation, registry: Registry) -> tuple[str, ...]:
    return (
        operation.name,
        operation.effect,
        " ".join(operation.traits),
        f"{operation.vendor}.{operation.toolset}",
        operation.source.evidence,
        str(entry_bytes(operation)),
        "yes" if registry.is_listed(operation) else "no",
    )


def _find(name: str) -> Operation:
    operations = [one for operations in load_catalogue().values() for one in operations]
    return Registry(operations, enabled=known_vendors(), policy=Policy()).find(name)


def _arguments(operation: Operation) -> Table:
    table = Table("argument", "required", "type", "meaning", show_header=True)
    required = operation.input_schema.get("required", ())
    for name, schema in operation.properties.items():
        kind = schema.get("type", "see schema")
        table.add_row(
            name, "yes" if name in required else "", str(kind), schema.get("description", "")
        )
    return table
