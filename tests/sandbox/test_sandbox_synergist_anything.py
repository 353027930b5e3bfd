"""Whatever is sent to the Synergist stand-in, it answers in the vendor's way and never breaks."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from synergist_caller import Crm, refused

from crm_mcp.sandbox.base import Call
from crm_mcp.sandbox.synergist.areas import CALLS
from crm_mcp.sandbox.synergist.errors import Code

# Values that lead far in: keys that exist, and words that the calls know.
KEYS = st.sampled_from(
    [
        *(1, 2, 11, 16, 7001, 7010, 7032, 5501, 8601, 8602, 137001, 1005502, 381, 268),
        *("1/CAL001", "2/LIN001", "1/WEI001", "1/00001001", "1/00001002", "2/00001005"),
        *("1/00001001.001", "1/00000900", "2/00000900", "1/SAL", "1/EUR", "1/SUP", "1/INS"),
    ]
)
WORDS = st.sampled_from(
    [
        *("modeldata", "modelstructure", "activitylist", "jobdetails", "-1700", "SELECTVIEW-1303"),
        *("activity", "jobs", "job", "true", "false", "2026-03-05", "2026-03-06T10:00:00", "[1,2]"),
        *("TODO", "REQ", "NOTES", "3-6", "2-101", "1-1", "JN", "-1", "calBookedSelect", "aGVsbG8="),
    ]
)
NUMBERS = st.integers(-2, 10) | st.integers()
TEXTS = WORDS | st.text(max_size=8)
LEAVES = st.none() | st.booleans() | NUMBERS | st.floats() | TEXTS | KEYS
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
PARAMETERS = st.sampled_from(
    [
        *("style", "modelstructure", "view", "company", "page", "rows", "search", "uuid", "type"),
        *("client", "clientcode", "clientcontact", "job", "jobphase", "workflow", "activityid"),
        *("activity", "activitytype", "timestampfrom", "timestampto", "description", "userid"),
        *("attachment", "attachmentid", "notesid", "input", "status", "team", "Job-Number"),
        *("datefrom", "dateto", "diary", "timesummary", "sort", "direction", "version"),
        *("purchase", "supplier", "currency", "currencyrate", "expensesheet", "expenseline"),
        *("tspending", "resource", "date"),
    ]
)
FIELDS = st.sampled_from(
    [
        *(
            "activityID",
            "activityRecordVersionNumber",
            "activityActivitytypeCode",
            "activityDetails",
        ),
        *("activityClientCode", "Job", "Jobphase", "activityStatus", "activityCompleted"),
        *("activityClientContactInternalRef", "activityCompanyNumber", "activityTimeDue"),
        *("activitySecondaryOwnersUserID", "activityDateDue", "activityuuid"),
        *("varJobTemplate", "jobClientCode", "jobNumber", "jobStatus", "jobSalesStatusReason"),
        *("jobDateIn", "jobDateDue", "jobPrefixOnly", "jobTaxCode", "jobContactInternalRef"),
        *("attachmentID", "attachmentActivityID", "attachmentOriginalFilename"),
        *("variable_AttachmentBase64", "attachmentDescription", "diary_diaryinternal"),
        *("calTimeSummaryInternal", "calIsoDateTimeStart", "calIsoDateTimeEnd", "calAllDay"),
        *("calDurationDecimalHours", "calResourceId", "calDiaryInternal", "poInternal"),
        *("expensesheetInternalRef", "expenselineInternal", "tspEntryNo", "tspTimeDate"),
    ]
)
ITEMS = st.lists(st.dictionaries(FIELDS | TEXTS, LEAVES | VALUES, max_size=6), max_size=2)


def as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


@settings(max_examples=200)
@given(
    call=st.sampled_from(sorted(CALLS)),
    query=st.dictionaries(PARAMETERS, (KEYS | LEAVES | VALUES).map(as_text), max_size=5),
    items=st.none() | ITEMS | VALUES,
)
def test_whatever_is_sent_is_answered_or_refused_with_a_code(
    call: tuple[str, str], query: dict[str, str], items: Any
) -> None:
    crm, (area, action) = Crm(), call
    before = crm.world.revision
    parameters = {"action": action, **query}
    answer = crm.send(area, items, **parameters)
    if answer.status == 404:
        code, words = refused(answer)
        assert code in set(Code)
        assert words
        assert (answer.changed, crm.world.revision) == (False, before)
    else:
        assert answer.status == 200
        assert answer.changed == (crm.world.revision != before)
        if answer.content_type == "application/json":
            assert json.loads(answer.content)["success"] is True


@settings(max_examples=100)
@given(
    method=st.sampled_from(["GET", "PUT", "POST"]),
    path=st.sampled_from(["/s3/x.txt", "/s3/%", "/jsonapi/jobs.json", "/jsonapi/", "/"]) | TEXTS,
    query=st.dictionaries(TEXTS | st.just("X-Amz-Signature"), TEXTS, max_size=3),
)
def test_no_address_without_credentials_leads_anywhere(
    method: str, path: str, query: dict[str, str]
) -> None:
    crm = Crm()
    before = crm.world.revision
    answer = crm.stand_in.misfit(Call(method, path, tuple(query.items()), {}, b"x"))
    assert answer.status in (403, 404)
    assert (answer.changed, crm.world.revision) == (False, before)
