"""Attacks on the guard: each tries every write of every CRM that has a stand-in.

An attack gets a folder of its own, and returns when it was beaten back: nothing was sent.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest
from client_programs import ERAS
from mcp import Client, MCPError
from mcp_types import (
    ElicitResult,
    InputRequiredResult,
    PromptReference,
    ResourceTemplateReference,
)
from open_crm import OpenCrm, Person, Write, former, opened, writes

from crm_mcp.app import App, LazyClient
from crm_mcp.bind import bind
from crm_mcp.confirm import Answer
from crm_mcp.errors import ApprovalRequired, PermitError, ToolFailure
from crm_mcp.guard import BoundCall, Permit
from crm_mcp.listening import DEAF
from crm_mcp.parties import Caller
from crm_mcp.resources import CATALOGUE, OPERATIONS
from crm_mcp.server import build_server
from crm_mcp.take_back import Desk, take_back
from crm_mcp.testing import dialog

YES = {"decision": ElicitResult(action="accept", content={"decision": "approve"})}
CLAIMS = ("confirm", "_confirm", "approved", "approval", "force", "decision", "_mode", "mode")


@asynccontextmanager
async def connected(
    folder: Path, crm: OpenCrm, era: str = "auto", person: Any = None, **general: Any
) -> AsyncIterator[tuple[App, Client]]:
    """Connect a client to a server of its own."""
    async with (
        opened(folder, crm, **general) as app,
        Client(build_server(app), mode=era, elicitation_callback=person) as client,
    ):
        yield app, client


async def kind_of(client: Client, name: str, arguments: Any) -> str:
    """Call a tool; gives the kind of its error, or its status."""
    told = (await client.call_tool(name, arguments)).structured_content or {}
    return str(told.get("error") or told["status"])


async def all_kinds(client: Client, **more: Any) -> set[str]:
    """Call every write; gives what came of them."""
    return {await kind_of(client, write.name, {**write.arguments, **more}) for write in writes()}


# Through the server


async def nobody_to_ask(folder: Path) -> None:
    for era in ERAS:
        crm = OpenCrm()
        async with connected(folder / era, crm, era) as (_, client):
            assert await all_kinds(client) == {"approval_required"}
            assert await all_kinds(client, _dry_run=False) == {"approval_required"}
        assert crm.sent == []


async def a_person_who_declines(folder: Path) -> None:
    for era in ERAS:
        crm = OpenCrm()
        async with connected(folder / era, crm, era, dialog(lambda _: "reject")) as (_, client):
            kinds = await all_kinds(client)
            # A preview that is too long for a dialog is decided elsewhere.
            assert "not_confirmed" in kinds <= {"not_confirmed", "approval_required"}
        assert crm.sent == []


async def read_only(folder: Path) -> None:
    for era in ERAS:
        crm = OpenCrm()
        person = dialog(lambda _: "approve")
        async with connected(folder / era, crm, era, person, mode="read_only") as (_, client):
            assert await all_kinds(client) == {"refused"}
            assert await all_kinds(client, _dry_run=True) == {"refused"}
        assert crm.sent == []


async def a_tool_that_is_not_listed(folder: Path) -> None:
    crm = OpenCrm()
    async with connected(folder, crm, toolsets=("fivecrm.masterdata",)) as (_, client):
        listed = {tool.name for tool in (await client.list_tools()).tools}
        assert listed.isdisjoint(write.name for write in writes())
        assert await all_kinds(client) == {"approval_required"}
    assert crm.sent == []


async def a_tool_that_is_denied(folder: Path) -> None:
    crm = OpenCrm()
    names, person = tuple(write.name for write in writes()), dialog(lambda _: "approve")
    async with connected(folder, crm, person=person, deny=names) as (_, client):
        assert await all_kinds(client) == {"refused"}
    assert crm.sent == []


async def a_former_name(folder: Path) -> None:
    for mode, kind in (("confirm", "approval_required"), ("read_only", "refused")):
        crm = OpenCrm()
        async with connected(folder / mode, crm, mode=mode) as (_, client):
            kinds = {await kind_of(client, former(one.name), one.arguments) for one in writes()}
        assert kinds == {kind}
        assert crm.sent == []


async def arguments_that_claim_a_yes(folder: Path) -> None:
    crm = OpenCrm()
    async with connected(folder, crm) as (_, client):
        for claim in CLAIMS:
            assert await all_kinds(client, **{claim: True}) == {"invalid_arguments"}
    assert crm.log == ()


async def a_dry_run(folder: Path) -> None:
    crm = OpenCrm()
    async with connected(folder, crm, person=dialog(lambda _: "approve")) as (app, client):
        assert await all_kinds(client, _dry_run=True) == {"not_done"}
        assert await all_kinds(client, _dry_run="no") == {"invalid_arguments"}
        assert app.ledger.waiting() == []
    assert crm.sent == []


async def forged_answers(folder: Path) -> None:
    """Bring answers that nobody gave: unasked, with a forged state, with that of another call."""
    crm = OpenCrm()
    async with connected(folder, crm, person=dialog(lambda _: "approve")) as (app, client):
        await _pass_the_test(client)
        sent = len(crm.sent)
        foreign = (await _round(client, writes()[1])).request_state
        for write in writes()[2:]:
            first = await _round(client, write, input_responses=YES)
            assert isinstance(first, InputRequiredResult) or app.ledger.waiting()
            for state in ("decision 0123456789 0.0", "v1." + "A" * 60, foreign):
                with pytest.raises(MCPError):
                    await _round(client, write, input_responses=YES, request_state=state)
    assert len(crm.sent) == sent


async def answers_given_twice(folder: Path) -> None:
    crm = OpenCrm()
    async with connected(folder, crm, person=dialog(lambda _: "approve")) as (_, client):
        await _pass_the_test(client)
        for write in writes():
            before = len(crm.sent)
            question = await _round(client, write)
            if not isinstance(question, InputRequiredResult):
                continue  # too long for a dialog: no answer travels
            (asked,) = (question.input_requests or {}).values()
            answer = await dialog(lambda _: "approve")(None, asked.params)  # type: ignore[arg-type]
            brought = {"input_responses": {"decision": answer}}
            for _ in range(3):
                await _round(client, write, **brought, request_state=question.request_state)
            assert len(crm.sent) == before + 1


async def _round(client: Client, write: Write, **more: Any) -> Any:
    return await client.session.call_tool(
        write.name, dict(write.arguments), allow_input_required=True, **more
    )


async def _pass_the_test(client: Client) -> None:
    assert await kind_of(client, writes()[0].name, writes()[0].arguments) == "done"


async def after_a_rejected_approval(folder: Path) -> None:
    crm = OpenCrm()
    async with connected(folder, crm) as (app, client):
        await all_kinds(client)
        for waiting in app.ledger.waiting():
            app.ledger.decide(waiting.id, "rejected", "a person")
        assert await all_kinds(client) == {"not_confirmed"}
    assert crm.sent == []


async def unheard(*_: object) -> None:
    """Hear nothing."""


async def an_approval_for_other_arguments(folder: Path) -> None:
    """Approve a call of each tool, and make another call of it; and repeat the approved one."""
    crm = OpenCrm()
    async with connected(folder, crm) as (app, client):
        await all_kinds(client)
        for waiting in app.ledger.waiting():
            app.ledger.decide(waiting.id, "approved", "a person")
        there = app.pipeline.accounts["interact"]
        opener: Any = there.client._opener  # type: ignore[attr-defined]  # noqa: SLF001
        vendor, settings, _, *rest = opener.args
        entrance = app.pipeline.gate.entrance("another account")
        sender = LazyClient(partial(opener.func, vendor, settings, entrance, *rest), unheard)
        other = replace(there, label="another account", client=sender)
        app.pipeline.accounts["interact"] = other  # type: ignore[index]
        elsewhere = [one for one in writes() if one.operation.vendor == "interact"]
        for write in elsewhere:
            assert await kind_of(client, write.name, write.arguments) == "approval_required"
        assert crm.sent == []
        app.pipeline.accounts["interact"] = there  # type: ignore[index]
        await all_kinds(client)
        assert len(crm.sent) == len(writes())
        await all_kinds(client)
    assert len(crm.sent) == len(writes())


async def every_other_request(folder: Path) -> None:
    """Name writes where other requests name resources, prompts or values; list all there is."""
    crm = OpenCrm()
    for era in ERAS:
        async with connected(folder / era, crm, era) as (_, client):
            await client.list_tools()
            await client.list_resources()
            await client.list_resource_templates()
            await client.read_resource(CATALOGUE)
            await _every_prompt(client, [write.name for write in writes()])
            for write in writes():
                await client.read_resource(OPERATIONS.replace("{name}", write.name))
                address = f"crm://{write.operation.vendor}/{write.name}"
                with pytest.raises(MCPError):
                    await client.read_resource(address)
                if era == "legacy":
                    with pytest.raises(MCPError):
                        await client.session.subscribe_resource(address)
    assert crm.log == ()


async def _every_prompt(client: Client, names: list[str]) -> None:
    """Get each prompt with the names of writes for arguments, and have each argument completed."""
    for prompt in (await client.list_prompts()).prompts:
        reference = PromptReference(type="ref/prompt", name=prompt.name)
        needed = {one.name for one in prompt.arguments or () if one.required}
        for name in names:
            assert (await client.get_prompt(prompt.name, dict.fromkeys(needed, name))).messages
        for argument in prompt.arguments or ():
            await client.complete(reference, {"name": argument.name, "value": names[0]})
    operations = ResourceTemplateReference(type="ref/resource", uri=OPERATIONS)
    for name in names:
        found = await client.complete(operations, {"name": "name", "value": name})
        assert found.completion.values[0] == name
        with pytest.raises(MCPError):
            await client.get_prompt(name)


async def every_feed(folder: Path) -> None:
    """Listen to all that can be listened to, and to writes: a feed is a read."""
    crm = OpenCrm()
    addresses = [f"crm://{write.operation.vendor}/{write.name}" for write in writes()]
    async with (
        connected(folder, crm) as (_, client),
        client.listen(resource_subscriptions=addresses),
    ):
        await client.list_tools()
    assert crm.log == ()
    async with connected(folder, crm, "legacy") as (app, client):
        listed = (await client.list_resources()).resources
        for feed in [one for one in listed if one.uri != CATALOGUE]:
            assert app.pipeline.registry.find(str(feed.name)).effect == "read"
            await client.session.subscribe_resource(feed.uri)
            await client.read_resource(feed.uri)
            await client.session.unsubscribe_resource(feed.uri)
    assert crm.sent == []


# Through the pipeline


class Steps:
    """Runs a coroutine, and does something at its n-th await."""

    def __init__(self, coroutine: Any, at: int, do: Any) -> None:
        self._coroutine = coroutine
        self._at = at
        self._do = do

    def __await__(self) -> Any:
        inner = self._coroutine.__await__()
        step = inner.send
        given: Any = None
        for count in range(100_000):
            try:
                waited = step(given)
            except StopIteration as end:
                return end.value
            if count == self._at:
                self._do()
            try:
                given, step = (yield waited), inner.send
            except BaseException as error:  # a cancellation too is the coroutine's business
                given, step = error, inner.throw
        return None


async def cancelled_at_each_await(folder: Path) -> None:
    """Cancel one write of each effect wherever it waits: it is sent whole, or not at all."""
    one_each = {write.operation.effect: write for write in writes()}
    for effect, write in one_each.items():
        crm, finished, at = OpenCrm(), False, 0
        async with opened(folder / effect, crm) as app:
            while not finished:
                before, spent = len(crm.sent), _spent(app)
                finished = await _cancelled(app, write, at)
                assert len(crm.sent) - before == _spent(app) - spent
                at += 1
        assert at > 3


async def _cancelled(app: App, write: Write, at: int) -> bool:
    """Call, and cancel at this await; tells whether the call had ended before."""
    reached = False

    def cancel() -> None:
        nonlocal reached
        reached = True
        scope.cancel()

    with anyio.CancelScope() as scope:
        call = app.pipeline.call(write.name, write.arguments, Caller(asker=Person()))
        await Steps(call, at, cancel)
    return not reached


def _spent(app: App) -> int:
    return sum(approval.state == "spent" for approval in app.ledger.recent(1_000))


async def two_servers_race(folder: Path) -> None:
    """Let two servers that share a ledger make every approved call at once."""
    crm = OpenCrm()
    async with opened(folder, crm) as one, opened(folder, crm) as other:
        for write in writes():
            with pytest.raises(ApprovalRequired):
                await one.pipeline.call(write.name, write.arguments, Caller())
            (waiting,) = one.ledger.waiting()
            one.ledger.decide(waiting.id, "approved", "a person")
            before = len(crm.sent)
            async with anyio.create_task_group() as tasks:
                for app in (one, other):
                    tasks.start_soon(_attempt, app, write)
            assert len(crm.sent) == before + 1
            for again in one.ledger.waiting():  # the slower one asked anew
                one.ledger.decide(again.id, "rejected", "a person")


async def _attempt(app: App, write: Write) -> str:
    try:
        await app.pipeline.call(write.name, write.arguments, Caller())
    except ToolFailure as failure:
        return failure.kind
    return "done"


async def permits_of_no_use(folder: Path) -> None:
    """Send with a permit that was used, forged, or issued for another request; or ask for one."""
    crm = OpenCrm()
    # Where nobody is asked, a guessed write goes only where the operator accepts it.
    known = {"mode": "unattended", "accept_inferred": ("*",)}
    async with opened(folder, crm, **known) as free, opened(folder, crm) as app:
        for write in writes():
            spec = bind(write.operation, write.arguments)
            call = BoundCall(write.operation, write.arguments, spec, "account", "caller")
            with pytest.raises(PermitError):
                app.pipeline.gate.permit(call)
            used = free.pipeline.gate.permit(call)
            free.pipeline.gate.spend(used, spec)
            client = free.pipeline.accounts[write.operation.vendor].client
            for permit in (used, Permit("0" * 32, spec.digest), app.pipeline.gate):
                with pytest.raises(PermitError):
                    await client.send(permit, spec, write.operation, DEAF)  # type: ignore[arg-type]
    assert crm.log == ()


async def undo_without_a_yes(folder: Path) -> None:
    """Take back all that can be taken back, with nobody there, and with somebody who says no."""
    crm = OpenCrm()
    async with opened(folder, crm) as app:
        for write in writes():
            await app.pipeline.call(write.name, write.arguments, Caller(asker=Person()))
        sent = len(crm.sent)
        desk = Desk(app.pipeline, app.ledger.undos, app.audit)
        kinds = {
            await _taken_back(desk, kept.origin.number, Caller(asker=asker))
            for kept in app.ledger.undos.open()
            for asker in (Caller().asker, Person(Answer.NO))
        }
    assert {"approval_required", "not_confirmed"} <= kinds <= {*REFUSALS}
    assert len(crm.sent) == sent


REFUSALS = ("approval_required", "not_confirmed", "refused", "invalid_arguments")


async def _taken_back(desk: Desk, number: int, caller: Caller) -> str:
    try:
        await take_back(desk, number, caller)
    except ToolFailure as failure:
        return failure.kind
    return "done"
