"""Pictures of interact.io's contacts: uploaded as base64, served under an address of their own."""

import base64
import hashlib
from collections.abc import Mapping
from types import MappingProxyType

from crm_mcp.sandbox.base import Answer, Call
from crm_mcp.sandbox.interact.calls import Calls, Entry
from crm_mcp.sandbox.interact.errors import Action, Realm, RefusalError, What
from crm_mcp.sandbox.interact.views import FILES, parts_of, picture_row
from crm_mcp.sandbox.interact.wire import (
    DELETED,
    Ask,
    Check,
    Row,
    Said,
    is_flag,
    is_text,
    is_whole,
    updated,
)
from crm_mcp.sandbox.interact.world import Record, World

UPLOADED = "interact"

_CHECKS: Mapping[str, Check] = {"base64": is_text, "isDefault": is_flag}
_FORMATS: Mapping[bytes, tuple[str, str]] = {
    b"\x89PNG": ("png", "image/png"),
    b"\xff\xd8\xff": ("jpg", "image/jpeg"),
    b"GIF8": ("gif", "image/gif"),
}
_UNKNOWN = ("bin", "application/octet-stream")


def add_picture(world: World, contact: Record, content: bytes) -> Record:
    """Add an uploaded picture; the first one of a contact is the default one."""
    row = _stored(content) | {
        "contact": contact.id,
        "type": UPLOADED,
        "isDefault": not parts_of(world, "picture", contact),
    }
    return world.add("picture", contact.owner, row)


def serve(world: World, call: Call) -> Answer | None:
    """Give the content of an uploaded picture by its address; None when it is no such address.

    As at many vendors, whoever knows the address needs no token: it cannot be guessed.
    """
    if call.method != "GET" or not call.path.startswith(FILES):
        return None
    for picture in world.all("picture"):
        if picture["file"] == call.path.removeprefix(FILES):
            return Answer(picture["content"], content_type=_format(picture["content"])[1])
    return None


def _format(content: bytes) -> tuple[str, str]:
    found = (kind for start, kind in _FORMATS.items() if content.startswith(start))
    return next(found, _UNKNOWN)


def _stored(content: bytes) -> Row:
    digest = hashlib.sha256(content).hexdigest()[:32]
    return {"content": content, "file": f"{digest}.{_format(content)[0]}"}


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise RefusalError(What.INVALID, "base64 is invalid") from None


def _create(world: World, user: Record, ask: Ask) -> Said:
    fields = ask.fields({"contactId": is_whole, **_CHECKS}, ("contactId", "base64"))
    content = _decoded(fields["base64"])
    contact = world.own(user, "contact", fields["contactId"])
    picture = add_picture(world, contact, content)
    _set_default(world, picture, fields)
    return Said({"code": 201, "devmsg": "success", "entity": picture_row(world, picture)})


def _get(world: World, user: Record, ask: Ask) -> Said:
    return Said(picture_row(world, world.own(user, "picture", ask.id)))


def _update(world: World, user: Record, ask: Ask) -> Said:
    fields = ask.fields(_CHECKS)
    picture = world.own(user, "picture", ask.id)
    if fields.get("base64") is not None:
        content = _decoded(fields["base64"])
        _refuse_foreign(picture)
        world.change(picture, _stored(content))
    _set_default(world, picture, fields)
    return updated(picture_row(world, picture))


def _set_default(world: World, picture: Record, fields: Row) -> None:
    """Mark a picture as the default one, or not; a contact has one at most."""
    wanted = fields.get("isDefault")
    if wanted is None:
        return
    if wanted:
        contact = world.find("contact", picture["contact"])
        for other in parts_of(world, "picture", contact):
            world.change(other, {"isDefault": False})
    world.change(picture, {"isDefault": wanted})


def _delete(world: World, user: Record, ask: Ask) -> Said:
    return _drop(world, [world.own(user, "picture", ask.id)])


def _delete_many(world: World, user: Record, ask: Ask) -> Said:
    return _drop(world, world.owned(user, "picture", ask.ids))


def _drop(world: World, pictures: list[Record]) -> Said:
    for picture in pictures:
        _refuse_foreign(picture)
    for picture in pictures:
        world.drop(picture)
    return DELETED


def _refuse_foreign(picture: Record) -> None:
    if picture["type"] != UPLOADED:
        raise RefusalError(What.FOREIGN_PICTURE, f"the picture comes from {picture['type']}")


CALLS: Calls = MappingProxyType(
    {
        "interact_pictures_create": Entry(_create, Action.CREATE, Realm.CONTACTS),
        "interact_pictures_get": Entry(_get, Action.VIEW, Realm.CONTACTS),
        "interact_pictures_update": Entry(_update, Action.UPDATE, Realm.CONTACTS),
        "interact_pictures_delete_many": Entry(_delete_many, Action.DELETE, Realm.CONTACTS),
        "interact_pictures_delete": Entry(_delete, Action.DELETE, Realm.CONTACTS),
    }
)
