"""Clients that answer their own dialogs: they are found, and nothing of theirs is sent."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from client_programs import (
    BAD,
    ERAS,
    GOOD,
    TWO,
    WRITE,
    Answer,
    Content,
    Scene,
    is_test,
    kind,
    set_up,
)
from mcp_types import ElicitResult, ErrorData

pytestmark = pytest.mark.anyio


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with set_up(tmp_path) as opened:
        yield opened


# A person answers


@pytest.mark.parametrize("era", ERAS)
async def test_a_new_client_shows_a_test_once_and_the_question_follows_in_the_same_call(
    scene: Scene, era: str
) -> None:
    person = scene.dialogs()

    first = await scene.call(era, person)
    second = await scene.call(era, person, TWO)

    assert (kind(first), kind(second)) == ("done", "partly_done")
    assert person.asked == ["test", "question", "question"]
    assert scene.verdicts == GOOD
    assert scene.writes == 2


@pytest.mark.parametrize("era", ERAS)
async def test_the_test_says_what_it_is_and_lets_nobody_guess(scene: Scene, era: str) -> None:
    shown: list[Any] = []

    def remember(params: Any) -> Content:
        shown.append(params)
        return {}

    await scene.call(era, scene.dialogs(in_test=remember))

    (params,) = shown
    schema = params.requested_schema
    fields = schema["properties"].values()
    assert "a test of your client program. Nothing is sent and nothing changes." in params.message
    assert WRITE not in params.message
    assert schema["required"] == list(schema["properties"])
    assert "default" not in json.dumps(schema)
    for field in fields:
        (right,) = [word for word in field["enum"] if f": {word}" in params.message]
        assert right not in {field["enum"][0], field["enum"][-1]}


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("action", ["decline", "cancel"])
async def test_a_test_that_a_person_declines_tells_nothing_and_sends_nothing(
    scene: Scene, era: str, action: Any
) -> None:
    async def dismiss(context: object, params: Any) -> ElicitResult:  # noqa: ARG001
        assert is_test(params)
        return ElicitResult(action=action)

    declined = await scene.call(era, dismiss)
    told = scene.verdicts
    again = await scene.call(era, scene.dialogs())

    assert (kind(declined), told) == ("not_confirmed", [])
    assert (kind(again), scene.verdicts) == ("done", GOOD)
    assert scene.writes == 1


async def test_a_dialog_that_fails_in_the_client_tells_nothing(scene: Scene) -> None:
    async def fail(context: object, params: object) -> ErrorData:  # noqa: ARG001
        return ErrorData(code=-1, message="no window")

    assert kind(await scene.call("legacy", fail)) == "not_confirmed"
    assert scene.verdicts == []
    assert scene.sent == []


# A program answers the test


def first_values(params: Any) -> Content:
    fields = params.requested_schema["properties"]
    return {name: field["enum"][0] for name, field in fields.items()}


def last_values(params: Any) -> Content:
    fields = params.requested_schema["properties"]
    return {name: field["enum"][-1] for name, field in fields.items()}


def right_values(params: Any) -> dict[str, str]:
    fields = params.requested_schema["properties"]
    return {
        name: word
        for name, field in fields.items()
        for word in field["enum"]
        if f": {word}" in params.message
    }


def swapped_values(params: Any) -> Content:
    names = list(params.requested_schema["properties"])
    return dict(zip(names, reversed(right_values(params).values()), strict=True))


def approving(params: Any) -> Content:
    return dict.fromkeys(params.requested_schema["properties"], "approve")


TRICKS: tuple[Answer, ...] = (
    lambda _: None,
    lambda _: {},
    first_values,
    last_values,
    approving,
    swapped_values,
    lambda params: dict.fromkeys(params.requested_schema["properties"], True),
    lambda params: {**right_values(params), "decision": "approve"},
    lambda params: dict([*right_values(params).items()][:1]),
    lambda _: {"decision": "approve"},
)


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("trick", TRICKS)
async def test_a_client_that_accepts_without_reading_is_sent_to_approvals(
    scene: Scene, era: str, trick: Answer
) -> None:
    program = scene.dialogs(in_test=trick)

    first = await scene.call(era, program)
    second = await scene.call(era, program)

    assert [kind(first), kind(second)] == ["approval_required"] * 2
    assert first.structured_content == second.structured_content
    assert program.asked == ["test"]
    assert scene.verdicts == BAD
    assert scene.sent == []


@pytest.mark.parametrize("era", ERAS)
async def test_the_right_words_faster_than_anybody_can_read_are_not_believed(
    scene: Scene, era: str
) -> None:
    program = scene.dialogs(seconds=0.99)

    assert kind(await scene.call(era, program)) == "approval_required"
    assert program.asked == ["test"]
    assert scene.verdicts == BAD
    assert scene.sent == []


@pytest.mark.parametrize("era", ERAS)
async def test_a_person_can_still_decide_about_the_call_of_such_a_client(
    scene: Scene, era: str
) -> None:
    program = scene.dialogs(in_test=first_values)
    await scene.call(era, program)
    (waiting,) = scene.app.ledger.waiting()
    scene.app.ledger.decide(waiting.id, "approved", "a person")

    results = [kind(await scene.call(era, program)) for _ in range(2)]

    assert results == ["done", "approval_required"]
    assert program.asked == ["test"]
    assert scene.writes == 1


# A program answers a question


@pytest.fixture
def trusted(scene: Scene) -> Scene:
    scene.trust()
    return scene


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    ("content", "seconds"),
    [
        (None, 5.0),
        ({}, 5.0),
        ({"decision": "approve"}, 5.0),
        ({"decision": "approve", "word": ""}, 5.0),
        ({"decision": "approve", "word": " \n"}, 5.0),
        ({"decision": "approve", "word": None}, 5.0),
        ({"decision": "approve", "word": "2"}, 0.99),
        ({"decision": "approve", "word": "approve"}, 0.5),
        ({"confirm": True}, 0.0),
    ],
    ids=str,
)
async def test_a_trusted_client_that_is_caught_in_a_question_is_trusted_no_more(
    trusted: Scene, era: str, content: Content, seconds: float
) -> None:
    program = trusted.dialogs(in_question=lambda _: content, seconds=seconds)

    caught = await trusted.call(era, program, TWO)
    afterwards = await trusted.call(era, program)

    assert [kind(caught), kind(afterwards)] == ["approval_required"] * 2
    assert program.asked == ["question"]
    assert trusted.verdicts == BAD
    assert [waiting.state for waiting in trusted.app.ledger.waiting()] == ["asked", "asked"]
    assert trusted.sent == []


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    ("content", "seconds"),
    [
        ({"decision": "approve", "word": "22"}, 5.0),
        ({"decision": "approve", "word": "two"}, 1.0),
        ({"decision": "reject"}, 0.0),
        ({"decision": "reject", "word": ""}, 0.0),
        ({"confirm": True}, 5.0),
    ],
    ids=str,
)
async def test_a_slip_or_a_quick_no_is_only_a_no(
    trusted: Scene, era: str, content: Content, seconds: float
) -> None:
    person = trusted.dialogs(in_question=lambda _: content, seconds=seconds)

    assert kind(await trusted.call(era, person, TWO)) == "not_confirmed"
    assert trusted.verdicts == []
    assert trusted.sent == []


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    ("least", "seconds", "ends"),
    [(0.0, 0.0, "done"), (1.0, 1.0, "done"), (2.0, 1.5, "approval_required")],
)
async def test_the_shortest_time_for_an_answer_is_the_operator_s_choice(
    tmp_path: Path, era: str, least: float, seconds: float, ends: str
) -> None:
    async with set_up(tmp_path, min_answer_seconds=least) as scene:
        result = await scene.call(era, scene.dialogs(seconds=seconds))

    assert kind(result) == ends


@pytest.mark.parametrize("content", [{"decision": "approve"}, {}], ids=str)
async def test_an_answer_does_not_count_when_the_client_was_caught_in_another_dialog_meanwhile(
    trusted: Scene, content: Content
) -> None:
    shown, caught = anyio.Event(), anyio.Event()
    results: list[Any] = []

    async def ask(context: object, params: Any) -> ElicitResult:  # noqa: ARG001
        trusted.clock.now += 5
        if "Records: 2" in params.message:
            return ElicitResult(action="accept", content={})
        shown.set()
        await caught.wait()
        return ElicitResult(action="accept", content=content)

    async def slowly() -> None:
        results.append(kind(await trusted.call("legacy", ask)))

    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(slowly)
            await shown.wait()
            results.append(kind(await trusted.call("legacy", ask, TWO)))
            caught.set()

    assert results == ["approval_required"] * 2
    assert trusted.verdicts == BAD
    assert trusted.sent == []


async def test_two_unread_answers_about_one_call_leave_one_decision_to_a_person(
    trusted: Scene,
) -> None:
    shown, caught = anyio.Event(), anyio.Event()
    results: list[Any] = []

    async def hold(context: object, params: object) -> ElicitResult:  # noqa: ARG001
        shown.set()
        await caught.wait()
        return ElicitResult(action="accept", content={})

    async def slowly() -> None:
        results.append((await trusted.call("legacy", hold)).structured_content)

    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(slowly)
            await shown.wait()
            quick = await trusted.call("legacy", trusted.dialogs(in_question=lambda _: {}))
            caught.set()

    assert results == [quick.structured_content]
    assert len(trusted.app.ledger.waiting()) == 1


# What the model reads


@pytest.mark.parametrize("era", ERAS)
async def test_the_caller_learns_what_happened_and_no_way_around_it(scene: Scene, era: str) -> None:
    result = await scene.call(era, scene.dialogs(in_test=lambda _: {}))
    declined = await scene.call(era, decline, program=("other", "1"))

    told = json.dumps([result.structured_content, declined.structured_content])
    assert "Dialogs of this client are not counted as a person's answer." in told
    switches = ("CRM_MCP", "min_answer", "dialogs=", "doctor", "--", "toml", "second", "forget")
    assert [word for word in switches if word in told] == []


async def decline(context: object, params: object) -> ElicitResult:  # noqa: ARG001
    return ElicitResult(action="decline")
