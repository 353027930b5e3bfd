"""Beside step 5b: finding clients that answer their dialogs by themselves.

Before the first question of an unknown client, a test without effect is shown. Later answers go
on being watched. A client that was found to answer by itself is not asked any more: its writes
are decided out of band.
"""

import logging
import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from typing import Protocol

import anyio
from anyio import to_thread

from crm_mcp.audit import Audit
from crm_mcp.clients import Clients, Program, Verdict
from crm_mcp.confirm import Answer, NotCounted
from crm_mcp.errors import NotConfirmed
from crm_mcp.forms import Filled, Form, FormKind, agrees, too_quick, unread
from crm_mcp.ledger import Approval
from crm_mcp.selftest import draw, fault

logger = logging.getLogger(__name__)

PASSED = "it passed the test"


class Dialogs(Protocol):
    """A client that can show forms."""

    def brought(self, kind: FormKind) -> Filled | None:
        """Give the answer to a form of this kind that came with the call, if any."""
        ...

    async def put(self, form: Form) -> Filled:
        """Show a form and wait for its answer.

        Raises:
            QuestionOpen: the client is given the form and repeats the call with the answer.
        """
        ...


class Watch:
    """Judges clients by their answers, and remembers what it found."""

    def __init__(
        self,
        clients: Clients,
        audit: Audit,
        quickest: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._clients = clients
        self._audit = audit
        self._quickest = quickest
        self._clock = clock
        self._turns: defaultdict[Program, anyio.Lock] = defaultdict(anyio.Lock)

    def now(self) -> float:
        """Read the clock that answers are timed with, in seconds; machines share it."""
        return self._clock()

    async def admit(self, program: Program, dialogs: Dialogs) -> None:
        """See that a person answers this client's dialogs; test a client that is unknown.

        Raises:
            NotCounted: it answers by itself.
            NotConfirmed: the test was declined, dismissed, late, or answered before.
            QuestionOpen: the client is given the test and repeats the call.
        """
        async with self._turns[program]:  # of parallel calls, one shows the test
            if not await self._is_known(program):
                await self._test(program, dialogs)

    async def read(self, program: Program, filled: Filled, approval: Approval) -> Answer:
        """Read the answer to a question; one that nobody can have read is unread."""
        reason = unread(filled, approval, self._quickest)
        if reason:
            await self._brand(program, reason)
            return Answer.UNREAD
        if not agrees(filled, approval):
            return Answer.NO
        try:
            await self._is_known(program)  # another dialog may have told while this one stood
        except NotCounted:
            return Answer.UNREAD
        return Answer.YES

    async def _is_known(self, program: Program) -> bool:
        found = await to_thread.run_sync(self._clients.finding, program)
        if found is not None and found.verdict == "answers_by_itself":
            raise NotCounted
        return found is not None

    async def _test(self, program: Program, dialogs: Dialogs) -> None:
        filled = dialogs.brought("self_test")
        if filled is None:
            test = draw()
            await to_thread.run_sync(self._clients.open_test, program, test)
            filled = await dialogs.put(test.form)
        right = await to_thread.run_sync(self._clients.take_test, program, filled.id)
        if right is None or not filled.accepted:
            raise NotConfirmed(
                "A test of this client's dialogs came first and was not answered. "
                "Nothing was sent.",
                hint="Ask the person whether they want to go on; the same call asks again.",
            )
        reason = fault(right, filled) or too_quick(filled, self._quickest)
        if reason:
            await self._brand(program, reason)
            raise NotCounted
        await self._trust(program)

    async def _trust(self, program: Program) -> None:
        """Record that a person answers, then believe it: unrecorded, it does not count."""
        await self._record(program, "asks_a_person", PASSED)
        await to_thread.run_sync(self._clients.trust, program, PASSED)

    async def _brand(self, program: Program, reason: str) -> None:
        """Keep that the client answers by itself, then record it: unrecorded, it counts too."""
        if await to_thread.run_sync(self._clients.brand, program, reason):
            logger.warning("the client %s answers dialogs by itself: %s", program, reason)
            await self._record(program, "answers_by_itself", reason)

    async def _record(self, program: Program, verdict: Verdict, reason: str) -> None:
        line = partial(
            self._audit.append,
            "client_verdict",
            caller=program.caller,
            program=str(program),
            verdict=verdict,
            reason=reason,
        )
        await to_thread.run_sync(line)
