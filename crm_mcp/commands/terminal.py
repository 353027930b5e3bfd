"""Asking a person in the terminal. A pipe is not a person: without a terminal nobody is asked."""

import sys
from dataclasses import dataclass, replace

from anyio import to_thread

from crm_mcp.confirm import Answer
from crm_mcp.ledger import Approval

WORD = "approve"


def is_terminal() -> bool:
    """Whether somebody can read the question and type the answer here."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def says_yes(approval: Approval) -> bool:
    """Show a preview and read the answer; only the whole word is a yes."""
    asked = approval if approval.word else replace(approval, word=WORD)
    sys.stderr.write(f"{approval.preview}\n\nType {asked.word} to send it, anything else to stop: ")
    sys.stderr.flush()
    return asked.word_fits(sys.stdin.readline())


@dataclass(frozen=True)
class TerminalAsker:
    """The person at this terminal."""

    resumes: None = None

    @property
    def can_ask(self) -> bool:
        """Whether this is a terminal at all."""
        return is_terminal()

    async def ready(self) -> None:
        """Do nothing: a terminal needs no test."""

    async def ask(self, approval: Approval) -> Answer:
        """Show the question and wait for the typed word."""
        yes = await to_thread.run_sync(says_yes, approval)
        return Answer.YES if yes else Answer.NO
