"""The result as a value: what every caller gets, always valid JSON within its size. Pure."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from crm_mcp.errors import ToolFailure
from crm_mcp.operation import Operation
from crm_mcp.respond import Outcome

TEXT_LIMITS = (2_000, 500, 100, 20)
SHORT = 200
NARROW = "Ask for less: a narrower filter, a smaller page, or one record."

Place = tuple[str | int, ...]


def success(outcome: Outcome, operation: Operation, account: str, limit: int) -> dict[str, Any]:
    """Write the envelope of an outcome, at most `limit` characters of JSON."""
    source: dict[str, Any] = {
        "vendor": operation.vendor,
        "account": account,
        "evidence": operation.source.evidence,
    }
    if outcome.simulated:
        source["simulated"] = True
    return fit({**outcome.as_dict(), "source": source}, limit)


def failure(error: ToolFailure, limit: int) -> dict[str, Any]:
    """Write the envelope of an error, at most `limit` characters of JSON."""
    return fit(error.as_dict(), limit)


def as_text(envelope: Mapping[str, Any]) -> str:
    """Write an envelope as compact JSON."""
    return json.dumps(envelope, ensure_ascii=False, separators=(",", ":"))


def fit(envelope: dict[str, Any], limit: int) -> dict[str, Any]:
    """Keep an envelope within its size: drop whole items from the end, or cut long texts.

    Items are dropped only while one stays; where one alone is too long, its texts are cut first.
    """
    for text_limit in (None, *TEXT_LIMITS):
        shorter = envelope if text_limit is None else _with_cut_texts(envelope, text_limit)
        if len(as_text(shorter)) <= limit:
            return shorter
        fewer = _with_fewer_items(shorter, limit)
        if fewer is not None:
            return fewer
    kept: dict[str, Any] = {
        key: envelope[key] for key in ("error", "status", "undo", "source") if key in envelope
    }
    told = {"message": _cut(envelope["message"], SHORT)} if "message" in envelope else {}
    return {**kept, **told, "data": None, "truncated": {"dropped": "everything", "how": NARROW}}


def _with_cut_texts(envelope: dict[str, Any], limit: int) -> dict[str, Any]:
    whole = ("undo", "source")
    cut = {key: _cut(value, limit) for key, value in envelope.items() if key not in whole}
    return {**envelope, **cut, "truncated": {"texts_longer_than": limit, "how": NARROW}}


def _with_fewer_items(envelope: dict[str, Any], limit: int) -> dict[str, Any] | None:
    """Shorten the list that takes most room, as little as possible; None when none would stay."""
    place, items = max(
        _lists(envelope), key=lambda found: len(as_text({"": found[1]})), default=((), [])
    )
    low, high = 0, len(items)
    while low < high:
        middle = (low + high + 1) // 2
        fits = len(as_text(_with_first(envelope, place, items, middle))) <= limit
        low, high = (middle, high) if fits else (low, middle - 1)
    return _with_first(envelope, place, items, low) if low else None


def _with_first(envelope: dict[str, Any], place: Place, items: list[Any], n: int) -> dict[str, Any]:
    """Keep the first items; the next page would skip the dropped ones, and is not offered."""
    dropped = {"dropped": len(items) - n, "from": ".".join(map(str, place)), "how": NARROW}
    shorter = _replaced(envelope, place, items[:n])
    if place == ("data",) and "page" in shorter:
        page = {key: value for key, value in shorter["page"].items() if key != "next"}
        shorter["page"] = page | {"returned": n}
    return {**shorter, "truncated": {**envelope.get("truncated", {}), **dropped}}


def _lists(value: Any, place: Place = ()) -> Iterator[tuple[Place, list[Any]]]:
    if isinstance(value, list):
        yield place, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _lists(item, (*place, key))


def _replaced(value: Any, place: Place, new: Any) -> Any:
    if not place:
        return new
    return {**value, place[0]: _replaced(value[place[0]], place[1:], new)}


def _cut(value: Any, limit: int) -> Any:
    if isinstance(value, str) and len(value) > limit:
        return f"{value[:limit]}… ({len(value)} characters)"
    if isinstance(value, list):
        return [_cut(item, limit) for item in value]
    if isinstance(value, dict):
        return {key: _cut(item, limit) for key, item in value.items()}
    return value
