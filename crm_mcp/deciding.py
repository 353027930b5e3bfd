"""A person's decision about a question outside the conversation: written down, then recorded."""

from typing import Literal

from crm_mcp.audit import Audit
from crm_mcp.errors import NotConfirmed, StateError
from crm_mcp.ledger import Approval, Ledger

Decided = Literal["approved", "rejected"]


def decide(ledger: Ledger, audit: Audit, approval: Approval, decision: Decided, by: str) -> None:
    """Write a decision down and record it; one that cannot be recorded does not count.

    Raises:
        NotConfirmed: the question is not open any more.
        StateError: the record cannot be written.
    """
    if approval.way != "out_of_band":
        raise NotConfirmed("This question is being asked in a dialog of the client.")
    ledger.decide(approval.id, decision, by)
    try:
        audit.append(
            decision, approval=approval.id, tool=approval.tool, account=approval.account, by=by
        )
    except StateError:
        ledger.outdate(approval.id)
        raise
