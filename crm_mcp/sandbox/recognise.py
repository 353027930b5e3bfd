"""Which operation a request calls: by method, path and fixed values of the operation files."""

import json
import re
from dataclasses import dataclass, replace
from typing import Any, Self
from urllib.parse import unquote

from crm_mcp.operation import Operation
from crm_mcp.pointer import find
from crm_mcp.sandbox.base import Call

_PLACEHOLDER = re.compile(r"\{([^}]+)\}")


class Recogniser:
    """Knows the operations of one vendor by what is fixed in their requests."""

    def __init__(self, operations: tuple[Operation, ...]) -> None:
        # The most specific comes first: `/contacts/recent` before `/contacts/{id}`, and what
        # asks for `cmd=merge` before what asks for nothing.
        self._candidates = sorted(map(_Candidate.of, operations), key=_Candidate.openness)

    def find(self, call: Call) -> tuple[Operation, Call] | None:
        """Find the operation, and fill the call's `in_path` by its template."""
        for candidate in self._candidates:
            in_path = candidate.match(call)
            if in_path is not None:
                return candidate.operation, replace(call, in_path=in_path)
        return None


@dataclass(frozen=True)
class _Candidate:
    operation: Operation
    names: tuple[str, ...]
    pattern: re.Pattern[str]

    @classmethod
    def of(cls, operation: Operation) -> Self:
        path = operation.request.path
        literals = map(re.escape, _PLACEHOLDER.split(path)[::2])
        names = tuple(_PLACEHOLDER.findall(path))
        return cls(operation, names, re.compile("([^/]+)".join(literals)))

    def openness(self) -> tuple[int, int]:
        return len(self.names), -len(self.operation.request.const)

    def match(self, call: Call) -> dict[str, str] | None:
        request = self.operation.request
        found = self.pattern.fullmatch(call.path)
        if request.method != call.method or not found:
            return None
        if any(_value_at(call, target) != value for target, value in request.const.items()):
            return None
        return dict(zip(self.names, map(unquote, found.groups()), strict=True))


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
