"""A person's decision that came by a form: checked, taken, and answered, for either page."""

from starlette.responses import RedirectResponse, Response

from crm_mcp.audit import Audit
from crm_mcp.deciding import Decided, decide
from crm_mcp.errors import NotConfirmed
from crm_mcp.ledger import Approval, Ledger
from crm_mcp.web.pages import Pages, Problem, is_open

NOT_OPEN = Problem(
    409,
    "Already decided",
    "This question is not open any more: somebody decided it, or it expired. "
    "Your answer changed nothing.",
)


class Decisions:
    """Takes decisions about the questions of one state.

    Args:
        ledger: where the questions stand.
        audit: where decisions are recorded.
        pages: on which they are answered.
    """

    def __init__(self, ledger: Ledger, audit: Audit, pages: Pages) -> None:
        self._ledger = ledger
        self._audit = audit
        self._pages = pages

    def take(
        self, approval: Approval, decision: Decided, by: str, typed: str, csrf: str
    ) -> Response:
        """Take a decision about a question that is open.

        Args:
            approval: the question.
            decision: what the person chose.
            by: who it is, for the record.
            typed: the word that some questions want with a yes.
            csrf: for the forms, where the question is shown again.

        Raises:
            StateError: it may not count.
        """
        if not is_open(approval):
            return self._pages.problem(NOT_OPEN)
        if decision == "approved" and approval.word and not approval.word_fits(typed):
            return self._pages.question(approval, csrf, wrong_word=True)
        try:
            decide(self._ledger, self._audit, approval, decision, by)
        except NotConfirmed:  # somebody was faster
            return self._pages.problem(NOT_OPEN)
        # A page that was sent by a form would send it again when it is reloaded.
        return RedirectResponse(f"{self._pages.root}/questions/{approval.id}", 303)
