"""Basicinfos of interact.io by themselves: above all, numbers that it shall take no notice of."""

from types import MappingProxyType

from crm_mcp.sandbox.interact.calls import Calls, Entry
from crm_mcp.sandbox.interact.contacts import BASIC_INFO_CHECKS, BASIC_INFO_NEEDS
from crm_mcp.sandbox.interact.errors import Action, Realm
from crm_mcp.sandbox.interact.views import basic_info_row
from crm_mcp.sandbox.interact.wire import Ask, Said, created, refuse_empty, updated
from crm_mcp.sandbox.interact.world import Record, World

# By itself a basicinfo is sent without an identifier.
_CHECKS = {name: check for name, check in BASIC_INFO_CHECKS.items() if name != "identifier"}


def _create(world: World, user: Record, ask: Ask) -> Said:
    fields = ask.fields(_CHECKS, BASIC_INFO_NEEDS)
    info = world.add("basicInfo", user.id, {"excluded": False, **fields})
    return created(basic_info_row(info))


def _update(world: World, user: Record, ask: Ask) -> Said:
    info = world.own(user, "basicInfo", ask.id)
    fields = ask.fields(_CHECKS)
    refuse_empty(fields, *BASIC_INFO_NEEDS)
    world.change(info, fields)
    if info["contact"] is not None:
        world.change(world.find("contact", info["contact"]), {})
    return updated(basic_info_row(info))


CALLS: Calls = MappingProxyType(
    {
        "interact_basicinfos_create": Entry(_create, Action.CREATE, Realm.BASIC_INFOS),
        "interact_basicinfos_update": Entry(_update, Action.UPDATE, Realm.BASIC_INFOS),
    }
)
