"""`crm-mcp doctor`: what works here, and what to do where something does not."""

import getpass
import shlex
import time
from datetime import UTC, datetime

import typer
from rich.console import Console

from crm_mcp.app import App
from crm_mcp.clients import Clients, Finding
from crm_mcp.commands.setup import Setup
from crm_mcp.config import Settings
from crm_mcp.errors import AuthFailed, CrmMcpError, ToolFailure
from crm_mcp.listing import cost_of, listed
from crm_mcp.parties import Account, Caller
from crm_mcp.states import audit_of, state_of

MAX_DOUBTS = 10

_PERSONAL = {
    "off": "told to callers as it stands in the CRM",
    "mask": "hidden from callers",
    "token": "told to callers as tokens",
}


class Report:
    """Prints one line a finding, and remembers whether anything was wrong."""

    def __init__(self) -> None:
        self._console = Console(highlight=False, soft_wrap=True)
        self.failures = 0

    def good(self, text: str) -> None:
        """Tell what works."""
        self._console.print(f"ok    {text}", markup=False)

    def note(self, text: str) -> None:
        """Tell what works, and yet wants a look."""
        self._console.print(f"note  {text}", markup=False)

    def bad(self, text: str) -> None:
        """Tell what does not."""
        self.failures += 1
        self._console.print(f"FAIL  {text}", markup=False)


async def doctor(setup: Setup) -> int:
    """Check everything; print a line each; return the exit code."""
    report = Report()
    settings = setup.settings
    general = settings.general
    count = len(settings.accounts)
    report.good(f"settings: mode {general.mode}, {count} CRM{'' if count == 1 else 's'} connected")
    report.good(f"personal data: {_PERSONAL[general.personal_data]}")
    if not settings.accounts:
        report.bad("no CRM is connected; start `crm-mcp serve` to read what to set")
    async with setup.open() as app:
        _check_state(app, report)
        for account in app.accounts.values():
            await _check_account(app, account, report)
        _tell_doubts(app, report)
        _tell_list(app, report)
        _tell_clients(app, report)
    return 1 if report.failures else 0


def _check_state(app: App, report: Report) -> None:
    """Open what a write would need, and prove the record."""
    try:
        verdict = app.audit.verify()
        waiting = len(app.ledger.waiting())
        unknown = [] if verdict.problem else app.audit.unknown()
    except CrmMcpError as error:
        report.bad(f"state: {error}")
        return
    report.good(f"state: {app.settings.general.state_dir}, {waiting} approvals waiting")
    if verdict.problem:
        report.bad(f"record of writes: after {verdict.lines} good lines, {verdict.problem}")
    else:
        report.good(f"record of writes: {verdict.lines} lines, all as they were written")
    for write in unknown:
        report.bad(write.as_sentence())


async def _check_account(app: App, account: Account, report: Report) -> None:
    """Make one read that shows whether the CRM can be reached and knows us."""
    try:
        await app.at(account.name).call(account.vendor.probe, {}, Caller(program="crm-mcp doctor"))
    except AuthFailed as error:
        report.bad(f"{account.label}: reached, but the credentials fail: {error.message}")
    except ToolFailure as error:
        report.bad(f"{account.label}: {error.message} {error.hint}")
    else:
        report.good(f"{account.label}: reached, and the credentials work")


def _tell_doubts(app: App, report: Report) -> None:
    """Say which inferred addresses a CRM did not know, as long as they are the ones in use."""
    inferred = {
        operation.name
        for operation in app.pipeline.registry.operations
        if operation.source.evidence.startswith("inferred")
    }
    try:
        doubts = [doubt for doubt in app.doubts.open() if doubt.tool in inferred]
    except CrmMcpError:
        return  # the state has its own line
    for account in app.accounts.values():
        words = [doubt.as_words() for doubt in doubts if doubt.account == account.label]
        if words:
            more = f", and {len(words) - MAX_DOUBTS} more" if len(words) > MAX_DOUBTS else ""
            report.note(
                f"{account.label}: did not know the address of {', '.join(words[:MAX_DOUBTS])}"
                f"{more}. They are inferred, not documented: if the ids were right, `crm-mcp bind` "
                "can give the tools the addresses that this CRM has."
            )


def _tell_list(app: App, report: Report) -> None:
    cost = cost_of(listed(app.pipeline.registry))
    report.good(f"tools listed: {cost.tools}, about {cost.tokens} tokens")


def _tell_clients(app: App, report: Report) -> None:
    """Say how writes are confirmed, and what is known of each client that asked."""
    if not app.settings.general.dialogs:
        report.good("confirmation: every question goes through approvals, none to a dialog")
        return
    report.good("confirmation: a client with dialogs asks in them, any other through approvals")
    try:
        known = app.clients.known()
    except CrmMcpError:
        return  # the state has its own line
    for finding in known:
        _tell_client(finding, report)


def _tell_client(finding: Finding, report: Report) -> None:
    name = f'client "{finding.name}" {finding.version}'.rstrip()
    since = f"{finding.reason} ({_day(finding.at)})"
    if finding.verdict == "answers_by_itself":
        report.note(
            f"{name}: answers its dialogs by itself: {since}. Its writes wait for `crm-mcp "
            "approvals`. Once it is mended: crm-mcp doctor --forget-client "
            f"{shlex.quote(finding.name)}"
        )
    elif finding.until > time.time():
        report.good(
            f"{name}: asks a person: {since}. It is tested again from {_day(finding.until)}."
        )
    else:
        report.good(f"{name}: asked a person: {since}. Its next write tests it again.")


def forget_client(settings: Settings, name: str) -> int:
    """Make a client unknown again, so that its next write tests it; return the exit code."""
    state = state_of(settings.general)
    clients = Clients(state)
    if name not in {finding.name for finding in clients.known()}:
        typer.echo(f"No client {name!r} is known.", err=True)
        return 1
    by = f"terminal:{getpass.getuser()}"
    audit_of(settings.general, state).append(
        "client_verdict", program=name, verdict="unknown", by=by
    )
    clients.forget(name)
    typer.echo("Forgotten. Its next write shows it the test again.")
    return 0


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()
