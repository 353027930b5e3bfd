"""Timesheets of Synergist: those that are posted to jobs, and those that are pending."""

from crm_mcp.sandbox import story
from crm_mcp.sandbox.synergist.calls import Area
from crm_mcp.sandbox.synergist.company import COMPANIES, INTERIORS, SERVICE
from crm_mcp.sandbox.synergist.job_seed import INSTALLATION, SUPPLY, SURVEY, job_number
from crm_mcp.sandbox.synergist.job_table import JOBS, LIVE
from crm_mcp.sandbox.synergist.reads import asked_companies, reading, with_company
from crm_mcp.sandbox.synergist.tables import Shown
from crm_mcp.sandbox.synergist.timesheets_entries import ENTRIES, check_resource
from crm_mcp.sandbox.synergist.timesheets_posted import LISTING, TIMES
from crm_mcp.sandbox.synergist.timesheets_table import HOURS, PENDING
from crm_mcp.sandbox.synergist.timesheets_timer import TIMER
from crm_mcp.sandbox.synergist.timesheets_week import week
from crm_mcp.sandbox.synergist.wire import Ask, Rows, Said
from crm_mcp.sandbox.synergist.world import World

FIRST_ENTRY = 3608

_WON = tuple(job_number(deal) for deal in story.DEALS if deal.stage == "Won")
_CHAIRS, _BOOTH = _WON
_SHOWROOM = "1/00000051.001"

# Who, when, where, charge code, hours of each kind, state, what was done, what the approver says.
_ENTRIES = (
    (
        story.TOBIAS,
        "2026-02-25",
        f"{_BOOTH}.{INSTALLATION}",
        "1/INS",
        (3, 0, 0),
        "Q",
        "Door",
        "Why?",
    ),
    (story.GRETA, "2026-02-25", _SHOWROOM, "1/DRA", (2, 0, 0), "R", "", "Not our job"),
    (story.OWEN, "2026-02-26", f"{_CHAIRS}.{INSTALLATION}", "1/INS", (7.5, 2, 0), "S", "", ""),
    (story.OWEN, "2026-02-27", f"{_CHAIRS}.{INSTALLATION}", "1/INS", (4, 0, 0), "A", "", ""),
    (story.OWEN, "2026-02-27", f"{_CHAIRS}.{SUPPLY}", "1/SUR", (1, 0, 0), "H", "Counting", ""),
    (story.MAYA, "2026-02-27", f"{_CHAIRS}.{SURVEY}", "1/DRA", (6, 0, 0), "W", "Drawings", ""),
    (story.MAYA, "2026-03-02", f"{_CHAIRS}.{SURVEY}", "1/DRA", (1.5, 0, 0), "W", "Library", ""),
    (story.MAYA, "2026-03-02", _SHOWROOM, "1/DRA", (0.5, 0, 0), "W", "New shelf", ""),
    (story.TOBIAS, "2026-02-27", "2/00001005.001", "2/CAR", (2, 0, 0), "W", "Seals", ""),
)


def _settings(world: World, ask: Ask) -> Said:
    companies = asked_companies(world, ask)
    names = ("companyNumber", "companyTimesheetapproval")
    return Rows(
        [
            COMPANIES.stamp(record) | {name: COMPANIES.whole(world, record)[name] for name in names}
            for record in world.all(COMPANIES.kind)
            if record.company in companies
        ]
    )


def _jobs_of_user(world: World, ask: Ask) -> Said:
    """List the live jobs that somebody handles or has worked on."""
    user = check_resource(world, ask.required("resource"))
    companies = asked_companies(world, ask)
    worked = {
        row["job"]
        for row in (TIMES.whole(world, cost) for cost in world.where("cost", type="T"))
        if row["tsResource"] == user["userFullName"]
    }
    return Rows(
        [
            JOBS.show(world, job, Shown.LIST)
            for job in world.where(JOBS.kind, jobStatus=LIVE)
            if job.company in companies
            and (job["jobHandlerUserID"] == user.key or job.key in worked)
        ]
    )


def _seed(world: World) -> None:
    world.now = story.TODAY
    world.count_from(PENDING, FIRST_ENTRY)
    for who, day, phase, code, hours, state, work, notes in _ENTRIES:
        company = SERVICE if phase.startswith(f"{SERVICE}/") else INTERIORS
        data = {
            "tspResourceCode": f"{INTERIORS}/{who.code.upper()}",
            "tspTimeDate": day,
            "tspJobAndPhase": phase,
            "tspChargeCode": code,
            **dict(zip(HOURS, hours, strict=True)),
            "tspApprovalStatus": state,
            "tspWorkDone": work,
            "tspApprovalNotes": notes,
        }
        world.add(PENDING, data, company=company)


AREA = Area(
    {
        ("time", ""): reading(LISTING),
        ("tspending", "timesheetsummary"): with_company(week),
        ("tspending", "companysettings"): with_company(_settings),
        ("tspending", "userjobslist"): with_company(_jobs_of_user),
        **ENTRIES,
        **TIMER,
    },
    _seed,
)
