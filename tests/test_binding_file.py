"""The operator's binding file: only what is approved counts, and what is wrong stops the start."""

import hashlib
import tomllib
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import respx
from hypothesis import given as over
from hypothesis import strategies as st
from openapi_documents import given, openapi_3

from crm_mcp.app import App, Catalogue, open_app, registry_of
from crm_mcp.audit import Audit
from crm_mcp.bind import bind
from crm_mcp.bindings.comparing import Fit
from crm_mcp.bindings.file import BindingFile, load_bindings, rebound
from crm_mcp.bindings.matching import Row, match
from crm_mcp.bindings.openapi import Described, Document, read_openapi
from crm_mcp.bindings.writing import Report, binding_file
from crm_mcp.config import General, load_settings
from crm_mcp.errors import ApprovalRequired, ConfigError, Refused, SchemaError
from crm_mcp.loader import load_operation, load_vendor, schemas_root
from crm_mcp.operation import Operation
from crm_mcp.parties import Caller
from crm_mcp.state import StateFolder

pytestmark = pytest.mark.anyio

BASE = "https://cirrus.example.com/api"
UPDATE, GET, LISTEN = "cirrus_things_update", "cirrus_things_get", "cirrus_things_listen"
OTHER = "cirrus_others_update"
CALL: Mapping[str, Any] = {"id": 7, "name": "Desk", "colours": ["red", "blue"]}
HEAD = 'version = 1\nvendor = "cirrus"\n'
ENTRY = f'[tools.{UPDATE}]\napproved = true\nmethod = "PUT"\npath = "/v2/thing/{{id}}"\n'


def operation(name: str, **changes: Any) -> Operation:
    said = {
        "vendor": "cirrus",
        "toolset": "things",
        "name": name,
        "title": "Change a thing",
        "description": "Change one thing of the CRM, by its id.",
        "effect": "update",
        "source": {
            "document": "cirrus.txt",
            "line": 1,
            "section": "Updates a thing",
            "evidence": "inferred-weak",
        },
        "inputSchema": {
            "type": "object",
            "properties": {
                "id": {"type": "integer"},
                "name": {"type": "string"},
                "note": {"type": "string"},
                "colours": {"type": "array", "maxItems": 5, "items": {"type": "string"}},
            },
            "required": ["id", "name"],
            "additionalProperties": False,
        },
        "request": {
            "method": "POST",
            "path": "/things/{id}",
            "args_in": "json",
            "const": {"query:x": "1"},
            "bind": {"colours": "query", "note": "json#/text"},
            "arrays": {"colours": "comma"},
        },
        "response": {},
        "before": {"none": "There is no such read."},
        "undo": {"kind": "none"},
        "confirm": "Change thing {id}.",
        **changes,
    }
    return Operation.model_validate(said)


def catalogue() -> Catalogue:
    read = {"effect": "read", "before": None, "undo": None, "confirm": ""}
    path = {"path": "/things/{id}", "args_in": "query", "arrays": {"colours": "comma"}}
    listen = {"method": "WS", "path": "/things/{id}", "args_in": "json"}
    gets = operation(GET, **read, request={"method": "GET", **path})
    listens = operation(LISTEN, **read, request=listen)
    elsewhere = {
        "method": "POST",
        "path": "/others/{id}",
        "args_in": "json",
        "const": {"query:x": "1"},
    }
    return {"cirrus": (operation(UPDATE), gets, listens, operation(OTHER, request=elsewhere))}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "bindings.toml"


@pytest.fixture
def wire() -> Iterator[respx.Route]:
    """Stand in for the CRM; a request to any other address is an error."""
    with respx.mock(assert_all_called=False) as router:
        answer = httpx.Response(200, json={"id": 7})
        yield router.route(url__startswith=BASE).mock(return_value=answer)


@asynccontextmanager
async def opened(folder: Path, file: Path | None, mode: str = "unattended") -> AsyncIterator[App]:
    given = {"CIRRUS_BASE_URL": BASE, "CIRRUS_TOKEN": "made-up-token", "MODE": mode}
    given |= {"CIRRUS_BINDINGS": str(file)} if file else {}
    given |= {"STATE_DIR": str(folder / "state"), "MIN_ANSWER_SECONDS": "0"}
    settings = load_settings({f"CRM_MCP_{name}": value for name, value in given.items()})
    async with open_app(settings, catalogue()) as app:
        yield app


def write(file: Path, text: str) -> str:
    """Write a binding file; gives its digest."""
    file.write_text(HEAD + text, encoding="utf-8")
    return hashlib.sha256(file.read_bytes()).hexdigest()


def bound(file: Path, text: str) -> tuple[Operation, ...]:
    write(file, text)
    return rebound(catalogue()["cirrus"], load_bindings(file, "cirrus"))


def refused(file: Path, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        bound(file, text)
    assert str(file) in str(caught.value)
    return str(caught.value)


async def test_an_approved_entry_is_what_is_sent_and_what_the_result_says(
    file: Path, tmp_path: Path, wire: respx.Route
) -> None:
    write(file, ENTRY)

    async with opened(tmp_path, file) as app:
        await app.pipeline.call(UPDATE, CALL, Caller())
        operation = app.pipeline.registry.find(UPDATE)

    request = wire.calls.last.request
    assert request.method == "PUT"
    assert str(request.url) == f"{BASE}/v2/thing/7?x=1&colours=red%2Cblue"
    assert request.content == b'{"name":"Desk"}'
    assert operation.source.evidence == "operator"


async def test_an_entry_that_is_not_approved_changes_nothing(
    file: Path, tmp_path: Path, wire: respx.Route
) -> None:
    write(file, ENTRY.replace("true", "false"))

    async with opened(tmp_path, file) as app:
        assert app.pipeline.registry.operations == catalogue()["cirrus"]
        with pytest.raises(Refused):  # a weak guess, where nobody is asked
            await app.pipeline.call(UPDATE, CALL, Caller())

    assert not wire.called


async def test_the_record_of_a_bound_write_names_the_file_and_the_request(
    file: Path, tmp_path: Path, wire: respx.Route
) -> None:
    digest = write(file, ENTRY)

    async with opened(tmp_path, file) as app:
        await app.pipeline.call(UPDATE, CALL, Caller())

    lines = list(Audit(StateFolder(tmp_path / "state")).lines())
    assert [line["event"] for line in lines] == ["sending", "result"]
    for line in lines:
        assert line["binding"] == {"sha256": digest, "request": "PUT /v2/thing/{id}"}
    assert wire.call_count == 1


async def test_the_record_of_an_unbound_write_names_no_file(tmp_path: Path) -> None:
    async with opened(tmp_path, None, "confirm") as app:
        with pytest.raises(ApprovalRequired):
            await app.pipeline.call(UPDATE, CALL, Caller())

    (line,) = Audit(StateFolder(tmp_path / "state")).lines()
    assert "binding" not in line


async def test_a_yes_given_before_a_binding_or_under_another_one_counts_no_more(
    file: Path, tmp_path: Path, wire: respx.Route
) -> None:
    other = tmp_path / "other.toml"
    write(file, ENTRY)
    write(other, ENTRY.replace("/v2/", "/v3/"))
    seen = set()

    for bindings in (None, file, other):
        async with opened(tmp_path, bindings, "confirm") as app:
            with pytest.raises(ApprovalRequired) as caught:
                await app.pipeline.call(UPDATE, CALL, Caller())
            number = caught.value.details["approval"]["id"]
            app.ledger.decide(number, "approved", "ann")
            seen.add(number)

    assert len(seen) == 3
    assert not wire.called
    async with opened(tmp_path, other, "confirm") as app:  # and under the same one it does count
        await app.pipeline.call(UPDATE, CALL, Caller())
    assert wire.calls.last.request.url.path == "/api/v3/thing/7"


def test_all_but_the_request_stays_and_the_digest_is_another(file: Path) -> None:
    before = catalogue()["cirrus"]
    digests = [one.digest for one in before]

    after = bound(file, ENTRY)

    assert [one.name for one in after] == [one.name for one in before]
    assert after[1:] == before[1:]
    old, new = before[0].model_dump(), after[0].model_dump()
    assert {key for key in old if old[key] != new[key]} == {"request", "source", "binding"}
    assert after[0].digest not in digests


def test_another_byte_in_the_file_is_another_digest(file: Path) -> None:
    first = bound(file, ENTRY)[0].digest

    assert bound(file, f"{ENTRY}# looked at again\n")[0].digest != first


def test_arguments_go_where_the_entry_says(file: Path) -> None:
    entry = 'bind = {note = "query:remark", colours = "json#/paint"}\n'

    changed = bound(file, ENTRY + entry)[0]

    spec = bind(changed, {**CALL, "note": "x"})
    assert spec.query == (("x", "1"), ("remark", "x"))
    assert spec.json == '{"name":"Desk","paint":["red","blue"]}'


def test_a_list_that_comes_into_the_address_says_how_it_is_written(file: Path) -> None:
    listed = f'[tools.{GET}]\napproved = true\nmethod = "POST"\npath = "/t/{{id}}"\n'
    style = 'arrays = {colours = "repeat"}\n'

    spec = bind(bound(file, listed + style)[1], CALL)

    assert spec.query == (("name", "Desk"), ("colours", "red"), ("colours", "blue"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[tools", "is no TOML"),
        ("[tools]\nx = 1", "tools.x"),
        ("approved = true", "approved: Extra inputs"),
        (ENTRY.replace('"PUT"', '"WS"'), f"tools.{UPDATE}.method"),
        (ENTRY.replace("= true", '= "yes"'), f"tools.{UPDATE}.approved"),
        (ENTRY.replace("approved", "aproved"), "aproved: Extra inputs"),
        (ENTRY + 'bind = {note = "cookie:x"}', f"tools.{UPDATE}.bind.note"),
        (ENTRY.replace(UPDATE, "cirrus_things_forget"), "there is no such tool"),
        (ENTRY.replace("{id}", "{thing}"), "{thing} in the path is no argument"),
        (ENTRY.replace("{id}", "{id}/{note}"), "{note} in the path must be a required argument"),
        (ENTRY + 'bind = {id = "query"}', "{id} in the path is not filled"),
        (ENTRY + 'bind = {nothing = "query"}', "names nothing, which is no argument"),
        (ENTRY + 'bind = {note = "query:x"}', "note would replace the constant"),
        (ENTRY + 'bind = {note = "json#/name"}', "name and note go to the same place"),
        (ENTRY + 'arrays = {nothing = "comma"}', "request.arrays names nothing"),
        (ENTRY + 'arrays = {note = "comma"}', "take note from request.arrays"),
        (ENTRY + 'bind = {note = "form"}', "send form fields or JSON, not both"),
        (ENTRY + 'required = ["id"]', "the tool now requires id, name"),
        (ENTRY + 'required = ["id", "name", "note"]', "the tool now requires id, name"),
        (ENTRY.replace(UPDATE, GET), "it reads, and nobody would be asked before a PUT"),
        (ENTRY.replace(UPDATE, LISTEN), "it listens"),
        (
            ENTRY + ENTRY.replace(UPDATE, OTHER),
            "is bound to the same request as cirrus_things_update",
        ),
    ],
)
def test_what_does_not_fit_stops_the_start_with_the_reason(
    text: str, words: str, file: Path
) -> None:
    assert words in refused(file, text)


@pytest.mark.parametrize(
    "path",
    [
        *("things", "//evil.example.com/x", "/a//b", "/../admin", "/a/../b", "/a/./b", "/a?x=1"),
        *("/a#b", "/a b", "/%2e%2e/b", "https://evil.example.com/", "/a\\\\b", "/ä", "/@{id}/.."),
    ],
)
def test_a_path_stays_below_the_address_of_the_crm(path: str, file: Path) -> None:
    assert "stays below the CRM's address" in refused(file, ENTRY.replace("/v2/thing/{id}", path))


def test_a_file_that_is_not_there_or_another_vendor_s_stops_the_start(file: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_bindings(file, "cirrus")
    file.write_text('version = 1\nvendor = "interact"\n', encoding="utf-8")
    with pytest.raises(ConfigError, match="is for 'interact', and cirrus is to read it"):
        load_bindings(file, "cirrus")
    file.write_text(HEAD.replace("1", "2"), encoding="utf-8")
    with pytest.raises(ConfigError, match="version: Input should be 1"):
        load_bindings(file, "cirrus")
    file.write_bytes(b"#" * 2_000_001)
    with pytest.raises(ConfigError, match="it is no binding file"):
        load_bindings(file, "cirrus")


def test_a_file_is_read_for_the_vendor_whose_settings_name_it(file: Path) -> None:
    write(file, ENTRY.replace(UPDATE, "cirrus_nothing_get"))
    given = {"CRM_MCP_CIRRUS_BASE_URL": BASE, "CRM_MCP_CIRRUS_TOKEN": "made-up-token"}

    registry_of(load_settings(given), catalogue())
    with pytest.raises(ConfigError, match="there is no such tool"):
        registry_of(load_settings({**given, "CRM_MCP_CIRRUS_BINDINGS": str(file)}), catalogue())


def test_no_operation_file_says_that_it_is_bound(tmp_path: Path) -> None:
    path = tmp_path / f"{UPDATE}.json"
    path.write_text('{"binding": "0"}', encoding="utf-8")

    with pytest.raises(SchemaError, match="binding is not said in the file"):
        load_operation(path, {})


def report_of(vendor: str) -> tuple[tuple[Operation, ...], Report]:
    operations = load_vendor(schemas_root(), vendor, examples=False)
    document = read_openapi(openapi_3(given(operations)))
    rows = match(operations, document.operations)
    return operations, Report(vendor, "document.json", "0" * 64, document, rows)


@pytest.mark.parametrize("vendor", ["cirrus", "fivecrm", "interact"])
def test_what_is_written_can_be_approved_as_it_is(vendor: str, file: Path) -> None:
    operations, report = report_of(vendor)
    text = binding_file(report)
    file.write_text(text, encoding="utf-8")
    assert load_bindings(file, vendor).entries == {}

    file.write_text(text.replace("approved = false", "approved = true"), encoding="utf-8")
    after = rebound(operations, load_bindings(file, vendor))

    entries = {row.operation.name: row for row in report.rows if row.operation and row.fit}
    assert len(entries) == sum(one.request.method != "WS" for one in operations)
    for old, new in zip(operations, after, strict=True):
        if old.name in entries:
            described = entries[old.name].described
            assert described is not None
            assert new.request.method == described.method
            assert new.source.evidence == "operator"
            assert new.request.model_dump(exclude={"path", "bind"}) == old.request.model_dump(
                exclude={"path", "bind"}
            )


_HOSTILE = st.text(max_size=30) | st.sampled_from(
    ["\n[tools.x]\napproved = true", '"\napproved = true\n"', "\x7f", "\r", "\u2028", '"""', "\\"]
)


@over(_HOSTILE, _HOSTILE, _HOSTILE)
def test_no_text_of_a_document_becomes_a_line_of_the_file(
    summary: str, operation_id: str, base: str
) -> None:
    described = Described("PUT", "/v2/thing/{id}", operation_id, summary)
    other = Described("GET", "/other", operation_id, summary)
    changed = Fit(
        operation(UPDATE), described, "/v2/thing/{id}", {"note": "query:\x7fremark"}, (summary,)
    )
    blocked = Fit(operation(GET), described, "/", blocker=f"no {summary}")
    rows = (
        Row("differs", operation(UPDATE), described, 0.9, changed),
        Row("ambiguous", operation(GET), candidates=(other, described)),
        Row("differs", operation(GET), described, 0.9, blocked),
        Row("missing", operation(LISTEN)),
        Row("new", described=other),
    )
    document = Document("openapi 3.0.0", base, (described, other))

    text = binding_file(Report("cirrus", summary, "0" * 64, document, rows))

    read = BindingFile.model_validate(tomllib.loads(text.encode().decode()))
    assert list(read.tools) == [UPDATE]
    entry = read.tools[UPDATE]
    assert (entry.approved, entry.method, entry.path) == (False, "PUT", "/v2/thing/{id}")
    assert entry.bind == {"note": "query:\x7fremark"}


def test_general_settings_know_no_bindings() -> None:
    assert "bindings" not in General.model_fields
