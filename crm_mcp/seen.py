"""What the CRM's texts said in this session: addresses and numbers that a write may repeat.

A text in a CRM can talk a model into writing somebody else's address or account number. What a
write repeats word for word is therefore pointed out to the person who is asked.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

MAX_SEEN = 5_000
# Each begins where nothing of its kind stands before it, so that no text takes long to search.
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")
_URL = re.compile(r"https?://[^\s\"'<>]{4,300}")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b")
_PHONE = re.compile(r"\+?\d[\d ()/.-]{5,20}\d")
_DIGITS = re.compile(r"\d\d")


class Seen:
    """The telling values of one caller's reads, the newest few thousand of them."""

    def __init__(self) -> None:
        self._where: dict[str, str] = {}

    def note(self, tool: str, data: Any) -> None:
        """Remember what a read brought."""
        for value in telling(data):
            self._where.pop(value, None)
            self._where[value] = tool
        while len(self._where) > MAX_SEEN:
            del self._where[next(iter(self._where))]

    def repeated(self, arguments: Mapping[str, Any]) -> dict[str, str]:
        """Find what a write would repeat: the value, and the tool that read it."""
        found = {value: self._where.get(value, "") for value in telling(arguments)}
        return {value: tool for value, tool in found.items() if tool}


def telling(value: Any) -> Iterator[str]:
    """List the addresses and numbers in all texts of a JSON value."""
    if isinstance(value, str):
        yield from (found[0].strip() for found in _found(value))
    elif isinstance(value, list):
        for item in value:
            yield from telling(item)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from telling(item)


def _found(text: str) -> Iterator[re.Match[str]]:
    """Search only for what can be there: most texts hold none of it."""
    if "@" in text:
        yield from _EMAIL.finditer(text)
    if "://" in text:
        yield from _URL.finditer(text)
    if _DIGITS.search(text):
        ibans = list(_IBAN.finditer(text))
        yield from ibans
        yield from _PHONE.finditer(text) if not ibans else ()
