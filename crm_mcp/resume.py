"""How to go on within a list: the arguments of the call that begins at any of its items. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from crm_mcp.operation import Operation, Pagination
from crm_mcp.wishes import FROM

SHORTEST = 10
"""Items to ask for where the caller did not say how many: a page of one would be a slow walk."""
LONGEST = 500


@dataclass(frozen=True)
class Stretch:
    """What one request brought to a list.

    Args:
        arguments: of the CRM, as the caller gave them.
        skipped: how many items of the answer are left out at its beginning.
        count: how many of it are in the list.
    """

    arguments: Mapping[str, Any]
    skipped: int
    count: int


@dataclass(frozen=True)
class Resume:
    """Where the items of a list came from.

    Args:
        operation: that was called.
        stretches: what each request brought, in order.
        along: the arguments of ours that hold for the next call too.
        after: the arguments that go on after the last item; None where the list ends.
    """

    operation: Operation
    stretches: tuple[Stretch, ...]
    along: Mapping[str, Any]
    after: Mapping[str, Any] | None = None

    def at(self, index: int) -> dict[str, Any] | None:
        """Give the arguments of the call that begins exactly at an item; None after the last.

        An offset is moved on. A page can only be cut anew where the numbers divide, so the same
        page is asked for again, without the items that are known; where the CRM sent all because
        nobody said how many, those are the first page, and the next call asks for the second.
        """
        for stretch in self.stretches:
            if index < stretch.count:
                return {**self._call(stretch, index), **self.along}
            index -= stretch.count
        return None if self.after is None else dict(self.after)

    @property
    def total(self) -> int | None:
        """How many there are in all, where the CRM has sent them all at once."""
        whole = self.after is None and len(self.stretches) == 1 and not _style(self.operation)
        stretch = self.stretches[0]
        return stretch.skipped + stretch.count if whole else None

    def _call(self, stretch: Stretch, index: int) -> dict[str, Any]:
        given, paging = dict(stretch.arguments), _style(self.operation)
        known = stretch.skipped + index
        if not known:
            return given
        if paging is None:
            return {**given, FROM: known}
        if paging.style == "offset":
            start = int(given.get(paging.position, paging.first)) + known
            # Without a size some send all that is left, and no total.
            size = given.get(paging.size) or max(index, SHORTEST)
            return {**given, paging.position: start, paging.size: size}
        if self._sends_all(paging, given) and SHORTEST <= known <= self._most(paging):
            return {**given, paging.position: paging.first + 1, paging.size: known}
        return {**given, FROM: known}

    def _sends_all(self, paging: Pagination, given: Mapping[str, Any]) -> bool:
        """Whether the CRM had no size to keep to: then a page may be as long as what is known."""
        usual = self.operation.properties.get(paging.size, {}).get("default")
        return usual is None and not {paging.position, paging.size} & given.keys()

    def _most(self, paging: Pagination) -> int:
        most: int = self.operation.properties.get(paging.size, {}).get("maximum", LONGEST)
        return most


def _style(operation: Operation) -> Pagination | None:
    paging = operation.pagination
    return None if paging is None or paging.style == "none" else paging
