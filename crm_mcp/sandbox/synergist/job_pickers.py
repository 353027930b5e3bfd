"""What there is to choose from when a job is made or changed."""

from crm_mcp.sandbox.synergist.calls import Calls
from crm_mcp.sandbox.synergist.clients import CLIENT_LISTING, contact_choices
from crm_mcp.sandbox.synergist.company import USERS, members
from crm_mcp.sandbox.synergist.costs import costs_of
from crm_mcp.sandbox.synergist.errors import RefusalError
from crm_mcp.sandbox.synergist.job_table import IN_HOUSE, JOB, phases_of
from crm_mcp.sandbox.synergist.pickers import choices
from crm_mcp.sandbox.synergist.reads import reading
from crm_mcp.sandbox.synergist.reference import IN_HOUSE_TYPE, in_companies
from crm_mcp.sandbox.synergist.wire import Ask, Rows, Said
from crm_mcp.sandbox.synergist.world import Record, World


def _job(world: World, ask: Ask) -> Record | None:
    """Find the job for which something is chosen, if there is one."""
    number = ask.text("job")
    return world.find(JOB, number) if number else None


def _projects(world: World, ask: Ask) -> Said:
    projects = _of_client(world, ask, "project", "jobProjectCode")
    return choices(projects, "projectNo", "projectName")


def _campaigns(world: World, ask: Ask) -> Said:
    return choices(
        _of_client(world, ask, "campaign", "jobCampaignNo"), "campaignNo", "campaignName"
    )


def _of_client(world: World, ask: Ask, kind: str, field: str) -> list[Record]:
    """List projects or campaigns; for a client those that its jobs are a part of."""
    records = in_companies(world, ask, kind)
    code = ask.text("client")
    if not code:
        return records
    client = world.find("client", code)
    used = {job[field] for job in world.where(JOB, jobClientCode=client.key)}
    return [record for record in records if record.key in used]


def _job_types(world: World, ask: Ask) -> Said:
    """List the job types; for a job, those in house or the others, as it is one."""
    types = in_companies(world, ask, "jobtype")
    job = _job(world, ask)
    if job is None:
        return choices(types, "JobtypeCode", "JobtypeDescription", blank="")
    in_house = job["jobStatus"] == IN_HOUSE
    fitting = [entry for entry in types if (entry["use"] == IN_HOUSE_TYPE) == in_house]
    chosen = [job["jobJobtypeCode"]]
    return choices(fitting, "JobtypeCode", "JobtypeDescription", chosen=chosen, blank="")


def _handlers(world: World, ask: Ask) -> Said:
    team = ask.text("team")
    if team and world.get("team", team) is None:
        raise RefusalError(f"team {team} not found")
    return choices(members(world, team), USERS.key, "userFullName", blank=0)


def _teams(world: World, ask: Ask) -> Said:
    job = _job(world, ask)
    chosen = [] if job is None else [job["jobHandlerTeam"]]
    teams = in_companies(world, ask, "team")
    return choices(teams, "teamCode", "teamDescription", chosen=chosen, blank="")


def _sales_statuses(world: World, _: Ask) -> Said:
    return Rows(
        [
            {
                "salesreasonStatusReason": reason.key,
                "salesreasonStatusReasonDesc": reason["text"],
                "salesreasonStatusReasonId": reason["reason"],
                "salesreasonStatusStatus": reason["status"],
            }
            for reason in world.all("salesreason")
        ]
    )


def _costs(world: World, ask: Ask) -> Said:
    job = world.find(JOB, ask.required("job"))
    return costs_of(world, phases_of(world, job), with_phase=True)


PICKERS: Calls = {
    ("jobs", "clients"): reading(CLIENT_LISTING),
    ("jobs", "contacts"): contact_choices,
    ("jobs", "projects"): _projects,
    ("jobs", "campaigns"): _campaigns,
    ("jobs", "jobtypes"): _job_types,
    ("jobs", "handlers"): _handlers,
    ("jobs", "teams"): _teams,
    ("jobs", "salesstatuses"): _sales_statuses,
    ("jobs", "costscharges"): _costs,
}
