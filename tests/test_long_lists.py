"""Lists that do not fit: whole items as far as they go, and where the next call begins."""

from collections.abc import Mapping
from typing import Any

import pytest

from crm_mcp.app import load_catalogue
from crm_mcp.envelope import as_text, success
from crm_mcp.operation import Operation
from crm_mcp.respond import Outcome
from crm_mcp.resume import Resume, Stretch

LIMIT = 2_000


@pytest.fixture(scope="module")
def all_tools() -> Mapping[str, Operation]:
    return {one.name: one for each in load_catalogue().values() for one in each}


def told(
    operation: Operation, arguments: dict[str, Any], data: list[Any], **more: Any
) -> dict[str, Any]:
    """Tell a list that one request brought."""
    resume = Resume(operation, (Stretch(arguments, 0, len(data)),), {}, more.get("after"))
    page = {"returned": len(data), **more.get("page", {})}
    result = success(Outcome(data, page=page, resume=resume), operation, "here", LIMIT)
    assert len(as_text(result)) <= LIMIT
    return result


def records(count: int, length: int = 50) -> list[dict[str, Any]]:
    return [{"id": number, "text": "x" * length} for number in range(count)]


@pytest.mark.parametrize(
    ("tool", "arguments", "following"),
    [
        ("interact_notes_list", {}, {"_from": 22}),
        ("cirrus_accounts_list", {"per_page": 50}, {"per_page": 50, "_from": 22}),
        ("cirrus_accounts_list", {"page": 3}, {"page": 3, "_from": 22}),
        ("interact_contacts_list", {"offset": 9, "limit": 90}, {"offset": 31, "limit": 90}),
        ("interact_contacts_list", {}, {"offset": 22, "limit": 22}),
        ("synergist_activities_list", {"company": 1}, {"company": 1, "page": 2, "rows": 22}),
        (
            "synergist_activities_list",
            {"rows": 99, "page": 2},
            {"rows": 99, "page": 2, "_from": 22},
        ),
    ],
)
def test_the_next_call_begins_at_the_first_item_left_out(
    all_tools: Mapping[str, Operation], tool: str, arguments: Any, following: Any
) -> None:
    result = told(all_tools[tool], arguments, records(100))

    shown = len(result["data"])
    moved = {
        name: value + shown - 22 if name in ("_from", "offset") or value == 22 else value
        for name, value in following.items()
    }
    assert result["page"]["next"] == moved
    assert result["page"]["more"] is True
    assert result["truncated"]["dropped"] == 100 - shown


def test_a_few_items_are_no_page_of_their_own(all_tools: Mapping[str, Operation]) -> None:
    tool = all_tools["synergist_activities_list"]

    assert told(tool, {}, records(9, 600))["page"]["next"] == {"_from": 2}
    offset = told(all_tools["interact_contacts_list"], {}, records(9, 600))
    assert offset["page"]["next"] == {"offset": 2, "limit": 10}


def test_of_a_list_that_came_at_once_the_total_is_told(all_tools: Mapping[str, Operation]) -> None:
    assert told(all_tools["interact_notes_list"], {}, records(100))["page"]["total"] == 100


def test_one_that_is_too_long_is_cut_alone_and_the_others_come_whole(
    all_tools: Mapping[str, Operation],
) -> None:
    data = [{"id": 0, "text": "x" * 9_000}, *records(3, 600)]

    result = told(all_tools["interact_notes_list"], {}, data)

    [first] = result["data"]
    assert first == {"id": 0, "text": f"{'x' * 500}… (9000 characters)"}
    assert result["page"]["next"] == {"_from": 1}
    assert result["truncated"].items() >= {"texts_longer_than": 500, "dropped": 3}.items()


def test_of_one_with_too_many_parts_the_parts_are_counted(
    all_tools: Mapping[str, Operation],
) -> None:
    data = [{"id": 7, "parts": list(range(9_000)), "few": [1]}, *records(3)]

    result = told(all_tools["interact_notes_list"], {}, data)

    size = len(as_text({"": list(range(9_000))}))
    assert result["data"] == [{"id": 7, "parts": f"… ({size} characters)", "few": [1]}]
    assert result["page"]["next"] == {"_from": 1}
    assert result["truncated"]["parts_longer_than"] == 200


@pytest.mark.parametrize("others", [0, 3])
def test_one_that_nothing_makes_fit_is_passed_over_and_counted(
    all_tools: Mapping[str, Operation], others: int
) -> None:
    data = [{f"key {number}": number for number in range(2_000)}, *records(others)]

    result = told(all_tools["interact_notes_list"], {}, data)

    assert result["data"] == []
    assert result["page"]["returned"] == 0
    assert result["page"].get("next") == ({"_from": 1} if others else None)
    assert result["truncated"]["dropped"] == 1 + others
    assert "_select" in result["truncated"]["how"]


def test_the_last_item_left_out_leads_to_the_next_page(
    all_tools: Mapping[str, Operation],
) -> None:
    tool, following = all_tools["cirrus_accounts_list"], {"page": 2}

    result = told(
        tool,
        {},
        [{f"key {number}": number for number in range(2_000)}],
        after=following,
        page={"more": True, "next": following},
    )

    assert (result["data"], result["page"]["next"]) == ([], {"page": 2})


def test_arguments_that_leave_no_room_for_a_next_call_leave_a_result_all_the_same(
    all_tools: Mapping[str, Operation],
) -> None:
    result = told(all_tools["interact_notes_list"], {"x": "y" * 3_000}, records(100))

    assert result["data"] is None
    assert "_select" in result["truncated"]["how"]


def test_pages_that_were_read_together_are_parted_where_one_of_them_is(
    all_tools: Mapping[str, Operation],
) -> None:
    tool = all_tools["cirrus_accounts_list"]
    stretches = (Stretch({"page": 1}, 3, 7), Stretch({"page": 2}, 0, 10))
    resume = Resume(tool, stretches, {"_pages": 2}, {"page": 3, "_pages": 2})

    assert resume.at(0) == {"page": 1, "_from": 3, "_pages": 2}
    assert resume.at(5) == {"page": 1, "_from": 8, "_pages": 2}
    assert resume.at(7) == {"page": 2, "_pages": 2}
    assert resume.at(9) == {"page": 2, "_from": 2, "_pages": 2}
    assert resume.at(17) == {"page": 3, "_pages": 2}
    assert resume.total is None
