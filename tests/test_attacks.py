"""Trying to break the promises of guardrails.md: the sandbox saw no write, or exactly one."""

import json
import logging
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client

from crm_mcp.app import SANDBOX_ORIGIN, App, load_catalogue, open_app, sandbox_settings
from crm_mcp.commands.doctor import doctor
from crm_mcp.commands.setup import Setup, start_logging
from crm_mcp.config import General, Settings
from crm_mcp.errors import Refused, StateError
from crm_mcp.parties import Caller
from crm_mcp.sandbox.app import Sandbox
from crm_mcp.sandbox.faults import Fault
from crm_mcp.server import build_server
from crm_mcp.testing import sandbox_client
from crm_mcp.vendors import load_vendor_code

WRITE = "fivecrm_customer_products_import"
PRODUCT = {"account": "1", "product": "Oak desk", "manufacturer": "Woodworks"}
IMPORT = {"area": "001", "customerProducts": [{**PRODUCT, "reference": "T-1"}]}


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(load_catalogue())


def writes(sandbox: Sandbox) -> int:
    return sum(seen.changed for seen in sandbox.log)


def settings_in(folder: Path, sandbox: Sandbox, **general: Any) -> Settings:
    given = General.model_validate({"state_dir": folder, **general})
    return sandbox_settings(Settings(general=given), sandbox, SANDBOX_ORIGIN)


# Read-only, allow and deny


@pytest.mark.anyio
@pytest.mark.parametrize("protocol", ["auto", "legacy"])
async def test_read_only_neither_lists_nor_sends_a_write(protocol: str, sandbox: Sandbox) -> None:
    async with sandbox_client(mode="read_only", protocol=protocol, sandbox=sandbox) as client:
        listed = (await client.list_tools()).tools
        refused = await client.call_tool(WRITE, IMPORT)
        dry = await client.call_tool(WRITE, {**IMPORT, "_dry_run": True})

    assert all(tool.annotations and tool.annotations.read_only_hint for tool in listed)
    for result in (refused, dry):
        assert result.structured_content is not None
        assert result.structured_content["error"] == "refused"
    assert sandbox.log == ()


@pytest.mark.anyio
@pytest.mark.parametrize(
    "policy",
    [
        {"deny": "*_import"},
        {"allow": "*_list"},
        {"allow": "fivecrm_*", "deny": WRITE},
        {"max_bulk": 1},
    ],
)
async def test_what_is_not_allowed_is_not_sent(policy: dict[str, Any], sandbox: Sandbox) -> None:
    two = {**IMPORT, "customerProducts": [PRODUCT, PRODUCT]}
    async with sandbox_client(sandbox=sandbox, **policy) as client:
        result = await client.call_tool(WRITE, two)

    assert result.structured_content is not None
    assert result.structured_content["error"] == "refused"
    told = json.dumps(result.structured_content)
    assert not any(word in told for word in ("CRM_MCP", "MODE", "ALLOW", "DENY", "toml", "--"))
    assert sandbox.log == ()


@pytest.mark.anyio
async def test_the_hour_s_writes_run_out(sandbox: Sandbox) -> None:
    async with sandbox_client(sandbox=sandbox, max_writes_per_hour=2) as client:
        results = [
            await client.call_tool(WRITE, {"area": "001", "customerProducts": [PRODUCT]})
            for _ in range(3)
        ]

    assert [result.is_error for result in results] == [False, False, True]
    assert writes(sandbox) == 2


# Where the record cannot be kept


@pytest.mark.anyio
@pytest.mark.parametrize("broken", ["Audit.append", "Ledger.count_write"])
async def test_a_write_that_cannot_be_recorded_is_not_sent(
    broken: str, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise StateError("disk full at /some/path")

    module = "crm_mcp.audit" if broken.startswith("Audit") else "crm_mcp.ledger"
    monkeypatch.setattr(f"{module}.{broken}", fail)
    settings = settings_in(tmp_path, sandbox, mode="unattended")
    async with open_app(settings, load_catalogue(), sandbox) as app:
        with pytest.raises(Refused) as caught:
            await app.pipeline.call(WRITE, IMPORT, Caller())

    assert "disk" not in caught.value.message
    assert sandbox.log == ()


@pytest.mark.anyio
async def test_a_question_that_cannot_be_written_down_is_not_asked(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    (tmp_path / "state").write_text("a file where the folder should be", encoding="utf-8")
    settings = settings_in(tmp_path / "state", sandbox)
    async with open_app(settings, load_catalogue(), sandbox) as app:
        with pytest.raises(Refused):
            await app.pipeline.call(WRITE, IMPORT, Caller())

    assert [seen.operation for seen in sandbox.log] == ["fivecrm_areas_get"]


@pytest.mark.anyio
async def test_an_outcome_that_cannot_be_recorded_is_told_and_logged(
    sandbox: Sandbox,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings = settings_in(tmp_path, sandbox, mode="unattended")
    async with open_app(settings, load_catalogue(), sandbox) as app:
        append = app.audit.append

        def fail_at_the_end(event: str, **facts: Any) -> None:
            if event == "result":
                raise StateError("disk full")
            append(event, **facts)

        monkeypatch.setattr(app.audit, "append", fail_at_the_end)
        outcome = await app.pipeline.call(WRITE, IMPORT, Caller())

    assert outcome.status == "done"
    assert "could not be recorded" in caplog.text
    assert writes(sandbox) == 1


# A write whose answer is lost


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("fault", "written"),
    [
        (Fault(kind="error_before"), 0),
        (Fault(kind="error_after"), 1),
        (Fault(kind="drop_before"), 0),
        (Fault(kind="drop_after"), 1),
        (Fault(kind="invalid_json"), 1),
        (Fault(kind="latency", seconds=30.0), 1),
    ],
    ids=lambda value: getattr(value, "kind", value),
)
async def test_a_write_without_a_clear_answer_is_unknown_and_not_repeated(
    fault: Fault, written: int, sandbox: Sandbox
) -> None:
    sandbox.faults.plan(fault)
    async with sandbox_client(sandbox=sandbox, timeout=0.2) as client:
        result = await client.call_tool(WRITE, IMPORT)

    assert result.structured_content is not None
    assert result.structured_content["error"] == "unknown_outcome"
    assert result.structured_content["status"] == "unknown"
    assert "Look in the CRM" in result.structured_content["hint"]
    assert len(sandbox.log) == 1
    assert writes(sandbox) == written


@pytest.mark.anyio
async def test_a_write_that_is_cancelled_on_its_way_is_finished_and_recorded(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_in(tmp_path, sandbox, mode="unattended")
    async with open_app(settings, load_catalogue(), sandbox) as app:
        with anyio.CancelScope() as scope:
            write = app.pipeline._write  # noqa: SLF001 - the moment after the yes

            async def cancelled_meanwhile(*arguments: Any) -> Any:
                scope.cancel()
                return await write(*arguments)

            monkeypatch.setattr(app.pipeline, "_write", cancelled_meanwhile)
            await app.pipeline.call(WRITE, IMPORT, Caller())
        events = [(line["event"], line.get("status")) for line in app.audit.lines()]

    assert events == [("sending", None), ("result", "done")]
    assert writes(sandbox) == 1


# Secrets


MARKER = "s3cr3t/&=+marker ü"


@pytest.mark.anyio
async def test_the_credential_appears_nowhere(
    sandbox: Sandbox,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Run everything that prints, stores or answers with a marked credential, at DEBUG."""
    settings = settings_in(tmp_path, sandbox, log_level="DEBUG")
    given = {**sandbox.settings("fivecrm", SANDBOX_ORIGIN), "hash": MARKER}
    marked = load_vendor_code("fivecrm").settings.model_validate(given)
    settings = settings.model_copy(update={"vendors": {"fivecrm": marked}})
    heard: list[str] = [repr(settings), str(marked)]
    with caplog.at_level(logging.DEBUG):
        async with open_app(settings, load_catalogue(), sandbox) as app:
            heard += await _everything(app, sandbox)
        await doctor(Setup(settings, load_catalogue(), sandbox))
    heard += [caplog.text, *capsys.readouterr()]
    heard += _stored(tmp_path)

    assert any("Unauthorised" in text for text in heard)
    spellings = (MARKER, "s3cr3t", "marker ü", "s3cr3t%2F", json.dumps(MARKER)[1:-1])
    for text in heard:
        assert not any(spelling in text for spelling in spellings)


def _stored(folder: Path) -> list[str]:
    return [path.read_bytes().decode("utf-8", "replace") for path in folder.rglob("*")]


async def _everything(app: App, sandbox: Sandbox) -> list[str]:
    """Read, fail, ask, and be answered by a CRM that repeats the credential."""
    heard = []
    async with Client(build_server(app)) as client:
        calls: list[tuple[str, dict[str, Any]]] = [
            ("fivecrm_areas_list", {}),
            ("fivecrm_areas_get", {"area": MARKER}),
            (WRITE, {**IMPORT, "_dry_run": True}),
            (WRITE, {"area": "001", "customerProducts": [{**PRODUCT, "text": MARKER}]}),
        ]
        for name, arguments in calls:
            result = await client.call_tool(name, arguments)
            heard.append(result.model_dump_json())
        sandbox.faults.plan(Fault(kind="drop_before"))
        heard.append((await client.call_tool("fivecrm_areas_list", {})).model_dump_json())
    heard += [waiting.preview for waiting in app.ledger.waiting()]
    return heard


def test_the_terminal_s_log_masks_the_credential(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = settings_in(tmp_path, sandbox, log_level="DEBUG")
    secret = settings.secrets()[0]
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        start_logging(settings)
        trace = RuntimeError(f"in a trace: {secret}")
        logging.getLogger("anything").error("in a line: %s", secret, exc_info=trace)
        for handler in root.handlers:
            handler.flush()
    finally:
        root.handlers, root.level = handlers, level

    told = capsys.readouterr().err
    assert "in a line: •••" in told
    assert "in a trace: •••" in told
    assert secret not in told
