"""What is listed by default, for any choice of CRMs: everyday work, in what a model can read."""

from collections.abc import Iterable, Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from crm_mcp.app import SANDBOX_ORIGIN, load_catalogue, registry_of, sandbox_settings
from crm_mcp.config import General, Settings
from crm_mcp.entries import entry_bytes
from crm_mcp.everyday import MAX_BYTES, MAX_TOOLS, chosen
from crm_mcp.listing import cost_of, listed
from crm_mcp.operation import Operation
from crm_mcp.sandbox.app import Sandbox
from crm_mcp.vendors import known_vendors, load_vendor_code

VENDORS = known_vendors()
CHOICES = [pick for size in range(1, len(VENDORS) + 1) for pick in combinations(VENDORS, size)]
MAX_LISTED = 30
MAX_TOKENS = 8_000


def entries(folder: Path, vendors: Iterable[str], **general: object) -> list[dict[str, Any]]:
    """List what a server with these CRMs lists."""
    catalogue = load_catalogue()
    given = Settings(general=General.model_validate({"state_dir": folder, **general}))
    everything = sandbox_settings(given, Sandbox(catalogue), SANDBOX_ORIGIN)
    wanted = {name: one for name, one in everything.vendors.items() if name in vendors}
    registry = registry_of(everything.model_copy(update={"vendors": wanted}), catalogue)
    return listed(registry)


@pytest.mark.parametrize("vendors", CHOICES, ids="+".join)
@pytest.mark.parametrize("mode", ["confirm", "read_only"])
def test_for_any_choice_of_crms_the_default_list_stays_within_its_budget(
    tmp_path: Path, vendors: tuple[str, ...], mode: str
) -> None:
    shown = entries(tmp_path, vendors, mode=mode)

    assert len(shown) <= MAX_LISTED
    assert cost_of(shown).tokens <= MAX_TOKENS
    for vendor in vendors:
        assert sum(entry["name"].startswith(f"{vendor}_") for entry in shown) >= 4


def test_all_tools_take_a_thousand_bytes_each_on_average(tmp_path: Path) -> None:
    shown = entries(tmp_path, VENDORS, toolsets=["all"])

    cost = cost_of(shown)
    assert cost.tools == len({entry["name"] for entry in shown}) > 480
    assert cost.bytes <= 1_000 * cost.tools
    assert cost.tokens <= 250 * cost.tools


@pytest.mark.parametrize("vendor", VENDORS)
def test_with_one_crm_nearly_all_of_its_everyday_tools_are_listed(
    tmp_path: Path, vendor: str
) -> None:
    everyday = load_vendor_code(vendor).everyday
    shown = {entry["name"] for entry in entries(tmp_path, [vendor])}

    assert len(shown & set(everyday)) >= len(everyday) - 2


@pytest.fixture(scope="module")
def operations(five: Mapping[str, Operation]) -> tuple[Operation, ...]:
    return tuple(five.values())


def test_what_matters_most_is_taken_first_and_crms_take_turns(
    operations: tuple[Operation, ...],
) -> None:
    other = [
        one.model_copy(update={"vendor": "acme", "name": f"acme_{one.name}"}) for one in operations
    ]
    everyday = {
        "fivecrm": tuple(one.name for one in operations) * 2,
        "acme": tuple(one.name for one in other),
    }

    names = chosen([*operations, *other], everyday)

    assert len(names) <= MAX_TOOLS
    assert {everyday["fivecrm"][0], everyday["acme"][0]} < names
    by_name = {one.name: one for one in [*operations, *other]}
    assert sum(entry_bytes(by_name[name]) for name in names) <= MAX_BYTES


def test_a_toolset_stands_for_all_of_its_tools(operations: tuple[Operation, ...]) -> None:
    assert chosen(operations, {"fivecrm": ("system",)}) == {
        one.name for one in operations if one.toolset == "system"
    }
