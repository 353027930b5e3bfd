"""For people who script the tools: an MCP client connected to the sandbox, in one line.

    async with sandbox_client() as client:
        result = await client.call_tool("fivecrm_areas_list", {})

Nothing leaves the process, every session begins with the same made-up data, and approvals and
the record of writes stand in a temporary folder. `crm_mcp.testing.fixtures` has it for pytest.
"""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal

from mcp import Client
from mcp_types import ElicitRequestFormParams, ElicitRequestURLParams, ElicitResult

from crm_mcp.app import SANDBOX_ORIGIN, load_catalogue, open_app, sandbox_settings
from crm_mcp.config import General, Settings
from crm_mcp.sandbox.app import Sandbox
from crm_mcp.selftest import TITLE
from crm_mcp.server import build_server

if TYPE_CHECKING:
    from mcp.client.session import ElicitationFnT

_TYPED = re.compile(r"^To approve, type: (\S+)\Z", re.MULTILINE)
_CHOSEN = re.compile(r"^([^:\n]+): (\S+)$", re.MULTILINE)

Decision = Literal["approve", "reject"]
Person = Callable[[str], Decision]
"""Somebody who reads a preview and decides."""


@asynccontextmanager
async def sandbox_client(
    *,
    mode: Literal["read_only", "confirm", "unattended"] = "unattended",
    person: Person | None = None,
    protocol: str = "auto",
    sandbox: Sandbox | None = None,
    **settings: Any,
) -> AsyncIterator[Client]:
    """Connect an MCP client to a server over the sandbox, all in this process.

    Args:
        mode: how writes are treated; `unattended` runs them without asking.
        person: who answers the dialogs of mode `confirm`; None is a client without dialogs.
        protocol: `auto` for the newest revision, `legacy` for the ones with a handshake.
        sandbox: one of your own, to plan faults or read its log.
        settings: general settings by their names in lower case, such as `max_bulk=5`.
    """
    catalogue = load_catalogue()
    sandbox = sandbox or Sandbox(catalogue)
    with TemporaryDirectory(prefix="crm-mcp-") as folder:
        # The person is a function, and quicker than anybody.
        quick = {"min_answer_seconds": 0.0}
        given = {"state_dir": Path(folder), "mode": mode, **quick, **settings}
        general = General.model_validate(given)
        connected = sandbox_settings(Settings(general=general), sandbox, SANDBOX_ORIGIN)
        async with (
            open_app(connected, catalogue, sandbox) as app,
            Client(
                build_server(app),
                mode=protocol,
                elicitation_callback=dialog(person) if person else None,
            ) as client,
        ):
            yield client


def dialog(person: Person) -> "ElicitationFnT":
    """Make the dialog of a client: shows the preview to a person and sends the decision.

    Who approves also types the word, where the preview asks for one. The test that a new client
    is shown first is answered by what its text says; the person is not asked about it.
    """

    async def ask(context: object, params: object) -> ElicitResult:  # noqa: ARG001
        if isinstance(params, ElicitRequestURLParams):
            return ElicitResult(action="decline")  # nobody is there to open a page
        message = params.message if isinstance(params, ElicitRequestFormParams) else ""
        if isinstance(params, ElicitRequestFormParams) and message.startswith(TITLE):
            return ElicitResult(action="accept", content=_choose(params))
        decision = person(message)
        word = _TYPED.search(message)
        typed = {"word": word[1]} if word and decision == "approve" else {}
        return ElicitResult(action="accept", content={"decision": decision, **typed})

    return ask


def _choose(test: ElicitRequestFormParams) -> dict[str, Any]:
    """Find in a test's text the word for each field, by the field's title."""
    words = dict(_CHOSEN.findall(test.message))
    fields = test.requested_schema["properties"]
    return {name: words[field["title"]] for name, field in fields.items()}
