"""Rules about one vendor's operations side by side."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from statistics import median

from crm_mcp.check.files import Folder, Problem, file_of
from crm_mcp.entries import own_bytes
from crm_mcp.operation import Operation

# The median of a handful says nothing about a catalogue.
ENOUGH_FOR_MEDIAN = 5

_PLACEHOLDER = re.compile(r"\{[^{}]*\}")


def catalogue_problems(folder: Folder, median_bytes: int) -> Iterator[Problem]:
    """Compare a vendor's operations with each other; half may be longer than so many bytes."""
    yield from _same_requests(folder)
    yield from _clashing_aliases(folder)
    yield from _heavy_catalogue(folder, median_bytes)
    yield from _words_of_nothing(folder)


def _same_requests(folder: Folder) -> Iterator[Problem]:
    """Two operations with one address are one, unless all but one say why they are not."""
    groups: dict[object, list[Operation]] = defaultdict(list)
    for operation in folder.operations:
        groups[address(operation)].append(operation)
    for group in groups.values():
        silent = [operation for operation in group if not operation.source.divergence]
        for operation in silent[1:]:
            text = (
                f"{silent[0].name} has the same method, path and constants: "
                "keep one, or say in source.divergence why there are two"
            )
            yield Problem(file_of(operation), "duplicate", text)


def address(operation: Operation) -> object:
    """Say what tells one request from another: method, shape of the path, and constants."""
    request = operation.request
    path = _PLACEHOLDER.sub("{}", request.path)
    return request.method, path, frozenset(request.const.items())


def _clashing_aliases(folder: Folder) -> Iterator[Problem]:
    given = Counter(alias for operation in folder.operations for alias in operation.aliases)
    for operation in folder.operations:
        for alias in dict.fromkeys(operation.aliases):
            if not alias.startswith(f"{folder.vendor}_"):
                text = f"the alias {alias} must begin with {folder.vendor}_"
                yield Problem(file_of(operation), "aliases", text)
            if alias in folder.names:
                text = f"the alias {alias} is the name of an operation: take it out"
                yield Problem(file_of(operation), "aliases", text)
            if given[alias] > 1:
                text = f"the alias {alias} is given {given[alias]} times: keep one"
                yield Problem(file_of(operation), "aliases", text)


def _heavy_catalogue(folder: Folder, most: int) -> Iterator[Problem]:
    sizes = [own_bytes(operation) for operation in folder.operations]
    if len(sizes) >= ENOUGH_FOR_MEDIAN and median(sizes) > most:
        text = (
            f"half of the list entries have more than {median(sizes):g} bytes; "
            f"the median may be {most}: shorten descriptions"
        )
        yield Problem(folder.vendor, "median-size", text)


def _words_of_nothing(folder: Folder) -> Iterator[Problem]:
    names = {name.removeprefix(f"{folder.vendor}_") for name in folder.names}
    names |= {name.rpartition("_")[0] for name in names}
    for key in folder.words:
        if key not in names:
            text = (
                f"{key} is no tool, and no tool's name without its verb: correct it, or take it out"
            )
            yield Problem(f"{folder.vendor}/_words.json", "words", text)
