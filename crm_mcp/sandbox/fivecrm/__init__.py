"""The stand-in for FIVE CRM: one address, a mode for each operation, errors as sentences.

It is as the vendor's document says, and in one point stricter: the document lets the hash stand in
the address too, and here it counts in the body alone, because no client should write it elsewhere.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import ClassVar

from crm_mcp.operation import Operation
from crm_mcp.sandbox import story
from crm_mcp.sandbox.base import Answer, Call, StandIn, json_answer
from crm_mcp.sandbox.fivecrm import data
from crm_mcp.sandbox.fivecrm.data import Area, Row
from crm_mcp.sandbox.fivecrm.products import CustomerProducts, Item, RefusalError, sent_products

_PATH = "/api2.php"
_MINUTE = timedelta(minutes=1)

# The modes that list something of an area: the reply's key, and what makes its rows.
_LISTS: Mapping[str, tuple[str, Callable[[Area], list[Row]]]] = MappingProxyType(
    {
        "getProcessingChannels": ("PROCESSING_CHANNELS", data.channel_rows),
        "getProcessingCategories": ("PROCESSING_CATEGORIES", data.category_rows),
        "getAccountAdditionalFields": ("ACCOUNT_ADDITIONAL_FIELDS", data.account_field_rows),
        "getContactAdditionalFields": ("CONTACT_ADDITIONAL_FIELDS", data.contact_field_rows),
        "getCustomerStatuses": ("CUSTOMER_STATUSES", data.status_rows),
        "getOwners": ("OWNERS", data.owner_rows),
        "getProjects": ("PROJECTS", data.project_rows),
        "getSalesPeople": ("SALES_PEOPLE", data.sales_person_rows),
    }
)

# The criteria of getPrivacyDetails: what they are compared with, any of which may match.
_CRITERIA: Mapping[str, Callable[[story.Person], tuple[str, ...]]] = MappingProxyType(
    {
        "contName": lambda person: (person.name,),
        "contEmail": lambda person: (person.email,),
        "contExternalContactId": lambda person: (person.external_id,),
        "contTelephone": lambda person: (person.phone, person.mobile),
        "accCompany": lambda person: (person.company.name,),
        "accExtLeadId": lambda person: (person.company.lead_id,),
        "accExtAccountId": lambda person: (person.company.external_id,),
        "accPostcode": lambda person: (person.company.address.postcode,),
    }
)


class FiveCrmStandIn(StandIn):
    """A FIVE CRM with four areas, the third of which its one user may not see."""

    credentials: ClassVar = MappingProxyType({"hash": "sandbox-hash-of-maya"})

    def __init__(self) -> None:
        self._areas = {area.number: area for area in data.AREAS}
        self._products = {area.number: CustomerProducts(area) for area in data.AREAS}
        self._now = story.TODAY

    def answer(self, operation: Operation, call: Call) -> Answer:
        """Carry out one mode."""
        try:
            self._check_hash(call)
            return self._write(call) if operation.is_write else _success(self._read(call))
        except RefusalError as refusal:
            return _error(str(refusal))

    def misfit(self, call: Call) -> Answer:
        """Name the mode as the trouble, or the address when it is not the one."""
        if call.path != _PATH:
            return Answer(b"<h1>Not Found</h1>", 404, "text/html")
        known = "Unknown" if call.parameters.get("mode") else "No"
        return _error(f"{known} API mode specified")

    def _check_hash(self, call: Call) -> None:
        if dict(call.form).get("hash") != self.credentials["hash"]:
            raise RefusalError("Unauthorised")

    def _read(self, call: Call) -> Row:
        match mode := call.parameters["mode"]:
            case "validateHash":
                return {"MESSAGE": ["Hash is valid"]}
            case "getDatabaseAreas":
                permitted = (area for area in self._areas.values() if area.permitted)
                return {"AREAS": [data.area_row(area) for area in permitted]}
            case "getDatabaseArea":
                return {"AREA": data.area_row(self._area(call))}
            case "getPrivacyDetails":
                return {"CONTACTS": _search(self._area(call), dict(call.query))}
        key, rows = _LISTS[mode]
        return {key: rows(self._area(call))}

    def _write(self, call: Call) -> Answer:
        products = self._products[self._area(call).number]
        importing = call.parameters["mode"] == "importCustomerProducts"
        carry_out = products.add if importing else products.change
        now = data.written(self._now)
        items = [carry_out(sent, now) for sent in sent_products(call.form)]
        changed = any(not item.errors for item in items)
        if changed:
            self._now += _MINUTE
        return _told(items, changed=changed)

    def _area(self, call: Call) -> Area:
        number = call.parameters.get("area")
        if not number:
            raise RefusalError("No database area has been specified")
        if number not in self._areas:
            raise RefusalError("The specified database area does not exist")
        if not self._areas[number].permitted:
            raise RefusalError(
                "You do not have the necessary user permissions to access this database area."
            )
        return self._areas[number]


def _search(area: Area, query: Mapping[str, str]) -> list[Row]:
    """Find the contacts that meet all criteria; capitals make no difference."""
    wanted = {name: query[name].casefold() for name in _CRITERIA if query.get(name)}
    if not wanted:
        raise RefusalError("At least one search criteria must be specified")
    rows = [
        data.privacy_row(person)
        for person in area.people
        if all(
            text in (value.casefold() for value in _CRITERIA[name](person))
            for name, text in wanted.items()
        )
    ]
    if not rows:
        raise RefusalError("Unable to locate any matching contacts")
    return rows


def _success(body: Row) -> Answer:
    return json_answer({"STATUS": "success", **body})


def _error(sentence: str) -> Answer:
    return json_answer({"STATUS": "error", "ERROR": [sentence]})


def _told(items: list[Item], *, changed: bool) -> Answer:
    """Tell a write item by item."""
    failed = [
        {"CUSTOMER_PRODUCT": item.product, "ERRORS": list(item.errors)}
        for item in items
        if item.errors
    ]
    body = {
        "STATUS": "success with errors" if failed else "success",
        "CUSTOMER_PRODUCTS": {
            "SUCCESSFUL": [{"CUSTOMER_PRODUCT": item.product} for item in items if not item.errors],
            "UNSUCCESSFUL": failed,
        },
    }
    return json_answer(body, changed=changed)


STAND_IN = FiveCrmStandIn
