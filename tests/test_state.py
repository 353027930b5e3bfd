"""The state folder of another version: refused whole, and left as it is."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from crm_mcp.errors import StateError
from crm_mcp.ledger import Ledger
from crm_mcp.state import StateFolder


def change(folder: Path, command: str) -> bytes:
    """Change the database as another version would have made it; gives its bytes."""
    Ledger(StateFolder(folder)).waiting()
    with closing(sqlite3.connect(folder / "state.sqlite3", isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode=DELETE")
        database.execute(command)
        database.execute("VACUUM")
    return (folder / "state.sqlite3").read_bytes()


@pytest.mark.parametrize("number", [0, 2])
def test_another_format_is_named_before_anything_is_written(tmp_path: Path, number: int) -> None:
    before = change(tmp_path, f"PRAGMA user_version = {number}")

    with pytest.raises(StateError, match=rf"another version .*\(format {number},") as refused:
        Ledger(StateFolder(tmp_path)).waiting()

    assert "Move the folder" in str(refused.value)
    assert (tmp_path / "state.sqlite3").read_bytes() == before


def test_a_table_that_somebody_added_is_left_alone(tmp_path: Path) -> None:
    change(tmp_path, "CREATE TABLE later (one TEXT)")

    assert Ledger(StateFolder(tmp_path)).waiting() == []


@pytest.mark.parametrize("value", ["no JSON", "[1]"])
def test_a_row_that_is_none_is_refused_in_words(tmp_path: Path, value: str) -> None:
    row = f"('approvals', 'x', '{value}', 9e999)"
    change(tmp_path, f"INSERT INTO rows VALUES {row}")  # noqa: S608 - its own text

    with pytest.raises(StateError, match="did not write"):
        Ledger(StateFolder(tmp_path)).waiting()
