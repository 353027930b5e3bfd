"""Attachments of the Synergist stand-in, in the database and in its stand-in for Amazon S3."""

import base64
from datetime import timedelta
from urllib.parse import urlsplit

import httpx
import pytest
from synergist_caller import Crm, Row, values

from crm_mcp.loader import load_vendor, schemas_root
from crm_mcp.sandbox.app import Sandbox
from crm_mcp.sandbox.base import Answer, Call
from crm_mcp.sandbox.synergist.attachments import content_type, document_name

TEXT = b"HERE IS SOME TEXT\r\n"
BASE64 = base64.b64encode(TEXT).decode()
NEW = {
    "attachmentActivityID": "7010",
    "attachmentOriginalFilename": "plan é.txt",
    "variable_AttachmentBase64": BASE64,
}
ORIGIN = "http://localhost/synergist"


@pytest.fixture
def crm() -> Crm:
    return Crm()


@pytest.fixture
def cloud() -> Crm:
    crm = Crm()
    crm.stand_in.use_s3()
    return crm


def created(crm: Crm, **item: object) -> Row:
    return crm.written("attachments", {**NEW, **item}, action="create")


def view(crm: Crm, number: object) -> Row:
    return crm.row("notesattachments", action="attachmentview", attachment=number, company=1)


def store(crm: Crm, method: str, address: str, content: bytes = b"", **headers: str) -> Answer:
    """Call the file store at a signed address."""
    assert address.startswith(f"{ORIGIN}/s3/")
    parts = urlsplit(address.removeprefix(ORIGIN))
    query = tuple(httpx.QueryParams(parts.query).multi_items())
    return crm.stand_in.misfit(Call(method, parts.path, query, headers, content))


# In the database


def test_an_attachment_is_kept_and_read_back(crm: Crm) -> None:
    told = created(crm, attachmentDescription="The plan")
    assert told == {
        "attachmentID": 5503,
        "attachmentUuid": told["attachmentUuid"],
        "attachmentTimestampModified": 1772442001,
        "attachmentRecordVersionNumber": 0,
    }
    assert view(crm, 5503) == {
        **{name: told[name] for name in told if name != "attachmentID"},
        "attachmentOriginalFilename": "plan é.txt",
        "attachmentBase64": BASE64,
        "attachmentContentDisposition": 'attachment; filename="plan é.txt"',
        "attachmentContentType": "text/plain",
    }


def test_an_attachment_tells_where_it_hangs(crm: Crm) -> None:
    created(crm)
    row = crm.row("attachments", attachmentid=5503)
    shown = ("CreatedDisplay", "ClientName", "ActivityID", "DocumentName", "JobAndPhase")
    assert [row[f"attachment{name}"] for name in shown] == [
        "Created by Maya Thornbury on 02/03/2026 at 9:00am",
        "Calder & Wrenfield Solicitors",
        7010,
        "plan é_5503.txt",
        "1/00001001.001",
    ]
    told = ("Description", "Extension", "Container", "Mode", "S3UrlGet", "S3UrlPut")
    assert [row[f"attachment{name}"] for name in told] == [
        *("plan é.txt", "TXT", "Agree on a date for the delivery", "API", "", "")
    ]
    activity = crm.rows("activities", activityid=7010, modelstructure="activitylist")
    assert values(activity, "activityAttachmentCount") == ["3"]


def test_an_attachment_is_renamed_and_stays_the_same_otherwise(crm: Crm) -> None:
    item = {"attachmentID": 5501, "attachmentDescription": "My plan.csv"}
    told = crm.written("attachments", item, action="update")
    assert told["attachmentRecordVersionNumber"] == 1
    row = crm.row("attachments", attachmentid=5501)
    names = (row["attachmentDescription"], row["attachmentDocumentName"])
    assert names == ("My plan.csv", "Floor plan_5501.csv")
    reply = crm.write("attachments", [{**item, "attachmentActivityID": 7001}], action="update")
    assert reply["warningmessage"] == "attachmentActivityID stays as it is."
    assert crm.row("attachments", attachmentid=5501)["attachmentActivityID"] == 7010


def test_a_deleted_attachment_is_gone_and_remembered(crm: Crm) -> None:
    uuid = crm.row("attachments", attachmentid=5501)["attachmentUuid"]
    reply = crm.write("attachments", [{"attachmentID": 5501}], action="delete")
    assert reply["data"] == [{"attachmentID": 5501, "attachmentUuid": uuid}]
    assert values(crm.rows("attachments"), "attachmentID") == [5502]
    (entry,) = crm.rows("activities", action="history", activityid=7010)
    assert entry["activityhistoryHistoryDetail"] == "Document Floor plan.csv deleted."
    assert entry["activityhistoryNotesHistoryCategory"] == 14


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"attachmentActivityID": ""}, "attachmentActivityID is missing"),
        ({"attachmentActivityID": 1}, "activity 1 not found"),
        ({"attachmentOriginalFilename": ""}, "attachmentOriginalFilename is missing"),
        ({"variable_AttachmentBase64": ""}, "variable_AttachmentBase64 is missing"),
        ({"variable_AttachmentBase64": "%%%"}, "variable_AttachmentBase64 is no base64"),
        ({"variable_AttachmentBase64": "äöü="}, "variable_AttachmentBase64 is no base64"),
    ],
)
def test_an_attachment_that_makes_no_sense_is_refused(crm: Crm, change: Row, words: str) -> None:
    assert crm.why("attachments", [{**NEW, **change}], action="create") == words


def test_the_table_s_name_for_the_content_is_not_the_one_that_counts(crm: Crm) -> None:
    item = {**NEW, "attachmentBase64": BASE64, "variable_AttachmentBase64": None}
    assert crm.why("attachments", [item], action="create") == (
        "variable_AttachmentBase64 is missing"
    )


def test_what_is_missing_is_named(crm: Crm) -> None:
    assert crm.why("attachments", [{"attachmentID": 5501}], action="update") == (
        "attachmentDescription is missing"
    )
    assert crm.why("attachments", [{}], action="delete") == "attachmentID is missing"
    missing = {"action": "attachmentview", "attachment": 1}
    assert crm.why("notesattachments", **missing) == "attachment 1 not found"


def test_names_and_types_of_files_follow_from_their_ends() -> None:
    assert (document_name(7, "a.b.pdf"), document_name(7, "notes")) == ("a.b_7.pdf", "notes_7")
    assert (content_type("a.PDF"), content_type("notes")) == (
        *("application/pdf", "application/octet-stream"),
    )


# In Amazon S3


def test_an_attachment_in_s3_is_finished_by_a_put(cloud: Crm) -> None:
    told = created(cloud)
    assert cloud.why("notesattachments", action="attachmentview", attachment=5503) == (
        "the file of attachment 5503 is not there"
    )
    put = store(cloud, "PUT", told["attachmentS3UrlPut"], TEXT)
    assert (put.status, put.changed) == (200, True)
    assert view(cloud, 5503)["attachmentBase64"] == BASE64
    got = store(cloud, "GET", told["attachmentS3UrlGet"])
    assert (got.status, got.content, got.changed) == (200, TEXT, False)


def test_the_content_need_not_come_along_and_what_comes_is_left(cloud: Crm) -> None:
    for item in ({"variable_AttachmentBase64": None}, {"variable_AttachmentBase64": BASE64}):
        told = created(cloud, **item)
        answer = store(cloud, "GET", told["attachmentS3UrlGet"])
        assert (answer.status, b"NoSuchKey" in answer.content) == (404, True)


def test_a_second_put_replaces_the_file(cloud: Crm) -> None:
    told = created(cloud)
    for content in (b"first", b"second"):
        store(cloud, "PUT", told["attachmentS3UrlPut"], content)
    assert store(cloud, "GET", told["attachmentS3UrlGet"]).content == b"second"


def test_a_list_gives_an_address_to_read_what_is_in_s3(cloud: Crm) -> None:
    told = created(cloud)
    store(cloud, "PUT", told["attachmentS3UrlPut"], TEXT)
    row = cloud.row("attachments", attachmentid=5503)
    assert row["attachmentS3UrlPut"] == ""
    assert store(cloud, "GET", row["attachmentS3UrlGet"]).content == TEXT
    assert cloud.row("attachments", attachmentid=5501)["attachmentS3UrlGet"] == ""


def test_a_signature_is_for_one_method_and_one_file(cloud: Crm) -> None:
    told, other = created(cloud), created(cloud)
    put = told["attachmentS3UrlPut"]
    query = urlsplit(other["attachmentS3UrlPut"]).query
    for method, address in (
        ("GET", put),
        ("DELETE", put),
        ("PUT", told["attachmentS3UrlGet"]),
        ("PUT", f"{put.partition('?')[0]}?{query}"),
        ("PUT", put.partition("?")[0]),
        ("PUT", put.replace("_5503", "_5504")),
    ):
        answer = store(cloud, method, address, TEXT)
        assert (answer.status, answer.changed) == (403, False)
        assert b"SignatureDoesNotMatch" in answer.content


def test_a_signature_lasts_a_day(cloud: Crm) -> None:
    told = created(cloud)
    cloud.world.now += timedelta(hours=23)
    assert store(cloud, "PUT", told["attachmentS3UrlPut"], TEXT).status == 200
    cloud.world.now += timedelta(hours=2)
    answer = store(cloud, "PUT", told["attachmentS3UrlPut"], TEXT)
    assert (answer.status, b"AccessDenied" in answer.content) == (403, True)


@pytest.mark.parametrize("secret", ["user", "password", "sha512password"])
def test_the_store_turns_credentials_in_the_query_away(cloud: Crm, secret: str) -> None:
    address = f"{created(cloud)['attachmentS3UrlPut']}&{secret}=x"
    answer = store(cloud, "PUT", address, TEXT)
    assert (answer.status, answer.changed) == (403, False)


@pytest.mark.parametrize("header", ["authorization", "cookie"])
def test_the_store_turns_credentials_in_a_header_away(cloud: Crm, header: str) -> None:
    told = created(cloud)
    answer = store(cloud, "PUT", told["attachmentS3UrlPut"], TEXT, **{header: "x"})
    assert (answer.status, b"InvalidRequest" in answer.content) == (403, True)


def test_attachments_stay_where_they_are_when_the_storage_changes(cloud: Crm) -> None:
    created(cloud)
    cloud.stand_in.use_database()
    created(cloud)
    assert view(cloud, 5504)["attachmentBase64"] == BASE64
    assert cloud.row("attachments", attachmentid=5503)["attachmentS3UrlGet"]


@pytest.mark.anyio
async def test_the_store_is_reached_over_http_at_the_address_that_it_gives() -> None:
    sandbox = Sandbox({"synergist": load_vendor(schemas_root(), "synergist")})
    sandbox.control("synergist", "use_s3")
    query = {"user": "maya", "password": "sandbox-password-of-maya", "version": "3.2"}
    item = '{"data":[{"attachmentActivityID":7010,"attachmentOriginalFilename":"a b.txt"}]}'
    base = "http://sandbox.localhost"
    async with httpx.AsyncClient(transport=sandbox.transport(), base_url=base) as http:
        call = {**query, "action": "create", "input": item}
        told = await http.get("/synergist/jsonapi/attachments.json", params=call)
        (row,) = told.json()["data"]
        assert row["attachmentS3UrlPut"].startswith(f"{base}/synergist/s3/a%20b_5503.txt?")
        put = await http.put(row["attachmentS3UrlPut"], content=TEXT)
        got = await http.get(row["attachmentS3UrlGet"])
    assert (put.status_code, got.content) == (200, TEXT)
    assert [seen.changed for seen in sandbox.log] == [True, True, False]
