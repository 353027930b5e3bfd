"""The result as a value: what every caller gets, always valid JSON within its size. Pure."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from crm_mcp.errors import ToolFailure
from crm_mcp.operation import Operation
from crm_mcp.respond import Outcome

TEXT_LIMITS = (2_000, 500, 100, 20)
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
    """Keep an envelope within its size: drop whole items from the end, then cut long texts."""
    if len(as_text(envelope)) <= limit:
        return envelope
    envelope = _drop_items(envelope, limit)
    for text_limit in TEXT_LIMITS:
        if len(as_text(envelope)) <= limit:
            return envelope
        cut = {key: _cut(value, text_limit) for key, value in envelope.items() if key != "source"}
        note = {"texts_longer_than": text_limit, "how": NARROW}
        envelope |= {**cut, "truncated": {**envelope.get("truncated", {}), **note}}
    if len(as_text(envelope)) <= limit:
        return envelope
    kept: dict[str, Any] = {
        key: envelope[key] for key in ("error", "status", "source") if key in envelope
    }
    return {**kept, "data": None, "truncated": {"dropped": "everything", "how": NARROW}}


def _drop_items(envelope: dict[str, Any], limit: int) -> dict[str, Any]:
    """Shorten the list that takes most room, as little as possible."""
    place, items = max(
        _lists(envelope), key=lambda found: len(as_text({"": found[1]})), default=((), [])
    )
    low, high = 0, len(items)
    while low < high:
        middle = (low + high + 1) // 2
        fits = len(as_text(_with_first(envelope, place, items, middle))) <= limit
        low, high = (middle, high) if fits else (low, middle - 1)
    return _with_first(envelope, place, items, low) if items else envelope


def _with_first(envelope: dict[str, Any], place: Place, items: list[Any], n: int) -> dict[str, Any]:
    dropped = {"dropped": len(items) - n, "from": ".".join(map(str, place)), "how": NARROW}
    return {**_replaced(envelope, place, items[:n]), "truncated": dropped}


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
