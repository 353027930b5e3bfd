"""What ids are ids of: names beside them in the preview, and an id of the wrong kind refused."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from other_vendors import OTHER_VENDORS

from crm_mcp.audit import Audit
from crm_mcp.bind import bind
from crm_mcp.confirm import Answer
from crm_mcp.errors import (
    ChangedSincePreview,
    InvalidArguments,
    ToolFailure,
)
from crm_mcp.guard import BoundCall, Mode, Permit, Policy
from crm_mcp.ids import MAX_LOOKUPS, Name, ids_in
from crm_mcp.ledger import Approval, Ledger
from crm_mcp.loader import load_vendor
from crm_mcp.names import AT_ONCE, names_of
from crm_mcp.operation import Operation
from crm_mcp.parties import Account, Caller
from crm_mcp.pipeline import Pipeline
from crm_mcp.preview import Context, quoted, render
from crm_mcp.redact import Redactor
from crm_mcp.registry import Registry
from crm_mcp.request import RequestSpec
from crm_mcp.respond import Outcome
from crm_mcp.state import StateFolder
from crm_mcp.vendors.base import Reply

FIXTURES = Path(__file__).parent / "fixtures" / "tool_schemas"
MERGE = "interact_contacts_merge"
GET = "interact_person_contacts_get"
NO_SUCH_RECORD = {"error": "91000000000000", "devmsg": "no such record"}
NO_LEAVE = {"error": "94020000000000", "devmsg": 'no leave (contact: "Eleanor")'}
MERGED = {"contactIds": [12, 11], "contact": {"id": 52, "version": 4, "relatedTo": [12]}}


@dataclass
class Interact:
    """A CRM with contacts and a user, whose ids are not those of contacts."""

    contacts: dict[str, Any] = field(
        default_factory=lambda: {
            "11": {"firstName": "Eleanor", "lastName": "Whitby"},
            "12": {"firstName": "Daniel", "lastName": ""},
            "52": {"firstName": "Remo", "lastName": 'Meier" (user: "Admin'},
        }
    )
    seen: list[str] = field(default_factory=list)
    under_way: int = 0
    most_at_once: int = 0

    async def send(
        self, permit: Permit, spec: RequestSpec, operation: Operation, _ear: object
    ) -> Reply:
        assert permit.digest == spec.digest
        self.seen.append(spec.path)
        self.under_way += 1
        self.most_at_once = max(self.most_at_once, self.under_way)
        await anyio.lowlevel.checkpoint()
        self.under_way -= 1
        if operation.is_write:
            return _reply({"code": 200, "entity": {}, "devmsg": "success"})
        return _reply(self.contacts.get(spec.path.rpartition("/")[2], NO_SUCH_RECORD))


def _reply(body: Any) -> Reply:
    return Reply(200, {}, json.dumps(body).encode())


@dataclass
class Person:
    """Somebody who reads, lets something happen meanwhile, and says yes."""

    meanwhile: Callable[[], None] = lambda: None
    read: list[str] = field(default_factory=list)
    can_ask: bool = True
    resumes: str | None = None

    async def ready(self) -> None:
        """Be there."""

    async def ask(self, approval: Approval) -> Answer:
        self.read.append(approval.preview)
        self.meanwhile()
        return Answer.YES


class Desk:
    """A pipeline over the fixtures, with that CRM behind it."""

    def __init__(self, folder: Path, policy: Policy) -> None:
        operations = [one for v in OTHER_VENDORS for one in load_vendor(FIXTURES, v.id)]
        self.crm = Interact()
        registry = Registry(operations, enabled=[v.id for v in OTHER_VENDORS], policy=policy)
        accounts = {
            v.id: Account(v, f"{v.id} (t)", "https://x.example", self.crm) for v in OTHER_VENDORS
        }
        state = StateFolder(folder)
        self.ledger, self.audit = Ledger(state), Audit(state)
        self.pipeline = Pipeline(registry, accounts, self.ledger, self.audit, Redactor())

    async def call(self, person: Person, arguments: Any = MERGED, name: str = MERGE) -> Outcome:
        return await self.pipeline.call(name, arguments, Caller(asker=person))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path, Policy())


def written(preview: str) -> list[str]:
    """Take the part of a preview that lists what will be written."""
    lines = preview.splitlines()
    return lines[
        lines.index("What will be written:") + 1 : lines.index(
            "The exact request, without credentials:"
        )
        - 1
    ]


@pytest.mark.anyio
async def test_names_stand_beside_the_ids_in_quotes(desk: Desk) -> None:
    person = Person()

    done = await desk.call(person)

    assert done.status == "done"
    assert written(person.read[0]) == [
        '  contactIds[0] = 12 (contact: "Daniel")',
        '  contactIds[1] = 11 (contact: "Eleanor" "Whitby")',
        '  contact.id = 52 (contact: "Remo" "Meier\\" (user: \\"Admin")',
        "  contact.version = 4",
        '  contact.relatedTo[0] = 12 (contact: "Daniel")',
    ]
    assert f"Requests: 3 so far, to look; after a yes 3 to look again, 1 to write; {SOON}" in (
        person.read[0].splitlines()
    )


SOON = "less than a second at this account's pace"


@pytest.mark.anyio
async def test_each_id_is_read_once_before_the_question_and_once_after_the_answer(
    desk: Desk,
) -> None:
    await desk.call(Person())

    names = ["/contacts/11", "/contacts/12", "/contacts/52"]
    assert sorted(desk.crm.seen[:3]) == names
    assert sorted(desk.crm.seen[3:6]) == names
    assert desk.crm.seen[6:] == ["/contacts"]


@pytest.mark.anyio
async def test_the_id_of_a_user_is_refused_where_a_contact_is_due(desk: Desk) -> None:
    person = Person()

    with pytest.raises(InvalidArguments) as caught:
        await desk.call(person, {"contactIds": [12, 31], "contact": {"id": 31, "version": 1}})

    assert caught.value.message == (
        f"{MERGE}: contact.id is 31, which is no contact: {GET} finds none; "
        f"contactIds[1] is 31, which is no contact: {GET} finds none."
    )
    assert caught.value.hint == f"Look the right contact up with {GET}."
    assert person.read == []
    assert "/contacts" not in desk.crm.seen


@pytest.mark.anyio
@pytest.mark.parametrize("mode", [Mode.CONFIRM, Mode.UNATTENDED])
async def test_an_id_of_another_form_is_refused_in_every_mode_and_nothing_is_read(
    tmp_path: Path, mode: Mode
) -> None:
    desk = Desk(tmp_path, Policy(mode=mode))

    with pytest.raises(InvalidArguments) as caught:
        await desk.call(Person(), {"contactIds": [-12], "contact": {"version": 1}})

    assert "contactIds[0] is -12, which is no contact: it must look like [1-9]\\d*" in (
        caught.value.message
    )
    assert desk.crm.seen == []


@pytest.mark.anyio
async def test_without_asking_no_name_is_read(tmp_path: Path) -> None:
    desk = Desk(tmp_path, Policy(mode=Mode.UNATTENDED))

    await desk.call(Person(), {"contactIds": [31], "contact": {"version": 1}})

    assert desk.crm.seen == ["/contacts"]


@pytest.mark.anyio
@pytest.mark.parametrize("mode", [Mode.CONFIRM, Mode.UNATTENDED])
async def test_a_dry_run_reads_names_and_refuses_what_has_none_in_every_mode(
    tmp_path: Path, mode: Mode
) -> None:
    desk = Desk(tmp_path, Policy(mode=mode))

    shown = await desk.call(Person(), {**MERGED, "_dry_run": True})
    with pytest.raises(InvalidArguments):
        await desk.call(Person(), {**MERGED, "contactIds": [31], "_dry_run": True})

    assert '  contactIds[0] = 12 (contact: "Daniel")' in written(shown.data["preview"])
    assert "/contacts" not in desk.crm.seen


@pytest.mark.anyio
async def test_a_name_that_may_not_be_read_is_missing_and_the_question_goes_on(desk: Desk) -> None:
    desk.crm.contacts["12"] = NO_LEAVE
    person = Person()

    done = await desk.call(person)

    assert done.status == "done"
    assert "  contactIds[0] = 12 (contact; its name could not be read: forbidden)" in written(
        person.read[0]
    )
    assert "no leave" not in person.read[0]


@pytest.mark.anyio
async def test_where_the_operator_forbids_the_read_the_names_are_missing(tmp_path: Path) -> None:
    desk = Desk(tmp_path, Policy(deny=(GET,)))
    person = Person()

    done = await desk.call(person)

    assert done.status == "done"
    assert desk.crm.seen == ["/contacts"]
    assert "  contact.id = 52 (contact; its name could not be read: refused)" in written(
        person.read[0]
    )


@pytest.mark.anyio
async def test_a_record_without_a_name_is_said_to_have_none(desk: Desk) -> None:
    desk.crm.contacts["12"] = {"firstName": None, "hot": True}
    person = Person()

    await desk.call(person)

    assert "  contactIds[0] = 12 (contact, without a name)" in written(person.read[0])


@pytest.mark.anyio
async def test_a_record_that_was_renamed_meanwhile_is_not_written_to(desk: Desk) -> None:
    person = Person(meanwhile=lambda: desk.crm.contacts.update({"11": {"firstName": "Harriet"}}))

    with pytest.raises(ChangedSincePreview) as caught:
        await desk.call(person)

    assert '  contactIds[1] = 11 (contact: "Harriet")' in caught.value.details["preview"]
    assert "/contacts" not in desk.crm.seen


@pytest.mark.anyio
@pytest.mark.parametrize(("before", "after"), [(NO_LEAVE, {"firstName": "Di"}), ({}, NO_LEAVE)])
async def test_a_name_that_comes_or_goes_meanwhile_is_a_change(
    desk: Desk, before: Any, after: Any
) -> None:
    desk.crm.contacts["11"] = before or desk.crm.contacts["11"]
    person = Person(meanwhile=lambda: desk.crm.contacts.update({"11": after}))

    with pytest.raises(ChangedSincePreview):
        await desk.call(person)

    assert "/contacts" not in desk.crm.seen


@pytest.mark.anyio
async def test_an_id_whose_record_went_meanwhile_is_refused(desk: Desk) -> None:
    person = Person(meanwhile=lambda: desk.crm.contacts.pop("11"))

    with pytest.raises(InvalidArguments, match="which is no contact"):
        await desk.call(person)

    assert "/contacts" not in desk.crm.seen
    assert [line["event"] for line in desk.audit.lines()] == ["invalid_arguments"]


@pytest.mark.anyio
async def test_an_approval_out_of_band_dies_with_the_names_it_was_given_for(desk: Desk) -> None:
    nobody = Person(can_ask=False)
    with pytest.raises(ToolFailure, match="must approve"):
        await desk.call(nobody)
    (waiting,) = desk.ledger.waiting()
    desk.ledger.decide(waiting.id, "approved", "ann")
    desk.crm.contacts["11"] = {"firstName": "Harriet"}

    with pytest.raises(ChangedSincePreview):
        await desk.call(nobody)

    assert "/contacts" not in desk.crm.seen


@pytest.mark.anyio
async def test_an_approval_out_of_band_looks_once_more_and_no_oftener(desk: Desk) -> None:
    nobody = Person(can_ask=False)
    with pytest.raises(ToolFailure, match="must approve"):
        await desk.call(nobody)
    (waiting,) = desk.ledger.waiting()
    desk.ledger.decide(waiting.id, "approved", "ann")

    await desk.call(nobody)

    assert len(desk.crm.seen) == 3 + 3 + 1


@pytest.mark.anyio
async def test_of_many_ids_some_are_read_a_few_at_once_and_the_others_are_counted(
    desk: Desk,
) -> None:
    related = list(range(100, 100 + MAX_LOOKUPS + 7))
    desk.crm.contacts |= {str(number): {"firstName": f"C{number}"} for number in related}
    person = Person()

    await desk.call(person, {"contactIds": [12], "contact": {"version": 1, "relatedTo": related}})

    lines = written(person.read[0])
    assert '  contactIds[0] = 12 (contact: "Daniel")' in lines
    assert sum('(contact: "C' in line for line in lines) == MAX_LOOKUPS - 1
    assert lines[-2:] == [
        f"  contact.relatedTo[{MAX_LOOKUPS + 6}] = {related[-1]} (contact; not looked up)",
        "  Ids without a name: 8, because at most 25 are looked up.",
    ]
    assert len(desk.crm.seen) == 2 * MAX_LOOKUPS + 1
    assert desk.crm.most_at_once == AT_ONCE


@pytest.mark.anyio
async def test_a_read_whose_address_is_only_inferred_refuses_nothing(desk: Desk) -> None:
    call = call_of("cirrus_departments_update", {"id": 7, "parent": {"id": 1}})

    async def finds_nothing(_name: str, _arguments: dict[str, Any]) -> Any:
        return []

    (name,) = await names_of(call, finds_nothing, desk.pipeline.registry.find)

    assert (name.label, name.missing) == ((), "its name could not be read: no record was found")


def call_of(name: str, arguments: dict[str, Any]) -> BoundCall:
    (operation,) = [o for o in load_vendor(FIXTURES, name.partition("_")[0]) if o.name == name]
    return BoundCall(operation, arguments, bind(operation, arguments), "account", "local")


# Names that want to be more


@given(label=st.lists(st.text(st.characters(codec="utf-8", max_codepoint=0xFFFF)), max_size=3))
def test_no_name_can_leave_its_quotes(label: list[str]) -> None:
    arguments = {"contactIds": [12], "contact": {"version": 1}}
    call = call_of(MERGE, arguments)
    (one,) = ids_in(call.operation, arguments)
    label = [text for text in label if text]

    shown = render(call, Context("https://x", names=(Name(one, tuple(label)),)), Redactor())

    kept = " ".join(quoted(text) for text in label)
    beside = f"(contact: {kept})" if kept else "(contact, without a name)"
    assert written(shown) == [f"  contactIds[0] = 12 {beside}", "  contact.version = 1"]


def test_a_long_name_is_cut_within_its_quotes() -> None:
    arguments = {"contactIds": [12], "contact": {"version": 1}}
    call = call_of(MERGE, arguments)
    (one,) = ids_in(call.operation, arguments)

    shown = render(call, Context("https://x", names=(Name(one, ("x" * 5_000, 7)),)), Redactor())

    assert written(shown)[0] == f'  contactIds[0] = 12 (contact: "{"x" * 100}…" 7)'
