"""Synchronising a device with interact.io: what has changed since, and the point moves on."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from crm_mcp.sandbox.interact.calls import Calls, Entry
from crm_mcp.sandbox.interact.devices import device_by_token
from crm_mcp.sandbox.interact.errors import Action, Realm
from crm_mcp.sandbox.interact.views import (
    contact_row,
    deal_row,
    interaction_row,
    note_row,
    task_list_row,
    task_row,
)
from crm_mcp.sandbox.interact.wire import Ask, Row, Said
from crm_mcp.sandbox.interact.world import Kind, Record, World

_SHOWN: Mapping[Kind, tuple[str, Callable[[World, Record], Row]]] = {
    "contact": ("contacts", contact_row),
    "deal": ("deals", deal_row),
    "interaction": ("interactions", interaction_row),
    "note": ("notes", note_row),
    "taskList": ("taskLists", task_list_row),
    "task": ("tasks", task_row),
}


def _sync(world: World, user: Record, ask: Ask) -> Said:
    """Tell what has changed after `since`, or after the last time if that was earlier."""
    device = device_by_token(world, user, ask.required("deviceId"))
    asked = ask.number("since")
    since = device["synced"] if asked is None else min(asked, device["synced"])
    answer: Row = {
        name: [show(world, record) for record in world.of(user, kind) if record.changed > since]
        for kind, (name, show) in _SHOWN.items()
    }
    answer["deleted"] = [
        {"id": stone.id, "type": stone.kind}
        for stone in world.tombstones
        if stone.owner == user.id and stone.at > since
    ]
    world.change(device, {"synced": world.now})
    world.mailbox(device).forget_hints()
    return Said(answer)


CALLS: Calls = MappingProxyType({"interact_sync_run": Entry(_sync, Action.SYNC, Realm.SYNC)})
