"""Finding tools by words: ranked, offline, forgiving of typing errors. Pure.

The rank is BM25 over the words of each tool, where a word counts more in a name than in a
description. What is asked is widened by what CRMs call it, and by the nearest known word.
"""

import difflib
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from crm_mcp.operation import Operation
from crm_mcp.search.question import Question, is_action, known_words, meanings_of, read
from crm_mcp.search.words import words

_NAME, _TITLE, _SAID, _TEXT, _ARGUMENT = 4.0, 3.0, 4.0, 0.5, 0.8
_MEANING, _NEAREST = 0.5, 0.7
_SATURATION, _LENGTH = 2.0, 0.6
_LIKE = 0.8
_COVERED = 1.2
_SHORTEST_TYPO = 4
_SHORTEST_PART = 5
_OTHER_EFFECT, _UNASKED_WRITE, _OF_ONE = 0.35, 0.75, 0.65
_OTHER_VENDOR = 0.3
_PLAIN_VERBS = frozenset({"list", "get", "create", "update", "delete"})


@dataclass(frozen=True, slots=True)
class Hit:
    """A tool that was found, and how well it fits; scores compare within one answer only."""

    operation: Operation
    score: float


class ToolIndex:
    """The words of tools, ready to be searched.

    Args:
        operations: what can be found.
        said: for each CRM what people call its things, by the tool's name or what it begins with,
            without the CRM's id: `accounts`, `accounts_merge`.
    """

    def __init__(
        self, operations: Iterable[Operation], said: Mapping[str, Mapping[str, str]]
    ) -> None:
        self._operations = tuple(operations)
        self._vendors = {one.vendor for one in self._operations}
        told = [_said(one, said.get(one.vendor, {})) for one in self._operations]
        said_words = [frozenset(words(text)) for text in told]
        self._weights = [
            _weights(one, text) for one, text in zip(self._operations, told, strict=True)
        ]
        self._names = [frozenset(_name_words(one)) for one in self._operations]
        self._named = frozenset(
            word for number, name in enumerate(self._names) for word in (*name, *said_words[number])
        )
        names = {one.name for one in self._operations}
        self._of_one = {f"{name.removesuffix('_list')}_get" for name in names} & names
        lengths = [sum(weights.values()) for weights in self._weights]
        usual = sum(lengths) / max(1, len(lengths))
        self._lengths = [1 - _LENGTH + _LENGTH * length / max(1.0, usual) for length in lengths]
        self._holders: dict[str, list[int]] = defaultdict(list)
        for number, weights in enumerate(self._weights):
            for word in weights:
                self._holders[word].append(number)

    def find(self, asked: str, limit: int) -> list[Hit]:
        """Find the tools that fit best, the best first; none where no word is known."""
        question = read(asked, self._vendors)
        wanted = [dict(self._widened(word)) for word in question.words if self._counts(word)]
        scores: dict[int, float] = defaultdict(float)
        covered: Counter[int] = Counter()
        for meanings in wanted:
            for number, score in self._scores(meanings).items():
                scores[number] += score
                covered[number] += 1
        for number in scores:
            share = covered[number] / len(wanted)
            fit = self._fit(number, wanted) * self._intent(number, question)
            scores[number] *= share**_COVERED * fit
        order = sorted(scores, key=lambda number: (-scores[number], number))
        return [Hit(self._operations[number], scores[number]) for number in order[:limit]]

    def _counts(self, word: str) -> bool:
        """Leave out what only says that something is done, unless tools are named after it."""
        return not is_action(word) or bool(meanings_of(word)) or word in self._named

    def _widened(self, word: str) -> Iterator[tuple[str, float]]:
        """Give what may be meant by one word, each with how sure that is."""
        for meaning in meanings_of(word):
            yield meaning, _MEANING
        if word in self._holders:
            yield word, 1.0
        elif not meanings_of(word) and len(word) >= _SHORTEST_TYPO:
            for near in self._like(word):
                for meaning in meanings_of(near):
                    yield meaning, _MEANING * _NEAREST
                yield near, _NEAREST

    def _like(self, word: str) -> list[str]:
        """Find known words for an unknown one: what it is made of, else what it may be meant for.

        Germans and Swedes write words together: Kundenbesuch is a Besuch.
        """
        known = {*self._holders, *known_words()}
        parts = [one for one in known if len(one) >= _SHORTEST_PART and _is_part(one, word)]
        begin_alike = sorted(one for one in known if one[0] == word[0])  # few mistype that
        return parts or difflib.get_close_matches(word, begin_alike, n=2, cutoff=_LIKE)

    def _scores(self, meanings: Mapping[str, float]) -> dict[int, float]:
        """Score one asked word: of its meanings, the one that fits a tool best counts."""
        best: dict[int, float] = {}
        for word, sureness in meanings.items():
            holders = self._holders.get(word, ())
            rarity = math.log((1 + len(self._operations)) / (0.5 + len(holders)))
            for number in holders:
                weight = self._weights[number][word]
                part = weight / (weight + _SATURATION * self._lengths[number])
                best[number] = max(best.get(number, 0.0), sureness * rarity * part)
        return best

    def _fit(self, number: int, wanted: list[dict[str, float]]) -> float:
        """Prefer the tool whose name says nothing that was not asked for."""
        name = self._names[number]
        asked = {word for meanings in wanted for word in meanings}
        told = sum(not name.isdisjoint(meanings) for meanings in wanted)
        return 0.5 + 0.5 * min(told, len(name & asked)) / max(1, len(name))

    def _intent(self, number: int, question: Question) -> float:
        """Prefer tools that do what was asked: read where nothing else was, in the CRM named."""
        operation = self._operations[number]
        fit = 1.0
        if question.vendor and operation.vendor != question.vendor:
            fit *= _OTHER_VENDOR
        if not question.is_of_one and operation.name in self._of_one:
            fit *= _OF_ONE
        if question.effects:
            return fit if operation.effect in question.effects else fit * _OTHER_EFFECT
        return fit if operation.effect == "read" else fit * _UNASKED_WRITE


def _is_part(part: str, word: str) -> bool:
    return word.startswith(part) or (word.endswith(part) and len(part) > _SHORTEST_PART)


def _name_words(operation: Operation) -> list[str]:
    """Give the words of a name: without the CRM, and without a verb that the effect says too."""
    noun, _, verb = operation.name.removeprefix(f"{operation.vendor}_").rpartition("_")
    return [*words(noun if verb in _PLAIN_VERBS else f"{noun} {verb}")]


def _said(operation: Operation, words_of: Mapping[str, str]) -> str:
    """Give what people call what a tool is about."""
    name = operation.name.removeprefix(f"{operation.vendor}_")
    return " ".join(words_of.get(key, "") for key in (name, name.rpartition("_")[0]))


def _weights(operation: Operation, said: str) -> Mapping[str, float]:
    """Weigh the words of one tool by where they stand."""
    found: dict[str, float] = defaultdict(float)
    properties: Mapping[str, Any] = operation.input_schema.get("properties", {})
    parts = (
        (_NAME, operation.name),
        (_TITLE, operation.title),
        (_SAID, said),
        (_TEXT, operation.description),
        (_ARGUMENT, " ".join(properties)),
    )
    for weight, text in parts:
        for word in set(words(text)):
            found[word] += weight
    return found
