"""`crm-mcp demo`: a guided session on made-up data; needs no input and leaves nothing behind."""

import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mcp import Client
from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.rule import Rule

from crm_mcp.app import SANDBOX_ORIGIN, App, load_catalogue, open_app, sandbox_settings
from crm_mcp.catalogue.asks import CALL_WRITE
from crm_mcp.config import General, Settings
from crm_mcp.deciding import decide
from crm_mcp.guard import Mode
from crm_mcp.sandbox.app import Sandbox
from crm_mcp.server import build_server
from crm_mcp.testing import Decision, dialog

AREA = {"area": "001"}
PRODUCT = {"account": "1", "product": "Oak desk", "manufacturer": "Woodworks"}
WRITE = {
    **AREA,
    "customerProducts": [{**PRODUCT, "reference": "DEMO-1", "planQty": 12, "planVal": 4800}],
}
CLIENTS = {"company": 1, "search": "dental"}
ACCOUNTS = {"name": "%dental%", "X-Fields": "items{id,name,phone}"}
BAD_WRITE = {**AREA, "customerProducts": [{**PRODUCT, "planQty": "a dozen"}]}


async def demo() -> None:
    """Walk through a session: what is there, reads, a write in two ways, and refusals."""
    with TemporaryDirectory(prefix="crm-mcp-demo-") as folder:
        await Demo(Path(folder)).run()


class Demo:
    """One session, told step by step."""

    def __init__(self, folder: Path) -> None:
        self._console = Console(highlight=False, width=100, soft_wrap=False)
        self._catalogue = load_catalogue()
        self._sandbox = Sandbox(self._catalogue)
        self._folder = folder
        self._step = 0
        self._read: set[str] = set()

    async def run(self) -> None:
        """Tell the whole session."""
        self._say("Everything here runs in this process on made-up data. No CRM is contacted.")
        async with open_app(self._settings(Mode.CONFIRM), self._catalogue, self._sandbox) as app:
            await self._as_client_with_dialogs(app)
            await self._as_client_without_dialogs(app)
        async with open_app(self._settings(Mode.READ_ONLY), self._catalogue, self._sandbox) as app:
            await self._read_only(app)
            self._show_record(app)
        self._say("\nNext: `crm-mcp serve --sandbox` in your MCP client; see the README.")

    def _settings(self, mode: Mode) -> Settings:
        # Nobody here needs time to read: the person is part of the story.
        general = General(mode=mode, state_dir=self._folder, min_answer_seconds=0.0)
        return sandbox_settings(Settings(general=general), self._sandbox, SANDBOX_ORIGIN)

    async def _as_client_with_dialogs(self, app: App) -> None:
        asked = dialog(self._person_approves)
        async with Client(build_server(app), elicitation_callback=asked) as client:
            self._title("What an assistant sees")
            tools = (await client.list_tools()).tools
            for tool in tools:
                reads = tool.annotations is not None and tool.annotations.read_only_hint
                self._say(f"  {'read ' if reads else 'WRITE'}  {tool.name:42} {tool.title}")
            self._title("Reads answer at once")
            await self._call(client, "fivecrm_areas_list", {})
            await self._call(client, "fivecrm_owners_list", AREA)
            self._title("Other CRMs tell of the same company")
            found = await self._call(client, "interact_tasks_list", {})
            await self._call(client, "synergist_clients_list", CLIENTS)
            await self._call(client, "cirrus_accounts_list", ACCOUNTS)
            self._title("A mistake is explained before anything is sent")
            await self._call(client, "fivecrm_customer_products_import", BAD_WRITE)
            self._title("A write is shown to a person first")
            self._say("Once for each client, a test without effect comes before: it shows that a")
            self._say("person answers these dialogs. The person chooses the words it names.")
            await self._call(client, "fivecrm_customer_products_import", WRITE)
            self._title("Where a CRM shows the record, the person reads old and new")
            task = {"id": found["data"][0]["id"], "status": "completed"}
            await self._call(client, "interact_tasks_update", task)
            self._title("The CRM's own rules come back in plain words")
            await self._call(client, "fivecrm_customer_products_import", WRITE)

    async def _as_client_without_dialogs(self, app: App) -> None:
        update = {**AREA, "customerProducts": [{**PRODUCT, "reference": "DEMO-1", "actQty": 10}]}
        name = "fivecrm_customer_products_update"
        async with Client(build_server(app)) as client:
            self._title("A client without dialogs: a person decides in a terminal")
            await self._call(client, name, update)
            (waiting,) = app.ledger.waiting()
            self._say(f"A person runs [bold]crm-mcp approvals approve {waiting.id}[/], reads the")
            self._say("same preview, and types the word. The same call then runs, once:")
            decide(app.ledger, app.audit, waiting, "approved", "terminal:demo")
            await self._call(client, name, update)

    def _show_record(self, app: App) -> None:
        self._title("Every write and refusal is on record (crm-mcp audit show, audit verify)")
        for line in app.audit.lines():
            self._say(f"  {line['seq']:>2}  {line['event']:18} {_subject(line):34} {_status(line)}")
        self._say(f"  The chain holds: {app.audit.verify().lines} lines, as they were written.")

    async def _read_only(self, app: App) -> None:
        async with Client(build_server(app)) as client:
            self._title("Read-only mode (serve --read-only): writes are not listed, and refused")
            listed = [tool.name for tool in (await client.list_tools()).tools]
            self._say(f"  {len(listed)} tools are listed, none of them writes.")
            await self._call(client, "fivecrm_customer_products_import", WRITE)

    def _person_approves(self, preview: str) -> Decision:
        if preview in self._read:
            self._say("The person reads the same preview, and chooses [bold green]approve[/].")
        else:
            self._read.add(preview)
            self._console.print(Panel(escape(preview), title="The person reads", width=100))
            self._say("The person chooses [bold green]approve[/].")
        return "approve"

    async def _call(
        self, client: Client, name: str, arguments: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        listed = {tool.name for tool in (await client.list_tools()).tools}
        if name not in listed and CALL_WRITE in listed:
            self._say("It is not among the everyday tools that are listed; this calls any tool:")
            name, arguments = CALL_WRITE, {"name": name, "arguments": dict(arguments)}
        self._say(f"[bold cyan]→[/] {name} {escape(json.dumps(arguments))}")
        result = await client.call_tool(name, dict(arguments))
        shown = json.dumps(result.structured_content, ensure_ascii=False, indent=2)
        lines = shown.splitlines()
        more = f"\n    … {len(lines) - 14} more lines" if len(lines) > 16 else ""  # noqa: PLR2004
        shown = "\n    ".join(lines[:14] if more else lines)
        colour = "red" if result.is_error else "green"
        self._say(f"[bold {colour}]←[/] {escape(shown)}{more}")
        return result.structured_content or {}

    def _title(self, text: str) -> None:
        self._step += 1
        self._console.print()
        self._console.print(Rule(f"{self._step}. {text}", align="left"))

    def _say(self, text: str) -> None:
        self._console.print(text, soft_wrap=True)


def _subject(line: Mapping[str, Any]) -> str:
    return str(line.get("tool") or line["program"])


def _status(line: Mapping[str, Any]) -> str:
    return str(line.get("status") or line.get("by") or line.get("verdict") or "")
