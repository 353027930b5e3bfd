"""The documents that are made of the operation files are what would be made of them now."""

import runpy
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPT = runpy.run_path(str(ROOT / "scripts" / "write_docs.py"))
MADE: dict[str, Callable[[], str]] = SCRIPT["MADE_FILES"]


@pytest.mark.parametrize("name", MADE)
def test_a_document_is_current(name: str) -> None:
    written = (ROOT / name).read_text(encoding="utf-8")

    assert written == MADE[name](), "run python scripts/write_docs.py"


def test_every_link_of_a_document_leads_to_a_file() -> None:
    for name, make in MADE.items():
        folder = (ROOT / name).parent
        links = [part.partition(")")[0] for part in make().split("](")[1:]]
        assert [link for link in links if not (folder / link.partition("#")[0]).exists()] == []
