"""The rule about samples: each address that a vendor's document prints is a golden request.

A sample is an address whose host only stands for the customer's, such as `http://<SERVER>/…`.
Documents without such addresses are left alone.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self
from urllib.parse import unquote

from pydantic import Field, model_validator

from crm_mcp.operation import Example, Operation, Part

# Documents print a blank behind the colon, and leave the brackets of <SERVER> out.
_HOST = re.compile(r"https?:\s?//(?:<\w+>|[A-Z]+)(?=/)")


class Exceptional(Part):
    """A sample that is not sent as printed: what is sent instead, if anything, and why."""

    line: int = Field(ge=1)
    why: str = Field(min_length=1)
    address: str = Field("", pattern="^(/|$)")


class Samples(Part):
    """How a document's samples are to be read.

    `general` names the parameters that any call has, such as credentials; no operation has them.
    `instead` says what is written for a piece of the addresses everywhere.
    """

    general: tuple[str, ...] = ()
    instead: dict[str, str] = Field({})
    exceptions: tuple[Exceptional, ...] = ()

    @model_validator(mode="after")
    def _one_a_line(self) -> Self:
        if len({entry.line for entry in self.exceptions}) != len(self.exceptions):
            raise ValueError("a line has one sample: say once what is exceptional about it")
        return self


@dataclass(frozen=True)
class Asked:
    """What an address asks for, whatever the order of its parameters."""

    path: str
    query: frozenset[tuple[str, str]]

    def __str__(self) -> str:
        query = "&".join(f"{name}={value}" for name, value in sorted(self.query))
        return f"{self.path}?{query}" if query else self.path


def sample_problems(
    document: str, rules: Samples, operations: Iterable[Operation]
) -> Iterator[str]:
    """Find the samples of a document that are no example's request, and needless exceptions.

    Args:
        document: the document's whole text.
        rules: what `_documented.json` says about its samples.
        operations: those whose examples the samples should be.
    """
    golden = {
        _asked_by(example, rules.general)
        for operation in operations
        for example in operation.examples
    }
    exceptions = {entry.line: entry for entry in rules.exceptions}
    for line, address in _samples(document):
        exception = exceptions.pop(line, None)
        if text := _difference(address, exception, rules, golden):
            yield f"line {line} {text}"
    for line in exceptions:
        yield f"line {line} prints no sample: take it out of samples"


def _difference(
    address: str, exception: Exceptional | None, rules: Samples, golden: set[Asked]
) -> str:
    printed = _asked(address, rules)
    if exception is None:
        if printed in golden:
            return ""
        return f"asks for {printed}, as no example does: give one, or say in samples why not"
    if printed in golden:
        return "is asked for as printed: take it out of samples"
    if exception.address and (sent := _asked(exception.address, rules)) not in golden:
        return f"is corrected to {sent}, which no example asks for"
    return ""


def _samples(document: str) -> Iterator[tuple[int, str]]:
    """Find the addresses, from the path on, with the numbers of their lines."""
    lines = document.split("\n")
    for number, line in enumerate(lines, start=1):
        if host := _HOST.search(line):
            yield number, _whole(line[host.end() :], lines[number:])


def _whole(address: str, following: Iterable[str]) -> str:
    """Join an address with the lines over which it goes on: in open brackets, or behind &."""
    for line in following:
        piece = line.strip()
        if not piece.startswith("&") and not (piece and _is_open(address)):
            break
        address += piece
    return address.strip()


def _is_open(text: str) -> bool:
    return sum(text.count(mark) for mark in "[{") > sum(text.count(mark) for mark in "]}")


def _asked(address: str, rules: Samples) -> Asked:
    for printed, written in rules.instead.items():
        address = address.replace(printed, written)
    path, _, query = address.partition("?")
    pairs = (pair.partition("=") for pair in query.split("&") if pair)
    decoded = ((unquote(name), unquote(value)) for name, _, value in pairs)
    return _comparable(unquote(path), decoded, rules.general)


def _asked_by(example: Example, general: Iterable[str]) -> Asked:
    query = (
        (name, value)
        for name, values in example.request.query.items()
        for value in ([values] if isinstance(values, str) else values)
    )
    return _comparable(unquote(example.request.path), query, general)


def _comparable(path: str, query: Iterable[tuple[str, str]], general: Iterable[str]) -> Asked:
    pairs = ((name, _written(value)) for name, value in query if name not in general)
    return Asked(path, frozenset(pairs))


def _written(value: str) -> str:
    """Write JSON in one way, whatever its blanks and order; a text stays as it is."""
    if not value.startswith(("[", "{")):
        return value
    try:
        return json.dumps(json.loads(value), ensure_ascii=False, sort_keys=True)
    except ValueError:
        return value
