"""CRM texts are data: nothing invisible in them reaches a reader or a model."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_mcp.clean import clean, clean_text

SEEN = "Grüße, 你好\n\tЯ — ok"


@pytest.mark.parametrize(
    "hidden",
    [
        "\x00", "\x1b", "\x7f", "\x9b",  # control
        "\u200b", "\u200d", "\u2060", "\ufeff", "\u00ad", "\u3164",  # no width
        "\u202e", "\u2066", "\u200f", "\u061c",  # direction
        "\U000e0041", "\U000e007f",  # tags
        "\ufe0f", "\U000e0100",  # variation
    ],
    ids=ascii,
)  # fmt: skip
def test_a_hidden_character_is_taken_out_and_counted(hidden: str) -> None:
    assert clean_text(f"Pay{hidden}Pal{hidden}") == ("PayPal", 2)


def test_what_can_be_seen_stays_with_its_line_ends() -> None:
    assert clean_text(SEEN) == (SEEN, 0)


def test_names_lists_and_everything_below_are_cleaned() -> None:
    dirty = {"na\u200bme": ["a\u202eb", {"x": "\x00"}], "n": 1, "none": None, "yes": True}

    assert clean(dirty) == ({"name": ["ab", {"x": ""}], "n": 1, "none": None, "yes": True}, 3)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda below: st.lists(below) | st.dictionaries(st.text(), below),
)


@given(JSON)
def test_nothing_hidden_survives_and_cleaning_twice_changes_nothing(value: object) -> None:
    cleaned, _ = clean(value)

    assert clean(cleaned) == (cleaned, 0)
    left = {unicodedata.category(char) for char in _texts(cleaned) if char not in "\n\t\r"}
    assert "Cc" not in left


def _texts(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return "".join(map(_texts, (*value, *value.values())))
    return "".join(map(_texts, value)) if isinstance(value, list) else ""
