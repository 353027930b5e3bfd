"""What `tools/list` shows in the end, and what it costs a model to read. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from crm_mcp.catalogue import Catalogue
from crm_mcp.entries import json_bytes
from crm_mcp.registry import Registry

BYTES_PER_TOKEN = 4.4
"""Measured on lists of tools with the vocabulary o200k; others differ by a few percent."""


@dataclass(frozen=True)
class Cost:
    """What a list takes: tools, bytes of compact JSON, and about so many tokens."""

    tools: int
    bytes: int

    @property
    def tokens(self) -> int:
        """Estimate what the bytes are to a model."""
        return round(self.bytes / BYTES_PER_TOKEN)


def listed(registry: Registry) -> list[dict[str, Any]]:
    """Give the entries of `tools/list`: our own tools, then those of the CRMs."""
    return [*Catalogue(registry).entries, *registry.entries]


def cost_of(entries: Sequence[dict[str, Any]]) -> Cost:
    """Count what a list takes."""
    return Cost(len(entries), json_bytes(entries))
