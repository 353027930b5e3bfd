"""Lists: which records the filters leave, in which order, and which page of them.

A filter is named after a column, or after several of its values (`userids`), or is found in the
table's `columns`; what is special stands in `_TESTS`, for one table or for all.
"""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from crm_mcp.sandbox.cirrus.shapes import Row, Table
from crm_mcp.sandbox.cirrus.world import World, invalid

Arguments = Mapping[str, Any]
Test = Callable[[Row], bool]

NO_FILTERS = frozenset({"page", "per_page", "sorting", "X-Fields", "nearto", "distance"})
_BOTH = 2
_RULE = re.compile(r"([\w.]+)(>=|<=|\^)?")
_LIKE = re.compile(r"%+")
_DAY = 10
_SORTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"number": ("id",), "sort": ("sortorder",), "sorting": ("sortorder",)}
)
_SPANS: Mapping[str, str] = MappingProxyType({"start": ">=", "end": "<="})


def matching(world: World, table: Table, arguments: Arguments) -> list[Row]:
    """List the records that fit all filters."""
    filters = {name: value for name, value in arguments.items() if name not in NO_FILTERS}
    tests = [_test(world, table, name, value, arguments) for name, value in filters.items()]
    return [row for row in world.all(table.name) if all(test(row) for test in tests)]


def ordered(world: World, table: Table, rows: list[Row], sorting: str | None) -> list[Row]:
    """Sort by a word such as `name_desc`; what has no value comes last in `asc`."""
    if not sorting:
        return rows
    word, _, direction = sorting.rpartition("_")
    column = sort_column(table, word)
    return sorted(
        rows,
        key=lambda row: _rank(next(iter(world.values_at(table.name, row, column)), None)),
        reverse=direction == "desc",
    )


def page(items: list[Any], arguments: Arguments, **more: Any) -> list[Row]:
    """Cut one page out; the envelope stands in an array, as in the document's samples."""
    number, size = arguments["page"], arguments["per_page"]
    shown = items[(number - 1) * size : number * size]
    pages = -(-len(items) // size)
    told = {"page": number, "pages": pages, "per_page": size, "total": len(items)}
    return [{**told, "items": shown, **more}]


def sort_column(table: Table, word: str) -> str:
    """Find the column that a word of `sorting` means.

    Raises:
        LookupError: the table has none.
    """
    if word in table.columns:
        return table.columns[word].rstrip("<>=^")
    for name in (word, *_SORTS.get(word, ())):
        if name in table.names:
            return name
    raise LookupError(f"{table.name} is not sorted by {word}")


def filter_rule(table: Table, name: str) -> str:
    """Find the column and the comparison that a filter means.

    Raises:
        LookupError: the table has none.
    """
    if name in table.columns:
        return table.columns[name]
    word, _, end = name.rpartition("_")
    day = table.day if word == "datespan" else word
    rules = {name: name, name.removesuffix("s"): name.removesuffix("s")}
    if end in _SPANS:
        rules[day] = day + _SPANS[end]
    for column, rule in rules.items():
        if column in table.names:
            return rule
    raise LookupError(f"{table.name} has no filter {name}")


def _test(world: World, table: Table, name: str, value: Any, arguments: Arguments) -> Test:
    special = _TESTS.get(f"{table.name}.{name}") or _TESTS.get(name)
    if special:
        return lambda row: special(world, row, value, arguments)
    found = _RULE.fullmatch(filter_rule(table, name))
    column, sign = found.groups() if found else (name, None)
    wanted = value if isinstance(value, list) else [value]
    return lambda row: any(
        _fits(one, each, sign)
        for each in world.values_at(table.name, row, column)
        for one in wanted
    )


def _fits(wanted: Any, value: Any, sign: str | None) -> bool:
    if value is None:
        return False
    text, said = (str(int(x)) if isinstance(x, bool) else str(x) for x in (value, wanted))
    text, said = text.casefold(), said.casefold()
    if sign == ">=":
        return text[:_DAY] >= said[:_DAY]
    if sign == "<=":
        return text[:_DAY] <= said[:_DAY]
    if sign == "^":
        return text.startswith(said.rstrip("%"))
    if "%" in said:
        return _like(said, text)
    return text == said


def _like(pattern: str, text: str) -> bool:
    """Compare with `%` as any characters; by looking for its parts in turn, however many."""
    first, *middle, last = _LIKE.split(pattern)
    if not text.startswith(first) or len(text) < len(first) + len(last):
        return False
    place = len(first)
    for part in middle:
        place = text.find(part, place)
        if place < 0:
            return False
        place += len(part)
    return text.endswith(last) and place <= len(text) - len(last)


def _rank(value: Any) -> tuple[bool, bool, Any]:
    if isinstance(value, int | float):
        return False, False, value
    return value is None, True, "" if value is None else str(value).casefold()


def _active(_: World, row: Row, value: Any, __: Arguments) -> bool:
    return value == _BOTH or bool(row.get("active")) == bool(value)


def _fulltext(_: World, row: Row, value: Any, __: Arguments) -> bool:
    return value.casefold() in " ".join(_texts(row)).casefold()


def _texts(value: Any) -> list[str]:
    """List the texts in a record, its parts included."""
    if isinstance(value, dict | list):
        parts = value.values() if isinstance(value, dict) else value
        return [text for part in parts for text in _texts(part)]
    return [value] if isinstance(value, str) else []


def _followed(_: World, row: Row, value: Any, __: Arguments) -> bool:
    return value in row.get("followers", ())


def _always(*_: Any) -> bool:
    return True


def connected_by(kind: str) -> Callable[[World, Row, Any, Arguments], bool]:
    """Test whether a record of this kind is connected to a mission, with that result."""

    def test(world: World, row: Row, value: Any, arguments: Arguments) -> bool:
        missions = value if isinstance(value, list) else [value]
        found = [
            each
            for each in world.all("missionConnection")
            if (each["type"], each["connectid"]) == (kind, row["id"])
            and each["missionid"] in missions
        ]
        result = arguments.get("missionresult")
        return any(result in (None, each.get("result")) for each in found)

    return test


def _mission_of(kind: str) -> Callable[[World, Row, Any, Arguments], bool]:
    def test(world: World, row: Row, value: Any, _: Arguments) -> bool:
        mine = world.pointing("missionConnection", "missionid", row["id"])
        return any(each["type"] == kind and each["connectid"] in value for each in mine)

    return test


def _related_by(kind: str) -> Callable[[World, Row, Any, Arguments], bool]:
    def test(world: World, row: Row, value: Any, _: Arguments) -> bool:
        mine = world.pointing("quoteRelation", "quoteid", row["id"])
        return any(each["type"] == kind and each["otherid"] in value for each in mine)

    return test


def _with_activity(world: World, row: Row, value: Any, arguments: Arguments) -> bool:
    """Ask for accounts with an activity, of a user, a type or a state; 0 for those without any."""
    asked = {"activity_user": "userid", "activity_type": "typeid", "activity_closed": "closed"}
    columns = {column: arguments[name] for name, column in asked.items() if name in arguments}
    found = [
        each
        for each in world.pointing("activity", "accountid", row["id"])
        if not value or all(each.get(name) == said for name, said in columns.items())
    ]
    return bool(found) == bool(value)


def _dynamic(world: World, row: Row, fields: Any, arguments: Arguments) -> bool:
    """Compare dynamic fields with their values, pair by pair."""
    values = arguments.get("dynamicfield_val", [])
    if len(values) != len(fields):
        raise invalid(dynamicfield_id="Each dynamicfield_id needs one dynamicfield_val")
    return all(
        value in dynamic_texts(world, field, row["id"])
        for field, value in zip(fields, values, strict=True)
    )


def dynamic_texts(world: World, field: int, resource: int) -> list[str]:
    """List what a dynamic field says of a record: its value, and the labels that are selected."""
    found = world.find("dynamicValue", fieldid=field, resourceid=resource) or {}
    options = [world.get("dynamicOption", each) or {} for each in found.get("selected", ())]
    return [str(found.get("value")), *(str(each.get("label")) for each in options)]


def _challenge(world: World, row: Row, value: Any, _: Arguments) -> bool:
    """Compare a challenge with a status; it is over with its last day."""
    over = row["stopdate"][:_DAY] < world.today
    accepted = bool(row["challenged"].get("accepted"))
    winner = row.get("winnerid")
    states = {
        "pending": row["active"] and not accepted and not over,
        "unanswered": row["active"] and not accepted and over,
        "ongoing": row["active"] and accepted and not over,
        "won": winner == world.me,
        "lost": winner is not None and winner != world.me,
        "closed": not row["active"] or over,
    }
    return bool(states.get(value, True))


def _month(end: int, word: str) -> Callable[[World, Row, Any, Arguments], bool]:
    """Compare months; without a month, a year begins or ends there."""

    def test(_: World, row: Row, value: Any, arguments: Arguments) -> bool:
        said = (value, arguments.get(f"month_{word}", end))
        own = (row["year"], row["month"])
        return own >= said if word == "from" else own <= said

    return test


_TESTS: Mapping[str, Callable[[World, Row, Any, Arguments], bool]] = MappingProxyType(
    {
        "active": _active,
        "fulltext": _fulltext,
        "followedby": _followed,
        "dynamicfield_id": _dynamic,
        "challenge.status": _challenge,
        "account.activity": _with_activity,
        "userBudget.year_from": _month(1, "from"),
        "userBudget.year_to": _month(12, "to"),
        **{f"{kind}.missionid": connected_by(kind) for kind in ("account", "article")},
        **{f"{kind}.missionids": connected_by(kind) for kind in ("activity", "order")},
        **{
            f"mission.{kind}ids": _mission_of(kind)
            for kind in ("account", "article", "order", "user")
        },
        "mission.activityids": _mission_of("activity"),
        **{f"quote.{plural}": _related_by(kind) for plural, kind in {"orderids": "order"}.items()},
        "quote.activityids": _related_by("activity"),
        # They say more of another filter, and nothing alone.
        **dict.fromkeys(("activity_user", "activity_closed", "activity_type"), _always),
        **dict.fromkeys(("dynamicfield_val", "missionresult", "month_from", "month_to"), _always),
    }
)
