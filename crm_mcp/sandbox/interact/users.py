"""Users of interact.io: made, given roles and groups, emptied and deleted by administrators."""

from collections.abc import Iterable
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

from crm_mcp.sandbox.interact.calls import Access, Calls, CarryOut, Entry
from crm_mcp.sandbox.interact.errors import Action, Realm, RefusalError, What
from crm_mcp.sandbox.interact.sessions import user_by_email
from crm_mcp.sandbox.interact.views import user_row
from crm_mcp.sandbox.interact.wire import (
    DELETED,
    DONE,
    Ask,
    Check,
    Said,
    created,
    is_text,
    is_whole,
    list_of,
)
from crm_mcp.sandbox.interact.world import NOBODY, Kind, Record, World

ROLES = ("interact_admin", "customer_admin", "user")

_DATA: tuple[Kind, ...] = (
    *("note", "task", "taskList", "deal", "interaction", "picture"),
    *("basicInfo", "address", "contact", "importContact"),
)
_DEVICES: tuple[Kind, ...] = ("device", "triggerDevice")


def _create(world: World, _: Record, ask: Ask) -> Said:
    checks = {"email": is_text, "password": is_text, "companyId": is_whole}
    fields = ask.fields(checks, ("email", "password"))
    if user_by_email(world, fields["email"]) is not None:
        raise RefusalError(What.EMAIL_TAKEN, "the email address belongs to another user")
    if fields.get("companyId") is not None:
        world.find("company", fields["companyId"])
    usual = {"active": True, "dateCreated": world.now, "groups": [], "roles": ["user"]}
    return created(user_row(world, world.add("user", NOBODY, usual | fields)))


def _list(world: World, _: Record, __: Ask) -> Said:
    return Said([user_row(world, user) for user in world.all("user")])


def _get(world: World, _: Record, ask: Ask) -> Said:
    return Said(user_row(world, world.find("user", ask.id)))


def _delete(world: World, _: Record, ask: Ask) -> Said:
    _drop(world, world.find("user", ask.id))
    return DELETED


def _delete_many(world: World, _: Record, ask: Ask) -> Said:
    for user in [world.find("user", number) for number in ask.ids]:
        _drop(world, user)
    return DELETED


def _drop(world: World, user: Record) -> None:
    """Delete a user with all that is theirs."""
    _empty(world, user, (*_DATA, *_DEVICES))
    world.drop(user)


def _wipe(world: World, _: Record, ask: Ask) -> Said:
    _empty(world, world.find("user", ask.id), _DATA)
    return DONE


def _empty(world: World, user: Record, kinds: Iterable[Kind]) -> None:
    """Delete what is a user's; what others gave the user to do goes back to them."""
    for task in world.all("task"):
        if task["assignedTo"] == user.id:
            world.change(task, {"assignedTo": task.owner})
    for kind in kinds:
        for record in world.all(kind):
            if record.owner == user.id:
                world.drop(record)
    world.activities = [entry for entry in world.activities if entry[0] != user.id]


def _assign_roles(world: World, _: Record, ask: Ask) -> Said:
    user = world.find("user", ask.id)
    roles = _body_list(ask, is_text)
    for role in roles:
        if role not in ROLES:
            raise RefusalError(What.ROLE, f"role {role} not found")
    return _assign(world, user, ask, "roles", roles)


def _assign_groups(world: World, _: Record, ask: Ask) -> Said:
    user = world.find("user", ask.id)
    groups = _body_list(ask, is_whole)
    for number in groups:
        if world.find("group", number)["companyId"] != user["companyId"]:
            raise RefusalError(What.BAD_REQUEST, f"group {number} is of another company")
    return _assign(world, user, ask, "groups", groups)


def _body_list(ask: Ask, check: Check) -> list[Any]:
    """Read a body that is a bare list."""
    if not list_of(check)(ask.body):
        raise RefusalError(What.INVALID, "a list is expected")
    return list(ask.body)


def _assign(world: World, user: Record, ask: Ask, name: str, given: list[Any]) -> Said:
    """Add, remove or set roles or groups; each counts once."""
    command = ask.choice("cmd", ("add", "remove", "set"), "")
    if command == "add":
        kept = [*user[name], *given]
    elif command == "remove":
        kept = [entry for entry in user[name] if entry not in given]
    else:
        kept = [*given]
    world.change(user, {name: list(dict.fromkeys(kept))})
    return Said(user_row(world, user))


def _entry(
    carry_out: CarryOut,
    action: Action,
    realm: Realm = Realm.USERS,
    missing: HTTPStatus = HTTPStatus.BAD_REQUEST,
) -> Entry:
    return Entry(carry_out, action, realm, Access.CUSTOMER_ADMIN, missing)


CALLS: Calls = MappingProxyType(
    {
        "interact_users_create": _entry(_create, Action.CREATE),
        "interact_users_list": _entry(_list, Action.VIEW),
        "interact_users_get": _entry(_get, Action.VIEW, missing=HTTPStatus.NOT_FOUND),
        "interact_users_delete_many": _entry(_delete_many, Action.DELETE),
        "interact_users_delete": _entry(_delete, Action.DELETE),
        "interact_users_wipe": _entry(_wipe, Action.ERASE),
        "interact_user_roles_assign": _entry(_assign_roles, Action.UPDATE, Realm.ROLES),
        "interact_user_groups_assign": _entry(_assign_groups, Action.UPDATE, Realm.GROUPS),
    }
)
