"""Whatever somebody does to the record, the first line that is not as it was written is found."""

import hashlib
import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from corpus import WHOLE, entries
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from crm_mcp.audit import FIRST_HASH, Audit, Verdict
from crm_mcp.errors import StateError
from crm_mcp.state import StateFolder

COUNT = 9
Lines = tuple[bytes, ...]


def written(folder: Path, key: str = "a") -> Audit:
    """Write a record of some lines, hostile arguments and names among them."""
    audit = Audit(StateFolder(folder), lambda: 1_772_445_600.0)
    for number in range(COUNT):
        text = WHOLE[number * 7].text[:60]
        audit.append(f"event {key} {number}", {"area": text, text: [number]}, program=text)
    return audit


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Audit:
    return written(tmp_path_factory.mktemp("record"))


@pytest.fixture(scope="module")
def original(record: Audit) -> Lines:
    return tuple(record.path.read_bytes().splitlines(keepends=True))


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Lines:
    """Give the lines of another folder, about the same, with a key of its own."""
    audit = written(tmp_path_factory.mktemp("foreign"))
    return tuple(audit.path.read_bytes().splitlines(keepends=True))


def verdict(record: Audit, original: Lines, changed: bytes) -> Verdict:
    """Verify a changed record, and put the true one back."""
    record.path.write_bytes(changed)
    try:
        return record.verify()
    finally:
        record.path.write_bytes(b"".join(original))


def assert_found(record: Audit, original: Lines, changed: bytes) -> None:
    """Check that the lines before the first change are good, and that the next is told."""
    good = same_lines(original, changed)
    found = verdict(record, original, changed)
    if changed == b"".join(original):
        assert found == Verdict(COUNT)
        return
    assert found.lines == good
    ended = good == len(changed.splitlines(keepends=True))
    problem = f"{COUNT - good} lines are missing" if ended else f"line {good + 1} was changed"
    assert found.problem.startswith(problem)


def same_lines(original: Lines, changed: bytes) -> int:
    pairs = zip(original, changed.splitlines(keepends=True), strict=False)
    return next(
        (at for at, (one, other) in enumerate(pairs) if one != other),
        min(len(original), len(changed.splitlines(keepends=True))),
    )


# How somebody changes lines


def removed(lines: list[bytes], at: int, _: int) -> list[bytes]:
    return [*lines[:at], *lines[at + 1 :]]


def swapped(lines: list[bytes], at: int, other: int) -> list[bytes]:
    changed = [*lines]
    changed[at], changed[other] = changed[other], changed[at]
    return changed


def doubled(lines: list[bytes], at: int, other: int) -> list[bytes]:
    return [*lines[:other], lines[at], *lines[other:]]


def truncated(lines: list[bytes], at: int, _: int) -> list[bytes]:
    return lines[:at]


def edited(lines: list[bytes], at: int, other: int) -> list[bytes]:
    line = bytearray(lines[at])
    line[other * 31 % len(line)] ^= 1 + other % 7
    return [*lines[:at], bytes(line), *lines[at + 1 :]]


def torn(lines: list[bytes], at: int, other: int) -> list[bytes]:
    return [*lines[:at], lines[at][: other * 13 % len(lines[at])]]


def rehashed(lines: list[bytes], at: int, other: int) -> list[bytes]:
    """Change a line and make all after it fit, as well as anybody can who has the file alone."""
    kept, previous = lines[:at], hash_of(lines[at - 1]) if at else FIRST_HASH
    for number, line in enumerate(lines[at:]):
        try:
            facts = json.loads(line)
            facts["event"] = f"{facts['event']} {other}" if not number else facts["event"]
        except (ValueError, LookupError, TypeError):
            return kept
        facts.pop("hash", None)
        body = json.dumps({**facts, "prev": previous}, ensure_ascii=False, separators=(",", ":"))
        previous = hashlib.sha256(body.encode()).hexdigest()
        kept = [*kept, f'{body[:-1]},"hash":"{previous}"}}\n'.encode()]
    return kept


def hash_of(line: bytes) -> str:
    try:
        return str(json.loads(line)["hash"])
    except (ValueError, LookupError, TypeError):
        return FIRST_HASH


def spaced(lines: list[bytes], at: int, other: int) -> list[bytes]:
    """Write a line that says the same in another way."""
    ways: tuple[Callable[[bytes], bytes], ...] = (
        lambda line: b" " + line,
        lambda line: line.replace(b'":', b'": ', 1),
        lambda line: line.replace(b"\n", b"\r\n"),
        lambda line: line.replace(b"{", b'{"seq":1,', 1),
        lambda line: line.replace(b"event", b"\\u0065vent"),
        lambda line: b"\n" + line,
        lambda line: b"\xef\xbb\xbf" + line,
    )
    return [*lines[:at], ways[other % len(ways)](lines[at]), *lines[at + 1 :]]


SET_HEAD = (
    "UPDATE rows SET value = json_set(value, '$.{}', {}) WHERE kind = 'audit' AND key = 'head'"
)
CHANGES = (removed, swapped, doubled, truncated, edited, torn, rehashed, spaced)


def test_the_record_as_it_was_written_is_in_order(record: Audit, original: Lines) -> None:
    assert len(original) == COUNT
    assert verdict(record, original, b"".join(original)) == Verdict(COUNT)


@pytest.mark.parametrize("change", CHANGES)
def test_each_change_at_each_place_is_found_at_its_first_line(
    record: Audit, original: Lines, change: Callable[[list[bytes], int, int], list[bytes]]
) -> None:
    for at, other in combinations(range(COUNT), 2):
        changed = b"".join(change([*original], at, other))
        assert changed != b"".join(original)
        assert_found(record, original, changed)


def test_the_last_line_is_guarded_as_well(record: Audit, original: Lines) -> None:
    for change in (removed, truncated, edited, torn, rehashed):
        changed = b"".join(change([*original], COUNT - 1, 3))
        assert_found(record, original, changed)


STEPS = st.tuples(st.sampled_from(CHANGES), st.integers(0, COUNT - 1), st.integers(0, 10_000))


@settings(max_examples=150)
@given(steps=st.lists(STEPS, min_size=1, max_size=4))
def test_any_changes_together_are_found_at_their_first_line(
    record: Audit, original: Lines, steps: list[Any]
) -> None:
    lines = [*original]
    for change, at, other in steps:
        if at < len(lines) and lines[at]:
            bounded = other % len(lines) if change in (swapped, doubled) else other
            lines = change(lines, at, bounded)

    assert_found(record, original, b"".join(lines))


@settings(max_examples=200)
@given(at=st.integers(min_value=0), byte=st.integers(0, 255))
def test_no_byte_can_be_changed(record: Audit, original: Lines, at: int, byte: int) -> None:
    whole = bytearray(b"".join(original))
    whole[at % len(whole)] = byte

    assert_found(record, original, bytes(whole))


@given(cut=st.integers(min_value=0))
def test_no_cut_is_too_small(record: Audit, original: Lines, cut: int) -> None:
    whole = b"".join(original)

    assert_found(record, original, whole[: cut % len(whole)])


@given(at=st.integers(0, COUNT), text=st.binary(max_size=60))
def test_nothing_can_be_put_in(record: Audit, original: Lines, at: int, text: bytes) -> None:
    # What a crash cut short behind the last line never counted, and the next line replaces it.
    assume(at < COUNT or b"\n" in text)
    changed = b"".join((*original[:at], text, *original[at:]))

    assert_found(record, original, changed)


@pytest.mark.parametrize("at", range(COUNT + 1))
def test_lines_of_another_record_do_not_fit(
    record: Audit, original: Lines, foreign: Lines, at: int
) -> None:
    lines = [*original[:at], *foreign[at:]]
    if at < COUNT:
        assert_found(record, original, b"".join(lines))
        assert_found(record, original, b"".join((*lines[: at + 1], *original[at + 1 :])))
    assert_found(record, original, b"".join((*original[:at], foreign[0], *original[at:])))


def test_a_line_that_is_made_to_follow_the_last_is_found_and_not_built_upon(
    record: Audit, original: Lines
) -> None:
    """Somebody without the database adds what looks like a line that a crash left behind."""
    last = json.loads(original[-1])
    facts = {**last, "seq": COUNT + 1, "event": "approved"}
    forged = rehashed([*original, json.dumps(facts).encode() + b"\n"], COUNT, 0)

    assert len(forged) == COUNT + 1
    assert_found(record, original, b"".join(forged))
    record.path.write_bytes(b"".join(forged))
    try:
        with pytest.raises(StateError, match="was changed"):
            record.append("sending")
    finally:
        record.path.write_bytes(b"".join(original))


HOSTILE_LINES = [
    *(b"[" * 100_000, b'{"a":' * 50_000, b"9" * 10_000, b"\xff\xfe", b"\x00" * 1_000, b"null"),
    *(b"{}", b'{"hash":{}}', b'{"hash":1,"seq":1}', b'{"seq":NaN,"hash":"x"}', b"\xef\xbb\xbf{}"),
    *(one.text.encode() for one in entries("imitations") if one.name != "audit line"),
]


def test_hostile_lines_end_the_reading_and_are_found(record: Audit, original: Lines) -> None:
    for line in HOSTILE_LINES:
        changed = b"".join((*original[:4], line.replace(b"\n", b" ") + b"\n", *original[4:]))
        assert_found(record, original, changed)
        record.path.write_bytes(changed)
        try:
            assert len(list(record.lines())) == 4
        finally:
            record.path.write_bytes(b"".join(original))


# The anchor


@pytest.fixture
def copied(record: Audit, tmp_path: Path) -> Audit:
    """Give a copy of the whole folder, key and anchor included."""
    shutil.copytree(record.path.parent, tmp_path / "copy")
    return Audit(StateFolder(tmp_path / "copy"))


def in_database(audit: Audit, command: str) -> None:
    with closing(sqlite3.connect(audit.path.parent / "state.sqlite3")) as database:
        database.execute(command)
        database.commit()


@pytest.mark.parametrize(
    ("command", "found"),
    [
        (
            "DELETE FROM rows WHERE kind = 'audit' AND key = 'head'",
            Verdict(COUNT, "the anchor of the record is missing"),
        ),
        (SET_HEAD.format("seq", 2), Verdict(1, "line 2 is not the one that was written")),
        (SET_HEAD.format("seq", 99), Verdict(COUNT, "90 lines are missing at the end")),
        (
            SET_HEAD.format("hash", "'x'"),
            Verdict(COUNT - 1, f"line {COUNT} is not the one that was written"),
        ),
        (
            "UPDATE rows SET value = '{\"key\":\"00\"}' WHERE kind = 'audit' AND key = 'key'",
            Verdict(0, "line 1 was changed, or one before it is gone"),
        ),
    ],
)
def test_an_anchor_that_was_changed_is_found(copied: Audit, command: str, found: Verdict) -> None:
    in_database(copied, command)

    assert copied.verify() == found


def test_a_record_whose_database_is_gone_is_neither_good_nor_built_upon(copied: Audit) -> None:
    (copied.path.parent / "state.sqlite3").unlink()
    fresh = Audit(StateFolder(copied.path.parent))

    missing = "the anchor of the record is missing, and with it the key of its lines"
    assert fresh.verify() == Verdict(0, missing)
    with pytest.raises(StateError, match="was changed"):
        fresh.append("sending")


def test_a_line_of_a_copy_that_went_another_way_is_found(record: Audit, copied: Audit) -> None:
    other = Audit(StateFolder(record.path.parent))
    shutil.copytree(record.path.parent, copied.path.parent.parent / "second")
    second = Audit(StateFolder(copied.path.parent.parent / "second"))
    copied.append("one way")
    second.append("another way")
    copied.path.write_bytes(second.path.read_bytes())

    assert copied.verify() == Verdict(COUNT, f"line {COUNT + 1} is not the one that was written")
    assert other.verify() == Verdict(COUNT)


def test_a_crash_before_the_first_anchor_leaves_a_line_that_stays_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Crash(BaseException):
        pass

    audit = Audit(StateFolder(tmp_path))
    write = audit._write  # noqa: SLF001 - the moment between file and anchor

    def crash(line: bytes, offset: int) -> int:
        write(line, offset)
        raise Crash

    monkeypatch.setattr(audit, "_write", crash)
    with pytest.raises(Crash):
        audit.append("sending", {"area": "001"})

    assert Audit(StateFolder(tmp_path)).verify() == Verdict(1)
    Audit(StateFolder(tmp_path)).append("result")
    assert Audit(StateFolder(tmp_path)).verify() == Verdict(2)


def test_hostile_names_and_texts_make_one_line_each(record: Audit, original: Lines) -> None:
    lines = list(record.lines())

    assert [line.count(b"\n") for line in original] == [1] * COUNT
    assert [line["event"] for line in lines] == [f"event a {number}" for number in range(COUNT)]
    assert all(line["arguments"]["area"].startswith("hmac:") for line in lines)
