"""What one caller may do: narrower than the operator's policy, never wider. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from crm_mcp.operation import Operation

READ, WRITE, APPROVE = "crm:read", "crm:write", "crm:approve"


@dataclass(frozen=True, slots=True)
class Rights:
    """The scopes of a caller; None is all of them, for the person whose machine this is.

    `crm:read` and `crm:write` are for every vendor, `crm:read:fivecrm` is for one. Who may write
    may also read: no write can be shown to a person without reading the record. `crm:approve` is
    for people: with it questions are read and decided, and no tool is called.
    """

    scopes: frozenset[str] | None = None

    @classmethod
    def of(cls, scopes: Iterable[str]) -> "Rights":
        """Keep those scopes that are ours."""
        return cls(frozenset(one for one in scopes if is_scope(one)))

    @property
    def calls(self) -> bool:
        """Whether any tool can be called."""
        return self.scopes is None or any(map(is_for_calls, self.scopes))

    def approves(self, vendor: str) -> bool:
        """Whether writes to a vendor can be approved; full rights are no approver's."""
        return self.scopes is not None and not self.scopes.isdisjoint(
            {APPROVE, f"{APPROVE}:{vendor}"}
        )

    def missing(self, operation: Operation) -> str:
        """Name the scope that a call needs and this caller lacks; empty where it lacks none."""
        needed = WRITE if operation.is_write else READ
        enough = {needed, WRITE} if self.scopes is not None else set()
        named = {f"{one}:{operation.vendor}" for one in enough}
        if self.scopes is None or not self.scopes.isdisjoint(enough | named):
            return ""
        return f"{needed}:{operation.vendor}"


def is_scope(scope: str) -> bool:
    """Whether a scope says anything here."""
    return scope.startswith(f"{APPROVE}:") or scope == APPROVE or is_for_calls(scope)


def is_for_calls(scope: str) -> bool:
    """Whether a scope lets somebody call tools."""
    return scope in {READ, WRITE} or scope.startswith((f"{READ}:", f"{WRITE}:"))


FULL = Rights()
