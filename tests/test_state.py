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


@pytest.mark.parametrize(
    ("command", "table"),
    [
        ("ALTER TABLE approvals DROP COLUMN word", "approvals"),
        ("ALTER TABLE approvals ADD COLUMN later TEXT", "approvals"),
        ("ALTER TABLE undos RENAME COLUMN plan TO way_back", "undos"),
    ],
)
def test_other_columns_are_named_before_anything_is_written(
    tmp_path: Path, command: str, table: str
) -> None:
    before = change(tmp_path, command)

    with pytest.raises(StateError, match=rf"another version .*\({table} differ") as refused:
        Ledger(StateFolder(tmp_path)).waiting()

    assert "Move the folder" in str(refused.value)
    assert (tmp_path / "state.sqlite3").read_bytes() == before


def test_a_table_that_only_another_version_has_is_left_alone(tmp_path: Path) -> None:
    change(tmp_path, "CREATE TABLE later (one TEXT)")

    assert Ledger(StateFolder(tmp_path)).waiting() == []
