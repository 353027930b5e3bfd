"""What all vendors share: addresses that are safe, answers as JSON, what an HTTP code means."""

from typing import Any

import pytest
from pydantic import ValidationError

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
from crm_mcp.vendors.base import Reply, VendorSettings, decode_json, http_failure


def reply(content: bytes, status: int = 200, headers: dict[str, str] | None = None) -> Reply:
    return Reply(status, headers or {}, content)


def unreadable(answer: Reply) -> dict[str, Any]:
    with pytest.raises(UnreadableReply) as caught:
        decode_json(answer)
    return caught.value.as_dict()


def told(failure: UpstreamError | None) -> dict[str, Any]:
    assert failure is not None
    return {"class": type(failure), **failure.as_dict()}


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://europe1.example.com/1", "https://europe1.example.com/1"),
        ("https://crm.example.com:8443/a/b/", "https://crm.example.com:8443/a/b"),
        ("https://crm.example.com//", "https://crm.example.com"),
        ("http://127.0.0.1:8080/fivecrm", "http://127.0.0.1:8080/fivecrm"),
        ("http://127.200.0.1", "http://127.200.0.1"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("http://localhost", "http://localhost"),
        ("http://sandbox.localhost/x", "http://sandbox.localhost/x"),
    ],
)
def test_an_address_is_https_or_on_this_machine(given: str, kept: str) -> None:
    assert VendorSettings(base_url=given).base_url == kept


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("http://crm.example.com", "must begin with https://"),
        ("http://192.168.0.1", "must begin with https://"),
        ("http://localhost.example.com", "must begin with https://"),
        ("http://evil-localhost", "must begin with https://"),
        ("http://127.0.0.1.example.com", "must begin with https://"),
        ("ftp://crm.example.com", "must begin with https://"),
        ("ws://localhost", "must begin with https://"),
        ("crm.example.com", "must be a plain address"),
        ("//crm.example.com", "must begin with https://"),
        ("", "must be a plain address"),
        ("https://", "must be a plain address"),
        ("https:///path", "must be a plain address"),
        ("https://user@crm.example.com", "must be a plain address"),
        ("https://user:pass@crm.example.com", "must be a plain address"),
        ("https://@crm.example.com", "must be a plain address"),
        ("http://localhost@crm.example.com", "must be a plain address"),
        ("https://crm.example.com?hash=x", "must be a plain address"),
        ("https://crm.example.com/#x", "must be a plain address"),
        ("https://[::1", "Invalid IPv6 URL"),
    ],
)
def test_any_other_address_is_refused(address: str, problem: str) -> None:
    with pytest.raises(ValidationError) as caught:
        VendorSettings(base_url=address)

    (error,) = caught.value.errors()
    assert error["loc"] == ("base_url",)
    assert error["msg"].startswith(f"Value error, {problem}")


NOT_JSON = {
    "html": b"<html>private</html>",
    "empty": b"",
    "cut": b'{"STATUS":',
    "not text": b"\xff\xff",
    "NaN": b"[NaN]",
    "infinity": b"[-Infinity]",
    "a number beyond all": b"[1e999]",
    "a whole number beyond all": b"[" + b"9" * 5000 + b"]",
    "nested too deeply": b"[" * 101 + b"]" * 101,
    "nested beyond reading": b"[" * 100_000 + b"]" * 100_000,
}


@pytest.mark.parametrize("content", NOT_JSON.values(), ids=NOT_JSON)
def test_what_is_no_json_is_unreadable_and_its_text_is_not_told(content: bytes) -> None:
    answer = reply(content, headers={"content-type": "text/html; charset=utf-8"})

    assert unreadable(answer) == {
        "error": "unreadable_reply",
        "message": (
            f"The CRM answered with HTTP 200 and {len(content)} bytes (text/html; charset=utf-8) "
            "that are not JSON."
        ),
        "hint": "Try again later; if it stays, the address of the CRM may be wrong.",
    }


def test_json_may_be_nested_a_hundred_deep() -> None:
    value = decode_json(reply(b"[" * 100 + b"]" * 100))

    levels = 0
    while value is not None:
        levels, value = levels + 1, value[0] if value else None
    assert levels == 100


def test_a_missing_content_type_is_told_and_a_long_one_cut() -> None:
    missing = unreadable(reply(b"x"))
    long = unreadable(reply(b"x", headers={"content-type": "x" * 100}))

    assert "1 bytes (no content type) that" in missing["message"]
    assert f"1 bytes ({'x' * 60}…) that" in long["message"]


def test_numbers_come_as_they_were_written() -> None:
    numbers = decode_json(reply(b"[1, 1.0, 1.5, 1e3, 12345678901234567890]"))

    assert [repr(number) for number in numbers] == [
        "1",
        "1.0",
        "1.5",
        "1000.0",
        "12345678901234567890",
    ]


def test_half_of_a_character_pair_is_replaced_and_a_whole_pair_kept() -> None:
    content = rb'{"\ud800": ["a\uDC00b", "\ud83d\ude00", 1, null]}'

    assert decode_json(reply(content)) == {"\ufffd": ["a\ufffdb", "😀", 1, None]}


@pytest.mark.parametrize(
    ("status", "kind", "hint"),
    [
        (400, Rejected, {}),
        (401, AuthFailed, {}),
        (403, Forbidden, {}),
        (404, NotFound, {}),
        (409, Conflict, {}),
        (418, Rejected, {}),
        (500, Unavailable, {"hint": "Try again later."}),
        (599, Unavailable, {"hint": "Try again later."}),
    ],
)
def test_the_http_code_alone_says_the_kind(
    status: int, kind: type[UpstreamError], hint: dict[str, str]
) -> None:
    assert told(http_failure(reply(b"", status), "No way")) == {
        "class": kind,
        "error": kind.kind,
        "message": f"The CRM answered with HTTP {status} and said: No way.",
        "vendor_code": str(status),
        **hint,
    }


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_a_code_below_300_is_no_failure(status: int) -> None:
    assert http_failure(reply(b"", status)) is None


@pytest.mark.parametrize("status", [300, 302, 307, 399])
def test_a_redirect_is_told_and_not_followed(status: int) -> None:
    answer = reply(b"", status, {"location": "https://evil.example.com"})

    assert told(http_failure(answer)) == {
        "class": Unavailable,
        "error": "unavailable",
        "message": f"The CRM answered with a redirect (HTTP {status}), which is not followed.",
        "hint": "The CRM may have moved: ask the operator to check its address.",
        "vendor_code": str(status),
    }


@pytest.mark.parametrize(
    ("headers", "hint", "seconds"),
    [
        ({"retry-after": "2.5"}, "Try again in 2.5 seconds.", {"seconds": 2.5}),
        ({"retry-after": "0"}, "Try again in 0 seconds.", {"seconds": 0.0}),
        ({"retry-after": "soon"}, "Try again in a minute.", {}),
        ({}, "Try again in a minute.", {}),
    ],
)
def test_too_many_calls_say_how_long_to_wait(
    headers: dict[str, str], hint: str, seconds: dict[str, float]
) -> None:
    assert told(http_failure(reply(b"", 429, headers))) == {
        "class": RateLimited,
        "error": "rate_limited",
        "message": "The CRM answered with HTTP 429.",
        "hint": hint,
        "vendor_code": "429",
        **seconds,
    }
