"""Ids of Synergist in a preview: people, estimates and suppliers are found in whole lists."""

from typing import Any

import pytest

from crm_mcp.app import load_catalogue
from crm_mcp.sandbox.app import Sandbox
from crm_mcp.testing import sandbox_client

pytestmark = pytest.mark.anyio

BOOKING = {
    "calIsoDateTimeStart": "2026-03-10T14:30:00",
    "calIsoDateTimeEnd": "2026-03-10T16:30:00",
}
NEW_BOOKING = {
    "calTimeSummaryInternal": "1005540",
    "calDurationDecimalHours": "2",
    "calResourceId": "11",
    **BOOKING,
}
MOVED = {"calDiaryInternal": "137001", "calAllDay": "false", "calResourceId": "13", **BOOKING}
MAYA = '(user: "Maya Thornbury")'
MAYAS_EXPENSES = '(sheet supplier: "Maya Thornbury, expenses")'
DRAWING = (
    '(estimate: "Meeting Table Holm for Calder & Wrenfield Solicitors/Survey and drawing" '
    '"Calder & Wrenfield Solicitors" "1/00001002.001")'
)


async def named(tool: str, **arguments: Any) -> list[str]:
    """Try a write; list the lines of its preview that tell a name beside an id."""
    async with sandbox_client(sandbox=Sandbox(load_catalogue())) as client:
        tried = await client.call_tool(tool, {**arguments, "_dry_run": True})
    assert tried.structured_content is not None
    preview: str = tried.structured_content["data"]["preview"]
    return [line.strip() for line in preview.splitlines() if line.endswith('")')]


@pytest.mark.parametrize(
    ("tool", "arguments", "lines"),
    [
        (
            "synergist_calendar_bookings_create",
            {"data": [NEW_BOOKING]},
            [
                f'data[0].calTimeSummaryInternal = "1005540" {DRAWING}',
                f'data[0].calResourceId = "11" {MAYA}',
            ],
        ),
        (
            "synergist_calendar_bookings_update",
            {"data": [MOVED]},
            ['data[0].calResourceId = "13" (user: "Greta Hollmann")'],
        ),
        (
            "synergist_calendar_estimates_hide",
            {"timesummary": 1005540},
            [f"timesummary = 1005540 {DRAWING}"],
        ),
        (
            "synergist_activities_update",
            {"company": 1, "data": [{"activityID": 7005, "activityOwnerID": 11}]},
            ['data[0].activityOwnerID = 11 (activity owner: "Maya Thornbury")'],
        ),
        (
            "synergist_activity_secondary_owners_update",
            {"data": [{"activityID": 7005, "activitySecondaryOwnersUserID": [11, 12]}]},
            [
                f"data[0].activitySecondaryOwnersUserID[0] = 11 {MAYA}",
                'data[0].activitySecondaryOwnersUserID[1] = 12 (user: "Owen Pritchard")',
            ],
        ),
        (
            "synergist_jobs_update",
            {"data": [{"jobNumber": "1/00001001", "jobHandlerUserID": "11"}]},
            [f'data[0].jobHandlerUserID = "11" {MAYA}'],
        ),
        (
            "synergist_expense_sheets_create",
            {"data": [{"expensesheetSupplierCode": "1/MAYA", "expensesheetCompany": 1}]},
            [f'data[0].expensesheetSupplierCode = "1/MAYA" {MAYAS_EXPENSES}'],
        ),
    ],
)
async def test_the_name_stands_beside_the_id(
    tool: str, arguments: dict[str, Any], lines: list[str]
) -> None:
    assert await named(tool, **arguments) == lines
