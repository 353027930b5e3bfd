"""A value as the CRM told it, in the form that an argument takes. Pure.

What a reply calls a field is what an update takes, but not always in the same spelling: replies
have more parts than arguments, texts where numbers are due, and nothing where a text is.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from crm_mcp.compare import NOTHING, same
from crm_mcp.errors import NotUndoable
from crm_mcp.redact import MASK

Schema = Mapping[str, Any]


def fitted(schema: Schema, value: Any, stands: Any, where: str) -> Any:
    """Write a value as it was read in the form that a schema takes.

    Args:
        schema: of the argument.
        value: as read.
        stands: what it is to replace; matters where a part of an object can only be left out.
        where: the argument's name.

    Raises:
        NotUndoable: the schema takes no form of it.
    """
    if isinstance(value, str) and MASK in value:
        raise NotUndoable(f"{where} was read with a secret masked")
    if isinstance(value, dict):
        value = _fitted_object(schema, value, stands, where)
    elif isinstance(value, list):
        items = schema.get("items", {})
        value = [fitted(items, item, None, f"{where}[{at}]") for at, item in enumerate(value)]
    for spelling in _spellings(value):
        if takes(schema, spelling):
            return spelling
    raise NotUndoable(f"{where} cannot be given the value that stood there")


def takes(schema: Schema, value: Any) -> bool:
    """Tell whether a value fits a schema."""
    # Imported here: only writes that can be taken back need it.
    import jsonschema_rs

    return jsonschema_rs.Draft202012Validator(dict(schema)).is_valid(value)


def _fitted_object(
    schema: Schema, value: Mapping[str, Any], stands: Any, where: str
) -> dict[str, Any]:
    """Keep what the schema knows; nothing may be left out where something would stay."""
    known = schema.get("properties", {})
    is_open = schema.get("additionalProperties", True) is not False
    stands = stands if isinstance(stands, dict) else {}
    kept = {}
    for key, part in (dict.fromkeys(stands) | dict(value)).items():
        below = known.get(key, {})
        leaves_nothing = part is None and stands.get(key) in NOTHING and not takes(below, None)
        if (key in known or is_open) and not leaves_nothing:
            kept[key] = fitted(below, part, stands.get(key), f"{where}.{key}")
    return kept


def _spellings(value: Any) -> Iterator[Any]:
    """List the forms that read the same: 3 and "3", null and "", one and a list of one."""
    yield value
    if value is None or value == "":
        yield "" if value is None else None
        return
    if isinstance(value, int | float) and not isinstance(value, bool):
        yield str(value)
    if isinstance(value, str):
        yield from _as_number(value)
    if not isinstance(value, list):
        yield [value]


def _as_number(text: str) -> Iterator[Any]:
    try:
        value = json.loads(text)
    except ValueError:
        return
    if isinstance(value, int | float) and same(value, text):
        yield value
