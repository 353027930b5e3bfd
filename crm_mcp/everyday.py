"""Which tools `default` lists: everyday work of each connected CRM, within one budget. Pure.

Each CRM gives its tools by importance. They are taken in turns, so that with one CRM connected all
of its everyday tools are listed, and with several the most important ones of each.
"""

from collections.abc import Iterable, Iterator, Mapping

from crm_mcp.entries import entry_bytes
from crm_mcp.operation import Operation

MAX_TOOLS = 26
"""With the four of our own that makes 30."""
MAX_BYTES = 29_000
"""With our own about 32,000: 8,000 tokens where one takes 4 bytes, and schemas take fewer."""


def chosen(operations: Iterable[Operation], everyday: Mapping[str, tuple[str, ...]]) -> set[str]:
    """Choose the names that are listed by default.

    Args:
        operations: those that are offered, in a stable order.
        everyday: for each vendor its toolsets and single tools, the most important first.
    """
    ordered = {vendor: _ordered(vendor, names, operations) for vendor, names in everyday.items()}
    names: set[str] = set()
    room = MAX_BYTES
    for operation in _in_turns([iter(each) for each in ordered.values()]):
        size = entry_bytes(operation)
        if len(names) < MAX_TOOLS and size <= room:
            names.add(operation.name)
            room -= size
    return names


def _ordered(
    vendor: str, names: tuple[str, ...], operations: Iterable[Operation]
) -> list[Operation]:
    mine = [one for one in operations if one.vendor == vendor]
    found = [one for name in names for one in mine if name in (one.name, one.toolset)]
    return list({one.name: one for one in found}.values())


def _in_turns(queues: list[Iterator[Operation]]) -> Iterator[Operation]:
    """Take one of each in turns, until all are empty."""
    while queues:
        left = []
        for queue in queues:
            operation = next(queue, None)
            if operation is not None:
                yield operation
                left.append(queue)
        queues = left
