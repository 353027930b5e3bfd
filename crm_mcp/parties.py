"""Who takes part in a call: the account at a vendor, and the one who calls."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from crm_mcp.confirm import Asker, Nobody
from crm_mcp.guard import Permit
from crm_mcp.listening import Ear
from crm_mcp.operation import Operation
from crm_mcp.request import RequestSpec
from crm_mcp.respond import Outcome
from crm_mcp.rights import FULL, Rights
from crm_mcp.undo import Undoing
from crm_mcp.vendors.base import Reply, Vendor, VendorSettings

if TYPE_CHECKING:
    from crm_mcp.screen import Screen

Report = Callable[[str], Awaitable[None]]

Screening = Callable[[Operation, Mapping[str, Any]], "Screen"]
"""Makes what hides personal values from one call's caller, and opens the tokens it gave."""


class Sender(Protocol):
    """What the pipeline needs of a vendor's client."""

    async def send(
        self, permit: Permit, spec: RequestSpec, operation: Operation, ear: Ear, /
    ) -> Reply:
        """Send one request for one permit; the ear hears what comes while it listens."""
        ...


@dataclass(frozen=True)
class Account:
    """One account at a vendor: its code, its address, its client on first use.

    `name` is the operator's for it, that of the vendor where they gave none; `label` is what
    people read. `rate` is how many requests a second its client makes at most. `screening` is
    there where personal values are hidden from callers. `settings` are the vendor's own.
    """

    vendor: Vendor
    label: str
    base_url: str
    client: Sender
    rate: float = 5.0
    screening: Screening | None = None
    settings: VendorSettings | None = None
    name: str = ""

    def defaults(self, operation: Operation) -> dict[str, Any]:
        """Give the arguments that are set up here, of those that the operation has.

        Where an argument is a list, it chooses, and to leave it out means all.
        """
        given = self.vendor.defaults(self.settings) if self.settings else {}
        schemas = operation.properties
        return {
            name: value
            for name, value in given.items()
            if name in schemas and schemas[name].get("type") != "array"
        }

    def joined(self, operation: Operation, given: Mapping[str, Any]) -> dict[str, Any]:
        """Give those of the defaults that join these arguments."""
        return {key: value for key, value in self.defaults(operation).items() if key not in given}

    def check(self, spec: RequestSpec, operation: Operation) -> None:
        """Refuse what the vendor could not take.

        Raises:
            InvalidArguments: says why, and what would do.
        """
        if self.settings is not None:
            self.vendor.check(self.settings, spec.target, operation.traits)


async def silent(_: object) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Caller:
    """Who calls: a name for the record, what they may do, who can be asked, who hears of progress.

    `heard` gets each notification of a call that listens, as it comes. `undoing` is the write that
    the call takes back; only the command for it says so. `screen` stands between them and the call
    that is on its way, where there is one. A call of our own on the way of another has it already,
    and gets the values as they are. `is_exact` says that the arguments are complete, so that none
    of those set up here join: they could hide the very record that is looked for. `page` is
    where people decide, if they can.
    """

    name: str = "local"
    program: str = ""
    asker: Asker = field(default_factory=Nobody)
    report: Report = silent
    heard: Callable[[Outcome], Awaitable[None]] = silent
    undoing: Undoing | None = None
    screen: "Screen | None" = None
    is_exact: bool = False
    rights: Rights = FULL
    page: str = ""
