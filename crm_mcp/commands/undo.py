"""`crm-mcp undo`: what can be taken back, and taking one write back."""

import time
from datetime import UTC, datetime
from typing import Any

import typer
from anyio import to_thread

from crm_mcp.commands.setup import Setup, print_json
from crm_mcp.commands.terminal import TerminalAsker
from crm_mcp.config import Settings
from crm_mcp.envelope import success
from crm_mcp.errors import Refused
from crm_mcp.parties import Caller
from crm_mcp.preview import quoted
from crm_mcp.states import state_of
from crm_mcp.take_back import Desk, take_back
from crm_mcp.undo_store import Kept, Undos

DAY_SECONDS = 86_400
MAX_SHOWN = 200


def print_open(settings: Settings, *, as_json: bool) -> None:
    """List what can be taken back, the newest first."""
    kept = Undos(state_of(settings.general)).open()
    if as_json:
        print_json([_facts(entry) for entry in kept])
        return
    if not kept:
        typer.echo("Nothing is kept that could be undone.")
    for entry in kept:
        origin = entry.origin
        days = (entry.expires - time.time()) / DAY_SECONDS
        typer.echo(
            f"{origin.number}  {_utc(entry.created)}  {days:.0f} days left  {origin.account}"
        )
        typer.echo(f"    {origin.tool}: {origin.summary}")


async def undo(setup: Setup, number: int) -> None:
    """Take one write back, asking in this terminal, and print the result as JSON.

    Raises:
        ToolFailure: what went wrong.
    """
    async with setup.open() as app:
        kept = await to_thread.run_sync(app.ledger.undos.get, number)
        pipeline = app.labelled(kept.origin.account) if kept else app.pipeline
        desk = Desk(pipeline, app.ledger.undos, app.audit)
        caller = Caller(program="crm-mcp undo", asker=TerminalAsker())
        try:
            operation, outcome = await take_back(desk, number, caller)
        except Refused as refusal:
            _tell_changes(refusal.details.get("stands", []))
            raise
        account = pipeline.accounts[operation.vendor].label
        print_json(success(outcome, operation, account, setup.settings.general.max_result_chars))


def _tell_changes(changes: list[dict[str, Any]]) -> None:
    """Show what stands in a record in place of what was written."""
    for change in changes:
        written, stands = (_short(quoted(change[side])) for side in ("written", "stands"))
        typer.echo(f"{change['field']}: written {written}, now {stands}", err=True)


def _short(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"


def _facts(entry: Kept) -> dict[str, object]:
    origin = entry.origin
    return {
        "id": origin.number,
        "at": _utc(entry.created),
        "expires_at": _utc(entry.expires),
        "account": origin.account,
        "caller": origin.caller,
        "tool": origin.tool,
        "undone_by": entry.plan.tool if entry.plan else "",
        "summary": origin.summary,
    }


def _utc(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
