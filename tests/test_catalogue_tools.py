"""Our own four tools: they find, describe and call every other tool, by the same rules."""

import sys
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from mcp import Client

from crm_mcp.catalogue.asks import TOOLS, Ask
from crm_mcp.check.dialects import dialect_problems
from crm_mcp.sandbox.app import Sandbox
from crm_mcp.search.words import stem
from crm_mcp.testing import sandbox_client

pytestmark = pytest.mark.anyio

ERAS = pytest.mark.parametrize("protocol", ["auto", "legacy"])
OURS = ["crm_find_tools", "crm_describe_tool", "crm_call_read", "crm_call_write"]
CREATE, LIST = "interact_task_lists_create", "interact_task_lists_list"
WRITE: dict[str, Any] = {"name": CREATE, "arguments": {"title": "Autumn"}}


@pytest.fixture
def sandbox() -> Sandbox:
    from crm_mcp.app import load_catalogue

    return Sandbox(load_catalogue())


@pytest.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[Client]:
    async with sandbox_client(sandbox=sandbox, toolsets=("fivecrm.system",)) as connected:
        yield connected


async def call(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool(tool, arguments)
    content: dict[str, Any] = result.structured_content or {}
    assert result.is_error == ("error" in content)
    return content


async def found(client: Client, query: str, **more: Any) -> list[str]:
    answer = await call(client, "crm_find_tools", query=query, **more)
    return [row["name"] for row in answer["data"]]


def writes(sandbox: Sandbox) -> int:
    return sum(seen.changed for seen in sandbox.log)


async def test_they_stand_before_the_tools_that_are_listed(client: Client) -> None:
    listed = [tool.name for tool in (await client.list_tools()).tools]

    assert listed[:4] == OURS
    assert all(name.startswith("fivecrm_") for name in listed[4:])


async def test_words_find_a_tool_that_is_not_listed(client: Client) -> None:
    assert (await found(client, "unpaid purchase orders", vendor="synergist"))[0] == (
        "synergist_purchases_list"
    )
    assert CREATE in await found(client, "add a list for tasks", effect="create")


async def test_typing_errors_and_accents_are_forgiven(client: Client) -> None:
    assert await found(client, "tmier strat", vendor="synergist") != []
    assert "synergist_expense_sheets_approve" in await found(client, "Spesen genehmigen", limit=3)


def test_searches_at_once_understand_words_as_one_alone_does() -> None:
    endings = ("s", "ing", "ization", "fulness", "ational", "ies", "edly")
    spoken = [
        f"{chr(97 + n % 26) * 3}ber{n % 7 * 'o'}t{end}" for n in range(182) for end in endings
    ]

    def turned(n: int) -> list[str]:
        return spoken[n:] + spoken[:n]

    stem.cache_clear()
    alone = {(word, stem(word)) for word in spoken}
    stem.cache_clear()
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as threads:
            together = list(threads.map(lambda n: list(map(stem, turned(n))), range(8)))
    finally:
        sys.setswitchinterval(usual)
    assert [set(zip(turned(n), one, strict=True)) for n, one in enumerate(together)] == [alone] * 8


async def test_an_answer_is_as_long_as_asked_and_says_how_many_there_are(client: Client) -> None:
    answer = await call(client, "crm_find_tools", query="list contacts", limit=2)

    assert len(answer["data"]) == answer["page"]["returned"] == 2
    assert answer["page"]["total"] > 2
    assert answer["data"][0].keys() >= {"name", "title", "effect"}


async def test_filters_hold_for_each_result(client: Client) -> None:
    answer = await call(
        client, "crm_find_tools", query="delete", effect="delete", vendor="interact"
    )

    assert answer["data"]
    for row in answer["data"]:
        assert row["name"].startswith("interact_")
        assert row["effect"] == "delete"


async def test_words_that_say_nothing_get_advice(client: Client) -> None:
    answer = await call(client, "crm_find_tools", query="xyzzy qwrtp")

    assert answer["data"] == []
    assert "other words" in answer["hint"]


async def test_tools_that_are_switched_off_are_not_found() -> None:
    async with sandbox_client(deny=("interact_tasks_*",)) as client:
        names = await found(client, "tasks of interact", vendor="interact", limit=25)
        assert not [name for name in names if name.startswith("interact_tasks_")]
        # Credentials want to be allowed by name.
        assert "synergist_password_hashes_get" not in await found(client, "password hash")


async def test_a_description_has_all_that_a_call_needs(client: Client) -> None:
    described = (await call(client, "crm_describe_tool", name=CREATE))["data"]

    assert described["asks_a_person"] is True
    assert described["inputSchema"]["properties"].keys() >= {"title", "_dry_run"}
    assert described["example"].keys() <= described["inputSchema"]["properties"].keys()
    assert described["reply"]


async def test_a_name_that_is_none_is_told_with_the_nearest(client: Client) -> None:
    for tool in ("crm_describe_tool", "crm_call_read", "crm_call_write"):
        answer = await call(client, tool, name="interact_task_list_create")
        assert answer["error"] == "unknown_tool"
        assert CREATE in answer["nearest"]


async def test_our_own_tools_are_not_called_through_each_other(client: Client) -> None:
    answer = await call(client, "crm_call_read", name="crm_call_write", arguments=WRITE)

    assert answer["error"] == "unknown_tool"


async def test_a_read_brings_what_the_tool_itself_brings(client: Client) -> None:
    assert await call(client, "crm_call_read", name=LIST) == await call(client, LIST)
    assert await call(client, "crm_call_write", name=LIST) == await call(client, LIST)


async def test_arguments_may_come_as_text(client: Client, sandbox: Sandbox) -> None:
    done = await call(client, "crm_call_write", name=CREATE, arguments='{"title": "Autumn"}')
    broken = await call(client, "crm_call_write", name=CREATE, arguments='{"title": ')

    assert done["status"] == "done"
    assert broken["error"] == "invalid_arguments"
    assert writes(sandbox) == 1


async def test_what_reads_never_writes(client: Client, sandbox: Sandbox) -> None:
    answer = await call(client, "crm_call_read", **WRITE)

    assert answer["error"] == "invalid_arguments"
    assert "crm_call_write" in answer["hint"]
    assert writes(sandbox) == 0


@pytest.mark.parametrize(
    ("tool", "arguments", "words"),
    [
        ("crm_find_tools", {"qery": "x"}, "query: Field required"),
        ("crm_find_tools", {"query": ""}, "query"),
        ("crm_find_tools", {"query": "x", "limit": 1000}, "limit"),
        ("crm_find_tools", {"query": "x", "effect": "destroy"}, "effect"),
        ("crm_describe_tool", {}, "name: Field required"),
        ("crm_call_read", {"name": LIST, "arguments": [1]}, "arguments"),
        ("crm_call_read", {"name": LIST, "confirm": True}, "confirm"),
    ],
)
async def test_arguments_that_do_not_fit_are_named(
    client: Client, tool: str, arguments: dict[str, Any], words: str
) -> None:
    answer = await call(client, tool, **arguments)

    assert answer["error"] == "invalid_arguments"
    assert words in answer["message"]
    assert "It takes" in answer["hint"]


@ERAS
@pytest.mark.parametrize("decision", ["approve", "reject"])
async def test_a_person_is_asked_exactly_what_the_tool_itself_would_ask(
    sandbox: Sandbox, protocol: str, decision: Any
) -> None:
    previews: list[str] = []

    def person(preview: str) -> Any:
        previews.append(preview)
        return decision

    options: dict[str, Any] = {"mode": "confirm", "person": person, "protocol": protocol}
    async with sandbox_client(sandbox=sandbox, **options) as client:
        through = await call(client, "crm_call_write", **WRITE)
        itself = await call(client, CREATE, **WRITE["arguments"])

    assert previews[0] == previews[1]
    expected = "done" if decision == "approve" else "not_confirmed"
    assert [answer.get("status", answer.get("error")) for answer in (through, itself)] == [
        expected
    ] * 2
    assert writes(sandbox) == (2 if decision == "approve" else 0)


async def test_one_question_stands_for_a_write_whichever_way_it_comes(sandbox: Sandbox) -> None:
    async with sandbox_client(sandbox=sandbox, mode="confirm") as client:
        first = await call(client, "crm_call_write", **WRITE)
        second = await call(client, CREATE, **WRITE["arguments"])

    assert first["error"] == second["error"] == "approval_required"
    assert first["approval"] == second["approval"]
    assert writes(sandbox) == 0


@ERAS
async def test_a_server_that_only_reads_offers_no_way_to_write(
    sandbox: Sandbox, protocol: str
) -> None:
    async with sandbox_client(sandbox=sandbox, mode="read_only", protocol=protocol) as client:
        listed = [tool.name for tool in (await client.list_tools()).tools]
        answer = await call(client, "crm_call_write", **WRITE)
        names = await found(client, "create a task", limit=25)

    assert "crm_call_write" not in listed
    assert answer["error"] == "refused"
    assert CREATE not in names
    assert writes(sandbox) == 0


async def test_a_dry_run_sends_nothing(client: Client, sandbox: Sandbox) -> None:
    shown = await call(
        client, "crm_call_write", name=CREATE, arguments={"title": "Autumn", "_dry_run": True}
    )

    assert shown["status"] == "not_done"
    assert "Autumn" in shown["data"]["preview"]
    assert writes(sandbox) == 0


@pytest.mark.parametrize("ask", TOOLS.values(), ids=TOOLS)
def test_our_own_tools_keep_the_rules_about_schemas_too(ask: type[Ask]) -> None:
    entry = ask.entry()

    assert list(dialect_problems(entry["name"], entry["inputSchema"])) == []
    assert entry["inputSchema"]["additionalProperties"] is False
