"""What is special about customers: merged, followed, on a map, and with fields of one's own."""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from crm_mcp.sandbox.cirrus.finding import matching, ordered, page
from crm_mcp.sandbox.cirrus.resources import Ask, listed
from crm_mcp.sandbox.cirrus.shapes import Field, Row
from crm_mcp.sandbox.cirrus.world import World, at, invalid, not_found
from crm_mcp.sandbox.cirrus.writing import save

Point = tuple[float, float]

EARTH_KM = 6371.0
USUAL_KM = 10.0
PLACES = ("visiting", "delivery", "invoice", "postal")
_NUMBER = re.compile(r"-?\d{1,3}(?:\.\d{1,12})?", re.ASCII)


def merge_accounts(ask: Ask) -> None:
    """Give all that belongs to the source to the target, and end the source."""
    target = ask.world.need("account", ask.arguments["target"])
    source = ask.world.need("account", ask.arguments["source"])
    if source is target:
        raise invalid(source="An account is not merged into itself")
    for name, table in ask.world.tables.items():
        for one in table.fields:
            if one.table == "account" and one.kind != "back":
                _repoint(ask.world, name, one, source["id"], target["id"])
    ask.world.remove("account", source["id"])


def _repoint(world: World, table: str, one: Field, old: int, new: int) -> None:
    for row in world.pointing(table, one.key, old):
        was = row[one.key]
        now: Any = new
        if isinstance(was, list):
            now = list(dict.fromkeys(new if each == old else each for each in was))
        world.put(table, {**row, one.key: now})


def follow(ask: Ask) -> None:
    """Let a user follow a record."""
    _let_follow(ask, follows=True)


def unfollow(ask: Ask) -> None:
    """Let a user follow a record no more."""
    _let_follow(ask, follows=False)


def _let_follow(ask: Ask, *, follows: bool) -> None:
    row = ask.world.need(ask.table.name, ask.arguments["key"])
    user = ask.world.need("user", ask.arguments["userid"])["id"]
    rest = [each for each in row.get("followers", ()) if each != user]
    ask.world.put(ask.table.name, {**row, "followers": [*rest, user] if follows else rest})


def list_accounts(ask: Ask) -> Any:
    """List accounts; with `nearto` those with an address near a place, and how far each is."""
    centre, reach = _circle(ask)
    if centre is None:
        return listed(ask)
    rows = [
        row
        for row in matching(ask.world, ask.table, ask.arguments)
        if any(_far(point, centre) <= reach for _, point in _points(row))
    ]
    rows = ordered(ask.world, ask.table, rows, ask.arguments.get("sorting"))
    return page([_with_distances(ask.show(row), centre) for row in rows], ask.arguments)


def list_account_coordinates(ask: Ask) -> Any:
    """List the places of accounts, an entry for each address that has coordinates."""
    centre, reach = _circle(ask)
    rows = matching(ask.world, ask.table, ask.arguments)
    rows = ordered(ask.world, ask.table, rows, ask.arguments.get("sorting"))
    items = [
        {"accountid": row["id"], "addresstype": kind, **_place(row, kind, centre)}
        for row in rows
        for kind, point in _points(row)
        if centre is None or _far(point, centre) <= reach
    ]
    return page(items, ask.arguments)


def list_activity_coordinates(ask: Ask) -> Any:
    """List the places of activities: where their accounts are visited."""
    rows = matching(ask.world, ask.table, ask.arguments)
    rows = ordered(ask.world, ask.table, rows, ask.arguments.get("sorting"))
    items = []
    for row in rows:
        account = ask.world.get("account", row.get("accountid")) or {}
        told = {"activityid": row["id"], "addresstype": PLACES[0]}
        items += [
            {**told, **_place(account, kind)} for kind, _ in _points(account) if kind == PLACES[0]
        ]
    return page(items, ask.arguments)


def _circle(ask: Ask) -> tuple[Point | None, float]:
    """Read the place that is asked for, and how far from it, in kilometres."""
    text, reach = ask.arguments.get("nearto"), ask.arguments.get("distance", str(USUAL_KM))
    if text is None:
        return None, 0
    numbers = _NUMBER.findall(text)
    if len(numbers) != len(PLACES) // 2:
        raise invalid(nearto="It is {latitude, longitude}")
    if not re.fullmatch(r"\d{1,5}(\.\d{1,6})?", reach, re.ASCII):
        raise invalid(distance="It is a number of kilometres")
    return (float(numbers[0]), float(numbers[1])), float(reach)


def _points(row: Row) -> Iterator[tuple[str, Point]]:
    """List where an account is, address by address; what is no number is no place."""
    for kind in PLACES:
        found = [str(at(row, f"addresses.{kind}.coordinates.{axis}")) for axis in _AXES]
        if all(_NUMBER.fullmatch(text) for text in found):
            yield kind, (float(found[0]), float(found[1]))


_AXES = ("latitude", "longitude")


def _place(row: Row, kind: str, centre: Point | None = None) -> Row:
    own = at(row, f"addresses.{kind}.coordinates") or {}
    distance = None
    if centre:
        distance = next(f"{_far(point, centre):.1f}" for one, point in _points(row) if one == kind)
    return {**{axis: own.get(axis) for axis in _AXES}, "distance": distance}


def _with_distances(shown: Row, centre: Point) -> Row:
    for kind, point in _points(shown):
        shown["addresses"][kind]["coordinates"]["distance"] = f"{_far(point, centre):.1f}"
    return shown


def _far(one: Point, other: Point) -> float:
    """Measure along a great circle, in kilometres."""
    lat1, lon1, lat2, lon2 = map(math.radians, (*one, *other))
    half = math.sin((lat2 - lat1) / 2) ** 2
    half += math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    return 2 * EARTH_KM * math.asin(min(1.0, math.sqrt(abs(half))))


def list_dynamic_values(ask: Ask) -> Any:
    """List the fields of a record's kind, with what they say of the record."""
    asked = dict(ask.arguments)
    kind, key = asked.pop("resourcetype"), asked.pop("resourceid")
    ask.world.need(kind, key)
    table = ask.world.tables["dynamicField"]
    rows = matching(ask.world, table, {**asked, "groups": [kind]})
    rows = ordered(ask.world, table, rows, asked.get("sorting"))
    return page([_field_of(ask.world, row, key) for row in rows], asked)


def _field_of(world: World, row: Row, resource: int) -> Row:
    """Show a field with the value of one record, which none has until it is set."""
    found = world.find("dynamicValue", fieldid=row["id"], resourceid=resource) or {}
    chosen = found.get("selected", [])
    options = [each["id"] for each in world.pointing("dynamicOption", "fieldid", row["id"])]
    rest = [each for each in options if each not in chosen]
    own = {**row, "selected": chosen, "unselected": rest}
    names = ("id", "name", "required", "inoverview", "visible", "readonly")
    shown = world.show_one("dynamicField", own)
    lists = ("selected", "unselected", "type")
    return {name: shown[name] for name in (*names, *lists)} | {"value": found.get("value")}


def set_dynamic_value(ask: Ask) -> Any:
    """Say a field of a record: its value, or which of its options are selected."""
    field = ask.world.need("dynamicField", ask.arguments["fieldid"])
    if ask.world.get(field["group"], ask.arguments["resourceid"]) is None:
        raise not_found(field["group"], ask.arguments["resourceid"])
    chosen = save(ask.world, ask.table, ask.body, ask.found(), ask.in_path)
    own = {each["id"] for each in ask.world.pointing("dynamicOption", "fieldid", field["id"])}
    kept = [each for each in chosen.get("selected", ()) if each in own]
    ask.world.put(ask.table.name, {**chosen, "selected": kept})
    return _field_of(ask.world, field, ask.arguments["resourceid"])


CALLS: Mapping[str, Callable[[Ask], Any]] = MappingProxyType(
    {
        "cirrus_accounts_merge": merge_accounts,
        "cirrus_accounts_list": list_accounts,
        "cirrus_account_coordinates_list": list_account_coordinates,
        "cirrus_activity_coordinates_list": list_activity_coordinates,
        "cirrus_dynamic_field_values_list": list_dynamic_values,
        "cirrus_dynamic_field_values_set": set_dynamic_value,
        **{
            f"cirrus_{kind}_{verb}": carry_out
            for kind in ("accounts", "contacts", "activities", "opportunities")
            for verb, carry_out in (("follow", follow), ("unfollow", unfollow))
        },
    }
)
