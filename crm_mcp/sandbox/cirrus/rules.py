"""What holds for single kinds of records, checked or reckoned before one is kept."""

import base64
import binascii
from calendar import monthcalendar
from collections.abc import Callable, Mapping
from datetime import date
from types import MappingProxyType

from crm_mcp.sandbox.cirrus.shapes import Row
from crm_mcp.sandbox.cirrus.world import World, invalid

Rule = Callable[[World, Row, Row | None], None]

_WORKDAYS = 5
CONNECTED = ("account", "activity", "article", "contact", "opportunity", "order", "user")
"""What a mission is connected to."""


def _number(value: object) -> float:
    return value if isinstance(value, int | float) else 0


def _reckon(owner: Row, old: Row | None, key: str, quantity: str) -> None:
    """Reckon rows that are new, and the whole: quantity by price, less the discount."""
    rows = owner.get("rows")
    if not rows or (old and rows is old.get("rows")):
        return
    for row in rows:
        whole = _number(row.get(quantity)) * _number(row.get("price"))
        less = whole * _number(row.get("discountpercent")) / 100
        total = round(whole - less - _number(row.get("discountamount")), 2)
        row |= {key: owner["id"], "totalprice": total}
    owner["price"] = round(sum(row["totalprice"] for row in rows), 2)


def _order(world: World, row: Row, old: Row | None) -> None:
    row.setdefault("id", world.next_id("order"))
    _reckon(row, old, "orderid", "quantityordered")


def _quote(world: World, row: Row, old: Row | None) -> None:
    row.setdefault("id", world.next_id("quote"))
    _reckon(row, old, "quoteid", "quantity")


def _file(world: World, row: Row, _: Row | None) -> None:
    """Take the content in; Cirrus never gives it back."""
    try:
        size = len(base64.b64decode(str(row.pop("content", "")), validate=True))
    except (binascii.Error, ValueError):
        raise invalid(content="It is no base64") from None
    row |= {"size": size, "timestamp": world.moment}


def _user_budget(_: World, row: Row, __: Row | None) -> None:
    """Spread the month over its weeks, and over the days from Monday to Friday."""
    days = [
        date(row["year"], row["month"], day)
        for week in monthcalendar(row["year"], row["month"])
        for day in week[:_WORKDAYS]
        if day
    ]
    share = {name: round(_number(row.get(name)) / len(days)) for name in ("budget", "pipeline")}
    weeks: dict[str, list[Row]] = {}
    for day in days:
        of_week = weeks.setdefault(str(day.isocalendar().week), [])
        of_week.append({"day": day.isoformat(), **share})
    row["weeks"] = [
        {"week": week, **{name: each * len(parts) for name, each in share.items()}, "days": parts}
        for week, parts in weeks.items()
    ]


def _connection(world: World, row: Row, _: Row | None) -> None:
    if row["type"] not in CONNECTED:
        raise invalid(connection_type=f"It is one of {', '.join(CONNECTED)}")
    world.need(row["type"], row["connectid"])


def _relation(world: World, row: Row, _: Row | None) -> None:
    """Let what a quote or a signature is connected to be there."""
    kind = "user" if row["type"] == "user2" else row["type"]
    if kind not in (*CONNECTED, "quote"):
        raise invalid(type="There is no such kind")
    if world.get(kind, row["otherid"]) is None:
        raise invalid(otherid=f"There is no {kind} {row['otherid']}")


def _department(world: World, row: Row, _: Row | None) -> None:
    above = row.get("parentid")
    while above is not None:
        if above == row.get("id"):
            raise invalid(parent="A department is not above itself")
        above = (world.get("department", above) or {}).get("parentid")


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "department": _department,
        "file": _file,
        "missionConnection": _connection,
        "order": _order,
        "quote": _quote,
        "quoteRelation": _relation,
        "signatureRelation": _relation,
        "userBudget": _user_budget,
    }
)
