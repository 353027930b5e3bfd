"""What is special about the company itself: its people, their game, its missions and settings."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

from crm_mcp.sandbox.cirrus.finding import matching, ordered, page
from crm_mcp.sandbox.cirrus.resources import Ask, created
from crm_mcp.sandbox.cirrus.shapes import Row
from crm_mcp.sandbox.cirrus.world import RefusalError, World, invalid
from crm_mcp.sandbox.cirrus.writing import save

_DAY = 10
_WEEK = 7
_MONTH = 30
_POINTS = 10
_CHALLENGE = timedelta(days=7)
_NOT_IN_PROFILE = ("code", "roles", "tags")


def as_list(ask: Ask) -> Any:
    """Make a record; the document shows it in a list."""
    return [created(ask)]


def get_profile(ask: Ask) -> Any:
    """Show the user whom the token stands for, with more than others see."""
    row = ask.world.need("user", ask.world.me)
    fields = (one for one in ask.table.fields if one.name not in _NOT_IN_PROFILE)
    return ask.world.show(row, tuple(replace(one, hidden=False) for one in fields))


def update_profile(ask: Ask) -> Any:
    """Change the user whom the token stands for."""
    row = ask.world.need("user", ask.world.me)
    save(ask.world, ask.table, ask.body, row, {"id": row["id"]})
    return get_profile(ask)


def get_settings(ask: Ask) -> Any:
    """Show the settings of the company."""
    (row,) = ask.world.all("settings")
    return ask.show(row)


def update_settings(ask: Ask) -> Any:
    """Change settings; what is not named stays."""
    (row,) = ask.world.all("settings")
    return ask.show(save(ask.world, ask.table, ask.body, row, {}))


def list_kpis(ask: Ask) -> Any:
    """Reckon figures of a user from the records; the dashboard shows the first two."""
    world, user = ask.world, ask.world.need("user", ask.arguments["userid"])["id"]
    mine = world.pointing("opportunity", "userid", user)
    won = [each["value"] for each in mine if _status(world, each).get("won") and each.get("value")]
    open_ = [each for each in mine if not each.get("closed")]
    done = [each for each in world.pointing("activity", "userid", user) if each.get("closed")]
    figures = (
        ("Won", "currency", "Opportunities won", sum(won)),
        ("In progress", "count", "Open opportunities", len(open_)),
        ("Contacts made", "count", "Closed activities", len(done)),
    )
    shown = figures if ask.arguments.get("location") == "all" else figures[:2]
    items = [
        {"id": n, "title": title, "type": kind, "subtitle": subtitle, "value": str(value)}
        | {"period": "year", "average": str(round(value / 12, 1))}
        for n, (title, kind, subtitle, value) in enumerate(shown, 1)
    ]
    return page(items[:: -1 if ask.arguments.get("sorting") == "sort_desc" else 1], ask.arguments)


def _status(world: World, row: Row) -> Row:
    return world.get("opportunityStatus", row.get("statusid")) or {}


def get_standings(ask: Ask) -> Any:
    """Reckon how a user stands in the game: ten points for each closed activity."""
    user = ask.world.need("user", ask.arguments["id"])["id"]
    mine = ask.world.pointing("activity", "userid", user)
    days = [str(each.get("date"))[:_DAY] for each in mine if each.get("closed")]
    spans = {"day": 1, "week": _WEEK, "month": _MONTH}
    since = {name: ask.world.now - timedelta(days=span) for name, span in spans.items()}
    score = _POINTS * len(days)
    return {
        "achievements": {
            name: sum(day >= start.strftime("%Y-%m-%d") for day in days)
            for name, start in since.items()
        },
        "category": "sales",
        "heartbeat": 1,
        "level": 1 + score // 50,
        "score": score,
    }


def challenge(ask: Ask) -> Any:
    """Challenge a user for a week."""
    world, user = ask.world, ask.arguments["challenged"].get("id")
    if world.get("user", user) is None:
        raise invalid(challenged=f"There is no user {user}")
    starts = _moment(ask.arguments["startdate"])
    own = {"id": world.next_id("challenge")}
    given: Row = {name: value for name, value in ask.body.items() if name == "type"}
    sides = {
        "challenged": {"accepted": None, "owner": False, "userid": user},
        "challenger": {"accepted": world.moment, "owner": True, "userid": world.me},
    }
    sides = {name: {**side, "challengeid": own["id"], "score": 0} for name, side in sides.items()}
    dates = {"startdate": starts, "stopdate": starts + _CHALLENGE}
    told = {name: date.strftime("%Y-%m-%dT%H:%M:%SZ") for name, date in dates.items()}
    row = {**own, **told, "active": 1, "daysremaining": _CHALLENGE.days}
    made = save(world, ask.table, given, None, row)
    return [ask.show(world.put("challenge", {**made, **sides}))]


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
        _ = found + _CHALLENGE
    except (ValueError, OverflowError):
        raise invalid(startdate="It is no date") from None
    return found


def accept(ask: Ask) -> Any:
    """Take a challenge on."""
    row = _waiting(ask)
    side = {**row["challenged"], "accepted": ask.world.moment}
    ask.world.put("challenge", {**row, "challenged": side})
    return {"id": row["id"], "status": "accepted"}


def reject(ask: Ask) -> Any:
    """Turn a challenge down, which ends it."""
    row = _waiting(ask)
    ask.world.put("challenge", {**row, "active": 0})
    return {"id": row["id"], "status": "rejected"}


def _waiting(ask: Ask) -> Row:
    row = ask.need()
    if row["challenged"].get("accepted") or not row["active"]:
        raise RefusalError(HTTPStatus.UNPROCESSABLE_ENTITY, "The challenge is answered already")
    return row


def list_missions(ask: Ask) -> Any:
    """List missions; beside their own fields they have those of a connection.

    The document shows the rows of line 7769 here, in which no mission could be told from another.
    """
    rows = matching(ask.world, ask.table, ask.arguments)
    rows = ordered(ask.world, ask.table, rows, ask.arguments.get("sorting"))
    like = {"type": "mission", "result": None, "tscreated": None, "tsupdated": None}
    items = [{**ask.show(row), **like, "connectid": row["id"]} for row in rows]
    return page(items, ask.arguments)


def connect(ask: Ask) -> None:
    """Connect a record to a mission, or change how that went; nothing is said of it."""
    world, path = ask.world, ask.in_path
    world.need("mission", path["missionid"])
    save(world, ask.table, ask.body, ask.found(), path)


def list_mission_activities(ask: Ask) -> Any:
    """List the activities that are connected to a mission."""
    world, asked = ask.world, dict(ask.arguments)
    mission = world.need("mission", asked.pop("mission_id"))["id"]
    result, sorting = asked.pop("result", None), asked.pop("sorting", None)
    names = {"start": "startdate", "end": "enddate"}
    filters = {names.get(name, name): value for name, value in asked.items()}
    table = world.tables["activity"]
    rows = ordered(world, table, matching(world, table, filters), sorting)
    items = []
    for row in rows:
        found = world.find(
            "missionConnection", missionid=mission, type="activity", connectid=row["id"]
        )
        if found and result in (None, found.get("result")):
            items.append({**ask.show(found), "activity": world.show(row, table.brief)})
    return page(items, asked)


def list_progress(ask: Ask) -> Any:
    """Tell account by account how far a mission is, and its last activity for it."""
    world, wanted = ask.world, ask.arguments.get("accountids")
    mission = world.need("mission", ask.arguments["mission_id"])["id"]
    connected = world.pointing("missionConnection", "missionid", mission)
    activities = {each["connectid"] for each in connected if each["type"] == "activity"}
    items = [
        _progress(world, each, activities)
        for each in connected
        if each["type"] == "account" and (wanted is None or each["connectid"] in wanted)
    ]
    done = sum(item["completed"] for item in items)
    return page(items, ask.arguments, totalactive=len(items) - done, totalcompleted=done)


def _progress(world: World, connection: Row, activities: set[int]) -> Row:
    account = world.need("account", connection["connectid"])
    mine = world.pointing("activity", "accountid", account["id"])
    mine = [each for each in mine if each["id"] in activities]
    last = max(mine, key=lambda each: str(each.get("date")), default=None)
    briefs = {name: world.tables[name].brief for name in ("account", "activity")}
    return {
        "account": world.show(account, briefs["account"]),
        "activity": world.show(last, briefs["activity"]) if last else None,
        "accountid": account["id"],
        "accountname": account["name"],
        "lastactivity": last.get("start") if last else None,
        "completed": connection.get("result") == 1,
    }


def set_silently(ask: Ask) -> None:
    """Make or change a connection of which nothing is said."""
    ask.need_owners()
    save(ask.world, ask.table, ask.body, ask.found(), ask.in_path)


CALLS: Mapping[str, Callable[[Ask], Any]] = MappingProxyType(
    {
        "cirrus_activity_types_create": as_list,
        "cirrus_profile_get": get_profile,
        "cirrus_profile_update": update_profile,
        "cirrus_settings_get": get_settings,
        "cirrus_settings_update": update_settings,
        "cirrus_kpis_list": list_kpis,
        "cirrus_game_standings_get": get_standings,
        "cirrus_challenges_create": challenge,
        "cirrus_challenges_accept": accept,
        "cirrus_challenges_reject": reject,
        "cirrus_missions_list": list_missions,
        "cirrus_mission_connections_set": connect,
        "cirrus_mission_activities_list": list_mission_activities,
        "cirrus_mission_progress_list": list_progress,
        "cirrus_contract_objects_set": set_silently,
        "cirrus_object_contracts_set": set_silently,
    }
)
