"""What there is to choose from when an activity is made or changed."""

from crm_mcp.sandbox.synergist.activity_table import shown_time
from crm_mcp.sandbox.synergist.calls import Calls
from crm_mcp.sandbox.synergist.clients import CLIENT_LISTING, contact_choices
from crm_mcp.sandbox.synergist.company import USERS, members
from crm_mcp.sandbox.synergist.history import asked_activity
from crm_mcp.sandbox.synergist.pickers import choice, choices
from crm_mcp.sandbox.synergist.reads import reading
from crm_mcp.sandbox.synergist.reference import REQUISITION, in_companies
from crm_mcp.sandbox.synergist.wire import Ask, Rows, Said
from crm_mcp.sandbox.synergist.world import Record, Row, World

STATUSES = ("Normal", "Waiting for client", "Waiting for supplier")

_HALF_HOURS = tuple(f"{hour:02}:{minute:02}:00" for hour in range(24) for minute in (0, 30))


def _types(world: World, ask: Ask) -> Said:
    """List the types; the requisition only for a job or phase, which it needs."""
    number, phase = ask.text("job"), ask.text("jobphase")
    if number:
        world.find("job", number)
    if phase:
        world.find("phase", phase)
    types = in_companies(world, ask, "activitytype")
    fitting = [entry for entry in types if number or phase or entry.key != REQUISITION]
    return Rows([_type(entry, ask.text("activitytype")) for entry in fitting])


def _type(entry: Record, chosen: str) -> Row:
    row = {
        "activitytypeNoteCategory": entry["activitytypeNoteCategory"],
        "activitytypeCode": entry.key,
        "activitytypeCompany": entry.company,
        "activitytypeDescription": entry["activitytypeDescription"],
        "activitytypeDisplayOrder": "",
        "activitytypeActive": True,
        "activitytypeImmediateAlertOnByDefault": False,
        "activitytypeCompletionAlertByDefault": False,
    }
    return choice(row, selected=str(entry.key).casefold() == chosen.casefold())


def _owners(world: World, _: Ask) -> Said:
    return choices(members(world, ""), USERS.key, "userFullName")


def _secondary_owners(world: World, ask: Ask) -> Said:
    chosen = ask.numbers("userid") if ask.text("userid") else ()
    return choices(members(world, ""), USERS.key, "userFullName", chosen=chosen)


def _priorities(world: World, ask: Ask) -> Said:
    return choices(
        world.all("activitypriority"),
        "lookupActivityPriorityID",
        "lookupActivityPriorityDescription",
        chosen=[ask.number("input")],
    )


def _statuses(world: World, ask: Ask) -> Said:
    """List the statuses; chosen is the one that is given, else that of the activity."""
    chosen = ask.text("status") or ask.text("input")
    if not chosen and ask.text("activityid"):
        chosen = asked_activity(world, ask)["activityStatus"]
    return Rows(
        [choice({"lookupActivityStatus": text}, selected=text == chosen) for text in STATUSES]
    )


def _teams(world: World, ask: Ask) -> Said:
    return choices(in_companies(world, ask, "team"), "teamCode", "teamDescription")


def _times(_: World, __: Ask) -> Said:
    return Rows(
        [
            choice(
                {"lookupTime": text, "lookupTimeDisplay": shown_time(text)},
                selected=text == _HALF_HOURS[0],
            )
            for text in _HALF_HOURS
        ]
    )


def _categories(world: World, ask: Ask) -> Said:
    """List the categories; some go with one type of activities alone.

    The document's sample repeats the times in their place: the names are like those of statuses.
    """
    type_ = ask.text("activitytype").upper()
    fitting = [entry for entry in world.all("activitycategory") if entry["type"] in ("", type_)]
    return Rows([choice({"lookupActivityCategory": entry.key}) for entry in fitting])


PICKERS: Calls = {
    ("activities", "activitytypes"): _types,
    ("activities", "clientslist"): reading(CLIENT_LISTING),
    ("activities", "clientcontacts"): contact_choices,
    ("activities", "owners"): _owners,
    ("activities", "secondaryowners"): _secondary_owners,
    ("activities", "priorities"): _priorities,
    ("activities", "status"): _statuses,
    ("activities", "teams"): _teams,
    ("activities", "times"): _times,
    ("activities", "categories"): _categories,
}
