"""A dialog without effect that shows whether a person answers a client's dialogs: pure.

The text names one word of each of two lists, and the person chooses them. Whoever answers without
reading the text meets both words by chance: at best once in 64 times, because neither the first
nor the last word of a list is ever right.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from crm_mcp.forms import Filled, Form

LIST_LENGTH = 10
TITLE = "This is a test of your client program. Nothing is sent and nothing changes."
_FIELDS = {"first": "First word", "second": "Second word"}
_WORDS = (
    *("anchor", "basket", "candle", "desert", "engine", "feather", "garden", "hammer"),
    *("island", "jacket", "kettle", "ladder", "mirror", "needle", "orchard", "pencil"),
    *("quarry", "ribbon", "saddle", "tunnel", "umbrella", "violin", "window", "yard"),
)


@dataclass(frozen=True, slots=True)
class SelfTest:
    """One test: its id, the words to choose from, and the right ones, by field."""

    id: str
    lists: Mapping[str, tuple[str, ...]]
    right: Mapping[str, str]

    @property
    def form(self) -> Form:
        """What the person reads and fills in."""
        told = [f"{_FIELDS[name]}: {word}" for name, word in self.right.items()]
        lines = [
            TITLE,
            "It shows that you answer these dialogs, and not the program by itself.",
            "Choose these two words. What is to be written is shown to you next.",
            "",
            *told,
        ]
        properties = {
            name: {"type": "string", "title": _FIELDS[name], "enum": list(words)}
            for name, words in self.lists.items()
        }
        schema = {"type": "object", "properties": properties, "required": list(properties)}
        return Form("self_test", self.id, "\n".join(lines), schema)


def draw() -> SelfTest:
    """Make a new test that nobody can foresee."""
    chance = secrets.SystemRandom()
    words = chance.sample(_WORDS, LIST_LENGTH * len(_FIELDS))
    lists = {
        name: tuple(words[start * LIST_LENGTH : (start + 1) * LIST_LENGTH])
        for start, name in enumerate(_FIELDS)
    }
    right = {name: chance.choice(offered[1:-1]) for name, offered in lists.items()}
    return SelfTest(secrets.token_hex(8), lists, right)


def fault(right: Mapping[str, str], filled: Filled) -> str:
    """Say what is wrong with an accepted answer to a test; empty when it is right."""
    if filled.content is None:
        return "its answer to the test was no form"
    if not filled.content:
        return "it accepted the test without choosing"
    return "" if dict(filled.content) == dict(right) else "it chose other words than the test named"
