"""`crm-mcp call`: one call through the same way as an assistant's."""

import json
import sys
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from crm_mcp.commands.setup import Setup, print_json
from crm_mcp.commands.terminal import TerminalAsker
from crm_mcp.entries import DRY_RUN
from crm_mcp.envelope import success
from crm_mcp.errors import ConfigError, InvalidArguments
from crm_mcp.operation import Operation
from crm_mcp.parties import Caller, silent
from crm_mcp.received import File, without_files

MAX_SAME_NAME = 100


@dataclass(frozen=True)
class CallRequest:
    """What was typed."""

    name: str
    pairs: tuple[str, ...] = ()
    json_arguments: str = "{}"
    dry_run: bool = False
    save: Path | None = None


async def call(setup: Setup, request: CallRequest) -> None:
    """Make the call and print its result as JSON.

    Raises:
        ToolFailure: what went wrong.
        ConfigError: the call was made, and a file that it brought cannot be saved.
    """
    async with setup.open() as app:
        operation = app.pipeline.registry.find(request.name)
        arguments = parse_arguments(operation, request)
        report = silent if operation.is_write else _progress
        caller = Caller(program="crm-mcp call", asker=TerminalAsker(), report=report)
        outcome = await app.pipeline.call(request.name, arguments, caller)
        if request.save is not None:
            put = partial(saved, request.save)
            outcome = replace(outcome, data=without_files(operation, outcome.data, put))
        account = app.pipeline.accounts[operation.vendor].label
        print_json(success(outcome, operation, account, setup.settings.general.max_result_chars))


async def _progress(message: str) -> None:
    """Tell somebody at a terminal how far it is; a script reads nothing of it."""
    if sys.stderr.isatty():
        sys.stderr.write(f"{message}\n")


def saved(folder: Path, file: File) -> str:
    """Write a file into a folder, under a name that is free there; gives its path.

    Raises:
        ConfigError: it cannot be written.
    """
    path = folder / file.name
    others = (path.with_stem(f"{path.stem} ({number})") for number in range(2, MAX_SAME_NAME))
    for free in (path, *others):
        try:
            with free.open("xb") as target:
                target.write(file.content)
        except FileExistsError:
            continue
        except OSError as error:
            raise ConfigError(f"no file can be saved in {folder}: {error.strerror}") from None
        return str(free)
    raise ConfigError(f"{folder} has too many files that are called {file.name}")


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
