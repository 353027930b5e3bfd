"""How a text may be written on its way, and what a coded text says.

A secret comes back from a CRM, or stands in a log, in an address, in JSON, in HTML, in base64 or
with hidden characters in between; whoever wants to find it must read what anybody else could.
"""

import base64
import json
import re
from bisect import bisect_left
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

from crm_mcp.clean import HIDDEN

MAX_CODES = 5
"""So many codes around each other are undone, such as the percent of a percent."""
_SHORT_CODED = 6
_SHORT_RAW = 4
_FIRST_WINDOW = 256
_SIGNS = re.compile("[%&+\\\\]")
_PERCENT = re.compile("%[0-9A-F]{2}")
_BYTES = re.compile(r"(?:(?:%|\\{1,8}x)[0-9A-Fa-f]{2})+")
_CHARACTER = re.compile(r"\\{1,8}(?:u([0-9A-Fa-f]{4})|U(000[0-9A-Fa-f]{5}))")
_HEX = re.compile("[%x]([0-9A-Fa-f]{2})")
_URL_SAFE = str.maketrans("+/", "-_")


def forms(text: str) -> Iterator[str]:
    """List how a text is usually written: plain, in an address, in JSON, in base64, in hex."""
    yield text
    for quoted in (quote(text, safe=""), quote_plus(text)):
        yield quoted
        yield _PERCENT.sub(lambda code: code[0].lower(), quoted)
    for ascii_only in (True, False):
        yield json.dumps(text, ensure_ascii=ascii_only)[1:-1]
    raw = text.encode()
    for spelled in dict.fromkeys((raw, quote(text, safe="").encode())):  # of a whole address too
        for coded in (base64.b64encode(spelled).decode().rstrip("="), *_inside_base64(spelled)):
            yield coded
            yield coded.translate(_URL_SAFE)
    if len(raw) >= _SHORT_RAW:
        yield raw.hex()
        yield raw.hex().upper()


def _inside_base64(raw: bytes) -> Iterator[str]:
    """Write bytes as they stand within longer base64, which begins anywhere before them."""
    for before, foreign in ((0, 0), (1, 2), (2, 3)):
        coded = base64.b64encode(bytes(before) + raw).decode().rstrip("=")[foreign:]
        if (before + len(raw)) % 3:
            coded = coded[:-1]  # half of this character belongs to what follows
        if len(coded) >= _SHORT_CODED:
            yield coded


def may_be_coded(text: str) -> bool:
    """Tell whether a text can say anything but what it shows."""
    return bool(_SIGNS.search(text) or (not text.isascii() and HIDDEN.search(text)))


def plain(text: str) -> str:
    """Undo all codes, and take out what hides; good for comparing, not for showing.

    Percent codes, escapes of JSON and Python, and HTML's characters are undone. Signs that one
    of them would write otherwise are the same here: a plus is a blank, a backslash is nothing.
    """
    import html  # a large table, which most servers never need

    for _ in range(MAX_CODES):
        before = text
        text = _BYTES.sub(_read_bytes, text)
        text = html.unescape(_CHARACTER.sub(_read_character, text))
        if text == before:
            break
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return HIDDEN.sub("", whole.replace("+", " ").replace("\\", ""))


def spans(text: str, sought: tuple[str, ...]) -> Iterator[tuple[int, int]]:
    """Find the shortest pieces of a text that say one of some plain texts, first to last."""
    done = 0
    while (end := _end(text, done, sought)) is not None:
        # The last place from which it still can be read.
        lost = bisect_left(
            range(end), x=True, lo=done, key=lambda at: not _says(text[at:end], sought)
        )
        yield lost - 1, end
        done = end


def _end(text: str, start: int, sought: tuple[str, ...]) -> int | None:
    """Find where the next piece ends; looks no further ahead than needed."""
    size = _FIRST_WINDOW
    while not _says(text[start : start + size], sought):
        if start + size >= len(text):
            return None
        size *= 2
    ends = range(min(start + size, len(text)) + 1)
    return bisect_left(ends, x=True, lo=start, key=lambda end: _says(text[start:end], sought))


def _says(text: str, sought: tuple[str, ...]) -> bool:
    said = plain(text)
    return any(one in said for one in sought)


def _read_bytes(found: re.Match[str]) -> str:
    raw = bytes.fromhex("".join(_HEX.findall(found[0])))
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _read_character(found: re.Match[str]) -> str:
    return chr(min(int(found[1] or found[2], 16), 0x10FFFF))
