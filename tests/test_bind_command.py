"""`crm-mcp bind`: the table, the file that it writes, and that it writes none it should not."""

import json
import os
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from openapi_documents import BASE, as_json, as_yaml, given, openapi_3, swagger_2
from typer.testing import CliRunner, Result

from crm_mcp.app import load_catalogue, registry_of
from crm_mcp.cli import cli
from crm_mcp.config import load_settings
from crm_mcp.loader import load_vendor, schemas_root

VENDOR = "cirrus"
OURS = load_vendor(schemas_root(), VENDOR, examples=False)
DEFAULT = "cirrus-bindings.toml"
FAILED, CONFIG = 1, 3


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in list(os.environ):
        if name.startswith("CRM_MCP_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def document(folder: Path) -> str:
    (folder / "swagger.json").write_text(as_json(swagger_2(given(OURS))), encoding="utf-8")
    return "swagger.json"


def bind(*words: str) -> Result:
    return CliRunner().invoke(cli, ["bind", *words])


def test_every_tool_is_found_in_the_vendor_s_document(document: str) -> None:
    result = bind(VENDOR, document)

    assert result.exit_code == 0
    told = f"{len(OURS)} matched, 0 differs, 0 ambiguous, 0 missing, 0 new"
    assert told in result.output.splitlines()
    assert all(one.name in result.output for one in OURS)
    entries = tomllib.loads(Path(DEFAULT).read_text(encoding="utf-8"))["tools"]
    assert list(entries) == [one.name for one in OURS]
    assert not any(entry["approved"] for entry in entries.values())


def test_the_end_of_the_output_says_what_to_do_next(document: str) -> None:
    last = " ".join(bind(VENDOR, document, "--output", "mine.toml").output.split()[-50:])

    for word in (BASE, "CRM_MCP_CIRRUS_BASE_URL", "mine.toml", "CRM_MCP_CIRRUS_BINDINGS"):
        assert word in last


def test_the_file_is_loaded_at_the_start_and_its_tools_read_operator(document: str) -> None:
    bind(VENDOR, document)
    file = Path(DEFAULT)
    text = file.read_text(encoding="utf-8").replace("approved = false", "approved = true", 3)
    file.write_text(text, encoding="utf-8")
    address = {"CRM_MCP_CIRRUS_BASE_URL": f"https://crm.example.com{BASE}"}
    settings = {**address, "CRM_MCP_CIRRUS_TOKEN": "made-up", "CRM_MCP_CIRRUS_BINDINGS": DEFAULT}

    result = CliRunner().invoke(cli, ["tools", "--json"], env=settings)

    sources = {tool["name"]: tool["source"]["evidence"] for tool in json.loads(result.stdout)}
    bound = [name for name, evidence in sources.items() if evidence == "operator"]
    assert bound == [one.name for one in OURS[:3]]
    registry = registry_of(load_settings(settings), load_catalogue())
    for one, theirs in zip(OURS[:3], given(OURS), strict=False):
        assert registry.find(one.name).request.method == theirs.method
        assert registry.find(one.name).request.path.startswith("/v9/x-")


def test_a_broken_file_stops_the_start_with_its_reason(folder: Path) -> None:
    text = 'version = 1\nvendor = "cirrus"\n[tools.cirrus_x]\napproved = true\nmethod = "GET"\n'
    (folder / DEFAULT).write_text(f'{text}path = "/x"', encoding="utf-8")
    address = {"CRM_MCP_CIRRUS_BASE_URL": "https://crm.example.com"}
    settings = {**address, "CRM_MCP_CIRRUS_TOKEN": "made-up", "CRM_MCP_CIRRUS_BINDINGS": DEFAULT}

    result = CliRunner().invoke(cli, ["tools"], env=settings)

    assert result.exit_code == CONFIG
    assert result.stderr == f"crm-mcp: {DEFAULT}: cirrus_x: there is no such tool\n"


def test_scripts_get_all_of_it_as_json(folder: Path) -> None:
    theirs = given(OURS)
    changed = {("query", "needed_now"): True}
    theirs[3] = theirs[3].changed(parameters={**theirs[3].parameters, **changed})
    twin = theirs[5].changed(path=f"{theirs[5].path}/again")
    gone = theirs.pop(10)
    document = openapi_3([*theirs, twin], "3.1.0")
    document["paths"]["/a?b"] = {"get": {}}
    document["paths"]["/rain"] = {"post": {"operationId": "makeRain"}}
    (folder / "openapi.yaml").write_text(as_yaml(document), encoding="utf-8")

    result = bind(VENDOR, "openapi.yaml", "--json", "--output", "out.toml")

    facts = json.loads(result.stdout)
    assert facts["document"]["operations"] == len(OURS) + 1
    assert facts["document"]["base"] == f"https://crm.example.com{BASE}"
    assert facts["document"]["notes"] == ["GET /a?b is left out: its path is more than a path"]
    assert facts["counts"] == Counter(row["status"] for row in facts["rows"])
    new = facts["rows"].pop()
    assert (new["status"], new["document"]["path"]) == ("new", "/rain")
    rows: dict[str, Any] = {row["tool"]: row for row in facts["rows"]}
    assert {name: row["status"] for name, row in rows.items() if row["status"] != "matched"} == {
        theirs[3].tool: "differs",
        twin.tool: "ambiguous",
        gone.tool: "missing",
    }
    difference = "the document takes and requires needed_now (query)"
    assert rows[theirs[3].tool]["differences"] == [difference]
    assert {one["path"] for one in rows[twin.tool]["candidates"]} == {theirs[5].path, twin.path}
    text = Path("out.toml").read_text(encoding="utf-8")
    assert facts["entries"] == len(OURS) - 2 == len(tomllib.loads(text)["tools"])
    assert f"# differs: {difference}" in text
    assert f"# - {gone.tool} is not in the document" in text


def test_what_no_entry_can_be_written_for_says_why(folder: Path) -> None:
    theirs = given(OURS)
    at = next(at for at, one in enumerate(theirs) if one.path.count("{") == 1)
    theirs[at] = theirs[at].changed(
        path=f"{theirs[at].path}/{{colour}}",
        parameters={**theirs[at].parameters, ("path", "colour"): True},
    )
    document = swagger_2(theirs)
    del document["basePath"]
    (folder / "swagger.json").write_text(as_json(document), encoding="utf-8")

    result = bind(VENDOR, "swagger.json")

    assert "no entry: no required argument" in result.output
    assert "_BASE_URL" not in result.output
    text = Path(DEFAULT).read_text(encoding="utf-8")
    assert theirs[at].tool not in tomllib.loads(text)["tools"]
    assert f"# - {theirs[at].tool} is " in text


def test_no_file_is_replaced_unless_somebody_says_so(document: str) -> None:
    Path(DEFAULT).write_text("my approvals", encoding="utf-8")

    result = bind(VENDOR, document)

    assert result.exit_code == FAILED
    assert "is there already" in result.stderr
    assert Path(DEFAULT).read_text(encoding="utf-8") == "my approvals"
    assert bind(VENDOR, document, "--force").exit_code == 0
    assert "my approvals" not in Path(DEFAULT).read_text(encoding="utf-8")


def test_a_link_that_leads_to_no_file_yet_is_not_followed(document: str, folder: Path) -> None:
    Path(DEFAULT).symlink_to(folder / "elsewhere.toml")

    result = bind(VENDOR, document)

    assert result.exit_code == FAILED
    assert "is there already" in result.stderr
    assert not (folder / "elsewhere.toml").exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("<html><body>Cirrus 2</body></html>", "is a web page"),
        ("words and more words", "not even an object"),
        ("a: &x [*x]", "contains itself"),
        ('{"swagger": "2.0", "paths": {}}', "describes no operation"),
        ("openapi: 3.0.0\npaths: {/a: {$ref: 'https://example.com/a'}}", "nothing is fetched"),
        ("openapi: 3.0.0\npaths: {/pets: {get: {summary: All pets}}}", "may be another document"),
        ('{"a\\u001b[2J": 1, "a\\u001b[2J": 2}', "twice"),
    ],
)
def test_garbage_is_explained_and_nothing_is_written(
    content: str, words: str, folder: Path
) -> None:
    (folder / "document").write_text(content, encoding="utf-8")

    result = bind(VENDOR, "document")

    assert (result.exit_code, result.stdout) == (FAILED, "")
    assert words in result.stderr
    assert result.stderr.endswith("Nothing was written.\n")
    assert "\x1b" not in result.stderr
    assert [entry.name for entry in folder.iterdir()] == ["document"]


def test_a_file_that_is_not_there_is_no_document() -> None:
    result = bind(VENDOR, "nothing.json")

    assert (result.exit_code, result.stdout) == (FAILED, "")
    assert "nothing.json is no file" in result.stderr


def test_a_folder_that_is_not_there_takes_no_file(document: str) -> None:
    result = bind(VENDOR, document, "--output", "nowhere/out.toml")

    assert result.exit_code == FAILED
    assert "nowhere/out.toml cannot be written" in result.stderr


def test_only_a_vendor_that_reads_such_a_file_is_bound(document: str) -> None:
    for vendor, words in (("fivecrm", "reads no binding file"), ("nobody", "no vendor 'nobody'")):
        result = bind(vendor, document)

        assert result.exit_code == CONFIG
        assert words in result.stderr


def test_a_text_of_the_document_is_no_markup_and_moves_no_cursor(folder: Path) -> None:
    theirs = given(OURS)
    theirs[0] = theirs[0].changed(summary=f"[red]{theirs[0].summary}\x1b[2J\u202e[/red]")
    (folder / "swagger.json").write_text(as_json(swagger_2(theirs)), encoding="utf-8")

    result = bind(VENDOR, "swagger.json")

    assert result.exit_code == 0
    assert "[red]" in result.output
    assert not {"\x1b", "\u202e"} & set(result.output)
