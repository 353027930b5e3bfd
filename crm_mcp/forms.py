"""The forms that dialogs show, and how an answer to a question is read: pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from crm_mcp.ledger import Approval

FormKind = Literal["decision", "self_test"]


@dataclass(frozen=True, slots=True)
class Form:
    """What a dialog shows: a text, and a JSON Schema of what is filled in."""

    kind: FormKind
    id: str
    text: str
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Filled:
    """What came back for the form of this id.

    `content` is None where the client sent no form at all. `seconds` passed between showing the
    form and its answer.
    """

    id: str
    accepted: bool
    content: Mapping[str, Any] | None
    seconds: float


def question_form(approval: Approval) -> Form:
    """Make the form of a question: a choice without a default, and the word where one is typed."""
    decision = {
        "type": "string",
        "title": "Your decision",
        "description": "Choose approve to send exactly this request; anything else stops it.",
        "enum": ["approve", "reject"],
    }
    properties: dict[str, Any] = {"decision": decision}
    if approval.word:
        properties["word"] = {
            "type": "string",
            "title": "Confirm by typing",
            "description": f"To approve, type: {approval.word}",
        }
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return Form("decision", approval.id, approval.preview, schema)


def agrees(filled: Filled, approval: Approval) -> bool:
    """Tell a yes from all else: only an accepted form with exactly what was asked for is one."""
    if not filled.accepted or filled.content is None:
        return False
    content = dict(filled.content)
    typed = str(content.pop("word", ""))
    return content == {"decision": "approve"} and approval.word_fits(typed)


def unread(filled: Filled, approval: Approval, quickest: float) -> str:
    """Say what shows that nobody read the question before accepting; empty when nothing does.

    A wrong word may be a slip, and a quick no does no harm: neither shows anything.

    Args:
        filled: the answer.
        approval: the question.
        quickest: seconds that a person needs at least; 0 believes any speed.
    """
    if not filled.accepted or filled.content is None:
        return ""
    if not filled.content:
        return "it accepted a question without choosing"
    decision = filled.content.get("decision")
    if decision == "reject":
        return ""
    if approval.word and decision == "approve" and not _typed(filled.content):
        return "it approved without the word that was to be typed"
    return too_quick(filled, quickest)


def too_quick(filled: Filled, quickest: float) -> str:
    """Say that no person answers this fast; empty when one may.

    Less than nothing says only that the clocks of two machines differ, and nothing of a client.
    """
    if filled.seconds >= quickest or filled.seconds < 0:
        return ""
    return f"it answered after {filled.seconds:.3f} seconds"


def _typed(content: Mapping[str, Any]) -> str:
    return str(content.get("word") or "").strip()
