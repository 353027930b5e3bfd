"""The whole catalogue within reach of a client that lists only a part of it."""

import json
from collections import Counter
from functools import cached_property
from threading import Lock
from typing import Any

from crm_mcp.catalogue.asks import (
    CALL_READ,
    CALL_WRITE,
    FIND,
    TOOLS,
    CallRead,
    CallTool,
    DescribeTool,
    FindTools,
)
from crm_mcp.entries import described_schema
from crm_mcp.envelope import fit
from crm_mcp.errors import InvalidArguments
from crm_mcp.guard import Mode
from crm_mcp.loader import read_json, read_words, schemas_root
from crm_mcp.operation import Operation
from crm_mcp.registry import Registry
from crm_mcp.search import ToolIndex

MAX_REPLY = 3_000
MANY = 1_000
MAX_TYPED = 100

Target = tuple[str, dict[str, Any]]


class Catalogue:
    """Finds and describes what is offered here, and says what a call through it calls."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._first_search = Lock()

    @cached_property
    def entries(self) -> list[dict[str, Any]]:
        """The entries in `tools/list`; where nothing may be written, without that one."""
        only_reads = self._registry.policy.mode is Mode.READ_ONLY
        return [ask.entry() for ask in TOOLS.values() if not (only_reads and ask.writes)]

    def answer(self, ask: FindTools | DescribeTool) -> dict[str, Any]:
        """Answer what needs no CRM.

        Raises:
            ToolFailure: there is no such tool.
        """
        return self._find(ask) if isinstance(ask, FindTools) else self.describe(ask.name)

    def target(self, ask: CallTool) -> Target:
        """Say which tool a call is meant for.

        Raises:
            InvalidArguments: a tool that changes data is called as one that reads.
            ToolFailure: there is no such tool.
        """
        operation = self._registry.find(ask.name)
        if isinstance(ask, CallRead) and operation.is_write:
            raise InvalidArguments(
                f"{operation.name} changes data, and {CALL_READ} calls only what reads.",
                hint=f"Use {CALL_WRITE}: a person is asked first.",
            )
        return operation.name, ask.arguments

    def whole(self, limit: int) -> dict[str, Any]:
        """List all that is offered by vendor and toolset, in at most `limit` characters of JSON."""
        toolsets: dict[tuple[str, str], list[list[str]]] = {}
        for one in self._offered:
            row = [one.name, one.effect, one.title]
            toolsets.setdefault((one.vendor, one.toolset), []).append(row)
        rows = [
            {"vendor": vendor, "toolset": toolset, "tools": tools}
            for (vendor, toolset), tools in toolsets.items()
        ]
        counts = Counter(one.vendor for one in self._offered)
        fitted = fit({"tools": counts, "columns": ["name", "effect", "title"], "data": rows}, limit)
        if "truncated" in fitted:
            fitted["truncated"]["how"] = f"Find the others with {FIND}."
        return fitted

    def names(self, typed: str) -> list[str]:
        """List the tools that may be meant: first names that begin so, then those with such words.

        Args:
            typed: the beginning of a name, or beginnings of words of it.
        """
        start = "_".join(typed[:MAX_TYPED].lower().split())
        begun = [part for part in start.split("_") if part]
        fits = [one.name for one in self._offered if _has_words(one.name, begun)]
        return sorted(fits, key=lambda name: (not name.startswith(start), name))

    @cached_property
    def _offered(self) -> tuple[Operation, ...]:
        return tuple(one for one in self._registry.operations if self._registry.is_offered(one))

    @cached_property
    def _index(self) -> ToolIndex:
        """Made with the first search: most servers are never asked."""
        root = schemas_root()
        vendors = {operation.vendor for operation in self._offered}
        return ToolIndex(self._offered, {name: read_words(root / name) for name in vendors})

    def _find(self, ask: FindTools) -> dict[str, Any]:
        with self._first_search:  # those who search meanwhile wait for the one index
            index = self._index
        fits = [
            hit.operation
            for hit in index.find(ask.query, MANY)
            if hit.operation.vendor.startswith(ask.vendor)
            and ask.effect in ("", hit.operation.effect)
        ]
        page = {"returned": min(len(fits), ask.limit), "total": len(fits)}
        found: dict[str, Any] = {"data": [_brief(one) for one in fits[: ask.limit]], "page": page}
        if not fits:
            found["hint"] = "Say it in other words, or leave vendor and effect out."
        return found

    def describe(self, name: str) -> dict[str, Any]:
        """Describe one tool: what it does, takes and returns.

        Raises:
            ToolFailure: there is no such tool.
        """
        operation = self._registry.find(name)
        described = {
            **_brief(operation),
            "description": operation.description,
            "vendor": operation.vendor,
            "toolset": operation.toolset,
            "evidence": operation.source.evidence,
            "asks_a_person": operation.asks,
            "inputSchema": described_schema(operation),
            "example": json.loads(operation.sample),
            "reply": _reply(operation),
        }
        return {"data": {key: value for key, value in described.items() if value != []}}


def _has_words(name: str, begun: list[str]) -> bool:
    """Tell whether each beginning begins a word of the name."""
    return all(any(word.startswith(part) for word in name.split("_")) for part in begun)


def _brief(operation: Operation) -> dict[str, Any]:
    brief = {
        "name": operation.name,
        "title": operation.title,
        "effect": operation.effect,
        "traits": list(operation.traits),
        "required": operation.input_schema.get("required", []),
    }
    return {key: value for key, value in brief.items() if value != []}


def _reply(operation: Operation) -> Any:
    """Give the data of the first example's result, shortened; to serve, examples are not kept."""
    path = schemas_root() / operation.vendor / operation.toolset / f"{operation.name}.json"
    results = (example["result"] for example in read_json(path)["examples"])
    data = next((result["data"] for result in results if "data" in result), None)
    return fit({"data": data}, MAX_REPLY)["data"]
