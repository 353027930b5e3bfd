"""The test of a new client in the era of returned questions: no round stands for another."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from client_programs import BAD, GOOD, IMPORT, WRITE, Clock, Scene, chosen, kind, set_up
from mcp import Client, MCPError
from mcp_types import INVALID_PARAMS, ElicitResult, InputRequiredResult, ListRootsResult

from crm_mcp.ledger import LIFETIME_SECONDS

pytestmark = pytest.mark.anyio

YES = {"decision": ElicitResult(action="accept", content={"decision": "approve"})}
NO = {"self_test": ElicitResult(action="decline")}


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with set_up(tmp_path) as opened:
        yield opened


class Rounds:
    """A client that makes single rounds, each after a time that a person may need."""

    def __init__(self, client: Client, clock: Clock) -> None:
        self._client = client
        self._clock = clock

    async def call(self, *, seconds: float = 5.0, arguments: Any = IMPORT, **more: Any) -> Any:
        self._clock.now += seconds
        return await self._client.session.call_tool(
            WRITE, arguments, allow_input_required=True, **more
        )

    async def answer(self, shown: Any, responses: Any, **more: Any) -> Any:
        state = shown.request_state
        return await self.call(input_responses=responses, request_state=state, **more)


@pytest.fixture
async def rounds(scene: Scene) -> AsyncIterator[Rounds]:
    async def never(context: object, params: object) -> ElicitResult:  # noqa: ARG001
        raise AssertionError("the rounds are made by hand")

    async with scene.connect(never) as client:
        yield Rounds(client, scene.clock)


def asks(result: Any) -> list[str]:
    assert isinstance(result, InputRequiredResult)
    assert result.input_requests
    return list(result.input_requests)


async def right(shown: Any) -> dict[str, ElicitResult]:
    """Answer a test as a person does."""
    content = await chosen(shown.input_requests["self_test"].params)
    return {"self_test": ElicitResult(action="accept", content=content)}


async def test_the_test_comes_back_first_and_then_the_question(
    rounds: Rounds, scene: Scene
) -> None:
    test = await rounds.call()
    question = await rounds.answer(test, await right(test))
    done = await rounds.answer(question, YES)

    assert (asks(test), asks(question), kind(done)) == (["self_test"], ["decision"], "done")
    assert scene.verdicts == GOOD
    assert scene.writes == 1


async def test_an_answer_to_the_question_given_with_the_test_s_is_not_believed(
    rounds: Rounds, scene: Scene
) -> None:
    test = await rounds.call()
    question = await rounds.answer(test, {**await right(test), **YES})

    assert asks(question) == ["decision"]
    assert scene.sent == []


async def test_the_state_of_a_test_is_worthless_for_a_question(
    rounds: Rounds, scene: Scene
) -> None:
    test = await rounds.call()
    again = await rounds.answer(test, YES)

    assert asks(again) == ["self_test"]
    assert again.request_state != test.request_state
    assert scene.verdicts == []
    assert scene.sent == []


async def test_the_state_of_a_question_is_worthless_for_a_test(
    rounds: Rounds, scene: Scene
) -> None:
    test = await rounds.call()
    answer = await right(test)
    question = await rounds.answer(test, answer)
    scene.app.clients.forget("desk")
    again = [await rounds.answer(question, answer), await rounds.answer(question, YES)]

    assert [asks(result) for result in again] == [["self_test"]] * 2
    assert scene.app.clients.known() == []
    assert scene.sent == []


async def test_an_answered_test_counts_once(rounds: Rounds, scene: Scene) -> None:
    test = await rounds.call()
    answer = await right(test)
    await rounds.answer(test, answer)
    scene.app.clients.forget("desk")

    assert kind(await rounds.answer(test, answer)) == "not_confirmed"
    assert scene.app.clients.known() == []
    assert scene.sent == []


async def test_a_test_that_was_declined_cannot_be_passed_afterwards(
    rounds: Rounds, scene: Scene
) -> None:
    test = await rounds.call()
    results = [await rounds.answer(test, NO), await rounds.answer(test, await right(test))]

    assert [kind(result) for result in results] == ["not_confirmed"] * 2
    assert scene.verdicts == []


async def test_the_answer_to_one_test_is_worthless_for_another(
    rounds: Rounds, scene: Scene
) -> None:
    one, other = await rounds.call(), await rounds.call()
    result = await rounds.answer(other, await right(one))

    assert kind(result) == "approval_required"
    assert scene.verdicts == BAD
    assert scene.sent == []


async def test_the_test_of_one_call_cannot_be_taken_to_another(
    rounds: Rounds, scene: Scene
) -> None:
    test = await rounds.call()

    with pytest.raises(MCPError) as caught:
        await rounds.answer(test, await right(test), arguments={**IMPORT, "area": "002"})

    assert caught.value.error.code == INVALID_PARAMS
    assert scene.verdicts == []
    assert scene.sent == []


async def test_a_test_answered_too_late_tells_nothing(
    rounds: Rounds, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scene.app.clients, "_clock", lambda: 1e9)
    test = await rounds.call()
    monkeypatch.setattr(scene.app.clients, "_clock", lambda: 1e9 + LIFETIME_SECONDS)

    assert kind(await rounds.answer(test, await right(test))) == "not_confirmed"
    assert scene.verdicts == []


async def test_an_answer_of_another_kind_is_no_person_s(rounds: Rounds, scene: Scene) -> None:
    test = await rounds.call()
    result = await rounds.answer(test, {"self_test": ListRootsResult(roots=[])})

    assert kind(result) == "approval_required"
    assert scene.verdicts == BAD
    assert scene.sent == []


async def test_a_question_answered_by_another_kind_is_only_a_no(
    rounds: Rounds, scene: Scene
) -> None:
    test = await rounds.call()
    question = await rounds.answer(test, await right(test))
    result = await rounds.answer(question, {"decision": ListRootsResult(roots=[])})

    assert kind(result) == "not_confirmed"
    assert scene.verdicts == GOOD
    assert scene.sent == []


async def test_a_question_that_is_shown_again_is_timed_again(rounds: Rounds, scene: Scene) -> None:
    test = await rounds.call()
    question = await rounds.answer(test, await right(test))
    again = await rounds.answer(question, {})
    result = await rounds.answer(again, YES, seconds=0.5)

    assert asks(again) == ["decision"]
    assert kind(result) == "approval_required"
    assert scene.verdicts == [*GOOD, *BAD]
    assert scene.sent == []


async def test_one_test_answered_many_times_at_once_gives_one_verdict_and_writes_nothing(
    rounds: Rounds, scene: Scene
) -> None:
    test = await rounds.call()
    answer = await right(test)
    results: list[Any] = []

    async def once() -> None:
        results.append(await rounds.answer(test, answer))

    async with anyio.create_task_group() as tasks:
        for _ in range(8):
            tasks.start_soon(once)

    assert [asks(result) for result in results] == [["decision"]] * 8
    assert scene.verdicts == GOOD
    assert scene.sent == []
