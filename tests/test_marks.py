"""Tokens can be turned back with their key in their account, and nothing else can."""

import builtins
import logging
from typing import Any

import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.ciphers import aead
from hypothesis import given
from hypothesis import strategies as st

from crm_mcp.marks import MARK, MAX_SEALED, Masks, OpenError, SealError, Tokens, hidden

KEY = "a key of thirty-two characters !"
TOKENS = Tokens(KEY, "fivecrm (here)")
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x00\x01"), min_size=1)
KINDS = st.sampled_from(["person", "email", "phone", "address", "personal"])


def opened(token: str, marks: Masks = TOKENS) -> Any:
    found = MARK.fullmatch(token)
    assert found, token
    return marks.open(found)


@given(KINDS, TEXTS | st.integers() | st.floats(allow_nan=False, allow_infinity=False))
def test_a_token_turns_back_into_its_value(kind: str, value: Any) -> None:
    token = TOKENS.seal(kind, value)

    assert opened(token) == value
    assert token.startswith(f"<{kind}:")
    assert Tokens(KEY, "fivecrm (here)").seal(kind, value) == token


@given(TEXTS)
def test_a_token_is_another_in_each_account_and_with_each_key(value: str) -> None:
    strangers = [Tokens(KEY, "fivecrm (there)"), Tokens(KEY[::-1], "fivecrm (here)")]
    token = TOKENS.seal("person", value)

    for stranger in strangers:
        assert stranger.seal("person", value) != token
        with pytest.raises(OpenError):
            opened(token, stranger)


@given(st.text("abcdefgh", min_size=6, max_size=40))
def test_a_token_tells_nothing_of_its_value_and_little_of_its_length(value: str) -> None:
    token = TOKENS.seal("person", value)

    assert value not in token
    assert len(token) == len(TOKENS.seal("person", value[:-1] + "x"))
    assert len({len(TOKENS.seal("person", "a" * length)) for length in range(1, 9)}) == 1


@given(st.data())
def test_a_token_in_which_anything_is_changed_is_refused(data: st.DataObject) -> None:
    token = TOKENS.seal("email", "ann@shop.example.com")
    at = data.draw(st.integers(7, len(token) - 2))
    letters = st.sampled_from("ABCXYZabcxyz0189-_")
    changed = token[:at] + data.draw(letters.filter(lambda one: one != token[at])) + token[at + 1 :]

    with pytest.raises(OpenError, match="damaged"):
        opened(changed)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda token: token[:-1],
        lambda token: token[:-6] + ">",
        lambda token: token[:20] + "…",
        lambda token: token.replace("<email:", "<phone:"),
        lambda token: token.replace("<email:", "<EMAIL:"),
        lambda token: token.replace("<", "&lt;").replace(">", "&gt;"),
        lambda token: token.replace("<", "%3C").replace(":", "%3A").replace(">", "%3E"),
        lambda token: token[:-1] + "A" * 300 + ">",
    ],
)
def test_a_token_that_is_cut_relabelled_or_escaped_is_recognised_and_refused(spoil: Any) -> None:
    found = MARK.search(spoil(TOKENS.seal("email", "ann@shop.example.com")))

    assert found
    with pytest.raises(OpenError, match="damaged"):
        TOKENS.open(found)


@pytest.mark.parametrize("marks", [Masks(), TOKENS])
def test_nothing_stands_behind_a_mark(marks: Masks) -> None:
    with pytest.raises(OpenError, match="<email:hidden>, which stands for a value"):
        opened(hidden("email"), marks)


def test_masks_are_the_same_for_all_values() -> None:
    assert {Masks().seal("email", value) for value in ("a@x.example", "b@x.example")} == {
        "<email:hidden>"
    }
    with pytest.raises(OpenError, match="damaged"):
        opened(TOKENS.seal("email", "a@x.example"), Masks())


def test_tags_and_words_are_no_tokens() -> None:
    text = "<address>, <email>, <email: ann>, <id:5>, email:hidden, a<b"

    assert MARK.findall(text) == []


@pytest.mark.parametrize(
    "value", ["x" * (MAX_SEALED + 1), "ends in nothing\0", "\x01 begins as a number", "\ud800"]
)
def test_what_cannot_become_a_token_is_said_to(value: str) -> None:
    with pytest.raises(SealError):
        TOKENS.seal("personal", value)


def test_where_the_cipher_is_not_supported_nothing_is_sealed_or_opened(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def unsupported(_: bytes) -> None:
        raise UnsupportedAlgorithm("no SIV here")

    monkeypatch.setattr(aead, "AESSIV", unsupported)
    _seals_and_opens_nothing(Tokens(KEY, "fivecrm (here)"))

    assert caplog.messages == [
        "personal values are masked, because no token can be made: no SIV here"
    ]


def test_where_the_library_cannot_be_loaded_nothing_is_sealed_or_opened(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    load = builtins.__import__

    def broken(name: str, *rest: Any) -> Any:
        if name.startswith("cryptography"):
            raise ImportError("no library")
        return load(name, *rest)

    monkeypatch.setattr(builtins, "__import__", broken)
    with caplog.at_level(logging.ERROR):
        _seals_and_opens_nothing(Tokens(KEY, "fivecrm (here)"))

    assert len(caplog.messages) == 1


def _seals_and_opens_nothing(tokens: Tokens) -> None:
    for _ in range(2):
        with pytest.raises(SealError):
            tokens.seal("person", "Ann")
        with pytest.raises(OpenError):
            opened(TOKENS.seal("person", "Ann"), tokens)
