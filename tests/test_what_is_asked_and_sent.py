"""What each kind of client is asked before each kind of write, and what is sent: the table.

The table stands in docs/guardrails.md. `UPDATE_SNAPSHOTS=1` renews it there.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import anyio
import pytest
from client_programs import ERAS, TWO, WRITE, Clock, Dialogs, Scene, catalogue, is_test, set_up
from mcp_types import ElicitResult

from crm_mcp.guard import typed_word
from crm_mcp.operation import Operation

GUARDRAILS = Path(__file__).parents[1] / "docs" / "guardrails.md"
BEGIN = "<!-- asked and sent: made by tests/test_what_is_asked_and_sent.py -->\n"
END = "<!-- end of asked and sent -->\n"
LATER = 4e9

WRITES: Mapping[str, tuple[str, dict[str, Any]]] = {
    "create": ("interact_person_contacts_create", {"firstName": "Ada"}),
    "update": ("interact_tasks_update", {"id": 139, "title": "Ask again"}),
    "delete": ("interact_notes_delete", {"id": 124}),
    "action": ("interact_contacts_share", {"id": 23, "groups": [3]}),
    "bulk": (WRITE, TWO),
    "destructive": (
        "interact_contacts_merge",
        {"contactIds": [27], "contact": {"id": 23, "version": 1}},
    ),
}

Fill = Callable[[Any], dict[str, Any]]


@dataclass(frozen=True)
class Kind:
    """One kind of client, and how the person or the program behind it answers.

    `late` answers when the question has expired; `breaks` loses the connection while the question
    stands; `approved` has a person approve out of band, and calls once more.
    """

    name: str
    eras: tuple[str, ...] = ERAS
    in_test: Fill | None = None
    in_question: Fill | None = None
    has_dialogs: bool = True
    late: bool = False
    breaks: bool = False
    approved: bool = False

    @property
    def says_yes(self) -> bool:
        """Whether a person approves in full and in time."""
        by_person = self.has_dialogs and not (self.in_test or self.in_question)
        return self.approved or (by_person and not self.late and not self.breaks)


def first_choices(params: Any) -> dict[str, Any]:
    """Fill in as a program does: the first choice of each list, and a word where one is typed."""
    fields = params.requested_schema["properties"]
    return {name: field.get("enum", ["approve"])[0] for name, field in fields.items()}


def nothing(_: Any) -> dict[str, Any]:
    return {}


def another_word(_: Any) -> dict[str, Any]:
    return {"decision": "approve", "word": "something"}


KINDS = (
    Kind("modern elicitation", eras=("auto",)),
    Kind("older elicitation", eras=("legacy",)),
    Kind("no elicitation", has_dialogs=False),
    Kind("no elicitation, approved out of band", has_dialogs=False, approved=True),
    Kind("accepts by itself", in_test=first_choices, in_question=first_choices),
    Kind("empty accept", in_question=nothing),
    Kind("wrong word", in_question=another_word),
    Kind("slow", late=True),
    Kind("crashes", breaks=True),
)


class Shown(Dialogs):
    """The dialogs of one client, which note what is shown and let something happen meanwhile."""

    def __init__(self, clock: Clock, kind: Kind, meanwhile: Callable[[], None]) -> None:
        super().__init__(clock, kind.in_test, kind.in_question)
        self._meanwhile = meanwhile

    async def __call__(self, context: object, params: Any) -> ElicitResult:
        answer = await super().__call__(context, params)
        if is_test(params):
            return answer
        has_word = "word" in params.requested_schema["properties"]
        self.asked[-1] = "dialog with a word" if has_word else "dialog"
        self._meanwhile()
        await anyio.lowlevel.checkpoint()  # a connection that was cut ends here
        return answer


@dataclass(frozen=True)
class Seen:
    """What was observed of one write: what was shown to a person, and what came to the CRM."""

    asked: tuple[str, ...]
    sent: int
    changed: int

    @property
    def cell(self) -> str:
        return f"{', '.join(self.asked)}; {self.sent}"


async def observe(kind: Kind, effect: str, era: str, folder: Path) -> Seen:
    """Make one write with one client over a fresh sandbox."""
    tool, arguments = WRITES[effect]
    async with set_up(folder) as scene:
        with anyio.CancelScope() as connection:
            dialogs = Shown(scene.clock, kind, lambda: _happens(kind, scene, connection))
            async with scene.connect(dialogs if kind.has_dialogs else None, era) as client:
                await client.call_tool(tool, arguments)
                if kind.approved:
                    await _approve(scene, dialogs)
                    await client.call_tool(tool, arguments)
        assert connection.cancelled_caught == kind.breaks
        _note_waiting(scene, dialogs)
        asked = tuple("self-test" if shown == "test" else shown for shown in dialogs.asked)
        writes = [seen for seen in scene.sandbox.log if seen.operation == tool]
        return Seen(asked, len(writes), sum(seen.changed for seen in writes))


def _happens(kind: Kind, scene: Scene, connection: anyio.CancelScope) -> None:
    if kind.breaks:
        connection.cancel()
    if kind.late:
        scene.app.ledger._clock = lambda: LATER  # noqa: SLF001 - time passes


def _note_waiting(scene: Scene, dialogs: Dialogs) -> None:
    dialogs.asked += ["out of band" for _ in scene.app.ledger.waiting()]


async def _approve(scene: Scene, dialogs: Dialogs) -> None:
    _note_waiting(scene, dialogs)
    (waiting,) = scene.app.ledger.waiting()
    scene.app.ledger.decide(waiting.id, "approved", "a person")


Observed = Mapping[tuple[str, str, str], Seen]


@pytest.fixture(scope="module")
def observed() -> Observed:
    """Observe every kind of client before every kind of write, in its eras."""

    async def all_of_them() -> Observed:
        found = {}
        for kind, effect, era in _cells():
            with TemporaryDirectory() as folder:
                found[kind.name, effect, era] = await observe(kind, effect, era, Path(folder))
        return found

    return anyio.run(all_of_them)


def _cells() -> Iterator[tuple[Kind, str, str]]:
    return ((kind, effect, era) for kind in KINDS for effect in WRITES for era in kind.eras)


CELLS = pytest.mark.parametrize(
    ("kind", "effect", "era"), list(_cells()), ids=lambda value: getattr(value, "name", value)
)


@CELLS
def test_it_is_sent_once_where_a_person_approved_in_full_and_else_never(
    observed: Observed, kind: Kind, effect: str, era: str
) -> None:
    seen = observed[kind.name, effect, era]

    assert (seen.sent, seen.changed) == ((1, 1) if kind.says_yes else (0, 0))


@CELLS
def test_somebody_or_something_is_always_asked_first(
    observed: Observed, kind: Kind, effect: str, era: str
) -> None:
    asked = observed[kind.name, effect, era].asked

    assert asked[0] == ("self-test" if kind.has_dialogs else "out of band")


def operation_of(effect: str) -> Operation:
    name, _ = WRITES[effect]
    (found,) = (one for ops in catalogue().values() for one in ops if one.name == name)
    return found


@pytest.mark.parametrize("effect", WRITES)
def test_the_writes_are_what_their_columns_say(effect: str) -> None:
    operation = operation_of(effect)

    assert effect in {operation.effect, *operation.traits}


@pytest.mark.parametrize("effect", WRITES)
def test_a_word_is_typed_where_the_write_is_dangerous(observed: Observed, effect: str) -> None:
    operation = operation_of(effect)
    is_dangerous = bool(typed_word(operation, operation.count_records(WRITES[effect][1])))

    for kind, era in (("modern elicitation", "auto"), ("older elicitation", "legacy")):
        assert ("dialog with a word" in observed[kind, effect, era].asked) == is_dangerous


def test_the_table_in_the_guardrails_is_what_was_observed(observed: Observed) -> None:
    text = GUARDRAILS.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    renewed = f"{before}{BEGIN}{table_of(observed)}{END}{after}"
    if os.environ.get("UPDATE_SNAPSHOTS") == "1":
        GUARDRAILS.write_text(renewed, encoding="utf-8", newline="\n")
    assert GUARDRAILS.read_text(encoding="utf-8") == renewed


def table_of(observed: Observed) -> str:
    """Write what was observed as a table in Markdown."""
    rows = [("", *WRITES), ("---",) * (len(WRITES) + 1)]
    rows += [(kind.name, *(_cell(observed, kind, effect) for effect in WRITES)) for kind in KINDS]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _cell(observed: Observed, kind: Kind, effect: str) -> str:
    """Write one cell; both eras have one story to tell."""
    (cell,) = {observed[kind.name, effect, era].cell for era in kind.eras}
    return cell
