"""What interact.io does to contacts as a whole: duplicates, conflicts, merge and share."""

from collections.abc import Mapping
from types import MappingProxyType

from crm_mcp.sandbox.interact.calls import Calls, Entry
from crm_mcp.sandbox.interact.contacts import (
    TYPES,
    add_contact,
    draft_change,
    drop_parts,
    forget_contact,
    hand_over,
    write,
)
from crm_mcp.sandbox.interact.errors import Action, Realm, RefusalError, What
from crm_mcp.sandbox.interact.interactions import same_value
from crm_mcp.sandbox.interact.views import contact_row, parts_of
from crm_mcp.sandbox.interact.wire import (
    Ask,
    Check,
    Row,
    Said,
    is_object,
    is_whole,
    list_of,
    updated,
)
from crm_mcp.sandbox.interact.world import Kind, Record, World

_MERGE: Mapping[str, Check] = {
    "contactIds": list_of(is_whole),
    "importContactIds": list_of(is_whole),
    "contact": is_object,
}
_COPIED: tuple[Kind, ...] = ("basicInfo", "address")


def _find_duplicates(world: World, user: Record, _: Ask) -> Said:
    """List the values that several contacts have, failed imports included."""
    owners: dict[str, set[int]] = {}
    spelling: dict[str, str] = {}
    for info in world.of(user, "basicInfo"):
        if info["contact"] is not None:
            value = same_value(info["value"])
            owners.setdefault(value, set()).add(info["contact"])
            spelling.setdefault(value, info["value"])
    return Said([spelling[value] for value, contacts in owners.items() if len(contacts) > 1])


def _list_conflicts(world: World, user: Record, ask: Ask) -> Said:
    wanted = same_value(ask.required("value"))
    infos = [info for info in world.of(user, "basicInfo") if same_value(info["value"]) == wanted]
    numbers = {info["contact"] for info in infos}
    found = [*world.of(user, "contact"), *world.of(user, "importContact")]
    return Said({"data": [contact_row(world, c) for c in found if c.id in numbers]})


def _merge(world: World, user: Record, ask: Ask) -> Said:
    """Put several contacts into one; what was about them is then about that one."""
    fields = ask.fields(_MERGE, ("contact",))
    sources = world.owned(user, "contact", tuple(fields.get("contactIds") or ()))
    failed = world.owned(user, "importContact", tuple(fields.get("importContactIds") or ()))
    if not sources and not failed:
        raise RefusalError(What.MISSING, "contactIds or importContactIds is missing")
    target = _target(world, user, fields["contact"], sources, failed)
    for source in sources:
        hand_over(world, source, target)
        forget_contact(world, user, source)
    for source in failed:
        drop_parts(world, source)
        world.drop(source)
    return updated(contact_row(world, target))


def _target(
    world: World, user: Record, body: Row, sources: list[Record], failed: list[Record]
) -> Record:
    """Make the contact that remains, or change it; it may take over what the others had."""
    body = dict(body)
    number = body.pop("id", None)
    lenders = tuple(source.id for source in (*sources, *failed))
    if number is None:
        _refuse_mixture(body.get("contactType"), sources, failed)
        return add_contact(world, user, body, lenders)
    if not is_whole(number):
        raise RefusalError(What.INVALID, "id is invalid")
    target = world.own(user, "contact", number)
    if target in sources:
        raise RefusalError(What.BAD_REQUEST, "a contact is not merged into itself")
    _refuse_mixture(target["contactType"], sources, failed)
    write(world, target, draft_change(world, user, target, body, lenders))
    return target


def _refuse_mixture(contact_type: object, sources: list[Record], failed: list[Record]) -> None:
    """Keep persons from becoming organizations."""
    if contact_type in TYPES and any(
        source["contactType"] != contact_type for source in (*sources, *failed)
    ):
        raise RefusalError(What.BAD_REQUEST, "persons and organizations are not merged")


def _share(world: World, user: Record, ask: Ask) -> Said:
    """Give each member of the groups a copy, the one who shares included.

    The contact itself is gone then; what was about it is about the sharer's copy.
    """
    contact = world.own(user, "contact", ask.id)
    groups = [world.find("group", number) for number in ask.numbers("groups")]
    numbers = {group.id for group in groups}
    members = [
        other
        for other in world.all("user")
        if other["active"] and numbers & set(other["groups"]) and other is not user
    ]
    for member in members:
        _copy(world, contact, member)
    mine = _copy(world, contact, user)
    world.relate(mine.id, world.related(contact.id))
    hand_over(world, contact, mine)
    forget_contact(world, user, contact)
    return updated(contact_row(world, mine))


def _copy(world: World, contact: Record, owner: Record) -> Record:
    """Copy a contact without what it is related to."""
    copy = world.add("contact", owner.id, {**contact.data, "version": 1})
    for kind in _COPIED:
        for part in parts_of(world, kind, contact):
            world.add(kind, owner.id, {**part.data, "contact": copy.id})
    return copy


CALLS: Calls = MappingProxyType(
    {
        "interact_duplicate_basicinfos_find": Entry(_find_duplicates, Action.VIEW, Realm.CLEANUP),
        "interact_contact_conflicts_list": Entry(_list_conflicts, Action.VIEW, Realm.CLEANUP),
        "interact_contacts_merge": Entry(_merge, Action.MERGE, Realm.CONTACTS),
        "interact_contacts_share": Entry(_share, Action.SHARE, Realm.CONTACTS),
    }
)
