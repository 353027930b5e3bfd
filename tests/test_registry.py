"""Which operations there are, which can be called, and which are listed."""

from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from crm_mcp.entries import advertised_schema, hints, list_entry
from crm_mcp.errors import ConfigError, NotCallable, UnknownTool
from crm_mcp.guard import Mode, Policy
from crm_mcp.operation import Operation
from crm_mcp.registry import Registry

EVERYDAY = {"fivecrm": ("system", "products")}
SYSTEM = ["fivecrm_areas_get", "fivecrm_areas_list", "fivecrm_hash_validate"]
PRODUCTS = ["fivecrm_customer_products_import", "fivecrm_customer_products_update"]
DRY_RUN = {"type": "boolean", "description": "Show it, send nothing."}


def registry(operations: Iterable[Operation], **parts: Any) -> Registry:
    usual = {"enabled": ["fivecrm"], "policy": Policy(), "everyday": EVERYDAY}
    return Registry(operations, **{**usual, **parts})


def listed(found: Registry) -> list[str]:
    return sorted(entry["name"] for entry in found.entries)


@pytest.fixture(scope="session")
def acme(five: Mapping[str, Operation]) -> Operation:
    """Give an operation of a vendor that is not set up."""
    changes = {"vendor": "acme", "toolset": "things", "name": "acme_things_list"}
    return five["fivecrm_areas_list"].model_copy(update=changes)


def test_a_tool_is_found_by_its_name(five: Mapping[str, Operation]) -> None:
    assert registry(five.values()).find("fivecrm_areas_get") is five["fivecrm_areas_get"]


def test_a_tool_is_found_by_a_former_name(five: Mapping[str, Operation]) -> None:
    renamed = five["fivecrm_areas_get"].model_copy(update={"aliases": ("fivecrm_area_show",)})

    assert registry([renamed]).find("fivecrm_area_show") is renamed


def test_an_unknown_name_is_answered_with_the_nearest_names(five: Mapping[str, Operation]) -> None:
    found = registry([five[name] for name in SYSTEM])

    with pytest.raises(UnknownTool) as caught:
        found.find("fivecrm_area_list")

    assert caught.value.as_dict() == {
        "error": "unknown_tool",
        "message": (
            "There is no tool 'fivecrm_area_list'. The nearest are: fivecrm_areas_list, "
            "fivecrm_areas_get, fivecrm_hash_validate."
        ),
        "nearest": ["fivecrm_areas_list", "fivecrm_areas_get", "fivecrm_hash_validate"],
    }


def test_a_name_like_no_other_is_told_without_a_guess_and_shortened(
    five: Mapping[str, Operation],
) -> None:
    with pytest.raises(UnknownTool) as caught:
        registry(five.values()).find("§" * 1000)

    assert caught.value.as_dict() == {
        "error": "unknown_tool",
        "message": f"There is no tool '{'§' * 64}'.",
    }


def test_a_tool_of_a_vendor_that_is_off_is_not_callable_and_never_proposed(
    five: Mapping[str, Operation], acme: Operation
) -> None:
    found = registry([*five.values(), acme])

    with pytest.raises(NotCallable) as caught:
        found.find("acme_things_list")

    assert caught.value.as_dict() == {
        "error": "not_callable",
        "message": "acme_things_list belongs to acme, which is not connected here.",
        "hint": "Tell the person: the operator of this server can connect it.",
    }
    assert found.nearest("acme_things_list") != []
    assert "acme_things_list" not in found.nearest("acme_things_list")


@pytest.mark.parametrize(
    ("toolsets", "names"),
    [
        (("default",), sorted(SYSTEM + PRODUCTS)),
        (("fivecrm.products",), PRODUCTS),
        (("fivecrm.s*", "fivecrm.products"), sorted(SYSTEM + PRODUCTS)),
        (("default", "fivecrm.products"), sorted(SYSTEM + PRODUCTS)),
        ((), []),
    ],
)
def test_the_chosen_toolsets_are_listed(
    five: Mapping[str, Operation], toolsets: tuple[str, ...], names: list[str]
) -> None:
    assert listed(registry(five.values(), toolsets=toolsets)) == names


def test_all_lists_all_of_the_vendors_that_are_on(
    five: Mapping[str, Operation], acme: Operation
) -> None:
    assert listed(registry([*five.values(), acme], toolsets=("all",))) == sorted(five)


def test_a_vendor_without_everyday_toolsets_lists_nothing_by_default(
    five: Mapping[str, Operation],
) -> None:
    assert listed(Registry(five.values(), enabled=["fivecrm"], policy=Policy())) == []


def test_the_list_keeps_the_order_of_the_operations(five: Mapping[str, Operation]) -> None:
    backwards = list(five.values())[::-1]

    entries = registry(backwards, toolsets=("all",)).entries

    assert [entry["name"] for entry in entries] == [operation.name for operation in backwards]


@pytest.mark.parametrize(
    ("policy", "names"),
    [
        (Policy(mode=Mode.READ_ONLY), SYSTEM),
        (Policy(deny=("*_list", "*_products_*")), ["fivecrm_areas_get", "fivecrm_hash_validate"]),
        (Policy(allow=("fivecrm_areas_*",)), ["fivecrm_areas_get", "fivecrm_areas_list"]),
    ],
)
def test_what_the_policy_refuses_is_not_listed_but_can_be_found(
    five: Mapping[str, Operation], policy: Policy, names: list[str]
) -> None:
    found = registry(five.values(), policy=policy)

    assert listed(found) == names
    assert found.find("fivecrm_customer_products_import").name == PRODUCTS[0]


@pytest.mark.parametrize("pattern", ["fivecrm.nothing", "acme.*", "products", ""])
def test_a_pattern_that_fits_no_toolset_stops_the_start(
    five: Mapping[str, Operation], pattern: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        registry(five.values(), toolsets=("default", pattern))

    assert str(caught.value) == f"CRM_MCP_TOOLSETS: {pattern!r} fits no toolset"


@pytest.mark.parametrize("setting", ["allow", "deny"])
def test_a_glob_that_fits_no_tool_stops_the_start(
    five: Mapping[str, Operation], setting: str
) -> None:
    policy = Policy(**{setting: ("fivecrm_*", "fivecrm_area_*")})  # type: ignore[arg-type]

    with pytest.raises(ConfigError) as caught:
        registry(five.values(), policy=policy)

    assert str(caught.value) == f"CRM_MCP_{setting.upper()}: 'fivecrm_area_*' fits no tool"


@pytest.mark.parametrize(
    "changes", [{}, {"name": "fivecrm_x_get", "aliases": ("fivecrm_areas_get",)}]
)
def test_two_tools_of_one_name_stop_the_start(
    five: Mapping[str, Operation], changes: dict[str, Any]
) -> None:
    operation = five["fivecrm_areas_get"]

    with pytest.raises(ConfigError) as caught:
        registry([operation, operation.model_copy(update=changes)])

    assert str(caught.value) == (
        "two tools are named fivecrm_areas_get: the operation files are broken"
    )


def test_an_entry_of_a_read_is_the_operations_own_words_and_schema_and_what_is_ours_in_short(
    five: Mapping[str, Operation],
) -> None:
    operation = five["fivecrm_areas_get"]

    assert list_entry(operation) == {
        "name": "fivecrm_areas_get",
        "title": operation.title,
        "description": operation.description,
        "inputSchema": {
            **operation.input_schema,
            "properties": {**operation.properties, "_select": {"type": "string"}},
        },
        "annotations": {"readOnlyHint": True},
    }


def test_a_write_also_takes_the_argument_that_is_ours(five: Mapping[str, Operation]) -> None:
    operation = five["fivecrm_customer_products_update"]

    schema = advertised_schema(operation)

    assert schema == {
        **operation.input_schema,
        "properties": {**operation.properties, "_dry_run": DRY_RUN},
    }
    assert "_dry_run" not in operation.properties


@pytest.mark.parametrize(
    ("effect", "traits", "destructive", "idempotent"),
    [
        ("create", (), False, False),
        ("update", (), True, False),
        ("update", ("idempotent",), True, True),
        ("delete", ("idempotent",), True, True),
        ("action", (), False, False),
        ("action", ("destructive",), True, False),
    ],
)
def test_the_hints_of_a_write_follow_from_effect_and_traits(
    five: Mapping[str, Operation],
    effect: str,
    traits: tuple[str, ...],
    *,
    destructive: bool,
    idempotent: bool,
) -> None:
    changes = {"effect": effect, "traits": traits}

    told = hints(five["fivecrm_areas_get"].model_copy(update=changes))

    # What is left out is what the protocol takes for granted.
    assert told == {
        "readOnlyHint": False,
        **({} if destructive else {"destructiveHint": False}),
        **({"idempotentHint": True} if idempotent else {}),
    }
