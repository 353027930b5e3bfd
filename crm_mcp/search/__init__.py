"""Finding tools by words: ranked, offline, forgiving of typing errors. Pure.

The rank is BM25 over the words of each tool, where a word counts more in a name than in a
description. What is asked is widened by what CRMs call it, and by the nearest known word.
"""

import difflib
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from crm_mcp.operation import Operation
from crm_mcp.search.meanings import LINES
from crm_mcp.search.words import stem, words

_NAME, _TITLE, _TEXT, _ARGUMENT, _EFFECT = 4.0, 3.0, 1.0, 0.4, 1.0
_MEANING, _NEAREST = 0.5, 0.7
_SATURATION, _LENGTH = 1.2, 0.5
_LIKE = 0.75
_COVERED = 0.6
_SHORTEST_TYPO = 4


@dataclass(frozen=True, slots=True)
class Hit:
    """A tool that was found, and how well it fits; scores compare within one answer only."""

    operation: Operation
    score: float


class ToolIndex:
    """The words of tools, ready to be searched."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._operations = tuple(operations)
        self._weights = [_weights(operation) for operation in self._operations]
        self._names = [frozenset(words(one.name)) for one in self._operations]
        lengths = [sum(weights.values()) for weights in self._weights]
        usual = sum(lengths) / max(1, len(lengths))
        self._lengths = [1 - _LENGTH + _LENGTH * length / max(1.0, usual) for length in lengths]
        self._holders: dict[str, list[int]] = defaultdict(list)
        for number, weights in enumerate(self._weights):
            for word in weights:
                self._holders[word].append(number)

    def find(self, asked: str, limit: int) -> list[Hit]:
        """Find the tools that fit best, the best first; none where no word is known."""
        wanted = [dict(self._widened(word)) for word in dict.fromkeys(words(asked))]
        scores: dict[int, float] = defaultdict(float)
        covered: Counter[int] = Counter()
        for meanings in wanted:
            for number, score in self._scores(meanings).items():
                scores[number] += score
                covered[number] += 1
        for number in scores:
            share = covered[number] / len(wanted)
            scores[number] *= share**_COVERED * self._fit(number, wanted)
        order = sorted(scores, key=lambda number: (-scores[number], number))
        return [Hit(self._operations[number], scores[number]) for number in order[:limit]]

    def _widened(self, word: str) -> Iterator[tuple[str, float]]:
        """Give what may be meant by one word, each with how sure that is."""
        for meaning in _meanings().get(word, ()):
            yield meaning, _MEANING
        if word in self._holders:
            yield word, 1.0
        elif word not in _meanings() and len(word) >= _SHORTEST_TYPO:
            known = [*self._holders, *_meanings()]
            for near in difflib.get_close_matches(word, known, n=2, cutoff=_LIKE):
                for meaning in _meanings().get(near, ()):
                    yield meaning, _MEANING * _NEAREST
                yield near, _NEAREST

    def _scores(self, meanings: Mapping[str, float]) -> dict[int, float]:
        """Score one asked word: of its meanings, the one that fits a tool best counts."""
        best: dict[int, float] = {}
        for word, sureness in meanings.items():
            holders = self._holders.get(word, ())
            rarity = math.log(1 + len(self._operations) / (1 + len(holders)))
            for number in holders:
                weight = self._weights[number][word]
                part = weight / (weight + _SATURATION * self._lengths[number])
                best[number] = max(best.get(number, 0.0), sureness * rarity * part)
        return best

    def _fit(self, number: int, wanted: list[dict[str, float]]) -> float:
        """Prefer the tool whose name says nothing that was not asked for."""
        asked = {word for meanings in wanted for word in meanings}
        name = self._names[number]
        return 0.7 + 0.3 * len(name & asked) / max(1, len(name))


def _weights(operation: Operation) -> Mapping[str, float]:
    """Weigh the words of one tool by where they stand."""
    found: dict[str, float] = defaultdict(float)
    properties: Mapping[str, Any] = operation.input_schema.get("properties", {})
    parts = (
        (_NAME, operation.name),
        (_TITLE, operation.title),
        (_TEXT, operation.description),
        (_ARGUMENT, " ".join(properties)),
        (_EFFECT, operation.effect),
    )
    for weight, text in parts:
        for word in set(words(text)):
            found[word] += weight
    return found


@cache
def _meanings() -> Mapping[str, tuple[str, ...]]:
    """Read the lists of meanings; words that stand in several lines have all of their meanings."""
    found: dict[str, list[str]] = defaultdict(list)
    for line in LINES.strip().splitlines():
        said, _, meant = line.partition("=")
        for word in said.split():
            found[stem(word)] += [stem(other) for other in meant.split()]
    return {word: tuple(dict.fromkeys(meant)) for word, meant in found.items()}
