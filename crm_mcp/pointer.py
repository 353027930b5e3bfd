"""JSON pointers (RFC 6901): reading and setting a place in a document."""

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


def placed(document: Any, path: tuple[str, ...], value: Any) -> Any:
    """Set a value at a path of object keys, making the objects on the way."""
    if not path:
        return value
    base = document if isinstance(document, dict) else {}
    return base | {path[0]: placed(base.get(path[0]), path[1:], value)}
