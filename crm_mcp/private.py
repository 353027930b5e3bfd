"""What in a text belongs to somebody: e-mail addresses, account and telephone numbers. Pure.

Names are not among them: no pattern tells a name; see `known.py`.
"""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from crm_mcp.patterns import DIGITS, EMAIL, GAP, PHONE, ibans

_LOCAL = frozenset("!#$%&'*^`{|}~.+-_")
_REST = re.compile(rf"[\d{GAP}]*\d")
_GROUP = re.compile(rf"\+?\d+[{GAP}]*")
_MONTH, _DAY, _YEAR = "(?:0?[1-9]|1[0-2])", "(?:0?[1-9]|[12][0-9]|3[01])", "(?:19|2[01])[0-9]{2}"
_DATE = re.compile(
    rf"(?:{_YEAR}[-/. ]{_MONTH}[-/. ]{_DAY}"
    rf"|{_DAY}[-/. ]{_MONTH}[-/. ]{_YEAR}|{_MONTH}[-/. ]{_DAY}[-/. ]{_YEAR}|0000-00-00)"
    rf"(?!\d)[{GAP}]*"
)
_DECIMAL = re.compile(r"\d+\.\d+")
_AMERICAN = re.compile(r"(?:1[ .-])?\d{3}[) .-]{1,2}\d{3}[ .-]\d{4}(?!\d)")
_CALLED = re.compile(
    r"(?:tel|phone|mobile?|cell|fax|call|dial|ring|sms)[a-z]*[\s.:=(/-]*\Z", re.IGNORECASE
)
_IN_CODE = re.compile(r"(?:[^\W_][-.]|[_#])\Z")
_LOOK_BACK = 16
_PHONE_DIGITS = 7
_BARE_PHONE = range(10, 16)


class Span(NamedTuple):
    """A piece of a text, the kind of what stands there, and what it stands for."""

    start: int
    end: int
    kind: str
    value: str


def private(text: str, *, numbers: bool = True) -> list[Span]:
    """Find the e-mail addresses, account and telephone numbers of a text, in order.

    Args:
        text: to be searched.
        numbers: false where a number is a code, and none that can be called.
    """
    found = list(emails(text)) if "@" in text else []
    if DIGITS.search(text):
        found += (Span(*ends, "bank", text[slice(*ends)]) for ends in ibans(text))
        found += phones(text) if numbers else ()
    return apart(text, found) if len(found) > 1 else found


def apart(text: str, spans: Iterable[Span]) -> list[Span]:
    """Put spans in order; those that overlap become one, so that nothing between them is left."""
    merged: list[Span] = []
    for span in sorted(spans, key=lambda found: (found.start, -found.end)):
        last = merged[-1] if merged else None
        if last is None or span.start >= last.end:
            merged.append(span)
        elif span.end > last.end:
            merged[-1] = Span(last.start, span.end, "personal", text[last.start : span.end])
    return merged


def emails(text: str) -> Iterator[Span]:
    """Find e-mail addresses, with all signs that the part before the @ may have."""
    for found in EMAIL.finditer(text):
        start = found.start()
        while start and (text[start - 1].isalnum() or text[start - 1] in _LOCAL):
            start -= 1
        while not text[start].isalnum():
            start += 1
        start = min(start, found.start())
        yield Span(start, found.end(), "email", text[start : found.end()])


def phones(text: str) -> Iterator[Span]:
    """Find telephone numbers: those with + or a leading 0, American ones, and announced ones.

    Dates, decimal numbers and bare codes are none. What stands before a number without anything
    but a gap between them, such as a date, is left out of it.
    """
    for found in PHONE.finditer(text):
        start, end = found.span()
        rest = _REST.match(text, end)
        end = rest.end() if rest else end
        while start < end and not _DECIMAL.fullmatch(text, start, end):
            date = _DATE.match(text, start, end)
            if date is None and _is_phone(text, start, end):
                opens = start > 0 and text[start - 1] == "(" and ")" in text[start:end]
                start -= opens
                yield Span(start, end, "phone", text[start:end])
                break
            step = date or _GROUP.match(text, start, end)
            start = step.end() if step else end


def _is_phone(text: str, start: int, end: int) -> bool:
    piece = text[start:end]
    digits = sum(char.isdecimal() for char in piece)
    if digits < _PHONE_DIGITS:
        return False
    before = text[max(0, start - _LOOK_BACK) : start]
    if piece[0] == "+" or _CALLED.search(before):
        return True
    if " " not in piece and _IN_CODE.search(before):
        return False
    if piece.isdecimal():
        neighbours = before[-1:] + text[end : end + 1]
        alone = not any(char.isalnum() or char == "/" for char in neighbours)
        return alone and piece[0] == "0" and digits in _BARE_PHONE
    return piece[0] == "0" or _AMERICAN.match(piece) is not None
