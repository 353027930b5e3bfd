"""Synergist's answers: envelopes, XML errors, files; what each means for the one who called."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_mcp.errors import (
    AuthFailed,
    Conflict,
    Forbidden,
    NotFound,
    RateLimited,
    Rejected,
    Unavailable,
    UnreadableReply,
    UpstreamError,
)
from crm_mcp.redact import MASK
from crm_mcp.vendors.base import Reply
from crm_mcp.vendors.synergist import VENDOR

OK = {"responsecode": 1, "errorcode": 0, "errormessage": "", "success": True}


def answer(body: Any, status: int = 200, **headers: Any) -> Reply:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status, {name.replace("_", "-"): text for name, text in headers.items()}, content)


def xml(code: str, words: str, status: int = 404) -> Reply:
    text = f'<Responses><Error ErrorID="{code}"><ErrorText>{words}</ErrorText></Error></Responses>'
    return answer(text.encode(), status)


def failure(reply: Reply) -> UpstreamError:
    with pytest.raises(UpstreamError) as caught:
        VENDOR.read(reply)
    return caught.value


def test_a_page_keeps_its_rows_and_its_figures() -> None:
    body = {**OK, "totalrows": 98, "totalpages": 49, "pagenumber": 1, "data": [{"activityID": 1}]}

    reading = VENDOR.read(answer(body))

    assert {key: reading.body[key] for key in body} == body
    assert (reading.partial, reading.warnings, reading.failed) == (False, (), ())


def test_an_answer_without_rows_has_an_empty_list_and_its_sentence() -> None:
    body = {**OK, "responsemessage": "Expense line attachment deleted.", "warningmessage": ""}

    reading = VENDOR.read(answer(body))

    assert reading.body["data"] == []
    assert reading.body["responsemessage"] == "Expense line attachment deleted."
    assert reading.body["totalrows"] == 0
    assert not reading.partial


def test_what_stands_beside_empty_rows_is_content_without_the_envelope() -> None:
    beside = {"data": [], "dates": [{"tspTssDay0Date": "2018-07-23"}], "totals": [{"a": 0}]}

    reading = VENDOR.read(answer({**OK, "totalrows": 0, **beside}))

    assert reading.body["content"] == beside


@pytest.mark.parametrize("rows", [None, []])
def test_rows_that_are_null_are_no_rows(rows: Any) -> None:
    assert VENDOR.read(answer({**OK, "data": rows})).body["data"] == []


@pytest.mark.parametrize(
    ("messages", "warnings"),
    [
        ({"warningmessage": "1 of 2 Expense line deleted."}, ("1 of 2 Expense line deleted.",)),
        ({"responsemessage": "1 of 2 records\rsubmitted"}, ("1 of 2 records submitted",)),
        ({"warningmessage": "Sheet is locked"}, ("Sheet is locked",)),
        ({"errormessage": "One line was skipped"}, ("One line was skipped",)),
        ({"warningmessage": "A", "errormessage": "B"}, ("A", "B")),
        ({"warningmessage": "A", "errormessage": "A"}, ("A",)),
    ],
)
def test_a_success_with_a_warning_is_only_a_part(
    messages: dict[str, str], warnings: tuple[str, ...]
) -> None:
    reading = VENDOR.read(answer({**OK, **messages}))

    assert (reading.partial, reading.warnings) == (True, warnings)


@pytest.mark.parametrize(
    ("messages", "warnings"),
    [
        ({"responsemessage": "1 of 1 time summaries shown."}, ()),
        ({"responsemessage": "data processed successfully."}, ()),
        ({"warningmessage": "2 of 2 Expense line deleted."}, ("2 of 2 Expense line deleted.",)),
        ({"warningmessage": None, "errormessage": 0}, ()),
    ],
)
def test_a_success_of_all_records_is_whole(
    messages: dict[str, Any], warnings: tuple[str, ...]
) -> None:
    reading = VENDOR.read(answer({**OK, **messages}))

    assert (reading.partial, reading.warnings) == (False, warnings)


def test_a_warning_that_none_was_done_is_a_refusal() -> None:
    failed = failure(answer({**OK, "warningmessage": "0 of 2 Expense line deleted."}))

    assert type(failed) is Rejected
    assert failed.message == "Synergist said: 0 of 2 Expense line deleted."
    assert failed.details == {"status": "not_done"}


@pytest.mark.parametrize("key", ["attachmentS3UrlPut", "variable_attachments3urlput"])
def test_an_address_to_which_anybody_could_write_is_never_shown(key: str) -> None:
    row = {key: "https://b.s3.amazonaws.com/x?X-Amz-Signature=1", "attachmentS3UrlGet": "https://g"}

    reading = VENDOR.read(answer({**OK, "data": [{"rows": [row]}]}))

    masked = {key: MASK, "attachmentS3UrlGet": "https://g"}
    assert reading.body["data"] == [{"rows": [masked]}]
    assert "Signature" not in json.dumps(reading.body)


def test_an_empty_upload_address_stays_empty() -> None:
    row = {"attachmentS3UrlPut": ""}

    assert VENDOR.read(answer({**OK, "data": [row]})).body["data"] == [row]


@pytest.mark.parametrize(
    ("code", "words", "kind"),
    [
        ("404001", "no credentials supplied", AuthFailed),
        ("404002", "invalid credentials supplied", AuthFailed),
        ("404003", "account disabled", AuthFailed),
        ("404004", "request not recognized", Rejected),
        ("404002", "", AuthFailed),
        ("404500", "invalid action companylist", Rejected),
        ("404500", "invalid credentials supplied", AuthFailed),
        ("404500", "You do not have permission to approve", Forbidden),
        ("404500", "User not authorised", Forbidden),
        ("404500", "Access denied", Forbidden),
        ("404500", "The record has been updated by another user", Conflict),
        ("404500", "Invalid record version number", Conflict),
        ("404500", "Record is locked", Conflict),
        ("404500", "Client code already exists", Conflict),
        ("404500", "Activity 12 not found", NotFound),
        ("404500", "Job 1/77 does not exist", NotFound),
        ("404500", "Internal error", Unavailable),
        ("404500", "Expense sheet is not submitted", Rejected),
        ("404999", "", Rejected),
        ("", "", Rejected),
    ],
)
def test_an_xml_error_means_what_its_code_or_its_words_say(
    code: str, words: str, kind: type[UpstreamError]
) -> None:
    failed = failure(xml(code, words))

    assert type(failed) is kind
    assert failed.message == f"Synergist said: {words or 'no reason given'}"
    assert failed.vendor_code == code


def test_a_stale_version_says_what_to_do() -> None:
    failed = failure(xml("404500", "The record has been changed by another user"))

    assert failed.hint == "Read the record again and repeat the change with its new version."


def test_several_errors_are_told_together_with_the_code_of_the_first() -> None:
    text = (
        b"\xef\xbb\xbf<?xml version='1.0' encoding='utf-8'?>\n<Responses>"
        b'<Error ErrorID="404501"><ErrorText>No\r\n date</ErrorText></Error>'
        b'<Error ErrorID="404502"><ErrorText>Kein Gr\xc3\xbcnes</ErrorText></Error>'
        b"<Error/></Responses>"
    )

    failed = failure(answer(text, 404))

    assert (failed.message, failed.vendor_code) == (
        "Synergist said: No date; Kein Grünes",
        "404501",
    )


@pytest.mark.parametrize("status", [200, 400, 403, 404, 422])
def test_the_http_code_around_an_xml_error_changes_nothing(status: int) -> None:
    assert type(failure(xml("404002", "invalid credentials supplied", status))) is AuthFailed


@pytest.mark.parametrize("status", [200, 400, 404])
def test_an_error_may_come_as_json(status: int) -> None:
    body = {"success": False, "errorcode": 404500, "errormessage": "Activity 1 not found"}

    failed = failure(answer(body, status))

    assert type(failed) is NotFound
    assert failed.vendor_code == "404500"


@pytest.mark.parametrize(
    "body",
    [
        {"success": False, "errormessage": "", "responsemessage": "Sheet is posted"},
        {"success": False, "errorcode": 0, "warningmessage": "Sheet is posted"},
    ],
)
def test_an_error_without_its_message_takes_the_words_that_are_there(body: Any) -> None:
    failed = failure(answer(body))

    assert (type(failed), failed.message) == (Rejected, "Synergist said: Sheet is posted")
    assert failed.vendor_code == ""


def test_long_words_are_cut() -> None:
    assert len(failure(xml("9" * 900, "x" * 900)).message) < 600
    assert len(failure(xml("9" * 900, "x" * 900)).vendor_code) <= 500


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><body>Not Found</body></html>",
        b"<Responses></Responses>",
        b"<Responses><Error ErrorID='1'>",
        b"not found",
        b'{"success": true}',
        b'{"message": "no"}',
        b"[]",
    ],
)
def test_a_404_that_is_not_synergists_own_is_not_read_as_not_found(body: bytes) -> None:
    failed = failure(answer(body, 404))

    assert type(failed) is UnreadableReply
    assert "check the address" in failed.hint


BOMB = (
    '<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    "<Responses><Error ErrorID='404002'><ErrorText>&b;</ErrorText></Error></Responses>"
)
OUTSIDE = (
    '<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    "<Responses><Error ErrorID='404002'><ErrorText>&x;</ErrorText></Error></Responses>"
)
DTD = (
    '<!DOCTYPE Responses SYSTEM "http://evil.example/x.dtd">'
    "<Responses><Error ErrorID='404002'><ErrorText>x</ErrorText></Error></Responses>"
)
STRANGE = "<?xml version='1.0' encoding='martian'?><Responses><Error ErrorID='404002'/></Responses>"
LARGE = f"<Responses><Error ErrorID='404002'/><!--{'x' * 64_000}--></Responses>"
DEEP = "<Responses>" + "<a>" * 10_000


@pytest.mark.parametrize("text", [BOMB, OUTSIDE, DTD, STRANGE, LARGE, DEEP])
def test_xml_that_could_harm_is_refused_unread(text: str) -> None:
    failed = failure(answer(text.encode(), 404))

    assert type(failed) is UnreadableReply
    assert "aaaa" not in failed.message


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (301, Unavailable),
        (401, AuthFailed),
        (403, Forbidden),
        (429, RateLimited),
        (500, Unavailable),
        (503, Unavailable),
    ],
)
def test_any_other_http_code_means_what_it_says(status: int, kind: type[UpstreamError]) -> None:
    assert type(failure(answer(b"<html>", status))) is kind


def test_too_many_calls_are_that_whatever_the_body_says() -> None:
    assert type(failure(xml("404002", "invalid credentials supplied", 429))) is RateLimited


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"success": "true"}', b"null", b"<html></html>", b"\xff\xfe\x00"]
)
def test_an_answer_that_does_not_say_success_is_unreadable(body: bytes) -> None:
    assert type(failure(answer(body, content_type="text/html"))) is UnreadableReply


@pytest.mark.parametrize(
    ("headers", "name", "kind"),
    [
        ({"content_type": "application/pdf"}, "", "application/pdf"),
        ({"content_type": "text/html; charset=utf-8"}, "", "application/pdf"),
        ({}, "", "application/pdf"),
        ({"content_disposition": 'inline; filename="Sheet 1.PDF"'}, "Sheet 1.PDF", None),
        ({"content_disposition": "attachment; filename*=UTF-8''Gr%C3%BCn.pdf"}, "Grün.pdf", None),
        ({"content_disposition": 'attachment; filename="../../etc/x.pdf"'}, "x.pdf", None),
        ({"content_disposition": 'attachment; filename="C:\\\\a\\\\y.pdf"'}, "y.pdf", None),
        ({"content_disposition": "attachment; filename=a\r\nb.pdf"}, "a  b.pdf", None),
        ({"content_disposition": f"attachment; filename={'n' * 900}"}, "n" * 200, None),
    ],
)
def test_a_printed_sheet_that_is_streamed_is_a_row(
    headers: dict[str, Any], name: str, kind: str | None
) -> None:
    content = b"%PDF-1.3\n\xff"

    reading = VENDOR.read(answer(content, **headers))

    assert reading.body["data"] == [
        {
            "name": name,
            "contentType": kind or "application/pdf",
            "size": len(content),
            "base64": base64.b64encode(content).decode(),
        }
    ]


@pytest.mark.parametrize(
    ("content", "kind"), [(b"\x89PNG", "image/png"), (b"a,b\r\n", "text/csv"), (b"{}", "text/json")]
)
def test_an_attachment_that_is_streamed_with_a_name_is_a_row(content: bytes, kind: str) -> None:
    disposition = "attachment; filename=a.bin"

    row = VENDOR.read(answer(content, content_type=kind, content_disposition=disposition)).body[
        "data"
    ][0]

    assert (row["name"], row["contentType"]) == ("a.bin", kind)
    assert base64.b64decode(row["base64"]) == content


@pytest.mark.parametrize(
    "headers",
    [
        {"content_type": "application/octet-stream"},
        {"content_disposition": "attachment; filename=x.json"},
        {},
    ],
)
def test_an_envelope_is_one_whatever_the_headers_call_it(headers: dict[str, Any]) -> None:
    assert VENDOR.read(answer({**OK, "data": [1]}, **headers)).body["data"] == [1]


def test_a_file_without_any_type_or_name_is_unreadable() -> None:
    assert type(failure(answer(b"\x89PNG"))) is UnreadableReply


def test_a_disposition_without_a_name_does_not_make_a_page_a_file() -> None:
    page = answer(b"<html>", content_type="text/html", content_disposition="inline")

    assert type(failure(page)) is UnreadableReply


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
ENVELOPES = st.fixed_dictionaries(
    {},
    optional={
        "success": st.booleans() | JSON,
        "errorcode": JSON,
        "errormessage": JSON,
        "warningmessage": JSON | st.from_regex(r"[0-9]{1,3} of [0-9]{1,3} x", fullmatch=True),
        "responsemessage": JSON,
        "totalrows": JSON,
        "data": JSON | st.lists(st.dictionaries(st.just("attachmentS3UrlPut"), JSON), max_size=2),
    },
)
PIECES = (
    "<Responses>",
    "</Responses>",
    '<Error ErrorID="404002">',
    "</Error>",
    "<ErrorText>",
    "</ErrorText>",
    "x",
    "&#0;",
    "&amp;",
    "<!DOCTYPE r>",
    "<?xml version='1.0'?>",
    "<![CDATA[",
)
XML = st.lists(st.sampled_from(PIECES), max_size=12).map("".join)
CONTENT = (
    st.binary(max_size=60)
    | ENVELOPES.map(lambda body: json.dumps(body).encode())
    | XML.map(str.encode)
)
HEADERS = st.dictionaries(
    st.sampled_from(["content-type", "content-disposition", "retry-after"]),
    st.text(max_size=30) | st.sampled_from(["application/pdf", "attachment; filename=a"]),
)


@given(
    status=st.sampled_from([200, 204, 302, 400, 404, 429, 500]), headers=HEADERS, content=CONTENT
)
def test_whatever_comes_is_read_or_told_as_a_failure(
    status: int, headers: dict[str, str], content: bytes
) -> None:
    message, body = "", {}
    try:
        body = VENDOR.read(Reply(status, headers, content)).body
    except UpstreamError as told:
        message = told.message

    assert bool(message) != bool(body)
    assert len(message) < 1_000
    assert not body or body["data"] is not None
    json.dumps(body)


@given(content=st.binary(min_size=1, max_size=200), name=st.text(max_size=300))
def test_a_streamed_file_keeps_its_bytes_and_gets_a_harmless_name(
    content: bytes, name: str
) -> None:
    reply = answer(b"%PDF-" + content, content_disposition=f'attachment; filename="{name}"')

    row = VENDOR.read(reply).body["data"][0]

    assert base64.b64decode(row["base64"]) == b"%PDF-" + content
    assert not set(row["name"]) & set("/\\\r\n\x00")
    assert len(row["name"]) <= 200
