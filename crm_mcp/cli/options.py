"""What the commands share: their options, how errors are told, and what most of them build.

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

Config = Annotated[
    Path | None, typer.Option("--config", help="A TOML file with settings.", dir_okay=False)
]
UseSandbox = Annotated[
    bool, typer.Option("--sandbox", help="Use the embedded stand-in instead of a real CRM.")
]
UseHttp = Annotated[
    bool, typer.Option("--http", help="Serve many callers over HTTP, as CRM_MCP_HTTP_… say.")
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


def settings_of(*, config: Path | None, read_only: bool = False) -> Any:
    """Read the settings from the environment and the file."""
    from crm_mcp.config import load_settings

    settings = load_settings(os.environ, config)
    return settings.read_only() if read_only else settings


def setup_of(
    *,
    sandbox: bool,
    config: Path | None,
    read_only: bool = False,
    vendors_needed: bool = True,
) -> Any:
    """Read settings and operations, and the sandbox where it is wanted."""
    from crm_mcp.commands.setup import Setup

    settings = settings_of(config=config, read_only=read_only)
    return Setup.of(settings, use_sandbox=sandbox, vendors_needed=vendors_needed)


def run(function: Callable[..., Awaitable[Any]], *arguments: Any) -> Any:
    """Run what is asynchronous to its end."""
    import anyio

    return anyio.run(function, *arguments)
