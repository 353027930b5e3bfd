"""Only the fields that a caller wants of each record: dotted paths through objects and lists. Pure.

address.city        the city in the address of each record
contacts.name       the name of each contact, where contacts are a list
"""

import difflib
from collections.abc import Iterable, Iterator
from typing import Any

MAX_NEAR = 3
MAX_KEY = 60
_MAX_KEYS = 500


def picked(value: Any, paths: Iterable[str]) -> Any:
    """Keep of a record, or of each in a list, what stands at these paths.

    A value that is no record stays as it is; so does whatever a path leads to.
    """
    if isinstance(value, list):
        return [picked(item, paths) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {}
    for key, item in value.items():
        if key in paths:
            kept[key] = item
        elif (below := _below(key, paths)) and isinstance(item, dict | list):
            kept[key] = picked(item, below)
    return kept


def _below(key: str, paths: Iterable[str]) -> list[str]:
    """List what is wanted below a key; a key may itself have dots."""
    return [path[len(key) + 1 :] for path in paths if path.startswith(f"{key}.")]


def stands(value: Any, path: str) -> bool | None:
    """Tell whether a record, or one of a list, has such a field; None where nothing can tell."""
    if isinstance(value, list):
        told = {stands(item, path) for item in value}
        return True if True in told else False if False in told else None
    if value is None or value == {}:
        return None
    if not isinstance(value, dict):
        return False
    if path in value:
        return True
    below = [(item, rest) for key, item in value.items() for rest in _below(key, [path])]
    told = {stands(item, rest) for item, rest in below}
    return True if True in told else None if None in told else False


def near(data: Any, path: str) -> list[str]:
    """Name the fields whose paths are most like this one, without regard to capitals."""
    known = {known.casefold(): known for known in _paths(data)}
    wanted = path.casefold()
    last = wanted.rpartition(".")[2]
    same = [wanted] if wanted in known else []
    deeper = [low for low in known if low.endswith(f".{wanted}")]
    same_name = [low for low in known if low.rpartition(".")[2] == last]
    found = difflib.get_close_matches(wanted, known, MAX_NEAR)
    return [known[low] for low in dict.fromkeys([*same, *deeper, *same_name, *found])][:MAX_NEAR]


def _paths(data: Any) -> list[str]:
    paths: dict[str, None] = {}
    for path in _walk(data, ""):
        paths[path] = None
        if len(paths) >= _MAX_KEYS:
            break
    return list(paths)


def _walk(value: Any, before: str) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _walk(item, before)
    elif isinstance(value, dict):
        names = {key: f"{before}{key[:MAX_KEY]}" for key in value}
        yield from names.values()
        for key, item in value.items():
            yield from _walk(item, f"{names[key]}.")
