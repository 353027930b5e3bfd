"""The records of one Cirrus, and how a record looks in an answer."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from crm_mcp.sandbox.cirrus.shapes import Field, Fields, Row, Table

MAX_DEPTH = 5
"""Departments above departments: deeper nothing is shown."""


PART = "part"
"""The sequence of ids for all that is only a part of a record."""


class RefusalError(Exception):
    """Why a call is not carried out, in the form of the library whose marks Cirrus shows."""

    def __init__(
        self, status: HTTPStatus, message: str, errors: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.errors = errors


def not_found(what: str, key: Any) -> RefusalError:
    """Refuse because there is no such record."""
    return RefusalError(HTTPStatus.NOT_FOUND, f"{what} {key} doesn't exist")


def invalid(**errors: str) -> RefusalError:
    """Refuse because of these arguments."""
    message = "Input payload validation failed"
    return RefusalError(HTTPStatus.UNPROCESSABLE_ENTITY, message, errors)


@dataclass
class World:
    """All that one Cirrus knows; the ids of each table are its own.

    Args:
        tables: by name.
        now: the time of the present call, in UTC.
        me: the id of the user whom the token stands for.
        revision: goes up with every change of a record.
    """

    tables: Mapping[str, Table]
    now: datetime
    me: int = 0
    revision: int = 0
    _rows: dict[str, dict[int, Row]] = field(default_factory=dict)
    _last: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in (*self.tables, PART):
            self._rows[name], self._last[name] = {}, 0

    def tick(self) -> None:
        """Let a second pass."""
        self.now += timedelta(seconds=1)

    @property
    def moment(self) -> str:
        """The time of the present call, as Cirrus writes it."""
        return self.now.strftime("%Y-%m-%dT%H:%M:%SZ")

    @property
    def today(self) -> str:
        """The day of the present call."""
        return self.moment[:10]

    def all(self, table: str) -> list[Row]:
        """List the records of a table, oldest first."""
        return list(self._rows[table].values())

    def get(self, table: str, key: Any) -> Row | None:
        """Find a record by its id."""
        return self._rows[table].get(key) if isinstance(key, int) else None

    def need(self, table: str, key: Any) -> Row:
        """Find a record that must be there.

        Raises:
            RefusalError: 404.
        """
        row = self.get(table, key)
        if row is None:
            raise not_found(table, key)
        return row

    def find(self, table: str, **values: Any) -> Row | None:
        """Find the first record with these values."""
        rows = self._rows[table].values()
        fitting = (row for row in rows if all(row.get(k) == v for k, v in values.items()))
        return next(fitting, None)

    def add(self, table: str, /, **values: Any) -> Row:
        """Make a record."""
        return self.put(table, values)

    def put(self, table: str, row: Row) -> Row:
        """Keep a record, new or in the place of what it was."""
        if row.get("id") is None:
            row["id"] = self.next_id(table)
        if self._rows[table].get(row["id"]) != row:
            self.revision += 1
        self._rows[table][row["id"]] = row
        self._last[table] = max(self._last[table], row["id"])
        return row

    def remove(self, table: str, key: int) -> None:
        """Forget a record."""
        del self._rows[table][key]
        self.revision += 1

    def next_id(self, table: str) -> int:
        """Give an id that was never given."""
        self._last[table] += 1
        return self._last[table]

    def pointing(self, table: str, key: str, at: int) -> list[Row]:
        """List the records whose column is this id, or holds it."""
        return [row for row in self._rows[table].values() if at in _ids(row.get(key))]

    def show(self, row: Row, fields: Fields, depth: int = 0) -> Row:
        """Show a record, or a part of one, by a shape."""
        return {one.name: self._shown(row, one, depth) for one in fields if not one.hidden}

    def show_one(self, table: str, row: Row) -> Row:
        """Show a record in full."""
        return self.show(row, self.tables[table].fields)

    def _shown(self, row: Row, one: Field, depth: int) -> Any:
        value = at(row, one.key)
        match one.kind:
            case "value" | "id":
                shown = value
            case "ids":
                shown = _ids(value)
            case "text":
                shown = None if value is None else str(value)
            case "part":
                shown = self.show(value or {}, one.fields, depth)
            case "parts":
                shown = [self.show(part, one.fields, depth) for part in value or ()]
            case _:
                shown = [self._brief(one, other, depth + 1) for other in self.related(row, one)]
        if one.kind == "one":
            return shown[0] if shown and depth < MAX_DEPTH else None
        return shown

    def related(self, row: Row, one: Field) -> Iterator[Row]:
        """List the records that a field leads to; an id that leads nowhere is passed over."""
        if one.kind == "back":
            yield from self.pointing(one.table, one.key, row["id"])
        else:
            found = (self.get(one.table, key) for key in _ids(row.get(one.key)))
            yield from (other for other in found if other is not None)

    def _brief(self, one: Field, row: Row, depth: int) -> Row:
        if depth > MAX_DEPTH:
            return {"id": row["id"]}
        return self.show(row, one.fields or self.tables[one.table].brief, depth)

    def values_at(self, table: str, row: Row, path: str) -> list[Any]:
        """List what stands at a path that may lead over related records and parts."""
        step, _, rest = path.partition(".")
        one = next((each for each in self.tables[table].fields if each.name == step), None)
        if not rest:
            value = row.get(step)
            return value if isinstance(value, list) else [value]
        if one is None or not one.table:
            return [at(part, rest) for part in _parts(row.get(step))]
        others = self.related(row, one)
        return [value for other in others for value in self.values_at(one.table, other, rest)]


def at(value: Any, path: str) -> Any:
    """Read what stands in a record at a path; None for nothing."""
    for step in path.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(step)
    return value


def _parts(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list) else [value]


def _ids(value: Any) -> list[int]:
    if isinstance(value, list):
        return [each for each in value if isinstance(each, int)]
    return [] if value is None else [value]
