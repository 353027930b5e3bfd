"""Notes on interact.io's contacts; each change of one is an activity."""

from collections.abc import Mapping
from types import MappingProxyType

from crm_mcp.sandbox.interact import activities
from crm_mcp.sandbox.interact.calls import Calls, Entry
from crm_mcp.sandbox.interact.errors import Action, Realm
from crm_mcp.sandbox.interact.views import note_row
from crm_mcp.sandbox.interact.wire import (
    DELETED,
    Ask,
    Check,
    Said,
    created,
    is_text,
    refers_to,
    updated,
)
from crm_mcp.sandbox.interact.world import Record, World

_CHECKS: Mapping[str, Check] = {"message": is_text, "relatedTo": refers_to("contact")}


def _create(world: World, user: Record, ask: Ask) -> Said:
    fields = ask.fields(_CHECKS, _CHECKS)
    world.own(user, "contact", fields["relatedTo"]["id"])
    note = world.add("note", user.id, fields)
    activities.insert(world, user, note)
    return created(note_row(world, note))


def _list(world: World, user: Record, _: Ask) -> Said:
    return Said([note_row(world, note) for note in world.of(user, "note")])


def _update(world: World, user: Record, ask: Ask) -> Said:
    fields = ask.fields({"message": is_text}, ("message",))
    note = world.own(user, "note", ask.id)
    activities.update(world, user, note, fields)
    return updated(note_row(world, note))


def _delete(world: World, user: Record, ask: Ask) -> Said:
    activities.delete(world, user, world.own(user, "note", ask.id))
    return DELETED


def _delete_many(world: World, user: Record, ask: Ask) -> Said:
    for note in world.owned(user, "note", ask.ids):
        activities.delete(world, user, note)
    return DELETED


CALLS: Calls = MappingProxyType(
    {
        "interact_notes_create": Entry(_create, Action.CREATE, Realm.NOTES),
        "interact_notes_list": Entry(_list, Action.VIEW, Realm.NOTES),
        "interact_notes_update": Entry(_update, Action.UPDATE, Realm.NOTES),
        "interact_notes_delete_many": Entry(_delete_many, Action.DELETE, Realm.NOTES),
        "interact_notes_delete": Entry(_delete, Action.DELETE, Realm.NOTES),
    }
)
