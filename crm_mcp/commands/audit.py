"""`crm-mcp audit`: the record of writes, shown and proven."""

from collections import deque

import typer

from crm_mcp.audit import Audit
from crm_mcp.commands.setup import print_json
from crm_mcp.config import Settings
from crm_mcp.preview import visible
from crm_mcp.state import StateFolder


def print_lines(settings: Settings, last: int, *, as_json: bool) -> None:
    """Print the newest lines, the newest last."""
    lines = list(deque(_audit(settings).lines(), maxlen=last))
    if as_json:
        print_json(lines)
        return
    if not lines:
        typer.echo("The record is empty.")
    for line in lines:
        what = " ".join(str(line[key]) for key in ("event", "tool", "account") if key in line)
        more = " ".join(f"{key}={line[key]}" for key in ("status", "approval") if line.get(key))
        # Somebody may have changed the file, and put more into it than words.
        typer.echo(visible(f"{line['seq']!s:>5}  {line['at']}  {what}  {more}".rstrip()))


def verify(settings: Settings) -> int:
    """Prove the chain; return the exit code."""
    verdict = _audit(settings).verify()
    if verdict.problem:
        typer.echo(f"BROKEN after {verdict.lines} good lines: {verdict.problem}.")
        return 1
    typer.echo(f"All {verdict.lines} lines are as they were written.")
    return 0


def _audit(settings: Settings) -> Audit:
    return Audit(StateFolder(settings.general.state_dir))
