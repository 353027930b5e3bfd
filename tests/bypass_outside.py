"""Attacks from outside of the protocol: the commands, the approval page, the testing helper.

An attack gets a folder of its own, and returns when it was beaten back: nothing was sent.
"""

from pathlib import Path
from typing import Any

import pytest
from approval_page import ORIGIN, browsing
from bypass import all_kinds, connected, kind_of
from open_crm import OpenCrm, Person, catalogue, opened, settings_in, writes

from crm_mcp.commands.approvals import approve
from crm_mcp.commands.call import CallRequest
from crm_mcp.commands.call import call as call_command
from crm_mcp.commands.doctor import doctor
from crm_mcp.commands.setup import Setup
from crm_mcp.commands.undo import undo as undo_command
from crm_mcp.envelope import as_text
from crm_mcp.errors import ApprovalRequired, NotConfirmed, Refused, ToolFailure
from crm_mcp.parties import Caller
from crm_mcp.testing import sandbox_client


def setup_of(folder: Path, crm: OpenCrm, **general: Any) -> Setup:
    return Setup(settings_in(folder, crm, **general), catalogue(), crm)


async def call_command_in_a_pipe(folder: Path) -> None:
    crm = OpenCrm()
    setup = setup_of(folder, crm)
    for write in writes():
        with pytest.raises(ApprovalRequired):
            await call_command(setup, CallRequest(write.name, (), as_text(dict(write.arguments))))
    reading = setup_of(folder, crm, mode="read_only")
    for write in writes():
        with pytest.raises(Refused):
            await call_command(reading, CallRequest(write.name, (), as_text(dict(write.arguments))))
    assert crm.sent == []


async def undo_command_in_a_pipe(folder: Path) -> None:
    crm = OpenCrm()
    async with opened(folder, crm) as app:
        for write in writes():
            await app.pipeline.call(write.name, write.arguments, Caller(asker=Person()))
        kept = app.ledger.undos.open()
    sent = len(crm.sent)
    for entry in kept:
        with pytest.raises(ToolFailure):
            await undo_command(setup_of(folder, crm), entry.origin.number)
    assert kept
    assert len(crm.sent) == sent


async def doctor_command(folder: Path) -> None:
    crm = OpenCrm()
    await doctor(setup_of(folder, crm))
    assert crm.sent == []


async def approvals_in_a_pipe(folder: Path) -> None:
    crm = OpenCrm()
    async with connected(folder, crm) as (app, client):
        await all_kinds(client)
        for waiting in app.ledger.waiting():
            with pytest.raises(NotConfirmed):
                approve(app.settings, waiting.id)
        assert await all_kinds(client) == {"approval_required"}
    assert crm.sent == []


async def the_page_without_its_key(folder: Path) -> None:
    """Send every form of the page from a browser that was not let in."""
    crm = OpenCrm()
    async with connected(folder, crm) as (app, client), browsing(folder / "state") as browser:
        await all_kinds(client)
        for waiting in app.ledger.waiting():
            address = f"/questions/{waiting.id}"
            fields = {"word": waiting.word, "csrf": "guessed"}
            sent = await browser.post(f"{address}/approve", data=fields, headers={"Origin": ORIGIN})
            read = await browser.get(f"{address}/approve?token=guessed")
            assert (sent.status_code, read.status_code) == (401, 401)
        assert await all_kinds(client) == {"approval_required"}
    assert crm.sent == []


async def the_testing_helper(folder: Path) -> None:
    """Use the helper as it is meant for tests of approvals: it asks too, and knows no CRM."""
    crm = OpenCrm()
    async with sandbox_client(mode="confirm", sandbox=crm, state_dir=folder) as client:
        for write in writes()[:3]:  # its accounts keep the usual pace
            assert await kind_of(client, write.name, write.arguments) == "approval_required"
    async with sandbox_client(mode="confirm", person=lambda _: "reject", sandbox=crm) as client:
        assert await kind_of(client, writes()[0].name, writes()[0].arguments) == "not_confirmed"
    assert crm.sent == []
