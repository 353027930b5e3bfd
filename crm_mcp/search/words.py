"""Words as people use them: cut to what they share, without endings, accents and fillers. Pure."""

import re
import unicodedata
from collections.abc import Iterator

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_SHORTEST_STEM = 3

_FILLERS = """
a about all an and any are as at be been by can could did do does every for from get give
had has have her here his how i id if in into is it its last latest like look me my need now
of off on one or our out over own please she show so some tell than that the their them then
there these they this those to today up us want was we were what when where which who whose
why will with would you your aller alle als am auf aus bei bitte das dem den der des die ein
eine einem einen einer eines er es fuer haben hat ich im ist mir mit nach sind uber und uns
unser unsere vom von welche wer wie wir zu zum zur alla att av de det dom ett en fran har
hur jag kan med mig min mitt mot nar ni och om pa ska som till ut vad var vara vem vi vilka
vilken
"""
FILLERS = frozenset(_FILLERS.split())


def words(text: str) -> Iterator[str]:
    """Take a text, or a name in camel or snake case, apart into stems; fillers are left out."""
    for found in _WORD.findall(_plain(text)):
        word = found.lower()
        if word not in FILLERS:
            yield stem(word)


def _plain(text: str) -> str:
    """Write a text without accents: Angebot für Müller as it would be typed in a hurry."""
    spelled = text.replace("ß", "ss").replace("ø", "o").replace("æ", "ae")
    return "".join(c for c in unicodedata.normalize("NFKD", spelled) if c.isascii())


def stem(word: str) -> str:
    """Cut the usual English endings, the same way for tools and questions."""
    for ending, other in (
        ("ies", "y"),
        ("sses", "ss"),
        ("xes", "x"),
        ("ches", "ch"),
        ("shes", "sh"),
        ("ss", "ss"),
        ("us", "us"),
        ("s", ""),
        ("ing", ""),
        ("ed", ""),
    ):
        if word.endswith(ending) and len(word) - len(ending) + len(other) >= _SHORTEST_STEM:
            cut = word[: len(word) - len(ending)] + other
            doubled = ending in ("ing", "ed") and cut[-1] == cut[-2] and cut[-1] not in "ls"
            return (cut[:-1] if doubled else cut).removesuffix("e")
    return word if len(word) <= _SHORTEST_STEM else word.removesuffix("e")
