"""Step 5b: getting a person's yes to exactly one call. Every other outcome sends nothing.

Two ways: a dialog in the client, where it has one; else out of band, where a person decides in a
terminal or on the approval page, and the same call then runs once. There is no argument with
which a model can say yes.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Protocol

from anyio import to_thread

from crm_mcp.errors import ApprovalRequired, NotConfirmed
from crm_mcp.forms import Form
from crm_mcp.ledger import Approval, Ledger, Question, Yes

MAX_DIALOG_CHARS = 16_000
"""A longer preview is not read in a dialog: it is decided out of band, where it can scroll."""

NOT_COUNTED = "Dialogs of this client are not counted as a person's answer. "


class Answer(Enum):
    """How a dialog ended; only YES counts."""

    YES = "yes"
    NO = "no"
    UNREAD = "unread"
    """Accepted, but not by a person who had read the question."""


class Asker(Protocol):
    """Somebody who can show a question to a person, or cannot."""

    @property
    def can_ask(self) -> bool:
        """Whether a dialog is possible at all."""
        ...

    @property
    def resumes(self) -> str | None:
        """The id of the question that this call brings an answer to, if any."""
        ...

    async def ready(self) -> None:
        """See that a person will answer, before the question is put.

        Raises:
            NotCounted: what answers here is no person.
            NotConfirmed: nobody showed to be there.
            QuestionOpen: the client has something else to show first, and repeats the call.
        """
        ...

    async def ask(self, approval: Approval) -> Answer:
        """Show the question and wait for the answer.

        Raises:
            QuestionOpen: the client has been given the question and will repeat the call.
        """
        ...


class Nobody:
    """Nobody is there to ask: the only way left is out of band."""

    can_ask = False
    resumes = None

    async def ready(self) -> None:
        """Do nothing: nobody is asked."""

    async def ask(self, approval: Approval) -> Answer:  # noqa: ARG002 - the protocol's shape
        """Answer no, always."""
        return Answer.NO


@dataclass
class QuestionOpen(Exception):  # noqa: N818 - not an error: the call is suspended
    """A form stands with the client; the call goes on when it is repeated."""

    form: Form


class NotCounted(Exception):  # noqa: N818 - not an error: another way is taken
    """The dialogs of this client are not counted as a person's answer."""


async def admit(asker: Asker) -> None:
    """Let a client that is new show that a person answers, before anything is read for a question.

    Raises:
        NotConfirmed: nobody showed to be there.
        QuestionOpen: the client has something to show, and repeats the call.
    """
    if asker.can_ask:
        with suppress(NotCounted):  # the question then goes another way
            await asker.ready()


async def obtain_yes(ledger: Ledger, asker: Asker, question: Question, page: str) -> Yes:
    """Get a person's yes, not yet spent.

    Args:
        ledger: where the question stands.
        asker: shows it, or cannot.
        question: about one call.
        page: where people decide out of band; empty where there is none but their own.

    Raises:
        NotConfirmed: declined, dismissed, late, malformed, or not about this call.
        ApprovalRequired: nobody can be asked here; a person must decide out of band.
        QuestionOpen: the client has been given the question and will repeat the call.
    """
    standing = await to_thread.run_sync(ledger.standing, question.fingerprint)
    if standing is not None and standing.state == "approved":
        return Yes(standing, standing.decided_by)
    if standing is not None and standing.state == "rejected":
        raise NotConfirmed(
            "A person rejected this call. Nothing was sent.",
            hint="Ask the person what they want instead; do not repeat the call.",
            approval={"id": standing.id},
        )
    if not asker.can_ask or len(question.preview) > MAX_DIALOG_CHARS:
        raise _approval_required(standing or await _write_down(ledger, question), page)
    try:
        await asker.ready()
        return await _ask_in_dialog(ledger, asker, question)
    except NotCounted:
        standing = await to_thread.run_sync(ledger.standing, question.fingerprint)
        approval = standing or await _write_down(ledger, question)
        raise _approval_required(approval, page, NOT_COUNTED) from None


def check_second(yes: Yes, caller: str) -> None:
    """See that a yes is not the caller's own.

    Raises:
        NotConfirmed: it is, or came by a dialog of the caller's client.
    """
    if yes.approval.way == "dialog" or yes.by in {"dialog", caller}:
        raise NotConfirmed(
            "This call needs the yes of somebody else than its caller. Nothing was sent.",
            hint="Tell the person: somebody else must approve it.",
        )


async def _ask_in_dialog(ledger: Ledger, asker: Asker, question: Question) -> Yes:
    if asker.resumes is None:
        approval = await to_thread.run_sync(ledger.ask, question, "dialog")
    else:
        approval = await _resumed(ledger, asker.resumes, question)
    answer = await asker.ask(approval)
    if answer is Answer.YES:
        return Yes(approval, "dialog")
    await to_thread.run_sync(ledger.decide, approval.id, "rejected", "dialog")
    if answer is Answer.UNREAD:
        raise NotCounted
    raise NotConfirmed(
        "The person did not confirm. Nothing was sent.",
        hint="Ask the person what they want instead; do not repeat the call.",
        approval={"id": approval.id},
    )


async def _resumed(ledger: Ledger, approval_id: str, question: Question) -> Approval:
    approval = await to_thread.run_sync(ledger.get, approval_id)
    if approval is None or approval.fingerprint != question.fingerprint:
        raise NotConfirmed("The answer belongs to another call. Nothing was sent.")
    if approval.state != "asked":
        raise NotConfirmed(
            "This question was answered already. Nothing was sent.",
            hint="Call again without an answer to be asked again.",
        )
    return approval


async def _write_down(ledger: Ledger, question: Question) -> Approval:
    return await to_thread.run_sync(ledger.ask, question, "out_of_band")


def _approval_required(approval: Approval, page: str, why: str = "") -> ApprovalRequired:
    must = "A person must approve this call first."
    told = {"id": approval.id, "expires_at": _utc(approval.expires)}
    hint = (
        "Tell the person the approval id. When they have approved it in their terminal or "
        "on their approval page, make the same call with the same arguments once more."
    )
    if page:
        told["url"] = f"{page}/questions/{approval.id}"
        hint = (
            "Give the person the address in approval.url. When it is approved there, make the same "
            "call with the same arguments once more."
        )
    return ApprovalRequired(
        f"{why}{must} Nothing was sent. Approval id: {approval.id}.", hint=hint, approval=told
    )


def _utc(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
