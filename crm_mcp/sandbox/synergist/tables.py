"""Synergist's tables: which fields a record has, how each model shows them, what may be written.

A table has two models, one for lists and one for a single record. The meta-data that a call with
`style=modelstructure` tells are made from the same fields.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, time
from enum import Flag, auto
from functools import cached_property
from math import isfinite
from typing import Any, Literal

from crm_mcp.sandbox.synergist.errors import RefusalError
from crm_mcp.sandbox.synergist.world import Record, Row, World

Type = Literal["text", "number", "date", "time", "boolean"]
Get = Callable[[World, Record], Any]
"""Works out a value that is not stored."""

NO_DATE = "0000-00-00"
NO_TIME = "00:00:00"

_EMPTY: Mapping[Type, Any] = {
    "text": "",
    "number": 0,
    "date": NO_DATE,
    "time": NO_TIME,
    "boolean": False,
}
_WORD = re.compile(r"[A-Z]{2,}(?![a-z])|[A-Z]?[a-z]+|\d+|[A-Z]")
_FLAGS: Mapping[str, bool] = {"true": True, "1": True, "false": False, "0": False, "": False}


class Shown(Flag):
    """In which models a field is; one in none is for writing alone."""

    NOWHERE = 0
    LIST = auto()
    DETAILS = auto()
    BOTH = LIST | DETAILS


@dataclass(frozen=True)
class Field:
    """One field.

    Args:
        label: what people call it; made from the name unless it is given.
        editable: whether a call may write it.
        refers: the kind of record that it names; nothing, or a record that is there.
    """

    name: str
    type: Type = "text"
    shown: Shown = Shown.BOTH
    label: str = ""
    editable: bool = False
    mandatory: bool = False
    refers: str = ""

    @property
    def empty(self) -> Any:
        """The value of a field that was never filled."""
        return _EMPTY[self.type]


def fields(
    shown: Shown, *names: str, of: Type = "text", editable: bool = False
) -> tuple[Field, ...]:
    """Make fields of one type that differ in nothing but their names."""
    return tuple(Field(name, of, shown, editable=editable) for name in names)


@dataclass(frozen=True)
class Table:
    """One table.

    Args:
        kind: of its records.
        prefix: with which the names of its fields begin.
        key: the field that calls name a record by.
        head: the fields for uuid, time of the last change, and version.
        models: the names of the model for lists and of the one for a single record.
        derived: what is not stored but worked out, by field.
        aliases: other names under which a field may be written, in lower case.
    """

    kind: str
    prefix: str
    key: str
    head: tuple[str, str, str]
    models: tuple[str, str]
    fields: tuple[Field, ...]
    derived: Mapping[str, Get] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def _by_name(self) -> Mapping[str, Field]:
        found = {entry.name.lower(): entry for entry in self.fields}
        return found | {alias: found[name.lower()] for alias, name in self.aliases.items()}

    def field(self, name: str) -> Field | None:
        """Find a field by its name, in which capitals make no difference."""
        return self._by_name.get(name.lower())

    def model(self, name: str) -> Shown:
        """Tell which model a call means.

        Raises:
            RefusalError: the table has none of this name.
        """
        for model, shown in zip(self.models, (Shown.LIST, Shown.DETAILS), strict=True):
            if name.lower() == model:
                return shown
        raise RefusalError(f"invalid modelstructure {name}")

    def show(self, world: World, record: Record, model: Shown = Shown.DETAILS) -> Row:
        """Show a record by one of the models."""
        return self._row(world, record, self.of(model))

    def whole(self, world: World, record: Record) -> Row:
        """Show all fields, for filters to look at."""
        return self._row(world, record, self.fields)

    def of(self, model: Shown) -> list[Field]:
        """List the fields of a model."""
        return [entry for entry in self.fields if model in entry.shown]

    def stamp(self, record: Record) -> Row:
        """Show which record it is and how new: what stands first in all models."""
        values = (record.uuid, int(record.modified.timestamp()), record.version)
        return dict(zip(self.head, values, strict=True))

    def named(self, record: Record) -> Row:
        """Show what an answer to a write tells of every record."""
        return {self.key: record.key, **self.stamp(record)}

    def structure(self, model: Shown) -> list[Row]:
        """Show the meta-data of a model."""
        return [
            {
                "data": entry.name,
                "label": entry.label or _label(entry.name.removeprefix(self.prefix)),
                "align": "right" if entry.type == "number" else "",
                "editable": entry.editable,
                "fieldtype": entry.type,
                "displayorder": order,
                "mandatory": entry.mandatory,
            }
            for order, entry in enumerate(self.of(model))
        ]

    def _row(self, world: World, record: Record, entries: Iterable[Field]) -> Row:
        values = {entry.name: self._value(world, record, entry) for entry in entries}
        return self.stamp(record) | values

    def _value(self, world: World, record: Record, entry: Field) -> Any:
        if entry.name == self.key:
            return record.key
        if entry.name in self.derived:
            return self.derived[entry.name](world, record)
        value = record[entry.name]
        return entry.empty if value is None else value


def _label(name: str) -> str:
    """Make `ClientName` a label: Client name."""
    words = [word if word.isupper() else word.lower() for word in _WORD.findall(name)]
    text = " ".join(words)
    return text[:1].upper() + text[1:]


def via(kind: str, reference: str, name: str, empty: Any = "") -> Get:
    """Make a field show what the record that another field names holds."""

    def get(world: World, record: Record) -> Any:
        found = world.get(kind, record[reference]) if record[reference] else None
        value = None if found is None else found[name]
        return empty if value is None else value

    return get


def first_line(name: str) -> Get:
    """Make a field show the first line of another."""
    return lambda _, record: str(record[name] or "").partition("\n")[0].partition("\r")[0]


def split_values(table: Table, item: Row) -> tuple[dict[Field, Any], list[str]]:
    """Sort what a call wants to write: values by field, and the names of what cannot be written.

    The fields by which a call names a record and its version are in neither.

    Raises:
        RefusalError: a value does not fit its field.
    """
    named = {name.lower() for name in (table.key, *table.head)}
    values: dict[Field, Any] = {}
    ignored = []
    for name, value in item.items():
        entry = table.field(name)
        if entry is not None and entry.editable:
            values[entry] = read_value(entry, value)
        elif name.lower() not in named:
            ignored.append(name)
    return values, ignored


def read_value(entry: Field, value: Any) -> Any:
    """Read a value as its field stores it; a number may come as a text, a date with slashes.

    Raises:
        RefusalError: it does not fit.
    """
    if value is None or value == "":
        return entry.empty
    try:
        return _READERS[entry.type](value)
    except (TypeError, ValueError):
        raise RefusalError(f"invalid {entry.name}") from None


def tidy(number: float) -> int | float:
    """Write a whole number without a point."""
    return int(number) if float(number).is_integer() else number


def _text(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise TypeError
    return str(value)


def _number(value: Any) -> int | float:
    number = float(_text(value))
    if not isfinite(number):
        raise ValueError
    return tidy(number)


def _date(value: Any) -> str:
    text = _text(value).replace("/", "-")
    return text if text == NO_DATE else date.fromisoformat(text).isoformat()


def _time(value: Any) -> str:
    return time.fromisoformat(_text(value)).isoformat("seconds")


def _boolean(value: Any) -> bool:
    text = str(value).lower()
    if text not in _FLAGS:
        raise ValueError
    return _FLAGS[text]


_READERS: Mapping[Type, Callable[[Any], Any]] = {
    "text": _text,
    "number": _number,
    "date": _date,
    "time": _time,
    "boolean": _boolean,
}
