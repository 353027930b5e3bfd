"""Writes calls into the audit: what was asked, sent, refused, and what came of it."""

import logging
from functools import partial
from typing import Any

from anyio import to_thread

from crm_mcp.audit import Audit
from crm_mcp.errors import Refused, StateError
from crm_mcp.guard import BoundCall
from crm_mcp.parties import Caller
from crm_mcp.redact import Redactor
from crm_mcp.undo_store import Undos

logger = logging.getLogger(__name__)


class Recorder:
    """The audit as the pipeline uses it."""

    def __init__(self, audit: Audit, undos: Undos, redactor: Redactor) -> None:
        self._audit = audit
        self._undos = undos
        self._redactor = redactor

    def hiding(self, call: BoundCall) -> Redactor:
        """Give what hides the secrets of the settings, and those that the call itself brings."""
        return self._redactor.also(call.secrets) if call.secrets else self._redactor

    async def record(self, event: str, call: BoundCall, caller: Caller, **facts: Any) -> int:
        """Add a line to the audit; gives its number.

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
            **({"undoes": call.undoing.number} if call.undoing else {}),
            **operation.bound,
            **facts,
        }
        try:
            return await to_thread.run_sync(
                lambda: self._audit.append(event, **self.hiding(call).value(line))
            )
        except StateError as error:
            raise no_state(error) from error

    async def outcome(self, call: BoundCall, caller: Caller, **facts: Any) -> None:
        """Record what came of a write; it has happened, so a failure here is only logged."""
        try:
            await self.record("result", call, caller, **facts)
            if call.undoing:
                is_changed = facts["status"] != "not_done"
                settle = partial(self._undos.settle, is_changed=is_changed)
                await to_thread.run_sync(settle, call.undoing.number)
        except (Refused, StateError):
            logger.critical("the outcome of a write to %s could not be recorded", call.account)


def record_reach(audit: Audit, caller: str, asked: str) -> None:
    """Record that somebody asked for what is not theirs; they hear that nothing is there."""
    try:
        audit.append("denied", None, caller=caller, asked=asked)
    except StateError as error:
        logger.error("%s asked for %s: %s", caller, asked, error)  # noqa: TRY400


def no_state(error: StateError) -> Refused:
    """Refuse a write because its record cannot be kept; the operator finds why in the log."""
    logger.error("%s", error)
    return Refused(
        "The record of writes cannot be kept right now, so nothing was written.",
        hint="Tell the person: the operator finds the reason in the server's log.",
    )
