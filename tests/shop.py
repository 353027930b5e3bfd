"""A small CRM of things, whose writes can be taken back, behind a real pipeline."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from other_vendors import CirrusReplies

from crm_mcp.audit import Audit
from crm_mcp.confirm import Answer
from crm_mcp.errors import Unavailable
from crm_mcp.guard import Permit, Policy
from crm_mcp.ledger import Approval, Ledger
from crm_mcp.operation import Operation
from crm_mcp.parties import Account, Caller
from crm_mcp.pipeline import Pipeline
from crm_mcp.redact import Redactor
from crm_mcp.registry import Registry
from crm_mcp.request import RequestSpec
from crm_mcp.respond import Outcome, failure_after_sending
from crm_mcp.state import StateFolder
from crm_mcp.take_back import Desk, take_back
from crm_mcp.vendors.base import FailedItem, Reading, Reply

CREATE, GET, UPDATE = "shop_things_create", "shop_things_get", "shop_things_update"
DELETE, LOCK, UNLOCK = "shop_things_delete", "shop_things_lock", "shop_things_unlock"
UPDATE_MANY = "shop_things_update_many"
HERE = "shop (here)"

_ID = {"id": {"type": "integer", "description": "Id."}}
_OWNER = {
    "type": "object",
    "description": "Who has it.",
    "properties": {
        "id": {"type": "integer", "description": "Id."},
        "email": {"type": "string", "description": "Address."},
    },
    "additionalProperties": False,
}
_FIELDS = {
    "name": {"type": "string", "minLength": 1, "description": "Name."},
    "price": {"type": "number", "description": "Price."},
    "note": {"type": ["string", "null"], "description": "Note."},
    "color": {"type": "string", "description": "Colour."},
    "owner": _OWNER,
}
_CHANGE = {**_ID, "version": {"type": "integer", "description": "Version."}, **_FIELDS}
_ONE = {"before": {"tool": GET, "arguments": {"id": "/id"}}}
_BY_ITSELF = {"version": "/now/version"}


class ShopReplies(CirrusReplies):
    """Answers in plain JSON; of a bulk update it says what failed."""

    id = "shop"
    title = "Shop"

    def read(self, reply: Reply) -> Reading:
        reading = super().read(reply)
        if not isinstance(reading.body, dict) or "failed" not in reading.body:
            return reading
        failed = tuple(FailedItem(item, ("no",)) for item in reading.body["failed"])
        return Reading(reading.body, done=len(reading.body["done"]), failed=failed)


def operation(name: str, effect: str, method: str, path: str, **parts: Any) -> Operation:
    """Write one operation of the shop."""
    properties, required = parts.pop("properties"), parts.pop("required", [])
    content = {
        "vendor": "shop",
        "toolset": "things",
        "name": name,
        "title": "Do something",
        "description": "Does something with the things of the shop.",
        "effect": effect,
        "source": {"document": "shop.txt", "line": 1, "section": "1.", "evidence": "documented"},
        "inputSchema": {
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": False,
        },
        "request": {"method": method, "path": path, "args_in": "json"},
        "response": {"data": ""},
        "confirm": "Do it.",
        **parts,
    }
    return Operation.model_validate(content)


def operations() -> list[Operation]:
    """List all operations of the shop."""
    one = {"properties": _ID, "required": ["id"]}
    many = {
        "type": "array",
        "maxItems": 9,
        "items": {"type": "object", "properties": _CHANGE, "additionalProperties": False},
    }
    return [
        operation(
            CREATE,
            "create",
            "POST",
            "/things",
            properties=_FIELDS,
            required=["name"],
            confirm="Create the thing {name}.",
            undo={"kind": "exact", "tool": DELETE, "arguments": {"id": "/result/id"}},
        ),
        operation(GET, "read", "GET", "/things/{id}", **one),
        operation(
            UPDATE,
            "update",
            "PUT",
            "/things/{id}",
            properties=_CHANGE,
            required=["id", "version"],
            confirm="Change the thing {id}.",
            undo={"kind": "exact", "tool": UPDATE, "arguments": _BY_ITSELF},
            **_ONE,
        ),
        operation(DELETE, "delete", "DELETE", "/things/{id}", undo={"kind": "none"}, **one, **_ONE),
        operation(
            LOCK,
            "action",
            "POST",
            "/things/{id}/lock",
            undo={"kind": "exact", "tool": UNLOCK, "arguments": {"id": "/arguments/id"}},
            **one,
            **_ONE,
        ),
        operation(
            UNLOCK,
            "action",
            "POST",
            "/things/{id}/unlock",
            undo={"kind": "exact", "tool": LOCK, "arguments": {"id": "/arguments/id"}},
            **one,
        ),
        operation(
            UPDATE_MANY,
            "update",
            "PUT",
            "/things",
            traits=["bulk"],
            properties={"data": many},
            required=["data"],
            before={"tool": GET, "each": "/data", "arguments": {"id": "/id"}},
            undo={"kind": "exact", "tool": UPDATE_MANY, "arguments": _BY_ITSELF},
        ),
    ]


@dataclass
class Shop:
    """The records, and what was asked of them."""

    things: dict[int, dict[str, Any]] = field(default_factory=dict)
    seen: list[tuple[str, Any]] = field(default_factory=list)
    rejects: set[int] = field(default_factory=set)
    silent_about: set[str] = field(default_factory=set)
    forgets_to_tell_the_id: bool = False

    def put(self, **record: Any) -> int:
        """Have a thing in stock."""
        number = len(self.things) + 1
        self.things[number] = {"id": number, "version": 1, "locked": False, **record}
        return number

    @property
    def writes(self) -> list[str]:
        """The writes that arrived, in their order."""
        return [name for name, _ in self.seen if name != GET]

    async def send(
        self, permit: Permit, spec: RequestSpec, operation: Operation, _ear: object
    ) -> Reply:
        """Carry out one request."""
        assert permit.digest == spec.digest
        sent = json.loads(spec.json or "{}")
        self.seen.append((operation.name, sent))
        if operation.name in self.silent_about:
            lost = Unavailable("The CRM did not answer in time, or broke off.")
            raise failure_after_sending(operation, lost)
        status, body = self._answer(operation.name, spec.path, sent)
        return Reply(status, {}, json.dumps(body).encode())

    def _answer(self, name: str, path: str, sent: Any) -> tuple[int, Any]:
        if name == CREATE:
            number = self.put(**sent)
            return 200, {} if self.forgets_to_tell_the_id else {"id": number}
        if name == UPDATE_MANY:
            told: dict[str, list[Any]] = {"done": [], "failed": []}
            for item in sent["data"]:
                status, _ = self._change(item["id"], item)
                told["done" if status == 200 else "failed"].append({"id": item["id"]})
            return 200, told
        number = int(path.split("/")[2])
        if number not in self.things:
            return 404, {}
        if name == DELETE:
            return 200, self.things.pop(number)
        if name in (LOCK, UNLOCK):
            return self._change(number, {"locked": name == LOCK})
        return self._change(number, sent) if name == UPDATE else (200, self.things[number])

    def _change(self, number: int, sent: dict[str, Any]) -> tuple[int, Any]:
        thing = self.things[number]
        if number in self.rejects:
            return 422, {"message": "no"}
        if sent.get("version", thing["version"]) != thing["version"]:
            return 409, {"message": "stale"}
        thing |= {**sent, "version": thing["version"] + 1}
        return 200, {"id": number}


@dataclass
class Person:
    """Somebody who reads, lets something happen meanwhile, and answers."""

    answer: Answer = Answer.YES
    meanwhile: Callable[[], Any] | None = None
    read: list[Approval] = field(default_factory=list)
    can_ask: bool = True
    resumes: str | None = None

    async def ready(self) -> None:
        """Be there, as ever."""

    async def ask(self, approval: Approval) -> Answer:
        self.read.append(approval)
        if self.meanwhile:
            self.meanwhile()
        return self.answer


class Office:
    """A pipeline over the shop: writes, and takes them back."""

    def __init__(  # noqa: PLR0913 - each is a part that tests replace
        self,
        folder: Path,
        policy: Policy | None = None,
        *,
        shop: Shop | None = None,
        label: str = HERE,
        known: list[Operation] | None = None,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self.shop = shop or Shop()
        registry = Registry(known or operations(), enabled=["shop"], policy=policy or Policy())
        accounts = {"shop": Account(ShopReplies(), label, "https://shop.example", self.shop)}
        state = StateFolder(folder)
        self.ledger = Ledger(state, clock) if clock else Ledger(state)
        self.audit = Audit(state)
        self.redactor = Redactor(["s3cret"])
        self.pipeline = Pipeline(registry, accounts, self.ledger, self.audit, self.redactor)

    @property
    def desk(self) -> Desk:
        """Where writes are taken back."""
        return Desk(self.pipeline, self.ledger.undos, self.audit)

    async def write(self, tool: str, person: Person | None = None, /, **arguments: Any) -> Outcome:
        """Make a write that a person agrees to."""
        return await self.pipeline.call(tool, arguments, Caller(asker=person or Person()))

    async def undo(self, outcome: Outcome, person: Person | None = None) -> Outcome:
        """Take a write back, with a person's yes."""
        caller = Caller(program="crm-mcp undo", asker=person or Person())
        _, brought = await take_back(self.desk, outcome.undo["id"], caller)
        return brought

    @property
    def events(self) -> list[dict[str, Any]]:
        """What the record says of each line that matters here."""
        keys = ("event", "tool", "status", "undoes", "of", "reason")
        return [{key: line[key] for key in keys if key in line} for line in self.audit.lines()]
