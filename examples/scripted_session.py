"""A session without a model: two reads, a write that is approved, and its result.

Run it with `python examples/scripted_session.py`. It works on the sandbox; no CRM is contacted.
"""

import json
from collections.abc import Mapping
from typing import Any

import anyio
from mcp import Client

from crm_mcp.testing import Decision, sandbox_client

AREA = "001"
PRODUCT = {
    "account": "1",
    "product": "Oak desk",
    "manufacturer": "Woodworks",
    "reference": "SCRIPT-1",
    "planQty": 12,
    "planVal": 4800,
}


async def main() -> None:
    """Read the areas and the owners of one, import a customer product, print what came."""
    async with sandbox_client(mode="confirm", person=decide) as client:
        for area in (await call(client, "fivecrm_areas_list", {}))["data"]:
            print(f"area {area['number']}: {area['name']}")
        for owner in (await call(client, "fivecrm_owners_list", {"area": AREA}))["data"]:
            print(f"owner {owner['owner']}: {owner['name']}")
        given = {"area": AREA, "customerProducts": [PRODUCT]}
        result = await call(client, "fivecrm_customer_products_import", given)
        print(json.dumps(result, indent=2, ensure_ascii=False))


def decide(preview: str) -> Decision:
    """Stand in for the person who reads the preview; here, only our own record is approved."""
    print(f"\n{preview}\n")
    return "approve" if '"SCRIPT-1"' in preview else "reject"


async def call(client: Client, tool: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Call one tool and give its result.

    Raises:
        RuntimeError: the tool says that something went wrong; the text is its own.
    """
    result = await client.call_tool(tool, dict(arguments))
    content = result.structured_content or {}
    if result.is_error:
        raise RuntimeError(content["message"])
    return content


if __name__ == "__main__":
    anyio.run(main)
