"""The commands. Each builds what it needs, prints, and ends with a code that scripts can read."""

from pathlib import Path
from typing import Annotated

import typer

from crm_mcp.cli.decisions import approvals, audit
from crm_mcp.cli.options import (
    AsJson,
    Config,
    ReadOnly,
    UseHttp,
    UseSandbox,
    run,
    settings_of,
    setup_of,
    told_errors,
)

cli = typer.Typer(
    name="crm-mcp",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="CRM systems as MCP tools, with a person's yes before every write.",
)
cli.add_typer(approvals, name="approvals")
cli.add_typer(audit, name="audit")


@cli.command()
def serve(
    *,
    http: UseHttp = False,
    sandbox: UseSandbox = False,
    read_only: ReadOnly = False,
    config: Config = None,
) -> None:
    """Run the MCP server on standard input and output, for a client to start, or over HTTP.

    Which CRMs it connects comes from the environment or --config; started without any, it tells
    what to set. Every write is shown to a person first, unless CRM_MCP_MODE says otherwise.
    """
    with told_errors():
        setup = setup_of(sandbox=sandbox, read_only=read_only, config=config)
        if http:
            from crm_mcp.commands.serve_http import serve_http

            serve_http(setup)
        else:
            from crm_mcp.commands import serve as command

            command.serve(setup)


@cli.command()
def token(
    name: Annotated[str, typer.Argument(help="A name for the record, one for each caller.")],
    scope: Annotated[
        list[str],
        typer.Option(
            help="crm:read or crm:write, for one CRM as crm:read:fivecrm; crm:approve stands alone."
        ),
    ],
    group: Annotated[
        list[str] | None, typer.Option(help="A group of the settings' [access] tables.")
    ] = None,
    days: Annotated[int, typer.Option(help="Days until it ends.", min=1, max=3650)] = 180,
) -> None:
    """Make a token for a caller of `serve --http`.

    Prints the lines for the file of CRM_MCP_HTTP_TOKENS, and on standard error the token itself,
    which stands nowhere else.
    """
    from crm_mcp.commands import token as command

    with told_errors():
        command.make_token(name, scope, group or [], days)


@cli.command()
def demo() -> None:
    """Show a guided session on the sandbox: reads, a write with its approval, a refusal."""
    from crm_mcp.commands import demo as command

    with told_errors():
        run(command.demo)


@cli.command()
def tools(*, as_json: AsJson = False, config: Config = None, sandbox: UseSandbox = False) -> None:
    """List all tools: those that are offered here and those that are not.

    A tool is offered when its CRM is connected, the policy allows it, and its toolset is chosen.
    """
    from crm_mcp.commands import catalogue

    with told_errors():
        catalogue.print_tools(
            setup_of(sandbox=sandbox, config=config, vendors_needed=False), as_json=as_json
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

    Of reads, --arg _select=id,name keeps only these fields, and --arg _pages=3 reads three pages.
    """
    from crm_mcp.commands import call as command

    with told_errors():
        setup = setup_of(sandbox=sandbox, read_only=read_only, config=config)
        request = command.CallRequest(name, tuple(arg or ()), json_arguments, dry_run, save)
        run(command.call, setup, request)


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
            raise typer.Exit(command.forget_client(settings_of(config=config), forget_client))
        setup = setup_of(sandbox=sandbox, config=config, vendors_needed=False)
        raise typer.Exit(run(command.doctor, setup))


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
            command.print_open(settings_of(config=config), as_json=as_json)
            return
        run(command.undo, setup_of(sandbox=sandbox, read_only=read_only, config=config), number)
