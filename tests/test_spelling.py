"""What a coded text says, and where in it something is said."""

from urllib.parse import quote

import pytest

from crm_mcp.spelling import MAX_CODES, forms, may_be_coded, plain, spans


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("plain", "plain"),
        ("%6b%c3%B6", "kö"),
        ("%F6", "ö"),
        ("%2562", "b"),
        ("\\u0061\\U0001f600\\x62\\xc3\\xb6", "a😀bö"),
        ("\\ud83d\\ude00", "😀"),
        ('\\\\"a\\/', '"a/'),
        ("&#97;&#x62;&amp;&ouml;", "ab&ö"),
        ("a+b", "a b"),
        ("a\u200b%E2%80%8B&#8203;b", "ab"),
        ("100% of %zz", "100% of %zz"),
        ("\\U000fffff9", "\U000fffff9"),
    ],
)
def test_codes_are_undone_and_what_hides_is_taken_out(text: str, said: str) -> None:
    assert plain(text) == said


def test_codes_around_codes_are_undone_up_to_a_bound() -> None:
    text = "ö"
    for _ in range(MAX_CODES):
        text = quote(text)

    assert plain(text) == "ö"
    assert plain(quote(text)) != "ö"


@pytest.mark.parametrize(
    ("text", "may"),
    [("plain, (text) = 1", False), ("Köln", False), ("a%b", True), ("K\u200böln", True)],
)
def test_most_texts_need_not_be_read_twice(text: str, may: bool) -> None:  # noqa: FBT001
    assert may_be_coded(text) is may


def test_the_shortest_pieces_are_found_from_first_to_last() -> None:
    text = "xx%61b" + "y" * 1_000 + "ab" + "&#97;&#98;" + "a"

    assert [text[start:end] for start, end in spans(text, ("ab", "none"))] == [
        *("%61b", "ab", "&#97;&#98"),
    ]
    assert list(spans("", ("ab",))) == []


def test_short_texts_have_few_forms_and_long_ones_each_once_that_counts() -> None:
    assert set(forms("ab")) == {"ab", "YWI"}
    assert set(forms("s/cret")) == {
        *("s/cret", "s%2Fcret", "s%2fcret"),
        *("cy9jcmV0", "MvY3Jld", "zL2NyZX"),
        *("cyUyRmNyZXQ", "cyUyRmNyZX", "MlMkZjcmV0", "zJTJGY3Jld"),  # as it stands in an address
        *("732f63726574", "732F63726574"),
    }
