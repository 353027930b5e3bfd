"""How much an operation of ours is like one of a vendor's document. Pure.

Nothing alone decides: titles are copied, paths are renamed, and many operations take the same
arguments. Each sign counts with its weight, and one that is not there does not count at all.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import log

from crm_mcp.bind import parse_target, placeholders, targets
from crm_mcp.bindings.openapi import Described, Parameter
from crm_mcp.operation import Operation

Pieces = frozenset[str]
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_PLACEHOLDER = re.compile(r"\{[^{}/]*\}")
_BRACES = re.compile(r"\{([^{}/]*)\}")
_PIECE = 3
_VERBS = frozenset(
    ("add", "create", "delete", "edit", "get", "list", "patch", "post", "put", "remove", "update")
)
_SUFFIXES = frozenset(("api", "controller", "endpoint", "resource", "view"))
_KINDS = frozenset(("collection", "item", "list"))
"""What frameworks put behind a name, for many records and for one; it may also be a name."""
_FIELD_PLACES = ("query", "header", "body", "form")
_BODIES = ("body", "form")
CHANGING = ("PUT", "PATCH", "DELETE")
"""Methods by which no vendor reads: a read would change the CRM without asking anybody."""

TITLE, NAME, FIELDS, PLACEHOLDERS, METHOD, PATH, TAG = 3.0, 3.0, 4.0, 1.5, 1.0, 0.5, 0.5
"""What each sign weighs; paths weigh least, they may all have been renamed."""
SAME_REQUEST = 2.0
"""What the very request that we know weighs, where the document has it; else nothing."""


@dataclass(frozen=True)
class Profile:
    """What is compared of an operation, on either side.

    `shape` is its path without names; `stands` says that the document has just this request.
    """

    method: str
    shape: str
    stands: bool
    reads: bool
    title: Pieces
    identifier: Pieces
    names: tuple[Pieces, ...]
    path: Pieces
    tags: Pieces
    fields: frozenset[str]
    body_fields: frozenset[str]
    free_body: bool
    path_names: tuple[str, ...]


def plain(name: str) -> str:
    """Write a name as it is compared: accountId, account_id and AccountID are the same."""
    return "".join(char for char in name.lower() if char.isalnum())


def sent_parameters(operation: Operation) -> Iterator[tuple[str, Parameter]]:
    """List what an operation of ours sends, each with its argument; a constant has none.

    The name of a parameter that fills the whole body is empty.
    """
    required = operation.input_schema.get("required", ())
    goes = [(name, target) for name in operation.properties for target in targets(operation, name)]
    for name, target in (*goes, *(("", target) for target in operation.request.const)):
        if found := _sent(target, name, required=not name or name in required):
            yield name, found


def _sent(target: str, argument: str, *, required: bool) -> Parameter | None:
    place = parse_target(target)
    if place.part == "local":
        return None
    if place.part == "json":
        return Parameter("body", place.pointer[0] if place.pointer else "", required)
    part = place.part
    if part == "path":
        return Parameter("path", argument, required)
    if part == "header":
        return Parameter("header", place.name or argument, required)
    return Parameter("form" if part == "form" else "query", place.name or argument, required)


def our_headers(operations: Iterable[Operation]) -> frozenset[str]:
    """List the headers that arguments go into; others carry credentials, and are not compared."""
    sent = (one for operation in operations for _, one in sent_parameters(operation))
    return frozenset(one.name.lower() for one in sent if one.place == "header")


def shape(path: str) -> str:
    """Write a path without the names of its placeholders."""
    return _PLACEHOLDER.sub("{}", path)


def profile_ours(operation: Operation, requests: frozenset[tuple[str, str]]) -> Profile:
    """Describe an operation of ours; `requests` are the document's, as method and shape."""
    sent = [one for _, one in sent_parameters(operation)]
    words = _words(operation.name.removeprefix(f"{operation.vendor}_"))
    path = operation.request.path
    section = operation.source.section
    # Where a summary is missing, pages print the operationId as the heading.
    named_by_id = "_" in section
    return Profile(
        method=operation.request.method,
        shape=shape(path),
        stands=(operation.request.method, shape(path)) in requests,
        reads=not operation.is_write,
        title=frozenset() if named_by_id else _pieces(_words(section)),
        identifier=_pieces(_words(section)) if named_by_id else frozenset(),
        names=(_pieces(_nouns(words)), _pieces(_path_words(path))),
        path=_pieces(_path_words(path)),
        tags=_pieces(_words(operation.toolset)),
        fields=_fields(sent, _FIELD_PLACES),
        body_fields=_fields(sent, _BODIES),
        free_body=any(one.place == "body" and not one.name for one in sent),
        path_names=placeholders(path),
    )


def profile_theirs(described: Described, headers: frozenset[str]) -> Profile:
    """Describe an operation of the vendor's document; other headers than these do not count."""
    words = _words(described.operation_id)
    while words and words[-1] in _SUFFIXES:
        words = words[:-1]
    shorter = words[:-1] if words[-1:] and words[-1] in _KINDS else words
    sent = [
        one for one in described.parameters if one.place != "header" or one.name.lower() in headers
    ]
    return Profile(
        method=described.method,
        shape=shape(described.path),
        stands=True,
        reads=False,
        title=_pieces(_words(described.summary)),
        identifier=_pieces(_words(described.operation_id)),
        names=tuple(_pieces(one) for one in (_nouns(words), _nouns(shorter)) if one),
        path=_pieces(_path_words(described.path)),
        tags=_pieces([word for tag in described.tags for word in _words(tag)]),
        fields=_fields(sent, _FIELD_PLACES),
        body_fields=_fields(sent, _BODIES),
        free_body=described.free_body,
        path_names=tuple(_BRACES.findall(described.path)),
    )


def weights(profiles: Iterable[Profile]) -> Mapping[str, float]:
    """Say what each field's name weighs: what few operations take tells more than `page`."""
    counts: Counter[str] = Counter()
    total = 0
    for profile in profiles:
        counts.update(profile.fields)
        total += 1
    return {name: log(1 + total / count) for name, count in counts.items()}


def likeness(ours: Profile, theirs: Profile, weight: Mapping[str, float]) -> float:
    """Compare two operations: 1 where every sign agrees, 0 where they cannot be the same."""
    if ours.reads and theirs.method in CHANGING and ours.method != theirs.method:
        return 0.0
    total = reached = 0.0
    for value, counts in _signs(ours, theirs, weight):
        if value is not None:
            total += counts
            reached += value * counts
    return reached / total


def _signs(
    ours: Profile, theirs: Profile, weight: Mapping[str, float]
) -> Iterator[tuple[float | None, float]]:
    by_id = _alike(ours.identifier, theirs.identifier)
    yield _alike(ours.title, theirs.title) if by_id is None else by_id, TITLE
    yield _best(ours.names, theirs.names), NAME
    yield _fields_alike(ours, theirs, weight), FIELDS
    yield _placeholders_alike(ours.path_names, theirs.path_names), PLACEHOLDERS
    yield float(ours.method == theirs.method), METHOD
    yield _alike(ours.path, theirs.path), PATH
    same = (ours.method, ours.shape) == (theirs.method, theirs.shape)
    yield float(same) if ours.stands else None, SAME_REQUEST
    yield _alike(ours.tags, theirs.tags), TAG


def _alike(one: Pieces, other: Pieces) -> float | None:
    """Compare two texts by their pieces; None where one of them is not there."""
    if not one or not other:
        return None
    return 2 * len(one & other) / (len(one) + len(other))


def _best(ours: Iterable[Pieces], theirs: Iterable[Pieces]) -> float | None:
    found = [value for one in ours for other in theirs if (value := _alike(one, other)) is not None]
    return max(found, default=None)


def _fields_alike(ours: Profile, theirs: Profile, weight: Mapping[str, float]) -> float | None:
    one, other = ours.fields, theirs.fields
    if ours.free_body or theirs.free_body:
        one, other = one - ours.body_fields, other - theirs.body_fields
    total = sum(weight[name] for name in one) + sum(weight[name] for name in other)
    return 2 * sum(weight[name] for name in one & other) / total if total else None


def _placeholders_alike(ours: tuple[str, ...], theirs: tuple[str, ...]) -> float:
    if len(ours) != len(theirs):
        return 0.0
    if not ours:
        return 1.0
    same = len(set(map(plain, ours)) & set(map(plain, theirs)))
    return 0.7 + 0.3 * same / len(ours)


def _fields(parameters: Iterable[Parameter], places: Iterable[str]) -> frozenset[str]:
    return frozenset(plain(one.name) for one in parameters if one.place in places and one.name)


def _words(text: str) -> list[str]:
    return [_singular(word.lower()) for word in _WORD.findall(text)]


def _singular(word: str) -> str:
    if word.endswith("ies"):
        return f"{word[:-3]}y"
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word


def _nouns(words: list[str]) -> list[str]:
    """Leave out what is done, which the method says, at either end of a name."""
    while words and words[0] in _VERBS:
        words = words[1:]
    while words and words[-1] in _VERBS:
        words = words[:-1]
    return words


def _path_words(path: str) -> list[str]:
    return _words(shape(path))


def _pieces(words: Iterable[str]) -> Pieces:
    """Cut words into overlapping pieces, so that accountgroups and account_group look alike."""
    text = "".join(words)
    padded = f" {text} "
    starts = range(max(len(padded) - _PIECE + 1, 1))
    return frozenset(padded[at : at + _PIECE] for at in starts) if text else frozenset()
