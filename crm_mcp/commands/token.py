"""`crm-mcp token`: a token for one caller of the service."""

from datetime import UTC, datetime, timedelta

import typer

from crm_mcp.service.tokens import new_token


def make_token(name: str, scopes: list[str], groups: list[str], days: int) -> None:
    """Print what lets a caller in; the token stands on standard error alone, and once.

    Raises:
        ConfigError: the name, a scope or a group cannot be used.
    """
    last = datetime.now(UTC).date() + timedelta(days=days)
    token, lines = new_token(name, scopes, groups, last)
    typer.echo(lines)
    typer.echo(f"The token of {name}, to be handed over and kept nowhere else:\n{token}", err=True)
