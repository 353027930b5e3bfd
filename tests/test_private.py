"""Addresses and numbers of people are found in free texts; dates, amounts and codes are not."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_mcp.private import Span, apart, private
from crm_mcp.sandbox import story

WORDS = st.text(st.characters(codec="utf-8", exclude_characters="@+0123456789"), max_size=12)
CONTACTS = [
    *(person.email for person in story.PEOPLE),
    *(person.phone for person in story.PEOPLE),
    *(person.mobile for person in story.PEOPLE),
    "DE89 3704 0044 0532 0130 00",
    "GB29NWBK60161331926819",
]


@pytest.mark.parametrize(
    ("text", "kind", "found"),
    [
        ("write to ann.lee@shop.example.com, now", "email", "ann.lee@shop.example.com"),
        ("<O'Brien@x.example>", "email", "O'Brien@x.example"),
        ("'ann@x.example'", "email", "ann@x.example"),
        ("mail=ann@x.example", "email", "ann@x.example"),
        ("call +44 (0)117 496 0123", "phone", "+44 (0)117 496 0123"),
        ("(029) 2018 0117", "phone", "(029) 2018 0117"),
        ("0113\u00a0496\u20110101", "phone", "0113\u00a0496\u20110101"),
        ("+49 (0) 171 / 39 200 - 14 Uhr", "phone", "+49 (0) 171 / 39 200 - 14"),
        ("07700900111", "phone", "07700900111"),
        ("01 02 03 04 05", "phone", "01 02 03 04 05"),
        ("555-123-4567", "phone", "555-123-4567"),
        ("Tel.: 22 12 34 56", "phone", "22 12 34 56"),
        ("called 4960101 twice", "phone", "4960101"),
        ("02.03.2026 0113 496 0101", "phone", "0113 496 0101"),
        ("12 0113 496 0101", "phone", "0113 496 0101"),
        ("pay DE89 3704 0044 0532 0130 00 TODAY", "bank", "DE89 3704 0044 0532 0130 00"),
    ],
)
def test_what_belongs_to_somebody_is_found_whole(text: str, kind: str, found: str) -> None:
    assert [(span.kind, span.value) for span in private(text)] == [(kind, found)]


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-02 09:00:00",
        "0000-00-00",
        "0000-00-00 00:00:00",
        "2026-03-02T09:00:00.123456+00:00",
        "16 12 2025 - 18 12 2025",
        "1450.00 for 24 chairs, 12 000 in all",
        "0.0123456789",
        "1/00000482, 1/0000000482 and 0000123.001",
        "JN088004.002",
        "AB-0123-4567",
        "0012345",
        "1360190185200",
        "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
        "DE88 3704 1044 1532 1130 12",
        "AB12CDEF3456GH78",
        "someone@nowhere",
        "",
    ],
)
def test_dates_amounts_and_codes_are_nobody_s(text: str) -> None:
    assert private(text) == []


def test_a_field_of_codes_is_not_searched_for_numbers_but_for_addresses() -> None:
    text = "07700900111 ann@x.example"

    assert [span.kind for span in private(text, numbers=False)] == ["email"]


@given(pieces=st.lists(st.tuples(WORDS, st.sampled_from(CONTACTS)), max_size=4), end=WORDS)
def test_whatever_stands_around_them_no_contact_survives(
    pieces: list[tuple[str, str]], end: str
) -> None:
    text = " ".join(f"{word} : {contact} ;" for word, contact in pieces) + end

    for span in reversed(private(text)):
        text = text[: span.start] + text[span.end :]

    assert [contact for _, contact in pieces if contact in text] == []


@given(st.text(max_size=200))
def test_spans_are_in_order_and_apart(text: str) -> None:
    spans = private(text)

    assert all(text[span.start : span.end] == span.value for span in spans)
    assert all(one.end <= other.start for one, other in pairwise(spans))


def test_spans_that_overlap_become_one() -> None:
    inner, outer = Span(4, 6, "person", "ef"), Span(2, 8, "email", "cdefgh")
    left, right = Span(0, 4, "person", "abcd"), Span(3, 7, "email", "defg")

    assert apart("abcdefgh", [inner, outer]) == [outer]
    assert apart("abcdefgh", [right, left]) == [Span(0, 7, "personal", "abcdefg")]
