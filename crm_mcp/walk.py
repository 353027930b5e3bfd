"""Going through an answer once, with everything personal replaced. Pure.

Values that their names give away come first, texts last: by then it is known whose names to look
for in them. What lies beyond the limits is not looked at, and hidden: it could be anything.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from crm_mcp.marks import hidden
from crm_mcp.operation import Operation
from crm_mcp.patterns import EMAIL
from crm_mcp.personal import IN_NUMBERS, is_container, kind_in, kind_of
from crm_mcp.pointer import steps

MAX_CHARS = 1_000_000
"""How much of one answer is searched: as much as the longest result may hold."""
MAX_DEPTH = 120

OnValue = Callable[[str, Any, str], Any]
"""Takes a kind, a personal value and the name of its field; gives what stands there instead."""

OnText = Callable[[str, str], str]
"""Takes any other text and the name of its field; gives what stands there instead."""

Rules = tuple[tuple[tuple[str, ...], str], ...]


class Shown(str):
    """A text of ours that is fit to be shown as it stands."""

    __slots__ = ()


class Place(NamedTuple):
    """What is known of a value before it is looked at.

    `kind` is what its field's name promises, `name` that name, `owner` the name under which a
    record here stands, and `rules` what the operation's file says of places from here on.
    """

    kind: str
    name: str
    owner: str
    rules: Rules
    depth: int


class Walk:
    """One way through values, in which each is replaced as its kind demands."""

    def __init__(self, operation: Operation, on_value: OnValue, on_text: OnText) -> None:
        self._fields = operation.personal
        self._resource = operation.name.partition("_")[2].rpartition("_")[0]
        self._on_value = on_value
        self._on_text = on_text
        self._left = MAX_CHARS
        self._texts: list[tuple[Any, Any, str, str]] = []
        self._names: dict[str, str] = {}
        self.unsearched = 0

    def data(self, data: Any, pointers: Mapping[str, str]) -> Any:
        """Go through the data of an answer, minding what the operation's file says of it."""
        rules = tuple((steps(pointer), kind) for pointer, kind in pointers.items())
        kind = kind_of(self._resource) if isinstance(data, list) else ""
        return self._through(data, Place(kind, self._resource, self._resource, rules, 0))

    def value(self, value: Any) -> Any:
        """Go through anything else that speaks of the operation's records."""
        return self._through(value, Place("", "", self._resource, (), 0))

    def _through(self, value: Any, place: Place) -> Any:
        shown = [None]
        self._put(shown, 0, value, place)
        for into, at, text, name in self._texts:
            into[at] = self._on_text(text, name)
        self._texts.clear()
        return shown[0]

    def _put(self, into: Any, at: Any, node: Any, place: Place) -> None:
        """Put a value where it belongs; texts that may hold something are only noted."""
        self._left -= len(node) if isinstance(node, str) else 1
        if self._left < 0 or place.depth > MAX_DEPTH:
            self.unsearched += 1
            into[at] = hidden("personal")
        elif isinstance(node, Mapping):
            into[at] = self._record(node, place)
        elif isinstance(node, list | tuple):
            into[at] = self._list(node, place)
        elif isinstance(node, str):
            self._put_text(into, at, node, place)
        else:
            into[at] = self._single(node, place)

    def _put_text(self, into: Any, at: Any, text: str, place: Place) -> None:
        said = _said(place)
        kind = _kind_of_text(text, said or place.kind)
        into[at] = self._on_value(kind, text, place.name) if kind else text
        if text and not kind and said != "none" and not isinstance(text, Shown):
            self._texts.append((into, at, text, place.name))

    def _record(self, record: Mapping[str, Any], place: Place) -> dict[str, Any]:
        shown: dict[str, Any] = {}
        for name, value in record.items():
            kind = self._fields.get(name) or kind_in(name, place.owner, record)
            owner = place.owner if is_container(name) else name
            inner = Place(kind, name, owner, _within(place.rules, name), place.depth + 1)
            key = self._name(name)
            while key in shown:
                key += "'"
            self._put(shown, key, value, inner)
        return shown

    def _list(self, items: list[Any] | tuple[Any, ...], place: Place) -> list[Any]:
        shown = [None] * len(items)
        kind, name, owner, rules, depth = place
        for index, item in enumerate(items):
            inner = Place(kind, name, owner, _within(rules, str(index)), depth + 1)
            self._put(shown, index, item, inner)
        return shown

    def _name(self, name: str) -> str:
        """Give a field's name, in which somebody's address may stand; there are few of them."""
        if name not in self._names:
            self._names[name] = self._on_text(name, "")
        return self._names[name]

    def _single(self, node: Any, place: Place) -> Any:
        """Keep what is no text, unless it is somebody's number, or nothing that JSON knows."""
        if node is None or isinstance(node, bool):
            return node
        if not isinstance(node, int | float):
            return hidden("personal")
        said = _said(place)
        kind = said or (place.kind if place.kind in IN_NUMBERS else "none")
        return node if kind == "none" else self._on_value(kind, node, place.name)


def _within(rules: Rules, step: str) -> Rules:
    """Say what holds one step deeper; what is said of the whole holds for its parts."""
    if not rules:
        return ()
    return tuple((path[1:], kind) for path, kind in rules if not path or path[0] in ("*", step))


def _said(place: Place) -> str:
    """Give the kind that the operation's file says of this very place."""
    return next((kind for path, kind in place.rules if not path), "") if place.rules else ""


def _kind_of_text(text: str, kind: str) -> str:
    """Correct what a name promises by what stands there: no letters, no name; an @, an address."""
    if not kind or kind == "none" or not text.strip():
        return ""
    if EMAIL.fullmatch(text):
        return "email"
    return "" if kind == "person" and not any(char.isalpha() for char in text) else kind
