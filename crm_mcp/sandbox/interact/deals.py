"""Deals of interact.io."""

from collections.abc import Mapping
from types import MappingProxyType

from crm_mcp.sandbox.interact import activities
from crm_mcp.sandbox.interact.calls import Calls, Entry
from crm_mcp.sandbox.interact.errors import Action, Realm
from crm_mcp.sandbox.interact.views import deal_row
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
    one_of,
    refers_to,
    refuse_empty,
    updated,
)
from crm_mcp.sandbox.interact.world import Record, World

SOURCES = ("website", "referral", "word_of_mouth", "cold_call")
STAGES = ("incoming", "qualified", "quote", "closing", "won", "lost", "unqualified")

_CHECKS: Mapping[str, Check] = {
    "name": is_text,
    "value": is_whole,
    "currency": is_text,
    "hot": is_flag,
    "relatedTo": refers_to(),
    "source": one_of(*SOURCES),
    "stage": one_of(*STAGES),
}


def _create(world: World, user: Record, ask: Ask) -> Said:
    fields = _read(world, user, ask.fields(_CHECKS, ("name",)))
    usual = {"hot": False, "stage": "incoming"}
    return created(deal_row(world, world.add("deal", user.id, usual | fields)))


def _read(world: World, user: Record, fields: Row) -> Row:
    """Check the contact; a deal's subject is kept in the form of a note's or task's."""
    subject = fields.get("relatedTo")
    if subject is None:
        return fields
    world.own(user, "contact", subject["id"])
    return {**fields, "relatedTo": {**subject, "type": "contact"}}


def _list(world: World, user: Record, _: Ask) -> Said:
    return Said([deal_row(world, deal) for deal in world.of(user, "deal")])


def _get(world: World, user: Record, ask: Ask) -> Said:
    return Said(deal_row(world, world.own(user, "deal", ask.id)))


def _update(world: World, user: Record, ask: Ask) -> Said:
    deal = world.own(user, "deal", ask.id)
    fields = ask.fields(_CHECKS)
    refuse_empty(fields, "name")
    world.change(deal, _read(world, user, fields))
    return updated(deal_row(world, deal))


def _delete(world: World, user: Record, ask: Ask) -> Said:
    _drop(world, user, world.own(user, "deal", ask.id))
    return DELETED


def _delete_many(world: World, user: Record, ask: Ask) -> Said:
    for deal in world.owned(user, "deal", ask.ids):
        _drop(world, user, deal)
    return DELETED


def _drop(world: World, user: Record, deal: Record) -> None:
    """Delete a deal with its notes; tasks about it stay."""
    subject = {"id": deal.id, "type": "deal"}
    for note in world.all("note"):
        if note["relatedTo"] == subject:
            activities.delete(world, user, note)
    for task in world.all("task"):
        if task["relatedTo"] == subject:
            world.change(task, {"relatedTo": None})
    world.drop(deal)


CALLS: Calls = MappingProxyType(
    {
        "interact_deals_create": Entry(_create, Action.CREATE, Realm.DEALS),
        "interact_deals_list": Entry(_list, Action.VIEW, Realm.DEALS),
        "interact_deals_get": Entry(_get, Action.VIEW, Realm.DEALS),
        "interact_deals_update": Entry(_update, Action.UPDATE, Realm.DEALS),
        "interact_deals_delete_many": Entry(_delete_many, Action.DELETE, Realm.DEALS),
        "interact_deals_delete": Entry(_delete, Action.DELETE, Realm.DEALS),
    }
)
