"""The result as a value: what every caller gets, always valid JSON within its size. Pure."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from crm_mcp.errors import ToolFailure
from crm_mcp.operation import Operation
from crm_mcp.respond import Outcome
from crm_mcp.resume import Resume

TEXT_LIMITS = (2_000, 500, 100, 20)
SHORT = 200
NARROW = "Ask for less: a narrower filter, a smaller page, or one record."
FEWER_FIELDS = "Name in _select the fields you need, or ask for a narrower filter or one record."
GO_ON = "page.next goes on at the first item left out. More fit with fewer fields, by _select."
TOO_LONG = (
    "The first item alone is too long: with _select, name the fields you need of it. "
    "page.next, if there is one, goes on after it."
)

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
    envelope = {**outcome.as_dict(), "source": source}
    if outcome.resume is not None and outcome.data:
        return _fit_list(envelope, limit, outcome.resume)
    return fit(envelope, limit, NARROW if operation.is_write else FEWER_FIELDS)


def failure(error: ToolFailure, limit: int) -> dict[str, Any]:
    """Write the envelope of an error, at most `limit` characters of JSON."""
    return fit(error.as_dict(), limit)


def as_text(envelope: Mapping[str, Any]) -> str:
    """Write an envelope as compact JSON."""
    return json.dumps(envelope, ensure_ascii=False, separators=(",", ":"))


def fit(envelope: dict[str, Any], limit: int, how: str = NARROW) -> dict[str, Any]:
    """Keep an envelope within its size: drop whole items from the end, or cut long texts.

    Items are dropped only while one stays; where one alone is too long, its texts are cut first,
    and at last the parts of a record.
    """
    for shorter in _shorter(envelope, how):
        if len(as_text(shorter)) <= limit:
            return shorter
        fewer = _with_fewer_items(shorter, limit, how)
        if fewer is not None:
            return fewer
    kept: dict[str, Any] = {
        key: envelope[key] for key in ("error", "status", "undo", "source") if key in envelope
    }
    told = {"message": _cut(envelope["message"], SHORT)} if "message" in envelope else {}
    return {**kept, **told, "data": None, "truncated": {"dropped": "everything", "how": how}}


def _fit_list(envelope: dict[str, Any], limit: int, resume: Resume) -> dict[str, Any]:
    """Keep a list within its size, so that the next call begins at the first item left out.

    Items stay whole, as many as fit. Only where the first alone does not, it is shown alone and
    cut: the others would be cut with it, and come whole with the next call.
    """
    if len(as_text(envelope)) <= limit:
        return envelope
    low, high = 0, len(envelope["data"]) - 1
    while low < high:
        middle = (low + high + 1) // 2
        fits = len(as_text(_going_on(envelope, resume, middle))) <= limit
        low, high = (middle, high) if fits else (low, middle - 1)
    if low:
        return _going_on(envelope, resume, low)
    first = _going_on(envelope, resume, 1)
    for shorter in (*_shorter(first, TOO_LONG), _without_first(first)):
        if len(as_text(shorter)) <= limit:
            return shorter
    return fit({"data": None, "source": envelope["source"], "page": first["page"]}, limit, TOO_LONG)


def _going_on(envelope: dict[str, Any], resume: Resume, n: int) -> dict[str, Any]:
    """Keep the first items of a list, and say which call begins with the next one."""
    items = envelope["data"]
    if n == len(items):
        return envelope
    total = {} if resume.total is None else {"total": resume.total}
    place = {"returned": n, "more": True, "next": resume.at(n)}
    dropped = {"dropped": len(items) - n, "from": "data", "how": GO_ON}
    page = {**envelope.get("page", {}), **total, **place}
    return {**envelope, "data": items[:n], "page": page, "truncated": dropped}


def _without_first(first: dict[str, Any]) -> dict[str, Any]:
    """Leave out the one item that cannot be shown at all, and let the next call go on after it."""
    dropped = first.get("truncated", {}).get("dropped", 0) + 1
    return {
        "data": [],
        "page": {**first.get("page", {}), "returned": 0},
        "source": first["source"],
        "truncated": {"dropped": dropped, "from": "data", "how": TOO_LONG},
    }


def _shorter(envelope: dict[str, Any], how: str) -> Iterator[dict[str, Any]]:
    """Give an envelope whole, with its texts cut shorter and shorter, and without its parts."""
    yield envelope
    for limit in TEXT_LIMITS:
        yield _with_cut_texts(envelope, limit, how)
    if isinstance(envelope.get("data"), list | dict):
        small = {**envelope, "data": _without_parts(envelope["data"])}
        yield _told(_with_cut_texts(small, SHORT, how), how, parts_longer_than=SHORT)


def _with_cut_texts(envelope: dict[str, Any], limit: int, how: str) -> dict[str, Any]:
    whole = ("undo", "source", "page", "applied", "truncated")
    cut = {key: _cut(value, limit) for key, value in envelope.items() if key not in whole}
    return _told({**envelope, **cut}, how, texts_longer_than=limit)


def _told(envelope: dict[str, Any], how: str, **what: Any) -> dict[str, Any]:
    """Say what else was left out."""
    return {**envelope, "truncated": {**envelope.get("truncated", {}), **what, "how": how}}


def _without_parts(value: Any) -> Any:
    """Keep of each record what stands in it directly, and its short parts."""
    if isinstance(value, list):
        return [_without_parts(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {key: _brief(item) for key, item in value.items()}


def _brief(part: Any) -> Any:
    size = len(as_text({"": part})) if isinstance(part, dict | list) else 0
    return f"… ({size} characters)" if size > SHORT else part


def _with_fewer_items(envelope: dict[str, Any], limit: int, how: str) -> dict[str, Any] | None:
    """Shorten the list that takes most room, as little as possible; None when none would stay."""
    place, items = max(
        _lists(envelope), key=lambda found: len(as_text({"": found[1]})), default=((), [])
    )
    low, high = 0, len(items)
    while low < high:
        middle = (low + high + 1) // 2
        fits = len(as_text(_with_first(envelope, place, items, middle, how))) <= limit
        low, high = (middle, high) if fits else (low, middle - 1)
    return _with_first(envelope, place, items, low, how) if low else None


def _with_first(
    envelope: dict[str, Any], place: Place, items: list[Any], n: int, how: str
) -> dict[str, Any]:
    """Keep the first items; the next page would skip the dropped ones, and is not offered."""
    shorter = _replaced(envelope, place, items[:n])
    if place == ("data",) and "page" in shorter:
        page = {key: value for key, value in shorter["page"].items() if key != "next"}
        shorter["page"] = page | {"returned": n}
    return _told(shorter, how, dropped=len(items) - n, **{"from": ".".join(map(str, place))})


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
