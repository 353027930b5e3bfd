"""What is known of a client: under other names, later, in many calls at once, on a broken disk."""

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
    PRODUCT,
    WRITE,
    Dialogs,
    Scene,
    kind,
    set_up,
)

from crm_mcp.clients import GOOD_SECONDS
from crm_mcp.errors import StateError

pytestmark = pytest.mark.anyio


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with set_up(tmp_path) as opened:
        yield opened


def accepting(scene: Scene) -> Dialogs:
    """Make the dialogs of a client that accepts whatever it is shown."""
    return scene.dialogs(in_test=lambda _: {}, in_question=lambda _: {"decision": "approve"})


def fail(*_: object, **__: object) -> None:
    raise StateError("disk full at /some/path")


# Other names, other versions, later


@pytest.mark.parametrize("era", ERAS)
async def test_another_name_meets_the_test_again_and_another_version_does_not_help(
    scene: Scene, era: str
) -> None:
    client = accepting(scene)
    names = [("desk", "1.0"), ("desk", "2.0"), ("table", "1.0"), ("desk ", "1.0"), ("", "")]

    results = [kind(await scene.call(era, client, program=name)) for name in names]

    assert results == ["approval_required"] * 5
    assert client.asked == ["test"] * 4  # "desk" in its second version is not asked
    assert scene.sent == []


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    ("then", "asked"),
    [
        (("1.0", GOOD_SECONDS - 1), ["question"]),
        (("1.0", GOOD_SECONDS), ["test", "question"]),
        (("2.0", 1), ["test", "question"]),
    ],
)
async def test_a_good_verdict_ends_with_the_version_and_after_thirty_days(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, era: str, then: tuple[str, float], asked: Any
) -> None:
    version, later = then
    monkeypatch.setattr(scene.app.clients, "_clock", lambda: 1e9)
    scene.trust()
    monkeypatch.setattr(scene.app.clients, "_clock", lambda: 1e9 + later)
    person = scene.dialogs()

    result = await scene.call(era, person, program=("desk", version))

    assert (kind(result), person.asked) == ("done", asked)


async def test_a_client_without_a_name_is_tested_too(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mcp.server.session.ServerSession.client_params", None)

    assert kind(await scene.call("auto", accepting(scene))) == "approval_required"
    assert scene.verdicts == [("", "answers_by_itself")]
    assert scene.sent == []


@pytest.mark.parametrize("era", ERAS)
async def test_a_name_that_plays_tricks_is_written_down_harmlessly(scene: Scene, era: str) -> None:
    secret, *_ = scene.app.settings.secrets()
    await scene.call(era, accepting(scene), program=(f"a\x1b[2J\n\u202e{secret}", "v" * 500))

    (finding,) = scene.app.clients.known()
    assert finding.name.isprintable()
    assert secret not in finding.name
    assert len(finding.version) < 40
    assert secret not in json.dumps(list(scene.app.audit.lines()))


@pytest.mark.parametrize("era", ERAS)
async def test_a_verdict_survives_a_restart(scene: Scene, tmp_path: Path, era: str) -> None:
    await scene.call(era, accepting(scene))
    async with set_up(tmp_path) as restarted:
        person = restarted.dialogs()
        result = await restarted.call(era, person)

    assert (kind(result), person.asked) == ("approval_required", [])
    assert restarted.sent == []


# Many at once


async def in_parallel(scene: Scene, era: str, dialogs: Dialogs) -> list[str]:
    """Make six different calls of one client at once."""
    results: list[str] = []

    async def one(number: int) -> None:
        products = [{**PRODUCT, "reference": f"P-{number}"}]
        arguments = {"area": "001", "customerProducts": products}
        results.append(kind(await client.call_tool(WRITE, arguments)))

    async with scene.connect(dialogs, era) as client, anyio.create_task_group() as tasks:
        for number in range(6):
            tasks.start_soon(one, number)
    return results


@pytest.mark.parametrize("era", ERAS)
async def test_parallel_calls_of_a_client_that_fails_give_one_verdict_and_no_write(
    scene: Scene, era: str
) -> None:
    results = await in_parallel(scene, era, accepting(scene))

    assert results == ["approval_required"] * 6
    assert scene.verdicts == BAD
    assert scene.sent == []


@pytest.mark.parametrize("era", ERAS)
async def test_parallel_calls_of_a_client_with_a_person_give_one_verdict_and_a_write_for_each_yes(
    scene: Scene, era: str
) -> None:
    person = scene.dialogs()

    results = await in_parallel(scene, era, person)

    assert results == ["done"] * 6
    assert person.asked.count("question") == scene.writes == 6
    assert scene.verdicts == GOOD


async def test_a_person_who_is_asked_live_sees_one_test_for_parallel_calls(scene: Scene) -> None:
    person = scene.dialogs()

    await in_parallel(scene, "legacy", person)

    assert person.asked == ["test", *["question"] * 6]


# Where the state cannot be kept


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    "broken",
    ["clients.Clients.finding", "clients.Clients.open_test", "clients.Clients.take_test"],
)
async def test_where_a_client_cannot_be_judged_no_dialog_counts(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, era: str, broken: str
) -> None:
    monkeypatch.setattr(f"crm_mcp.{broken}", fail)

    result = await scene.call(era, scene.dialogs())

    assert kind(result) == "refused"
    assert "disk" not in json.dumps(result.structured_content)
    assert scene.app.clients.known() == []
    assert scene.sent == []


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("broken", ["clients.Clients.trust", "audit.Audit.append"])
async def test_a_good_verdict_that_cannot_be_kept_or_recorded_does_not_count(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, era: str, broken: str
) -> None:
    monkeypatch.setattr(f"crm_mcp.{broken}", fail)

    assert kind(await scene.call(era, scene.dialogs())) == "refused"
    assert scene.app.clients.known() == []
    assert scene.sent == []


@pytest.mark.parametrize("era", ERAS)
async def test_a_client_that_was_found_stays_found_although_the_record_is_broken(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, era: str
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("crm_mcp.audit.Audit.append", fail)
        refused = await scene.call(era, accepting(scene))
    afterwards = await scene.call(era, scene.dialogs())

    assert [kind(refused), kind(afterwards)] == ["refused", "approval_required"]
    assert scene.sent == []


@pytest.mark.parametrize("era", ERAS)
async def test_a_state_folder_that_cannot_be_written_lets_no_dialog_count(
    tmp_path: Path, era: str
) -> None:
    (tmp_path / "state").write_text("a file where the folder should be", encoding="utf-8")
    async with set_up(tmp_path / "state") as scene:
        person = scene.dialogs()
        result = await scene.call(era, person)

    assert (kind(result), person.asked) == ("refused", [])
    assert scene.sent == []
