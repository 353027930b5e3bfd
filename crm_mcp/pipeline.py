"""The way of a call, from its name to its outcome.

Every entry comes through `Pipeline.call`: the MCP server, the command line, a script, a test.

    registry → validate → bind → guard → confirm → client → respond

A read goes straight through. A write stops at the guard until a person has said yes, is recorded
before it is sent, and is not interrupted between the yes and the record of its outcome.
"""

import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import anyio
from anyio import to_thread

from crm_mcp import preview
from crm_mcp.audit import Audit
from crm_mcp.bind import bind
from crm_mcp.compare import Look, digest
from crm_mcp.confirm import Asker, Nobody, obtain_yes
from crm_mcp.errors import ChangedSincePreview, Refused, StateError, ToolFailure
from crm_mcp.guard import Ask, BoundCall, Gate, Permit, Refuse, judge, typed_word
from crm_mcp.ledger import Consent, Ledger, Question, Yes
from crm_mcp.operation import Operation
from crm_mcp.records import Read, check_after, look_at
from crm_mcp.redact import Redactor
from crm_mcp.registry import DRY_RUN, Registry
from crm_mcp.request import RequestSpec
from crm_mcp.respond import Outcome, respond
from crm_mcp.seen import Seen
from crm_mcp.validate import ArgumentValidator
from crm_mcp.vendors.base import Reply, Vendor

logger = logging.getLogger(__name__)

NOTHING_SENT = "Nothing was sent."

Report = Callable[[str], Awaitable[None]]


class Sender(Protocol):
    """What the pipeline needs of a vendor's client."""

    async def send(self, permit: Permit, spec: RequestSpec, operation: Operation) -> Reply:
        """Send one request for one permit."""
        ...


@dataclass(frozen=True)
class Account:
    """One vendor as it is set up here: its code, its address, its client on first use."""

    vendor: Vendor
    label: str
    base_url: str
    client: Sender


async def _silent(_: str) -> None:
    """Report progress to nobody."""


@dataclass(frozen=True)
class Caller:
    """Who calls: a name for the record, who can be asked, and who hears of progress."""

    name: str = "local"
    program: str = ""
    asker: Asker = field(default_factory=Nobody)
    report: Report = _silent


class Pipeline:
    """Carries calls through all steps; holds what the steps share."""

    def __init__(
        self,
        registry: Registry,
        accounts: Mapping[str, Account],
        ledger: Ledger,
        audit: Audit,
        redactor: Redactor,
    ) -> None:
        self.registry = registry
        self.accounts = accounts
        self.gate = Gate(registry.policy)
        self._ledger = ledger
        self._audit = audit
        self._redactor = redactor
        self._validator = ArgumentValidator()
        self._seen: defaultdict[str, Seen] = defaultdict(Seen)

    async def call(self, name: str, arguments: Mapping[str, Any], caller: Caller) -> Outcome:
        """Carry out one call.

        Raises:
            ToolFailure: what went wrong, for the one who called.
            QuestionOpen: the client has a question to show and repeats the call.
        """
        try:
            return await self._carry_out(name, arguments, caller)
        except ToolFailure as failure:
            # It may repeat an argument: as it was given, and with whatever was put into it.
            failure.message = self._redactor.text(preview.visible(failure.message))
            raise

    async def _carry_out(self, name: str, arguments: Mapping[str, Any], caller: Caller) -> Outcome:
        operation = self.registry.find(name)
        call, dry_run = self._bound(operation, arguments, caller)
        verdict = judge(operation, self.registry.policy, call.records)
        if isinstance(verdict, Refuse):
            await self._record("refused", call, caller, reason=verdict.reason)
            raise Refused(verdict.reason, hint=verdict.hint)
        if not operation.is_write:
            return await self._send(call, self.gate.permit(call))
        looks = await self._look(call, caller) if dry_run or isinstance(verdict, Ask) else ()
        if dry_run:
            preview = self._preview(call, looks)
            return Outcome({"preview": preview}, status="not_done", warnings=(NOTHING_SENT,))
        yes = await self._ask(call, caller, looks) if isinstance(verdict, Ask) else None
        await caller.report("writing")
        with anyio.CancelScope(shield=True):
            outcome = await self._write(call, caller, yes)
        check, warnings = await check_after(call, looks, self._reader(caller))
        check = self._redactor.value(check)
        return replace(outcome, check=check, warnings=(*outcome.warnings, *warnings))

    def _bound(
        self, operation: Operation, arguments: Mapping[str, Any], caller: Caller
    ) -> tuple[BoundCall, bool]:
        """Check and bind; takes out the one argument that is ours."""
        given = dict(arguments)
        dry_run = given.pop(DRY_RUN, False) if operation.is_write else False
        if not isinstance(dry_run, bool):
            raise operation.misfit([f"{DRY_RUN} must be true or false"])
        self._validator.check(operation, given)
        spec = bind(operation, given)
        account = self.accounts[operation.vendor].label
        return BoundCall(operation, given, spec, account, caller.name), dry_run

    def _reader(self, caller: Caller) -> Read:
        """Give a way to read a record for our own use; it goes the way of any read."""

        async def read(name: str, arguments: dict[str, Any]) -> Any:
            silent = replace(caller, report=_silent)
            return (await self.call(name, arguments, silent)).data

        return read

    async def _look(self, call: BoundCall, caller: Caller) -> tuple[Look, ...]:
        return await look_at(call, self._reader(caller))

    def _preview(self, call: BoundCall, looks: tuple[Look, ...]) -> str:
        base_url = self.accounts[call.operation.vendor].base_url
        context = preview.Context(
            base_url=base_url,
            looks=looks,
            repeated=self._seen[call.caller].repeated(call.arguments),
            word=typed_word(call.operation, call.records),
        )
        return preview.render(call, context, self._redactor)

    async def _ask(self, call: BoundCall, caller: Caller, looks: tuple[Look, ...]) -> Yes:
        """Get a person's yes, and see that the records still stand as they were shown."""
        question = Question(
            fingerprint=call.fingerprint,
            tool=call.operation.name,
            account=call.account,
            caller=caller.name,
            preview=self._preview(call, looks),
            record=digest(looks),
            word=typed_word(call.operation, call.records),
        )
        try:
            if caller.asker.resumes is None:
                await caller.report("waiting for a person's answer")
            yes = await obtain_yes(self._ledger, caller.asker, question)
            await self._stands(call, caller, yes)
        except ToolFailure as failure:
            await self._record(failure.kind, call, caller, **_approval_of(failure))
            raise
        except StateError as error:
            raise self._no_state(error) from error
        return yes

    async def _stands(self, call: BoundCall, caller: Caller, yes: Yes) -> None:
        """Read the records again; what has changed since the preview is not written.

        Raises:
            ChangedSincePreview: with what stands there now; the answer is used up.
        """
        now = await self._look(call, caller)
        if digest(now) == yes.approval.record:
            return
        await to_thread.run_sync(self._ledger.outdate, yes.approval.id)
        raise ChangedSincePreview(
            "The record changed after the person had seen it. Nothing was sent.",
            hint="Tell the person. The same call asks again, with the record as it is now.",
            approval={"id": yes.approval.id},
            preview=self._preview(call, now),
        )

    async def _write(self, call: BoundCall, caller: Caller, yes: Yes | None) -> Outcome:
        """Spend the yes, record the intent, send, record the outcome: in this order."""
        try:
            consent = await self._spend(call, yes)
        except ToolFailure as failure:
            await self._record(failure.kind, call, caller)
            raise
        permit = self.gate.permit(call, consent)
        approval = {"approval": consent.approval_id} if consent else {}
        await self._record("sending", call, caller, **approval)
        try:
            outcome = await self._send(call, permit)
        except ToolFailure as failure:
            status = failure.details.get("status", "not_done")
            await self._record_outcome(call, caller, status=status, error=failure.kind)
            raise
        await self._record_outcome(call, caller, status=outcome.status)
        return outcome

    async def _spend(self, call: BoundCall, yes: Yes | None) -> Consent | None:
        limit = self.registry.policy.writes_per_hour
        if not call.operation.asks:
            return None
        try:
            if yes is None:
                await to_thread.run_sync(self._ledger.count_write, limit)
                return None
            return await to_thread.run_sync(self._ledger.spend, yes, call.fingerprint, limit)
        except StateError as error:
            raise self._no_state(error) from error

    async def _send(self, call: BoundCall, permit: Permit) -> Outcome:
        account = self.accounts[call.operation.vendor]
        reply = await account.client.send(permit, call.spec, call.operation)
        outcome = respond(call.operation, account.vendor, reply, call.arguments, self._redactor)
        self._seen[call.caller].note(call.operation.name, outcome.data)
        return outcome

    async def _record_outcome(self, call: BoundCall, caller: Caller, **facts: Any) -> None:
        """Record what came of a write; it has happened, so a failure here is only logged."""
        try:
            await self._record("result", call, caller, **facts)
        except Refused:
            logger.critical("the outcome of a write to %s could not be recorded", call.account)

    async def _record(self, event: str, call: BoundCall, caller: Caller, **facts: Any) -> None:
        """Add a line to the audit.

        Raises:
            Refused: it cannot be written, and so nothing may be sent.
        """
        operation = call.operation
        line = {
            "tool": operation.name,
            "effect": operation.effect,
            "account": call.account,
            "caller": caller.name,
            "program": caller.program,
            "records": call.records,
            "arguments": dict(call.arguments),
            "request": call.spec.digest,
            **facts,
        }
        try:
            await to_thread.run_sync(
                lambda: self._audit.append(event, **self._redactor.value(line))
            )
        except StateError as error:
            raise self._no_state(error) from error

    @staticmethod
    def _no_state(error: StateError) -> Refused:
        logger.error("%s", error)
        return Refused(
            "The record of writes cannot be kept right now, so nothing was written.",
            hint="Tell the person: the operator finds the reason in the server's log.",
        )


def _approval_of(failure: ToolFailure) -> dict[str, str]:
    """Name the question a failure is about, for the record."""
    approval = failure.details.get("approval")
    return {"approval": approval["id"]} if approval else {}
