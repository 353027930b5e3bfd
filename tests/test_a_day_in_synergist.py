"""A day in Synergist: a real MCP client, a real socket, and a person who reads before each yes."""

import base64
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from desk import Desk, Undo, at_desk, undoing
from sockets import serving

from crm_mcp.app import load_catalogue
from crm_mcp.redact import MASK
from crm_mcp.sandbox.app import Sandbox

pytestmark = pytest.mark.anyio

CALDER = "1/CAL001"
PURCHASES = {"company": 1, "modelstructure": "purchaseorderlist"}
FIRM = "Calder & Wrenfield Solicitors"
TEMPLATE = "1/00000900"
PLAN = b"room,desks\r\nlibrary,20\r\n\x00\xff"


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(load_catalogue())


@pytest.fixture
def origin(sandbox: Sandbox) -> Iterator[str]:
    with serving(sandbox) as origin:
        yield origin


async def test_a_day_in_synergist(tmp_path: Path, sandbox: Sandbox, origin: str) -> None:
    async with at_desk("synergist", tmp_path, sandbox, origin) as desk:
        job = await open_a_job(desk)
        activity = await plan_the_work(desk, job)
        await attach_the_plan(desk, sandbox, activity)
        await change_what_somebody_else_has_changed(desk, activity)
        await buy_the_desks(desk, job)
        await claim_expenses(desk, job)
        await measure_time(desk, job)


async def open_a_job(desk: Desk) -> str:
    """Find a client, and create a job for it from a template."""
    client = await desk.row("clients_list", company=1, search="calder")
    assert client["clientCode"] == CALDER
    new = {
        "varJobTemplate": TEMPLATE,
        "jobClientCode": CALDER,
        "jobDescription": "Desks for the library",
        "jobDateIn": "2026/03/02",
        "jobHandleruserid": "12",
    }
    told = (
        "Create 1 job in company 1 of Synergist.",
        "Can be undone: no",
        f'data[0].varJobTemplate = "{TEMPLATE}" (job: "Furniture, supplied and installed")',
        f'data[0].jobClientCode = "{CALDER}" (client: "{FIRM}")',
        'data[0].jobDateIn = "2026/03/02" (Monday, 2 March 2026)',
        'data[0].jobHandleruserid = "12" (user: "Owen Pritchard")',
    )
    number = (await desk.made("jobs_create", told, company=1, data=[new]))["jobNumber"]

    job = await desk.row("jobs_get", job=number)
    assert job["jobDescription"] == "Desks for the library"
    assert (job["jobClientName"], job["jobHandlerFullName"]) == (
        FIRM,
        "Owen Pritchard",
    )
    phases = await desk.read("phases_list", company=1, job=number)
    template = await desk.read("phases_list", company=1, job=TEMPLATE)
    steps = [[one["phasePhaseDescription1stLine"] for one in two] for two in (phases, template)]
    assert steps == [["Survey and drawing", "Supply", "Installation"]] * 2
    return str(number)


async def plan_the_work(desk: Desk, job: str) -> int:
    """Add an activity for the job's first phase, and comment on it."""
    new = {
        "activityActivitytypeCode": "TODO",
        "activityClientCode": CALDER,
        "activitySubject": "Measure the library",
        "Job": job,
        "Jobphase": f"{job}.001",
    }
    phase = f'"Desks for the library" "Survey and drawing" "{FIRM}"'
    told = (
        "Create 1 activity in company 1 of Synergist.",
        "Can be undone: yes, with synergist_activities_delete",
        f'data[0].Job = "{job}" (job: "Desks for the library" "{FIRM}")',
        f'data[0].Jobphase = "{job}.001" (phase: {phase})',
    )
    number = (await desk.made("activities_create", told, company=1, data=[new]))["activityID"]
    listed = await desk.row("activities_list", company=1, job=job)
    assert (listed["activityID"], listed["activitySubject"]) == (number, "Measure the library")

    about = f'"Measure the library" "Task" "{FIRM}"'
    words = "The caretaker has the keys."
    comment = (
        f'Add a comment to activity {number} in Synergist: "{words}"',
        f"activityID = {number} (activity: {about})",
    )
    await desk.write("activity_comments_create", comment, activityID=number, description=words)
    history = await desk.read("activity_history_list", activityID=number)
    assert [entry["activityhistoryHistoryDetail"] for entry in history] == [words]
    return int(number)


async def attach_the_plan(desk: Desk, sandbox: Sandbox, activity: int) -> None:
    """Attach a file that the CRM keeps itself, and one that it wants in its file store."""
    encoded = base64.b64encode(PLAN).decode()
    file = {"variable_AttachmentBase64": encoded, "attachmentActivityID": activity}
    about = f'"Measure the library" "Task" "{FIRM}"'
    told = (
        "Attach 1 file to an activity in Synergist.",
        f'data[0].variable_AttachmentBase64 = "{encoded}"',
        f"data[0].attachmentActivityID = {activity} (activity: {about})",
    )
    kept = await desk.made(
        "attachments_create", told, data=[{**file, "attachmentOriginalFilename": "plan.csv"}]
    )
    sandbox.control("synergist", "use_s3")
    stored = await desk.made(
        "attachments_create", told, data=[{**file, "attachmentOriginalFilename": "copy.csv"}]
    )

    assert "attachmentS3UrlPut" not in kept
    assert stored["attachmentS3UrlPut"] == MASK
    assert await contents(desk, kept, stored) == {"plan.csv": PLAN, "copy.csv": PLAN}
    listed = await desk.read("attachments_list", activity=activity)
    assert [one["attachmentID"] for one in listed] == [
        kept["attachmentID"],
        stored["attachmentID"],
    ]


async def contents(desk: Desk, *attachments: Mapping[str, Any]) -> dict[str, bytes]:
    """Download attachments, and read what their links lead to."""
    found = {}
    for attachment in attachments:
        row = await desk.row("attachments_download", attachment=attachment["attachmentID"])
        read = await desk.client.read_resource(row["attachmentBase64"])
        (file,) = read.model_dump()["contents"]
        found[row["attachmentOriginalFilename"]] = base64.b64decode(file["blob"])
    return found


async def change_what_somebody_else_has_changed(desk: Desk, activity: int) -> None:
    """Change the activity; a change of the version that stood before is refused."""
    change = {"activityID": activity, "activityOwnerID": 13, "activityDateDue": "2026-03-06"}
    told = (
        "Change 1 activity in company 1 of Synergist.",
        "activityOwnerID: 11 → 13",
        'activityDateDue: "0000-00-00" → "2026-03-06" (Friday, 6 March 2026)',
        'data[0].activityOwnerID = 13 (activity owner: "Greta Hollmann")',
        "data[0].activityRecordVersionNumber = 0",
    )
    await desk.made("activities_update", told, company=1, data=[change])
    changed = await desk.row("activities_get", activityid=activity)
    assert (changed["activityOwnerName"], changed["activityRecordVersionNumber"]) == (
        "Greta Hollmann",
        1,
    )

    late = {"activityID": activity, "activityRecordVersionNumber": 0, "activitySubject": "Measure"}
    overwrites = (
        "activityRecordVersionNumber: 1 → 0",
        'activitySubject: "Measure the library" → "Measure"',
    )
    refused = await desk.write("activities_update", overwrites, fails=True, company=1, data=[late])
    assert refused["error"] == "conflict"
    assert refused["hint"] == "Read the record again and repeat the change with its new version."
    assert await desk.row("activities_get", activityid=activity) == changed


async def buy_the_desks(desk: Desk, job: str) -> None:
    """Estimate a purchase for the job, approve it, and make it an order."""
    new = {
        "poJobandPhase": f"{job}.002",
        "poSupplytype": "1/DES",
        "poSupplierCode": "1/BJO001",
        "poDescription": "20 x Sit-Stand Desk Fjord",
        "poEstCost": 9000,
        "poEstMarkUp": 60,
    }
    told = (
        "Create 1 purchase estimate in Synergist.",
        f'data[0].poJobandPhase = "{job}.002" (phase: "Desks for the library" "Supply" "{FIRM}")',
        'data[0].poSupplierCode = "1/BJO001" (supplier: "Björkvik Möbler")',
        "data[0].poEstCost = 9000 (9\u202f000)",
    )
    made = await desk.made("purchases_create", told, company=1, data=[new])
    number = made["poInternal"]
    record = (
        f'Record: purchase = {number}, poDescription = "20 x Sit-Stand Desk Fjord",'
        f' poSupplierName = "Björkvik Möbler", poJobandPhase = "{job}.002",'
        " poEstCost = 9000, poCost = 0"
    )
    word = "To approve, type: financial"
    steps = [await state_of_purchase(desk, number)]
    told = (f"Approve purchase {number} in Synergist.", record, "poPOApproved = false", word)
    await desk.made("purchases_approve", told, company=1, purchase=number)
    steps.append(await state_of_purchase(desk, number))
    sentence = f"Make estimate {number} a real purchase order in Synergist."
    told = (sentence, record, "poPOApproved = true", word)
    ordered = await desk.made("purchases_promote", told, purchase=number)
    steps.append(await state_of_purchase(desk, number))

    assert steps == [
        ("{EST}", False, 0),
        ("{EST}", True, 0),
        (ordered["poPONumber"], True, 9000),
    ]
    listed = await desk.row("purchases_list", **PURCHASES, job=job)
    assert (listed["poInternal"], listed["poPONumber"]) == (number, ordered["poPONumber"])


async def state_of_purchase(desk: Desk, number: int) -> tuple[str, bool, float]:
    row = await desk.row("purchases_get", purchase=number)
    return row["poPONumber"], row["poPOApproved"], row["poCost"]


async def claim_expenses(desk: Desk, job: str) -> None:
    """Write two expense sheets, submit both, and approve both."""
    sheets = [
        await write_a_sheet(desk, job, "There", 48.5),
        await write_a_sheet(desk, job, "Back", 52),
    ]
    records = tuple(
        f'Record: expensesheet = {sheet}, expensesheetDescription = "{name}",'
        f' expensesheetSupplierName = "Maya Thornbury, expenses", expensesheetGross = {gross},'
        for sheet, name, gross in zip(sheets, ("There", "Back"), (48.5, 52), strict=True)
    )
    pace = "after a yes 2 to look again, 1 to write; less than a second at this account's pace"
    told = (
        "Records: 2",
        f"Requests: 2 so far, to look; {pace}",
        *(f'{record} expensesheetStatusCode = "unsubmitted"' for record in records),
        "To approve, type: 2",
    )
    await desk.write(
        "expense_sheets_submit", told, action="expensesheetssubmit", expensesheet=sheets
    )
    assert await states_of_sheets(desk, sheets) == [("submitted", 0, False)] * 2

    told = (
        "Records: 2",
        *(f'{record} expensesheetStatusCode = "submitted"' for record in records),
        "To approve, type: financial",
    )
    await desk.write(
        "expense_sheets_approve", told, action="expensesheetsapprove", expensesheet=sheets
    )
    assert await states_of_sheets(desk, sheets) == [
        ("submitted", 48.5, True),
        ("submitted", 52, True),
    ]


async def write_a_sheet(desk: Desk, job: str, name: str, cost: float) -> int:
    new = {
        "expensesheetSupplierCode": "1/MAYA",
        "expensesheetCompany": 1,
        "expensesheetDescription": name,
        "expensesheetDate": "2026-03-02",
    }
    told = (
        "Create 1 expense sheet in Synergist.",
        'data[0].expensesheetDate = "2026-03-02" (Monday, 2 March 2026)',
    )
    made = await desk.made("expense_sheets_create", told, data=[new])
    sheet = int(made["expensesheetInternalRef"])
    line = {
        "expenselineSheetInternal": sheet,
        "expensesheetSupplierCode": "1/MAYA",
        "expenselineTotal": cost,
        "expenselineJobAndPhase": f"{job}.001",
        "expenselineSupplyType": "1/TRA",
        "expenselineDescription": "Train to Leeds",
        "expenselineDate": "2026-03-02",
    }
    about = f'"{name}" "Maya Thornbury, expenses" 0 "unsubmitted"'
    told = (
        "Add 1 line to an expense sheet in Synergist.",
        f"data[0].expenselineSheetInternal = {sheet} (expense sheet: {about})",
    )
    await desk.made("expense_lines_create", told, company=1, data=[line])
    return sheet


async def states_of_sheets(desk: Desk, sheets: Sequence[int]) -> list[tuple[str, float, bool]]:
    """Tell of each sheet its status, how much of it is approved, and whether it can go on."""
    rows = [await desk.row("expense_sheets_list", expensesheet=sheet) for sheet in sheets]
    names = ("expensesheetStatusCode", "expensesheetApproved", "expensesheetProcess")
    return [(row[names[0]], row[names[1]], row[names[2]]) for row in rows]


async def measure_time(desk: Desk, job: str) -> None:
    """Start a timer for the job, stop it, and read the week's summary."""
    week = await desk.read("timesheet_summaries_get", company=1)
    new = {
        "tspJobAndPhase": f"{job}.001",
        "tspTimeDate": "2026-03-02",
        "tspResourceCode": "1/MAYA",
        "tspResourceName": "Maya Thornbury",
    }
    told = (
        'Control a timer of a pending timesheet in Synergist ("timerstartnormal").',
        'data[0].tspTimeDate = "2026-03-02" (Monday, 2 March 2026)',
        "To approve, type: destructive",
    )
    timer = "timesheet_timers_control"
    started = await desk.made(timer, told, action="timerstartnormal", company=1, data=[new])
    entry = started["tspEntryNo"]
    assert started["tspTimerStatusNormal"] == "RUNNING"
    told = (
        'Control a timer of a pending timesheet in Synergist ("timerstopnormal").',
        f'tspending = {entry} (pending timesheet: "1/MAYA" "{job}.001" "Survey")',
        "To approve, type: destructive",
    )
    stopped = await desk.made(timer, told, action="timerstopnormal", tspending=entry)
    assert stopped["tspTimerStatusNormal"] == ""

    hours = (await desk.row("pending_timesheets_get", tspending=entry))["tspHoursNormal"]
    assert hours > 0
    later = await desk.read("timesheet_summaries_get", company=1)
    assert later["dates"] == week["dates"]
    assert worked(later, "tspTssDay0Total") == worked(week, "tspTssDay0Total", hours)
    assert worked(later, "tspTssChargeableTotal") == worked(week, "tspTssChargeableTotal", hours)


def worked(week: Mapping[str, Any], name: str, more: float = 0) -> float:
    """Give a total of a week, and so many hours more."""
    (totals,) = week["totals"]
    return round(float(totals[name]) + more, 4)


def lasting(row: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out of a record who changed it when, and how often."""
    return {
        name: value
        for name, value in row.items()
        if "Modified" not in name and "VersionNumber" not in name
    }


@pytest.fixture
def crm_mcp_undo(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Undo:
    return undoing(monkeypatch, capsys)


async def test_an_approval_is_taken_back_exactly(
    tmp_path: Path, sandbox: Sandbox, origin: str, crm_mcp_undo: Undo
) -> None:
    async with at_desk("synergist", tmp_path, sandbox, origin) as desk:
        found = await desk.row("purchases_list", **PURCHASES, search="Chairs from the works")
        number = found["poInternal"]
        before = await desk.row("purchases_get", purchase=number)
        result = await desk.write("purchases_approve", (), purchase=number)
        approved = await desk.row("purchases_get", purchase=number)

        told = await crm_mcp_undo(desk.app, result["undo"]["id"], "financial")
        after = await desk.row("purchases_get", purchase=number)

    assert [row["poPOApproved"] for row in (before, approved, after)] == [False, True, False]
    assert f"Take back the approval of purchase {number} in Synergist." in told
    assert "To approve, type: financial" in told
    assert lasting(after) == lasting(before)


async def test_an_update_is_taken_back_exactly(
    tmp_path: Path, sandbox: Sandbox, origin: str, crm_mcp_undo: Undo
) -> None:
    async with at_desk("synergist", tmp_path, sandbox, origin) as desk:
        before = await desk.row("activities_get", activityid=7010)
        change = {"activityID": 7010, "activitySubject": "Agree", "activityDateDue": "2026-03-06"}
        result = await desk.write("activities_update", (), company=1, data=[change])
        changed = await desk.row("activities_get", activityid=7010)

        told = await crm_mcp_undo(desk.app, result["undo"]["id"], "approve")
        after = await desk.row("activities_get", activityid=7010)

    assert changed["activitySubject"] == "Agree"
    assert f'activitySubject: "Agree" → "{before["activitySubject"]}"' in told
    assert lasting(after) == lasting(before) != lasting(changed)
