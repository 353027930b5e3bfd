"""Asking a person through the MCP client, in both protocol eras.

Until 2025-11-25 the server sends a live form and waits. From 2026-07-28 on it returns the form,
and the client repeats the call with the answer; what identifies the form travels as sealed state,
and the ledger sees to it that each answer counts once.
"""

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import anyio
from mcp import MCPError
from mcp.server import ServerRequestContext
from mcp_types import (
    CallToolRequestParams,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitRequestURLParams,
    ElicitResult,
    InputRequiredResult,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import ValidationError

from crm_mcp.clients import Program
from crm_mcp.confirm import Answer, QuestionOpen
from crm_mcp.drain import Drain
from crm_mcp.errors import ApprovalRequired as Waits
from crm_mcp.errors import Refused, ToolFailure
from crm_mcp.forms import Filled, Form, FormKind, question_form
from crm_mcp.ledger import LIFETIME_SECONDS, Approval
from crm_mcp.parties import Report
from crm_mcp.watch import Watch

LIFE_SECONDS = 15.0
PAGE = "page"
MAX_SHOWN = 1_000


@dataclass(frozen=True, slots=True)
class Sent:
    """Which form went to the client, and when by the clock of the watch: the sealed state."""

    kind: str
    id: str
    at: float

    @classmethod
    def read(cls, state: str) -> "Sent":
        """Read a state that was unsealed, and so is our own."""
        kind, form_id, at = state.split()
        return cls(kind, form_id, float(at))

    def __str__(self) -> str:
        """Write the state before it is sealed."""
        return f"{self.kind} {self.id} {self.at!r}"


class ClientDialogs:
    """The forms that the MCP client of one request shows."""

    def __init__(
        self,
        ctx: ServerRequestContext[Any],
        params: CallToolRequestParams,
        report: Report,
        clock: Callable[[], float],
    ) -> None:
        self._ctx = ctx
        self._report = report
        self._clock = clock
        self._modern = ctx.protocol_version in MODERN_PROTOCOL_VERSIONS
        state = params.request_state if self._modern else None
        self._sent = Sent.read(state) if state else None
        self._responses = params.input_responses or {}

    @property
    def possible(self) -> bool:
        """Whether the client declared that it can show a form."""
        capabilities = self._ctx.session.client_capabilities
        declared = capabilities.elicitation if capabilities else None
        # An empty declaration means forms; one that names only `url` does not.
        return declared is not None and (declared.form is not None or declared.url is None)

    def sent(self, kind: FormKind) -> Sent | None:
        """Tell which form of this kind the client brings back; it was sealed on its way."""
        return self._sent if self._sent and self._sent.kind == kind else None

    def brought(self, kind: FormKind) -> Filled | None:
        """Give the answer to a form of this kind that came with the call, if any."""
        sent = self.sent(kind)
        if sent is None or kind not in self._responses:
            return None
        return _filled(sent.id, self._responses[kind], self._clock() - sent.at)

    async def put(self, form: Form) -> Filled:
        """Show a form and wait for its answer; signs of life keep the client from giving up.

        Raises:
            QuestionOpen: in the modern era, where the client repeats the call with the answer.
        """
        if self._modern:
            raise QuestionOpen(form)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._show_life)
            filled = await self._answer_of(form)
            tasks.cancel_scope.cancel()
        return filled

    async def _show_life(self) -> None:
        while True:
            await anyio.sleep(LIFE_SECONDS)
            await self._report("still waiting for a person's answer")

    async def _answer_of(self, form: Form) -> Filled:
        shown = self._clock()
        response: ElicitResult | None = None
        try:
            with anyio.fail_after(LIFETIME_SECONDS):
                response = await self._ctx.session.elicit_form(
                    form.text, dict(form.schema), related_request_id=self._ctx.request_id
                )
        except (MCPError, TimeoutError):
            response = ElicitResult(action="cancel")
        except ValidationError:
            pass  # something came, but no form
        return _filled(form.id, response, self._clock() - shown)


class ClientAsker:
    """The person behind an MCP client, as far as the client lets one answer."""

    def __init__(self, dialogs: ClientDialogs, program: Program, watch: Watch) -> None:
        self._dialogs = dialogs
        self._program = program
        self._watch = watch

    @property
    def can_ask(self) -> bool:
        """Whether a form can be shown at all."""
        return self._dialogs.possible

    @property
    def resumes(self) -> str | None:
        """The id of the question that the client brings back, if any."""
        sent = self._dialogs.sent("decision")
        return sent.id if sent else None

    async def ready(self) -> None:
        """See that a person answers the dialogs of this client."""
        await self._watch.admit(self._program, self._dialogs)

    async def ask(self, approval: Approval) -> Answer:
        """Ask, or read the answer that came with the call."""
        filled = self._dialogs.brought("decision")
        if filled is None:
            filled = await self._dialogs.put(question_form(approval))
        return await self._watch.read(self._program, filled, approval)


class PageOpener:
    """Has clients open the page where a person decides, once for each question.

    Args:
        drain: ends the wait where the server stops.
    """

    def __init__(self, drain: Drain) -> None:
        self._drain = drain
        self._shown: deque[str] = deque(maxlen=MAX_SHOWN)

    async def open(
        self,
        ctx: ServerRequestContext[Any],
        params: CallToolRequestParams,
        failure: ToolFailure,
        now: float,
    ) -> InputRequiredResult | None:
        """Show the address to the person, where the client can open addresses.

        Returns:
            What a client of the modern era is to show before it repeats the call; None where the
            failure is to be told as it is.
        """
        approval = failure.details.get("approval", {}) if isinstance(failure, Waits) else {}
        capabilities = ctx.session.client_capabilities
        declared = capabilities.elicitation if capabilities else None
        if "url" not in approval or declared is None or declared.url is None:
            return None
        if PAGE in (params.input_responses or {}) or approval["id"] in self._shown:
            return None
        self._shown.append(approval["id"])
        words = "A person must approve this call. The page shows what would be written."
        if ctx.protocol_version in MODERN_PROTOCOL_VERSIONS:
            asked = ElicitRequestURLParams(message=words, url=approval["url"])
            return InputRequiredResult(
                input_requests={PAGE: ElicitRequest(params=asked)},
                request_state=str(Sent(PAGE, approval["id"], now)),
            )
        with (
            suppress(MCPError, TimeoutError, ValidationError, Refused),
            self._drain.question(),
            anyio.fail_after(LIFETIME_SECONDS),
        ):
            await ctx.session.elicit_url(
                words, approval["url"], approval["id"], related_request_id=ctx.request_id
            )
        return None


def question_result(form: Form, now: float) -> InputRequiredResult:
    """Hand a form to a client of the modern era."""
    asked = ElicitRequestFormParams(message=form.text, requested_schema=dict(form.schema))
    return InputRequiredResult(
        input_requests={form.kind: ElicitRequest(params=asked)},
        request_state=str(Sent(form.kind, form.id, now)),
    )


def _filled(form_id: str, response: object, seconds: float) -> Filled:
    """Take a response as it came; what is no form's response has no content."""
    if not isinstance(response, ElicitResult):
        return Filled(form_id, accepted=True, content=None, seconds=seconds)
    accepted = response.action == "accept"
    return Filled(form_id, accepted=accepted, content=response.content or {}, seconds=seconds)
