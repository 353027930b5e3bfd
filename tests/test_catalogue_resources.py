"""The catalogue and each operation as resources: what the tools of ours tell, and no more."""

import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from mcp import Client, MCPError
from mcp_types import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    Completion,
    ResourceTemplateReference,
    TextResourceContents,
)

from crm_mcp.app import load_catalogue
from crm_mcp.catalogue import Catalogue
from crm_mcp.operation import Operation
from crm_mcp.sandbox.app import Sandbox
from crm_mcp.testing import sandbox_client

pytestmark = pytest.mark.anyio

ERAS = ("auto", "legacy")
CATALOGUE = "crm://catalogue"
TEMPLATE = "crm://operations/{name}"
NOTE = "interact_notes_create"


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(load_catalogue())


@pytest.fixture(params=ERAS)
async def client(request: pytest.FixtureRequest, sandbox: Sandbox) -> AsyncIterator[Client]:
    async with sandbox_client(protocol=request.param, sandbox=sandbox, mode="confirm") as connected:
        yield connected


async def read(client: Client, uri: str) -> Any:
    [content] = (await client.read_resource(uri)).contents
    assert isinstance(content, TextResourceContents)
    assert content.mime_type == "application/json"
    return json.loads(content.text)


def operations() -> list[Operation]:
    return [one for all_of in load_catalogue().values() for one in all_of]


def rows(catalogue: Any) -> list[list[str]]:
    return [row for toolset in catalogue["data"] for row in toolset["tools"]]


async def completed(client: Client, typed: str, uri: str = TEMPLATE) -> Completion:
    reference = ResourceTemplateReference(type="ref/resource", uri=uri)
    return (await client.complete(reference, {"name": "name", "value": typed})).completion


async def refused(client: Client, uri: str) -> Any:
    with pytest.raises(MCPError) as caught:
        await client.read_resource(uri)
    expected = -32002 if client.protocol_version < "2026" else INVALID_PARAMS
    assert caught.value.error.code == expected
    return caught.value.error


async def test_the_list_of_resources_is_short_and_a_template_stands_for_the_tools(
    client: Client,
) -> None:
    listed = [one.uri for one in (await client.list_resources()).resources]
    [template] = (await client.list_resource_templates()).resource_templates

    assert listed[0] == CATALOGUE
    assert len(listed) < 5
    assert template.uri_template == TEMPLATE


async def test_the_catalogue_names_every_tool_that_is_offered(client: Client) -> None:
    catalogue = await read(client, CATALOGUE)

    assert catalogue["columns"] == ["name", "effect", "title"]
    assert rows(catalogue) == [
        [one.name, one.effect, one.title] for one in operations() if "credential" not in one.traits
    ]
    assert sum(catalogue["tools"].values()) == len(rows(catalogue))
    assert "truncated" not in catalogue


@pytest.mark.parametrize("era", ERAS)
async def test_what_is_switched_off_stands_in_no_catalogue(era: str) -> None:
    async with sandbox_client(protocol=era, mode="read_only", deny=("cirrus_*",)) as client:
        found = rows(await read(client, CATALOGUE))
        deleting = await completed(client, "delete")
        of_cirrus = await completed(client, "cirrus")

    assert {effect for name, effect, _ in found if not name.startswith("interact_auth_")} == {
        "read"
    }
    assert not [name for name, _, _ in found if name.startswith("cirrus_")]
    assert deleting.values == of_cirrus.values == []


async def test_a_catalogue_that_is_too_long_says_so_and_names_what_finds_the_rest() -> None:
    async with sandbox_client(max_result_chars=5_000) as client:
        [content] = (await client.read_resource(CATALOGUE)).contents
        catalogue = await read(client, CATALOGUE)

    assert isinstance(content, TextResourceContents)
    assert len(content.text) <= 5_000
    assert rows(catalogue)
    assert "crm_find_tools" in catalogue["truncated"]["how"]
    assert sum(catalogue["tools"].values()) > len(rows(catalogue))


async def test_an_operation_is_what_the_tool_of_ours_tells_of_it(client: Client) -> None:
    for name in (NOTE, "cirrus_accounts_list", "synergist_jobs_get", "fivecrm_areas_list"):
        told = await client.call_tool("crm_describe_tool", {"name": name})
        assert await read(client, f"crm://operations/{name}") == told.structured_content


@pytest.mark.parametrize("era", ERAS)
async def test_what_a_server_hides_is_told_no_more_than_by_the_tool_of_ours(era: str) -> None:
    async with sandbox_client(protocol=era, mode="read_only", deny=("synergist_jobs_*",)) as client:
        for name in (NOTE, "synergist_jobs_get", "synergist_password_hashes_get"):
            told = await client.call_tool("crm_describe_tool", {"name": name})
            assert await read(client, f"crm://operations/{name}") == told.structured_content


async def test_a_name_that_is_none_is_not_found_and_the_nearest_are_told(client: Client) -> None:
    error = await refused(client, "crm://operations/interact_note_create")

    assert error.data["uri"] == "crm://operations/interact_note_create"
    assert NOTE in error.data["nearest"]
    assert NOTE in error.message


@pytest.mark.parametrize(
    "uri",
    [
        "crm://operations/",
        "crm://operations/../catalogue",
        "crm://operations/crm_call_write",
        f"crm://operations/{NOTE}/",
        f"crm://operations/{NOTE}?x=1",
        "crm://operations/%2e%2e%2f" + "x" * 100_000,
        "crm://catalogue/",
        "crm://catalogue/../../etc/passwd",
        TEMPLATE,
    ],
)
async def test_what_only_looks_like_a_resource_is_none(client: Client, uri: str) -> None:
    error = await refused(client, uri)

    assert len(json.dumps([error.message, error.data])) < 1_500


async def test_reading_and_completing_asks_no_crm(client: Client, sandbox: Sandbox) -> None:
    await read(client, CATALOGUE)
    await read(client, f"crm://operations/{NOTE}")
    await completed(client, "")

    assert sandbox.log == ()


async def test_names_are_completed_from_their_beginning_first(client: Client) -> None:
    found = (await completed(client, "interact_contact")).values

    begun = [name for name in found if name.startswith("interact_contact")]
    assert "interact_contacts_list" in begun
    assert found[: len(begun)] == sorted(begun)
    assert found[len(begun) :] == sorted(found[len(begun) :])


@pytest.mark.parametrize("typed", ["note create", "Note Cre", "create_note", "  notes   create "])
async def test_names_are_completed_by_words_in_any_order(client: Client, typed: str) -> None:
    assert NOTE in (await completed(client, typed)).values


async def test_a_hundred_names_are_told_and_how_many_there_are(client: Client) -> None:
    everything = await completed(client, "")

    assert len(everything.values) == 100
    assert everything.total == len(rows(await read(client, CATALOGUE)))
    assert everything.has_more is True


@pytest.mark.parametrize("typed", ["xyzzy", "*", "[a-z]", "\u202e", "y" * 1_000_000, "_ x_ q"])
async def test_what_begins_no_name_completes_to_nothing(client: Client, typed: str) -> None:
    found = await completed(client, typed)

    assert (found.values, found.total, found.has_more) == ([], 0, False)


@pytest.mark.parametrize("uri", [CATALOGUE, "crm://operations/x", "file:///{name}"])
async def test_only_the_template_can_be_completed(client: Client, uri: str) -> None:
    with pytest.raises(MCPError) as caught:
        await completed(client, "x", uri)

    assert caught.value.error.code == INVALID_PARAMS


async def test_a_fault_of_ours_tells_the_client_a_number_and_the_log_the_rest(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def explode(*_: object) -> None:
        raise RuntimeError("inner detail 4711")

    monkeypatch.setattr(Catalogue, "describe", explode)
    with caplog.at_level(logging.ERROR, "crm_mcp"), pytest.raises(MCPError) as caught:
        await client.read_resource(f"crm://operations/{NOTE}")

    assert caught.value.error.code == INTERNAL_ERROR
    assert "4711" not in caught.value.error.message
    assert caught.value.error.message.partition("number ")[2][:8] in caplog.text
    assert "inner detail 4711" in caplog.text
