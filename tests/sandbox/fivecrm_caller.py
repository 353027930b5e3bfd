"""Calls the FIVE CRM stand-in the way the engine does, and ways that it never would."""

from collections.abc import Mapping
from typing import Any

import httpx

from crm_mcp.bind import bind
from crm_mcp.loader import load_vendor, schemas_root
from crm_mcp.operation import Operation
from crm_mcp.request import Pairs, encode_pairs
from crm_mcp.sandbox.app import Sandbox
from crm_mcp.vendors import load_vendor_code

ORIGIN = "http://sandbox.localhost"
IMPORT = "fivecrm_customer_products_import"
UPDATE = "fivecrm_customer_products_update"
FORM = {"content-type": "application/x-www-form-urlencoded"}

Record = Mapping[str, Any]


def operations() -> dict[str, Operation]:
    """The real operation files."""
    return {entry.name: entry for entry in load_vendor(schemas_root(), "fivecrm")}


def new_sandbox() -> Sandbox:
    """A sandbox with FIVE CRM alone."""
    return Sandbox({"fivecrm": tuple(operations().values())})


class Caller:
    """A client of one sandbox, in process or at an origin."""

    def __init__(self, sandbox: Sandbox, http: httpx.AsyncClient, origin: str = ORIGIN) -> None:
        vendor = load_vendor_code("fivecrm")
        self.settings = sandbox.settings("fivecrm", origin)
        self.http = http
        self._auth = vendor.auth(vendor.settings.model_validate(self.settings))
        self._operations = operations()

    async def send(self, name: str, arguments: Mapping[str, Any]) -> httpx.Response:
        """Call an operation by the engine's own binding and authentication."""
        spec = bind(self._operations[name], arguments)
        return await self.http.request(
            spec.method,
            self.settings["base_url"] + spec.target,
            content=encode_pairs(spec.form),
            headers=FORM,
            auth=self._auth,
        )

    async def call(self, name: str, **arguments: Any) -> Any:
        """Call an operation and read the JSON of the answer."""
        return (await self.send(name, arguments)).json()

    async def imported(self, *products: Record, area: str = "001") -> Any:
        """Import products and read the answer."""
        return await self.call(IMPORT, area=area, customerProducts=list(products))

    async def updated(self, *products: Record, area: str = "001") -> Any:
        """Update products and read the answer."""
        return await self.call(UPDATE, area=area, customerProducts=list(products))

    async def post(self, query: Pairs = (), form: Pairs = (), *, let_in: bool = True) -> Any:
        """Post what no binding would make, with the hash or without."""
        secret = (("hash", self.settings["hash"]),) if let_in else ()
        reply = await self.http.post(
            f"{self.settings['base_url']}/api2.php?{encode_pairs(query)}",
            content=encode_pairs((*form, *secret)),
            headers=FORM,
        )
        return reply.json()


def error(*sentences: str) -> dict[str, Any]:
    """The answer to a request that is refused as a whole."""
    return {"STATUS": "error", "ERROR": list(sentences)}


def done(reply: Any) -> list[dict[str, Any]]:
    """The records that a write was carried out on."""
    return [entry["CUSTOMER_PRODUCT"] for entry in reply["CUSTOMER_PRODUCTS"]["SUCCESSFUL"]]


def refusals(reply: Any) -> list[list[str]]:
    """The sentences about each record that was not taken."""
    return [entry["ERRORS"] for entry in reply["CUSTOMER_PRODUCTS"]["UNSUCCESSFUL"]]
