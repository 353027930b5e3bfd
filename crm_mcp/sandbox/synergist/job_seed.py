"""Tidewell's first jobs: the deals of the story, old surveys, work in house, and templates."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from crm_mcp.sandbox import story
from crm_mcp.sandbox.synergist.clients import OWN_CLIENT, client_code, contact_number
from crm_mcp.sandbox.synergist.company import INTERIORS, SERVICE, user_named
from crm_mcp.sandbox.synergist.costs import add_time_cost
from crm_mcp.sandbox.synergist.job_table import IN_HOUSE, JOB, LIVE, QUOTE, SPECIAL
from crm_mcp.sandbox.synergist.world import Record, World

TEMPLATE = "1/00000900"
SERVICE_TEMPLATE = "2/00000900"

SURVEY, SUPPLY, INSTALLATION = "001", "002", "003"

_REASONS: dict[story.Stage, str] = {
    "Proposed": "1-2",
    "Negotiating": "1-3",
    "Won": "3-6",
    "Lost": "2-101",
}
_TAX_CODES = {"United Kingdom": 1, "Germany": 3, "Sweden": 4}
_FIRST_OLD_JOB = 801
_OLD = story.day(2025, 9, 8)
_ORDERED = timedelta(days=7)


@dataclass(frozen=True)
class _Phase:
    """A step of a job, and how many days it takes."""

    number: str
    description: str
    days: int


_STEPS = (
    _Phase(SURVEY, "Survey and drawing", 7),
    _Phase(SUPPLY, "Supply", 35),
    _Phase(INSTALLATION, "Installation", 5),
)
_SURVEY_ONLY = _STEPS[:1]
_CARE = (_Phase(SURVEY, "Yearly care", 14),)


def seed(world: World) -> None:
    """Add the jobs, oldest first, with their phases and what they have cost."""
    _add_templates(world)
    for number, company in enumerate(story.COMPANIES, _FIRST_OLD_JOB):
        _add_survey(world, number, company)
    for number, type_, title in ((51, "1/SHOW", "Showroom"), (52, "1/TRAI", "Training")):
        data = {"jobDescription": title, "jobClientCode": OWN_CLIENT, "jobJobtypeCode": type_}
        _add(world, f"1/{number:08}", data | {"jobStatus": IN_HOUSE}, _OLD, _SURVEY_ONLY)
    for deal in sorted(story.DEALS, key=lambda entry: entry.opened):
        _add_deal(world, deal)
    care = {
        "jobDescription": "Yearly care of the booth",
        "jobClientCode": client_code(story.LINDGREN, SERVICE),
        "jobJobtypeCode": "2/CARE",
        "jobHandlerTeam": "2/SER",
        "jobHandlerUserID": user_named(world, story.TOBIAS.name).key,
        "jobProjectCode": _number_of(world, "project", story.SERVICE),
        "jobStatus": LIVE,
        "jobTaxCode": 4,
    }
    _add(world, "2/00001005", care, story.day(2026, 2, 2), _CARE)


def _add_templates(world: World) -> None:
    for number, title, type_, steps in (
        (TEMPLATE, "Furniture, supplied and installed", "1/SUP", _STEPS),
        (SERVICE_TEMPLATE, "Yearly care", "2/CARE", _CARE),
    ):
        data = {"jobDescription": title, "jobJobtypeCode": type_, "jobStatus": SPECIAL}
        _add(world, number, {**data, "jobTaxCode": 1}, _OLD, steps)


def _add_survey(world: World, number: int, company: story.Company) -> None:
    """Add a job of last autumn that is done and paid."""
    data = {
        "jobDescription": f"Survey of the offices in {company.address.city}",
        "jobClientCode": client_code(company),
        "jobJobtypeCode": "1/PLAN",
        "jobHandlerUserID": user_named(world, company.owner.name).key,
        "jobHandlerTeam": "1/SAL" if company.team == "Sales" else "1/MKT",
        "jobStatus": LIVE,
        "jobCompleted": True,
        "jobCompletedDate": "2025-09-19",
        "jobTaxCode": _TAX_CODES[company.address.country],
    }
    phases = _add(world, f"1/{number:08}", data, _OLD, _SURVEY_ONLY)
    _work(world, phases[0], company.owner, "1/SUR", 6)


def _add_deal(world: World, deal: story.Deal) -> None:
    company = deal.person.company
    won = deal.stage == "Won"
    data = {
        "jobDescription": f"{deal.product.name} for {company.name}\n{deal.quantity} pieces",
        "jobClientCode": client_code(company),
        "jobContactInternalRef": contact_number(deal.person),
        "jobHandlerUserID": user_named(world, company.owner.name).key,
        "jobHandlerTeam": "1/SAL" if company.team == "Sales" else "1/MKT",
        "jobJobtypeCode": "1/SUP",
        "jobStatus": LIVE if won else QUOTE,
        "jobOrderNumber": f"{company.external_id}-{deal.reference}" if won else "",
        "jobQuotedPrice": deal.value,
        "jobCurQuotedPrice": deal.value,
        "jobOppWeighting": deal.probability,
        "jobOppCurrentStatus": deal.stage,
        "jobSalesStatusReason": _REASONS[deal.stage],
        "jobLeadClosedDate": f"{deal.opened + _ORDERED:%Y-%m-%d}" if deal.stage == "Lost" else None,
        "jobProjectCode": _number_of(world, "project", deal.project),
        "jobCampaignNo": _number_of(world, "campaign", deal.project),
        "jobTaxCode": _TAX_CODES[company.address.country],
        "jobStagePriority": 10,
    }
    phases = _add(world, job_number(deal), data, deal.opened, _STEPS)
    _work(world, phases[0], company.owner, "1/SUR", 4)
    if won:
        _work(world, phases[0], story.MAYA, "1/DRA", 7.5)


def job_number(deal: story.Deal) -> str:
    """Give the number of the job that a deal of the story is."""
    return f"{INTERIORS}/{int(deal.reference):08}"


def _number_of(world: World, kind: str, project: story.Project) -> object:
    """Find the number of a project, or of the campaign that it may be."""
    name = f"{kind}Name"
    return next((record.key for record in world.all(kind) if record[name] == project.code), None)


def _add(
    world: World,
    number: str,
    data: Mapping[str, object],
    begin: datetime,
    steps: tuple[_Phase, ...],
) -> list[Record]:
    """Add a job and its phases, as somebody did on the day when it began."""
    world.now = begin
    phases = []
    day = begin
    company = SERVICE if number.startswith(f"{SERVICE}/") else INTERIORS
    for step in steps:
        ends = day + timedelta(days=step.days)
        phase = {
            "phaseJobNumber": number,
            "phasePhase": step.number,
            "phaseDescription": step.description,
            "phaseDatein": f"{day:%Y-%m-%d}",
            "phaseDateDue": f"{ends:%Y-%m-%d}",
            "phaseCompleted": data.get("jobCompleted", False),
            "days": step.days,
        }
        phases.append(world.add("phase", phase, key=f"{number}.{step.number}", company=company))
        day = ends
    dates = {"jobDateIn": f"{begin:%Y-%m-%d}", "jobDateDue": f"{day:%Y-%m-%d}"}
    world.add(JOB, {"jobExchangeRate": 1, **data, **dates}, key=number, company=company)
    return phases


def _work(world: World, phase: Record, colleague: story.Colleague, code: str, hours: float) -> None:
    data = {"date": phase["phaseDatein"], "resource": colleague.name, "work": "On site"}
    add_time_cost(world, phase, data, code=code, hours=hours)
