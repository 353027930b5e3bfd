"""Jobs of Synergist: reading them, changing them, and promoting an opportunity to a live job."""

from typing import Any

from crm_mcp.sandbox.synergist.calls import Area
from crm_mcp.sandbox.synergist.company import COMPANIES
from crm_mcp.sandbox.synergist.errors import RefusalError
from crm_mcp.sandbox.synergist.job_pickers import PICKERS
from crm_mcp.sandbox.synergist.job_seed import seed
from crm_mcp.sandbox.synergist.job_table import JOBS, LIVE, QUOTE
from crm_mcp.sandbox.synergist.new_jobs import CREATE_ONLY, check_client, check_codes, create
from crm_mcp.sandbox.synergist.reads import Listing, reading
from crm_mcp.sandbox.synergist.wire import Ask, Said
from crm_mcp.sandbox.synergist.world import Record, Row, View, World
from crm_mcp.sandbox.synergist.writes import Item, each, ignored, named, values_of

LISTING = Listing(
    JOBS,
    own=("job",),
    filters={
        "client": ("jobClientCode",),
        "clientcontact": ("jobContactInternalRef",),
        "workflow": ("jobWorkflowCode",),
    },
    views=("Jobs", "Opportunities"),
)

_REASON = "jobSalesStatusReason"
_DUE = "jobDateDue"
_LOST, _PROMOTED = 2, 3


def _update(world: World, ask: Ask) -> Said:
    return each(ask.items, lambda item: _update_one(world, ask, item))


def _update_one(world: World, ask: Ask, item: Row) -> Item:
    job = named(world, JOBS, item)
    values = values_of(world, JOBS, item)
    data = {name: value for name, value in values.data.items() if name not in CREATE_ONLY}
    check_codes(data)
    if "jobClientCode" in data:
        check_client(world, job.company, data)
    unused = (name for name in CREATE_ONLY if name in values.data)
    warnings = (*ignored(values), *(f"{name} is for new jobs and was ignored." for name in unused))
    if _DUE in data and world.find(COMPANIES.kind, job.company)["companyDatesFromPhases"]:
        del data[_DUE]
        warnings = (*warnings, f"{_DUE} follows from the phases and was ignored.")
    promotion = _promotion(world, ask, job, data)
    changed = world.change(job, {**data, **promotion})
    return Item(promotion | JOBS.named(changed), warnings)


def _promotion(world: World, ask: Ask, job: Record, data: dict[str, Any]) -> Row:
    """Work out what the end of an opportunity adds to a job; nothing while it stays one.

    Raises:
        RefusalError: the reason does not go with the status.
    """
    was_quote = job["jobStatus"] == QUOTE
    stays_quote = data.get("jobStatus", job["jobStatus"]) == QUOTE
    code = data.get(_REASON)
    sales_status = world.find("salesreason", code)["status"] if code else 0
    if sales_status and not was_quote:
        raise RefusalError(f"job {job.key} is no opportunity")
    if sales_status and stays_quote != (sales_status != _PROMOTED):
        raise RefusalError(f"{_REASON} {code} does not go with this jobStatus")
    if sales_status == _LOST:
        return {"jobLeadClosedDate": world.today}
    return _promoted(world, ask, job, code) if was_quote and not stays_quote else {}


def _promoted(world: World, ask: Ask, job: Record, code: str | None) -> Row:
    time = f"{world.now:%H:%M:%S}"
    digits = "".join(filter(str.isdigit, str(job.key).partition("/")[2]))
    return {
        "jobLeadPromotedDate": world.today,
        "jobLeadPromotedTime": time,
        "jobLeadPromotedTimeZone": "UTCA",
        "jobLeadPromotedDateUTC": world.today,
        "jobLeadPromotedTimeUTC": time,
        "jobLeadPromotedUserID": ask.user.key,
        _REASON: code or f"{_PROMOTED}-6",
        "jobPrefixOnly": "",
        "jobNumberOnly": int(digits or 0),
    }


AREA = Area(
    {
        ("jobs", ""): reading(LISTING),
        ("jobs", "create"): create,
        ("jobs", "update"): _update,
        **PICKERS,
    },
    seed,
    (
        View(-1300, "Jobs", "All jobs", lambda *_: True, "jobNumber"),
        View(-1303, "Jobs", "Live jobs", lambda row, _: row["jobStatus"] == LIVE, "jobDateDue"),
        View(
            -1305,
            "Jobs",
            "My jobs",
            lambda row, viewer: row["jobHandlerUserID"] == viewer.user_id,
            "jobDateIn",
            descending=True,
        ),
        View(
            -1501,
            "Opportunities",
            "Open opportunities",
            lambda row, _: row["jobStatus"] == QUOTE and row["jobOppWeighting"] > 0,
            "jobDateIn",
        ),
    ),
)
