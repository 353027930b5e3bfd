"""A preview as a page shows it: the same text, cut into blocks, with what changes marked.

Every character of the preview is kept, in its order. Marks are decoration: where a line does not
look like one of ours it is shown as it stands.
"""

import json
import re
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from crm_mcp.preview import visible

_RECORD = "Record: "
_ARROW = re.compile(" (?:becomes )?→ ")
_NO_VALUES = ("nothing", "?")
_NAMED = re.compile(r'(?P<name>[^"]+?)(?P<joint>: | = )(?P<value>.+)')
_NOTES = re.compile(r"(?: \([^()]*\))*")
_JSON = json.JSONDecoder()

Mark = Literal["text", "name", "value", "old", "new"]


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a line, and what it is."""

    mark: Mark
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """One line without its indentation, which is counted in spaces."""

    indent: int
    parts: tuple[Part, ...]

    @property
    def is_difference(self) -> bool:
        """Whether the line says what changes in a record."""
        return any(part.mark in ("old", "new") for part in self.parts)


@dataclass(frozen=True, slots=True)
class Block:
    """Lines that belong together, below a title where they have one."""

    title: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """A whole preview: its sentence, which is its first line, and everything after it."""

    sentence: str
    blocks: tuple[Block, ...]


def read(preview: str) -> Reading:
    """Cut a preview into blocks, at its empty lines."""
    sentence, *rest = (visible(line) for line in preview.split("\n"))
    groups = [tuple(lines) for filled, lines in groupby(rest, bool) if filled]
    return Reading(sentence, tuple(_block(lines) for lines in groups))


def sentence(preview: str) -> str:
    """Give the first line of a preview."""
    return visible(preview.partition("\n")[0])


def _block(lines: tuple[str, ...]) -> Block:
    has_title = len(lines) > 1 and not lines[0].startswith(" ") and lines[1].startswith(" ")
    title = lines[0] if has_title else ""
    in_record = title.startswith(_RECORD)
    return Block(title, tuple(_line(line, in_record=in_record) for line in lines[has_title:]))


def _line(line: str, *, in_record: bool) -> Line:
    text = line.lstrip(" ")
    parts = (_difference(text) if in_record else None) or _named(text)
    return Line(len(line) - len(text), parts)


def _named(text: str) -> tuple[Part, ...]:
    found = _NAMED.fullmatch(text)
    if found is None:
        return (Part("value", text),)
    return Part("name", found["name"]), Part("text", found["joint"]), Part("value", found["value"])


def _difference(text: str) -> tuple[Part, ...] | None:
    """Read `name: old → new (notes)`; a name may itself hold a colon, so each is tried."""
    for colon in re.finditer(": ", text):
        before = _value_end(text, colon.end())
        arrow = _ARROW.match(text, before) if before is not None else None
        if arrow is None:
            continue
        start = arrow.end()
        after = _value_end(text, start)
        if after is not None and _NOTES.fullmatch(text, after):
            return (
                Part("name", text[: colon.start()]),
                Part("text", ": "),
                _side("old", text[colon.end() : before]),
                Part("text", arrow[0]),
                _side("new", text[start:after]),
                Part("text", text[after:]),
            )
    return None


def _side(mark: Literal["old", "new"], text: str) -> Part:
    return Part("text" if text in _NO_VALUES else mark, text)


def _value_end(text: str, start: int) -> int | None:
    """Find where a quoted value ends that begins here."""
    for word in _NO_VALUES:
        if text.startswith(word, start):
            return start + len(word)
    try:
        return _JSON.raw_decode(text, start)[1]
    except (ValueError, RecursionError):
        return None
