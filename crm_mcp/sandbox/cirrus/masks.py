"""Masks such as `{id,name,account{id}}`: which fields of an answer are wanted.

The header `X-Fields` speaks this language, and so do the shapes of the tables.
"""

import re
from collections.abc import Mapping
from typing import Any

Mask = dict[str, Any]
"""Names, each with the mask of what is within it; None where nothing more is said."""

MAX_DEPTH = 20
PAGE = frozenset({"page", "pages", "per_page", "total", "items"})

_PIECE = re.compile(r"[{},]|[^{},\s]+")


def read_mask(text: str) -> Mask:
    """Read a mask, with or without its outer braces.

    Raises:
        ValueError: braces or names are missing, or it is nested too deeply.
    """
    whole: Mask = {}
    open_masks, last = [whole], ""
    for piece in _PIECE.findall(text if text.lstrip().startswith("{") else f"{{{text}}}"):
        if last == "}" and piece not in ",}":
            raise ValueError("after a brace follows a comma")
        if piece == "{":
            open_masks.append(_opened(open_masks[-1], last, is_whole=len(open_masks) == 1))
        elif piece == "}":
            open_masks.pop()
        elif piece != ",":
            open_masks[-1][piece] = None
        last = piece
        if not 1 <= len(open_masks) <= MAX_DEPTH:
            raise ValueError("the braces do not match, or are too many")
    if len(open_masks) > 1 or list(whole) != [""]:
        raise ValueError("a mask is one pair of braces")
    found: Mask = whole[""]
    return found


def masked(value: Any, mask: Mask) -> Any:
    """Take away what a mask does not name; `*` names all fields of its level."""
    if isinstance(value, list):
        return [masked(item, mask) for item in value]
    if not isinstance(value, dict):
        return value
    wanted = {**dict.fromkeys(value), **mask} if "*" in mask else mask
    return {
        name: value[name] if inner is None else masked(value[name], inner)
        for name, inner in wanted.items()
        if name in value
    }


def masked_answer(body: Any, mask: Mask) -> Any:
    """Mask an answer; of a page, its records, unless the mask names parts of the page.

    The document shows masks of records only, and says nothing of pages.
    """
    if _is_page(body) and not mask.keys() <= PAGE:
        return [{**page, "items": masked(page["items"], mask)} for page in body]
    return masked(body, mask)


def _opened(mask: Mask, last: str, *, is_whole: bool) -> Mask:
    """Open what is within a name, or the outermost brace."""
    name = "" if last in "{,}" else last
    if is_whole == bool(name):
        raise ValueError("a brace follows the name of what is within it")
    inner: Mask = {}
    mask[name] = inner
    return inner


def _is_page(body: Any) -> bool:
    return isinstance(body, list) and bool(body) and _has_items(body[0])


def _has_items(part: Any) -> bool:
    return isinstance(part, Mapping) and isinstance(part.get("items"), list)
