"""Words as people use them: cut to what they share, without endings, accents and fillers. Pure."""

import re
import unicodedata
from collections.abc import Iterator
from functools import cache, lru_cache
from threading import Lock
from typing import Any

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_MANY = 20_000
_ONE_AT_A_TIME = Lock()
"""The stemmer keeps the word it works on in itself, and searches run in threads."""

_FILLERS = """
a about again all am an and any are as at be been by can could did do does every for from get
give had has have her here his how i id if in into is it its last latest like many me much my
need now of off on one or our out over own please she so some tell than that the their them then
there these they this those to today tomorrow up us want was we were what when where which who
whose why will with would you working your yesterday week month year monday tuesday wednesday
thursday friday next just soon aller alle als am an auf aus bei bitte das dem den der des die
ein eine einem einen einer eines er es fuer fur haben hat ich im ist mir mit nach sind uber und
uns unser unsere vom von welche welcher wer wie wir zu zum zur gibt heute morgen woche alla att
av de det dom ett en fran har hur i jag kan med mig min mina mitt mot nar ni och om pa ska som
till ut vad var vara vem vi vilka vilken forra vecka veckan idag imorgon snart inte
"""
FILLERS = frozenset(_FILLERS.split())


def words(text: str) -> Iterator[str]:
    """Take a text, or a name in camel or snake case, apart into stems; fillers are left out."""
    for found in _WORD.findall(plain(text)):
        word = found.lower()
        if word not in FILLERS:
            yield stem(word)


def plain(text: str) -> str:
    """Write a text without accents: Angebot für Müller as it would be typed in a hurry."""
    spelled = text.replace("ß", "ss").replace("ø", "o").replace("æ", "ae")
    return "".join(c for c in unicodedata.normalize("NFKD", spelled) if c.isascii())


@lru_cache(_MANY)
def stem(word: str) -> str:
    """Cut a word to its stem, the same way for tools and questions."""
    with _ONE_AT_A_TIME:
        found: str = _stemmer().stemWord(word)
    return found


@cache
def _stemmer() -> Any:
    """Load the rules of English with the first search; German and Swedish words are looked up."""
    from snowballstemmer import stemmer

    return stemmer("english")
