"""`crm-mcp call`: one call through the same way as an assistant's."""

import json
from dataclasses import dataclass
from typing import Any

from crm_mcp.commands.setup import Setup, print_json
from crm_mcp.commands.terminal import TerminalAsker
from crm_mcp.envelope import success
from crm_mcp.errors import InvalidArguments
from crm_mcp.operation import Operation
from crm_mcp.parties import Caller
from crm_mcp.registry import DRY_RUN


@dataclass(frozen=True)
class CallRequest:
    """What was typed."""

    name: str
    pairs: tuple[str, ...] = ()
    json_arguments: str = "{}"
    dry_run: bool = False


async def call(setup: Setup, request: CallRequest) -> None:
    """Make the call and print its result as JSON.

    Raises:
        ToolFailure: what went wrong.
    """
    async with setup.open() as app:
        operation = app.pipeline.registry.find(request.name)
        arguments = parse_arguments(operation, request)
        caller = Caller(program="crm-mcp call", asker=TerminalAsker())
        outcome = await app.pipeline.call(request.name, arguments, caller)
        account = app.pipeline.accounts[operation.vendor].label
        print_json(success(outcome, operation, account, setup.settings.general.max_result_chars))


def parse_arguments(operation: Operation, request: CallRequest) -> dict[str, Any]:
    """Read `--json`, then `--arg` over it.

    Raises:
        InvalidArguments: no JSON object, or a pair without `=`.
    """
    try:
        arguments = json.loads(request.json_arguments)
    except ValueError as error:
        raise InvalidArguments(f"--json is not JSON: {error}.") from None
    if not isinstance(arguments, dict):
        raise InvalidArguments("--json must be a JSON object.")
    for pair in request.pairs:
        name, sign, text = pair.partition("=")
        if not sign:
            raise InvalidArguments(f"--arg {pair[:60]!r} is not name=value.")
        arguments[name] = _typed(operation, name, text)
    if request.dry_run:
        arguments[DRY_RUN] = True
    return arguments


def _typed(operation: Operation, name: str, text: str) -> Any:
    """Keep text where text is due, so that area 001 stays 001; else read JSON."""
    if operation.properties.get(name, {}).get("type") == "string":
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text
