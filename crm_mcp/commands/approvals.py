"""`crm-mcp approvals`: a person decides in the terminal about writes that wait."""

import getpass
import sys
import time

import typer

from crm_mcp.commands.setup import print_json
from crm_mcp.commands.terminal import columns_of, fitted, is_terminal, says_yes
from crm_mcp.config import Settings
from crm_mcp.deciding import Decided, decide
from crm_mcp.errors import NotConfirmed
from crm_mcp.ledger import Approval, Ledger
from crm_mcp.preview import visible
from crm_mcp.states import audit_of, state_of


def print_waiting(settings: Settings, *, as_json: bool) -> None:
    """List the open questions."""
    waiting = _ledger(settings).waiting()
    if as_json:
        print_json([_facts(approval) for approval in waiting])
        return
    if not waiting:
        typer.echo("Nothing waits for a decision.")
    for approval in waiting:
        first_line = approval.preview.partition("\n")[0]
        line = f"{approval.id}  {_minutes(approval)}  {approval.account}  {first_line}"
        typer.echo(visible(line))


def print_one(settings: Settings, approval_id: str) -> None:
    """Show one question as the person is asked it.

    Raises:
        NotConfirmed: there is no such question.
    """
    approval = _find(_ledger(settings), approval_id)
    typer.echo(f"Approval {approval.id}: {approval.state}, {_minutes(approval)}\n")
    typer.echo(fitted(approval.preview, columns_of(sys.stdout)))


def approve(settings: Settings, approval_id: str) -> None:
    """Show one question and approve it when the person types the word.

    Raises:
        NotConfirmed: no terminal, another word, or no open question.
    """
    ledger = _ledger(settings)
    approval = _find(ledger, approval_id)
    if not is_terminal():
        raise NotConfirmed("Approving needs a person at a terminal.")
    if not says_yes(approval):
        raise NotConfirmed("Not approved; the question stays open.")
    _decide(settings, approval, "approved")
    typer.echo("Approved. It runs once, when the same call is made again.")


def reject(settings: Settings, approval_id: str) -> None:
    """Reject one question.

    Raises:
        NotConfirmed: there is no open question of this id.
    """
    _decide(settings, _find(_ledger(settings), approval_id), "rejected")
    typer.echo("Rejected. Nothing is sent.")


def _decide(settings: Settings, approval: Approval, decision: Decided) -> None:
    audit = audit_of(settings.general, state_of(settings.general))
    decide(_ledger(settings), audit, approval, decision, _somebody())


def _somebody() -> str:
    return f"terminal:{getpass.getuser()}"


def _ledger(settings: Settings) -> Ledger:
    return Ledger(state_of(settings.general))


def _find(ledger: Ledger, approval_id: str) -> Approval:
    approval = ledger.get(approval_id)
    if approval is None:
        raise NotConfirmed(f"There is no question {approval_id[:40]!r}.")
    return approval


def _facts(approval: Approval) -> dict[str, object]:
    return {
        "id": approval.id,
        "tool": approval.tool,
        "account": approval.account,
        "expires": approval.expires,
        "preview": approval.preview,
    }


def _minutes(approval: Approval) -> str:
    left = approval.expires - time.time()
    return f"{left / 60:.0f} min left" if left > 0 else "expired"
