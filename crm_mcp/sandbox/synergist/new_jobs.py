"""Making a job from a template, which is a job itself: its phases and estimates are copied."""

import re
import string
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from crm_mcp.sandbox.synergist.company import COMPANIES
from crm_mcp.sandbox.synergist.errors import RefusalError
from crm_mcp.sandbox.synergist.job_table import JOB, JOBS, LIVE, phases_of
from crm_mcp.sandbox.synergist.reference import STATUSES, TAX_RATES
from crm_mcp.sandbox.synergist.tables import NO_DATE
from crm_mcp.sandbox.synergist.wire import Ask, Said, as_whole
from crm_mcp.sandbox.synergist.world import Record, Row, World
from crm_mcp.sandbox.synergist.writes import Item, each, ignored, new_values

CREATE_ONLY = ("varJobTemplate", "jobPrefixOnly")

_COPIED = ("jobTaxCode", "jobCurrencyCode", "jobExchangeRate", "jobJobtypeCode", "jobWorkflowCode")
_COPIED_WITH_PHASES = ("estimate", "timesummary")
_DIGITS = 8
_NUMBER = re.compile(r"\d+/[A-Za-z0-9-]{1,12}", re.ASCII)


def create(world: World, ask: Ask) -> Said:
    """Make jobs."""
    return each(ask.items, lambda item: _create_one(world, ask, item))


def check_codes(data: Mapping[str, Any]) -> None:
    """Refuse a status or a tax code that is none."""
    for name, codes in (("jobStatus", STATUSES), ("jobTaxCode", TAX_RATES)):
        if name in data and data[name] not in codes:
            raise RefusalError(f"invalid {name} {data[name]}")


def check_client(world: World, company: int, data: Mapping[str, Any]) -> None:
    """Refuse a client of another company or on hold, and a contact of another client."""
    client = world.find("client", data["jobClientCode"])
    if client.company != company:
        raise RefusalError(f"client {client.key} belongs to another company than the job")
    if client["clientOnHold"]:
        raise RefusalError(f"client {client.key} is on hold")
    contact = world.get("clientcontact", data.get("jobContactInternalRef", 0))
    if contact is not None:
        theirs = world.find("client", contact["clientcontactClientCode"])
        if theirs["clientName"] != client["clientName"]:
            raise RefusalError(f"contact {contact.key} is not at client {client.key}")


def _create_one(world: World, ask: Ask, item: Row) -> Item:
    values = new_values(world, JOBS, item)
    template = world.find(JOB, values.data["varJobTemplate"])
    company = _company(ask, template)
    check_codes(values.data)
    check_client(world, company, values.data)
    number = _asked_number(world, company, item)
    warnings: tuple[str, ...] = ()
    if not number:
        number, warnings = _next_number(world, company, values.data.get("jobPrefixOnly", ""))
    given = {name: value for name, value in values.data.items() if name not in CREATE_ONLY}
    copied = {name: template[name] for name in _COPIED}
    begin = given.get("jobDateIn", NO_DATE)
    begins = date.fromisoformat(world.today if begin == NO_DATE else begin)
    phases = _add_phases(world, template, number, begins, given.get("jobDateDue", NO_DATE))
    data = {
        **copied,
        "jobStatus": LIVE,
        "jobDescription": template["jobDescription"],
        "jobReferenceJob": template.key,
        **given,
        "jobDateIn": begins.isoformat(),
        "jobDateDue": max((phase["phaseDateDue"] for phase in phases), default=NO_DATE),
    }
    job = world.add(JOB, data, key=number, company=company)
    return Item(JOBS.named(job), (*ignored(values), *warnings))


def _company(ask: Ask, template: Record) -> int:
    company = as_whole(ask.text("company", str(template.company)), "company")
    if company != template.company:
        raise RefusalError(f"template {template.key} belongs to another company")
    return company


def _asked_number(world: World, company: int, item: Row) -> str:
    """Read the number that a job shall have; nothing for an automatic one."""
    given = {name.lower(): value for name, value in item.items()}
    number = str(given.get(JOBS.key.lower()) or "")
    if number and not (_NUMBER.fullmatch(number) and number.startswith(f"{company}/")):
        raise RefusalError(f"invalid jobNumber {number}")
    if world.get(JOB, number) is not None:
        raise RefusalError(f"job {number} already exists")
    return number


def _next_number(world: World, company: int, prefix: str) -> tuple[str, tuple[str, ...]]:
    """Make a number, with a prefix where the company allows one; and warn where it does not."""
    taken = (str(job.key).rpartition("/")[2] for job in world.all(JOB) if job.company == company)
    digits = (text.lstrip(string.ascii_letters) for text in taken)
    following = max((int(text) for text in digits if text.isdigit()), default=0) + 1
    if prefix and not world.find(COMPANIES.kind, company)["companyManualPrefixes"]:
        warnings = (f"The company allows no prefix: {prefix} was ignored.",)
        return f"{company}/{following:0{_DIGITS}}", warnings
    return f"{company}/{prefix}{following:0{max(_DIGITS - len(prefix), 1)}}", ()


def _add_phases(
    world: World, template: Record, number: str, begins: date, due: str
) -> list[Record]:
    """Copy the phases of a template, one after the other in time, or all with the same due date.

    A due date before the first day counts for nothing, as the document says.
    """
    phases = []
    day = begins
    for phase in phases_of(world, template):
        ends = day + timedelta(days=phase["days"])
        data = {
            **phase.data,
            "phaseJobNumber": number,
            "phaseDatein": day.isoformat(),
            "phaseDateDue": due if due >= begins.isoformat() else ends.isoformat(),
        }
        key = f"{number}.{phase['phasePhase']}"
        phases.append(world.add("phase", data, key=key, company=template.company))
        _copy_estimates(world, phase, key)
        day = ends
    return phases


def _copy_estimates(world: World, phase: Record, key: str) -> None:
    for kind in _COPIED_WITH_PHASES:
        for record in world.where(kind, phase=phase.key):
            world.add(kind, {**record.data, "phase": key}, company=record.company)
