"""Asking a person through the MCP client, in both protocol eras.

Until 2025-11-25 the server sends a live question and waits. From 2026-07-28 on it returns the
question, and the client repeats the call with the answer; what identifies the question travels
as sealed state, and the ledger sees to it that each answer counts once.
"""

from typing import Any

import anyio
from mcp import MCPError
from mcp.server import ServerRequestContext
from mcp_types import (
    CallToolRequestParams,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    InputRequiredResult,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import ValidationError

from crm_mcp.confirm import Answer
from crm_mcp.ledger import LIFETIME_SECONDS, Approval
from crm_mcp.pipeline import Report

QUESTION_KEY = "decision"
LIFE_SECONDS = 15.0


class ClientAsker:
    """The person behind the MCP client of one request."""

    def __init__(
        self, ctx: ServerRequestContext[Any], params: CallToolRequestParams, report: Report
    ) -> None:
        self._ctx = ctx
        self._params = params
        self._report = report
        self._modern = ctx.protocol_version in MODERN_PROTOCOL_VERSIONS

    @property
    def can_ask(self) -> bool:
        """Whether the client declared that it can show a form."""
        capabilities = self._ctx.session.client_capabilities
        declared = capabilities.elicitation if capabilities else None
        # An empty declaration means forms; one that names only `url` does not.
        return declared is not None and (declared.form is not None or declared.url is None)

    @property
    def resumes(self) -> str | None:
        """The id of the question that the client brings back; it was sealed on its way."""
        return self._params.request_state if self._modern else None

    async def ask(self, approval: Approval) -> Answer:
        """Ask, or read the answer that came with the call."""
        if not self._modern:
            return await self._ask_live(approval)
        responses = self._params.input_responses or {}
        if self.resumes is None or QUESTION_KEY not in responses:
            return Answer.LATER
        return read_answer(responses[QUESTION_KEY], approval)

    async def _ask_live(self, approval: Approval) -> Answer:
        """Wait for the person; signs of life keep the client from giving up meanwhile."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._show_life)
            answer = await self._answer_of(approval)
            tasks.cancel_scope.cancel()
        return answer

    async def _show_life(self) -> None:
        while True:
            await anyio.sleep(LIFE_SECONDS)
            await self._report("still waiting for a person's answer")

    async def _answer_of(self, approval: Approval) -> Answer:
        try:
            with anyio.fail_after(LIFETIME_SECONDS):
                result = await self._ctx.session.elicit_form(
                    approval.preview, form(approval.word), related_request_id=self._ctx.request_id
                )
        except (MCPError, ValidationError, TimeoutError):
            return Answer.NO
        return read_answer(result, approval)


def form(word: str) -> dict[str, Any]:
    """Make the form of a question: a choice without a default, and the word where one is typed."""
    decision = {
        "type": "string",
        "title": "Your decision",
        "description": "Choose approve to send exactly this request; anything else stops it.",
        "enum": ["approve", "reject"],
    }
    properties: dict[str, Any] = {"decision": decision}
    if word:
        properties["word"] = {
            "type": "string",
            "title": "Confirm by typing",
            "description": f"To approve, type: {word}",
        }
    return {"type": "object", "properties": properties, "required": list(properties)}


def read_answer(response: object, approval: Approval) -> Answer:
    """Read a form's answer: only an accepted form with exactly what was asked for is a yes."""
    if not isinstance(response, ElicitResult) or response.action != "accept":
        return Answer.NO
    content = dict(response.content or {})
    typed = str(content.pop("word", ""))
    agreed = content == {"decision": "approve"} and approval.word_fits(typed)
    return Answer.YES if agreed else Answer.NO


def question_result(approval: Approval) -> InputRequiredResult:
    """Hand a question to a client of the modern era."""
    asked = ElicitRequestFormParams(message=approval.preview, requested_schema=form(approval.word))
    return InputRequiredResult(
        input_requests={QUESTION_KEY: ElicitRequest(params=asked)}, request_state=approval.id
    )
