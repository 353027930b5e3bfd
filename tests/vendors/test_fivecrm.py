"""FIVE CRM: where it may be, how its hash joins a request, and how its answers are read."""

import json
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from crm_mcp.errors import (
    AuthFailed,
    Conflict,
    Forbidden,
    NotFound,
    Rejected,
    Unavailable,
    UnreadableReply,
    UpstreamError,
)
from crm_mcp.vendors.base import FailedItem, Reading, Reply
from crm_mcp.vendors.fivecrm import VENDOR, FiveCrmSettings
from crm_mcp.vendors.fivecrm.auth import HashAuth

URL = "https://crm.example.com/base/api2.php?mode=getDatabaseAreas"
FORM = "application/x-www-form-urlencoded"


def settings(base_url: str) -> FiveCrmSettings:
    return FiveCrmSettings(base_url=base_url, hash=SecretStr("s3cret"))


def reply(body: object, status: int = 200) -> Reply:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status, {}, content)


def failure(answer: Reply) -> dict[str, Any]:
    with pytest.raises(UpstreamError) as caught:
        VENDOR.read(answer)
    return {"class": type(caught.value), **caught.value.as_dict()}


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("https://europe1.example.com/1/", "https://europe1.example.com/1"),
        ("http://127.0.0.1:8080/fivecrm", "http://127.0.0.1:8080/fivecrm"),
    ],
)
def test_an_address_is_https_or_on_this_machine(address: str, kept: str) -> None:
    assert settings(address).base_url == kept


@pytest.mark.parametrize(
    "address",
    [
        "http://crm.example.com",
        "https://user:pass@crm.example.com",
        "https://crm.example.com/api2.php?hash=x",
    ],
)
def test_an_address_without_tls_or_with_more_than_a_place_is_refused(address: str) -> None:
    with pytest.raises(ValidationError, match="must be"):
        settings(address)


def test_the_hash_is_required_and_not_empty() -> None:
    with pytest.raises(ValidationError) as missing:
        FiveCrmSettings.model_validate({"base_url": "https://crm.example.com"})
    with pytest.raises(ValidationError) as empty:
        FiveCrmSettings(base_url="https://crm.example.com", hash=SecretStr(""))

    assert [error["type"] for error in missing.value.errors()] == ["missing"]
    assert [error["type"] for error in empty.value.errors()] == ["too_short"]


def test_a_wrong_hash_is_not_repeated_in_the_error() -> None:
    with pytest.raises(ValidationError) as caught:
        FiveCrmSettings.model_validate({"base_url": "http://crm.example.com", "hash": ["s3cret"]})

    assert "s3cret" not in str(caught.value)


def authenticated(request: httpx.Request, api_hash: str = "s3cret") -> httpx.Request:
    """Run a request through the credentials that the vendor makes from its settings."""
    auth = VENDOR.auth(
        FiveCrmSettings(base_url="https://crm.example.com", hash=SecretStr(api_hash))
    )
    assert isinstance(auth, HashAuth)
    (sent,) = auth.sync_auth_flow(request)
    return sent


def facts(request: httpx.Request) -> dict[str, Any]:
    return {
        "method": request.method,
        "url": str(request.url),
        "body": request.content,
        "length": request.headers.get("content-length"),
        "type": request.headers.get("content-type"),
    }


def test_the_hash_stands_last_in_the_form_body() -> None:
    sent = authenticated(httpx.Request("POST", URL, data={"mode": "import", "a[0][b]": "1"}))

    assert facts(sent) == {
        "method": "POST",
        "url": URL,
        "body": b"mode=import&a%5B0%5D%5Bb%5D=1&hash=s3cret",
        "length": "41",
        "type": FORM,
    }


def test_the_hash_is_the_whole_body_of_a_request_that_had_none() -> None:
    sent = authenticated(httpx.Request("POST", URL))

    assert facts(sent) == {
        "method": "POST",
        "url": URL,
        "body": b"hash=s3cret",
        "length": "11",
        "type": FORM,
    }


def test_everything_else_about_a_request_stays() -> None:
    headers = {"accept": "application/json", "x-other": "1"}
    request = httpx.Request("POST", URL, headers=headers, extensions={"timeout": {"read": 3}})

    sent = authenticated(request)

    kept = {name: sent.headers[name] for name in ("accept", "x-other", "host")}
    assert kept == {**headers, "host": "crm.example.com"}
    assert sent.extensions == {"timeout": {"read": 3}}
    assert request.content == b""


@given(api_hash=st.text(st.characters(codec="utf-8"), min_size=1))
def test_any_hash_stays_in_its_field(api_hash: str) -> None:
    sent = authenticated(httpx.Request("POST", URL, content=b"mode=a%26b"), api_hash)

    assert parse_qsl(sent.content.decode("ascii"), keep_blank_values=True) == [
        ("mode", "a&b"),
        ("hash", api_hash),
    ]
    assert str(sent.url) == URL
    assert sent.headers["content-length"] == str(len(sent.content))


@pytest.mark.parametrize("status", [200, 404, 500])
def test_status_decides_and_the_http_code_does_not(status: int) -> None:
    body = {"STATUS": "success", "MESSAGE": ["Hash is valid"]}

    assert VENDOR.read(reply(body, status)) == Reading(body)


@pytest.mark.parametrize("name", ["AREA", "AREAS"])
@pytest.mark.parametrize("areas", [[{"number": "001"}], {"number": "001"}, []])
def test_areas_are_found_under_both_documented_names(name: str, areas: object) -> None:
    body = {"STATUS": "success", name: areas}

    assert VENDOR.read(reply(body)) == Reading({"STATUS": "success", "AREA": areas, "AREAS": areas})


def test_nothing_found_is_an_empty_answer_and_no_failure() -> None:
    body = {"STATUS": "error", "ERROR": "Unable to locate any matching contacts."}

    assert VENDOR.read(reply(body)) == Reading(body, empty=True)


def products(status: str, **lists: object) -> dict[str, Any]:
    return {"STATUS": status, "CUSTOMER_PRODUCTS": lists}


TAKEN = {"CUSTOMER_PRODUCT": {"account": "1", "reference": "a"}}


def test_an_import_is_counted() -> None:
    body = products("success", SUCCESSFUL=[TAKEN, TAKEN], UNSUCCESSFUL=[])

    assert VENDOR.read(reply(body)) == Reading(body, done=2)


@pytest.mark.parametrize(
    ("entry", "item"),
    [
        (
            {"CUSTOMER_PRODUCT": {"account": "2"}, "ERRORS": ["taken", "too long"]},
            FailedItem({"account": "2"}, ("taken", "too long")),
        ),
        (
            {"CUSTOMER_PRODUCT": {"account": "2"}, "ERROR": "taken"},
            FailedItem({"account": "2"}, ("taken",)),
        ),
        (
            {"account": "2", "ERROR": {"0": "taken", "2": 7}},
            FailedItem({"account": "2", "ERROR": {"0": "taken", "2": 7}}, ("taken", "7")),
        ),
        ("2", FailedItem("2", ())),
    ],
)
@pytest.mark.parametrize("status", ["success with errors", "success"])
def test_an_item_that_was_not_taken_is_told_in_each_documented_form(
    status: str, entry: object, item: FailedItem
) -> None:
    body = products(status, SUCCESSFUL=[TAKEN], UNSUCCESSFUL=[entry])

    assert VENDOR.read(reply(body)) == Reading(body, done=1, failed=(item,))


def test_lists_with_gaps_come_as_objects_and_are_counted_too() -> None:
    body = products(
        "success with errors", SUCCESSFUL={"0": TAKEN, "2": TAKEN}, UNSUCCESSFUL={"1": "x"}
    )

    assert VENDOR.read(reply(body)) == Reading(body, done=2, failed=(FailedItem("x", ()),))


@pytest.mark.parametrize(
    "body",
    [
        products("success with errors", SUCCESSFUL=[TAKEN], UNSUCCESSFUL=[]),
        products("success", SUCCESSFUL=[], UNSUCCESSFUL=[]),
        products("success", SUCCESSFUL="1", UNSUCCESSFUL=None),
        {"STATUS": "success", "CUSTOMER_PRODUCTS": []},
        {"STATUS": "success", "CUSTOMER_PRODUCTS": None},
    ],
)
def test_an_import_that_does_not_say_what_it_took_is_unreadable(body: dict[str, Any]) -> None:
    assert failure(reply(body)) == {
        "class": UnreadableReply,
        "error": "unreadable_reply",
        "message": "The CRM's answer does not say which records it took.",
    }


@pytest.mark.parametrize(
    ("sentence", "kind", "hint"),
    [
        ("Unauthorised", AuthFailed, "Ask the operator to check the API hash of the CRM user."),
        ("System has expired", Forbidden, "The CRM's licence has run out: tell its owner."),
        (
            "You do not have the necessary user permissions to access this database area.",
            Forbidden,
            "The CRM user may not see this area; list the areas it may see.",
        ),
        (
            "An internal error occurred while trying to get the Owners.",
            Unavailable,
            "Try again later.",
        ),
        ("An unexpected error occurred", Unavailable, "Try again later."),
        (
            "The specified database area does not exist",
            NotFound,
            "List the database areas to find the right number; leading zeros count.",
        ),
        (
            "No matching Customer Product",
            NotFound,
            "Account, product, manufacturer and reference must all be as they stand in the CRM.",
        ),
        (
            "The account (77) does not exist in area 001",
            NotFound,
            "Check the account number and contact name.",
        ),
        (
            "The reference is already in use",
            Conflict,
            "Leave reference out to have a new one made, or update.",
        ),
        ("No API mode specified", Rejected, "This FIVE CRM may lack the API mode."),
        (
            "Invalid date provided for startDate",
            Rejected,
            "Write dates as YYYY-MM-DD hh:mm:ss.",
        ),
    ],
)
@pytest.mark.parametrize("form", ["text", "ERROR", "ERRORS"])
def test_a_documented_sentence_says_what_went_wrong(
    sentence: str, kind: type[UpstreamError], hint: str, form: str
) -> None:
    said = {"ERROR": sentence} if form == "text" else {form: [sentence]}

    assert failure(reply({"STATUS": "error", **said})) == {
        "class": kind,
        "error": kind.kind,
        "message": f"FIVE CRM said: {sentence}",
        "hint": hint,
        "vendor_code": sentence,
    }


def test_a_sentence_nobody_documented_is_a_rule_of_the_crm() -> None:
    assert failure(reply({"STATUS": "error", "ERROR": ["Too blue", "Too round"]})) == {
        "class": Rejected,
        "error": "rejected",
        "message": "FIVE CRM said: Too blue; Too round",
        "vendor_code": "Too blue; Too round",
    }


@pytest.mark.parametrize("said", [{}, {"ERROR": None}, {"ERROR": []}, {"ERROR": 7}])
def test_an_error_without_a_reason_says_so(said: dict[str, Any]) -> None:
    assert failure(reply({"STATUS": "error", **said}))["message"] == (
        "FIVE CRM said: no reason given"
    )


def test_long_words_are_cut() -> None:
    told = failure(reply({"STATUS": "error", "ERROR": "x" * 900}))

    assert told["vendor_code"] == "x" * 500


@pytest.mark.parametrize("body", [{}, {"STATUS": "maybe"}, {"status": "success"}, [], "success", 1])
def test_an_answer_without_a_known_status_is_unreadable(body: object) -> None:
    assert failure(reply(body)) == {
        "class": UnreadableReply,
        "error": "unreadable_reply",
        "message": "The CRM's answer has no STATUS that its document knows.",
        "hint": ("Ask the operator to check that the address leads to FIVE CRM's API version 2."),
    }


def test_an_answer_that_is_no_json_is_unreadable() -> None:
    assert failure(reply(b"<html>")) == {
        "class": UnreadableReply,
        "error": "unreadable_reply",
        "message": (
            "The CRM answered with HTTP 200 and 6 bytes (no content type) that are not JSON."
        ),
        "hint": "Try again later; if it stays, the address of the CRM may be wrong.",
    }


@pytest.mark.parametrize("body", [{}, b"<html>", b""])
def test_without_a_status_the_http_code_says_what_kind_of_failure_it_is(body: object) -> None:
    assert failure(reply(body, 503)) == {
        "class": Unavailable,
        "error": "unavailable",
        "message": "The CRM answered with HTTP 503.",
        "hint": "Try again later.",
        "vendor_code": "503",
    }
