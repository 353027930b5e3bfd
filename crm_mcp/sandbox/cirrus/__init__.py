"""The stand-in for Cirrus 2: tables, shapes and relations as data, and one engine for them.

A call is recognised and read by its operation file. Most calls are what every resource can; what
is special stands in `company.py`, `customers.py` and `services.py`.
"""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, ClassVar

from crm_mcp.operation import Operation
from crm_mcp.sandbox.base import Answer, Call, StandIn, json_answer
from crm_mcp.sandbox.cirrus import company, customers, services
from crm_mcp.sandbox.cirrus.access import TOKEN, TOKEN_PATH, Access
from crm_mcp.sandbox.cirrus.arguments import MASK, read_arguments
from crm_mcp.sandbox.cirrus.masks import masked_answer, read_mask
from crm_mcp.sandbox.cirrus.resources import METHODS, Ask, table_of
from crm_mcp.sandbox.cirrus.seed import new_world
from crm_mcp.sandbox.cirrus.world import RefusalError, invalid

SPECIAL: Mapping[str, Callable[[Ask], Any]] = MappingProxyType(
    {**company.CALLS, **customers.CALLS, **services.CALLS}
)


class CirrusStandIn(StandIn):
    """A Cirrus of Tidewell, whose token is Maya's."""

    credentials: ClassVar = MappingProxyType({"token": TOKEN})

    def __init__(self) -> None:
        self.world = new_world()
        self.access = Access()

    @property
    def controls(self) -> Mapping[str, Callable[[], None]]:
        """What tests can do to it from outside."""
        return {"expire_tokens": self.access.expire}

    def answer(self, operation: Operation, call: Call) -> Answer:
        """Carry out one call, a second after the one before."""
        self.world.tick()
        before = self.world.revision
        try:
            self.access.check(call, self.world.now)
            body = self._carried_out(operation, call)
        except RefusalError as refusal:
            return _refused(refusal)
        changed = self.world.revision != before
        return Answer(b"", changed=changed) if body is None else json_answer(body, changed=changed)

    def misfit(self, call: Call) -> Answer:
        """Give a token, or say that there is no such address."""
        self.world.tick()
        if (call.method, call.path) == ("POST", TOKEN_PATH):
            return self.access.grant(call, self.world.now)
        return _refused(RefusalError(HTTPStatus.NOT_FOUND, "The requested URL was not found"))

    def _carried_out(self, operation: Operation, call: Call) -> Any:
        arguments = read_arguments(operation, call)
        mask = _mask(arguments.get(MASK))
        table = table_of(operation.request.path)
        carry_out = SPECIAL.get(operation.name) or METHODS[operation.request.method]
        body = carry_out(Ask(self.world, operation, arguments, table))
        return masked_answer(body, mask) if mask else body


def _mask(text: str | None) -> dict[str, Any]:
    try:
        return read_mask(text) if text else {}
    except ValueError as error:
        raise invalid(**{MASK: str(error)}) from None


def _refused(refusal: RefusalError) -> Answer:
    told: dict[str, Any] = {"message": str(refusal)}
    if refusal.errors is not None:
        told["errors"] = dict(refusal.errors)
    return json_answer(told, refusal.status)


STAND_IN = CirrusStandIn
