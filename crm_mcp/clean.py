"""CRM texts as data: what cannot be seen, or turns the direction of reading, is taken out.

Such characters carry nothing for a reader and much for somebody who hides an instruction in a
note. Line ends and tabs stay.
"""

import re
from typing import Any

HIDDEN = re.compile(
    "["
    "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"  # control characters
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800"  # fillers, soft hyphen, blank
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # direction of reading
    "\u200b-\u200d\u2060-\u2065\u206a-\u206f\u3164\ufeff\uffa0"  # no width
    "\ufe00-\ufe0f\ufff0-\ufffb"  # variation and annotation
    "\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"  # layout of old scripts
    "\U000e0000-\U000e0fff"  # tags
    "]"
)


def clean_text(text: str) -> tuple[str, int]:
    """Take the hidden characters out of one text; says how many there were."""
    if text.isascii() and text.isprintable():
        return text, 0
    return HIDDEN.subn("", text)


def clean(value: Any) -> tuple[Any, int]:
    """Take the hidden characters out of all texts of a JSON value, names included."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, list):
        items = [clean(item) for item in value]
        return [item for item, _ in items], sum(count for _, count in items)
    if isinstance(value, dict):
        return _clean_object(value)
    return value, 0


def _clean_object(value: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """Clean names and values; a name that looks like another one does not take its place."""
    cleaned: dict[str, Any] = {}
    total = 0
    for key, item in value.items():
        name, in_name = clean_text(str(key))
        while name in cleaned or (in_name and name in value):
            name = f"{name} ({len(cleaned)})"
        cleaned[name], in_item = clean(item)
        total += in_name + in_item
    return cleaned, total
