"""The record of writes: complete, in order, and proof against changes."""

import json
import os
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from crm_mcp.audit import Audit, Verdict, hashed
from crm_mcp.errors import StateError
from crm_mcp.state import StateFolder


@pytest.fixture
def audit(tmp_path: Path) -> Audit:
    return Audit(StateFolder(tmp_path), lambda: 1_772_445_600.0)


@pytest.fixture
def three(audit: Audit) -> Audit:
    for event in ("refused", "sending", "result"):
        audit.append(event, tool="five_write", status="ü")
    return audit


def test_lines_are_numbered_dated_and_chained(three: Audit) -> None:
    lines = list(three.lines())

    assert [(line["seq"], line["event"]) for line in lines] == [
        (1, "refused"),
        (2, "sending"),
        (3, "result"),
    ]
    assert lines[0]["at"] == "2026-03-02T10:00:00.000+00:00"
    assert [line["prev"] for line in lines] == ["0" * 64, lines[0]["hash"], lines[1]["hash"]]
    assert three.verify() == Verdict(3)


def test_an_empty_record_is_in_order(audit: Audit) -> None:
    assert list(audit.lines()) == []
    assert audit.verify() == Verdict(0)


def test_only_the_owner_can_read_it(three: Audit) -> None:
    assert stat.S_IMODE(three.path.stat().st_mode) == 0o600


def test_texts_of_arguments_are_hashed_with_the_folder_s_own_key(tmp_path: Path) -> None:
    arguments = {"area": "001", "products": [{"name": "Oak desk", "qty": 2, "hot": True}]}
    first, second = (Audit(StateFolder(tmp_path / name)) for name in "ab")
    for audit in (first, first, second):
        audit.append("sending", arguments)

    one, again = (line["arguments"] for line in first.lines())
    (elsewhere,) = (line["arguments"] for line in second.lines())
    assert one == again
    assert one["area"] != elsewhere["area"]
    assert one["products"][0]["qty"] == 2
    assert one["products"][0]["hot"] is True
    assert one["products"][0]["name"].startswith("hmac:")
    assert "Oak" not in first.path.read_text(encoding="utf-8")


def test_hashing_keeps_null_and_numbers_but_those_of_people() -> None:
    assert hashed([None, 1.5], b"key") == [None, 1.5]
    assert hashed({"qty": 2, "owner": 7, "hot": True}, b"key") == {
        "qty": 2,
        "owner": 7,
        "hot": True,
    }
    assert hashed({"phones": [117, True]}, b"key") == hashed({"phones": ["117", True]}, b"key")
    assert "117" not in str(hashed({"phones": [117]}, b"key"))


def test_a_name_of_an_argument_stays_unless_somebody_s_address_stands_in_its_place() -> None:
    (name,) = hashed({"ann@x.example": 1}, b"key")

    assert name.startswith("hmac:")
    assert list(hashed({"customerProducts": 1}, b"key")) == ["customerProducts"]


def test_a_request_cannot_be_found_by_guessing_what_was_in_it(tmp_path: Path) -> None:
    first, second = (Audit(StateFolder(tmp_path / name)) for name in "ab")
    for audit in (first, first, second):
        audit.append("sending", request="a" * 64)

    one, again = (line["request"] for line in first.lines())
    (elsewhere,) = (line["request"] for line in second.lines())
    assert one == again != elsewhere
    assert one.startswith("hmac:")


Vandal = Callable[[list[str]], list[str]]


@pytest.mark.parametrize(
    ("vandal", "verdict"),
    [
        (lambda lines: [lines[0].replace("refused", "allowed"), *lines[1:]], (0, "line 1 was")),
        (lambda lines: [lines[0], lines[1].replace("ü", "u"), lines[2]], (1, "line 2 was")),
        (lambda lines: [lines[0], lines[2]], (1, "line 2 was changed, or one before it is gone")),
        (lambda lines: [lines[1], lines[0], lines[2]], (0, "line 1 was")),
        (lambda lines: [lines[0], lines[0], *lines[1:]], (1, "line 2 was")),
        (lambda lines: lines[:2], (2, "1 lines are missing at the end")),
        (lambda lines: lines[:0], (0, "3 lines are missing at the end")),
        (lambda lines: [*lines[:2], "{}"], (2, "line 3 was")),
        (lambda lines: [*lines[:2], "[1]"], (2, "line 3 was")),
        (lambda lines: [*lines[:2], "no JSON"], (2, "line 3 was")),
        (lambda lines: [" " + lines[0], *lines[1:]], (0, "line 1 was")),
    ],
)
def test_whatever_is_done_to_the_file_is_found(
    three: Audit, vandal: Vandal, verdict: tuple[int, str]
) -> None:
    lines = three.path.read_text(encoding="utf-8").splitlines()
    three.path.write_text("".join(f"{line}\n" for line in vandal(lines)), encoding="utf-8")

    found = three.verify()

    assert found.lines == verdict[0]
    assert found.problem.startswith(verdict[1])


def test_a_record_that_was_made_up_from_the_start_is_found(tmp_path: Path, three: Audit) -> None:
    forged = Audit(StateFolder(tmp_path / "elsewhere"), lambda: 0.0)
    for _ in range(3):
        forged.append("result", tool="five_write")
    three.path.write_bytes(forged.path.read_bytes())

    assert three.verify() == Verdict(0, "line 1 was changed, or one before it is gone")


@pytest.mark.usefixtures("three")
def test_a_record_without_its_anchor_is_found(tmp_path: Path) -> None:
    (tmp_path / "state.sqlite3").unlink()

    fresh = Audit(StateFolder(tmp_path))
    missing = "the anchor of the record is missing, and with it the key of its lines"
    assert fresh.verify() == Verdict(0, missing)


def test_nothing_is_added_to_a_record_that_was_cut(three: Audit) -> None:
    lines = three.path.read_bytes().splitlines(keepends=True)
    three.path.write_bytes(b"".join(lines[:2]))

    with pytest.raises(StateError, match="was cut"):
        three.append("sending")


def test_nothing_is_added_to_a_record_that_somebody_else_wrote_to(three: Audit) -> None:
    with three.path.open("ab") as file:
        file.write(b'{"seq":4,"event":"forged"}\n')

    with pytest.raises(StateError, match="was changed"):
        three.append("sending")


def test_a_line_torn_by_a_crash_gives_way_to_the_next(three: Audit) -> None:
    with three.path.open("ab") as file:
        file.write(b'{"seq":4,"at":"2026')

    three.append("sending")

    assert three.verify() == Verdict(4)


def test_a_line_torn_by_a_crash_is_no_fault_of_the_record(three: Audit) -> None:
    with three.path.open("ab") as file:
        file.write(b'{"seq":4,"at":"2026')

    assert three.verify() == Verdict(3)


def test_a_line_that_a_crash_left_without_its_anchor_stays(
    three: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Crash(BaseException):
        pass

    write = three._write  # noqa: SLF001 - the moment between file and anchor

    def crash(line: bytes, offset: int) -> int:
        write(line, offset)
        raise Crash

    monkeypatch.setattr(three, "_write", crash)
    with pytest.raises(Crash):
        three.append("sending")
    monkeypatch.undo()
    three.append("result")

    assert [line["event"] for line in three.lines()][3:] == ["sending", "result"]
    assert three.verify() == Verdict(5)


def test_many_threads_write_one_chain(tmp_path: Path) -> None:
    def append(number: int) -> None:
        Audit(StateFolder(tmp_path)).append("sending", number=number)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(append, range(40)))

    audit = Audit(StateFolder(tmp_path))
    assert audit.verify() == Verdict(40)
    assert {line["number"] for line in audit.lines()} == set(range(40))


def test_a_line_that_cannot_be_written_is_an_error(
    three: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)

    with pytest.raises(StateError, match="No space left"):
        three.append("sending")


def test_reading_ends_at_a_line_that_is_no_json(three: Audit) -> None:
    with three.path.open("ab") as file:
        file.write(b"torn")

    assert len(list(three.lines())) == 3
    assert json.loads(three.path.read_text(encoding="utf-8").splitlines()[0])["seq"] == 1
