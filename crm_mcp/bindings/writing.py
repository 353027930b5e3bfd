"""What was found in a vendor's document, as a binding file for the operator to approve. Pure.

What people must know of an entry stands in comments above it. Texts of the document stand in
comments only, without line ends: none of them can become a line of the file.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from crm_mcp.bindings.comparing import Fit
from crm_mcp.bindings.matching import Row
from crm_mcp.bindings.openapi import Described, Document
from crm_mcp.operation import Operation
from crm_mcp.preview import visible

MAX_TEXT = 120


@dataclass(frozen=True)
class Report:
    """A vendor's document beside our operations; `digest` is the SHA-256 of the document."""

    vendor: str
    name: str
    digest: str
    document: Document
    rows: tuple[Row, ...]

    @property
    def usable(self) -> tuple[tuple[Fit, float], ...]:
        """What an entry can be written for, each with its score."""
        fits = ((row.fit, row.score) for row in self.rows if row.fit is not None)
        return tuple((fit, score) for fit, score in fits if not fit.blocker)


def binding_file(report: Report) -> str:
    """Write the file; nothing in it is approved."""
    parts = ["\n".join(_head(report))]
    parts += ["\n".join(_entry(fit, score)) for fit, score in report.usable]
    left = [line for row in report.rows for line in _left_over(row)]
    parts += ["\n".join(["# What has no entry:", *left])] if left else []
    return "\n\n".join(parts) + "\n"


def shown(text: str) -> str:
    """Write a text of the document on one line, bounded, with what hides as its code."""
    words = visible(" ".join(text.split()))
    return words if len(words) <= MAX_TEXT else f"{words[:MAX_TEXT]}…"


def label(described: Described) -> str:
    """Name an operation of the document: request, operationId, summary."""
    summary = f'"{described.summary}"' if described.summary else ""
    return shown(" · ".join(filter(None, (described.label, described.operation_id, summary))))


def _head(report: Report) -> Iterator[str]:
    yield f"# Requests of {report.vendor}, as {shown(report.name)} describes them."
    yield "# Look at each entry, correct it where needed, and set approved = true;"
    yield "# entries that are not approved do not count."
    if report.document.base:
        yield f"# The document's paths lie below {shown(report.document.base)}"
    yield "version = 1"
    yield f"vendor = {_text(report.vendor)}"
    yield f"document = {_text(report.digest)}"


def _entry(fit: Fit, score: float) -> Iterator[str]:
    operation, described = fit.operation, fit.described
    yield f"# {shown(operation.title)} ({operation.effect}), score {score:.2f}"
    yield f"# found: {label(described)}"
    yield f"# until now: {was(operation)}"
    yield from (f"# differs: {shown(difference)}" for difference in fit.differences)
    yield f"[tools.{operation.name}]"
    yield "approved = false"
    yield f"method = {_text(described.method)}"
    yield f"path = {_text(fit.path)}"
    yield f"required = {_texts(sorted(operation.input_schema.get('required', ())))}"
    if fit.bind:
        yield f"bind = {_table(fit.bind)}"


def was(operation: Operation) -> str:
    """Say what an operation sends until now, and how sure that is."""
    request, evidence = operation.request, operation.source.evidence
    return f"{request.method} {request.path} ({evidence})"


def _left_over(row: Row) -> Iterator[str]:
    name = row.operation.name if row.operation else ""
    if row.status == "missing":
        yield f"# - {name} is not in the document"
    elif row.status == "ambiguous":
        yield f"# - {name} may be any of these:"
        yield from (f"#     {label(one)}" for one in row.candidates)
    elif row.fit is not None and row.fit.blocker:
        yield f"# - {name} is {label(row.fit.described)}, but {shown(row.fit.blocker)}"
    elif row.described is not None and row.operation is None:
        yield f"# - no tool is {label(row.described)}"


def _text(text: str) -> str:
    """Write a TOML string: as JSON, whose escapes TOML shares, but for one character."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _texts(texts: Iterable[str]) -> str:
    return f"[{', '.join(map(_text, texts))}]"


def _table(entries: Mapping[str, str]) -> str:
    return (
        "{ " + ", ".join(f"{_text(key)} = {_text(value)}" for key, value in entries.items()) + " }"
    )
