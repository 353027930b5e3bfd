"""The corpus itself: every entry is named, explained, unlike the others, and hides in no file."""

import pytest
from corpus import ENTRIES, SECRET, TEXTS, Entry, entries, is_whole

FILES = tuple(sorted(path.stem for path in ENTRIES.glob("*.json")))


def test_the_corpus_is_large() -> None:
    assert sum(len(entries(group)) for group in FILES) > 450
    assert len(TEXTS) > 250


@pytest.mark.parametrize("group", FILES)
def test_every_entry_has_a_name_of_its_own_a_reason_and_a_text_of_its_own(group: str) -> None:
    found = entries(group)

    assert len({entry.name for entry in found}) == len(found)
    assert len({(entry.text, *map(str, entry.more.values())) for entry in found}) == len(found)
    assert all(len(str(entry.more["why"])) > 3 for entry in found)


def test_each_kind_of_attack_is_there() -> None:
    texts = [entry.text for entry in TEXTS]
    wanted = (
        "\x1b[",
        "\u202e",
        "\u200b",
        "\x00",
        "\r\n",
        "../",
        "%252e",
        "<script",
        "](javascript",
    )
    assert [sign for sign in wanted if not any(sign in text for text in texts)] == []
    assert [entry for entry in TEXTS if not is_whole(entry.text)]
    assert max(map(len, texts)) >= 20_000


def test_a_filled_text_is_as_long_as_it_says() -> None:
    (long,) = (entry for entry in TEXTS if entry.name == "very long word")

    assert long == Entry("very long word", "x" * 20_000, {"why": "has no place to break"})
    assert (str(long), repr(long)) == ("very long word", "<very long word>")
    assert len(SECRET) > 15
