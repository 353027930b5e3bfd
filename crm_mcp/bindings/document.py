"""A file that somebody downloaded becomes plain values: JSON or YAML, bounded, never executed.

Of YAML only its structure is taken: `true` and `false` are what they say, nothing and `null` are
None, and any other scalar is its text. So `no` stays a name, `2.0` stays a version, and no tag
makes an object.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crm_mcp.errors import DocumentError

MAX_BYTES = 10_000_000
MAX_DEPTH = 100
MAX_VALUES = 1_000_000
"""Counted with each alias written out, so that a small text cannot stand for a huge one."""

_WORDS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_NOTHING = ("", "~", "null", "Null", "NULL")
_STANDARD_TAG = "tag:yaml.org,2002:"
_SIMPLE_TAGS = frozenset(("str", "int", "float", "bool", "null", "map", "seq", "timestamp"))
_TOO_MUCH = f"holds more than {MAX_VALUES} values"
_TOO_DEEP = f"is nested more than {MAX_DEPTH} levels deep"


@dataclass(frozen=True)
class Read:
    """A file as it was read: its SHA-256 and its values."""

    digest: str
    tree: Any


def read_document(path: Path) -> Read:
    """Read a local JSON or YAML file.

    Raises:
        DocumentError: it cannot be read, is too big or too deep, or is neither JSON nor YAML;
            says where, and what to do.
    """
    content = _bytes(path)
    try:
        tree = _parsed(content)
    except RecursionError as error:
        raise DocumentError(f"{path} {_TOO_DEEP}: it is no description of an API") from error
    except ValueError as error:
        raise DocumentError(f"{path} {error}") from error
    return Read(hashlib.sha256(content).hexdigest(), tree)


def _bytes(path: Path) -> bytes:
    try:
        if not path.is_file():
            raise DocumentError(f"{path} is no file: give the vendor's document, downloaded")
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise DocumentError(f"{path} cannot be read: {error.strerror}") from error
    if len(content) > MAX_BYTES:
        raise DocumentError(f"{path} has more than {MAX_BYTES} bytes: it is no such document")
    return content


def _parsed(content: bytes) -> Any:
    """Read JSON, or else YAML; an error says half a sentence, to stand behind the file's name."""
    try:
        text = content.decode(json.detect_encoding(content))
    except UnicodeDecodeError as error:
        raise ValueError("is not text: give the vendor's document as JSON or YAML") from error
    text = text.removeprefix("\ufeff")
    start = text.lstrip()[:1]
    if not start:
        raise ValueError("is empty: download the document again")
    if start == "<":
        raise ValueError("is a web page or XML: download the JSON or YAML that the page links to")
    return _from_json(text) if start in "{[" else _from_yaml(text)


def _from_json(text: str) -> Any:
    if sum(map(text.count, ",[{")) > MAX_VALUES:
        raise ValueError(_TOO_MUCH)
    try:
        tree = json.loads(text, object_pairs_hook=_object, parse_int=str, parse_float=str)
    except json.JSONDecodeError as error:
        raise ValueError(f"is not JSON: {error}") from error
    _check_depth(tree)
    return tree


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in pairs:
        _put(result, key, value, "")
    return result


def _put(into: dict[str, Any], key: str, value: Any, where: str) -> None:
    if key in into:
        raise ValueError(f"says {key[:60]!r} twice in one object{where}: nobody knows which counts")
    into[key] = value


def _check_depth(tree: Any) -> None:
    level = [tree]
    for _ in range(MAX_DEPTH):
        level = [part for node in level for part in _parts(node)]
        if not level:
            return
    raise ValueError(_TOO_DEEP)


def _parts(node: Any) -> Iterable[Any]:
    if isinstance(node, dict):
        return node.values()
    return node if isinstance(node, list) else ()


def _from_yaml(text: str) -> Any:
    import yaml  # only where somebody binds from YAML

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the fast one is not on every system
    builder = _Builder()
    try:
        for event in yaml.parse(text, Loader=loader):
            builder.take(event)
    except yaml.YAMLError as error:
        raise ValueError(f"is neither JSON nor YAML: {_on_one_line(error)}") from error
    return builder.root


def _on_one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]


@dataclass
class _Open:
    """A mapping or sequence that is still being filled, and what is known of it."""

    value: Any
    anchor: str | None
    first: int
    key: str | None = None


@dataclass
class _Builder:
    """Makes values from the events of a YAML parser, without recursion."""

    root: Any = None
    values: int = 0
    documents: int = 0
    stack: list[_Open] = field(default_factory=list)
    anchors: dict[str, tuple[Any, int]] = field(default_factory=dict)

    def take(self, event: Any) -> None:
        """Take one event; anything but structure is passed over."""
        kind = type(event).__name__
        where = f" (line {event.start_mark.line + 1})" if event.start_mark else ""
        if kind == "DocumentStartEvent":
            self.documents += 1
            if self.documents > 1:
                raise ValueError(f"holds several documents{where}: give one")
        elif kind in ("MappingStartEvent", "SequenceStartEvent"):
            self._open({} if kind == "MappingStartEvent" else [], event, where)
        elif kind in ("MappingEndEvent", "SequenceEndEvent"):
            self._close(where)
        elif kind == "ScalarEvent":
            self._count(1)
            _check_tag(event.tag, where)
            self._scalar(event, where)
        elif kind == "AliasEvent":
            self._add(self._aliased(event.anchor, where), where)

    def _count(self, values: int) -> None:
        self.values += values
        if self.values > MAX_VALUES:
            raise ValueError(_TOO_MUCH)

    def _open(self, value: Any, event: Any, where: str) -> None:
        _check_tag(event.tag, where)
        self._count(1)
        if len(self.stack) >= MAX_DEPTH:
            raise ValueError(_TOO_DEEP)
        self.stack.append(_Open(value, event.anchor, self.values))
        self.anchors.pop(event.anchor, None)

    def _close(self, where: str) -> None:
        done = self.stack.pop()
        if done.anchor:
            self.anchors[done.anchor] = (done.value, self.values - done.first + 1)
        self._add(done.value, where)

    def _scalar(self, event: Any, where: str) -> None:
        inside = self.stack[-1] if self.stack else None
        is_key = inside is not None and isinstance(inside.value, dict) and inside.key is None
        value = event.value if is_key or not event.implicit[0] else _plain(event.value)
        if event.anchor:
            self.anchors[event.anchor] = (value, 1)
        self._add(value, where)

    def _aliased(self, anchor: str, where: str) -> Any:
        if any(one.anchor == anchor for one in self.stack):
            raise ValueError(f"has a value that contains itself{where}: write it without anchors")
        if anchor not in self.anchors:
            raise ValueError(f"has an alias of nothing{where}")
        value, size = self.anchors[anchor]
        self._count(size)
        if _depth(value) + len(self.stack) > MAX_DEPTH:
            raise ValueError(_TOO_DEEP)
        return value

    def _add(self, value: Any, where: str) -> None:
        if not self.stack:
            self.root = value
            return
        inside = self.stack[-1]
        if isinstance(inside.value, list):
            inside.value.append(value)
        elif inside.key is None:
            inside.key = _key(value, where)
        else:
            _put(inside.value, inside.key, value, where)
            inside.key = None


def _plain(text: str) -> Any:
    return None if text in _NOTHING else _WORDS.get(text, text)


def _check_tag(tag: str | None, where: str) -> None:
    if tag and tag != "!" and tag.removeprefix(_STANDARD_TAG) not in _SIMPLE_TAGS:
        raise ValueError(f"has the YAML tag {tag[:60]!r}{where}, which is no plain data")


def _key(value: Any, where: str) -> str:
    if isinstance(value, str) and value != "<<":
        return value
    raise ValueError(f"has a name that is no plain text, or merges by <<{where}: give it as JSON")


def _depth(value: Any) -> int:
    """Measure a value that is known to be small enough to walk."""
    level, depth = [value], 0
    while level:
        level = [part for node in level for part in _parts(node)]
        depth += 1
    return depth
