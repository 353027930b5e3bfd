"""Values that are known to be personal, found again wherever a text repeats them. Pure.

A CRM repeats what it was sent in its errors, and its notes name the people of the record they
belong to. No pattern tells a name, so each is looked up by how its first word begins.
"""

import html
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple
from urllib.parse import quote, quote_plus

from crm_mcp.private import Span

_WORD = re.compile(r"\w+")
_BLANK = re.compile(r"\w\W+\w")
_CUT = 4
"""So many characters of a value that was cut off still count as it."""


class _Phrase(NamedTuple):
    """A value as it may be written: where its first word begins in it, and what it stands for."""

    written: str
    word_at: int
    kind: str
    value: str
    exact: bool


class Known:
    """The personal values of one call."""

    def __init__(self) -> None:
        self._by_word: defaultdict[str, list[_Phrase]] = defaultdict(list)
        self._values: set[tuple[str, str]] = set()

    def add(self, kind: str, value: str) -> None:
        """Remember a value that went into the call: the CRM may repeat it in any spelling."""
        self._add(kind, value, _spellings(value), exact=False)

    def add_name(self, kind: str, value: str) -> None:
        """Remember a name that the answer tells; a single one may also be a word, as Will is."""
        self._add(kind, value, (value, html.escape(value)), exact=not _BLANK.search(value))

    def _add(self, kind: str, value: str, spellings: Iterable[str], *, exact: bool) -> None:
        if (kind, value) in self._values:
            return
        self._values.add((kind, value))
        for written in dict.fromkeys(spellings):
            word = _WORD.search(written)
            if word:
                phrase = _Phrase(written, word.start(), kind, value, exact)
                self._by_word[_begin(word)].append(phrase)

    def spans(self, text: str, *, singles: bool = True, cut: bool = True) -> Iterator[Span]:
        """Find the values in a text.

        Args:
            text: to be searched.
            singles: false where a single name is no person's, as in the name of a company.
            cut: false where what begins like a value is another one, as in a code.
        """
        if not self._by_word:
            return
        for word in _WORD.finditer(text):
            for phrase in self._by_word.get(_begin(word), ()):
                start = word.start() - phrase.word_at
                end = _end(text, start, phrase, cut=cut) if singles or not phrase.exact else 0
                if end:
                    yield Span(start, end, phrase.kind, phrase.value)


def _begin(word: re.Match[str]) -> str:
    return word[0][:_CUT].casefold()


def _spellings(value: str) -> Iterator[str]:
    """List how a value may be written: plain, in JSON, in HTML, in an address."""
    yield value
    yield json.dumps(value)[1:-1]
    yield json.dumps(value, ensure_ascii=False)[1:-1]
    yield html.escape(value)
    yield quote(value, safe="", errors="replace")
    yield quote_plus(value, errors="replace")


def _end(text: str, start: int, phrase: _Phrase, *, cut: bool) -> int:
    """Find where a phrase ends that may begin at a place; 0 where it does not stand there."""
    if start < 0:
        return 0
    piece = text[start : start + len(phrase.written)]
    if _same(piece, phrase.written, exact=phrase.exact):
        end = start + len(piece)
        return 0 if text[end : end + 1].isalnum() and piece[-1].isalnum() else end
    if not cut:
        return 0
    piece = piece.partition("…")[0]
    is_cut = start + len(piece) == len(text) or text[start + len(piece)] == "…"
    begins = _same(piece, phrase.written[: len(piece)], exact=phrase.exact)
    return start + len(piece) if is_cut and len(piece) >= _CUT and begins else 0


def _same(one: str, other: str, *, exact: bool) -> bool:
    return one == other or (not exact and one.casefold() == other.casefold())
