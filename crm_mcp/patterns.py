"""How addresses, numbers and links look in a text: one place for all who search for them. Pure."""

import re
from collections.abc import Iterator

# It begins where nothing of its kind stands before it, so that no text takes long to search.
EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")
URL = re.compile(r"https?://[^\s\"'<>]{4,300}")
DIGITS = re.compile(r"\d\d")

GAP = r" ()/.\u00a0\u202f\u2010-\u2013-"
"""What may stand between the digits of a telephone number, for a set of characters."""
PHONE = re.compile(rf"\+?\d[\d{GAP}]{{5,20}}\d")

_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}(?![A-Z0-9])")
_IBAN_SHORTEST = 15
_IBAN_MODULUS = 97


def ibans(text: str) -> Iterator[tuple[int, int]]:
    """Find international bank account numbers whose check digits are right; gives their ends."""
    for found in _IBAN.finditer(text):
        start, end = found.span()
        while end > start:  # words in capitals may follow
            piece = text[start:end].replace(" ", "")
            if len(piece) >= _IBAN_SHORTEST and _checks(piece):
                yield start, end
                break
            end = text.rfind(" ", start, end)


def _checks(iban: str) -> bool:
    turned = iban[4:] + iban[:4]
    return int("".join(str(int(char, 36)) for char in turned)) % _IBAN_MODULUS == 1
