"""How FIVE CRM is set up in the story: its areas, and the rows that its lists are made of.

Each function builds rows with the fields of the document's sample, in the sample's order. Sales
works in area 001 with the customers, Marketing in area 002 with the prospects.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from crm_mcp.sandbox import story
from crm_mcp.sandbox.story import Team

Row = dict[str, Any]

API_USER = story.MAYA

_TYPE_NAMES = {"varchar": "String", "datetime": "Date / Time", "int": "Integer"}


@dataclass(frozen=True)
class ExtraField:
    """An additional field that the customer has set up; only texts have a length."""

    number: int
    heading: str
    sort_id: int
    type: str
    length: int = 0
    items: tuple[str, ...] = ()


@dataclass(frozen=True)
class Status:
    """A state that an account can be in."""

    name: str
    sub_statuses: tuple[str, ...] = ()
    group: str = ""
    add_days: int = 0
    colour: str = ""
    priority: int = 0
    owner: str = ""


@dataclass(frozen=True)
class Choice:
    """A processing channel or category."""

    id: int
    name: str
    enabled: bool = True


@dataclass(frozen=True)
class Area:
    """A database area: a part of the CRM with accounts and settings of its own."""

    number: str
    name: str
    description: str
    team: Team | None = None
    active: bool = True
    several_projects: bool = False
    permitted: bool = True
    next_reference: int = 1
    account_fields: tuple[ExtraField, ...] = ()
    contact_fields: tuple[ExtraField, ...] = ()
    statuses: tuple[Status, ...] = ()
    channels: tuple[Choice, ...] = ()
    categories: tuple[Choice, ...] = ()

    @property
    def people(self) -> tuple[story.Person, ...]:
        """The contacts of the area's accounts."""
        return tuple(person for person in story.PEOPLE if person.company.team == self.team)

    @property
    def companies(self) -> tuple[story.Company, ...]:
        """The area's accounts."""
        return tuple(company for company in story.COMPANIES if company.team == self.team)

    @property
    def colleagues(self) -> tuple[story.Colleague, ...]:
        """Those who work in the area, gone ones included."""
        return tuple(colleague for colleague in story.COLLEAGUES if self.team in colleague.teams)

    @property
    def projects(self) -> tuple[story.Project, ...]:
        """What is worked on in the area."""
        return tuple(project for project in story.PROJECTS if project.team == self.team)

    @property
    def deals(self) -> tuple[story.Deal, ...]:
        """What the area's accounts have bought, or think about."""
        return tuple(deal for deal in story.DEALS if deal.project.team == self.team)


@dataclass(frozen=True)
class Consent:
    """Why and how the data of a person may be used."""

    person: story.Person
    lawful_type: str
    start: datetime
    end: datetime
    processing: tuple[tuple[str, tuple[str, ...]], ...]
    info: str = ""
    withdrawn: datetime | None = None


_CHANNELS = (
    Choice(1, "Email"),
    Choice(2, "Phone"),
    Choice(3, "Post"),
    Choice(4, "SMS", enabled=False),
)

AREAS = (
    Area(
        "001",
        "Sales",
        "Customers and what they buy",
        "Sales",
        next_reference=1007,
        account_fields=(
            ExtraField(
                2, "Lead Source", 1150, "varchar", 100, ("Website", "Recommendation", "Trade Fair")
            ),
            ExtraField(1, "Next Showroom Visit", 1160, "datetime"),
            ExtraField(7, "Workplaces", 1170, "int"),
        ),
        contact_fields=(
            ExtraField(2, "Language", 1150, "varchar", 20, ("English", "German", "Swedish")),
            ExtraField(1, "Last Showroom Visit", 1160, "datetime"),
        ),
        statuses=(
            Status("Customer", ("New", "Regular"), "Positive", colour="33FF63", priority=5),
            Status("Negotiating", (), "Positive", 7, "FFD24D", 3),
            Status("Dormant", (), "Negative", 90, owner="Maya"),
        ),
        channels=_CHANNELS,
        categories=(
            Choice(1, "Offers"),
            Choice(2, "Service"),
            Choice(3, "Clearance Sale", enabled=False),
        ),
    ),
    Area(
        "002",
        "Marketing",
        "",
        "Marketing",
        several_projects=True,
        next_reference=2002,
        account_fields=(
            ExtraField(3, "Campaign Answer", 1150, "varchar", 50, ("Interested", "Later", "No")),
        ),
        contact_fields=(ExtraField(4, "Newsletters Read", 1150, "int"),),
        statuses=(
            Status("Prospect", ("Cold", "Warm", "Hot"), "Positive", 1, "4DA6FF", 2),
            Status("Not Interested", (), "Negative"),
        ),
        channels=_CHANNELS,
        categories=(Choice(1, "Newsletter"), Choice(2, "Events")),
    ),
    Area("003", "Board", "Confidential accounts", permitted=False),
    Area("004", "Archive", "Accounts closed before 2020", active=False),
)

_EMAIL_ONLY = (("Offers", ("Email",)), ("Service", ("Email",)))
_ALL_OFFERS = (("Offers", ("Email", "Phone", "Post")), ("Service", ("Email", "Phone")))
_NEWSLETTER = (("Newsletter", ("Email",)), ("Events", ("Email", "Phone")))
_START, _END = story.day(2025, 3, 3), story.day(2028, 3, 2)

CONSENTS = (
    Consent(story.ELEANOR, "Consent", _START, _END, _ALL_OFFERS),
    Consent(story.DANIEL, "Legitimate Interest", _START, _END, _EMAIL_ONLY),
    Consent(
        story.HARRIET,
        "Consent",
        story.day(2024, 9, 2),
        _END,
        _ALL_OFFERS,
        "Given on the phone",
        story.day(2026, 1, 19),
    ),
    Consent(story.HARRIET, "Contract", _START, _END, (("Service", ("Email", "Phone")),)),
    Consent(story.JUERGEN, "Consent", _START, _END, _EMAIL_ONLY),
    Consent(story.ANKE, "Contract", _START, _END, (("Service", ("Post",)),)),
    Consent(story.KARIN, "Consent", _START, _END, _ALL_OFFERS, "Signed at the trade fair"),
    Consent(story.GARETH, "Consent", _START, _END, _EMAIL_ONLY),
    Consent(story.SOPHIE, "Legitimate Interest", _START, _END, _EMAIL_ONLY),
    Consent(story.NILS, "Consent", _START, _END, _NEWSLETTER),
    Consent(story.BEATRICE, "Consent", _START, _END, _NEWSLETTER, "Double opt-in"),
    Consent(story.LENA, "Consent", _START, _END, (("Newsletter", ("Email",)),)),
)


def written(moment: datetime) -> str:
    """Write a moment as FIVE CRM does."""
    return moment.strftime("%Y-%m-%d %H:%M:%S")


def area_row(area: Area) -> Row:
    """Describe one area (5.1)."""
    return {
        "number": area.number,
        "name": area.name,
        "description": area.description,
        "active": area.active,
        "isMultipleProjects": area.several_projects,
    }


def privacy_row(person: story.Person) -> Row:
    """List why and how one contact's data may be used (6.1)."""
    return {
        "ID": str(person.id),
        "ACCOUNT": person.company.number,
        "PRIVACY_DETAILS": [_consent_row(entry) for entry in CONSENTS if entry.person == person],
    }


def _consent_row(consent: Consent) -> Row:
    return {
        "LAWFUL_TYPE": consent.lawful_type,
        "START_DATE": written(consent.start),
        "END_DATE": written(consent.end),
        "ADDITIONAL_INFO": consent.info,
        "WITHDRAWN_DATE": written(consent.withdrawn) if consent.withdrawn else "",
        "PROCESSING_DETAILS": {name: list(channels) for name, channels in consent.processing},
    }


def channel_rows(area: Area) -> list[Row]:
    """List the processing channels (6.2)."""
    return [_choice_row(choice) for choice in area.channels]


def category_rows(area: Area) -> list[Row]:
    """List the processing categories (6.3)."""
    return [_choice_row(choice) for choice in area.categories]


def _choice_row(choice: Choice) -> Row:
    return {"id": choice.id, "name": choice.name, "enabled": choice.enabled}


def account_field_rows(area: Area) -> list[Row]:
    """List the additional fields of accounts (7.1)."""
    return [_field_row("ANAL", extra) for extra in area.account_fields]


def contact_field_rows(area: Area) -> list[Row]:
    """List the additional fields of contacts (7.2)."""
    return [_field_row("ADDN", extra) for extra in area.contact_fields]


def _field_row(prefix: str, extra: ExtraField) -> Row:
    return {
        "name": f"{prefix}{extra.number:02}",
        "number": extra.number,
        "heading": extra.heading,
        "sortId": extra.sort_id,
        "type": {
            "type": extra.type,
            "friendlyName": _TYPE_NAMES[extra.type],
            "length": extra.length,
        },
        "dropdownItems": [{"name": name, "sortId": turn} for turn, name in enumerate(extra.items)],
    }


def status_rows(area: Area) -> list[Row]:
    """List the customer statuses (7.3)."""
    projects = "|".join(project.code for project in area.projects)
    return [
        {
            "status": status.name,
            "subStatuses": list(status.sub_statuses),
            "analysisGroup": status.group,
            "interval": 0,
            "changeOwner": status.owner,
            "addDays": status.add_days,
            "addTime": 0,
            "colour": status.colour,
            "sortId": turn,
            "priority": status.priority,
            "project": projects,
            "autoDelay": 0,
            "autoDialOption": "",
        }
        for turn, status in enumerate(area.statuses)
    ]


def owner_rows(area: Area) -> list[Row]:
    """List the owners (7.4)."""
    projects = "|".join(project.code for project in area.projects)
    return [
        {
            "owner": colleague.code,
            "name": colleague.name,
            "id": 0,
            "group": area.name,
            "active": colleague.active,
            "email": colleague.email,
            "googleUsername": "",
            "googleCalendar": None,
            "googleOptions": "",
            "projectPermissions": projects,
            "area": area.number,
        }
        for colleague in area.colleagues
    ]


def project_rows(area: Area) -> list[Row]:
    """List the projects (7.5)."""
    return [
        {
            "project": project.code,
            "description": project.description,
            "startDate": written(project.starts),
            "endDate": written(project.ends),
            "dialPrefix": "",
            "defaultView": "",
            "defaultScripts": "",
            "outboundIdentity": "0117 496 0100",
        }
        for project in area.projects
    ]


def sales_person_rows(area: Area) -> list[Row]:
    """List the sales people (7.6)."""
    return [
        {
            "name": colleague.name,
            "emailAddress": colleague.email,
            "salesArea": colleague.region,
            "owner": colleague.code,
            "postCodeRegions": list(colleague.postcode_regions),
            "allowableProjects": [project.code for project in area.projects],
            "gmtDifference": colleague.minutes_from_gmt,
            "country": colleague.country,
            "googleUsername": "",
            "googleOptionsValue": 0,
        }
        for colleague in area.colleagues
        if colleague.active
    ]
