"""Bodies into records: relations become ids that are checked, parts get ids of their own."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from crm_mcp.sandbox.cirrus.rules import RULES
from crm_mcp.sandbox.cirrus.shapes import Field, Fields, Row, Table
from crm_mcp.sandbox.cirrus.world import PART, World, invalid

_BORN = ("created", "tscreated", "regdate", "timestamp")
_TOUCHED = ("updated", "tsupdated", "changedate")


@dataclass
class _Draft:
    """A body on its way into a record: what is wrong with it, and which records link to it."""

    world: World
    errors: dict[str, str] = field(default_factory=dict)
    links: list[tuple[Field, list[int]]] = field(default_factory=list)

    def values(self, fields: Fields, given: Mapping[str, Any], old: Row, where: str = "") -> Row:
        """Read an object by the fields that it may have; what nobody knows is kept as it is."""
        leading = {one.key: one for one in fields if one.refers}
        named = {one.name: one for one in fields} | leading
        row: Row = {}
        for name, value in given.items():
            one = named.get(name)
            key = one.key if one and one.kind != "back" else name
            row[key] = self._value(one, value, old.get(key), f"{where}{name}") if one else value
        return row

    def _value(self, one: Field, value: Any, old: Any, where: str) -> Any:
        match one.kind:
            case "one" | "one_listed" | "id":
                first = value[0] if isinstance(value, list) and value else value
                return self._id(one.table, None if first == [] else first, where)
            case "many" | "ids":
                return self._ids(one.table, value, where)
            case "back":
                self.links.append((one, self._ids(one.table, value, where)))
                return None
            case "part" if isinstance(value, dict):
                was = old if isinstance(old, dict) else {}
                return {**was, **self.values(one.fields, value, was, f"{where}.")}
            case "parts" if isinstance(value, list):
                return [self._part(one, part, f"{where}.{n}.") for n, part in enumerate(value)]
            case _:
                return value

    def _part(self, one: Field, part: Any, where: str) -> Row:
        row = self.values(one.fields, part if isinstance(part, dict) else {}, {}, where)
        if any(each.name == "id" for each in one.fields) and row.get("id") is None:
            row["id"] = self.world.next_id(PART)
        return row

    def _ids(self, table: str, value: Any, where: str) -> list[int]:
        values = value if isinstance(value, list) else [] if value is None else [value]
        found = [self._id(table, each, where) for each in values]
        return [each for each in dict.fromkeys(found) if each is not None]

    def _id(self, table: str, value: Any, where: str) -> int | None:
        """Read an id, given alone or in an object; nothing takes a relation away."""
        key = value.get("id") if isinstance(value, dict) else value
        if isinstance(key, str) and key.isascii() and key.isdecimal():
            key = int(key[:18])
        if value is None or (isinstance(key, int) and self.world.get(table, key)):
            return key
        self.errors[where] = f"There is no {table} {str(key)[:40]}"
        return None


def save(world: World, table: Table, given: Mapping[str, Any], old: Row | None, fixed: Row) -> Row:
    """Make a record, or change one, all or nothing.

    Args:
        world: what it is kept in.
        table: its kind.
        given: the body.
        old: the record as it is.
        fixed: what the path says of it, which wins.

    Raises:
        RefusalError: 422 with what is wrong with which field.
    """
    draft = _Draft(world)
    for name in table.must:
        if given.get(name) is None:
            draft.errors[name] = f"'{name}' is a required property"
    values = draft.values(table.fields, {**given, **fixed}, old or {})
    if old is None and world.get(table.name, values.get("id")):
        draft.errors["id"] = f"{table.name} {values['id']} exists already"
    if draft.errors:
        raise invalid(**draft.errors)
    row = {**(old or {}), **values}
    _check(world, table, row, old)
    _stamp(world, table, row, is_new=old is None)
    world.put(table.name, row)
    for one, ids in draft.links:
        _link(world, one, row["id"], ids)
    return row


def _check(world: World, table: Table, row: Row, old: Row | None) -> None:
    if row.get("id") is None:
        row.pop("id", None)
    rule: Callable[[World, Row, Row | None], None] | None = RULES.get(table.name)
    if rule:
        rule(world, row, old)


def _stamp(world: World, table: Table, row: Row, *, is_new: bool) -> None:
    if is_new and "active" in table.names:
        row.setdefault("active", 1)
    names = (*(_BORN if is_new else ()), *_TOUCHED)
    row |= {name: world.moment for name in names if name in table.names and not row.get(name)}
    row |= {name: world.moment for name in _TOUCHED if name in table.names}
    signs = ("reguserid", "changeuserid") if is_new else ("changeuserid",)
    row |= {name: world.me for name in signs if name in table.names}


def _link(world: World, one: Field, own: int, ids: list[int]) -> None:
    """Let exactly these records lead to one, of those that lead back to it."""
    for other in world.all(one.table):
        now = other.get(one.key)
        rest = [each for each in now or () if each != own] if isinstance(now, list) else []
        wanted = [*rest, own] if other["id"] in ids else rest
        if isinstance(now, list) or other["id"] in ids:
            world.put(one.table, {**other, one.key: wanted})
