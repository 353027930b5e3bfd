"""How many requests a write takes, told beforehand, and what became of each record, afterwards."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from other_vendors import OTHER_VENDORS, InteractReplies

from crm_mcp.audit import Audit
from crm_mcp.bind import bind
from crm_mcp.confirm import Answer
from crm_mcp.errors import Rejected
from crm_mcp.forecast import forecast
from crm_mcp.guard import BoundCall, Permit, Policy
from crm_mcp.ledger import Approval, Ledger
from crm_mcp.loader import load_vendor
from crm_mcp.operation import Operation
from crm_mcp.parties import Account, Caller
from crm_mcp.pipeline import Pipeline
from crm_mcp.redact import Redactor
from crm_mcp.registry import Registry
from crm_mcp.request import RequestSpec
from crm_mcp.respond import Outcome
from crm_mcp.state import StateFolder
from crm_mcp.vendors.base import FailedItem, Reading, Reply, decode_json

FIXTURES = Path(__file__).parent / "fixtures" / "tool_schemas"
DELETE, MERGE = "interact_contacts_delete_many", "interact_contacts_merge"
UPDATE = "interact_person_contacts_update"


def call_of(name: str, arguments: dict[str, Any]) -> BoundCall:
    (operation,) = [o for o in load_vendor(FIXTURES, "interact") if o.name == name]
    return BoundCall(operation, arguments, bind(operation, arguments), "account", "local")


def deleting(count: int) -> BoundCall:
    return call_of(DELETE, {"ids": list(range(1, count + 1))})


def relating(count: int) -> BoundCall:
    return call_of(UPDATE, {"id": 1, "version": 1, "relatedTo": list(range(2, count + 2))})


LOOK = "25 so far, to look; after a yes 25 to look again, 1 to write"
CHECK = "4 so far, to look; after a yes 4 to look again, 1 to write, 1 to check afterwards"


@pytest.mark.parametrize(
    ("call", "looks", "rate", "said"),
    [
        (deleting(25), 25, 5.0, f"{LOOK}; about 6 seconds"),
        (deleting(25), 25, 0.1, f"{LOOK}; about 5 minutes"),
        (relating(3), 1, 2.0, f"{CHECK}; about 3 seconds"),
        (relating(3), 1, 0.05, f"{CHECK}; about 120 seconds"),
        (deleting(2), 0, 5.0, "1 to write; less than a second"),
        (deleting(2), 0, 1.0, "1 to write; about 1 second"),
        (deleting(2), 0, 0.9, "1 to write; about 2 seconds"),
        (deleting(1), 0, 0.1, "1 to write; about 10 seconds"),
    ],
)
def test_requests_and_time_are_told(call: BoundCall, looks: int, rate: float, said: str) -> None:
    assert forecast(call, looks, rate, asked=True) == f"{said} at this account's pace"


def test_where_nobody_is_asked_nothing_is_looked_at_again() -> None:
    told = forecast(deleting(25), 25, 5.0, asked=False)

    assert told == "25 so far, to look; 1 to write; less than a second at this account's pace"


@pytest.mark.parametrize(("call", "looks"), [(relating(1), 1), (deleting(1), 1), (relating(0), 1)])
def test_one_record_a_few_requests_and_no_wait_are_not_worth_a_line(
    call: BoundCall, looks: int
) -> None:
    assert forecast(call, looks, 5.0, asked=True) == ""


def test_no_more_lookups_are_forecast_than_are_made() -> None:
    assert forecast(relating(500), 1, 5.0, asked=True).startswith("26 so far, to look; ")


# Item by item


class Telling(InteractReplies):
    """interact, if it told the fate of each record of a bulk write."""

    def read(self, reply: Reply) -> Reading:
        body = decode_json(reply)
        if "taken" not in body:
            return Reading(body)
        failed = tuple(
            FailedItem({"id": one}, (f"contact {one} is locked",)) for one in body["failed"]
        )
        return Reading(body, done=len(body["taken"]), failed=failed)


@dataclass
class Crm:
    """A CRM that deletes contacts, but not those with an odd id."""

    seen: list[str] = field(default_factory=list)

    async def send(
        self, permit: Permit, spec: RequestSpec, operation: Operation, _ear: object
    ) -> Reply:
        assert permit.digest == spec.digest
        self.seen.append(operation.name)
        if not operation.is_write:
            return Reply(200, {}, b'{"firstName": "Eleanor"}')
        ids = [int(one) for one in dict(spec.query)["ids"].split(",")]
        told = {"taken": [n for n in ids if n % 2 == 0], "failed": [n for n in ids if n % 2]}
        return Reply(200, {}, json.dumps(told).encode())


@dataclass
class Person:
    """Somebody who reads and says yes."""

    read: list[str] = field(default_factory=list)
    can_ask: bool = True
    resumes: str | None = None

    async def ready(self) -> None:
        """Be there."""

    async def ask(self, approval: Approval) -> Answer:
        self.read.append(approval.preview)
        return Answer.YES


class Desk:
    """A pipeline over the fixtures, with that CRM behind it."""

    def __init__(self, folder: Path) -> None:
        operations = [one for v in OTHER_VENDORS for one in load_vendor(FIXTURES, v.id)]
        self.crm, self.person = Crm(), Person()
        registry = Registry(operations, enabled=["interact"], policy=Policy())
        account = Account(Telling(), "interact (t)", "https://x.example", self.crm, rate=0.5)
        self.audit = Audit(StateFolder(folder))
        ledger = Ledger(StateFolder(folder))
        self.pipeline = Pipeline(registry, {"interact": account}, ledger, self.audit, Redactor())

    async def delete(self, *ids: int) -> Outcome:
        caller = Caller(asker=self.person)
        return await self.pipeline.call(DELETE, {"ids": list(ids)}, caller)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.mark.anyio
async def test_the_person_reads_what_a_bulk_write_will_take(desk: Desk) -> None:
    await desk.delete(2, 4, 6)

    assert (
        "Requests: 3 so far, to look; after a yes 3 to look again, 1 to write; "
        "about 8 seconds at this account's pace"
    ) in desk.person.read[0].splitlines()
    assert len(desk.crm.seen) == 3 + 3 + 1


@pytest.mark.anyio
async def test_a_bulk_write_that_is_partly_done_tells_which_records_are_not_and_why(
    desk: Desk,
) -> None:
    done = await desk.delete(2, 3, 4, 5)

    told = done.as_dict()
    assert told["status"] == "partly_done"
    assert told["not_done"] == [
        {"item": {"id": 3}, "errors": ["contact 3 is locked"]},
        {"item": {"id": 5}, "errors": ["contact 5 is locked"]},
    ]
    assert [line.get("status") for line in desk.audit.lines()] == [None, "partly_done"]


@pytest.mark.anyio
async def test_a_bulk_write_of_which_nothing_is_done_is_an_error_that_tells_each_record(
    desk: Desk,
) -> None:
    with pytest.raises(Rejected) as caught:
        await desk.delete(3, 5)

    told = caught.value.as_dict()
    assert told["status"] == "not_done"
    assert [entry["item"]["id"] for entry in told["not_done"]] == [3, 5]
    assert [line.get("status") for line in desk.audit.lines()] == [None, "not_done"]
