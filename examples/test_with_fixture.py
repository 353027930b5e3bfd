"""How to test code of your own that calls CRM tools: a fresh sandbox for every test.

Run it with `pytest examples/test_with_fixture.py`. It needs pytest alone beside crm-mcp.
"""

from typing import Any

import pytest
from mcp import Client

pytest_plugins = ["crm_mcp.testing.fixtures"]

PRODUCT = {"account": "1", "product": "Oak desk", "manufacturer": "Woodworks"}


@pytest.fixture
def anyio_backend() -> str:
    """Run asynchronous tests on asyncio."""
    return "asyncio"


async def import_product(client: Client, reference: str) -> dict[str, Any]:
    """Import a product with a reference: a piece of your own code."""
    arguments = {"area": "001", "customerProducts": [{**PRODUCT, "reference": reference}]}
    result = await client.call_tool("fivecrm_customer_products_import", arguments)
    return result.structured_content or {}


@pytest.mark.anyio
async def test_a_product_is_imported_once(crm_client: Client) -> None:
    """The CRM keeps references unique, and the result says so in its own words."""
    first = await import_product(crm_client, "ORDER-7")
    second = await import_product(crm_client, "ORDER-7")

    assert first["status"] == "done"
    assert second["error"] == "rejected"
    assert "ORDER-7" in second["message"]


@pytest.mark.anyio
async def test_every_test_begins_with_the_same_records(crm_client: Client) -> None:
    """What another test wrote is gone."""
    result = await import_product(crm_client, "ORDER-7")

    assert result["status"] == "done"


@pytest.mark.anyio
async def test_the_owner_of_an_area_is_found_by_name(crm_client: Client) -> None:
    """Reads give the sandbox's own colleagues."""
    result = await crm_client.call_tool("fivecrm_owners_list", {"area": "001"})

    owners = (result.structured_content or {})["data"]
    assert "Maya Thornbury" in [owner["name"] for owner in owners]
