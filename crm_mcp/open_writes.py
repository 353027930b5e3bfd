"""The writes that the record knows the beginning of, and nobody the end.

They stand in the state, beside the anchor of the record and under the same lock: a start
finds them without reading the record.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from crm_mcp.state import Tables

OPEN = "open_writes"

NO_ANSWER = "it was begun, and nothing says how it ended"
NO_CLEAR_ANSWER = "the CRM gave no clear answer"


@dataclass(frozen=True, slots=True)
class OpenWrite:
    """A write whose outcome is not known; `line` is the one that was recorded before sending.

    `process` names the one that sends it; it is empty when nobody does any more.
    """

    number: int
    line: Mapping[str, Any]
    process: str
    answered: bool

    @property
    def why(self) -> str:
        """Why nobody knows."""
        return NO_CLEAR_ANSWER if self.answered else NO_ANSWER

    def as_sentence(self) -> str:
        """Tell an operator which write it is, and what to do."""
        line = self.line
        approval = f", approval {line['approval']}" if "approval" in line else ""
        return (
            f"unknown write {self.number}: {line['tool']} at {line['at']} to {line['account']}"
            f"{approval}: {self.why}. Look in the CRM, then: crm-mcp audit close {self.number}"
        )

    def as_dict(self) -> dict[str, Any]:
        """Write what somebody needs who looks in the CRM."""
        told = ("at", "tool", "account", "caller", "approval", "undoes", "records")
        facts = {name: self.line[name] for name in told if name in self.line}
        return {"number": self.number, **facts, "why": self.why}


def note(tables: Tables, entry: Mapping[str, Any], process: str) -> None:
    """Follow one line of the record.

    Args:
        tables: within the transaction that adds the line.
        entry: the line.
        process: the name of the one that sends, where the line says that something is sent.
    """
    event, key = entry["event"], str(entry.get("of", entry["seq"]))
    if event == "sending":
        tables.put(OPEN, key, {"line": dict(entry), "process": process, "answered": False})
    elif event == "result" and entry.get("status") == "unknown":
        if row := tables.get(OPEN, key):
            tables.put(OPEN, key, {**row, "process": "", "answered": True})
    elif event in ("result", "looked_at"):
        tables.delete(OPEN, key)


def listed(tables: Tables) -> list[OpenWrite]:
    """List all of them, those included that are being sent now; the oldest first."""
    every = [OpenWrite(int(key), **row) for key, row in tables.rows(OPEN).items()]
    return sorted(every, key=lambda write: write.number)
