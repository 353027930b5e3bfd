"""How interact.io shows its records: the attributes of the document's samples, in their order.

What has no value is left out; references are shown with the names of what they refer to.
"""

from collections.abc import Callable
from typing import Any

from crm_mcp.sandbox.interact.wire import Row, without_nothing
from crm_mcp.sandbox.interact.world import Kind, Record, World

FILES = "/files/"
"""Where the stand-in serves uploaded pictures, below its own address."""

_PERSON = ("title", "lastName", "firstName", "middleName", "profession", "gender")
_ORGANIZATION = ("organizationName", "business")
_BASIC_INFO = ("type", "subtype", "identifier", "value", "excluded")
_ADDRESS = (
    *("addressLine1", "addressLine2", "addressLine3"),
    *("addressType", "postCode", "city", "country"),
)


def _taken(record: Record, *names: str) -> Row:
    return without_nothing({"id": record.id, **{name: record[name] for name in names}})


def plain(*names: str) -> Callable[[Record], Row]:
    """Make the view of records that are shown as they stand."""
    return lambda record: _taken(record, *names)


basic_info_row = plain(*_BASIC_INFO)
address_row = plain(*_ADDRESS)
device_row = plain("active", "deviceId", "name")
trigger_device_row = plain("deviceId", "triggerToken")
custom_field_row = plain("dataType", "entityType", "name")


def display_name(contact: Record) -> str:
    """Name a contact as lists do."""
    if contact["organizationName"]:
        return str(contact["organizationName"])
    return " ".join(filter(None, (contact["firstName"], contact["lastName"])))


def user_name(user: Record) -> str:
    """Name a user: by the email, as long as no name is known."""
    return str(user["name"] or user["email"])


def parts_of(world: World, kind: Kind, contact: Record) -> list[Record]:
    """List what belongs to one contact alone: its basicinfos, addresses or pictures."""
    return [part for part in world.all(kind) if part["contact"] == contact.id]


def about(world: World, kind: Kind, contact: Record) -> list[Record]:
    """List the notes, tasks or deals that are related to a contact."""
    wanted = {"id": contact.id, "type": "contact"}
    return [record for record in world.all(kind) if record["relatedTo"] == wanted]


def interactions_with(world: World, contact: Record) -> list[Record]:
    """List the interactions with a contact."""
    return [
        record
        for record in world.all("interaction")
        if contact.id in (record["person"], record["organization"])
    ]


def contact_row(world: World, contact: Record, projection: str = "base") -> Row:
    """Show a contact in one of the three projections."""
    if projection == "thin":
        return _thin_row(world, contact)
    names = _PERSON if contact["contactType"] == "person" else _ORGANIZATION
    pictures = parts_of(world, "picture", contact)
    row = {
        "id": contact.id,
        "version": contact["version"],
        "contactType": contact["contactType"],
        **{name: contact[name] for name in names},
        "hot": contact["hot"],
        "basicInfos": [basic_info_row(part) for part in parts_of(world, "basicInfo", contact)],
        "addresses": [address_row(part) for part in parts_of(world, "address", contact)],
        "deals": _ids(about(world, "deal", contact)),
        "notes": _ids(about(world, "note", contact)),
        "tags": contact["tags"],
        "tasks": _ids(about(world, "task", contact)),
        "interactions": _ids(interactions_with(world, contact)),
        "relatedTo": world.related(contact.id),
        "pictures": [_picture_in_contact(world, picture, projection) for picture in pictures],
        "searchTerms": contact["searchTerms"],
        "profiles": contact["profiles"],
    }
    return without_nothing(row)


def _ids(records: list[Record]) -> list[int]:
    return [record.id for record in records]


def picture_row(world: World, picture: Record) -> Row:
    """Show a picture, with the address of its content."""
    return {
        "id": picture.id,
        "isDefault": picture["isDefault"],
        "type": picture["type"],
        "url": _url(world, picture),
    }


def _url(world: World, picture: Record) -> str:
    """Tell where a picture is: with us, if it was uploaded, or in another system."""
    return picture["url"] or f"{world.origin}{FILES}{picture['file']}"


def _picture_in_contact(world: World, picture: Record, projection: str) -> Any:
    if projection == "flat":
        return _url(world, picture)
    return {"type": picture["type"], "url": _url(world, picture)}


def _thin_row(world: World, contact: Record) -> Row:
    pictures = parts_of(world, "picture", contact)
    # The document wants the default picture of a person and the first of an organization.
    if contact["contactType"] == "person":
        pictures = [picture for picture in pictures if picture["isDefault"]]
    row = {
        "id": contact.id,
        "version": contact["version"],
        "contactType": contact["contactType"],
        **{name: contact[name] for name in ("lastName", "firstName", "organizationName")},
        "hot": contact["hot"],
        "picture": _url(world, pictures[0]) if pictures else None,
        "extra": _extra(world, contact),
    }
    return without_nothing(row)


def _extra(world: World, contact: Record) -> str | None:
    """Name the one organization of a person, or the one person of an organization; else count."""
    related = (world.find("contact", number) for number in world.related(contact.id))
    others = [other for other in related if other["contactType"] != contact["contactType"]]
    if len(others) == 1:
        return display_name(others[0])
    return str(len(others)) if others else None


def note_row(world: World, note: Record) -> Row:
    """Show a note with what it is about."""
    return {
        "id": note.id,
        "timestamp": note.changed,
        "message": note["message"],
        "relatedTo": _subject(world, note),
    }


def _subject(world: World, record: Record) -> Row | None:
    """Show what a note or a task is about: a contact or a deal."""
    subject = record["relatedTo"]
    if subject is None:
        return None
    found = world.find(subject["type"], subject["id"])
    name = found["name"] if found.kind == "deal" else display_name(found)
    return {**subject, "displayName": name}


def interaction_row(world: World, interaction: Record) -> Row:
    """Show an interaction; custom tags and status only once they are set."""
    row = {
        "id": interaction.id,
        "organization": _party(world, interaction["organization"]),
        "person": _party(world, interaction["person"]),
        "basicInfoId": interaction["basicInfoId"],
        "type": interaction["type"],
        "data": interaction["data"],
        "duration": interaction["duration"],
        "externalSystems": interaction["externalSystems"],
        "time": interaction["time"],
        "customTags": interaction["customTags"],
        "status": interaction["status"],
    }
    return without_nothing(row)


def _party(world: World, number: int | None) -> Row | None:
    if number is None:
        return None
    return {"id": number, "displayName": display_name(world.find("contact", number))}


def task_row(world: World, task: Record) -> Row:
    """Show a task; times in milliseconds since the epoch."""
    assignee = world.find("user", task["assignedTo"])
    numbers = task["phoneNumberIds"]
    row = {
        "id": task.id,
        "assignedTo": {"id": assignee.id, "displayName": user_name(assignee)},
        "concreteDueDate": task["concreteDueDate"],
        "content": task["content"],
        "created": task["created"],
        "duration": task["duration"],
        "fuzzyDueDate": task["fuzzyDueDate"],
        "hot": task["hot"],
        "listId": task["listId"],
        "phoneNumbers": numbers and [_phone_row(world.find("basicInfo", n)) for n in numbers],
        "relatedTo": _subject(world, task),
        "status": task["status"],
        "taskType": task["taskType"],
        "title": task["title"],
    }
    return without_nothing(row)


_phone_row = plain("type", "subtype", "value", "excluded")


def task_list_row(world: World, task_list: Record) -> Row:
    """Show a task list with its tasks."""
    tasks = [task for task in world.all("task") if task["listId"] == task_list.id]
    return {
        "id": task_list.id,
        "title": task_list["title"],
        "tasks": [task_row(world, task) for task in tasks],
    }


def deal_row(world: World, deal: Record) -> Row:
    """Show a deal; its value in whole units of its currency."""
    subject = deal["relatedTo"]
    contact = subject and world.find("contact", subject["id"])
    row = {
        "id": deal.id,
        "name": deal["name"],
        "value": deal["value"],
        "currency": deal["currency"],
        "hot": deal["hot"],
        "relatedTo": contact and {"id": contact.id, "name": display_name(contact)},
        "source": deal["source"],
        "stage": deal["stage"],
    }
    return without_nothing(row)


def group_rows(world: World, user: Record) -> list[Row]:
    """Show the groups of a user."""
    groups = (world.find("group", number) for number in user["groups"])
    return [{"id": group.id, "name": group["name"]} for group in groups]


def user_row(world: World, user: Record) -> Row:
    """Show a user, and never the password."""
    interactions = [entry for entry in world.all("interaction") if entry.owner == user.id]
    row = {
        "active": user["active"],
        "companyId": user["companyId"],
        "dateCreated": user["dateCreated"],
        "email": user["email"],
        "groups": group_rows(world, user),
        "id": user.id,
        "interactionsCount": len(interactions),
        "roles": list(user["roles"]),
    }
    return without_nothing(row)


def company_row(world: World, company: Record) -> Row:
    """Show a customer company with its users."""
    users = [user for user in world.all("user") if user["companyId"] == company.id]
    return _with_users(world, company, company.id, users)


def group_row(world: World, group: Record) -> Row:
    """Show a group with its users."""
    users = [user for user in world.all("user") if group.id in user["groups"]]
    return _with_users(world, group, group["companyId"], users)


def _with_users(world: World, record: Record, company: int, users: list[Record]) -> Row:
    return {
        "id": record.id,
        "name": record["name"],
        "companyId": company,
        "users": [user_row(world, user) for user in users],
    }
