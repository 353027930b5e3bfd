"""Which operation a request calls: by method, path and fixed values of the operation files.

Where several are left, a required argument with a list of values tells them apart, such as
`action`; a request with none of the values is still theirs, for their CRM to refuse.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self
from urllib.parse import unquote

from crm_mcp.bind import parse_target, targets
from crm_mcp.operation import Operation
from crm_mcp.pointer import find
from crm_mcp.sandbox.base import Call

_PLACEHOLDER = re.compile(r"\{([^}]+)\}")


class Recogniser:
    """Knows the operations of one vendor by what is fixed in their requests."""

    def __init__(self, operations: tuple[Operation, ...]) -> None:
        # The most specific comes first: `/contacts/recent` before `/contacts/{id}`, and what
        # asks for `cmd=merge` before what asks for nothing.
        ordered = sorted(map(_Candidate.of, operations), key=_Candidate.openness)
        self._candidates: dict[tuple[str, int], list[_Candidate]] = defaultdict(list)
        for one in ordered:
            request = one.operation.request
            self._candidates[_shape(request.method, request.path)].append(one)

    def find(self, call: Call) -> tuple[Operation, Call] | None:
        """Find the operation, and fill the call's `in_path` by its template."""
        candidates = self._candidates.get(_shape(call.method, call.path), ())
        found = [(one, in_path) for one in candidates if (in_path := one.match(call)) is not None]
        if not found:
            return None
        alike = [pair for pair in found if pair[0].openness()[:2] == found[0][0].openness()[:2]]
        best, in_path = next((pair for pair in alike if pair[0].is_chosen(call)), found[0])
        return best.operation, replace(call, in_path=in_path)


def _shape(method: str, path: str) -> tuple[str, int]:
    """Say what requests that may be the same have in common: placeholders hold no slash."""
    return method, path.count("/")


@dataclass(frozen=True)
class _Candidate:
    operation: Operation
    names: tuple[str, ...]
    pattern: re.Pattern[str]
    choices: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, operation: Operation) -> Self:
        path = operation.request.path
        literals = map(re.escape, _PLACEHOLDER.split(path)[::2])
        names = tuple(_PLACEHOLDER.findall(path))
        pattern = re.compile("([^/]+)".join(literals))
        return cls(operation, names, pattern, dict(_choices(operation)))

    def openness(self) -> tuple[int, int, int]:
        return len(self.names), -len(self.operation.request.const), -len(self.choices)

    def match(self, call: Call) -> dict[str, str] | None:
        found = self.pattern.fullmatch(call.path)
        const = self.operation.request.const
        if not found or any(_value_at(call, target) != value for target, value in const.items()):
            return None
        return dict(zip(self.names, map(unquote, found.groups()), strict=True))

    def is_chosen(self, call: Call) -> bool:
        """Tell whether each of these parameters has one of its values."""
        return all(call.parameters.get(name) in values for name, values in self.choices.items())


def _choices(operation: Operation) -> Iterator[tuple[str, tuple[str, ...]]]:
    """List the parameters that must hold one of a few texts."""
    for name in operation.input_schema.get("required", ()):
        values = operation.properties[name].get("enum", ())
        if not values or not all(isinstance(value, str) for value in values):
            continue
        for place in map(parse_target, targets(operation, name)):
            if place.part in {"query", "form"} and place.pointer is None:
                yield place.name or name, tuple(values)


def _value_at(call: Call, target: str) -> Any:
    """Read what a request holds at a target of the operation format; None for nothing."""
    where, hash_sign, pointer = target.partition("#")
    part, _, name = where.partition(":")
    if part == "json":
        text: str | None = call.content.decode("utf-8", "replace")
    elif part == "header":
        text = call.headers.get(name.lower())
    else:
        text = call.parameters.get(name)
    if text is None or not hash_sign:
        return text
    try:
        return find(json.loads(text), pointer)
    except (ValueError, LookupError):
        return None
