"""Names that a call or an answer tells are found again, however a text writes them."""

import html
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_mcp.known import Known

NAME = 'Jürgen "Jo" O\'Brien & Söhne'
WORDS = st.text(st.characters(categories=["L", "N", "Zs", "P"]), max_size=20)


def found(text: str, *names: str, sent: bool = True) -> list[str]:
    known = Known()
    for name in names:
        (known.add if sent else known.add_name)("person", name)
    return list(dict.fromkeys(text[span.start : span.end] for span in known.spans(text)))


@pytest.mark.parametrize(
    "write",
    [
        str,
        str.upper,
        html.escape,
        lambda name: quote(name, safe=""),
        quote_plus,
        lambda name: json.dumps(name)[1:-1],
        lambda name: json.dumps(name, ensure_ascii=False)[1:-1],
    ],
)
def test_what_was_sent_is_found_in_every_spelling(write: object) -> None:
    assert callable(write)
    text = f"Contact ({write(NAME)}) does not exist"

    assert found(text, NAME) == [write(NAME)]


@pytest.mark.parametrize(
    ("text", "piece"),
    [
        ('is "Eleanor Whi…, which', "Eleanor Whi"),
        ("Contact (Eleanor Whi", "Eleanor Whi"),
        ("Contact (Elea", "Elea"),
        ("Contact (Ele", None),
        ("Eleanor Whitbys", None),
        ("Eleanor White", None),
        ("Eleanora Whitby", None),
        ("(Eleanor Whitby)", "Eleanor Whitby"),
    ],
)
def test_a_name_that_was_cut_off_is_found_and_another_is_not(text: str, piece: str | None) -> None:
    assert found(text, "Eleanor Whitby") == ([piece] if piece else [])


def test_a_value_may_begin_with_a_sign() -> None:
    assert found("call +49 40 66969, not 49 40 66969", "+49 40 66969") == ["+49 40 66969"]
    assert found("49 40 66969", "+49 40 66969") == []


def test_a_single_name_of_an_answer_must_agree_in_capitals_and_a_whole_one_need_not() -> None:
    text = "Will will ask WILL SMITH"

    assert found(text, "Will", "Will Smith", sent=False) == ["Will", "WILL SMITH"]


def test_a_value_without_a_word_is_not_looked_for() -> None:
    assert found("- and -", "-") == []


def test_half_of_a_character_pair_is_no_reason_to_fail() -> None:
    assert found("for A\ud800 B", "A\ud800 B") == ["A\ud800 B"]


@given(WORDS, WORDS, st.text(st.characters(categories=["Ll"]), min_size=2, max_size=20))
def test_a_known_word_never_survives(before: str, after: str, name: str) -> None:
    known = Known()
    known.add("person", name)
    text = f"{before} ({name}) {after}"

    spans = list(known.spans(text))

    assert any(text[span.start : span.end] == name for span in spans)
