"""What is asked for: the words that count, what shall be done, and in which CRM. Pure."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from crm_mcp.search.meanings import ASKING, EFFECTS, LINES, MAYBE, PHRASES
from crm_mcp.search.words import plain, stem, words

_READ = frozenset({"read"})
_OF_ONE = re.compile(
    r"\b(this(?! (week|month|year|quarter|morning|time))|one|single|number|id|details?|certain)\b"
)
_PARTICIPLE = re.compile(r"(ing|ed)$")


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody wants to do, taken apart."""

    words: tuple[str, ...]
    effects: frozenset[str]
    vendor: str
    is_of_one: bool


def read(asked: str, vendors: Collection[str]) -> Question:
    """Take a question apart."""
    text = plain(asked).lower()
    vendor, text = _vendor(text, vendors)
    for phrase, word in _phrases():
        text = phrase.sub(f" {word} ", text)
    found = tuple(dict.fromkeys(words(text)))
    return Question(found, _asked_effects(found, text), vendor, bool(_OF_ONE.search(text)))


def _asked_effects(found: Sequence[str], text: str) -> frozenset[str]:
    """Tell what is to be done; nothing, where nothing says so.

    A sentence that begins by asking wants to read, whatever it says that others did. In any other
    a word for writing wins: to make a list is not to list.
    """
    spoken = re.findall(r"[a-z]+", text)
    if spoken and spoken[0] in ASKING and not _is_how_to(spoken):
        return _READ
    told = [stem(word) for at, word in enumerate(spoken) if at == 0 or not _PARTICIPLE.search(word)]
    asked = frozenset(effect for word in told for effect in _effects().get(word, ()))
    if asked:
        return asked - _READ or _READ
    if not ASKING.isdisjoint(spoken):
        return _READ
    return frozenset(effect for word in found for effect in _maybe().get(word, ()))


def _is_how_to(spoken: Sequence[str]) -> bool:
    """Tell "how do I add a note" from "how many notes are there"."""
    return spoken[:2] in (["how", "do"], ["how", "can"], ["how", "to"]) or spoken[0] == "wie"


def is_action(word: str) -> bool:
    """Tell whether a word says what is to be done, rather than with what."""
    return word in _effects() or word in _maybe()


def meanings_of(word: str) -> tuple[str, ...]:
    """Give what the CRMs call it."""
    return _meanings().get(word, ())


def known_words() -> Iterator[str]:
    """Give all words that have meanings."""
    yield from _meanings()


def _vendor(text: str, vendors: Collection[str]) -> tuple[str, str]:
    """Find the CRM that is named, however it is spelled, and take its name out."""
    for vendor in sorted(vendors):
        spelled = re.compile(rf"\b(in |in the |from |im |i )?{_spelling(vendor)}\b")
        if spelled.search(text):
            return vendor, spelled.sub(" ", text)
    return "", text


def _spelling(vendor: str) -> str:
    """Spell an id as people write the name: fivecrm as five crm."""
    name = vendor.removesuffix("crm")
    crm = r"[ -]?crm" if name != vendor else r"([ .-]?(crm|io|2))?"
    return re.escape(name) + crm


@cache
def _phrases() -> tuple[tuple[re.Pattern[str], str], ...]:
    """Read the table of words that mean something else together."""
    lines = (line.partition("=") for line in PHRASES.strip().splitlines())
    return tuple(
        (
            re.compile(r"\b" + said.strip().replace(" ", r"\W+(?:\w+\W+){0,2}?") + r"\b"),
            meant.strip(),
        )
        for said, _, meant in lines
    )


@cache
def _effects() -> Mapping[str, tuple[str, ...]]:
    return _read(EFFECTS, stem_meant=False)


@cache
def _maybe() -> Mapping[str, tuple[str, ...]]:
    return _read(MAYBE, stem_meant=False)


@cache
def _meanings() -> Mapping[str, tuple[str, ...]]:
    """Read the lists of meanings; words that stand in several lines have all of their meanings."""
    return _read(LINES)


def _read(lines: str, *, stem_meant: bool = True) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, list[str]] = defaultdict(list)
    for line in lines.strip().splitlines():
        said, _, meant = line.partition("=")
        for word in said.split():
            found[stem(word)] += [stem(other) if stem_meant else other for other in meant.split()]
    return {word: tuple(dict.fromkeys(meant)) for word, meant in found.items()}
