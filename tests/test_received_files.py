"""Files that calls bring: linked to, read whole by those they were given to, saved on request."""

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, MCPError
from mcp_types import BlobResourceContents, CallToolResult, ResourceLink
from overheard import Overheard, connected
from typer.testing import CliRunner

from crm_mcp import received
from crm_mcp.cli import cli
from crm_mcp.operation import FileParts, Operation, Response
from crm_mcp.received import File, Received, safe_name, without_files

pytestmark = pytest.mark.anyio

PRINT = "synergist_purchases_print"
DOWNLOAD = "synergist_attachments_download"
PARTS = FileParts(at="/*", content="base64", name="name", type="type")


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    async with connected("off", tmp_path, Overheard()) as session:
        yield session.client


async def attach(client: Client, content: bytes, name: str = "Plan.pdf") -> CallToolResult:
    """Attach a file to an activity, and fetch it again."""
    activities = await client.call_tool("synergist_activities_list", {"company": 1})
    number = data(activities)[0]["activityID"]
    item = {
        "attachmentActivityID": number,
        "attachmentOriginalFilename": name,
        "attachmentDescription": "The plan",
        "variable_AttachmentBase64": base64.b64encode(content).decode(),
    }
    made = await client.call_tool("synergist_attachments_create", {"data": [item]})
    attachment = data(made)[0]["attachmentID"]
    return await client.call_tool(DOWNLOAD, {"company": 1, "attachment": attachment})


def data(result: CallToolResult) -> Any:
    assert result.structured_content is not None
    return result.structured_content["data"]


def link(result: CallToolResult) -> ResourceLink:
    [found] = [block for block in result.content if isinstance(block, ResourceLink)]
    return found


async def read(client: Client, uri: str) -> bytes:
    [content] = (await client.read_resource(uri)).contents
    assert isinstance(content, BlobResourceContents)
    return base64.b64decode(content.blob)


async def test_a_file_is_linked_to_and_read_whole(client: Client) -> None:
    # More than a result may hold, and less than an address may carry.
    content = bytes(range(256)) * 150

    fetched = await attach(client, content)

    [row] = data(fetched)
    found = link(fetched)
    assert row["attachmentBase64"] == found.uri
    assert found.name.endswith(".pdf")
    assert (found.mime_type, found.size) == ("application/pdf", len(content))
    assert await read(client, found.uri) == content
    assert "truncated" not in (fetched.structured_content or {})


async def test_files_that_are_kept_are_listed_beside_feeds(client: Client) -> None:
    fetched = await attach(client, b"from T:")

    listed = {str(one.uri): one for one in (await client.list_resources()).resources}

    assert listed[link(fetched).uri].size == len(b"from T:")
    assert any("listen" in uri for uri in listed)


async def test_an_address_that_was_not_given_out_is_told_to_be_none(client: Client) -> None:
    uri = link(await attach(client, b"from T:")).uri

    for other in (f"{uri}x", "crm://synergist/files/0/Plan.pdf", "file:///etc/passwd"):
        with pytest.raises(MCPError, match="no resource of this name"):
            await client.read_resource(other)


def kept(base: Operation, parts: FileParts = PARTS) -> Operation:
    return base.model_copy(update={"response": Response(files=(parts,))})


@pytest.fixture
def operation(five: dict[str, Operation]) -> Operation:
    return kept(five["fivecrm_areas_list"])


def row(content: bytes | str, name: Any = "a.txt", kind: Any = "text/plain") -> dict[str, Any]:
    text = content if isinstance(content, str) else base64.b64encode(content).decode()
    return {"base64": text, "name": name, "type": kind}


def test_a_file_is_only_for_the_caller_it_was_given_to(operation: Operation) -> None:
    kept_here = Received()
    _, [own] = kept_here.take(operation, [row(b"x")], "anna")

    assert kept_here.get(own.uri, "anna") == own
    assert kept_here.get(own.uri, "ben") is None
    assert kept_here.of("ben") == []


def test_the_oldest_files_are_forgotten(
    operation: Operation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(received, "MAX_FILES", 2)
    monkeypatch.setattr(received, "MAX_BYTES", 10)
    kept_here = Received()

    for content in (b"1", b"2", b"3"):
        kept_here.take(operation, [row(content)], "anna")
    assert [one.file.content for one in kept_here.of("anna")] == [b"2", b"3"]

    kept_here.take(operation, [row(b"0123456789")], "anna")
    assert [one.file.content for one in kept_here.of("anna")] == [b"0123456789"]
    kept_here.take(operation, [row(b"more than all that is kept")], "anna")
    assert kept_here.of("anna") == []


@pytest.mark.parametrize("content", ["", "•••", "not base64!", "YQ", None, 7, ["YQ=="]])
def test_what_is_no_base64_stays_as_it_is(operation: Operation, content: Any) -> None:
    rows = [{"base64": content, "name": "a"}, "x", {"name": "none"}]

    assert without_files(operation, rows, lambda _: "put") == rows


def files_in(operation: Operation, rows: list[Any]) -> list[File]:
    found: list[File] = []

    def put(file: File) -> str:
        found.append(file)
        return "here"

    assert all(entry["base64"] == "here" for entry in without_files(operation, rows, put))
    return found


def test_base64_in_lines_is_one_file(operation: Operation) -> None:
    found = files_in(operation, [row("ZnJv\r\nbSBU\nOg==")])

    assert found == [File("a.txt", "text/plain", b"from T:")]


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("a.pdf", "", "application/pdf"),
        ("a.pdf", "application", "application/pdf"),
        ("a", None, "application/octet-stream"),
        ("a.txt", "text/html; charset=x\r\nx: y", "text/plain"),
        ("a.txt", "application/csv", "application/csv"),
    ],
)
def test_the_type_is_the_one_that_is_said_or_guessed_by_the_name(
    operation: Operation, name: str, kind: Any, expected: str
) -> None:
    [file] = files_in(operation, [row(b"x", name, kind)])

    assert file.mime_type == expected


@pytest.mark.parametrize(
    ("said", "safe"),
    [
        ("Receipt.jpg", "Receipt.jpg"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\x\\plan.pdf", "plan.pdf"),
        (".PDF", "PDF"),
        ("..", "file"),
        ("", "file"),
        ("Räkning (2) år.pdf", "Räkning (2) år.pdf"),
        ("a\u202egnp.exe", "a_gnp.exe"),
        ("a\x00b\n.txt", "a_b_.txt"),
        ("x" * 300 + ".pdf", "x" * 96 + ".pdf"),
    ],
)
def test_a_name_leads_nowhere_and_hides_nothing(said: str, safe: str) -> None:
    assert safe_name(said) == safe


def call(*arguments: str) -> Any:
    result = CliRunner().invoke(cli, ["call", "--sandbox", PRINT, *arguments])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)["data"][0]["variable_attachmentbase64blob"]


def rows(tool: str, **arguments: Any) -> Any:
    words = ["call", "--sandbox", tool, "--json", json.dumps(arguments)]
    return json.loads(CliRunner().invoke(cli, words).stdout)["data"]


@pytest.fixture
def order(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Give the arguments that print an order with a template of the CRM."""
    monkeypatch.setenv("CRM_MCP_STATE_DIR", str(tmp_path / "state"))
    [first, *_] = rows("synergist_purchases_list", company=1, modelstructure="purchaseorderlist")
    asked = {"purchase": first["poInternal"], "action": "purchaseinputprints"}
    [template, *_] = rows("synergist_purchase_templates_list", **asked)
    code = template["menuClickAction"].split()[-1]
    return ["--json", json.dumps({**asked, "action": f"purchaseinputprints {code}"})]


def test_the_command_line_saves_files_and_never_over_others(
    order: list[str], tmp_path: Path
) -> None:
    paths = [Path(call(*order, "--save", str(tmp_path))) for _ in range(2)]

    assert [path.parent for path in paths] == [tmp_path, tmp_path]
    assert paths[0] != paths[1]
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert paths[0].read_bytes().startswith(b"%PDF")


def test_a_folder_that_is_not_there_is_told(order: list[str], tmp_path: Path) -> None:
    result = CliRunner().invoke(
        cli, ["call", "--sandbox", PRINT, *order, "--save", str(tmp_path / "no")]
    )

    assert result.exit_code != 0
    assert "no file can be saved in" in result.output


def test_who_receives_much_pushes_out_nothing_of_others(
    operation: Operation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(received, "MAX_FILES", 3)
    monkeypatch.setattr(received, "MAX_BYTES", 10)
    kept_here = Received()

    kept_here.take(operation, [row(b"1234")], "anna")
    for number in range(8):
        kept_here.take(operation, [row(f"{number:05}".encode())], "ben")

    assert [one.file.content for one in kept_here.of("anna")] == [b"1234"]
    assert [one.file.content for one in kept_here.of("ben")] == [b"00007"]
