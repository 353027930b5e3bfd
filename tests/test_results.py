"""Results as MCP sees them: structured, as text, and with links to the files they name."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from mcp_types import ResourceLink

from crm_mcp.operation import Operation, Response
from crm_mcp.results import MAX_LINKS, tool_result


@pytest.fixture
def base(five: Mapping[str, Operation]) -> Operation:
    return five["fivecrm_areas_list"]


def links(base: Operation, data: Any, *pointers: str) -> list[ResourceLink]:
    operation = base.model_copy(update={"response": Response(links=pointers)})
    content = tool_result({"data": data}, operation).content
    return [block for block in content if isinstance(block, ResourceLink)]


def test_a_result_is_structured_and_the_same_as_text(base: Operation) -> None:
    result = tool_result({"data": {"name": "Åhlund"}}, base)

    assert not result.is_error
    assert [json.loads(block.text) for block in result.content if block.type == "text"] == [
        result.structured_content
    ]


def test_an_error_is_marked_as_one() -> None:
    assert tool_result({"error": "not_found"}).is_error


def test_a_file_that_the_data_name_is_linked_to(base: Operation) -> None:
    data = [{"url": "https://files.example.com/1/anna.png"}, {"url": ""}, {"id": 3}]

    [link] = links(base, data, "/*/url")

    assert (link.uri, link.mime_type, link.name) == (
        "https://files.example.com/1/anna.png",
        "image/png",
        base.title,
    )


@pytest.mark.parametrize(
    "address",
    [
        "file:///etc/passwd",
        "javascript:alert(1)",
        "data:text/html,hello",
        "//files.example.com/1",
        "https://files.example.com/a b",
        "https://files.example.com/\u202egnp.exe",
        "https://files.example.com/" + "a" * 3_000,
        7,
        None,
        ["https://files.example.com/1"],
    ],
)
def test_what_is_no_plain_web_address_stays_text(base: Operation, address: Any) -> None:
    assert links(base, {"url": address}, "/url") == []


def test_a_long_list_has_so_many_links_and_no_more(base: Operation) -> None:
    data = [{"url": f"https://files.example.com/{number}"} for number in range(100)]

    assert len(links(base, data, "/*/url")) == MAX_LINKS
