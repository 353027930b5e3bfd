"""How interact.io stands when the story begins: Tidewell's users, each with their own records.

Maya administers it and has everybody's customers among her contacts; the others have the customers
that they look after. Also there are two slips of the kind that every address book has: a person
who was entered twice, and what the import of Maya's address book has left.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from crm_mcp.sandbox import story
from crm_mcp.sandbox.interact import activities
from crm_mcp.sandbox.interact.contacts import add_contact
from crm_mcp.sandbox.interact.importing import IMPORTED, LAST_IMPORT
from crm_mcp.sandbox.interact.pictures import add_picture
from crm_mcp.sandbox.interact.views import parts_of
from crm_mcp.sandbox.interact.wire import Row
from crm_mcp.sandbox.interact.world import NOBODY, Kind, Record, World, milliseconds

CREDENTIALS: Mapping[str, str] = MappingProxyType(
    {
        "username": story.MAYA.email,
        "password": "sandbox-password-of-maya",
        "scope": "device app",
        "trigger_token": "sandbox-trigger-token-of-maya",
        "device_id": "sandbox-phone-of-maya",
    }
)

_OWNER_OF_ALL = story.MAYA
_BEGUN = story.day(2025, 9, 1)
_LAST_SYNC = story.day(2026, 2, 22)
_ADMIN_ROLES = ["interact_admin", "customer_admin", "user"]
_FIELDS = (
    *("Lead source", "Language", "Workplaces", "Floors", "Showroom visit"),
    *("Newsletter", "Parking", "Delivery notes"),
)
_TASK_LISTS = ("This week", "Later")
_NEXT_WEEK = story.day(2026, 3, 9)
_STAGES: Mapping[story.Stage, str] = {
    "Proposed": "quote",
    "Negotiating": "closing",
    "Won": "won",
    "Lost": "lost",
}
_SOURCES: Mapping[str, str] = {
    story.REFIT.code: "referral",
    story.SERVICE.code: "word_of_mouth",
    story.LAUNCH.code: "cold_call",
    story.TOUR.code: "website",
}
_PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6"
    "kgAAAABJRU5ErkJggg=="
)


@dataclass(frozen=True)
class _Errand:
    """Something to do for a contact; a call where it says so."""

    person: story.Person
    colleague: story.Colleague
    title: str
    due: datetime
    call: bool = False
    done: bool = False


_ERRANDS = (
    _Errand(story.ELEANOR, story.MAYA, "Confirm the date of the second lot", story.day(2026, 3, 6)),
    _Errand(story.DANIEL, story.OWEN, "Send the drawing of the cable tray", story.day(2026, 3, 4)),
    _Errand(story.HARRIET, story.MAYA, "Ask what was decided", story.day(2026, 3, 16), call=True),
    _Errand(story.JUERGEN, story.GRETA, "Translate the offer", story.day(2026, 3, 3)),
    _Errand(story.BEATRICE, story.MAYA, "Book a seat on the booth tour", story.day(2026, 3, 10)),
    _Errand(
        story.KARIN,
        story.TOBIAS,
        "Thank her for recommending us",
        story.day(2026, 2, 20),
        done=True,
    ),
)


def new_world() -> World:
    """Make the world as it is on the morning when the story begins."""
    world = World(milliseconds(_BEGUN))
    users = _add_tidewell(world)
    for colleague in story.COLLEAGUES:
        _Account(world, users[colleague.code], colleague).fill()
    _add_devices(world, users[_OWNER_OF_ALL.code])
    world.now = milliseconds(story.TODAY)
    return world


def _add_tidewell(world: World) -> Mapping[str, Record]:
    """Add Tidewell, its groups and users, and another customer company without users."""
    tidewell = world.add("company", NOBODY, {"name": "Tidewell Interiors"})
    world.add("company", NOBODY, {"name": "Quillon Print Works"})
    groups = {
        team: world.add("group", NOBODY, {"name": team, "companyId": tidewell.id})
        for team in ("Sales", "Marketing")
    }
    for name in _FIELDS:
        kind = {"dataType": "varchar", "entityType": "contact"}
        world.add("customField", NOBODY, {"name": name, "companyId": tidewell.id, **kind})
    return {
        colleague.code: world.add(
            "user",
            NOBODY,
            {
                "name": colleague.name,
                "email": colleague.email,
                "password": f"sandbox-password-of-{colleague.code.lower()}",
                "active": colleague.active,
                "companyId": tidewell.id,
                "dateCreated": world.now,
                "groups": [groups[team].id for team in colleague.teams],
                "roles": _ADMIN_ROLES if colleague is _OWNER_OF_ALL else ["user"],
            },
        )
        for colleague in story.COLLEAGUES
    }


@dataclass
class _Account:
    """The records of one user while they are being made."""

    world: World
    user: Record
    colleague: story.Colleague
    contacts: dict[story.Company | story.Person, Record] = field(default_factory=dict)

    def fill(self) -> None:
        """Make the contacts and deals; for the owner of all, whatever else there is."""
        owns_all = self.colleague is _OWNER_OF_ALL
        for company in story.COMPANIES:
            if owns_all or company.owner == self.colleague:
                self._add_company(company)
        for deal in story.DEALS:
            if deal.person in self.contacts:
                self._add_deal(deal)
        if owns_all:
            self._add_history()
            self._add_tasks()
            self._add_pictures()
            self._add_slips()

    def _add_company(self, company: story.Company) -> None:
        self.world.now = milliseconds(_BEGUN)
        self.contacts[company] = self._contact(_organization_fields(company))
        for person in story.PEOPLE:
            if person.company == company:
                related = {"relatedTo": [self.contacts[company].id]}
                self.contacts[person] = self._contact(_person_fields(person) | related)

    def _contact(self, fields: Row) -> Record:
        return add_contact(self.world, self.user, fields)

    def _add_deal(self, deal: story.Deal) -> Record:
        self.world.now = milliseconds(deal.opened)
        data = {
            "name": f"{deal.person.company.name}: {deal.quantity} x {deal.product.name}",
            "value": deal.value,
            "currency": "GBP",
            "hot": deal.stage == "Negotiating",
            "relatedTo": {"id": self.contacts[deal.person].id, "type": "contact"},
            "source": _SOURCES[deal.project.code],
            "stage": _STAGES[deal.stage],
        }
        return self.world.add("deal", self.user.id, data)

    def _add_history(self) -> None:
        """Add interactions and notes, and sort the activities that tell of both."""
        for talk in story.TALKS:
            self._note_down(talk.at, "interaction", self._interaction(talk))
        for remark in story.REMARKS:
            subject = {"id": self.contacts[remark.person].id, "type": "contact"}
            data = {"message": remark.text, "relatedTo": subject}
            self._note_down(remark.written, "note", data)
        deal = self.world.of(self.user, "deal")[0]
        data = {"message": "First lot delivered.", "relatedTo": {"id": deal.id, "type": "deal"}}
        self._note_down(story.day(2026, 2, 19), "note", data)
        self.world.activities.sort(key=lambda entry: entry[1]["time"])

    def _note_down(self, at: datetime, kind: Kind, data: Row) -> None:
        self.world.now = milliseconds(at)
        activities.insert(self.world, self.user, self.world.add(kind, self.user.id, data))

    def _interaction(self, talk: story.Talk) -> Row:
        person = talk.person
        value = {"call": person.phone, "email": person.email, "sms": person.mobile}[talk.way]
        return {
            "organization": self.contacts[person.company].id,
            "person": self.contacts[person].id,
            "basicInfoId": self._basic_info(person, value).id,
            "type": f"{talk.way}-{'incoming' if talk.incoming else 'outgoing'}",
            "data": value,
            "duration": talk.minutes * 60 or None,
            "externalSystems": [],
            "time": milliseconds(talk.at),
        }

    def _basic_info(self, person: story.Person, value: str) -> Record:
        parts = parts_of(self.world, "basicInfo", self.contacts[person])
        return next(part for part in parts if part["value"] == value)

    def _add_tasks(self) -> None:
        self.world.now = milliseconds(story.day(2026, 2, 17))
        this_week, later = (
            self.world.add("taskList", self.user.id, {"title": title}) for title in _TASK_LISTS
        )
        users = {user["email"]: user for user in self.world.all("user")}
        for errand in _ERRANDS:
            call = {"phoneNumberIds": [self._basic_info(errand.person, errand.person.phone).id]}
            data = {
                "assignedTo": users[errand.colleague.email].id,
                "concreteDueDate": milliseconds(errand.due),
                "created": self.world.now,
                "hot": False,
                "listId": (this_week if errand.due < _NEXT_WEEK else later).id,
                "relatedTo": {"id": self.contacts[errand.person].id, "type": "contact"},
                "status": "completed" if errand.done else "open",
                "taskType": "scheduled_call" if errand.call else "task",
                "title": errand.title,
                **(call if errand.call else {}),
            }
            self.world.add("task", self.user.id, data)

    def _add_pictures(self) -> None:
        add_picture(self.world, self.contacts[story.ELEANOR], _PIXEL)
        elsewhere = {
            "contact": self.contacts[story.LENA].id,
            "type": "gravatar",
            "isDefault": True,
            "url": "https://gravatar.example.com/lena-brandt.jpg",
        }
        self.world.add("picture", self.user.id, elsewhere)

    def _add_slips(self) -> None:
        """Add the person who was entered twice, and what was imported."""
        twice = {
            "contactType": "person",
            "firstName": "Jurgen",
            "lastName": "Moeller",
            "basicInfos": [{"type": "mobile", "value": story.JUERGEN.mobile}],
            "relatedTo": [self.contacts[story.NORDKAMM].id],
        }
        self._contact(twice)
        self.world.now = LAST_IMPORT
        for entry in IMPORTED:
            contact = self._contact(entry.fields)
            self.world.change(contact, {"external": entry.id})
        self.world.change(self.user, {"imported": LAST_IMPORT})


def _organization_fields(company: story.Company) -> Row:
    address = company.address
    return {
        "contactType": "organization",
        "organizationName": company.name,
        "basicInfos": [
            {"type": "phone", "subtype": "work", "value": company.phone},
            {"type": "website", "subtype": "work", "value": f"https://{company.website}"},
        ],
        "addresses": [
            {
                "addressLine1": address.street,
                "addressType": "work",
                "postCode": address.postcode,
                "city": address.city,
                "country": address.country,
            }
        ],
        "tags": ["customer" if company.team == "Sales" else "prospect", address.country],
        "searchTerms": [company.external_id],
    }


def _person_fields(person: story.Person) -> Row:
    first, _, last = person.name.partition(" ")
    name = person.email.partition("@")[0]
    profile = {
        "connected": False,
        "username": name,
        "url": f"https://network.example.com/{name}",
    }
    return {
        "contactType": "person",
        "firstName": first,
        "lastName": last,
        "profession": person.job_title,
        "basicInfos": [
            {"type": "email", "subtype": "work", "value": person.email},
            {"type": "phone", "subtype": "work", "value": person.phone},
            {"type": "mobile", "subtype": "work", "value": person.mobile},
        ],
        "tags": ["customer" if person.company.team == "Sales" else "prospect"],
        "searchTerms": [person.external_id],
        "profiles": {"linkedIn": profile},
    }


def _add_devices(world: World, user: Record) -> None:
    """Add Maya's phone, her tablet, which is switched off, and the phone that sets events off."""
    synced = milliseconds(_LAST_SYNC)
    phone = {"deviceId": CREDENTIALS["device_id"], "name": "Phone", "active": True}
    tablet = {"deviceId": "sandbox-tablet-of-maya", "name": "Tablet", "active": False}
    for device in (phone, tablet):
        world.add("device", user.id, {**device, "synced": synced})
    trigger = {"deviceId": "004999010640000", "triggerToken": CREDENTIALS["trigger_token"]}
    world.add("triggerDevice", user.id, trigger)
