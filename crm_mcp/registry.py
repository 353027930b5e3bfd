"""Step 2: which operations there are, which can be called, and which are listed. Immutable."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cached_property
from types import MappingProxyType
from typing import Any

from crm_mcp.entries import list_entry
from crm_mcp.errors import ConfigError, NotCallable, UnknownTool
from crm_mcp.everyday import chosen
from crm_mcp.guard import Policy, refusal_of
from crm_mcp.operation import Operation
from crm_mcp.rights import FULL, Rights


class Registry:
    """All operations by name, and what of them this server offers.

    Args:
        operations: of all vendors that are known, on or off, in a stable order.
        enabled: the ids of the vendors that are set up.
        policy: what the operator allows.
        rights: of those it is for.
        toolsets: `default`, `all`, or patterns such as `fivecrm.products` and `cirrus.*`.
        everyday: of each vendor the tools and toolsets that `default` lists as far as there is
            room, the most important first.

    Raises:
        ConfigError: two tools of one name, or a pattern that fits nothing.
    """

    def __init__(  # noqa: PLR0913 - what a server offers depends on all of it
        self,
        operations: Iterable[Operation],
        *,
        enabled: Iterable[str],
        policy: Policy,
        rights: Rights = FULL,
        toolsets: Sequence[str] = ("default",),
        everyday: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
    ) -> None:
        self.operations = tuple(operations)
        self.policy = policy
        self._rights = rights
        self._enabled = frozenset(enabled)
        self._by_name = _index(self.operations)
        _check_globs(self._by_name, policy)
        self._named = _patterns(self.operations, tuple(toolsets))
        self._everyday = everyday if "default" in toolsets else {}

    def find(self, name: str) -> Operation:
        """Get a callable operation by name or former name.

        Raises:
            UnknownTool: no such tool; names the nearest.
            NotCallable: its vendor is not set up here.
        """
        operation = self._by_name.get(name)
        if operation is None:
            near = self.nearest(name)
            meant = f" The nearest are: {', '.join(near)}." if near else ""
            raise UnknownTool(f"There is no tool {name[:64]!r}.{meant}", nearest=near)
        if operation.vendor not in self._enabled:
            raise NotCallable(
                f"{operation.name} belongs to {operation.vendor}, which is not connected here.",
                hint="Tell the person: the operator of this server can connect it.",
            )
        return operation

    def known(self, name: str) -> Operation | None:
        """Get an operation by name or former name, whether it can be called or not."""
        return self._by_name.get(name)

    def nearest(self, name: str) -> list[str]:
        """List up to three names of connected vendors' tools that look like this one."""
        names = [op.name for op in self.operations if op.vendor in self._enabled]
        return difflib.get_close_matches(name[:64], names, n=3, cutoff=0.4)

    def is_offered(self, operation: Operation) -> bool:
        """Tell whether this operation can be called here, listed or not."""
        if operation.vendor not in self._enabled or self._rights.missing(operation):
            return False
        return refusal_of(operation, self.policy) is None

    def offered(self, names: Iterable[str]) -> tuple[Operation, ...]:
        """Give those of some tools that can be called here, in their order."""
        found = (self._by_name[name] for name in names if name in self._by_name)
        return tuple(operation for operation in found if self.is_offered(operation))

    def is_listed(self, operation: Operation) -> bool:
        """Tell whether `tools/list` shows this operation."""
        return operation.name in self._listed and self.is_offered(operation)

    @cached_property
    def _listed(self) -> frozenset[str]:
        """Found with the first list: a single call needs none."""
        offered = [one for one in self.operations if self.is_offered(one)]
        return self._named | chosen(offered, self._everyday)

    @cached_property
    def entries(self) -> list[dict[str, Any]]:
        """The entries of `tools/list`, in their stable order, exactly as they go out."""
        return [list_entry(operation) for operation in self.operations if self.is_listed(operation)]


def _index(operations: Iterable[Operation]) -> Mapping[str, Operation]:
    names: dict[str, Operation] = {}
    for operation in operations:
        for name in (operation.name, *operation.aliases):
            if name in names:
                raise ConfigError(f"two tools are named {name}: the operation files are broken")
            names[name] = operation
    return MappingProxyType(names)


def _check_globs(by_name: Mapping[str, Operation], policy: Policy) -> None:
    settings = {
        "allow": policy.allow,
        "deny": policy.deny,
        "accept_inferred": policy.accept_inferred,
    }
    for setting, globs in settings.items():
        # A narrower policy stands in no variable.
        told = setting if policy.within else f"CRM_MCP_{setting.upper()}"
        for glob in globs:
            if glob not in by_name and not any(fnmatchcase(name, glob) for name in by_name):
                raise ConfigError(f"{told}: {glob!r} fits no tool")


def _patterns(operations: tuple[Operation, ...], toolsets: tuple[str, ...]) -> frozenset[str]:
    """Find the names that the chosen toolsets list, beside those of `default`."""
    listed: set[str] = set()
    for pattern in toolsets:
        if pattern == "default":
            continue
        fits = {op.name for op in operations if _fits(op, pattern)}
        if not fits:
            raise ConfigError(f"CRM_MCP_TOOLSETS: {pattern!r} fits no toolset")
        listed |= fits
    return frozenset(listed)


def _fits(operation: Operation, pattern: str) -> bool:
    return pattern == "all" or fnmatchcase(f"{operation.vendor}.{operation.toolset}", pattern)
