"""`crm-mcp token`: a token for one caller of the service."""

from datetime import UTC, datetime

import typer

from crm_mcp.service.tokens import new_token


def make_token(name: str, scopes: list[str], days: int) -> None:
    """Print what lets a caller in; the token stands on standard error alone, and once.

    Raises:
        ConfigError: the name or a scope cannot be used.
    """
    token, lines = new_token(name, scopes, days, datetime.now(UTC).date())
    typer.echo(lines)
    typer.echo(f"The token of {name}, to be handed over and kept nowhere else:\n{token}", err=True)
