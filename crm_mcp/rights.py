"""What one caller may do: narrower than the operator's policy, never wider. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from crm_mcp.operation import Operation

READ, WRITE = "crm:read", "crm:write"


@dataclass(frozen=True, slots=True)
class Rights:
    """The scopes of a caller; None is all of them, for the person whose machine this is.

    `crm:read` and `crm:write` are for every vendor, `crm:read:fivecrm` is for one. Who may write
    may also read: no write can be shown to a person without reading the record.
    """

    scopes: frozenset[str] | None = None

    @classmethod
    def of(cls, scopes: Iterable[str]) -> "Rights":
        """Keep those scopes that are ours."""
        return cls(frozenset(one for one in scopes if is_scope(one)))

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
    return scope in {READ, WRITE} or scope.startswith((f"{READ}:", f"{WRITE}:"))


FULL = Rights()
