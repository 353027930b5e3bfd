"""`crm-mcp audit`: the record of writes, shown and proven."""

import getpass
import json
from collections import deque

import typer

from crm_mcp.audit import Audit
from crm_mcp.commands.setup import print_json
from crm_mcp.config import Settings
from crm_mcp.parties import Caller
from crm_mcp.preview import visible
from crm_mcp.states import audit_of, state_of

_MORE = ("by", "status", "error", "approval", "verdict", "of", "undoes", "asked", "peer")
_AT_LAST = ("unrecorded", "reason", "why")


def print_lines(settings: Settings, last: int, *, as_json: bool) -> None:
    """Print the newest lines, the newest last."""
    lines = list(deque(_audit(settings).lines(), maxlen=last))
    if as_json:
        print_json(lines)
        return
    if not lines:
        typer.echo("The record is empty.")
    for line in lines:
        subject = "tool" if "tool" in line else "program"
        what = " ".join(str(line[key]) for key in ("event", subject, "account") if key in line)
        who = ("caller",) if line.get("caller") != Caller.name else ()
        facts = (*who, *_MORE, *_AT_LAST)
        more = " ".join(f"{key}={_plain(line[key])}" for key in facts if line.get(key))
        # Somebody may have changed the file, and put more into it than words.
        typer.echo(visible(f"{line['seq']!s:>5}  {line['at']}  {what}  {more}".rstrip()))


def _plain(value: object) -> str:
    """Write one fact; sentences stand in quotes, so that one can tell where they end."""
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if " " in text else text


def verify(settings: Settings) -> int:
    """Prove the chain; return the exit code."""
    verdict = _audit(settings).verify()
    if verdict.problem:
        typer.echo(f"BROKEN after {verdict.lines} good lines: {verdict.problem}.")
        return 1
    typer.echo(f"All {verdict.lines} lines are as they were written.")
    return 0


def print_unknown(settings: Settings, *, as_json: bool) -> None:
    """List the writes whose outcome nobody knows, the oldest first."""
    writes = _audit(settings).unknown()
    if as_json:
        print_json([write.as_dict() for write in writes])
        return
    if not writes:
        typer.echo("The outcome of every write is known.")
    for write in writes:
        typer.echo(write.as_sentence())


def close(settings: Settings, number: int) -> int:
    """Record that somebody has looked what became of a write; return the exit code."""
    audit = _audit(settings)
    write = next((write for write in audit.unknown() if write.number == number), None)
    if write is None:
        typer.echo(f"There is no unknown write {number}.", err=True)
        return 1
    facts = {name: write.line[name] for name in ("tool", "account")}
    audit.append("looked_at", **facts, of=number, by=f"terminal:{getpass.getuser()}")
    typer.echo(f"Recorded: somebody has looked what became of {number}.")
    return 0


def _audit(settings: Settings) -> Audit:
    return audit_of(settings.general, state_of(settings.general))
