"""Asking a person in the terminal. A pipe is not a person: without a terminal nobody is asked."""

import os
import sys
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TextIO

from anyio import to_thread

from crm_mcp.confirm import Answer
from crm_mcp.ledger import Approval
from crm_mcp.preview import visible

WORD = "approve"
MORE = "      ┆ "
MIN_COLUMNS = 40
_WIDE = ("W", "F")


def is_terminal() -> bool:
    """Whether somebody can read the question and type the answer here."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def says_yes(approval: Approval) -> bool:
    """Show a preview and read the answer; only the whole word is a yes."""
    asked = approval if approval.word else replace(approval, word=WORD)
    preview = fitted(approval.preview, columns_of(sys.stderr))
    sys.stderr.write(f"{preview}\n\nType {asked.word} to send it, anything else to stop: ")
    sys.stderr.flush()
    return asked.word_fits(sys.stdin.readline())


def columns_of(stream: TextIO) -> int:
    """Measure the terminal behind a stream in columns; 0 where there is none."""
    try:
        return os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):
        return 0


def fitted(preview: str, columns: int) -> str:
    """Break long lines before the terminal does, so that no value begins a line like one of ours.

    Args:
        preview: as it was asked; what would move the cursor is written as its code.
        columns: of the terminal; 0 leaves the lines whole.
    """
    lines = [visible(line) for line in preview.split("\n")]
    if not columns:
        return "\n".join(lines)
    room = max(columns, MIN_COLUMNS) - 1  # a full line would itself break on some terminals
    return "\n".join(("\n" + MORE).join(_pieces(line, room)) for line in lines)


def _pieces(line: str, room: int) -> Iterator[str]:
    """Cut a line into pieces that fit, each after the first with what marks it before it."""
    start = used = 0
    for at, char in enumerate(line):
        width = 2 if unicodedata.east_asian_width(char) in _WIDE else 1
        if used + width > room:
            yield line[start:at]
            start, used = at, len(MORE)
        used += width
    yield line[start:]


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
