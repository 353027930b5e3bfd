"""The fields of a CRM's own models, as it listed them: what a write names that is not among them.

Some CRMs let the customer add fields, so that no schema can know them all. Such a CRM lists them
on request. Nothing is read for this: what a caller has had listed is remembered, and no more.
"""

import json
import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from crm_mcp.compare import items_at
from crm_mcp.guard import BoundCall
from crm_mcp.operation import Operation
from crm_mcp.pointer import find_all, steps

MAX_LISTINGS = 100
_NAME = re.compile(r"[\w.-]{1,64}", re.ASCII)

Listing = tuple[Mapping[str, Any], frozenset[str]]


class FieldNames:
    """What callers have had listed in this process, the newest few listings of them."""

    def __init__(self) -> None:
        self._listings: dict[tuple[str, str, str, str], Listing] = {}

    def note(self, call: BoundCall, data: Any) -> None:
        """Remember what a read listed, if it is one that lists fields."""
        operation = call.operation
        if not operation.response.fields:
            return
        found = find_all(data, operation.response.fields)
        names = frozenset(name for name in found if isinstance(name, str) and _NAME.fullmatch(name))
        given = json.dumps(dict(call.arguments), sort_keys=True)
        key = (call.caller, call.account, operation.name, given)
        self._listings.pop(key, None)
        self._listings[key] = (call.arguments, names)
        while len(self._listings) > MAX_LISTINGS:
            del self._listings[next(iter(self._listings))]

    def unlisted(self, write: BoundCall) -> tuple[str, ...]:
        """Say of each field of a write that the CRM did not list it; nothing if it listed none."""
        fields = write.operation.fields
        listed = self._listed(write)
        if fields is None or not listed:
            return ()
        known = {name.casefold() for name in listed | _documented(write.operation, fields.each)}
        return tuple(
            f"{place} is no field that {fields.tool} listed{_meant(name, listed)}."
            for place, name in _given(write.arguments, fields.each)
            if name.casefold() not in known
        )

    def _listed(self, write: BoundCall) -> frozenset[str]:
        fields = write.operation.fields
        if fields is None:
            return frozenset()
        of_caller = (write.caller, write.account, fields.tool)
        return frozenset().union(
            *(
                names
                for key, (arguments, names) in self._listings.items()
                if key[:3] == of_caller and fields.arguments.items() <= dict(arguments).items()
            )
        )


def _documented(operation: Operation, each: str) -> frozenset[str]:
    """Take the fields that the schema of an item knows."""
    schema: Any = operation.input_schema
    for step in steps(each):
        schema = schema.get("properties", {}).get(step, {})
    return frozenset(schema.get("items", {}).get("properties", ()))


def _given(arguments: Mapping[str, Any], each: str) -> Iterator[tuple[str, str]]:
    """List the fields of all items: the place as a caller would name it, and the name."""
    where = ".".join(steps(each))
    for at, item in enumerate(items_at(arguments, each)):
        for name in item if isinstance(item, Mapping) else ():
            shown = name if _NAME.fullmatch(name) else json.dumps(name[:64])
            yield f"{where}[{at}].{shown}", name


def _meant(name: str, listed: frozenset[str]) -> str:
    near = get_close_matches(name, sorted(listed), n=1)
    return f" (did you mean {near[0]}?)" if near else ""
