"""The commands. Each builds what it needs, prints, and ends with a code that scripts can read.

Exit codes: 0 done; 1 the call failed or something is wrong; 2 wrong usage; 3 wrong settings;
4 a person's approval is missing or was refused.
"""

import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from crm_mcp.errors import (
    ApprovalRequired,
    ConfigError,
    CrmMcpError,
    NotConfirmed,
    Refused,
    ToolFailure,
)

EXIT_FAILED = 1
EXIT_CONFIG = 3
EXIT_NOT_APPROVED = 4

cli = typer.Typer(
    name="crm-mcp",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="CRM systems as MCP tools, with a person's yes before every write.",
)
approvals = typer.Typer(help="Decide about writes that wait for a person.")
audit = typer.Typer(no_args_is_help=True, help="Read and prove the record of writes.")
cli.add_typer(approvals, name="approvals")
cli.add_typer(audit, name="audit")

Config = Annotated[
    Path | None, typer.Option("--config", help="A TOML file with settings.", dir_okay=False)
]
UseSandbox = Annotated[
    bool, typer.Option("--sandbox", help="Use the embedded stand-in instead of a real CRM.")
]
ReadOnly = Annotated[bool, typer.Option("--read-only", help="Offer no writes at all.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]


@contextmanager
def told_errors() -> Iterator[None]:
    """Turn our errors into a line on stderr and an exit code."""
    try:
        yield
    except ToolFailure as error:
        typer.echo(f"{error.kind}: {error.message}", err=True)
        if error.hint:
            typer.echo(error.hint, err=True)
        raise typer.Exit(_exit_code(error)) from None
    except CrmMcpError as error:
        typer.echo(f"crm-mcp: {error}", err=True)
        raise typer.Exit(EXIT_CONFIG if isinstance(error, ConfigError) else EXIT_FAILED) from None


def _exit_code(error: ToolFailure) -> int:
    not_approved = isinstance(error, ApprovalRequired | NotConfirmed | Refused)
    return EXIT_NOT_APPROVED if not_approved else EXIT_FAILED


@cli.command()
def serve(
    *, sandbox: UseSandbox = False, read_only: ReadOnly = False, config: Config = None
) -> None:
    """Run the MCP server on standard input and output, for a client to start.

    Which CRMs it connects comes from the environment or --config; started without any, it tells
    what to set. Every write is shown to a person first, unless CRM_MCP_MODE says otherwise.
    """
    from crm_mcp.commands import serve as command

    with told_errors():
        command.serve(_setup(sandbox=sandbox, read_only=read_only, config=config))


@cli.command()
def demo() -> None:
    """Show a guided session on the sandbox: reads, a write with its approval, a refusal."""
    from crm_mcp.commands import demo as command

    with told_errors():
        _run(command.demo)


@cli.command()
def tools(*, as_json: AsJson = False, config: Config = None, sandbox: UseSandbox = False) -> None:
    """List all tools: those that are offered here and those that are not.

    A tool is offered when its CRM is connected, the policy allows it, and its toolset is chosen.
    """
    from crm_mcp.commands import catalogue

    with told_errors():
        catalogue.print_tools(
            _setup(sandbox=sandbox, config=config, vendors_needed=False), as_json=as_json
        )


@cli.command()
def show(name: Annotated[str, typer.Argument(help="A tool's name.")]) -> None:
    """Explain one tool: its arguments, its request, where it stands in the document, an example."""
    from crm_mcp.commands import catalogue

    with told_errors():
        catalogue.print_tool(name)


@cli.command()
def call(  # noqa: PLR0913 - options of a command
    name: Annotated[str, typer.Argument(help="A tool's name.")],
    *,
    arg: Annotated[
        list[str] | None, typer.Option("--arg", help="An argument as name=value; repeatable.")
    ] = None,
    json_arguments: Annotated[
        str, typer.Option("--json", help="All arguments as one JSON object.")
    ] = "{}",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what a write would send; send nothing.")
    ] = False,
    save: Annotated[
        Path | None, typer.Option(help="A folder for the files that the result brings.")
    ] = None,
    sandbox: UseSandbox = False,
    read_only: ReadOnly = False,
    config: Config = None,
) -> None:
    """Call one tool the way an assistant would; a write asks in this terminal.

    For example: crm-mcp call fivecrm_areas_get --arg area=001 --sandbox
    """
    from crm_mcp.commands import call as command

    with told_errors():
        setup = _setup(sandbox=sandbox, read_only=read_only, config=config)
        request = command.CallRequest(name, tuple(arg or ()), json_arguments, dry_run, save)
        _run(command.call, setup, request)


@cli.command()
def check(
    root: Annotated[
        Path | None, typer.Argument(help="A folder of operation files; by default our own.")
    ] = None,
    documents: Annotated[
        Path | None, typer.Option(help="The vendors' documents, to compare line numbers.")
    ] = None,
    *,
    write_schema: Annotated[
        bool, typer.Option("--write-schema", help="Renew operation.schema.json first.")
    ] = False,
) -> None:
    """Check operation files against every rule of their format.

    Prints each broken rule with the file and what to do; needed by whoever adds an operation.
    """
    from crm_mcp.commands import catalogue

    with told_errors():
        raise typer.Exit(catalogue.check_files(root, documents, write_schema=write_schema))


@cli.command()
def bind(
    vendor: Annotated[str, typer.Argument(help="Whose document it is, such as cirrus.")],
    document: Annotated[
        Path, typer.Argument(metavar="FILE", help="The vendor's OpenAPI or Swagger document.")
    ],
    *,
    output: Annotated[
        Path | None, typer.Option(help="The file to write, by default VENDOR-bindings.toml.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the binding file.")] = False,
    as_json: AsJson = False,
) -> None:
    """Find the tools in a vendor's own document, and write their requests down for approval."""
    from crm_mcp.commands import bind as command

    with told_errors():
        command.bind(vendor, document, output, force=force, as_json=as_json)


@cli.command()
def sandbox(
    port: Annotated[int, typer.Option(help="A port on this machine; 0 takes a free one.")] = 8765,
) -> None:
    """Serve the embedded stand-in on a loopback port, for other clients.

    Prints the settings that lead a server there. POST /_sandbox/faults makes things go wrong on
    demand, GET /_sandbox/log tells what was called.
    """
    from crm_mcp.commands import sandbox as command

    with told_errors():
        command.serve_sandbox(port)


@cli.command()
def doctor(
    *,
    forget_client: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Only forget what was found out about a client."),
    ] = None,
    config: Config = None,
    sandbox: UseSandbox = False,
) -> None:
    """Find out what works here: settings, CRMs, credentials, state, clients and tools.

    Makes one harmless read of each connected CRM. Ends with code 1 when anything is wrong.
    """
    from crm_mcp.commands import doctor as command

    with told_errors():
        if forget_client is not None:
            raise typer.Exit(command.forget_client(_settings(config=config), forget_client))
        setup = _setup(sandbox=sandbox, config=config, vendors_needed=False)
        raise typer.Exit(_run(command.doctor, setup))


@cli.command()
def undo(
    number: Annotated[
        int | None, typer.Argument(metavar="ID", help="Which write; without it they are listed.")
    ] = None,
    *,
    as_json: AsJson = False,
    sandbox: UseSandbox = False,
    read_only: ReadOnly = False,
    config: Config = None,
) -> None:
    """Take one write back, or list what can be taken back, the newest first.

    The inverse call is a write of its own and asks in this terminal. It is made only while the
    record still holds what was written.
    """
    from crm_mcp.commands import undo as command

    with told_errors():
        if number is None:
            command.print_open(_settings(config=config), as_json=as_json)
            return
        _run(command.undo, _setup(sandbox=sandbox, read_only=read_only, config=config), number)


@approvals.callback(invoke_without_command=True)
def approvals_root(
    context: typer.Context,
    *,
    web: Annotated[bool, typer.Option("--web", help="The same as the command web.")] = False,
    config: Config = None,
) -> None:
    """Show the help where nothing is asked for, or open the page."""
    if web and context.invoked_subcommand is None:
        approvals_web(port=0, config=config)
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())


@approvals.command("list")
def approvals_list(*, as_json: AsJson = False, config: Config = None) -> None:
    """List the writes that wait for a decision."""
    from crm_mcp.commands import approvals as command

    with told_errors():
        command.print_waiting(_settings(config=config), as_json=as_json)


@approvals.command("show")
def approvals_show(
    approval_id: Annotated[str, typer.Argument(metavar="ID")], *, config: Config = None
) -> None:
    """Show everything that one write would do."""
    from crm_mcp.commands import approvals as command

    with told_errors():
        command.print_one(_settings(config=config), approval_id)


@approvals.command("approve")
def approvals_approve(
    approval_id: Annotated[str, typer.Argument(metavar="ID")], *, config: Config = None
) -> None:
    """Show one write and approve it; it then runs once, when it is called again.

    Needs a terminal: the whole preview is shown, and the word must be typed by a person.
    """
    from crm_mcp.commands import approvals as command

    with told_errors():
        command.approve(_settings(config=config), approval_id)


@approvals.command("reject")
def approvals_reject(
    approval_id: Annotated[str, typer.Argument(metavar="ID")], *, config: Config = None
) -> None:
    """Reject one write; calling it again is refused until the question expires."""
    from crm_mcp.commands import approvals as command

    with told_errors():
        command.reject(_settings(config=config), approval_id)


@approvals.command("web")
def approvals_web(
    *,
    port: Annotated[
        int, typer.Option(help="A port on this machine; 0 takes a free one.", min=0, max=65_535)
    ] = 0,
    config: Config = None,
) -> None:
    """Decide in a browser, on a page that only this machine can reach.

    Prints an address that opens the page once; whoever has it can decide. Ctrl-C ends the page.
    """
    from crm_mcp.commands import approvals_page as command

    with told_errors():
        command.serve_page(_settings(config=config), port)


@audit.command("show")
def audit_show(
    *,
    last: Annotated[int, typer.Option(help="How many lines, the newest last.", min=1)] = 20,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Show the newest lines of the record."""
    from crm_mcp.commands import audit as command

    with told_errors():
        command.print_lines(_settings(config=config), last, as_json=as_json)


@audit.command("verify")
def audit_verify(*, config: Config = None) -> None:
    """Prove that no line of the record was changed, put in or taken out."""
    from crm_mcp.commands import audit as command

    with told_errors():
        raise typer.Exit(command.verify(_settings(config=config)))


@audit.command("unknown")
def audit_unknown(*, as_json: AsJson = False, config: Config = None) -> None:
    """List the writes whose outcome nobody knows, because a process ended or an answer was lost."""
    from crm_mcp.commands import audit as command

    with told_errors():
        command.print_unknown(_settings(config=config), as_json=as_json)


@audit.command("close")
def audit_close(
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="The number of the write.")],
    *,
    config: Config = None,
) -> None:
    """Record that you have looked in the CRM what became of an unknown write."""
    from crm_mcp.commands import audit as command

    with told_errors():
        raise typer.Exit(command.close(_settings(config=config), number))


def _settings(*, config: Path | None, read_only: bool = False) -> Any:
    from crm_mcp.config import load_settings

    settings = load_settings(os.environ, config)
    return settings.read_only() if read_only else settings


def _setup(
    *,
    sandbox: bool,
    config: Path | None,
    read_only: bool = False,
    vendors_needed: bool = True,
) -> Any:
    """Read settings and operations, and the sandbox where it is wanted."""
    from crm_mcp.commands.setup import Setup

    settings = _settings(config=config, read_only=read_only)
    return Setup.of(settings, use_sandbox=sandbox, vendors_needed=vendors_needed)


def _run(function: Callable[..., Awaitable[Any]], *arguments: Any) -> Any:
    import anyio

    return anyio.run(function, *arguments)
