"""Hostile texts, ids, answers and spellings of a secret: each with a name and a reason.

They stand in `entries/`, one group a file, in ASCII, so that nothing hides in the files either.
A `§` in a text is filled with so many times of a piece.
"""

import inspect
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

ENTRIES = Path(__file__).parent / "entries"
SECRET = 'k7!Zs/3+ö&Qw=9x"T'
GROUPS = ("imitations", "hidden", "terminal", "markup", "addresses")


@dataclass(frozen=True)
class Entry:
    """One hostile text, and what else its file says of it."""

    name: str
    text: str
    more: Mapping[str, Any]

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"<{self.name}>"


def entries(group: str) -> tuple[Entry, ...]:
    """Read one group."""
    raw = json.loads((ENTRIES / f"{group}.json").read_text(encoding="ascii"))
    return tuple(_entry(**fields) for fields in raw)


def _entry(*, name: str, text: str, fill: tuple[str, int] | None = None, **more: Any) -> Entry:
    if fill is not None:
        piece, times = fill
        text = text.replace("§", piece * times)
    return Entry(name, text, more)


def every(found: Iterable[Entry]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Run a test with each entry in turn, and name the one it fails with.

    One test for each entry would be a name for every text, at several times the cost.
    """
    found = tuple(found)

    def decorated(test: Callable[..., None]) -> Callable[..., None]:
        @wraps(test)
        def run(**fixtures: Any) -> None:
            for entry in found:
                try:
                    test(entry=entry, **fixtures)
                except BaseException as error:
                    error.add_note(f"with the entry {entry}")
                    raise

        kept = [one for one in inspect.signature(test).parameters.values() if one.name != "entry"]
        run.__signature__ = inspect.Signature(kept)  # type: ignore[attr-defined]
        return run

    return decorated


TEXTS = tuple(entry for group in GROUPS for entry in entries(group))
"""Everything that a person or a model can read, halves of character pairs included."""


def is_whole(text: str) -> bool:
    """Tell whether a text has no half of a character pair; arguments never have one."""
    return not any("\ud800" <= char <= "\udfff" for char in text)


WHOLE = tuple(entry for entry in TEXTS if is_whole(entry.text))
SHORT = tuple(entry.text for entry in WHOLE if len(entry.text) < 500)

ANY_TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
HOSTILE = st.lists(st.sampled_from(SHORT) | ANY_TEXT, min_size=1, max_size=4).map("".join)
"""Hostile texts, and what comes of putting several together."""

VALUES = st.recursive(
    HOSTILE | st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, width=32),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(HOSTILE, below, max_size=3),
    max_leaves=8,
)
