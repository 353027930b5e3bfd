"""What interact.io lists below a contact, and all tags of a user."""

from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

from crm_mcp.sandbox.interact.calls import Calls, Entry
from crm_mcp.sandbox.interact.contacts import PROJECTIONS
from crm_mcp.sandbox.interact.errors import Action, Realm
from crm_mcp.sandbox.interact.interactions import newest_first
from crm_mcp.sandbox.interact.tasks import last_due_first
from crm_mcp.sandbox.interact.views import (
    about,
    contact_row,
    deal_row,
    interaction_row,
    interactions_with,
    note_row,
    parts_of,
    picture_row,
    task_row,
)
from crm_mcp.sandbox.interact.wire import Ask, Row, Said
from crm_mcp.sandbox.interact.world import Record, World

Show = Callable[[World, Record], Any]


def _below(show: Show, world: World, user: Record, ask: Ask) -> Said:
    return Said(show(world, world.own(user, "contact", ask.id)))


def _related(world: World, user: Record, ask: Ask) -> Said:
    projection = ask.choice("projection", PROJECTIONS, "base")
    contact = world.own(user, "contact", ask.id)
    others = (world.find("contact", number) for number in world.related(contact.id))
    return Said({"data": [contact_row(world, other, projection) for other in others]})


def _pictures(world: World, contact: Record) -> list[Row]:
    return [picture_row(world, picture) for picture in parts_of(world, "picture", contact)]


def _notes(world: World, contact: Record) -> list[Row]:
    """List notes without what they are about: that is said already."""
    rows = [note_row(world, note) for note in about(world, "note", contact)]
    return [{name: row[name] for name in ("id", "timestamp", "message")} for row in rows]


def _interactions(world: World, contact: Record) -> list[Row]:
    found = newest_first(interactions_with(world, contact))
    return [interaction_row(world, interaction) for interaction in found]


def _tasks(world: World, contact: Record) -> list[Row]:
    return [task_row(world, task) for task in last_due_first(about(world, "task", contact))]


def _deals(world: World, contact: Record) -> list[Row]:
    return [deal_row(world, deal) for deal in about(world, "deal", contact)]


def _profiles(_: World, contact: Record) -> Row:
    return dict(contact["profiles"])


def _search_terms(_: World, contact: Record) -> list[str]:
    return list(contact["searchTerms"])


def _tags(_: World, contact: Record) -> list[str]:
    return list(contact["tags"])


def _all_tags(world: World, user: Record, _: Ask) -> Said:
    contacts = world.of(user, "contact")
    return Said(sorted({tag for contact in contacts for tag in contact["tags"]}))


def _entry(show: Show, realm: Realm, missing: HTTPStatus = HTTPStatus.BAD_REQUEST) -> Entry:
    return Entry(partial(_below, show), Action.VIEW, realm, missing=missing)


_404 = HTTPStatus.NOT_FOUND

CALLS: Calls = MappingProxyType(
    {
        "interact_contact_contacts_list": Entry(_related, Action.VIEW, Realm.CONTACT_RELATIONS),
        "interact_contact_pictures_list": _entry(_pictures, Realm.CONTACTS),
        "interact_contact_notes_list": _entry(_notes, Realm.CONTACT_NOTES),
        "interact_contact_profiles_list": _entry(_profiles, Realm.CONTACT_PROFILES),
        "interact_contact_search_terms_list": _entry(_search_terms, Realm.CONTACT_SEARCH_TERMS),
        "interact_contact_tags_list": _entry(_tags, Realm.CONTACT_TAGS),
        "interact_contact_interactions_list": _entry(_interactions, Realm.CONTACT_INTERACTIONS),
        "interact_contact_tasks_list": _entry(_tasks, Realm.CONTACT_TASKS, _404),
        "interact_contact_deals_list": _entry(_deals, Realm.CONTACT_DEALS, _404),
        "interact_tags_list": Entry(_all_tags, Action.VIEW, Realm.TAGS),
    }
)
