"""Tasks and task lists of interact.io; a task is seen by who made it and by who shall do it."""

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType

from crm_mcp.sandbox.interact.calls import Calls, Entry
from crm_mcp.sandbox.interact.errors import Action, Realm, RefusalError, What
from crm_mcp.sandbox.interact.views import task_list_row, task_row
from crm_mcp.sandbox.interact.wire import (
    DELETED,
    Ask,
    Check,
    Row,
    Said,
    created,
    is_flag,
    is_text,
    is_whole,
    list_of,
    one_of,
    refers_to,
    refuse_empty,
    updated,
)
from crm_mcp.sandbox.interact.world import DAY, Record, World

# The days from now that each fuzzy date means.
FUZZY_DAYS: Mapping[str, int] = {"tomorrow": 1, "next_week": 7, "in_a_month": 30, "someday": 99}

_UPDATE: Mapping[str, Check] = {
    "assignedTo": refers_to(),
    "concreteDueDate": is_whole,
    "content": is_text,
    "created": is_whole,
    "duration": is_whole,
    "fuzzyDueDate": one_of(*FUZZY_DAYS),
    "hot": is_flag,
    "listId": is_whole,
    "phoneNumberIds": list_of(is_whole),
    "relatedTo": refers_to("contact", "deal"),
    "status": one_of("completed", "open"),
    "title": is_text,
}
_CREATE: Mapping[str, Check] = {**_UPDATE, "taskType": one_of("task", "scheduled_call")}
_CALLS_ONLY = ("duration", "phoneNumberIds")


def last_due_first(tasks: list[Record]) -> list[Record]:
    """Sort tasks by the date when they are due, the latest first and those without at the end."""
    return sorted(tasks, key=lambda task: task["concreteDueDate"] or 0, reverse=True)


def _create(world: World, user: Record, ask: Ask) -> Said:
    fields = ask.fields(_CREATE, ("title",))
    usual: Row = {"created": world.now, "hot": False, "status": "open", "taskType": "task"}
    task_type = fields.get("taskType") or usual["taskType"]
    data = {**usual, "assignedTo": user.id, **_read(world, user, fields, task_type)}
    return created(task_row(world, world.add("task", user.id, data)))


def _update(world: World, user: Record, ask: Ask) -> Said:
    task = world.own(user, "task", ask.id)
    fields = ask.fields(_UPDATE)
    refuse_empty(fields, "title")
    # Whoever shall do it changes it among the records of who made it.
    owner = world.find("user", task.owner)
    world.change(task, _read(world, owner, fields, task["taskType"]))
    return updated(task_row(world, task))


def _read(world: World, user: Record, fields: Row, task_type: str) -> Row:
    """Check what a task refers to, and work out when it is due; nothing given is nothing said.

    Raises:
        RefusalError: something that it refers to is not there.
    """
    data = {name: value for name, value in fields.items() if value is not None}
    if task_type != "scheduled_call":
        data = {name: value for name, value in data.items() if name not in _CALLS_ONLY}
    if "assignedTo" in data:
        data["assignedTo"] = world.find("user", data["assignedTo"]["id"]).id
    if "relatedTo" in data:
        world.own(user, data["relatedTo"]["type"], data["relatedTo"]["id"])
    if "listId" in data:
        world.own(user, "taskList", data["listId"])
    for number in data.get("phoneNumberIds", ()):
        if world.own(user, "basicInfo", number)["type"] not in ("phone", "mobile"):
            raise RefusalError(What.INVALID, f"basicinfo {number} is no telephone number")
    if "fuzzyDueDate" in data:
        data["concreteDueDate"] = world.now + FUZZY_DAYS[data["fuzzyDueDate"]] * DAY
    return data


def _list(world: World, user: Record, _: Ask) -> Said:
    return Said([task_row(world, task) for task in last_due_first(world.of(user, "task"))])


def _get(world: World, user: Record, ask: Ask) -> Said:
    return Said(task_row(world, world.own(user, "task", ask.id)))


def _delete(world: World, user: Record, ask: Ask) -> Said:
    world.drop(world.own(user, "task", ask.id))
    return DELETED


def _delete_many(world: World, user: Record, ask: Ask) -> Said:
    for task in world.owned(user, "task", ask.ids):
        world.drop(task)
    return DELETED


def _create_list(world: World, user: Record, ask: Ask) -> Said:
    fields = ask.fields({"title": is_text}, ("title",))
    return created(task_list_row(world, world.add("taskList", user.id, fields)))


def _list_lists(world: World, user: Record, _: Ask) -> Said:
    return Said([task_list_row(world, entry) for entry in world.of(user, "taskList")])


def _get_list(world: World, user: Record, ask: Ask) -> Said:
    return Said(task_list_row(world, world.own(user, "taskList", ask.id)))


def _update_list(world: World, user: Record, ask: Ask) -> Said:
    fields = ask.fields({"title": is_text}, ("title",))
    task_list = world.own(user, "taskList", ask.id)
    world.change(task_list, fields)
    return updated(task_list_row(world, task_list))


def _delete_list(world: World, user: Record, ask: Ask) -> Said:
    """Delete a list; its tasks stay, in no list."""
    task_list = world.own(user, "taskList", ask.id)
    for task in world.all("task"):
        if task["listId"] == task_list.id:
            world.change(task, {"listId": None})
    world.drop(task_list)
    return DELETED


_404 = HTTPStatus.NOT_FOUND

CALLS: Calls = MappingProxyType(
    {
        "interact_tasks_create": Entry(_create, Action.CREATE, Realm.TASKS),
        "interact_tasks_list": Entry(_list, Action.VIEW, Realm.TASKS),
        "interact_tasks_get": Entry(_get, Action.VIEW, Realm.TASKS, missing=_404),
        "interact_tasks_update": Entry(_update, Action.UPDATE, Realm.TASKS),
        "interact_tasks_delete_many": Entry(_delete_many, Action.DELETE, Realm.TASKS),
        "interact_tasks_delete": Entry(_delete, Action.DELETE, Realm.TASKS),
        "interact_task_lists_create": Entry(_create_list, Action.CREATE, Realm.TASK_LISTS),
        "interact_task_lists_list": Entry(_list_lists, Action.VIEW, Realm.TASK_LISTS),
        "interact_task_lists_get": Entry(_get_list, Action.VIEW, Realm.TASK_LISTS, missing=_404),
        "interact_task_lists_update": Entry(_update_list, Action.UPDATE, Realm.TASK_LISTS),
        "interact_task_lists_delete": Entry(_delete_list, Action.DELETE, Realm.TASK_LISTS),
    }
)
