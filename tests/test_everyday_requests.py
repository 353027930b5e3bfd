"""What people ask in ordinary words finds the right tool among the first three.

The requests were written apart from the search, by somebody who had not seen it. The ranking was
tuned on two thirds of them; of the third that is kept apart only the share was ever looked at.
"""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from crm_mcp.app import load_catalogue
from crm_mcp.loader import read_words, schemas_root
from crm_mcp.search import ToolIndex

REQUESTS = json.loads(Path(__file__).with_name("everyday_requests.json").read_text("utf-8"))
FIRST = 3
SHARE = 0.9
ALL = tuple(load_catalogue())


@cache
def index(vendors: tuple[str, ...]) -> ToolIndex:
    offered = (one for vendor in vendors for one in load_catalogue()[vendor])
    return ToolIndex(offered, {vendor: read_words(schemas_root() / vendor) for vendor in vendors})


def first_three(words: str, vendors: tuple[str, ...] = ALL) -> list[str]:
    return [hit.operation.name for hit in index(vendors).find(words, FIRST)]


def missed(requests: list[Mapping[str, Any]], connected: str) -> list[tuple[str, list[str]]]:
    vendors = {one["words"]: ALL if connected == "all" else (one["vendor"],) for one in requests}
    told = ((one, first_three(one["words"], vendors[one["words"]])) for one in requests)
    return [(one["words"], names) for one, names in told if not set(names) & set(one["tools"])]


@pytest.mark.parametrize("connected", ["its CRM", "all"])
@pytest.mark.parametrize("kept", [False, True], ids=["tuned on", "kept apart"])
def test_nine_of_ten_requests_find_their_tool_among_the_first_three(
    *, kept: bool, connected: str
) -> None:
    requests = [one for one in REQUESTS if one["kept"] is kept]

    share = 1 - len(missed(requests, connected)) / len(requests)

    assert share >= SHARE  # without the requests, so that nobody reads those kept apart


def test_there_are_enough_requests_of_every_crm_and_language_and_a_third_is_kept_apart() -> None:
    vendors = [one["vendor"] for one in REQUESTS]
    languages = [one["language"] for one in REQUESTS]

    assert len(REQUESTS) >= 120
    assert all(vendors.count(vendor) >= 30 for vendor in ALL)
    assert min(languages.count("de"), languages.count("sv")) >= 15
    kept = [one["vendor"] for one in REQUESTS if one["kept"]]
    assert all(kept.count(vendor) == vendors.count(vendor) // 3 for vendor in ALL)


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("add note to customer", "interact_notes_create"),
        ("unpaid purchase orders", "synergist_purchases_list"),
        ("add a note to a custmer in interact", "interact_notes_create"),
        ("visa alla kunder i Cirrus", "cirrus_accounts_list"),
        ("Wie lege ich in Cirrus einen Auftrag an?", "cirrus_orders_create"),
        ("how do I add a contact in cirrus", "cirrus_contacts_create"),
        ("how many contacts are there in cirrus", "cirrus_contacts_list"),
        ("who changed a task in Synergist", "synergist_activity_history_list"),
        ("make a list of tasks in interact", "interact_task_lists_create"),
        ("synergist_jobs_list", "synergist_jobs_list"),
    ],
)
def test_words_are_read_as_they_are_meant(words: str, name: str) -> None:
    assert name in first_three(words)


@pytest.mark.parametrize("words", ["", "   ", "the of and", "你好", "%%%", "a" * 200])
def test_what_says_nothing_finds_nothing(words: str) -> None:
    assert first_three(words) == []
