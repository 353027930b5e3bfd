"""What jobs and activities of Tidewell are sorted by: types, codes, currencies, projects."""

from collections.abc import Mapping

from crm_mcp.sandbox import story
from crm_mcp.sandbox.synergist.calls import Area
from crm_mcp.sandbox.synergist.company import INTERIORS, SERVICE
from crm_mcp.sandbox.synergist.reads import asked_companies
from crm_mcp.sandbox.synergist.wire import Ask
from crm_mcp.sandbox.synergist.world import EVERY_COMPANY, Record, World

IN_HOUSE_TYPE = "in house"
REQUISITION = "REQ"
"""The type of activities that ask for somebody's time."""

USUAL_PRIORITY = 2

STATUSES: Mapping[int, str] = {1: "Quote", 2: "Live", 3: "In house", 4: "On hold", 5: "Special"}
"""Of jobs and phases, by number (document line 5642)."""

TAX_RATES: Mapping[int, int] = {1: 20, 2: 0, 3: 19, 4: 25}
"""Percent by tax code: Britain, exempt, Germany, Sweden."""

_FIRST_PROJECT = 381
_FIRST_CAMPAIGN = 268

_CURRENCIES = (
    ("1/EUR", "Euro", "€", 1.15),
    ("1/SEK", "Swedish krona", "kr", 13.2),
)
_CHARGE_CODES = (
    ("1/SUR", "Survey", 32, 65),
    ("1/DRA", "Drawing", 35, 75),
    ("1/INS", "Installation", 28, 55),
    ("2/CAR", "Yearly care", 28, 50),
)
_JOB_TYPES = (
    ("1/SUP", "Supply and installation", ""),
    ("1/PLAN", "Planning", ""),
    ("1/SHOW", "Showroom", IN_HOUSE_TYPE),
    ("1/TRAI", "Training", IN_HOUSE_TYPE),
    ("2/CARE", "Yearly care", ""),
)
_SALES_REASONS = (
    (1, 1, "Open - New"),
    (1, 2, "Open - Contacted"),
    (1, 3, "Open - Negotiating"),
    (2, 101, "Lost - Price too high"),
    (2, 102, "Lost - No budget"),
    (3, 6, "Promoted - In Progress"),
    (3, 7, "Promoted - Repeat order"),
)
_PRIORITIES = ((1, "High"), (2, "Med"), (3, "Low"))
_ACTIVITY_TYPES = (
    ("CALL", "Telephone call", 2),
    ("MAIL", "Email", 2),
    ("MEET", "Meeting notes", 5),
    ("NOTES", "Notes", 5),
    (REQUISITION, "Requisition", 7),
    ("TODO", "Task", 2),
)
_CATEGORIES = (("Delivery", ""), ("Drawing", ""), ("Price", ""), ("Newsletter", "MAIL"))


def in_companies(world: World, ask: Ask, kind: str) -> list[Record]:
    """List the records of a kind in the companies that a call is about."""
    companies = asked_companies(world, ask)
    return [record for record in world.all(kind) if record.company in companies]


def _seed(world: World) -> None:
    for code, name, symbol, rate in _CURRENCIES:
        currency = {"currencyCurrencyName": name, "currencySymbol": symbol}
        _add(world, "currency", code, {**currency, "currencyExchangeRate": rate})
    for code, text, cost, charge in _CHARGE_CODES:
        rates = {"costRate": cost, "chargeRate": charge}
        _add(world, "chargecode", code, {"description": text, **rates})
    for code, text, use in _JOB_TYPES:
        _add(world, "jobtype", code, {"JobtypeDescription": text, "use": use})
    for status, reason, text in _SALES_REASONS:
        numbers = {"status": status, "reason": reason}
        code = f"{status}-{reason}"
        world.add("salesreason", {"text": text, **numbers}, key=code, company=EVERY_COMPANY)
    _seed_projects(world)
    _seed_activities(world)


def _add(world: World, kind: str, code: str, data: Mapping[str, object]) -> None:
    world.add(kind, data, key=code, company=int(code.partition("/")[0]))


def _seed_projects(world: World) -> None:
    """Add Tidewell's projects; those of Marketing are campaigns as well."""
    for number, project in enumerate(story.PROJECTS, _FIRST_PROJECT):
        company = SERVICE if project is story.SERVICE else INTERIORS
        world.add("project", {"projectName": project.code}, key=number, company=company)
    campaigns = (project for project in story.PROJECTS if project.team == "Marketing")
    for number, campaign in enumerate(campaigns, _FIRST_CAMPAIGN):
        world.add("campaign", {"campaignName": campaign.code}, key=number)


def _seed_activities(world: World) -> None:
    """Add what activities are sorted by."""
    for number, text in _PRIORITIES:
        data = {"lookupActivityPriorityDescription": text}
        world.add("activitypriority", data, key=number, company=EVERY_COMPANY)
    for code, text, category in _ACTIVITY_TYPES:
        described = {"activitytypeDescription": text, "activitytypeNoteCategory": category}
        world.add("activitytype", described, key=code)
    for text, type_ in _CATEGORIES:
        world.add("activitycategory", {"type": type_}, key=text, company=EVERY_COMPANY)


AREA = Area({}, _seed)
