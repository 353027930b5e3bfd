"""Taking a write back: only what was written, only while it stands, and only once."""

import json
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from shop import (
    CREATE,
    DELETE,
    GET,
    HERE,
    LOCK,
    UNLOCK,
    UPDATE,
    UPDATE_MANY,
    Office,
    Person,
    Shop,
    operations,
)

from crm_mcp.confirm import Answer
from crm_mcp.errors import (
    ApprovalRequired,
    ChangedSincePreview,
    Conflict,
    NotConfirmed,
    Refused,
    Rejected,
    StateError,
    Unavailable,
    UnknownOutcome,
)
from crm_mcp.guard import Mode, Policy
from crm_mcp.operation import Operation, Request
from crm_mcp.parties import Caller
from crm_mcp.state import StateFolder
from crm_mcp.take_back import take_back
from crm_mcp.undo_store import LIFETIME_SECONDS, Undos

pytestmark = pytest.mark.anyio


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path / "state")


def last_sent(office: Office) -> Any:
    return office.shop.seen[-2][1]  # the last is the look afterwards


# What goes back


async def test_what_was_created_is_deleted(office: Office) -> None:
    created = await office.write(CREATE, name="Lamp")
    person = Person()

    undone = await office.undo(created, person)

    assert undone.status == "done"
    assert office.shop.things == {}
    assert office.shop.writes == [CREATE, DELETE]
    assert "Can be undone: no" in person.read[0].preview


async def test_a_person_reads_what_is_taken_back(office: Office) -> None:
    created = await office.write(CREATE, name="Lamp")
    person = Person()

    await office.undo(created, person)

    (line,) = [one for one in person.read[0].preview.splitlines() if one.startswith("Takes back: ")]
    assert line.startswith(f"Takes back: {CREATE} of 20")
    assert line.endswith(f'number {created.undo["id"]}: Create the thing "Lamp".')


async def test_an_update_gives_back_the_changed_fields_and_takes_the_version_from_now(
    office: Office,
) -> None:
    number = office.shop.put(name="Lamp", price=5, note=None, color="red")
    changed = await office.write(
        UPDATE, id=number, version=1, name="Lamp", price=7, note="new", color="red"
    )
    office.shop.things[number] |= {"stock": 3, "version": 9}  # of no concern

    await office.undo(changed)

    assert last_sent(office) == {"version": 9, "price": 5, "note": None}
    assert office.shop.things[number] == {
        "id": number,
        "version": 10,
        "locked": False,
        "stock": 3,
        "name": "Lamp",
        "price": 5,
        "note": None,
        "color": "red",
    }


async def test_an_object_goes_back_whole_as_far_as_the_tool_takes_it(office: Office) -> None:
    number = office.shop.put(owner={"id": 1, "email": "old@x.example", "name": "Maya"})
    changed = await office.write(UPDATE, id=number, version=1, owner={"id": 2, "email": ""})

    await office.undo(changed)

    assert last_sent(office)["owner"] == {"id": 1, "email": "old@x.example"}


async def test_an_action_is_undone_by_the_opposite_one_and_that_by_the_first(
    office: Office,
) -> None:
    number = office.shop.put(name="Lamp")
    locked = await office.write(LOCK, id=number)

    unlocked = await office.undo(locked)
    locked_again = await office.undo(unlocked)

    assert office.shop.writes == [LOCK, UNLOCK, LOCK]
    assert office.shop.things[number]["locked"] is True
    assert len({one.undo["id"] for one in (locked, unlocked, locked_again)}) == 3


async def test_an_undo_is_undone_like_any_write(office: Office) -> None:
    number = office.shop.put(name="Lamp")
    changed = await office.write(UPDATE, id=number, version=1, name="Lantern")

    undone = await office.undo(changed)
    await office.undo(undone)

    assert office.shop.things[number]["name"] == "Lantern"


async def test_a_person_is_told_where_nothing_reads_the_record(office: Office) -> None:
    number = office.shop.put(name="Lamp")
    known = [one.model_copy(update={"before": None}) for one in operations()]
    blind = Office(office.audit.path.parent, shop=office.shop, known=known)
    person = Person()

    await blind.undo(await blind.write(LOCK, id=number), person)

    assert "Whether the record was changed since then cannot be read." in person.read[0].preview


async def test_of_many_records_the_changed_ones_go_back(office: Office) -> None:
    one, two, three = (office.shop.put(name=name) for name in ("Lamp", "Desk", "Bed"))
    names = {one: "Lantern", two: "Desk", three: "Bunk"}
    items = [{"id": number, "version": 1, "name": name} for number, name in names.items()]
    changed = await office.write(UPDATE_MANY, data=items)
    office.shop.things[two]["name"] = "Table"  # of no concern: it was not changed

    person = Person()
    await office.undo(changed, person)

    assert [thing["name"] for thing in office.shop.things.values()] == ["Lamp", "Table", "Bed"]
    assert person.read[0].word == "2"


async def test_of_a_part_that_was_done_that_part_goes_back(office: Office) -> None:
    one, two = (office.shop.put(name=name) for name in ("Lamp", "Desk"))
    office.shop.rejects.add(two)
    items = [{"id": number, "version": 1, "name": "New"} for number in (one, two)]
    changed = await office.write(UPDATE_MANY, data=items)
    office.shop.rejects.clear()

    await office.undo(changed)

    assert changed.status == "partly_done"
    sent = [asked for name, asked in office.shop.seen if name == UPDATE_MANY][-1]
    assert sent == {"data": [{"id": one, "version": 2, "name": "Lamp"}]}


# What does not go back


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        (UPDATE, {"version": 1, "name": "Lantern"}),
        (LOCK, {}),
    ],
)
async def test_a_record_that_changed_since_then_stays(
    office: Office, name: str, arguments: dict[str, Any]
) -> None:
    number = office.shop.put(name="Lamp")
    changed = await office.write(name, id=number, **arguments)
    office.shop.things[number]["name"] = "Torch"
    writes = len(office.shop.writes)
    person = Person()

    with pytest.raises(Refused, match="no longer holds") as caught:
        await office.undo(changed, person)

    stands = [(one["field"], one["stands"]) for one in caught.value.details["stands"]]
    assert stands == [("name", "Torch")]
    assert len(office.shop.writes) == writes
    assert person.read == []
    assert office.events[-1] == {
        "event": "refused",
        "tool": name,
        "undoes": changed.undo["id"],
        "reason": "the record no longer holds what was written",
    }


async def test_what_was_created_and_changed_is_not_deleted(office: Office) -> None:
    created = await office.write(CREATE, name="Lamp")
    office.shop.things[1]["price"] = 9

    with pytest.raises(Refused) as caught:
        await office.undo(created)

    assert caught.value.details["stands"] == [{"field": "price", "written": None, "stands": 9}]
    assert office.shop.writes == [CREATE]


async def test_what_is_gone_is_not_deleted_again(office: Office) -> None:
    created = await office.write(CREATE, name="Lamp")
    office.shop.things.clear()

    with pytest.raises(Refused, match="not there any more"):
        await office.undo(created)


async def test_a_change_while_the_person_reads_is_found_too(office: Office) -> None:
    created = await office.write(CREATE, name="Lamp")
    person = Person(meanwhile=lambda: office.shop.things[1].update(name="Torch"))

    with pytest.raises(ChangedSincePreview):
        await office.undo(created, person)

    assert office.shop.writes == [CREATE]


async def test_another_account_is_left_alone(office: Office, tmp_path: Path) -> None:
    created = await office.write(CREATE, name="Lamp")
    elsewhere = Office(tmp_path / "state", shop=Shop(), label="shop (elsewhere)")
    elsewhere.shop.put(name="Lamp")

    with pytest.raises(Refused, match=r"written to shop \(here\)"):
        await elsewhere.undo(created)

    assert elsewhere.shop.seen == []
    assert [kept.origin.account for kept in elsewhere.ledger.undos.open()] == [HERE]


@pytest.mark.parametrize("changed", [CREATE, DELETE])
async def test_operation_files_that_changed_undo_nothing(
    office: Office, tmp_path: Path, changed: str
) -> None:
    created = await office.write(CREATE, name="Lamp")
    known = [
        one.model_copy(update={"title": "Anew"} if one.name == changed else {})
        for one in operations()
    ]
    later = Office(tmp_path / "state", shop=office.shop, known=known)

    with pytest.raises(Refused, match="described anew"):
        await later.undo(created)

    assert office.shop.writes == [CREATE]


async def test_after_its_time_nothing_is_undone(tmp_path: Path) -> None:
    now = [1_000_000.0]
    office = Office(tmp_path, clock=lambda: now[0])
    created = await office.write(CREATE, name="Lamp")
    now[0] += LIFETIME_SECONDS

    with pytest.raises(Refused, match="Nothing is kept"):
        await office.undo(created)

    assert office.ledger.undos.open() == []


@pytest.mark.parametrize("answer", [Answer.NO, None])
async def test_without_a_yes_nothing_is_sent_and_the_undo_stays(
    office: Office, answer: Answer | None
) -> None:
    created = await office.write(CREATE, name="Lamp")
    person = Person(answer=answer or Answer.NO, can_ask=answer is not None)

    with pytest.raises((NotConfirmed, ApprovalRequired)):
        await office.undo(created, person)

    assert office.shop.writes == [CREATE]
    assert len(office.ledger.undos.open()) == 1


async def test_a_server_that_only_reads_undoes_nothing(office: Office, tmp_path: Path) -> None:
    created = await office.write(CREATE, name="Lamp")
    reader = Office(tmp_path / "state", Policy(mode=Mode.READ_ONLY), shop=office.shop)

    with pytest.raises(Refused, match="only reads"):
        await reader.undo(created)

    assert reader.events[-1]["undoes"] == created.undo["id"]
    assert office.shop.writes == [CREATE]


async def test_a_yes_to_the_same_call_is_no_yes_to_the_undo(office: Office) -> None:
    created = await office.write(CREATE, name="Lamp")
    nobody = Person(can_ask=False)
    with pytest.raises(ApprovalRequired):
        await office.write(DELETE, nobody, id=1)
    (waiting,) = office.ledger.waiting()
    office.ledger.decide(waiting.id, "approved", "ann")

    with pytest.raises(ApprovalRequired):
        await office.undo(created, nobody)

    assert office.shop.writes == [CREATE]


# Once


async def test_an_undo_is_spent_once(office: Office) -> None:
    created = await office.write(CREATE, name="Lamp")
    await office.undo(created)

    with pytest.raises(Refused, match="already"):
        await office.undo(created)

    kept = office.ledger.undos.get(created.undo["id"])
    assert kept is not None
    assert (kept.state, kept.plan) == ("spent", None)
    assert b"Lamp" not in json.dumps(office.ledger.undos.open()).encode()


async def test_of_two_people_who_both_agree_one_undoes(office: Office, tmp_path: Path) -> None:
    number = office.shop.put(name="Lamp")
    locked = await office.write(LOCK, id=number)
    both_read = anyio.Event()
    refusals: list[str] = []

    class Reader(Person):
        async def ask(self, approval: Any) -> Answer:
            self.read.append(approval)
            if len(people[0].read) + len(people[1].read) == 2:
                both_read.set()
            await both_read.wait()
            return Answer.YES

    people = (Reader(), Reader())
    desks = [Office(tmp_path / "state", shop=office.shop) for _ in people]

    async def undo(desk: Office, person: Person) -> None:
        try:
            await desk.undo(locked, person)
        except Refused as refusal:
            refusals.append(refusal.message)

    with anyio.fail_after(20):
        async with anyio.create_task_group() as group:
            for desk, person in zip(desks, people, strict=True):
                group.start_soon(undo, desk, person)

    assert office.shop.writes == [LOCK, UNLOCK]
    assert len(refusals) == 1
    assert "already" in refusals[0]


async def test_an_undo_is_spent_once_by_however_many_threads(
    office: Office, tmp_path: Path
) -> None:
    created = await office.write(CREATE, name="Lamp")

    def spend(_: int) -> bool:
        try:
            Undos(StateFolder(tmp_path / "state")).spend(created.undo["id"])
        except Refused:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(spend, range(24))) == 1


async def test_an_undo_is_spent_once_by_however_many_processes(
    office: Office, tmp_path: Path
) -> None:
    created = await office.write(CREATE, name="Lamp")
    script = (
        "import sys\nfrom pathlib import Path\n"
        "from crm_mcp.state import StateFolder\nfrom crm_mcp.undo_store import Undos\n"
        "Undos(StateFolder(Path(sys.argv[1]))).spend(int(sys.argv[2]))"
    )
    words = [sys.executable, "-P", "-c", script, str(tmp_path / "state"), str(created.undo["id"])]

    processes = [
        subprocess.Popen(words, stderr=subprocess.DEVNULL)  # noqa: ASYNC220, S603 - at once
        for _ in range(3)
    ]

    assert sorted(process.wait(timeout=60) for process in processes) == [0, 1, 1]


async def test_an_undo_that_changed_nothing_can_be_tried_again(office: Office) -> None:
    number = office.shop.put(name="Lamp")
    changed = await office.write(UPDATE, id=number, version=1, name="Lantern")
    office.shop.rejects.add(number)

    with pytest.raises(Rejected):
        await office.undo(changed)
    office.shop.rejects.clear()
    await office.undo(changed)

    assert office.shop.things[number]["name"] == "Lamp"


async def test_an_undo_whose_outcome_is_unknown_is_used_up(office: Office) -> None:
    created = await office.write(CREATE, name="Lamp")
    office.shop.silent_about.add(DELETE)

    with pytest.raises(UnknownOutcome):
        await office.undo(created)
    with pytest.raises(Refused, match="already"):
        await office.undo(created)

    (unknown,) = office.audit.unknown()
    assert unknown.as_dict()["undoes"] == created.undo["id"]


# What is kept, recorded and told


async def test_the_result_names_the_undo_and_the_record_numbers_it(office: Office) -> None:
    created = await office.write(CREATE, name="Lamp")
    await office.undo(created)

    number = created.undo["id"]
    assert list(created.as_dict()["undo"]) == ["id", "expires_at"]
    sending, result, *undoing = list(office.audit.lines())
    assert (sending["seq"], result["of"]) == (number, number)
    assert [(line["event"], line["undoes"]) for line in undoing] == [
        ("sending", number),
        ("result", number),
    ]
    assert not office.audit.verify().problem


async def test_a_write_that_was_not_done_leaves_nothing_to_undo(office: Office) -> None:
    number = office.shop.put(name="Lamp")

    with pytest.raises(Conflict):
        await office.write(UPDATE, id=number, version=8, name="Lantern")

    assert office.ledger.undos.open() == []


async def test_what_is_kept_is_the_owner_s_alone(office: Office, tmp_path: Path) -> None:
    await office.write(CREATE, name="Lamp")

    mode = (tmp_path / "state" / "state.sqlite3").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600
    assert "Lamp" not in office.audit.path.read_text(encoding="utf-8")


async def test_what_can_be_undone_is_listed_the_newest_first(office: Office) -> None:
    first, second = [await office.write(CREATE, name=name) for name in ("Lamp", "Desk")]

    listed = [kept.origin.number for kept in office.ledger.undos.open()]
    assert listed == [second.undo["id"], first.undo["id"]]


def warned(outcome: Any) -> str:
    (text,) = outcome.warnings
    assert outcome.undo == {}
    return str(text).removeprefix("This write cannot be undone from here: ")


async def test_an_answer_without_the_id_cannot_be_undone(office: Office) -> None:
    office.shop.forgets_to_tell_the_id = True

    created = await office.write(CREATE, name="Lamp")

    assert created.status == "done"
    assert warned(created) == "/result/id is not known."


async def test_a_record_that_cannot_be_read_again_cannot_be_undone(office: Office) -> None:
    office.shop.silent_about.add(GET)

    created = await office.write(CREATE, name="Lamp")

    assert warned(created) == "the record could not be read again (unavailable)."


async def test_a_part_that_cannot_be_told_apart_cannot_be_undone(office: Office) -> None:
    one, two = (office.shop.put(name="Lamp") for _ in range(2))
    office.shop.rejects.add(two)
    items = [{"id": number, "version": 1, "name": "New"} for number in (one, one, two, two)]

    changed = await office.write(UPDATE_MANY, data=items)

    assert "which part cannot be told" in warned(changed)


async def test_an_undo_that_cannot_be_kept_is_a_warning(
    office: Office, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object) -> None:
        raise StateError("disk full at /some/path")

    monkeypatch.setattr(Undos, "keep", full)

    created = await office.write(CREATE, name="Lamp")

    assert created.status == "done"
    assert warned(created) == "what it takes could not be kept."
    assert "disk full" in caplog.text


async def test_a_credential_among_the_values_is_not_kept(tmp_path: Path) -> None:
    known = [one.model_copy(update={"request": _in_query(one)}) for one in operations()]
    office = Office(tmp_path, known=known)
    number = office.shop.put(name="Lamp")

    changed = await office.write(UPDATE, id=number, version=1, name="Desk", color="s3cret")

    assert warned(changed) == "it holds a credential of this server."
    assert b"s3cret" not in (tmp_path / "state.sqlite3").read_bytes()


def _in_query(operation: Operation) -> Request:
    """Send the colour beside what is written; so it is no field of the record."""
    bind = {"color": "query"} if operation.name == UPDATE else {}
    return operation.request.model_copy(update={"bind": bind})


async def test_a_value_that_was_read_masked_does_not_go_back(office: Office) -> None:
    number = office.shop.put(name="s3cret")

    changed = await office.write(UPDATE, id=number, version=1, name="Lamp")

    assert warned(changed) == "name was read with a secret masked."


async def test_without_asking_a_create_is_kept_and_an_update_not(tmp_path: Path) -> None:
    office = Office(tmp_path, Policy(mode=Mode.UNATTENDED))

    created = await office.write(CREATE, name="Lamp")
    changed = await office.write(UPDATE, id=1, version=1, name="Lantern")

    assert changed.undo == {}
    assert changed.warnings == ()
    assert [kept.origin.number for kept in office.ledger.undos.open()] == [created.undo["id"]]


async def test_a_tool_that_undoes_and_is_not_there_is_a_warning(tmp_path: Path) -> None:
    office = Office(tmp_path, known=[one for one in operations() if one.name != DELETE])

    created = await office.write(CREATE, name="Lamp")

    assert "cannot be undone" in created.warnings[0]


async def test_a_record_whose_version_is_gone_cannot_be_undone(office: Office) -> None:
    number = office.shop.put(name="Lamp")
    changed = await office.write(UPDATE, id=number, version=1, name="Lantern")
    del office.shop.things[number]["version"]

    with pytest.raises(Refused, match="/now/version is not known"):
        await office.undo(changed)


async def test_a_refusal_that_cannot_be_recorded_is_an_error(office: Office) -> None:
    created = await office.write(CREATE, name="Lamp")
    office.shop.things[1]["name"] = "Torch"
    office.audit.path.write_text("", encoding="utf-8")

    with pytest.raises(StateError):
        await office.undo(created)


async def test_an_undo_that_is_under_way_elsewhere_is_refused_before_anything_is_read(
    office: Office,
) -> None:
    created = await office.write(CREATE, name="Lamp")
    office.ledger.undos.spend(created.undo["id"])
    seen = len(office.shop.seen)

    with pytest.raises(Refused, match="already"):
        await office.undo(created)

    assert len(office.shop.seen) == seen


async def test_an_outcome_of_an_undo_that_cannot_be_recorded_is_told_and_logged(
    office: Office, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    created = await office.write(CREATE, name="Lamp")

    def full(*_: object, **__: object) -> None:
        raise StateError("disk full")

    monkeypatch.setattr(Undos, "settle", full)

    assert (await office.undo(created)).status == "done"
    assert "could not be recorded" in caplog.text


async def test_nothing_in_a_call_can_claim_to_undo(office: Office) -> None:
    for operation in office.pipeline.registry.operations:
        assert not any("undo" in name for name in operation.properties)
    with pytest.raises(Refused, match="Nothing is kept"):
        await take_back(office.desk, 12, replace(Caller(), program="test"))
    assert Unavailable.kind == "unavailable"
