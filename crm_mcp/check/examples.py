"""The rule about examples: the engine makes of them exactly what the file says."""

from collections.abc import Iterator
from typing import Any

from crm_mcp.bind import compact
from crm_mcp.errors import InvalidArguments
from crm_mcp.golden import expected_request, run
from crm_mcp.operation import Example, Operation
from crm_mcp.pointer import escape
from crm_mcp.vendors.base import Vendor

MAX_SHOWN = 200

_ABSENT = object()


def failing_examples(operation: Operation, vendor: Vendor) -> Iterator[str]:
    """Run each example and tell the first place where request or result differs."""
    if not operation.examples:
        yield "give at least one example, the document's own sample if it has one"
    for example in operation.examples:
        for text in _differences(operation, vendor, example):
            yield f"the example {example.title!r}: {text}"


def _differences(operation: Operation, vendor: Vendor, example: Example) -> Iterator[str]:
    try:
        got = run(operation, vendor, example)
    except InvalidArguments as error:
        yield f"its arguments do not fit: {error.message}"
        return
    yield from _difference(got.request, expected_request(example), "request")
    yield from _difference(got.result, example.result, "result")


def _difference(got: Any, said: Any, where: str) -> Iterator[str]:
    """Find the first place where two JSON values differ; 1, 1.0 and true are different."""
    found = next(_unequal(got, said, where), None)
    if found:
        place, got, said = found
        yield f"{place} is {_shown(got)}, and the file says {_shown(said)}"


def _unequal(got: Any, said: Any, where: str) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(got, dict) and isinstance(said, dict):
        for key in {**said, **got}:
            below = f"{where}/{escape(key)}"
            yield from _unequal(got.get(key, _ABSENT), said.get(key, _ABSENT), below)
    elif isinstance(got, list) and isinstance(said, list) and len(got) == len(said):
        for index, (one, other) in enumerate(zip(got, said, strict=True)):
            yield from _unequal(one, other, f"{where}/{index}")
    elif _shown(got) != _shown(said):
        yield where, got, said


def _shown(value: Any) -> str:
    text = "absent" if value is _ABSENT else compact(value)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"
