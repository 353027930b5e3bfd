"""Files that a call sends: only from the operator's folder, and what was approved is what goes."""

import base64
import os
from pathlib import Path

import pytest

from crm_mcp.errors import InvalidArguments, Refused
from crm_mcp.files import MAX_FILE_BYTES, FileFolder
from crm_mcp.operation import Operation

PIXEL = b"\x89PNG\r\n\x1a\n made up"
UPLOAD = Operation.model_validate(
    {
        "vendor": "acme",
        "toolset": "pictures",
        "name": "acme_pictures_create",
        "title": "Upload a picture",
        "description": "Give a contact a picture, as base64 or from a file.",
        "effect": "create",
        "source": {"document": "acme.txt", "line": 1, "section": "1", "evidence": "documented"},
        "inputSchema": {
            "type": "object",
            "properties": {
                "base64": {"type": "string", "description": "The picture."},
                "file": {"type": "string", "description": "Its file."},
            },
            "additionalProperties": False,
        },
        "rules": [{"exactly_one": ["base64", "file"]}],
        "request": {
            "method": "PUT",
            "path": "/pictures",
            "args_in": "json",
            "bind": {"file": "file:json#/base64"},
        },
        "response": {},
    }
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "outbox"
    folder.mkdir()
    (folder / "anna.png").write_bytes(PIXEL)
    return folder


def contents(root: Path | None, name: str) -> str:
    found: str = FileFolder(root).with_contents(UPLOAD, {"file": name})["file"]
    return found


def test_the_content_of_a_file_takes_the_place_of_its_name(folder: Path) -> None:
    assert base64.b64decode(contents(folder, "anna.png")) == PIXEL


def test_a_file_in_a_folder_below_may_be_named(folder: Path) -> None:
    (folder / "spring").mkdir()
    (folder / "spring" / "owen.png").write_bytes(PIXEL)

    assert base64.b64decode(contents(folder, "spring/owen.png")) == PIXEL


def test_arguments_that_name_no_file_stay_as_they_are(folder: Path) -> None:
    assert FileFolder(folder).with_contents(UPLOAD, {"base64": "anna.png"}) == {
        "base64": "anna.png"
    }


@pytest.mark.parametrize(
    "name",
    [
        "../secret.txt",
        "spring/../../secret.txt",
        "link.png",
        "linked/secret.txt",
        "nothing.png",
        "",
        ".",
        "anna.png\0.txt",
        "x" * 5_000,
        "pipe",
    ],
)
def test_nothing_outside_the_folder_and_nothing_but_a_file_is_read(folder: Path, name: str) -> None:
    secret = folder.parent / "secret.txt"
    secret.write_text("s3cret", encoding="utf-8")
    (folder / "link.png").symlink_to(secret)
    (folder / "linked").symlink_to(folder.parent)
    os.mkfifo(folder / "pipe")

    with pytest.raises(InvalidArguments) as caught:
        contents(folder, name)

    assert "no file of that name" in caught.value.message
    assert str(folder.parent) not in str(caught.value.as_dict())


def test_an_absolute_path_leads_nowhere_outside(folder: Path) -> None:
    secret = folder.parent / "secret.txt"
    secret.write_text("s3cret", encoding="utf-8")

    with pytest.raises(InvalidArguments):
        contents(folder, str(secret))


def test_a_file_that_is_too_large_is_refused_with_the_limit(folder: Path) -> None:
    (folder / "huge.png").write_bytes(b"\0" * (MAX_FILE_BYTES + 1))

    with pytest.raises(InvalidArguments, match=f"larger than {MAX_FILE_BYTES} bytes"):
        contents(folder, "huge.png")


def test_an_empty_file_is_refused(folder: Path) -> None:
    (folder / "empty.png").touch()

    with pytest.raises(InvalidArguments, match="the file is empty"):
        contents(folder, "empty.png")


def test_without_a_folder_no_file_is_sent() -> None:
    with pytest.raises(Refused, match="no folder"):
        contents(None, "anna.png")
