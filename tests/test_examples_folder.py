"""The examples do what they say: each is run, the configurations by a real client."""

import json
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client, StdioServerParameters

pytest_plugins = ["pytester"]

EXAMPLES = Path(__file__).parents[1] / "examples"
# Each configuration, and where it lists its servers.
CONFIGURATIONS = {
    "claude_desktop_config.json": "mcpServers",
    "cursor_mcp.json": "mcpServers",
    "vscode_mcp.json": "servers",
}
# What replaces the placeholders: nothing listens there, and listing tools contacts nobody.
SETTINGS = {
    "CRM_MCP_FIVECRM_BASE_URL": "http://127.0.0.1:9/fivecrm",
    "CRM_MCP_FIVECRM_HASH": "made-up",
}
SECONDS = 60


def servers(configuration: str) -> dict[str, Any]:
    text = (EXAMPLES / configuration).read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)[CONFIGURATIONS[configuration]]
    return found


def test_the_scripted_session_reads_asks_and_writes(pytester: pytest.Pytester) -> None:
    script = EXAMPLES / "scripted_session.py"

    result = pytester.run(sys.executable, "-W", "error", script, timeout=SECONDS)

    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [
            "area 001: Sales",
            "owner Maya: Maya Thornbury",
            "Import 1 customer product into area *001* of FIVE CRM.",
            "*customerProducts[[]0].reference = *SCRIPT-1*",
            '*"SUCCESSFUL": *',
            '*"reference": "SCRIPT-1",',
            '*"status": "done",',
            '*"simulated": true',
        ]
    )
    assert result.errlines == []


def test_the_pytest_example_passes_outside_this_repository(pytester: pytest.Pytester) -> None:
    source = (EXAMPLES / "test_with_fixture.py").read_text(encoding="utf-8")
    pytester.makepyfile(test_with_fixture=source)

    result = pytester.runpytest_subprocess("-W", "error", timeout=SECONDS)

    result.assert_outcomes(passed=3)


def test_every_configuration_in_the_folder_is_started_here() -> None:
    assert {path.name for path in EXAMPLES.glob("*.json")} == CONFIGURATIONS.keys()


@pytest.mark.anyio
@pytest.mark.parametrize("server", ["crm", "crm-sandbox"])
@pytest.mark.parametrize("configuration", CONFIGURATIONS)
async def test_a_configured_server_starts_and_lists_its_tools(
    configuration: str, server: str, tmp_path: Path
) -> None:
    entry = servers(configuration)[server]
    environment = {name: SETTINGS[name] for name in entry.get("env", {})}
    started = StdioServerParameters(
        command=sys.executable,
        args=["-m", "crm_mcp", *entry["args"]],
        env={**environment, "CRM_MCP_STATE_DIR": str(tmp_path)},
    )

    with anyio.fail_after(SECONDS):
        async with Client(started) as client:
            listed = [tool.name for tool in (await client.list_tools()).tools]

    assert entry["command"] == "crm-mcp"
    assert "fivecrm_areas_list" in listed
    assert "fivecrm_customer_products_import" in listed


@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_each_configuration_has_all_that_five_crm_needs_and_a_sandbox(configuration: str) -> None:
    real, sandbox = servers(configuration)["crm"], servers(configuration)["crm-sandbox"]

    assert real["env"].keys() == SETTINGS.keys()
    assert (real["args"], sandbox["args"]) == (["serve"], ["serve", "--sandbox"])
    assert "env" not in sandbox


def test_vs_code_asks_for_each_value_that_its_servers_use() -> None:
    configuration = json.loads((EXAMPLES / "vscode_mcp.json").read_text(encoding="utf-8"))

    asked = {f"${{input:{entry['id']}}}" for entry in configuration["inputs"]}
    used = {
        value
        for entry in servers("vscode_mcp.json").values()
        for value in entry.get("env", {}).values()
    }
    assert asked == used
