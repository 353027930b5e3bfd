"""Devices of interact.io: those that are pushed to, and those that set events off."""

from types import MappingProxyType

from crm_mcp.sandbox.interact.calls import Calls, Entry
from crm_mcp.sandbox.interact.errors import Action, Realm, RefusalError, What
from crm_mcp.sandbox.interact.push import Mailbox
from crm_mcp.sandbox.interact.sessions import secret_of, user_of
from crm_mcp.sandbox.interact.views import device_row, trigger_device_row
from crm_mcp.sandbox.interact.wire import (
    DELETED,
    Ask,
    Said,
    created,
    is_flag,
    is_text,
    refuse_empty,
    updated,
    without_nothing,
)
from crm_mcp.sandbox.interact.world import SYNCED, Kind, Record, World

_DECODED_LENGTH = 64


def device_by_token(world: World, user: Record, token: str, kind: Kind = "device") -> Record:
    """Find a user's device by the id that it was registered with.

    Raises:
        RefusalError: the user has registered no such device.
    """
    for device in world.of(user, kind):
        if device["deviceId"] == token:
            return device
    raise RefusalError(What.DEVICE, "device not found")


def connect(world: World, device_id: str, auth_token: str) -> Mailbox:
    """Let a device in that wants to be pushed to; a hint is there if there is anything new.

    Raises:
        RefusalError: the token is not valid, or the device is not registered.
    """
    user = user_of(world, auth_token)
    device = device_by_token(world, user, device_id)
    mailbox = world.mailbox(device)
    if changed_since(world, user, device["synced"]):
        mailbox.hint(device["synced"])
    return mailbox


def changed_since(world: World, user: Record, since: int) -> bool:
    """Tell whether a user's records have changed after a time."""
    records = (record for kind in SYNCED for record in world.of(user, kind))
    gone = (stone for stone in world.tombstones if stone.owner == user.id)
    return any(record.changed > since for record in records) or any(
        stone.at > since for stone in gone
    )


def _refuse_registered(world: World, kind: Kind, token: str) -> None:
    if any(device["deviceId"] == token for device in world.all(kind)):
        raise RefusalError(What.DEVICE_REGISTERED, "the device is already registered")


def _register(world: World, user: Record, ask: Ask) -> Said:
    checks = {"active": is_flag, "decoded": is_flag, "deviceId": is_text, "name": is_text}
    fields = ask.fields(checks, ("deviceId",))
    token = fields["deviceId"]
    if fields.get("decoded") and len(token) != _DECODED_LENGTH:
        raise RefusalError(What.INVALID, "a decoded deviceId has 64 characters")
    _refuse_registered(world, "device", token)
    data = {"active": True, **without_nothing(fields), "synced": 0}
    return created(device_row(world.add("device", user.id, data)))


def _list(world: World, user: Record, _: Ask) -> Said:
    return Said([device_row(device) for device in world.of(user, "device")])


def _update(world: World, user: Record, ask: Ask) -> Said:
    device = world.own(user, "device", ask.id)
    fields = ask.fields({"name": is_text, "active": is_flag})
    refuse_empty(fields, "active")
    world.change(device, fields)
    return updated(device_row(device))


def _delete(world: World, user: Record, ask: Ask) -> Said:
    world.drop(world.own(user, "device", ask.id))
    return DELETED


def _register_trigger(world: World, user: Record, ask: Ask) -> Said:
    token = ask.fields({"deviceId": is_text}, ("deviceId",))["deviceId"]
    _refuse_registered(world, "triggerDevice", token)
    data = {"deviceId": token, "triggerToken": secret_of(world, "trigger")}
    return created(trigger_device_row(world.add("triggerDevice", user.id, data)))


def _get_trigger_token(world: World, user: Record, ask: Ask) -> Said:
    device = device_by_token(world, user, ask.required("deviceId"), "triggerDevice")
    return Said({"triggerToken": device["triggerToken"]})


CALLS: Calls = MappingProxyType(
    {
        "interact_devices_register": Entry(_register, Action.CREATE, Realm.DEVICES),
        "interact_devices_list": Entry(_list, Action.VIEW, Realm.DEVICES),
        "interact_devices_update": Entry(_update, Action.UPDATE, Realm.DEVICES),
        "interact_devices_delete": Entry(_delete, Action.DELETE, Realm.DEVICES),
        "interact_trigger_devices_register": Entry(
            _register_trigger, Action.CREATE, Realm.TRIGGER_DEVICES
        ),
        "interact_trigger_tokens_get": Entry(
            _get_trigger_token, Action.VIEW, Realm.TRIGGER_DEVICES
        ),
    }
)
