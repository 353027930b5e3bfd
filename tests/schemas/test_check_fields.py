"""The rules about fields that a CRM lists: a good file is broken, and exactly that rule speaks."""

from pathlib import Path
from typing import Any

import pytest
from acme import GET, IMPORT, UPDATE, Acme, change, good_files, write

from crm_mcp.check import check

OPEN = {"each": "/things", "tool": "acme_things_get", "arguments": {"id": "7"}}
CLOSED = {"/inputSchema/properties/things/items/additionalProperties": False}


def broken(tmp_path: Path, file: str, changes: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Let the read list fields and the import have open ones; then break one file."""
    files = good_files()
    change(files[GET], "/response/fields", "/*/name")
    change(files[IMPORT], "/fields", dict(OPEN))
    for pointer, value in changes.items():
        change(files[file], pointer, value)
    write(tmp_path, files)
    return [(found.rule, found.file, found.message) for found in check(tmp_path, [Acme()])]


def test_open_items_whose_fields_are_listed_have_no_problems(tmp_path: Path) -> None:
    assert broken(tmp_path, IMPORT, {}) == []


@pytest.mark.parametrize(
    ("file", "words", "changes"),
    [
        (IMPORT, "which is no list of open items", CLOSED),
        (IMPORT, "which is no list of open items", {"/fields/each": "/things/0/name"}),
        (IMPORT, "acme_gone_get, which is no read with", {"/fields/tool": "acme_gone_get"}),
        (IMPORT, "acme_things_list, which is no read", {"/fields/tool": "acme_things_list"}),
        (IMPORT, "gives key, which is no argument", {"/fields/arguments": {"key": 1}}),
        (UPDATE, "is for a read that lists fields", {"/response/fields": "/*"}),
        (GET, "fields is for writes", {"/fields": OPEN}),
    ],
)
def test_a_broken_rule_of_fields_is_told_in_words(
    tmp_path: Path, file: str, words: str, changes: dict[str, Any]
) -> None:
    found = broken(tmp_path, file, changes)

    assert {(rule, where) for rule, where, _ in found} == {("fields", file)}
    assert words in found[0][2]
