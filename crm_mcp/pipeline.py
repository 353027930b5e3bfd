"""The way of a call, from its name to its outcome.

Every entry comes through `Pipeline.call`: the MCP server, the command line, a script, a test.

    registry → validate → bind → guard → confirm → client → respond

A read goes straight through. A write stops at the guard until a person has said yes, is recorded
before it is sent, and is not interrupted between the yes and the record of its outcome.
"""

import json
import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import anyio
from anyio import to_thread

from crm_mcp import preview
from crm_mcp.afterwards import Done, Means, afterwards
from crm_mcp.audit import Audit
from crm_mcp.bind import bind, is_file
from crm_mcp.compare import Look, look
from crm_mcp.confirm import Nobody, admit, check_second, obtain_yes
from crm_mcp.drain import Drain
from crm_mcp.entries import DRY_RUN, described_schema
from crm_mcp.errors import ChangedSincePreview, Refused, StateError, ToolFailure
from crm_mcp.field_names import FieldNames
from crm_mcp.files import FileFolder
from crm_mcp.forecast import forecast
from crm_mcp.gaps import filled, has_gaps
from crm_mcp.guard import (
    Ask,
    BoundCall,
    Gate,
    Mode,
    Permit,
    Refuse,
    judge,
    needs_two,
    typed_word,
)
from crm_mcp.ids import check_forms, named
from crm_mcp.ignored import doubted
from crm_mcp.ledger import Consent, Ledger, Question, Yes
from crm_mcp.listening import Ear
from crm_mcp.meant import as_meant
from crm_mcp.names import Read
from crm_mcp.operation import Operation
from crm_mcp.pages import Asked, as_wished
from crm_mcp.parties import Account, Caller, silent
from crm_mcp.recorder import Recorder, no_state
from crm_mcp.records import Sight, see
from crm_mcp.redact import Redactor
from crm_mcp.registry import Registry
from crm_mcp.request import RequestSpec
from crm_mcp.respond import Outcome, respond
from crm_mcp.seen import Seen
from crm_mcp.validate import ArgumentValidator
from crm_mcp.vendors.base import Reply
from crm_mcp.wishes import parted

if TYPE_CHECKING:
    from crm_mcp.screen import Screen

logger = logging.getLogger(__name__)

NOTHING_SENT = "Nothing was sent."


class Pipeline:
    """Carries calls through all steps; holds what the steps share."""

    def __init__(  # noqa: PLR0913 - the parts that all steps share
        self,
        registry: Registry,
        accounts: Mapping[str, Account],
        ledger: Ledger,
        audit: Audit,
        redactor: Redactor,
        *,
        files: FileFolder | None = None,
        room: int = 40_000,
    ) -> None:
        self.registry = registry
        self.accounts = accounts
        self.gate = Gate(registry.policy)
        self.drain = Drain()
        self._ledger = ledger
        self._recorder = Recorder(audit, ledger.undos, redactor)
        self._redactor = redactor
        self._files = files or FileFolder(None)
        self._room = room
        self._validator = ArgumentValidator()
        self._seen: defaultdict[tuple[str, str], Seen] = defaultdict(Seen)
        self._fields = FieldNames()

    def narrowed(self, registry: Registry, accounts: Mapping[str, Account]) -> "Pipeline":
        """Make one that offers less, or other accounts, and shares all else."""
        other = copy(self)
        other.registry, other.accounts = registry, accounts
        other.gate = self.gate.narrowed(registry.policy)
        return other

    async def call(self, name: str, arguments: Mapping[str, Any], caller: Caller) -> Outcome:
        """Carry out one call.

        Raises:
            ToolFailure: what went wrong, for the one who called.
            QuestionOpen: the client has a question to show and repeats the call.
        """
        with self._shown():
            operation = self.registry.find(name)
            arguments = as_meant(described_schema(operation), dict(arguments))
            wishes, theirs = parted(operation, arguments)
            if operation.is_write:
                return await self._screened(operation, theirs, caller)
            asked = Asked(operation, theirs, wishes, self._redactor.value)
            read = partial(self._read_page, operation, caller)
            return await as_wished(asked, read, caller.report, self._room)

    async def _read_page(
        self, operation: Operation, caller: Caller, arguments: Mapping[str, Any]
    ) -> Outcome:
        with self._shown():
            return await self._screened(operation, arguments, caller)

    @contextmanager
    def _shown(self) -> Iterator[None]:
        """Make a failure one that may be read; it may repeat an argument as it was given."""
        try:
            yield
        except ToolFailure as failure:
            failure.message = self._redactor.text(preview.visible(failure.message))
            raise

    async def _screened(
        self, operation: Operation, arguments: Mapping[str, Any], caller: Caller
    ) -> Outcome:
        """Carry out one call, with its personal values hidden where the operator says so."""
        screening = self.accounts[operation.vendor].screening
        if screening is None or caller.screen is not None:
            return await self._carry_out(operation, arguments, caller)
        screen = screening(operation, arguments)
        try:
            screened = replace(caller, screen=screen)
            return screen.outcome(await self._carry_out(operation, screen.arguments, screened))
        except ToolFailure as failure:
            raise screen.failure(failure) from None

    async def _carry_out(
        self, operation: Operation, arguments: Mapping[str, Any], caller: Caller
    ) -> Outcome:
        """Take one call through all steps."""
        call, dry_run = await self._bound(operation, arguments, caller)
        verdict = judge(operation, self.registry.policy, call.records, caller.rights)
        if isinstance(verdict, Refuse):
            await self._recorder.record("refused", call, caller, reason=verdict.reason)
            raise Refused(verdict.reason, hint=verdict.hint)
        if not operation.is_write:
            return await self._send(call, caller, self.gate.permit(call))
        if needs_two(operation, self.registry.policy):
            caller = replace(caller, asker=Nobody())  # who calls may not be the one who says yes
        if isinstance(verdict, Ask) and not dry_run:
            await self._admit(call, caller)
        sight = Sight()
        if dry_run or isinstance(verdict, Ask) or has_gaps(operation, call.arguments):
            call, sight = await self._see(call, caller)
        if dry_run:
            preview = self._preview(call, sight, caller.screen)
            warnings = (NOTHING_SENT, *self._fields.unlisted(call))
            return Outcome({"preview": preview}, status="not_done", warnings=warnings)
        yes = await self._ask(call, caller, sight) if isinstance(verdict, Ask) else None
        await caller.report("writing")
        with self.drain.write(), anyio.CancelScope(shield=True):
            done = await self._write(call, caller, yes, sight.looks)
            outcome = await afterwards(done, self._means(caller))
        warnings = (*outcome.warnings, *self._fields.unlisted(call))
        return replace(outcome, warnings=warnings)

    async def _bound(
        self, operation: Operation, arguments: Mapping[str, Any], caller: Caller
    ) -> tuple[BoundCall, bool]:
        """Check and bind; takes out the one argument that is ours, adds those set up here."""
        given = dict(arguments)
        dry_run = given.pop(DRY_RUN, False) if operation.is_write else False
        if not isinstance(dry_run, bool):
            raise operation.misfit([f"{DRY_RUN} must be true or false"])
        account = self.accounts[operation.vendor]
        if not caller.is_exact:
            given = {**account.defaults(operation), **given}
        spec = await self._spec(operation, given)
        whole = BoundCall(
            operation, given, spec, account.label, caller.name, caller.undoing, caller.rights
        )
        return whole, dry_run

    async def _spec(self, operation: Operation, given: Mapping[str, Any]) -> RequestSpec:
        self._validator.check(operation, given)
        check_forms(operation, given)
        spec = bind(operation, await self._with_files(operation, given))
        self.accounts[operation.vendor].check(spec, operation)
        return spec

    async def _with_files(
        self, operation: Operation, given: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        if not any(is_file(operation, name) for name in given):
            return given
        return await to_thread.run_sync(self._files.with_contents, operation, given)

    def _reader(self, caller: Caller) -> Read:
        """Give a way to read a record for our own use; it goes the way of any read."""

        async def read(name: str, arguments: dict[str, Any]) -> Any:
            own = replace(caller, report=silent, undoing=None, is_exact=True)
            return (await self.call(name, arguments, own)).data

        return read

    def _means(self, caller: Caller) -> Means:
        read, undos = self._reader(caller), self._ledger.undos
        return Means(read, self.registry.find, undos, self._redactor)

    async def _see(self, call: BoundCall, caller: Caller) -> tuple[BoundCall, Sight]:
        """See what stands in the CRM, and fill from it what the call as it came leaves out."""
        call = call.asked or call
        sight = await see(call, self._reader(caller), self.registry.find)
        operation, records = call.operation, [one.record for one in sight.looks]
        given = filled(operation, call.arguments, records)
        if given is call.arguments:
            return call, sight
        whole = replace(call, arguments=given, spec=await self._spec(operation, given), asked=call)
        # Names were read of what the call itself says; what is only kept is not looked up.
        return whole, replace(sight, looks=look(operation, given, records, call.arguments))

    def _preview(self, call: BoundCall, sight: Sight, screen: "Screen | None" = None) -> str:
        """Write what a person reads; with a screen, what the caller may read of it."""
        account = self.accounts[call.operation.vendor]
        asked = self.registry.policy.mode is not Mode.UNATTENDED
        came = call.asked or call  # what was filled from the record is looked up by nobody
        context = preview.Context(
            base_url=account.base_url,
            looks=sight.looks,
            names=sight.names,
            forecast=forecast(came, len(sight.looks), account.rate, asked=asked),
            repeated=self._seen[call.caller, call.account].repeated(
                came.arguments, named(sight.names)
            ),
            unlisted=self._fields.unlisted(call),
            word=typed_word(call.operation, call.records),
        )
        if screen is not None:
            return screen.preview(call, context, self._recorder.hiding(call))
        return preview.render(call, context, self._recorder.hiding(call))

    async def _ask(self, call: BoundCall, caller: Caller, sight: Sight) -> Yes:
        """Get a person's yes, and see that all still stands as it was shown."""
        question = Question(
            fingerprint=call.fingerprint,
            tool=call.operation.name,
            account=call.account,
            caller=caller.name,
            preview=self._preview(call, sight),
            record=sight.digest,
            word=typed_word(call.operation, call.records),
        )
        try:
            if caller.asker.resumes is None:
                await caller.report("waiting for a person's answer")
            with self.drain.question():
                yes = await obtain_yes(self._ledger, caller.asker, question, caller.page)
            await self._stands(call, caller, yes, sight)
        except ToolFailure as failure:
            await self._recorder.record(failure.kind, call, caller, **_approval_of(failure))
            raise
        except StateError as error:
            raise no_state(error) from error
        return yes

    async def _admit(self, call: BoundCall, caller: Caller) -> None:
        """See whether a person answers there, before the CRM is read for a question to them."""
        try:
            with self.drain.question():
                await admit(caller.asker)
        except ToolFailure as failure:
            await self._recorder.record(failure.kind, call, caller)
            raise
        except StateError as error:
            raise no_state(error) from error

    async def _stands(self, call: BoundCall, caller: Caller, yes: Yes, sight: Sight) -> None:
        """Look again after the yes; what is no longer as the person saw it is not written.

        Raises:
            ChangedSincePreview: with what stands there now; the answer is used up.
        """
        # An answer that came with the call was there before this call's look: that is the second.
        answered_meanwhile = yes.approval.way == "dialog" and caller.asker.resumes is None
        again, now = await self._see(call, caller) if answered_meanwhile else (call, sight)
        if now.digest == yes.approval.record:
            return
        await to_thread.run_sync(self._ledger.outdate, yes.approval.id)
        raise ChangedSincePreview(
            "The CRM no longer shows what the person saw. Nothing was sent.",
            hint="Tell the person. The same call asks again, with what stands there now.",
            approval={"id": yes.approval.id},
            preview=self._preview(again, now, caller.screen),
        )

    async def _write(
        self, call: BoundCall, caller: Caller, yes: Yes | None, looks: tuple[Look, ...]
    ) -> Done:
        """Spend the yes, record the intent, send, record the outcome: in this order."""
        try:
            consent = await self._spend(call, yes)
        except ToolFailure as failure:
            await self._recorder.record(failure.kind, call, caller)
            raise
        permit = self.gate.permit(call, consent)
        approval = {"approval": consent.approval_id} if consent else {}
        number = await self._recorder.record("sending", call, caller, **approval)
        try:
            outcome = await self._send(call, caller, permit)
        except ToolFailure as failure:
            status = failure.details.get("status", "not_done")
            facts = {"of": number, "status": status, "error": failure.kind}
            await self._recorder.outcome(call, caller, **facts)
            raise
        await self._recorder.outcome(call, caller, of=number, status=outcome.status)
        return Done(number, call, looks, outcome)

    async def _spend(self, call: BoundCall, yes: Yes | None) -> Consent | None:
        limit = self.registry.policy.writes_per_hour
        if not call.operation.asks:
            return None
        consent = None
        if yes and needs_two(call.operation, self.registry.policy):
            check_second(yes, call.caller)
        try:
            if yes is None:
                await to_thread.run_sync(self._ledger.count_write, limit)
            else:
                spend = self._ledger.spend
                consent = await to_thread.run_sync(spend, yes, call.fingerprint, limit)
            if call.undoing:
                await to_thread.run_sync(self._ledger.undos.spend, call.undoing.number)
        except StateError as error:
            raise no_state(error) from error
        return consent

    async def _send(self, call: BoundCall, caller: Caller, permit: Permit) -> Outcome:
        async def heard(message: Any) -> None:
            content = json.dumps([message]).encode()
            outcome = self._read(call, Reply(HTTPStatus.OK, {}, content))
            await caller.heard(caller.screen.outcome(outcome) if caller.screen else outcome)

        client = self.accounts[call.operation.vendor].client
        ear = Ear(caller.report, heard)
        return self._read(call, await client.send(permit, call.spec, call.operation, ear))

    def _read(self, call: BoundCall, reply: Reply) -> Outcome:
        account = self.accounts[call.operation.vendor]
        hiding = self._recorder.hiding(call)
        outcome = respond(call.operation, account.vendor, reply, call.arguments, hiding)
        self._seen[call.caller, call.account].note(call.operation.name, outcome.data)
        self._fields.note(call, outcome.data)
        if call.operation.is_write:
            return outcome
        ignored = doubted(call.operation, call.arguments, outcome.data)
        return replace(outcome, warnings=(*outcome.warnings, *ignored)) if ignored else outcome


def _approval_of(failure: ToolFailure) -> dict[str, str]:
    """Name the question a failure is about, for the record."""
    approval = failure.details.get("approval")
    return {"approval": approval["id"]} if approval else {}
