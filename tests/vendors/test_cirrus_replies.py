"""Reading Cirrus's answers: pages in each form, and failures in whatever words."""

import json
from contextlib import suppress
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
from crm_mcp.vendors.base import Reply
from crm_mcp.vendors.cirrus import VENDOR
from crm_mcp.vendors.cirrus.replies import MAX_WORDS

PAGE = {"page": 1, "pages": 3, "per_page": 10, "total": 21, "items": [{"id": 1}]}


def answer(body: Any, status: int = 200, **headers: str) -> Reply:
    return Reply(status, headers, json.dumps(body).encode())


def page_of(content: str, status: int = 502) -> Reply:
    return Reply(status, {"content-type": "text/html"}, content.encode())


def failure(reply: Reply) -> UpstreamError:
    with pytest.raises(UpstreamError) as caught:
        VENDOR.read(reply)
    return caught.value


def said(reply: Reply) -> str:
    return failure(reply).message.partition(" and said: ")[2]


@pytest.mark.parametrize("body", [PAGE, [PAGE]])
def test_a_page_reads_the_same_bare_and_in_its_array(body: Any) -> None:
    assert VENDOR.read(answer(body)).body == [PAGE]


def test_a_page_whose_numbers_a_mask_of_fields_took_away_is_still_one() -> None:
    assert VENDOR.read(answer({"items": []})).body == [{"items": []}]


@pytest.mark.parametrize(
    "body",
    [
        {"id": 1, "name": "x"},
        {"id": 1, "items": [1], "total": 2},
        {"items": "none"},
        [{"id": 1}, {"id": 2}],
        7,
        "done",
        None,
    ],
)
def test_what_is_no_page_stays_as_it_is(body: Any) -> None:
    reading = VENDOR.read(answer(body))

    assert (reading.body, reading.empty) == (body, False)


def test_an_empty_array_means_that_there_is_nothing() -> None:
    reading = VENDOR.read(answer([]))

    assert (reading.body, reading.empty) == ([], True)


@pytest.mark.parametrize("status", [200, 201, 202, 204])
@pytest.mark.parametrize("content", [b"", b"\n"])
def test_a_success_may_have_no_body(status: int, content: bytes) -> None:
    assert VENDOR.read(Reply(status, {}, content)).body is None


def test_a_success_that_is_no_json_is_not_believed() -> None:
    assert type(failure(page_of("<html>Log in</html>", 200))) is UnreadableReply


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Rejected),
        (401, AuthFailed),
        (403, Forbidden),
        (404, NotFound),
        (405, Rejected),
        (409, Conflict),
        (422, Rejected),
        (429, RateLimited),
        (302, Unavailable),
        (500, Unavailable),
        (503, Unavailable),
    ],
)
def test_the_status_says_what_kind_of_failure_it_is(status: int, kind: type[UpstreamError]) -> None:
    told = failure(answer({"message": "No."}, status))

    assert type(told) is kind
    assert told.hint
    assert told.vendor_code == str(status)


def test_too_many_calls_tell_how_long_to_wait() -> None:
    told = failure(Reply(429, {"retry-after": "7"}, b""))

    assert (told.details["seconds"], told.hint) == (7.0, "Try again in 7 seconds.")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"message": "Not allowed."}, "Not allowed."),
        ({"message": "Not allowed", "status": 400}, "Not allowed."),
        ({"errors": "Name is taken"}, "Name is taken."),
        ({"errors": ["a", "b"]}, "a, b."),
        (
            {"errors": {"name": "'name' is required"}, "message": "Input payload failed."},
            "Input payload failed: name: 'name' is required.",
        ),
        (
            {"errors": {"a": ["x", "y"], "b.0": {"c": None}}, "message": ""},
            "a: x, y; b.0: c: null.",
        ),
        ({"message": {"page": "Page number"}}, "page: Page number."),
        ({"error": "gone", "code": 5}, "error: gone; code: 5."),
        (["no", 1], "no, 1."),
        ("No way", "No way."),
    ],
)
def test_errors_in_json_are_told_in_one_sentence(body: Any, words: str) -> None:
    assert said(answer(body, 400)) == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Service\n down ", "Service down."),
        (
            "<!doctype html><head><title>x</title></head><h1>Bad  Gateway</h1><p>a&amp;b</p>",
            "Bad Gateway a&b.",
        ),
        ("<SCRIPT>alert('<b>')</SCRIPT><b>No</b>", "No."),
        ("<style>never closed <b>No</b>", ""),
        ("<" * 9000, "<"),
    ],
)
def test_errors_in_anything_else_are_told_without_tags(text: str, words: str) -> None:
    assert said(page_of(text)).startswith(words)


def test_an_error_without_words_tells_its_status() -> None:
    assert failure(Reply(500, {}, b"")).message == "The CRM answered with HTTP 500."


@pytest.mark.parametrize("reply", [page_of("x " * 100_000), answer({"errors": ["y"] * 9999}, 400)])
def test_long_words_are_cut(reply: Reply) -> None:
    assert len(said(reply)) <= MAX_WORDS + 2


@given(st.integers(200, 599), st.binary(max_size=300), st.sampled_from([b"", b"<", b'{"errors":']))
def test_whatever_comes_is_a_reading_or_one_of_our_errors(
    status: int, content: bytes, start: bytes
) -> None:
    reply = Reply(status, {}, start + content)

    if status < 300:
        with suppress(UnreadableReply):
            VENDOR.read(reply)
    else:
        assert len(failure(reply).message) < 2 * MAX_WORDS
