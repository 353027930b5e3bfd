"""Contacts of interact.io: made, read, changed and deleted, persons and organizations alike.

An attribute that is given replaces what stood there, lists as a whole; profiles are replaced one
by one. A basicinfo or address that a list no longer names is let go: it belongs to no contact
then, and whoever names its id takes it up again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from crm_mcp.sandbox.interact import activities
from crm_mcp.sandbox.interact.calls import Calls, Entry
from crm_mcp.sandbox.interact.errors import Action, Realm, RefusalError, What
from crm_mcp.sandbox.interact.views import about, contact_row, interactions_with, parts_of
from crm_mcp.sandbox.interact.wire import (
    DELETED,
    Ask,
    Check,
    Row,
    Said,
    as_object,
    created,
    is_flag,
    is_object,
    is_text,
    is_whole,
    list_of,
    one_of,
    page,
    read_fields,
    refuse_empty,
    updated,
)
from crm_mcp.sandbox.interact.world import Kind, Record, World

TYPES = ("person", "organization")
PROJECTIONS = ("thin", "base", "flat")
BASIC_INFO_CHECKS: Mapping[str, Check] = MappingProxyType(
    {
        "type": one_of("email", "fax", "mobile", "phone", "website"),
        "subtype": one_of("home", "work", "other"),
        "identifier": is_text,
        "value": is_text,
        "excluded": is_flag,
    }
)
BASIC_INFO_NEEDS = ("type", "value")

_PROFILES = (
    *("facebook", "aim", "gplus", "gtalk", "icq"),
    *("jabber", "linkedIn", "skype", "twitter", "xing"),
)
_PROFILE: Mapping[str, Check] = {"connected": is_flag, "username": is_text, "url": is_text}
_ADDRESS: Mapping[str, Check] = {
    "addressLine1": is_text,
    "addressLine2": is_text,
    "addressLine3": is_text,
    "addressType": one_of("home", "work", "other"),
    "postCode": is_text,
    "city": is_text,
    "country": is_text,
}
_BOTH: Mapping[str, Check] = {
    "contactType": one_of(*TYPES),
    "version": is_whole,
    "hot": is_flag,
    "basicInfos": list_of(is_object),
    "addresses": list_of(is_object),
    "relatedTo": list_of(is_whole),
    "tags": list_of(is_text),
    "searchTerms": list_of(is_text),
    "profiles": is_object,
}
_PERSON: Mapping[str, Check] = {
    "title": is_text,
    "lastName": is_text,
    "firstName": is_text,
    "middleName": is_text,
    "gender": one_of("f", "m"),
    "profession": is_text,
}
_ORGANIZATION: Mapping[str, Check] = {"organizationName": is_text, "business": is_text}
_CHECKS = {"person": {**_BOTH, **_PERSON}, "organization": {**_BOTH, **_ORGANIZATION}}
_LISTS = ("tags", "searchTerms")
_WORK: tuple[Kind, ...] = ("task", "deal")
_GOES_ALONG: tuple[Kind, ...] = ("picture", "address")

# What a part must have, and what is wrong when it belongs to another contact.
_PARTS: Mapping[Kind, tuple[Mapping[str, Check], tuple[str, ...], What]] = {
    "basicInfo": (BASIC_INFO_CHECKS, BASIC_INFO_NEEDS, What.BASIC_INFO_TAKEN),
    "address": (_ADDRESS, (), What.BAD_REQUEST),
}
_PART_NAMES: Mapping[str, Kind] = {"basicInfos": "basicInfo", "addresses": "address"}


@dataclass(frozen=True)
class Draft:
    """A contact as it shall be, checked to the last leaf; nothing is changed before that."""

    data: Row
    parts: Mapping[Kind, list[tuple[Record | None, Row]]]
    related: list[int] | None


def blank(contact_type: str) -> Row:
    """Give the attributes that every new contact has."""
    return {
        "contactType": contact_type,
        "version": 0,
        "hot": False,
        "tags": [],
        "searchTerms": [],
        "profiles": {},
    }


def draft(
    world: World,
    user: Record,
    fields: Row,
    contact: Record | None = None,
    lenders: tuple[int, ...] = (),
) -> Draft:
    """Check the attributes of a contact.

    Args:
        world: where.
        user: for whom.
        fields: the attributes as sent.
        contact: which one is changed; none for a new one.
        lenders: contacts whose basicinfos and addresses may be taken.

    Raises:
        RefusalError: something does not fit, or is not there.
    """
    contact_type = contact["contactType"] if contact else fields["contactType"]
    fields = read_fields(fields, _CHECKS[contact_type])
    owners = (None, contact.id, *lenders) if contact else (None, *lenders)
    parts = {
        kind: [_draft_part(world, user, kind, item, owners) for item in fields[name] or ()]
        for name, kind in _PART_NAMES.items()
        if name in fields
    }
    skipped = ("version", "contactType", "relatedTo", *_PART_NAMES)
    data = {name: value for name, value in fields.items() if name not in skipped}
    data |= {name: data[name] or [] for name in _LISTS if name in data}
    if "profiles" in data:
        data["profiles"] = _draft_profiles(data["profiles"] or {}, contact)
    return Draft(data, parts, _draft_relations(world, user, fields, contact))


def _draft_part(
    world: World, user: Record, kind: Kind, item: Row, owners: tuple[int | None, ...]
) -> tuple[Record | None, Row]:
    checks, needs, taken = _PARTS[kind]
    is_new = item.get("id") is None
    fields = dict(read_fields(item, {"id": is_whole, **checks}, needs if is_new else ()))
    refuse_empty(fields, *needs)
    number = fields.pop("id", None)
    part = None if is_new else world.own(user, kind, number)
    if part is not None and part["contact"] not in owners:
        raise RefusalError(taken, f"{kind} {number} belongs to another contact")
    return part, fields


def _draft_profiles(profiles: Row, contact: Record | None) -> Row:
    for name, profile in profiles.items():
        if name not in _PROFILES:
            raise RefusalError(What.PROFILE, f"profile {name} not found")
        if profile is not None:
            read_fields(profile, _PROFILE)
    merged = (contact["profiles"] if contact else {}) | profiles
    return {name: profile for name, profile in merged.items() if profile is not None}


def _draft_relations(
    world: World, user: Record, fields: Row, contact: Record | None
) -> list[int] | None:
    if "relatedTo" not in fields:
        return None
    others = world.owned(user, "contact", tuple(fields["relatedTo"] or ()))
    if contact in others:
        raise RefusalError(What.BAD_REQUEST, "a contact is not related to itself")
    return [other.id for other in others]


def write(world: World, contact: Record, drafted: Draft) -> None:
    """Give a contact what was drafted, and count its version up."""
    for kind, parts in drafted.parts.items():
        kept = [part for part, _ in parts]
        for old in parts_of(world, kind, contact):
            if old not in kept:
                world.change(old, {"contact": None})
        for part, fields in parts:
            _attach(world, contact, kind, part, fields)
    if drafted.related is not None:
        world.relate(contact.id, drafted.related)
    world.change(contact, {**drafted.data, "version": contact["version"] + 1})


def _attach(world: World, contact: Record, kind: Kind, part: Record | None, fields: Row) -> None:
    if part is not None:
        world.change(part, {**fields, "contact": contact.id})
        return
    usual = {"excluded": False} if kind == "basicInfo" else {}
    world.add(kind, contact.owner, {**usual, **fields, "contact": contact.id})


def add_contact(world: World, user: Record, fields: Row, lenders: tuple[int, ...] = ()) -> Record:
    """Make a contact of attributes as they are sent.

    Raises:
        RefusalError: it has no name, or something else does not fit.
    """
    contact_type = fields.get("contactType")
    if contact_type not in TYPES:
        raise RefusalError(What.MISSING, "contactType is missing")
    names = ("lastName", "firstName") if contact_type == "person" else ("organizationName",)
    if not any(fields.get(name) for name in names):
        raise RefusalError(What.MISSING, f"{' or '.join(names)} is missing")
    drafted = draft(world, user, fields, lenders=lenders)
    contact = world.add("contact", user.id, blank(fields["contactType"]))
    write(world, contact, drafted)
    return contact


def draft_change(
    world: World, user: Record, contact: Record, fields: Row, lenders: tuple[int, ...] = ()
) -> Draft:
    """Check a change of a contact.

    Raises:
        RefusalError: the version is outdated, a name would be empty, or something does not fit.
    """
    drafted = draft(world, user, fields, contact, lenders)
    if fields.get("version") not in (None, contact["version"]):
        raise RefusalError(What.OUTDATED, "version conflict", 4003)
    if fields.get("contactType") not in (None, contact["contactType"]):
        raise RefusalError(What.INVALID, "contactType cannot change")
    refuse_empty(fields, "lastName", "firstName", "organizationName")
    return drafted


def forget_contact(world: World, user: Record, contact: Record) -> None:
    """Delete a contact with its notes and pictures; what else was about it stays."""
    for note in about(world, "note", contact):
        activities.delete(world, user, note)
    for kind in _WORK:
        for record in about(world, kind, contact):
            world.change(record, {"relatedTo": None})
    for interaction in interactions_with(world, contact):
        world.change(interaction, _with(interaction, contact, None))
    drop_parts(world, contact)
    world.drop(contact)


def drop_parts(world: World, contact: Record) -> None:
    """Delete all that belongs to one contact alone, and what refers to it."""
    for kind in _GOES_ALONG:
        for part in parts_of(world, kind, contact):
            world.drop(part)
    for part in parts_of(world, "basicInfo", contact):
        for task in world.all("task"):
            if part.id in (numbers := task["phoneNumberIds"] or []):
                world.change(task, {"phoneNumberIds": [n for n in numbers if n != part.id]})
        for interaction in world.all("interaction"):
            if interaction["basicInfoId"] == part.id:
                world.change(interaction, {"basicInfoId": None})
        world.drop(part)


def hand_over(world: World, source: Record, target: Record) -> None:
    """Attach all that is about one contact to another."""
    subject = {"id": target.id, "type": "contact"}
    for kind in ("note", *_WORK):
        for record in about(world, kind, source):
            world.change(record, {"relatedTo": subject})
    for interaction in interactions_with(world, source):
        world.change(interaction, _with(interaction, source, target.id))
    for picture in parts_of(world, "picture", source):
        world.change(picture, {"contact": target.id})


def _with(interaction: Record, old: Record, new: int | None) -> Row:
    return {role: new for role in ("person", "organization") if interaction[role] == old.id}


def _create(world: World, user: Record, ask: Ask) -> Said:
    return created(contact_row(world, add_contact(world, user, as_object(ask.body))))


def _list(world: World, user: Record, ask: Ask) -> Said:
    projection = ask.choice("projection", PROJECTIONS, "base")
    found = world.of(user, "contact")
    return Said(page(ask, found, lambda contact: contact_row(world, contact, projection)))


def _get(world: World, user: Record, ask: Ask) -> Said:
    projection = ask.choice("projection", PROJECTIONS, "base")
    return Said(contact_row(world, world.own(user, "contact", ask.id), projection))


def _update(world: World, user: Record, ask: Ask) -> Said:
    contact = world.own(user, "contact", ask.id)
    write(
        world, contact, draft_change(world, user, contact, _renamed(contact, as_object(ask.body)))
    )
    return updated(contact_row(world, contact))


def _renamed(contact: Record, body: Row) -> Row:
    """Read the `name` of an organization, as updates call what is else `organizationName`."""
    if contact["contactType"] == "person" or "name" not in body:
        return body
    rest = {name: value for name, value in body.items() if name != "name"}
    return {**rest, "organizationName": body["name"]}


def _delete(world: World, user: Record, ask: Ask) -> Said:
    forget_contact(world, user, world.own(user, "contact", ask.id))
    return DELETED


def _delete_many(world: World, user: Record, ask: Ask) -> Said:
    for contact in world.owned(user, "contact", ask.ids):
        forget_contact(world, user, contact)
    return DELETED


_UPDATE = Entry(_update, Action.UPDATE, Realm.CONTACTS)
_GET = Entry(_get, Action.VIEW, Realm.CONTACTS)
_CREATE = Entry(_create, Action.CREATE, Realm.CONTACTS)

CALLS: Calls = MappingProxyType(
    {
        "interact_person_contacts_create": _CREATE,
        "interact_organization_contacts_create": _CREATE,
        "interact_contacts_list": Entry(_list, Action.VIEW, Realm.CONTACTS),
        "interact_person_contacts_get": _GET,
        "interact_organization_contacts_get": _GET,
        "interact_person_contacts_update": _UPDATE,
        "interact_organization_contacts_update": _UPDATE,
        "interact_contacts_delete_many": Entry(_delete_many, Action.DELETE, Realm.CONTACTS),
        "interact_contacts_delete": Entry(_delete, Action.DELETE, Realm.CONTACTS),
    }
)
