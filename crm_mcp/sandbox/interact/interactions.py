"""Interactions of interact.io: read, linked to contacts, and set off by trigger devices.

An event is matched by its telephone number or email address. It is pushed to the devices of the
user whose event it is, unless its basicinfo is excluded or no push knows its kind.
"""

import re
from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

from crm_mcp.sandbox.interact import activities
from crm_mcp.sandbox.interact.calls import Access, Calls, Entry
from crm_mcp.sandbox.interact.errors import Action, Realm, RefusalError, What
from crm_mcp.sandbox.interact.sessions import user_by_email
from crm_mcp.sandbox.interact.views import display_name, interaction_row
from crm_mcp.sandbox.interact.wire import (
    Ask,
    Check,
    Row,
    Said,
    created,
    is_object,
    is_text,
    is_whole,
    list_of,
    one_of,
    read_fields,
    refers_to,
    updated,
    without_nothing,
)
from crm_mcp.sandbox.interact.world import Record, World

PUSHED = ("call-incoming", "call-outgoing", "sms-incoming", "sms-outgoing")
TYPES = (*PUSHED, "email-incoming", "email-outgoing", "im-incoming", "im-outgoing")

# The basicinfo that an unknown partner of a way of talking gets; messengers have none.
_BASIC_INFO_TYPES: Mapping[str, str] = {"call": "phone", "sms": "mobile", "email": "email"}
_NUMBER = re.compile(r"[-+()/ \d]+", re.ASCII)

_SYSTEM: Mapping[str, Check] = {"name": is_text, "threadId": is_text, "entityId": is_text}
_EVENT: Mapping[str, Check] = {
    "data": is_text,
    "externalSystem": is_object,
    "receiverId": is_text,
    "time": is_whole,
    "type": one_of(*TYPES),
}
_UPDATE: Mapping[str, Check] = {
    "basicInfoId": is_whole,
    "customTags": is_text,
    "duration": is_whole,
    "externalSystems": list_of(is_object),
    "organization": refers_to(),
    "person": refers_to(),
    "status": is_text,
}
_PARTIES = (("person", What.PERSON), ("organization", What.ORGANIZATION))


def newest_first(interactions: list[Record]) -> list[Record]:
    """Sort interactions by their time."""
    return sorted(interactions, key=lambda interaction: interaction["time"], reverse=True)


def same_value(text: str) -> str:
    """Write a value so that its spellings are alike: digits of a number, small letters else."""
    if _NUMBER.fullmatch(text):
        return re.sub(r"\D", "", text)
    return text.strip().casefold()


def _list(world: World, user: Record, _: Ask) -> Said:
    found = newest_first(world.of(user, "interaction"))
    return Said([interaction_row(world, interaction) for interaction in found])


def _get(world: World, user: Record, ask: Ask) -> Said:
    return Said(interaction_row(world, world.own(user, "interaction", ask.id)))


def _update(world: World, user: Record, ask: Ask) -> Said:
    interaction = world.own(user, "interaction", ask.id)
    fields = ask.fields(_UPDATE)
    data = {name: value for name, value in fields.items() if value is not None}
    for role, what in _PARTIES:
        if role in data:
            data[role] = _party(world, user, data[role]["id"], role, what)
    if "basicInfoId" in data:
        world.own(user, "basicInfo", data["basicInfoId"])
    if "externalSystems" in data:
        data["externalSystems"] = [_system(item) for item in data["externalSystems"]]
    activities.update(world, user, interaction, data)
    return updated(interaction_row(world, interaction))


def _party(world: World, user: Record, number: int, contact_type: str, what: What) -> int:
    """Check that a contact is of the type that the role wants."""
    contact = world.own(user, "contact", number)
    if contact["contactType"] != contact_type:
        raise RefusalError(what, f"{contact_type} not found")
    return contact.id


def _system(item: Row) -> Row:
    """Read a reference to another system; it is shown with other names than it is sent with."""
    fields = read_fields(item, _SYSTEM)
    if not fields.get("threadId") and not fields.get("entityId"):
        raise RefusalError(What.MISSING, "threadId or entityId is missing")
    row = {name: fields.get(name) for name in ("threadId", "entityId")}
    return without_nothing({"systemId": fields.get("name"), **row})


def _trigger(world: World, user: Record, ask: Ask) -> Said:
    fields = ask.fields(_EVENT, ("data", "type"))
    user = _receiver(world, user, fields.get("receiverId"))
    system = fields.get("externalSystem")
    systems = [_system(system)] if system is not None else []
    infos = _matching(world, user, fields["data"]) or _unknown(world, user, fields)
    contacts = _contacts(world, infos)
    known = contacts[0] if len(contacts) == 1 else None
    data = {
        **(_roles(world, known) if known else {}),
        "basicInfoId": infos[0].id if len(infos) == 1 else None,
        "type": fields["type"],
        "data": fields["data"],
        "externalSystems": systems,
        "time": fields.get("time") or world.now,
    }
    interaction = world.add("interaction", user.id, data)
    activities.insert(world, user, interaction)
    if fields["type"] in PUSHED and not any(info["excluded"] for info in infos):
        _push(world, interaction, infos, known=known is not None)
    return created(interaction_row(world, interaction))


def _receiver(world: World, owner: Record, email: str | None) -> Record:
    """Find whose event it is: the user's who is named, else that of the device's owner."""
    receiver = owner if email is None else user_by_email(world, email)
    if receiver is None:
        raise RefusalError(What.USER, "user not found")
    return receiver


def _matching(world: World, user: Record, text: str) -> list[Record]:
    """Find the basicinfos with this value, those of contacts before those of nobody."""
    wanted = same_value(text)
    found = [info for info in world.of(user, "basicInfo") if same_value(info["value"]) == wanted]
    return [info for info in found if info["contact"]] or found


def _unknown(world: World, user: Record, fields: Row) -> list[Record]:
    """Keep the value of an unknown partner as a basicinfo that belongs to nobody yet."""
    way = _BASIC_INFO_TYPES.get(fields["type"].partition("-")[0])
    if way is None:
        return []
    data = {"type": way, "value": fields["data"], "excluded": False}
    return [world.add("basicInfo", user.id, data)]


def _contacts(world: World, infos: list[Record]) -> list[Record]:
    """List the contacts of basicinfos, each once; failed imports count for nothing."""
    numbers = dict.fromkeys(info["contact"] for info in infos)
    return [contact for contact in world.all("contact") if contact.id in numbers]


def _roles(world: World, contact: Record) -> Row:
    """Link a contact, and the organization of a person that has only one."""
    if contact["contactType"] == "organization":
        return {"organization": contact.id}
    related = (world.find("contact", number) for number in world.related(contact.id))
    organizations = [other.id for other in related if other["contactType"] == "organization"]
    only = organizations[0] if len(organizations) == 1 else None
    return {"person": contact.id, "organization": only}


def _push(world: World, interaction: Record, infos: list[Record], *, known: bool) -> None:
    message: Row = {"type": interaction["type"], "data": interaction["data"]}
    matches = [_match(world, info) for info in infos]
    message |= {"match": matches[0]} if known else {"tentatives": matches}
    message["interactionId"] = interaction.id
    for _, mailbox in world.mailboxes(interaction.owner):
        mailbox.put(message)


def _match(world: World, info: Record) -> dict[str, Any]:
    contacts = _contacts(world, [info])
    if not contacts:
        return {"contactName": "Unknown", "basicInfoId": info.id}
    (contact,) = contacts
    return {
        "contactId": contact.id,
        "contactName": display_name(contact),
        "contactType": contact["contactType"],
        "basicInfoId": info.id,
    }


CALLS: Calls = MappingProxyType(
    {
        "interact_events_trigger": Entry(
            _trigger, Action.CREATE, Realm.INTERACTIONS, Access.TRIGGER
        ),
        "interact_interactions_list": Entry(_list, Action.VIEW, Realm.INTERACTIONS),
        "interact_interactions_get": Entry(
            _get, Action.VIEW, Realm.INTERACTIONS, missing=HTTPStatus.NOT_FOUND
        ),
        "interact_interactions_update": Entry(_update, Action.UPDATE, Realm.INTERACTIONS),
    }
)
