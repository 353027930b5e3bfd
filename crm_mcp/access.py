"""Which callers may use which accounts, and how; and what a caller leaves out of it. Pure.

The operator narrows what a caller may do by a table of the settings, the caller may narrow that
once more. Each step only takes away.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from pydantic import BaseModel, ConfigDict

from crm_mcp.errors import CrmMcpError
from crm_mcp.guard import Mode, Policy
from crm_mcp.setting_types import Names

EVERYBODY = "*"


class TooWideError(CrmMcpError):
    """Somebody is to have more than there is for them; the message says what."""


class Narrowing(BaseModel):
    """What is left of an offer; what is empty leaves all of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    accounts: Names = ()
    mode: Mode | None = None
    toolsets: Names = ()
    allow: Names = ()
    deny: Names = ()


class Access(Narrowing):
    """A table of the operator's: what these callers, and those of these groups, may use."""

    callers: Names = ()
    groups: Names = ()

    def is_for(self, caller: str, groups: Collection[str]) -> bool:
        """Whether it is about a caller, who is known to the record by this name."""
        plain = caller.partition(":")[2]
        named = {caller, plain, EVERYBODY} & set(self.callers)
        return bool(named) or not set(self.groups).isdisjoint(groups)


def access_of(
    tables: Mapping[str, Access], caller: str, groups: Collection[str]
) -> Narrowing | None:
    """Give what the first table that fits leaves to a caller; None where none fits."""
    if not tables:
        return Narrowing()
    return next((one for one in tables.values() if one.is_for(caller, groups)), None)


@dataclass(frozen=True)
class Offer:
    """What there is for somebody: the names of accounts, what is listed, and what is allowed."""

    accounts: tuple[str, ...]
    toolsets: tuple[str, ...]
    policy: Policy

    def narrowed(self, to: Narrowing) -> "Offer":
        """Take away what the narrowing leaves out.

        Raises:
            TooWideError: it names what is not in this offer.
        """
        for name in to.accounts:
            if name not in self.accounts:
                known = ", ".join(self.accounts)
                raise TooWideError(f"there is no account {name!r} here; there are: {known}")
        order = list(Mode)
        mode = to.mode or self.policy.mode
        if order.index(mode) > order.index(self.policy.mode):
            raise TooWideError(f"the mode {mode} is wider than {self.policy.mode}")
        policy = replace(self.policy, mode=mode, allow=to.allow, deny=to.deny, within=self.policy)
        return Offer(to.accounts or self.accounts, to.toolsets or self.toolsets, policy)
