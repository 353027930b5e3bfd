"""Attachments of activities, kept in the database or in Amazon S3."""

import base64
import binascii
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from crm_mcp.sandbox import story
from crm_mcp.sandbox.synergist import s3
from crm_mcp.sandbox.synergist.activity_table import ACTIVITY
from crm_mcp.sandbox.synergist.calls import Area
from crm_mcp.sandbox.synergist.company import user_named
from crm_mcp.sandbox.synergist.errors import RefusalError
from crm_mcp.sandbox.synergist.history import DOCUMENT_DELETED, clock, write_down
from crm_mcp.sandbox.synergist.reads import Listing, reading
from crm_mcp.sandbox.synergist.tables import Field, Shown, Table, fields, via
from crm_mcp.sandbox.synergist.wire import Ask, Rows, Said
from crm_mcp.sandbox.synergist.world import Record, Row, World
from crm_mcp.sandbox.synergist.writes import (
    Item,
    delete,
    each,
    ignored,
    named,
    new_values,
    values_of,
)

KIND = "attachment"

_FIRST = 5501
_TYPES: Mapping[str, str] = {
    "CSV": "application/csv",
    "JPG": "image/jpeg",
    "PDF": "application/pdf",
    "PNG": "image/png",
    "TXT": "text/plain",
}
_ACTIVITY = "attachmentActivityID"
_FILE_NAME = "attachmentOriginalFilename"
_CONTENT = "variable_AttachmentBase64"
_DESCRIPTION = "attachmentDescription"


def extension(name: str) -> str:
    """Give what stands behind the last dot of a file's name, in capitals."""
    return name.rpartition(".")[2].upper() if "." in name else ""


def document_name(number: int, name: str) -> str:
    """Give the name under which a file is kept: its own, made unique by a number."""
    stem, dot, end = name.rpartition(".")
    return f"{stem}_{number}.{end}" if dot else f"{name}_{number}"


def content_type(name: str) -> str:
    """Tell the type of a file by its name."""
    return _TYPES.get(extension(name), "application/octet-stream")


def decoded(text: str, name: str) -> bytes:
    """Read base64.

    Raises:
        RefusalError: it is none.
    """
    try:
        return base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        raise RefusalError(f"{name} is no base64") from None


def _name(_: World, attachment: Record) -> str:
    return document_name(int(attachment.key), attachment[_FILE_NAME])


def _created(world: World, attachment: Record) -> str:
    name = world.find("user", attachment["created"])["userFullName"]
    return f"Created by {name} on {attachment['at']:%d/%m/%Y} at {clock(attachment)}"


def _address(world: World, attachment: Record) -> str:
    if attachment["content"] is not None:
        return ""
    return s3.address(world, _name(world, attachment), "GET")


def _of_activity(name: str) -> Any:
    return via(ACTIVITY, _ACTIVITY, name)


def _client_name(world: World, attachment: Record) -> str:
    client = world.find("client", _of_activity("activityClientCode")(world, attachment))
    return str(client["clientName"])


ATTACHMENTS = Table(
    kind=KIND,
    prefix="attachment",
    key="attachmentID",
    head=("attachmentUuid", "attachmentTimestampModified", "attachmentRecordVersionNumber"),
    models=("attachmentslist", "attachmentdetails"),
    fields=(
        Field("attachmentCreatedDisplay"),
        *fields(Shown.BOTH, "attachmentS3UrlGet", "attachmentS3UrlPut", "attachmentClientName"),
        Field(_ACTIVITY, "number", editable=True, mandatory=True, refers=ACTIVITY),
        Field("attachmentID", "number"),
        *fields(Shown.BOTH, "attachmentDocumentName", "attachmentJobAndPhase"),
        Field(_DESCRIPTION, editable=True),
        *fields(Shown.BOTH, "attachmentExtension", "attachmentContainer"),
        Field("attachmentCreationDate", "date"),
        Field("attachmentCreationTime", "time"),
        Field("attachmentCreatedByUserID", "number"),
        *fields(Shown.BOTH, "attachmentCreatedByFullName", "attachmentMode"),
        Field(_FILE_NAME, shown=Shown.NOWHERE, editable=True, mandatory=True),
        Field(_CONTENT, shown=Shown.NOWHERE, editable=True),
        *fields(Shown.NOWHERE, "client", "job"),
    ),
    derived={
        "attachmentCreatedDisplay": _created,
        "attachmentS3UrlGet": _address,
        "attachmentClientName": _client_name,
        "attachmentDocumentName": _name,
        "attachmentJobAndPhase": _of_activity("activityJobAndPhase"),
        "attachmentExtension": lambda _, attachment: extension(attachment[_FILE_NAME]),
        "attachmentContainer": _of_activity("activitySubject"),
        "attachmentCreationDate": lambda _, attachment: f"{attachment['at']:%Y-%m-%d}",
        "attachmentCreationTime": lambda _, attachment: f"{attachment['at']:%H:%M:%S}",
        "attachmentCreatedByUserID": lambda _, attachment: attachment["created"],
        "attachmentCreatedByFullName": via("user", "created", "userFullName"),
        "client": _of_activity("activityClientCode"),
        "job": _of_activity("activityJobNumber"),
    },
)

LISTING = Listing(
    ATTACHMENTS,
    own=("attachmentid", "attachment"),
    filters={
        "activity": (_ACTIVITY,),
        "activityid": (_ACTIVITY,),
        "client": ("client",),
        "job": ("job",),
        "jobphase": ("attachmentJobAndPhase",),
    },
)


def _create(world: World, ask: Ask) -> Said:
    return each(ask.items, lambda item: _create_one(world, ask, item))


def _create_one(world: World, ask: Ask, item: Row) -> Item:
    values = new_values(world, ATTACHMENTS, item)
    data = dict(values.data)
    text = data.pop(_CONTENT, "")
    if not text and not world.uses_s3:
        raise RefusalError(f"{_CONTENT} is missing")
    data["content"] = None if world.uses_s3 else decoded(text, _CONTENT)
    made = _add(world, data, ask.user, "API")
    row = {ATTACHMENTS.key: made.key, **ATTACHMENTS.stamp(made)}
    urls = s3.addresses(world, _name(world, made)) if world.uses_s3 else {}
    return Item(row | urls, ignored(values))


def _add(world: World, data: Mapping[str, Any], user: Record, mode: str) -> Record:
    values = {
        _DESCRIPTION: data[_FILE_NAME],
        **data,
        "created": user.key,
        "at": world.now,
        "attachmentMode": mode,
    }
    company = world.find(ACTIVITY, data[_ACTIVITY]).company
    return world.add(KIND, values, company=company)


def _update(world: World, ask: Ask) -> Said:
    return each(ask.items, lambda item: _rename(world, item))


def _rename(world: World, item: Row) -> Item:
    """Give a document another name, which is all that can be changed."""
    attachment = named(world, ATTACHMENTS, item)
    values = values_of(world, ATTACHMENTS, item)
    if not values.data.get(_DESCRIPTION):
        raise RefusalError(f"{_DESCRIPTION} is missing")
    fixed = tuple(f"{name} stays as it is." for name in values.data if name != _DESCRIPTION)
    changed = world.change(attachment, {_DESCRIPTION: values.data[_DESCRIPTION]})
    return Item(ATTACHMENTS.named(changed), (*ignored(values), *fixed))


def _delete(world: World, ask: Ask) -> Said:
    found = [named(world, ATTACHMENTS, item) for item in ask.items]
    for attachment in found:
        activity = world.find(ACTIVITY, attachment[_ACTIVITY])
        words = f"Document {attachment[_DESCRIPTION]} deleted."
        write_down(world, activity, words, ask.user, category=DOCUMENT_DELETED)
    return delete(world, ATTACHMENTS, ask.items)


def _view(world: World, ask: Ask) -> Said:
    attachment = world.find(KIND, ask.number("attachment"))
    content = attachment["content"]
    if content is None:
        content = s3.content_of(world, _name(world, attachment))
    if content is None:
        raise RefusalError(f"the file of attachment {attachment.key} is not there")
    return Rows([{**ATTACHMENTS.stamp(attachment), **file_row(attachment[_FILE_NAME], content)}])


def file_row(name: str, content: bytes) -> Row:
    """Show a file as base64."""
    return {
        _FILE_NAME: name,
        "attachmentBase64": base64.b64encode(content).decode("ascii"),
        "attachmentContentDisposition": f'attachment; filename="{name}"',
        "attachmentContentType": content_type(name),
    }


def _seed(world: World) -> None:
    """Add the papers of the first order, and what a contact has sent."""
    world.now = story.day(2026, 2, 25) + timedelta(hours=14)
    world.count_from(KIND, _FIRST)
    owner = user_named(world, story.MAYA.name)
    for name, text in (
        ("Floor plan.csv", "room,desks\nreception,4\nlibrary,20\n"),
        ("Delivery note.txt", "First lot: 12 chairs, complete.\n"),
    ):
        activity = world.where(ACTIVITY, activityJobNumber="1/00001001")[0]
        data = {_ACTIVITY: activity.key, _FILE_NAME: name, "content": text.encode()}
        _add(world, data, owner, "Browse")


AREA = Area(
    {
        ("attachments", ""): reading(LISTING),
        ("attachments", "create"): _create,
        ("attachments", "update"): _update,
        ("attachments", "delete"): _delete,
        ("notesattachments", "attachmentview"): _view,
    },
    _seed,
)
