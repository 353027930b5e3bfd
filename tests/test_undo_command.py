"""`crm-mcp undo`, as somebody types it."""

import io
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from shop import CREATE, DELETE, HERE, UPDATE, Office
from typer.testing import CliRunner, Result

from crm_mcp.cli import cli
from crm_mcp.commands import terminal
from crm_mcp.commands.setup import Setup
from crm_mcp.commands.undo import undo
from crm_mcp.config import General, Settings
from crm_mcp.errors import ApprovalRequired, NotConfirmed, Refused

NOT_APPROVED = 4


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("CRM_MCP_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("CRM_MCP_STATE_DIR", str(tmp_path))


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def setup_of(office: Office) -> Setup:
    """Give the command the shop in the place of what is connected here."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Any]:
        pipeline = office.pipeline
        yield SimpleNamespace(
            pipeline=pipeline,
            labelled=lambda _: pipeline,
            ledger=office.ledger,
            audit=office.audit,
        )

    return cast("Setup", SimpleNamespace(settings=Settings(general=General()), open=opened))


def types(monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    monkeypatch.setattr(terminal, "is_terminal", lambda: True)
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{line}\n"))


def run(*words: str) -> Result:
    return CliRunner().invoke(cli, words)


@pytest.mark.anyio
async def test_it_shows_what_it_takes_back_and_does_it_after_the_word(
    office: Office, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    created = await office.write(CREATE, name="Lamp")
    types(monkeypatch, "approve")

    await undo(setup_of(office), created.undo["id"])

    told = capsys.readouterr()
    assert 'Create the thing "Lamp".' in told.err
    assert "Type approve to send it" in told.err
    assert json.loads(told.out)["status"] == "done"
    assert json.loads(told.out)["source"]["account"] == HERE
    assert office.shop.writes == [CREATE, DELETE]
    assert list(office.audit.lines())[-1]["program"] == "crm-mcp undo"


@pytest.mark.anyio
async def test_another_word_takes_nothing_back(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    created = await office.write(CREATE, name="Lamp")
    types(monkeypatch, "yes")

    with pytest.raises(NotConfirmed):
        await undo(setup_of(office), created.undo["id"])

    assert office.shop.writes == [CREATE]


@pytest.mark.anyio
async def test_without_a_terminal_it_waits_for_an_approval_and_then_runs(office: Office) -> None:
    created = await office.write(CREATE, name="Lamp")

    with pytest.raises(ApprovalRequired):
        await undo(setup_of(office), created.undo["id"])
    (waiting,) = office.ledger.waiting()
    office.ledger.decide(waiting.id, "approved", "ann")
    await undo(setup_of(office), created.undo["id"])

    assert "Takes back: " in waiting.preview
    assert office.shop.writes == [CREATE, DELETE]


@pytest.mark.anyio
async def test_it_shows_what_stands_there_now(
    office: Office, capsys: pytest.CaptureFixture[str]
) -> None:
    number = office.shop.put(name="Lamp", note="a")
    changed = await office.write(UPDATE, id=number, version=1, name="Desk", note="b")
    office.shop.things[number] |= {"name": "x" * 300, "note": "hid\u202eden"}

    with pytest.raises(Refused):
        await undo(setup_of(office), changed.undo["id"])

    first, second = capsys.readouterr().err.splitlines()
    assert first == f'name: written "Desk", now "{"x" * 199}…'
    assert second.startswith('note: written "b", now "hid')
    assert "\u202e" not in second


@pytest.mark.anyio
async def test_what_can_be_taken_back_is_listed(office: Office) -> None:
    assert "Nothing is kept" in run("undo").output
    created = await office.write(CREATE, name="Lamp")

    listed = run("undo").output
    (facts,) = json.loads(run("undo", "--json").output)

    for word in (str(created.undo["id"]), "30 days left", HERE, CREATE, '"Lamp"'):
        assert word in listed
    assert facts.pop("at") < facts.pop("expires_at")
    assert facts == {
        "id": created.undo["id"],
        "account": HERE,
        "caller": "local",
        "tool": CREATE,
        "undone_by": DELETE,
        "summary": 'Create the thing "Lamp".',
    }


def test_what_was_never_kept_is_refused() -> None:
    result = run("undo", "12", "--sandbox")

    assert result.exit_code == NOT_APPROVED
    assert "Nothing is kept that would undo 12." in result.output
