"""What scripts and tests of others use: a connected client in one line."""

import pytest
from mcp import Client
from mcp_types import ElicitRequestURLParams

from crm_mcp.testing import dialog, sandbox_client

pytest_plugins = ["crm_mcp.testing.fixtures"]
pytestmark = pytest.mark.anyio

WRITE = "fivecrm_customer_products_import"
PRODUCT = {"account": "1", "product": "Desk", "manufacturer": "Woodworks"}
IMPORT = {"area": "001", "customerProducts": [{**PRODUCT, "reference": "R-1"}]}


async def test_the_fixture_is_a_client_whose_writes_run(crm_client: Client) -> None:
    result = await crm_client.call_tool(WRITE, IMPORT)

    assert result.structured_content is not None
    assert result.structured_content["status"] == "done"


async def test_each_session_begins_with_the_same_data(crm_client: Client) -> None:
    first = await crm_client.call_tool(WRITE, IMPORT)
    async with sandbox_client() as other:
        second = await other.call_tool(WRITE, IMPORT)

    assert first.structured_content == second.structured_content


async def test_a_person_reads_the_preview_and_decides() -> None:
    read: list[str] = []

    def person(preview: str) -> str:
        read.append(preview)
        return "reject"

    async with sandbox_client(mode="confirm", person=person) as client:  # type: ignore[arg-type]
        result = await client.call_tool(WRITE, IMPORT)

    assert result.structured_content is not None
    assert result.structured_content["error"] == "not_confirmed"
    assert read[0].startswith("Import 1 customer product")


async def test_a_page_is_declined_and_no_preview() -> None:
    ask = dialog(lambda preview: "reject" if preview == "" else "approve")
    params = ElicitRequestURLParams(
        message="open this", url="https://x.example", elicitation_id="1"
    )

    answer = await ask(None, params)  # type: ignore[arg-type]

    assert (answer.action, answer.content) == ("decline", None)  # type: ignore[union-attr]


async def test_a_person_who_approves_types_the_word_too() -> None:
    two = {**IMPORT, "customerProducts": [{**PRODUCT, "reference": name} for name in "ab"]}

    async with sandbox_client(mode="confirm", person=lambda _: "approve") as client:
        result = await client.call_tool(WRITE, two)

    assert result.structured_content is not None
    assert result.structured_content["status"] == "done"
