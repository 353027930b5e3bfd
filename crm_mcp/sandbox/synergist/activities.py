"""Activities of Synergist: making, changing and taking them away, follow-ups, secondary owners."""

from collections.abc import Mapping
from typing import Any

from crm_mcp.sandbox.synergist import history
from crm_mcp.sandbox.synergist.activity_pickers import PICKERS, STATUSES
from crm_mcp.sandbox.synergist.activity_seed import seed
from crm_mcp.sandbox.synergist.activity_table import ACTIVITIES, OTHERS, others, stamp_of
from crm_mcp.sandbox.synergist.calls import Area
from crm_mcp.sandbox.synergist.errors import Code, RefusalError
from crm_mcp.sandbox.synergist.reads import Listing, reading
from crm_mcp.sandbox.synergist.reference import REQUISITION, USUAL_PRIORITY
from crm_mcp.sandbox.synergist.tables import NO_DATE, NO_TIME
from crm_mcp.sandbox.synergist.wire import Ask, Done, Rows, Said, as_whole
from crm_mcp.sandbox.synergist.world import Record, Row, View, World
from crm_mcp.sandbox.synergist.writes import (
    Item,
    delete,
    each,
    ignored,
    named,
    new_values,
    values_of,
)

LISTING = Listing(
    ACTIVITIES,
    own=("activityid", "activity"),
    filters={
        "client": ("activityClientCode",),
        "clientcontact": ("activityClientContactInternalRef",),
        "job": ("activityJobNumber",),
        "jobphase": ("activityJobAndPhase",),
        "workflow": ("activityStageCode",),
    },
    views=("Activities",),
)

_OLDER = "3.1"
_COMPANY = "activityCompanyNumber"
_DONE = "activityCompleted"
_FOLLOWED = (
    *("activityClientCode", "activityClientContactInternalRef", "activityJobNumber"),
    *("activityJobAndPhase", "activitySubject"),
)
# What the history says when one of these fields shows something else than before.
_TOLD: Mapping[str, str] = {
    "activityStatus": "Status changed to '{}'",
    "activityActivitytype": "Type changed to '{}'",
    "activityCategory": "Category changed to '{}'",
    "activityPriorityDescription": "Priority changed to '{}'",
    "activityOwnerName": "Transferred to {} for actioning",
}


def _create(world: World, ask: Ask) -> Said:
    return each(ask.items, lambda item: _create_one(world, ask, item))


def _create_one(world: World, ask: Ask, item: Row) -> Item:
    company = as_whole(str(item.get(_COMPANY) or ask.text("company", "1")), _COMPANY)
    world.find("company", company)
    rest = {name: value for name, value in item.items() if name != _COMPANY}
    values = new_values(world, ACTIVITIES, rest)
    usual = {
        "activityOwnerID": ask.user.key,
        "activityStatus": STATUSES[0],
        "activityPriorityID": 2,
    }
    data = {**usual, **_checked(world, {}, values.data), **stamp_of(world, ask.user)}
    if data.get(_DONE):
        data |= _completion(world, ask, done=True)
    activity = world.add(ACTIVITIES.kind, data, company=company)
    owner = world.find("user", activity["activityOwnerID"])
    told = {"activityOwnerID": owner.key, "activityOwnerName": owner["userFullName"]}
    return Item(ACTIVITIES.named(activity) | told, ignored(values))


def _usual(user: Record) -> dict[str, Any]:
    """Give what a new activity holds unless something else is said."""
    return {
        "activityOwnerID": user.key,
        "activityStatus": STATUSES[0],
        "activityPriorityID": USUAL_PRIORITY,
    }


def _update(world: World, ask: Ask) -> Said:
    return each(ask.items, lambda item: _update_one(world, ask, item))


def _update_one(world: World, ask: Ask, item: Row) -> Item:
    activity = named(world, ACTIVITIES, item, needs_version=True)
    values = values_of(world, ACTIVITIES, item)
    data = _checked(world, activity.data, values.data)
    if data.get(_DONE, activity[_DONE]) != activity[_DONE]:
        data |= _completion(world, ask, done=data[_DONE])
    changed = world.change(activity, {**data, "changed": ask.user.key})
    _tell(world, ask, activity, changed)
    return Item(ACTIVITIES.named(changed), ignored(values))


def _checked(world: World, before: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, Any]:
    """Refuse what does not go together, and add the job that a phase belongs to."""
    found = dict(data)
    if phase := found.get("activityJobAndPhase"):
        found["activityJobNumber"] = world.find("phase", phase)["phaseJobNumber"]
    after = {**before, **found}
    client, number = after["activityClientCode"], after.get("activityJobNumber")
    if number and world.find("job", number)["jobClientCode"] != client:
        raise RefusalError(f"job {number} is not for client {client}")
    contact = world.get("clientcontact", after.get("activityClientContactInternalRef") or 0)
    if contact is not None and contact["clientcontactClientCode"] != client:
        raise RefusalError(f"contact {contact.key} is not at client {client}")
    if after["activityActivitytypeCode"] == REQUISITION and not number:
        raise RefusalError("a requisition needs a job")
    if found.get("activityStatus", "") not in ("", *STATUSES):
        raise RefusalError(f"invalid activityStatus {found['activityStatus']}")
    return found


def _completion(world: World, ask: Ask, *, done: bool) -> dict[str, Any]:
    """Give what an activity holds once it is completed, or open again."""
    return {
        "activityCompletedByUserID": ask.user.key if done else 0,
        "activityCompletedDate": world.today if done else NO_DATE,
        "activityCompletedTime": f"{world.now:%H:%M:%S}" if done else NO_TIME,
        "activityCompletedTimeZone": "UTCA" if done else "",
    }


def _tell(world: World, ask: Ask, before: Record, after: Record) -> None:
    """Write the differences into the history."""
    old, new = (ACTIVITIES.show(world, record) for record in (before, after))
    for name, words in _TOLD.items():
        if old[name] != new[name]:
            history.write_down(world, after, words.format(new[name]), ask.user)
    if old[_DONE] != new[_DONE]:
        words = "Completed" if new[_DONE] else "Opened again"
        history.write_down(world, after, words, ask.user)


def _delete(world: World, ask: Ask) -> Said:
    """Take activities away, with their history and attachments."""
    done = delete(world, ACTIVITIES, ask.items)
    gone = {row[ACTIVITIES.key] for row in done.rows or ()}
    for kind, reference in ((history.HISTORY, "activity"), ("attachment", "attachmentActivityID")):
        for record in world.all(kind):
            if record[reference] in gone:
                world.drop(record)
    return done


def _follow_up(world: World, ask: Ask) -> Said:
    origin = history.asked_activity(world, ask)
    data = {
        **{name: origin[name] for name in _FOLLOWED},
        "activityActivitytypeCode": world.find("activitytype", ask.required("activitytype")).key,
        **_usual(ask.user),
        "follows": origin.key,
        **stamp_of(world, ask.user),
    }
    made = world.add(ACTIVITIES.kind, data, company=origin.company)
    row = {ACTIVITIES.key: made.key, ACTIVITIES.head[0]: made.uuid}
    return Done("Followup created.", [row])


def _follow_ups(world: World, ask: Ask) -> Said:
    """List the follow-ups of an activity, newest first, and the activity itself after them."""
    chain = [history.asked_activity(world, ask)]
    for activity in world.all(ACTIVITIES.kind):
        if activity["follows"] in {link.key for link in chain}:
            chain.append(activity)
    # The document's sample tells a total of 0 beside its rows.
    return Rows([_follow_up_row(world, link) for link in reversed(chain)], counted=False)


def _follow_up_row(world: World, activity: Record) -> Row:
    shown = ACTIVITIES.show(world, activity)
    names = ("activityCreationDate", "activityCreationTime", "activityCreationTimeZone")
    return {
        **ACTIVITIES.stamp(activity),
        **{name: shown[name] for name in (*names, "activitySubject", "activityID")},
        # The document spells it in this way here, and here alone.
        "activityDetails1stLIne": shown["activityDetails1stLine"],
        "activityActivitytype": shown["activityActivitytype"],
    }


def _set_others(world: World, ask: Ask) -> Said:
    """Set secondary owners, at an address of the older API."""
    if ask.text("version") != _OLDER:
        raise RefusalError("request not recognized", Code.NOT_RECOGNIZED)
    return each(ask.items, lambda item: _set_others_of_one(world, ask, item))


def _set_others_of_one(world: World, ask: Ask, item: Row) -> Item:
    activity = named(world, ACTIVITIES, item)
    numbers = item.get(OTHERS)
    if not isinstance(numbers, list):
        raise RefusalError(f"{OTHERS} is missing")
    users = [world.find("user", as_whole(str(number), OTHERS)) for number in numbers]
    keys = tuple(dict.fromkeys(user.key for user in users))
    changed = world.change(activity, {OTHERS: keys, "changed": ask.user.key})
    names = ", ".join(others(world, changed))
    history.write_down(world, changed, f"Also on this activity: {names or 'nobody'}", ask.user)
    told = {"activitySecondaryOwnersDescription": names, OTHERS: list(keys)}
    return Item(ACTIVITIES.named(changed) | told)


AREA = Area(
    {
        ("activities", ""): reading(LISTING),
        ("activities", "create"): _create,
        ("activities", "update"): _update,
        ("activities", "delete"): _delete,
        ("activities", "activityfollowup"): _follow_up,
        ("activities", "followuplist"): _follow_ups,
        ("notes", "update"): _set_others,
        **history.CALLS,
        **PICKERS,
    },
    seed,
    (
        View(-1700, "Activities", "All activities", lambda *_: True, "activityCreationDate"),
        View(
            -1703,
            "Activities",
            "My open activities",
            lambda row, viewer: row["activityOwnerID"] == viewer.user_id and not row[_DONE],
            "activityDateDue",
        ),
        View(
            -1705,
            "Activities",
            "Overdue activities",
            lambda row, viewer: not row[_DONE] and NO_DATE < row["activityDateDue"] < viewer.today,
            "activityDateDue",
        ),
    ),
)
