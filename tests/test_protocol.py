"""The server as an MCP client sees it, in both protocol eras."""

import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Literal

import anyio
import pytest
from mcp import Client, MCPError
from mcp_types import INVALID_PARAMS, ListToolsResult

from crm_mcp.app import SANDBOX_ORIGIN, load_catalogue, open_app, sandbox_settings
from crm_mcp.catalogue.asks import TOOLS
from crm_mcp.config import General, Settings
from crm_mcp.entries import list_entry
from crm_mcp.operation import Operation
from crm_mcp.received import Received
from crm_mcp.sandbox.app import Sandbox
from crm_mcp.server import Handlers
from crm_mcp.testing import sandbox_client
from crm_mcp.views import Views

pytestmark = pytest.mark.anyio

ERAS = ("auto", "legacy")
PRODUCT = {"account": "1", "product": "Oak desk", "manufacturer": "Woodworks"}
IMPORT = {"area": "001", "customerProducts": [{**PRODUCT, "reference": "T-1"}]}


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(load_catalogue())


@pytest.fixture(params=ERAS)
async def client(request: pytest.FixtureRequest, sandbox: Sandbox) -> AsyncIterator[Client]:
    async with sandbox_client(
        protocol=request.param, sandbox=sandbox, toolsets=("all",)
    ) as connected:
        yield connected


async def test_the_list_carries_each_operation_s_exact_schema_and_hints(client: Client) -> None:
    listed = (await client.list_tools()).tools

    wire = [tool.model_dump(by_alias=True, mode="json", exclude_none=True) for tool in listed]
    assert wire == _entries()


async def test_the_prepared_list_is_what_the_sdk_would_have_made(client: Client) -> None:
    listed = await client.list_tools()

    modelled = ListToolsResult.model_validate({"tools": _entries()})
    assert listed.tools == modelled.tools
    assert listed.next_cursor is None


async def test_the_sdk_is_told_the_schema_of_each_tool_and_of_no_other(tmp_path: Path) -> None:
    settings = Settings(general=General(state_dir=tmp_path))
    connected = sandbox_settings(settings, Sandbox(load_catalogue()), SANDBOX_ORIGIN)
    async with open_app(connected, load_catalogue()) as app:
        handlers = Handlers(app, Views(app), Received())
        listed = await handlers.list_tools(None, None)  # type: ignore[arg-type]

    assert [tool.input_schema for tool in listed.tools] == [
        handlers.input_schema(tool.name) for tool in listed.tools
    ]
    assert handlers.input_schema("nothing") is None


async def test_a_cursor_that_was_never_given_out_is_refused(client: Client) -> None:
    with pytest.raises(MCPError) as caught:
        await client.list_tools(cursor="2")

    assert caught.value.error.code == INVALID_PARAMS


async def test_the_list_may_be_cached_by_clients_that_know_how() -> None:
    async with sandbox_client() as client:
        listed = await client.list_tools()

    assert (listed.ttl_ms, listed.cache_scope) == (3_600_000, "private")


async def test_a_result_is_structured_and_the_same_as_text(client: Client) -> None:
    result = await client.call_tool("fivecrm_areas_get", {"area": "001"})

    assert not result.is_error
    (content,) = result.content
    assert content.type == "text"
    assert json.loads(content.text) == result.structured_content
    assert result.structured_content == {
        "data": {
            "number": "001",
            "name": "Sales",
            "description": "Customers and what they buy",
            "active": True,
            "isMultipleProjects": False,
        },
        "source": {
            "vendor": "fivecrm",
            "account": "fivecrm (sandbox)",
            "evidence": "documented",
            "simulated": True,
        },
    }


async def test_an_unknown_tool_is_a_protocol_error_that_names_the_nearest(client: Client) -> None:
    with pytest.raises(MCPError) as caught:
        await client.call_tool("fivecrm_area_list", {})

    assert caught.value.error.code == INVALID_PARAMS
    assert caught.value.error.data["nearest"][0] == "fivecrm_areas_list"


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"area": 1}, "area must be text, not a whole number"),
        ({}, "area is missing"),
        ({"area": "001", "aera": "1"}, "aera is unknown (did you mean area?)"),
        ({"area": "0011"}, "area has 4 characters; at most 3 are allowed"),
        ({"area": "x" * 10_000_000}, "area is too long"),
        ({"area": None}, "area must be text, not null"),
        ({"area": ["001"]}, "area must be text, not a list"),
    ],
)
async def test_bad_arguments_are_named_with_an_example_and_nothing_is_sent(
    client: Client, sandbox: Sandbox, arguments: dict[str, object], named: str
) -> None:
    result = await client.call_tool("fivecrm_areas_get", arguments)

    assert result.is_error
    assert result.structured_content is not None
    assert result.structured_content["error"] == "invalid_arguments"
    assert named in result.structured_content["message"]
    assert '{"area": "001"}' in result.structured_content["hint"]
    assert len(json.dumps(result.structured_content)) < 1_000
    assert sandbox.log == ()


@pytest.mark.parametrize("text", ["Desk, Chair", json.dumps([PRODUCT])[:-1], json.dumps(PRODUCT)])
async def test_text_that_is_no_list_is_refused_where_a_list_is_due(
    client: Client, sandbox: Sandbox, text: str
) -> None:
    arguments = {"area": "001", "customerProducts": text}

    result = await client.call_tool("fivecrm_customer_products_import", arguments)

    assert result.structured_content is not None
    assert "customerProducts must be a list, not text" in result.structured_content["message"]
    assert sandbox.log == ()


async def test_missing_criteria_are_told_as_a_rule(client: Client, sandbox: Sandbox) -> None:
    result = await client.call_tool("fivecrm_privacy_details_search", {"area": "001"})

    assert result.structured_content is not None
    assert "give at least one of contName, contEmail" in result.structured_content["message"]
    assert sandbox.log == ()


async def test_a_partial_success_is_told_item_by_item(client: Client) -> None:
    products = [{**PRODUCT, "reference": "A-1"}, {**PRODUCT, "account": "404", "reference": "A-2"}]

    result = await client.call_tool(
        "fivecrm_customer_products_import", {"area": "001", "customerProducts": products}
    )

    assert not result.is_error
    assert result.structured_content is not None
    assert result.structured_content["status"] == "partly_done"
    (failed,) = result.structured_content["not_done"]
    assert failed["item"]["reference"] == "A-2"
    assert failed["errors"] == ["Account (404) does not exist in database area (001)"]


async def test_no_matching_contact_is_an_empty_result(client: Client) -> None:
    result = await client.call_tool(
        "fivecrm_privacy_details_search", {"area": "001", "contName": "Nobody At All"}
    )

    assert result.structured_content is not None
    assert result.structured_content["data"] == []
    assert result.structured_content["page"] == {"returned": 0}


async def test_a_dry_run_shows_the_request_and_sends_nothing(
    client: Client, sandbox: Sandbox
) -> None:
    result = await client.call_tool(
        "fivecrm_customer_products_import", {**IMPORT, "_dry_run": True}
    )

    assert result.structured_content is not None
    assert result.structured_content["status"] == "not_done"
    assert "POST http://sandbox.localhost" in result.structured_content["data"]["preview"]
    assert [seen.operation for seen in sandbox.log] == ["fivecrm_areas_get"]


async def test_a_dry_run_that_is_no_truth_value_is_refused(
    client: Client, sandbox: Sandbox
) -> None:
    result = await client.call_tool(
        "fivecrm_customer_products_import", {**IMPORT, "_dry_run": "yes"}
    )

    assert result.structured_content is not None
    assert "_dry_run must be true or false" in result.structured_content["message"]
    assert sandbox.log == ()


async def test_a_write_reports_its_progress(client: Client) -> None:
    steps: list[tuple[float, str | None]] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        assert total is None
        steps.append((progress, message))

    await client.call_tool("fivecrm_customer_products_import", IMPORT, progress_callback=note)

    assert steps == [(1.0, "writing")]


@pytest.mark.parametrize("era", ERAS)
async def test_a_fault_of_ours_tells_the_client_a_number_and_the_log_the_rest(
    era: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def explode(*_: object) -> None:
        raise RuntimeError("inner detail 4711")

    monkeypatch.setattr("crm_mcp.pipeline.respond", explode)
    async with sandbox_client(protocol=era) as client:
        with caplog.at_level(logging.ERROR, "crm_mcp"):
            result = await client.call_tool("fivecrm_areas_list", {})

    assert result.is_error
    told = result.structured_content
    assert told is not None
    assert told["error"] == "internal"
    assert "4711" not in json.dumps(told)
    number = told["message"].partition("number ")[2][:8]
    assert number in caplog.text
    assert "inner detail 4711" in caplog.text


async def test_a_call_that_is_cancelled_while_reading_stops(sandbox: Sandbox) -> None:
    waiting = anyio.Event()

    async def never(_: float) -> None:
        waiting.set()
        await anyio.sleep_forever()

    async with sandbox_client(protocol="legacy", sandbox=sandbox) as client:
        async with anyio.create_task_group() as tasks:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("crm_mcp.client.Pace.turn", never)
                tasks.start_soon(client.call_tool, "fivecrm_areas_list", {})
                with anyio.fail_after(5):
                    await waiting.wait()
                tasks.cancel_scope.cancel()
        result = await client.call_tool("fivecrm_areas_list", {})

    assert not result.is_error
    assert [seen.operation for seen in sandbox.log] == ["fivecrm_areas_list"]


async def test_only_the_chosen_toolsets_are_listed_and_the_others_stay_callable() -> None:
    async with sandbox_client(toolsets="fivecrm.system") as client:
        listed = [tool.name for tool in (await client.list_tools()).tools]
        unlisted = await client.call_tool("fivecrm_owners_list", {"area": "001"})

    assert listed == [*TOOLS, "fivecrm_areas_get", "fivecrm_areas_list", "fivecrm_hash_validate"]
    assert not unlisted.is_error


async def test_a_large_result_drops_whole_items_and_says_so() -> None:
    async with sandbox_client() as client:
        whole = await client.call_tool("fivecrm_owners_list", {"area": "001"})
    assert whole.structured_content is not None
    owners = whole.structured_content["page"]["returned"]
    async with sandbox_client(max_result_chars=1_000) as client:
        result = await client.call_tool("fivecrm_owners_list", {"area": "001"})

    assert result.structured_content is not None
    assert len(json.dumps(result.structured_content, separators=(",", ":"))) <= 1_000
    truncated = result.structured_content["truncated"]
    assert truncated["from"] == "data"
    assert truncated["dropped"] + len(result.structured_content["data"]) == owners


def _entries() -> list[dict[str, Any]]:
    """Write the entries of our own tools and of those that are offered."""
    own = [tool.entry() for tool in TOOLS.values()]
    return [*own, *(list_entry(operation) for operation in _operations())]


def _operations() -> list[Operation]:
    """List what is offered where the operator names no tool.

    Credentials want to be named, and so does a guessed write where nobody is asked.
    """
    everything = [one for each in load_catalogue().values() for one in each]
    known = [one for one in everything if "credential" not in one.traits]
    return [one for one in known if not (one.is_write and one.source.evidence == "inferred-weak")]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("mode", "told"),
    [
        ("read_only", "no write is offered"),
        ("confirm", "shown to a person first"),
        ("unattended", "no person is asked"),
    ],
)
async def test_a_model_is_told_what_becomes_of_writes_here(
    mode: Literal["read_only", "confirm", "unattended"], told: str
) -> None:
    async with sandbox_client(mode=mode) as client:
        instructions = client.instructions or ""

    assert told in instructions
    assert ("shown to a person" in instructions) == (mode == "confirm")
