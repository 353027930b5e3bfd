"""Other processes on this machine, which share a state folder and a CRM, and may come to harm."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crm_mcp.audit import Audit
from crm_mcp.ledger import Ledger
from crm_mcp.sandbox.app import Sandbox
from crm_mcp.state import StateFolder

WRITE = "fivecrm_customer_products_import"
PRODUCT = {"account": "1", "product": "Oak desk", "manufacturer": "Woodworks"}
IMPORT = {"area": "001", "customerProducts": [{**PRODUCT, "reference": "T-1"}]}
CALL = ("call", WRITE, "--json", json.dumps(IMPORT))
READ = ("call", "fivecrm_areas_list")
NOT_APPROVED = 4
KILLED = 9


@dataclass(frozen=True)
class Ended:
    """How a process ended, and what it said."""

    code: int
    out: str
    err: str


class Machine:
    """Starts `crm-mcp` in processes of their own.

    Args:
        folder: where they keep their state.
        sandbox: the CRM.
        origin: where the CRM listens.
        settings: further settings, by their variables.
    """

    def __init__(self, folder: Path, sandbox: Sandbox, origin: str, **settings: str) -> None:
        given = sandbox.settings("fivecrm", origin)
        self.folder = folder
        self.sandbox = sandbox
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("CRM_")},
            "CRM_MCP_STATE_DIR": str(folder),
            "CRM_MCP_FIVECRM_BASE_URL": given["base_url"],
            "CRM_MCP_FIVECRM_HASH": given["hash"],
            **settings,
        }
        self.ledger = Ledger(StateFolder(folder))
        self.audit = Audit(StateFolder(folder))

    def start(self, *command: str, sabotage: str = "") -> subprocess.Popen[str]:
        """Start a command, in a process that may do itself harm on the way."""
        script = f"{sabotage}\nfrom crm_mcp.cli import cli; cli({command!r})"
        return subprocess.Popen(  # noqa: S603 - our own interpreter and script
            [sys.executable, "-P", "-c", script],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *command: str, sabotage: str = "") -> Ended:
        """Run a command to its end."""
        process = self.start(*command, sabotage=sabotage)
        out, err = process.communicate(timeout=60)
        return Ended(process.returncode, out, err)

    def call(self, sabotage: str = "") -> int:
        """Call the write; gives the exit code."""
        return self.run(*CALL, sabotage=sabotage).code

    def approve(self) -> str:
        """Have a person approve what waits; gives its id."""
        (waiting,) = self.ledger.waiting()
        return self.ledger.decide(waiting.id, "approved", "a person").id

    @property
    def writes(self) -> int:
        """How many writes the CRM has carried out."""
        return sum(seen.changed for seen in self.sandbox.log)

    @property
    def events(self) -> list[Any]:
        """What the record says has happened."""
        return [line["event"] for line in self.audit.lines()]
