"""Importing contacts into interact.io from another system: a made-up address book at Google.

Maya imported it four weeks before the story begins. Since then one entry has changed, one is gone,
and there are new ones: one has the mobile number of a contact, so that its import fails.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import MappingProxyType

from crm_mcp.sandbox import story
from crm_mcp.sandbox.interact.calls import Calls, Entry
from crm_mcp.sandbox.interact.contacts import (
    add_contact,
    blank,
    draft,
    draft_change,
    forget_contact,
    write,
)
from crm_mcp.sandbox.interact.errors import Action, Realm, RefusalError, What
from crm_mcp.sandbox.interact.interactions import same_value
from crm_mcp.sandbox.interact.wire import Ask, Check, Row, Said, is_text, one_of
from crm_mcp.sandbox.interact.world import Kind, Record, World, milliseconds

SYSTEM = "google"
ACCOUNT: Mapping[str, str] = MappingProxyType(
    {"username": "maya.thornbury@mail.example.com", "password": "sandbox-address-book"}
)
LAST_IMPORT = milliseconds(story.day(2026, 2, 2))
_NO_GROUP = "none"


@dataclass(frozen=True)
class Listed:
    """An entry of the address book."""

    id: str
    first_name: str
    last_name: str
    email: str
    mobile: str
    group: str
    changed: datetime
    gone: bool = False

    @property
    def fields(self) -> Row:
        """Write it as the attributes of a contact; without a name, the address is the name."""
        names = {"firstName": self.first_name, "lastName": self.last_name}
        known = {name: text for name, text in names.items() if text}
        infos = {"email": self.email, "mobile": self.mobile}
        return {
            "contactType": "person",
            **(known or {"lastName": self.email}),
            "basicInfos": [{"type": way, "value": text} for way, text in infos.items() if text],
        }


_GROUPS: Mapping[str, str] = {"4f1c2": "Suppliers", "9be07": "Trade fair"}
_BEFORE, _SINCE = story.day(2026, 1, 12), story.day(2026, 2, 19)

PRIYA = Listed(
    "g-01", "Priya", "Raman", "priya@joinery.example.com", "07700 900301", "4f1c2", _SINCE
)
COLIN = Listed(
    "g-02",
    "Colin",
    "Marsh",
    "colin@haulage.example.com",
    "07700 900302",
    "4f1c2",
    _SINCE,
    gone=True,
)
IMPORTED = (replace(PRIYA, mobile="07700 900308"), COLIN)
"""The entries as they were when Maya imported them."""

_ADDRESS_BOOK = (
    PRIYA,
    COLIN,
    Listed("g-03", "Amit", "Desai", "amit@lighting.example.com", "07700 900303", "4f1c2", _BEFORE),
    Listed(
        "g-04", "Ingrid", "Dahl", "ingrid@mass.example.com", "+46 70 174 06 51", "9be07", _SINCE
    ),
    Listed("g-05", "Ellie", "Whitby", "ellie@mail.example.com", "07700 900111", "9be07", _SINCE),
    Listed("g-06", "", "", "stand14@fair.example.com", "", "", _SINCE),
    Listed("g-07", "Joan", "", "", "07700 900307", "", _SINCE),
)

_LOGIN: Mapping[str, Check] = {
    "externalSystem": one_of(SYSTEM),
    "username": is_text,
    "password": is_text,
}


@dataclass(frozen=True)
class Wish:
    """Which entries shall be imported."""

    name: bool
    phone: bool
    email: bool
    groups: frozenset[str] | None
    since: int

    def fits(self, entry: Listed) -> bool:
        """Tell whether an entry has what is asked for, and has changed in time."""
        return (
            milliseconds(entry.changed) > self.since
            and (not self.name or bool(entry.first_name or entry.last_name))
            and (not self.phone or bool(entry.mobile))
            and (not self.email or bool(entry.email))
            and (self.groups is None or (entry.group or _NO_GROUP) in self.groups)
        )


def _list_groups(_: World, __: Record, ask: Ask) -> Said:
    _log_in(ask)
    return Said([{"externalId": number, "name": name} for number, name in _GROUPS.items()])


def _import(world: World, user: Record, ask: Ask) -> Said:
    account = _log_in(ask)
    wish = _wish(user, ask)
    done: dict[str, list[int]] = {"failed": [], "created": [], "updated": [], "deleted": []}
    for entry in filter(wish.fits, _ADDRESS_BOOK):
        what, number = _take(world, user, entry)
        if number is not None:
            done[what].append(number)
    world.change(user, {"imported": world.now})
    head = {"externalSystem": SYSTEM, "externalSystemAccount": account, "importTime": world.now}
    return Said({**head, **done})


def _log_in(ask: Ask) -> str:
    fields = ask.fields(_LOGIN, _LOGIN)
    if any(fields[name] != value for name, value in ACCOUNT.items()):
        raise RefusalError(What.NOT_AUTHENTICATED, f"{SYSTEM} refuses username or password")
    return ACCOUNT["username"]


def _wish(user: Record, ask: Ask) -> Wish:
    since = _moment(ask.query["updated-min"]) if "updated-min" in ask.query else user["imported"]
    groups = frozenset(ask.query["groupIds"].split(",")) if ask.query.get("groupIds") else None
    return Wish(
        name=ask.flag("nameRequired"),
        phone=ask.flag("phoneRequired"),
        email=ask.flag("emailRequired"),
        groups=groups,
        since=since or 0,
    )


def _moment(text: str) -> int:
    """Read a time in UTC, with the Z at its end or without."""
    try:
        return milliseconds(datetime.fromisoformat(text.removesuffix("Z")).replace(tzinfo=UTC))
    except ValueError:
        raise RefusalError(What.INVALID, "updated-min is invalid") from None


def _take(world: World, user: Record, entry: Listed) -> tuple[str, int | None]:
    """Import one entry; says what became of it, and of which contact, if any."""
    contact = _imported(world, user, "contact", entry)
    if contact is None:
        return ("deleted", None) if entry.gone else _add(world, user, entry)
    if entry.gone:
        forget_contact(world, user, contact)
        return "deleted", contact.id
    write(world, contact, draft_change(world, user, contact, entry.fields))
    return "updated", contact.id


def _add(world: World, user: Record, entry: Listed) -> tuple[str, int]:
    """Make a contact of an entry, or a failed import when another contact has its number."""
    failed = _imported(world, user, "importContact", entry)
    if failed is not None:
        return "failed", failed.id
    if _is_taken(world, user, entry):
        drafted = draft(world, user, entry.fields)
        failed = world.add("importContact", user.id, {**blank("person"), "external": entry.id})
        write(world, failed, drafted)
        return "failed", failed.id
    contact = add_contact(world, user, entry.fields)
    world.change(contact, {"external": entry.id})
    return "created", contact.id


def _imported(world: World, user: Record, kind: Kind, entry: Listed) -> Record | None:
    found = (record for record in world.of(user, kind) if record["external"] == entry.id)
    return next(found, None)


def _is_taken(world: World, user: Record, entry: Listed) -> bool:
    """Tell whether a number or address of an entry belongs to a contact already."""
    wanted = {same_value(value) for value in (entry.email, entry.mobile) if value}
    owned = [info for info in world.of(user, "basicInfo") if info["contact"] is not None]
    return any(same_value(info["value"]) in wanted for info in owned)


CALLS: Calls = MappingProxyType(
    {
        "interact_contact_groups_list": Entry(_list_groups, Action.VIEW, Realm.CONTACT_IMPORT),
        "interact_contacts_import": Entry(_import, Action.IMPORT, Realm.CONTACT_IMPORT),
    }
)
