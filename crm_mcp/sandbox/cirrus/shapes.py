"""How the records of a table look: which fields they have, and what is related to what.

A shape is a mask whose names say more; a leading `-` hides a field from answers:

    name            the record's own value; `name=a.b` is one that stands elsewhere in it
    name$           the same, as text
    type:kind       one record of the table `kind`, by its brief, kept as `typeid`
    type:kind.key   the same, kept as `key`
    user:@kind      one record, shown as a list
    tags:*kind      several, kept as a list of ids; `.key` says where
    files:<kind.key all records of `kind` whose `key` is, or holds, the id of this one
    unitid:#kind    the id of a record; `:#*kind` a list of ids
    rows:*{...}     parts of the record, each an object; `priority{...}` is a single one
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from crm_mcp.sandbox.cirrus.masks import Mask, read_mask

Row = dict[str, Any]
Kind = Literal["value", "text", "one", "one_listed", "many", "back", "id", "ids", "part", "parts"]

_NAME = re.compile(r"(-?)(\w+)(\$?)(?:=([\w.]+))?(?::(@|<|\*|#\*|#)?(\w*)(?:\.(\w+))?)?")
_KINDS: Mapping[str | None, Kind] = {
    None: "one",
    "@": "one_listed",
    "*": "many",
    "<": "back",
    "#": "id",
    "#*": "ids",
}


@dataclass(frozen=True)
class Field:
    """One field; `key` is where the record keeps it, for `back` where the others keep its id."""

    name: str
    kind: Kind
    key: str
    table: str = ""
    fields: "Fields" = ()
    hidden: bool = False

    @property
    def refers(self) -> bool:
        """Whether it leads to another record by an id that this one keeps."""
        return self.kind in ("one", "one_listed", "id")


Fields = tuple[Field, ...]


@dataclass(frozen=True)
class Table:
    """One kind of record.

    Args:
        name: as `_ids.json` names the kind, where it does.
        paths: of its lists; a placeholder's column is found in `columns`.
        fields: what an answer shows of a record.
        brief: what other records show of it.
        columns: the columns behind filters, sort words and placeholders that go by other names,
            as a path over related records, and then `>=`, `<=` or, for a beginning, `^`.
        day: the column behind filters that only say from when to when.
        must: what may not be missing in an update either.
        upsert: whether an update makes the record where there is none.
    """

    name: str
    paths: tuple[str, ...]
    fields: Fields
    brief: Fields
    columns: Mapping[str, str] = field(default_factory=dict)
    day: str = "date"
    must: tuple[str, ...] = ()
    upsert: bool = False

    @property
    def names(self) -> frozenset[str]:
        """All names that a record's values go by."""
        return frozenset(name for one in self.fields for name in (one.name, one.key))

    def field_of(self, column: str) -> Field | None:
        """Find the field of a column, the one that leads somewhere first."""
        leading = [one for one in self.fields if one.refers and one.key == column]
        return next(iter(leading or [one for one in self.fields if one.name == column]), None)


def table(
    name: str,
    paths: str,
    shape: str = "{id,name}",
    brief: str = "{id,name}",
    columns: str = "",
    **more: Any,
) -> tuple[str, Table]:
    """Read a table from its shapes; paths and columns are separated by blanks.

    A `brief` of `*` shows all that the record itself shows.
    """
    named = dict(word.split(":", 1) for word in columns.split())
    fields = read_shape(shape)
    shown = fields if brief == "*" else read_shape(brief)
    return name, Table(name, tuple(paths.split()), fields, shown, named, **more)


def read_shape(text: str) -> Fields:
    """Read a shape."""
    return _fields(read_mask(text))


def _fields(mask: Mask) -> Fields:
    return tuple(_field(name, inner) for name, inner in mask.items())


def _field(text: str, inner: Mask | None) -> Field:
    found = _NAME.fullmatch(text)
    if not found:
        raise ValueError(f"no field: {text}")
    hidden, name, as_text, path, sign, other, key = found.groups()
    fields = _fields(inner) if inner else ()
    if inner and not other:
        return Field(name, "parts" if sign else "part", path or name, "", fields, bool(hidden))
    if other is None:
        kind: Kind = "text" if as_text else "value"
        return Field(name, kind, path or name, hidden=bool(hidden))
    kind = _KINDS[sign]
    usual = f"{name}id" if kind in ("one", "one_listed") else name
    return Field(name, kind, key or usual, other, fields, bool(hidden))
