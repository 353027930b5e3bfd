"""JSON pointers (RFC 6901): reading and setting a place in a document."""

from collections.abc import Callable, Iterator
from typing import Any


def escape(step: str) -> str:
    """Write one step of a pointer."""
    return step.replace("~", "~0").replace("/", "~1")


def steps(pointer: str) -> tuple[str, ...]:
    """Take a pointer apart; the empty pointer, the whole document, has no steps."""
    return tuple(
        step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:] if pointer
    )


def find(document: Any, pointer: str) -> Any:
    """Read the value at a pointer.

    Raises:
        LookupError: the pointer leads nowhere.
    """
    for step in steps(pointer):
        if isinstance(document, dict) and step in document:
            document = document[step]
        elif isinstance(document, list) and step.isdecimal() and int(step) < len(document):
            document = document[int(step)]
        else:
            raise LookupError(pointer)
    return document


def has(document: Any, pointer: str) -> bool:
    """Tell whether a place is there, be it null: that is said on purpose."""
    try:
        find(document, pointer)
    except LookupError:
        return False
    return True


def find_all(document: Any, pointer: str) -> Iterator[Any]:
    """Find the values at a pointer in which `*` stands for any key or index."""
    yield from _descend(document, steps(pointer))


def _descend(node: Any, path: tuple[str, ...]) -> Iterator[Any]:
    if not path:
        yield node
        return
    entries = (
        node.items()
        if isinstance(node, dict)
        else enumerate(node)
        if isinstance(node, list)
        else ()
    )
    for key, item in entries:
        if path[0] in ("*", str(key)):
            yield from _descend(item, path[1:])


def placed(document: Any, path: tuple[str, ...], value: Any) -> Any:
    """Set a value at a path of object keys, making the objects on the way."""
    if not path:
        return value
    base = document if isinstance(document, dict) else {}
    return base | {path[0]: placed(base.get(path[0]), path[1:], value)}


def changed(document: Any, path: tuple[str, ...], change: Callable[[Any], Any]) -> Any:
    """Copy a document with the values at a path changed; `*` stands for any key or index."""
    if not path:
        return change(document)
    step, rest = path[0], path[1:]
    if isinstance(document, list):
        return [
            changed(item, rest, change) if step in ("*", str(at)) else item
            for at, item in enumerate(document)
        ]
    if isinstance(document, dict):
        return {
            key: changed(item, rest, change) if step in ("*", key) else item
            for key, item in document.items()
        }
    return document
