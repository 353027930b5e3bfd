"""`crm-mcp bind`: a vendor's own document beside our operations, and the file to approve."""

import sys
from collections import Counter
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from crm_mcp.bindings.comparing import Fit
from crm_mcp.bindings.document import read_document
from crm_mcp.bindings.matching import STATUSES, Row, match
from crm_mcp.bindings.openapi import Described, path_of, read_openapi
from crm_mcp.bindings.writing import Report, binding_file, label, shown, was
from crm_mcp.commands.setup import print_json
from crm_mcp.errors import ConfigError, DocumentError
from crm_mcp.loader import load_vendor, schemas_root
from crm_mcp.preview import visible
from crm_mcp.vendors import load_vendor_code

PIPED_WIDTH = 160
_STYLES = {"matched": "green", "differs": "yellow", "ambiguous": "magenta", "missing": "red"}


def bind(vendor: str, document: Path, output: Path | None, *, force: bool, as_json: bool) -> None:
    """Compare, show, and write the binding file.

    Raises:
        ConfigError: there is no such vendor, or it reads no binding file.
        DocumentError: the document cannot be read or has nothing of this vendor, or the binding
            file is there already or cannot be written; nothing was written.
    """
    if "bindings" not in load_vendor_code(vendor).settings.model_fields:
        raise ConfigError(f"{vendor} reads no binding file: its document says every request")
    target = output or Path(f"{vendor}-bindings.toml")
    _refuse_to_replace(target, force=force)
    report = _report(vendor, document)
    if not report.usable:
        raise DocumentError(
            f"{document} describes {len(report.document.operations)} operations, none of which is "
            f"surely one of {vendor}: it may be another document. Nothing was written."
        )
    _write(target, binding_file(report), force=force)
    if as_json:
        print_json(_facts(report, target))
    else:
        _print(report, target)


def _report(vendor: str, file: Path) -> Report:
    try:
        read = read_document(file)
        document = read_openapi(read.tree)
    except DocumentError as error:
        raise DocumentError(f"{visible(str(error))}. Nothing was written.") from error
    operations = load_vendor(schemas_root(), vendor, examples=False)
    rows = match(operations, document.operations)
    return Report(vendor, file.name, read.digest, document, rows)


def _refuse_to_replace(target: Path, *, force: bool) -> None:
    """Look before the work; writing itself is what decides."""
    if target.exists() and not force:
        raise _there_already(target)


def _there_already(target: Path) -> DocumentError:
    return DocumentError(
        f"{target} is there already, perhaps with your approvals: name another file with "
        "--output, or replace it with --force. Nothing was written."
    )


def _write(target: Path, text: str, *, force: bool) -> None:
    try:
        with target.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise _there_already(target) from None
    except OSError as error:
        raise DocumentError(f"{target} cannot be written: {error.strerror}") from error


def _print(report: Report, target: Path) -> None:
    console = Console(width=None if sys.stdout.isatty() else PIPED_WIDTH, highlight=False)
    table = Table(title=f"{report.vendor} beside {shown(report.name)}")
    for column in ("", "tool", "score", "in the document", "remarks"):
        table.add_column(column, no_wrap=column == "tool", overflow="fold")
    # What needs a look stands last, where a terminal ends.
    for row in sorted(report.rows, key=lambda row: STATUSES.index(row.status)):
        table.add_row(*_cells(row))
    console.print(table)
    for line in _closing(report, target):
        console.print(Text(line), soft_wrap=True)


def _cells(row: Row) -> tuple[Text, ...]:
    found = label(row.described) if row.described else ""
    texts = (
        row.operation.name if row.operation else "",
        f"{row.score:.2f}" if row.score else "",
        found or "\n".join(label(one) for one in row.candidates),
        "\n".join(_remarks(row.fit)) if row.fit else "",
    )
    # A text of the document is no markup.
    return (Text(row.status, style=_STYLES.get(row.status, "")), *map(Text, texts))


def _remarks(fit: Fit) -> list[str]:
    request = fit.operation.request
    is_same = (fit.described.method, fit.path) == (request.method, request.path)
    blocked = [f"no entry: {fit.blocker}"] if fit.blocker else []
    before = [] if is_same else [f"until now {was(fit.operation)}"]
    return [shown(one) for one in (*blocked, *fit.differences, *before)]


def _closing(report: Report, target: Path) -> list[str]:
    counts = Counter(row.status for row in report.rows)
    told = ", ".join(f"{counts[status]} {status}" for status in STATUSES)
    lines = [told, *map(shown, report.document.notes)]
    setting = f"CRM_MCP_{report.vendor.upper()}"
    base = report.document.base
    if base:
        lines.append(f"The document's paths lie below {shown(base)}: so must {setting}_BASE_URL.")
    lines.append(
        f"{target} has {len(report.usable)} entries, none of them approved. Look at each, set "
        f"approved = true, and name the file in {setting}_BINDINGS."
    )
    return lines


def _facts(report: Report, target: Path) -> dict[str, Any]:
    counts = Counter(row.status for row in report.rows)
    document = report.document
    return {
        "vendor": report.vendor,
        "document": {
            "file": report.name,
            "sha256": report.digest,
            "format": document.version,
            "base": document.base,
            "base_path": path_of(document.base),
            "operations": len(document.operations),
            "notes": list(document.notes),
        },
        "output": str(target),
        "entries": len(report.usable),
        "counts": {status: counts[status] for status in STATUSES},
        "rows": [_row_facts(row) for row in report.rows],
    }


def _row_facts(row: Row) -> dict[str, Any]:
    facts: dict[str, Any] = {"status": row.status}
    if row.operation:
        request = row.operation.request
        facts |= {"tool": row.operation.name, "until_now": f"{request.method} {request.path}"}
    if row.described:
        facts |= {"score": row.score, "document": _described(row.described)}
    if row.fit:
        facts |= {"path": row.fit.path, "bind": dict(row.fit.bind)}
        facts |= {"differences": list(row.fit.differences), "blocker": row.fit.blocker}
    if row.candidates:
        facts["candidates"] = [_described(one) for one in row.candidates]
    return facts


def _described(one: Described) -> dict[str, str]:
    return {
        "method": one.method,
        "path": one.path,
        "operation_id": one.operation_id,
        "summary": one.summary,
    }
