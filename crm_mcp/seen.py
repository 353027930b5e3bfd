"""What the CRM's texts said in this session: addresses and numbers that a write may repeat.

A text in a CRM can talk a model into writing somebody else's address or account number. What a
write repeats word for word is therefore pointed out to the person who is asked.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from crm_mcp.patterns import DIGITS, EMAIL, PHONE, URL, ibans

MAX_SEEN = 5_000
_MOMENT = re.compile(r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?)?")


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

    def repeated(self, arguments: Mapping[str, Any], named: Collection[Any] = ()) -> dict[str, str]:
        """Find what a write would repeat: the value, and the tool that read it.

        Args:
            arguments: of the write.
            named: ids beside which a name stands; long ones look like telephone numbers.
        """
        found = {value: self._where.get(value, "") for value in telling(arguments)}
        return {value: tool for value, tool in found.items() if tool and value not in named}


def telling(value: Any) -> Iterator[str]:
    """List the addresses and numbers in all texts of a JSON value."""
    if isinstance(value, str):
        yield from (found.strip() for found in _found(value))
    elif isinstance(value, list):
        for item in value:
            yield from telling(item)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from telling(item)


def _found(text: str) -> Iterator[str]:
    """Search only for what can be there: most texts hold none of it."""
    if "@" in text:
        yield from (found[0] for found in EMAIL.finditer(text))
    if "://" in text:
        yield from (found[0] for found in URL.finditer(text))
    if DIGITS.search(text):
        numbers = [text[start:end] for start, end in ibans(text)]
        # A date looks like a telephone number, and stands in nearly every record.
        timeless = _MOMENT.sub("\n", text)
        yield from numbers or (found[0] for found in PHONE.finditer(timeless))
