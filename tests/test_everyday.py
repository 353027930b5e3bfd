"""What is listed by default, for any choice of CRMs: everyday work, in what a model can read."""

import json
from collections.abc import Iterable, Mapping
from itertools import combinations
from pathlib import Path

import pytest

from crm_mcp.app import SANDBOX_ORIGIN, load_catalogue, registry_of, sandbox_settings
from crm_mcp.catalogue import Catalogue
from crm_mcp.commands.doctor import BYTES_PER_TOKEN
from crm_mcp.config import General, Settings
from crm_mcp.entries import entry_bytes
from crm_mcp.everyday import MAX_BYTES, MAX_TOOLS, chosen
from crm_mcp.operation import Operation
from crm_mcp.sandbox.app import Sandbox
from crm_mcp.vendors import known_vendors, load_vendor_code

VENDORS = known_vendors()
CHOICES = [pick for size in range(1, len(VENDORS) + 1) for pick in combinations(VENDORS, size)]
MAX_LISTED = 30
MAX_TOKENS = 8_000


def entries(folder: Path, vendors: Iterable[str], **general: object) -> list[Mapping[str, object]]:
    """List what a server with these CRMs lists."""
    catalogue = load_catalogue()
    given = Settings(general=General.model_validate({"state_dir": folder, **general}))
    everything = sandbox_settings(given, Sandbox(catalogue), SANDBOX_ORIGIN)
    wanted = {name: one for name, one in everything.vendors.items() if name in vendors}
    registry = registry_of(everything.model_copy(update={"vendors": wanted}), catalogue)
    return [*Catalogue(registry).entries, *registry.entries]


def size_of(listed: list[Mapping[str, object]]) -> int:
    return len(json.dumps(listed, ensure_ascii=False, separators=(",", ":")).encode())


@pytest.mark.parametrize("vendors", CHOICES, ids="+".join)
@pytest.mark.parametrize("mode", ["confirm", "read_only"])
def test_for_any_choice_of_crms_the_default_list_stays_within_its_budget(
    tmp_path: Path, vendors: tuple[str, ...], mode: str
) -> None:
    listed = entries(tmp_path, vendors, mode=mode)

    assert len(listed) <= MAX_LISTED
    assert size_of(listed) / BYTES_PER_TOKEN <= MAX_TOKENS
    for vendor in vendors:
        assert sum(str(entry["name"]).startswith(f"{vendor}_") for entry in listed) >= 4


def test_all_tools_take_a_thousand_bytes_each_on_average(tmp_path: Path) -> None:
    listed = entries(tmp_path, VENDORS, toolsets=["all"])

    assert len(listed) == len({str(entry["name"]) for entry in listed}) > 480
    assert size_of(listed) <= 1_000 * len(listed)
    assert size_of(listed) / BYTES_PER_TOKEN <= 250 * len(listed)


@pytest.mark.parametrize("vendor", VENDORS)
def test_with_one_crm_nearly_all_of_its_everyday_tools_are_listed(
    tmp_path: Path, vendor: str
) -> None:
    everyday = load_vendor_code(vendor).everyday
    listed = {entry["name"] for entry in entries(tmp_path, [vendor])}

    assert len(listed & set(everyday)) >= len(everyday) - 2


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
