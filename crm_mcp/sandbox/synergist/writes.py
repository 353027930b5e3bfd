"""Writing to a table of Synergist: all items of a call, or none of them.

What cannot be written is left out with a warning, as long as the rest makes sense. A version that
comes along must be the present one; a table may demand that one does.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from crm_mcp.sandbox.synergist.errors import RefusalError
from crm_mcp.sandbox.synergist.tables import Field, Table, read_value, split_values
from crm_mcp.sandbox.synergist.wire import Done
from crm_mcp.sandbox.synergist.world import Key, Record, Row, World


@dataclass(frozen=True)
class Values:
    """What one item of a call writes, by field, and what it cannot write."""

    data: Mapping[str, Any]
    ignored: tuple[str, ...] = ()


@dataclass(frozen=True)
class Item:
    """What became of one item: the row that tells of it, and a warning if there is one."""

    row: Row
    warnings: tuple[str, ...] = ()


def each(items: Iterable[Row], carry_out: Callable[[Row], Item]) -> Done:
    """Carry out the items of a call, one after the other."""
    done = [carry_out(item) for item in items]
    warnings = dict.fromkeys(warning for item in done for warning in item.warnings)
    return Done(rows=[item.row for item in done], warning=" ".join(warnings))


def delete(world: World, table: Table, items: Iterable[Row]) -> Done:
    """Take away the records that the items name."""

    def drop(item: Row) -> Item:
        record = named(world, table, item)
        world.drop(record)
        return Item({table.key: record.key, table.head[0]: record.uuid})

    return each(items, drop)


def values_of(world: World, table: Table, item: Row) -> Values:
    """Read what an item wants to write.

    Raises:
        RefusalError: a value does not fit its field, refers to what is not there, or is nothing
            where there must be something.
    """
    found, ignored = split_values(table, item)
    for entry, value in found.items():
        if entry.mandatory and value == entry.empty:
            raise RefusalError(f"{entry.name} is missing")
    data = {entry.name: _resolved(world, entry, value) for entry, value in found.items()}
    return Values(data, tuple(ignored))


def new_values(world: World, table: Table, item: Row) -> Values:
    """Read what an item wants a new record to hold; see `values_of`.

    Raises:
        RefusalError: also where a mandatory field has no value.
    """
    values = values_of(world, table, item)
    for entry in table.fields:
        if entry.mandatory and entry.name not in values.data:
            raise RefusalError(f"{entry.name} is missing")
    return values


def ignored(values: Values) -> tuple[str, ...]:
    """Warn of what was not written."""
    return tuple(f"{name} cannot be written and was ignored." for name in values.ignored)


def named(world: World, table: Table, item: Row, *, needs_version: bool = False) -> Record:
    """Find the record that an item names by its key or its uuid.

    Raises:
        RefusalError: it names none, or one that is not there, or not the present version.
    """
    given = {name.lower(): value for name, value in item.items()}
    record = _record(world, table, given)
    version = given.get(table.head[2].lower())
    if version is None:
        if needs_version:
            raise RefusalError(f"{table.head[2]} is missing")
    elif read_value(Field(table.head[2], "number"), version) != record.version:
        raise RefusalError(
            f"{table.kind} {record.key} has been updated by another user: "
            f"{table.head[2]} is {record.version} now"
        )
    return record


def _record(world: World, table: Table, given: Mapping[str, Any]) -> Record:
    key, uuid = given.get(table.key.lower()), given.get(table.head[0].lower())
    if key in (None, "") and uuid:
        found = [record for record in world.all(table.kind) if record.uuid == str(uuid).upper()]
        if not found:
            raise RefusalError(f"{table.kind} {uuid} not found")
        return found[0]
    if key in (None, ""):
        raise RefusalError(f"{table.key} is missing")
    return world.find(table.kind, _as_key(table, key))


def _as_key(table: Table, key: Any) -> Key:
    entry = table.field(table.key) or Field(table.key)
    read: Key = read_value(entry, key)
    return read


def _resolved(world: World, entry: Field, value: Any) -> Any:
    """Give the key of the record that a field refers to, in the spelling of that record."""
    if not entry.refers or value == entry.empty:
        return value
    return world.find(entry.refers, value).key
