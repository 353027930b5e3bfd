"""What a person sees of the record a write would touch, and what is refused when it changes."""

import copy
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from other_vendors import OTHER_VENDORS

from crm_mcp.audit import Audit
from crm_mcp.compare import Look, digest, look, outcome, record_requests, same
from crm_mcp.confirm import Answer
from crm_mcp.errors import (
    ChangedSincePreview,
    NotConfirmed,
    NotFound,
    Refused,
    Unavailable,
)
from crm_mcp.guard import BoundCall, Mode, Permit, Policy
from crm_mcp.ledger import Approval, Ledger
from crm_mcp.loader import load_vendor
from crm_mcp.operation import Before, Operation
from crm_mcp.parties import Account, Caller
from crm_mcp.pipeline import Pipeline
from crm_mcp.preview import Context, echo, render
from crm_mcp.redact import Redactor
from crm_mcp.registry import Registry
from crm_mcp.request import RequestSpec
from crm_mcp.respond import Outcome
from crm_mcp.state import StateFolder
from crm_mcp.vendors.base import Reply

FIXTURES = Path(__file__).parent / "fixtures" / "tool_schemas"
UPDATE = "cirrus_departments_update"
DEPARTMENT = {"id": 7, "name": "Sales", "manager": {"id": 1, "name": "Maya", "email": ""}}
RENAME = {"id": 7, "name": "Sales UK", "manager": {"id": 1, "email": "maya@x.example"}}


@dataclass
class Cirrus:
    """A CRM with one department; keeps what is written, or what it makes of it."""

    record: dict[str, Any] = field(default_factory=lambda: copy.deepcopy(DEPARTMENT))
    seen: list[str] = field(default_factory=list)
    drops: tuple[str, ...] = ()
    fails_after: int = 1_000
    listed: bool = False

    async def send(
        self, permit: Permit, spec: RequestSpec, operation: Operation, _ear: object
    ) -> Reply:
        assert permit.digest == spec.digest
        self.seen.append(operation.name)
        if len(self.seen) > self.fails_after:
            raise Unavailable("The CRM did not answer in time, or broke off.")
        if operation.is_write:
            sent = json.loads(spec.json or "{}")
            self.record |= {name: value for name, value in sent.items() if name not in self.drops}
        answer = [self.record] if self.listed else self.record
        return Reply(200, {}, json.dumps(answer).encode())

    @property
    def writes(self) -> int:
        return sum(name == UPDATE for name in self.seen)


@dataclass
class Person:
    """Somebody who reads, lets something happen meanwhile, and answers."""

    answer: Answer = Answer.YES
    meanwhile: Any = None
    read: list[Approval] = field(default_factory=list)
    can_ask: bool = True
    resumes: str | None = None

    async def ready(self) -> None:
        """Be there."""

    async def ask(self, approval: Approval) -> Answer:
        self.read.append(approval)
        if self.meanwhile:
            self.meanwhile()
        return self.answer


class Desk:
    """A pipeline over the fixtures, with a CRM of one department behind it."""

    def __init__(self, folder: Path, policy: Policy) -> None:
        operations = [one for v in OTHER_VENDORS for one in load_vendor(FIXTURES, v.id)]
        self.crm = Cirrus()
        registry = Registry(operations, enabled=[v.id for v in OTHER_VENDORS], policy=policy)
        accounts = {
            v.id: Account(v, f"{v.id} (t)", "https://x.example", self.crm) for v in OTHER_VENDORS
        }
        state = StateFolder(folder)
        self.ledger, self.audit = Ledger(state), Audit(state)
        self.pipeline = Pipeline(registry, accounts, self.ledger, self.audit, Redactor())

    async def call(self, person: Person, arguments: Any = RENAME, name: str = UPDATE) -> Outcome:
        return await self.pipeline.call(name, arguments, Caller(asker=person))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path, Policy())


def changes(approval: Approval) -> list[str]:
    """Take the part of a preview that shows the record."""
    lines = approval.preview.splitlines()
    begin = next(at for at, line in enumerate(lines) if line.startswith("Record: "))
    return lines[begin : lines.index("What will be written:") - 1]


@pytest.mark.anyio
async def test_the_person_sees_old_and_new_and_what_cannot_be_compared(desk: Desk) -> None:
    person = Person()
    await desk.call(person, {**RENAME, "users": [{"id": 3}]})

    assert changes(person.read[0]) == [
        "Record: id = 7",
        '  name: "Sales" → "Sales UK"',
        '  manager.email: nothing → "maya@x.example" (added)',
        '  users: ? → [{"id": 3}] (the record as read lacks it: it cannot be compared)',
        "  Fields that are sent and stay as they are: 1",
    ]


@pytest.mark.anyio
async def test_the_record_is_read_before_asking_again_before_sending_and_afterwards(
    desk: Desk,
) -> None:
    done = await desk.call(Person())

    read = "cirrus_departments_get"
    assert desk.crm.seen == [read, read, UPDATE, read]
    assert done.check == {"kept": 3}


@pytest.mark.anyio
async def test_a_field_that_did_not_stand_is_told(desk: Desk) -> None:
    desk.crm.drops = ("name",)

    done = await desk.call(Person())

    assert done.status == "done"
    assert done.check == {"kept": 2, "dropped": ["name"]}


@pytest.mark.anyio
async def test_a_check_that_cannot_be_read_is_a_warning_and_no_failure(desk: Desk) -> None:
    desk.crm.fails_after = 3

    done = await desk.call(Person())

    assert done.status == "done"
    assert done.check == {}
    assert [text.partition(":")[0] for text in done.warnings] == [
        "Whether the change stands could not be read",
        "This write cannot be undone from here",
    ]


@pytest.mark.anyio
async def test_a_record_that_changed_meanwhile_is_not_written(desk: Desk) -> None:
    person = Person(meanwhile=lambda: desk.crm.record.update(name="Sales Europe"))

    with pytest.raises(ChangedSincePreview) as caught:
        await desk.call(person)

    assert desk.crm.writes == 0
    assert '  name: "Sales Europe" → "Sales UK"' in caught.value.details["preview"]
    assert [line["event"] for line in desk.audit.lines()] == ["changed_since_preview"]


@pytest.mark.anyio
async def test_a_change_that_was_not_shown_does_not_count(desk: Desk) -> None:
    person = Person(meanwhile=lambda: desk.crm.record.update(visited=5))

    assert (await desk.call(person)).status == "done"


@pytest.mark.anyio
async def test_an_approval_out_of_band_dies_with_the_record_it_was_given_for(desk: Desk) -> None:
    nobody = Person(can_ask=False)
    for _ in range(2):
        with pytest.raises(Exception, match="must approve"):
            await desk.call(nobody)
    (waiting,) = desk.ledger.waiting()
    desk.ledger.decide(waiting.id, "approved", "ann")
    desk.crm.record["name"] = "Sales Europe"

    with pytest.raises(ChangedSincePreview):
        await desk.call(nobody)
    with pytest.raises(Exception, match="must approve"):
        await desk.call(nobody)

    (fresh,) = desk.ledger.waiting()
    assert '"Sales Europe" → "Sales UK"' in fresh.preview
    assert desk.crm.writes == 0


@pytest.mark.anyio
async def test_a_record_that_cannot_be_read_is_not_asked_about(desk: Desk) -> None:
    desk.crm.fails_after = 0
    person = Person()

    with pytest.raises(Unavailable):
        await desk.call(person)

    assert person.read == []
    assert desk.crm.writes == 0


@pytest.mark.anyio
async def test_a_read_that_the_policy_forbids_stops_the_write(tmp_path: Path) -> None:
    desk = Desk(tmp_path, Policy(deny=("cirrus_departments_get",)))

    with pytest.raises(Refused):
        await desk.call(Person())

    assert desk.crm.seen == []


@pytest.mark.anyio
async def test_a_dry_run_shows_the_difference_too(desk: Desk) -> None:
    shown = await desk.call(Person(), {**RENAME, "_dry_run": True})

    assert '  name: "Sales" → "Sales UK"' in shown.data["preview"]
    assert desk.crm.writes == 0


@pytest.mark.anyio
async def test_without_asking_no_record_is_read(tmp_path: Path) -> None:
    desk = Desk(tmp_path, Policy(mode=Mode.UNATTENDED))

    done = await desk.call(Person())

    assert desk.crm.seen == [UPDATE]
    assert done.check == {}


@pytest.mark.anyio
async def test_a_dangerous_write_names_its_danger_as_the_word(desk: Desk) -> None:
    person = Person(answer=Answer.NO)
    approve = {"action": "expensesheetsapprove", "expensesheet": [1, 2]}
    delete = {"ids": [1, 3]}

    for name, arguments in (
        ("synergist_expense_sheets_approve", approve),
        ("interact_contacts_delete_many", delete),
    ):
        with pytest.raises(NotConfirmed):
            await desk.call(person, arguments, name)

    assert [approval.word for approval in person.read] == ["financial", "destructive"]
    assert person.read[0].preview.endswith("\n\nTo approve, type: financial")


def updating(**changes: Any) -> Operation:
    (found,) = [o for o in load_vendor(FIXTURES, "cirrus") if o.name == UPDATE]
    return found.model_copy(update=changes)


def each(**more: Any) -> Before:
    return Before(tool="read", each="/data", arguments={"job": "/jobNumber"}, **more)


def test_each_record_of_a_bulk_write_is_read_by_its_own_key() -> None:
    arguments = {"data": [{"jobNumber": "1/2", "x": 1}, {"jobNumber": "1/3"}]}

    assert record_requests(each(), arguments) == [{"job": "1/2"}, {"job": "1/3"}]
    assert record_requests(each(), {}) == []
    assert record_requests(each(), {"data": {"jobNumber": "1/4"}}) == [{"job": "1/4"}]


def test_a_record_is_called_by_its_keys_and_its_names() -> None:
    operation = updating(before=each(label=("/name", "/gone")))
    arguments = {"data": [{"jobNumber": "1/2", "status": "2"}]}

    (seen,) = look(operation, arguments, [{"name": "Fair stand", "status": 2}])

    assert seen.label == (("job", "1/2"), ("name", "Fair stand"))
    assert [(field.name, field.kind) for field in seen.differences] == [("status", "same")]


def test_what_is_no_record_cannot_be_compared() -> None:
    (seen,) = look(updating(), {"id": 7, "name": "x"}, ["no record"])

    assert [(field.name, field.kind) for field in seen.differences] == [("name", "unknown")]


def test_a_field_that_is_emptied_is_cleared() -> None:
    (seen,) = look(updating(), {"id": 7, "name": ""}, [{"name": "Sales"}])

    assert [field.kind for field in seen.differences] == ["cleared"]


def test_an_item_that_is_no_object_has_nothing_to_compare() -> None:
    operation = updating(before=Before(tool="read", each="/ids"))

    (seen,) = look(operation, {"ids": [1]}, [{"name": "x"}])

    assert seen == Look((), {"name": "x"}, ())


def test_a_write_without_a_read_looks_at_nothing() -> None:
    assert look(updating(before=None), {}, []) == ()
    assert digest(()) == ""


def test_the_digest_follows_what_was_shown() -> None:
    def seen(**record: Any) -> str:
        return digest(look(updating(), {"id": 7, "name": "x"}, [record]))

    assert seen(name="a", other=1) == seen(name="a", other=2)
    assert seen(name="a") != seen(name="b")


def test_of_a_record_that_goes_all_is_shown_and_bound() -> None:
    deleting = updating(effect="delete")

    def gone(**record: Any) -> str:
        return digest(look(deleting, {"id": 7}, [record]))

    assert gone(name="a", other=1) != gone(name="a", other=2)


def test_what_the_crm_made_of_a_value_is_told() -> None:
    asked = look(updating(), {"id": 7, "name": "LONG NAME"}, [{"name": "old"}])
    stands = look(updating(), {"id": 7, "name": "LONG NAME"}, [{"name": "LONG"}])

    assert outcome(asked, stands) == {
        "coerced": [{"field": "name", "sent": "LONG NAME", "stands": "LONG"}]
    }


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [(1, "1", True), (1, 1.0, True), (None, None, True), (None, "", False), ([1], ["1"], False)],
)
def test_values_that_read_the_same_are_the_same(one: Any, other: Any, alike: bool) -> None:  # noqa: FBT001
    assert same(one, other) is alike


@pytest.mark.anyio
async def test_a_list_of_one_is_the_record(desk: Desk) -> None:
    desk.crm.listed = True
    person = Person()

    await desk.call(person)

    assert '  name: "Sales" → "Sales UK"' in person.read[0].preview


@pytest.mark.anyio
async def test_a_record_that_is_not_there_ends_the_call(desk: Desk) -> None:
    operation = desk.pipeline.registry.find("cirrus_departments_get")
    assert operation.effect == "read"
    desk.crm.record = []  # type: ignore[assignment]

    with pytest.raises(NotFound, match="0 records fit"):
        await desk.call(Person())

    assert desk.crm.writes == 0


def test_of_a_record_that_goes_the_person_sees_all(tmp_path: Path) -> None:
    deleting = updating(effect="delete", undo=None)
    spec = RequestSpec("cirrus", UPDATE, "DELETE", "/departments/7")
    call = BoundCall(deleting, {"id": 7}, spec, "cirrus (test)", "local")
    looks = look(deleting, {"id": 7}, [{"name": "Sales", "users": [{"id": 3}], "note": ""}])

    preview = render(call, Context("https://x.example", looks), Redactor()).splitlines()

    begin = preview.index("Record: id = 7")
    assert preview[begin : begin + 5] == [
        "Record: id = 7",
        "  What stands there now:",
        '    name = "Sales"',
        "    users[0].id = 3",
        '    note = ""',
    ]
    assert "Can be undone: not said" in preview
    assert preview[begin + 6 : begin + 8] == ["What will be sent:", "  id = 7"]
    assert not list(tmp_path.iterdir())


def test_a_record_that_is_one_value_is_shown_as_it_is() -> None:
    looks = look(updating(effect="delete"), {"id": 7}, ["gone"])
    spec = RequestSpec("cirrus", UPDATE, "DELETE", "/departments/7")
    call = BoundCall(updating(effect="delete"), {"id": 7}, spec, "cirrus (test)", "local")

    assert '    record = "gone"' in render(call, Context("https://x.example", looks), Redactor())


def test_a_cleared_field_is_marked() -> None:
    looks = look(updating(), {"id": 7, "name": ""}, [{"name": "Sales"}])
    spec = RequestSpec("cirrus", UPDATE, "PUT", "/departments/7")
    call = BoundCall(updating(), {"id": 7, "name": ""}, spec, "cirrus (test)", "local")

    shown = render(call, Context("https://x.example", looks), Redactor())
    assert '  name: "Sales" → nothing (cleared)' in shown


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("2026-04-03", " (Friday, 3 April 2026)"),
        ("2026-04-03 08:00:00", " (Friday, 3 April 2026)"),
        ("2026-02-30", " (no day of the calendar)"),
        ("20260403", ""),
        ("03/04/2026", ""),
        ("1.234.567", ""),
        ("+49 (0)171 344-556 67", " (digits: 490 171 344 556 67)"),
        (4800, " (4\u202f800)"),
        (-1234567.5, " (-1\u202f234\u202f567.5)"),
        (999, ""),
        (True, ""),
        ("12", ""),
        ("plain", ""),
        (None, ""),
    ],
)
def test_dates_amounts_and_telephone_numbers_are_said_twice(value: Any, said: str) -> None:
    assert echo(value) == said
