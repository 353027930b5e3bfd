"""The commands of a person who decides and looks after the record."""

from typing import Annotated

import typer

from crm_mcp.cli.options import AsJson, Config, settings_of, told_errors

approvals = typer.Typer(help="Decide about writes that wait for a person.")
audit = typer.Typer(no_args_is_help=True, help="Read and prove the record of writes.")


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
        command.print_waiting(settings_of(config=config), as_json=as_json)


@approvals.command("show")
def approvals_show(
    approval_id: Annotated[str, typer.Argument(metavar="ID")], *, config: Config = None
) -> None:
    """Show everything that one write would do."""
    from crm_mcp.commands import approvals as command

    with told_errors():
        command.print_one(settings_of(config=config), approval_id)


@approvals.command("approve")
def approvals_approve(
    approval_id: Annotated[str, typer.Argument(metavar="ID")], *, config: Config = None
) -> None:
    """Show one write and approve it; it then runs once, when it is called again.

    Needs a terminal: the whole preview is shown, and the word must be typed by a person.
    """
    from crm_mcp.commands import approvals as command

    with told_errors():
        command.approve(settings_of(config=config), approval_id)


@approvals.command("reject")
def approvals_reject(
    approval_id: Annotated[str, typer.Argument(metavar="ID")], *, config: Config = None
) -> None:
    """Reject one write; calling it again is refused until the question expires."""
    from crm_mcp.commands import approvals as command

    with told_errors():
        command.reject(settings_of(config=config), approval_id)


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
        command.serve_page(settings_of(config=config), port)


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
        command.print_lines(settings_of(config=config), last, as_json=as_json)


@audit.command("verify")
def audit_verify(*, config: Config = None) -> None:
    """Prove that no line of the record was changed, put in or taken out."""
    from crm_mcp.commands import audit as command

    with told_errors():
        raise typer.Exit(command.verify(settings_of(config=config)))


@audit.command("unknown")
def audit_unknown(*, as_json: AsJson = False, config: Config = None) -> None:
    """List the writes whose outcome nobody knows, because a process ended or an answer was lost."""
    from crm_mcp.commands import audit as command

    with told_errors():
        command.print_unknown(settings_of(config=config), as_json=as_json)


@audit.command("close")
def audit_close(
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="The number of the write.")],
    *,
    config: Config = None,
) -> None:
    """Record that you have looked in the CRM what became of an unknown write."""
    from crm_mcp.commands import audit as command

    with told_errors():
        raise typer.Exit(command.close(settings_of(config=config), number))
