"""Arguments that came as text are read as what they are, where only one reading is possible."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_mcp.meant import as_meant
from crm_mcp.testing import Decision, sandbox_client

IMPORT = "fivecrm_customer_products_import"
PRODUCT = {"account": "1", "product": "Desk", "manufacturer": "W", "planQty": 12}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


def one(schema: Any, value: Any) -> Any:
    return as_meant({"type": "object", "properties": {"x": schema}}, {"x": value})["x"]


@pytest.mark.parametrize(
    ("schema", "text", "read"),
    [
        ({"type": "integer"}, "7", 7),
        ({"type": "integer", "enum": [0, 1]}, "1", 1),
        ({"type": "number"}, "1.5", 1.5),
        ({"type": "number"}, " -2 ", -2),
        ({"type": "boolean"}, "true", True),
        ({"type": ["integer", "null"]}, "7", 7),
        ({"type": "array", "items": {"type": "integer"}}, "[1, 2]", [1, 2]),
        ({"type": "array", "items": {"type": "integer"}}, '["1"]', [1]),
        ({"type": "object"}, '{"a": 1}', {"a": 1}),
        ({"type": "object", "properties": {"a": {"type": "integer"}}}, '{"a": "1"}', {"a": 1}),
        ({"type": ["object", "array"]}, "[]", []),
    ],
)
def test_a_text_is_read_as_the_only_thing_it_can_mean(schema: Any, text: str, read: Any) -> None:
    found = one(schema, text)

    assert (found, type(found)) == (read, type(read))


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({"type": "string"}, "7"),
        ({"type": "string"}, "[1]"),
        ({"type": ["string", "integer"]}, "7"),
        ({}, "7"),
        ({"anyOf": [{"type": "integer"}, {"type": "string"}]}, "7"),
        ({"type": "integer", "anyOf": [{"minimum": 1}]}, "7"),
        ({"type": "integer"}, "007"),
        ({"type": "integer"}, "7.0"),
        ({"type": "integer"}, "true"),
        ({"type": "integer"}, "seven"),
        ({"type": "integer"}, ""),
        ({"type": "boolean"}, "yes"),
        ({"type": "boolean"}, "1"),
        ({"type": "array"}, '{"a": 1}'),
        ({"type": "array"}, "a, b"),
        ({"type": "array"}, "[1"),
        ({"type": ["integer", "null"]}, "null"),
        ({"type": "array"}, "[" * 100_000),
        ({"type": "array"}, "[" + " " * 1_000_001 + "]"),
    ],
)
def test_a_text_that_can_mean_something_else_stays_as_it_came(schema: Any, text: str) -> None:
    assert one(schema, text) == text


@given(value=JSON)
def test_what_came_in_its_own_type_is_never_changed(value: Any) -> None:
    schema = {"type": "object", "properties": {"x": {"type": ["string", "object", "array"]}}}

    assert as_meant(schema, {"x": value, "y": value}) == {"x": value, "y": value}


@pytest.mark.anyio
async def test_a_person_is_shown_and_the_crm_is_sent_what_was_meant() -> None:
    shown: list[str] = []

    def approve(preview: str) -> Decision:
        shown.append(preview)
        return "approve"

    async with sandbox_client(mode="confirm", person=approve) as client:
        given = {"area": "001", "customerProducts": json.dumps([PRODUCT | {"planQty": "12"}])}
        dry = await client.call_tool(IMPORT, {**given, "_dry_run": "true"})
        written = await client.call_tool(IMPORT, given)

    assert dry.structured_content["status"] == "not_done"
    assert written.structured_content["status"] == "done"
    assert "planQty = 12" in shown[-1]
