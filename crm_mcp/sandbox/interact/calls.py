"""What is known of each call before it is carried out: who may make it, and where it counts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus

from crm_mcp.sandbox.interact.errors import Action, Realm
from crm_mcp.sandbox.interact.wire import Ask, Said
from crm_mcp.sandbox.interact.world import Record, World

CarryOut = Callable[[World, Record, Ask], Said]


class Access(Enum):
    """Who may make a call; a user needs one of the roles."""

    OPEN = ()
    TRIGGER = ("trigger token",)
    USER = ("user", "customer_admin", "interact_admin")
    CUSTOMER_ADMIN = ("customer_admin", "interact_admin")
    INTERACT_ADMIN = ("interact_admin",)


@dataclass(frozen=True)
class Entry:
    """One documented call.

    Args:
        carry_out: does it, for the user who asks.
        action, realm: the second and third group of its error codes.
        access: who may make it.
        missing: the HTTP status with which the document says that something was not found.
    """

    carry_out: CarryOut
    action: Action
    realm: Realm
    access: Access = Access.USER
    missing: HTTPStatus = HTTPStatus.BAD_REQUEST


Calls = Mapping[str, Entry]
