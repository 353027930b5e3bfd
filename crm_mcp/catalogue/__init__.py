"""The whole catalogue within reach of a client that lists only a part of it."""

import json
from functools import cached_property
from typing import Any

from crm_mcp.catalogue.asks import (
    CALL_READ,
    CALL_WRITE,
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
from crm_mcp.loader import read_json, schemas_root
from crm_mcp.operation import Operation
from crm_mcp.registry import Registry
from crm_mcp.search import ToolIndex

MAX_REPLY = 3_000
MANY = 1_000

Target = tuple[str, dict[str, Any]]


class Catalogue:
    """Finds and describes what is offered here, and says what a call through it calls."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

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
        return self._find(ask) if isinstance(ask, FindTools) else self._describe(ask)

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

    @cached_property
    def _index(self) -> ToolIndex:
        """Made with the first search: most servers are never asked."""
        offered = [one for one in self._registry.operations if self._registry.is_offered(one)]
        return ToolIndex(offered)

    def _find(self, ask: FindTools) -> dict[str, Any]:
        fits = [
            hit.operation
            for hit in self._index.find(ask.query, MANY)
            if hit.operation.vendor.startswith(ask.vendor)
            and ask.effect in ("", hit.operation.effect)
        ]
        page = {"returned": min(len(fits), ask.limit), "total": len(fits)}
        found: dict[str, Any] = {"data": [_brief(one) for one in fits[: ask.limit]], "page": page}
        if not fits:
            found["hint"] = "Say it in other words, or leave vendor and effect out."
        return found

    def _describe(self, ask: DescribeTool) -> dict[str, Any]:
        operation = self._registry.find(ask.name)
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
