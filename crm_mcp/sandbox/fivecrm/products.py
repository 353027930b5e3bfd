"""FIVE CRM's customer products: what imports and updates do, and every reason to refuse one.

Fields, lengths and sentences stand in sections 8.1 and 8.2 of the vendor's document. Where it
knows no sentence for a mistake (a number that is none, a field that does not exist), the nearest
documented one is given.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from crm_mcp.request import Pairs
from crm_mcp.sandbox import story
from crm_mcp.sandbox.fivecrm.data import API_USER, Area, Row, written

Sent = Mapping[str, str]

_MALFORMED = "Invalid Customer Products data provided."

# Each field's longest text, or what else it holds, in the order of the document's table.
_FIELDS: dict[str, int | type] = {
    "account": 32,
    "product": 50,
    "manufacturer": 25,
    "reference": 150,
    "contact": 50,
    "posn": 255,
    "importance": 255,
    "company": 255,
    "startDate": datetime,
    "endDate": datetime,
    "planQty": float,
    "actQty": float,
    "planVal": float,
    "actVal": float,
    "type_": 5,
    "status": 20,
    "text": 65_535,
    "updatedBy": 50,
    "updated": datetime,
    "updateFlag": 10,
    "nextDate": datetime,
    "callInterval": int,
    "probability": int,
    "created": datetime,
    **{f"addn{number:02}": 250 for number in range(1, 51)},
    "project": 50,
    "cid": int,
    "totalNetValue": float,
    "taxValue": float,
    "totalValue": float,
    "discount": float,
    "prodGroup": 25,
    "frequency": 50,
}
_ZERO_UNLESS_SAID = (
    *("planQty", "actQty", "planVal", "actVal", "probability"),
    *("totalNetValue", "taxValue", "totalValue", "discount"),
)
_KEY = ("account", "product", "manufacturer", "reference")
_NEVER_EMPTY = ("account", "reference")

_FORM_NAME = re.compile(r"customerProducts\[(\d+)\]\[([^\[\]]+)\]", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", re.ASCII)
_NUMBER: dict[type, re.Pattern[str]] = {
    int: re.compile(r"-?\d{1,15}", re.ASCII),
    float: re.compile(r"-?\d{1,15}(\.\d{1,15})?(e[+-]?\d{1,2})?", re.ASCII | re.IGNORECASE),
}


class RefusalError(Exception):
    """The whole request is refused; the text is the vendor's sentence."""


@dataclass(frozen=True)
class Item:
    """One record of a request after the work: as it now stands, or as sent with the reasons."""

    product: Row
    errors: tuple[str, ...] = ()


class CustomerProducts:
    """The customer products of one area, by reference."""

    def __init__(self, area: Area) -> None:
        self._area = area
        self._by_reference = {deal.reference: _seed(deal) for deal in area.deals}
        self._next_reference = area.next_reference

    def add(self, sent: Sent, now: str) -> Item:
        """Import one product; a reference is made where none is given."""
        missing = (f"{name.capitalize()} cannot be null" for name in _KEY[:3] if name not in sent)
        errors = (*self._taken(sent), *missing, *self._misfits(sent))
        if errors:
            return Item(dict(sent), errors)
        defaults: Row = dict.fromkeys(_ZERO_UNLESS_SAID, 0)
        defaults |= {"updatedBy": API_USER.code, "updated": now, "created": now}
        if sent.get("contact"):
            defaults["cid"] = self._contact_ids(sent["account"])[sent["contact"]]
        record = defaults | _stored(sent)
        record.setdefault("reference", self._free_reference())
        return self._keep(record)

    def change(self, sent: Sent, now: str) -> Item:
        """Update one product; what is not sent stays, except who changed it and when."""
        missing = [name for name in _KEY if name not in sent]
        errors = (
            *(f"No {name} specified on the Customer Product" for name in missing),
            *self._misfits(sent),
        )
        errors = errors or tuple(self._unmatched(sent))
        if errors:
            return Item(dict(sent), errors)
        found = self._by_reference[sent["reference"]]
        return self._keep(found | {"updatedBy": API_USER.code, "updated": now} | _stored(sent))

    def _keep(self, record: Row) -> Item:
        ordered = {name: record[name] for name in _FIELDS if name in record}
        self._by_reference[record["reference"]] = ordered
        return Item(ordered)

    def _free_reference(self) -> str:
        while str(self._next_reference) in self._by_reference:
            self._next_reference += 1
        return str(self._next_reference)

    def _contact_ids(self, account: str) -> dict[str, int]:
        people = self._area.people
        return {person.name: person.id for person in people if person.company.number == account}

    def _taken(self, sent: Sent) -> Iterator[str]:
        found = self._by_reference.get(sent.get("reference", ""))
        if found is None:
            return
        area = self._area.number
        yield f"Reference ({sent['reference']}) already in use in area ({area})"
        if all(found[name] == sent.get(name) for name in _KEY):
            yield (
                f"The combination of account ({sent['account']}), product ({sent['product']}), "
                f"manufacture ({sent['manufacturer']}), reference ({sent['reference']}) is already "
                f"in use by another Customer Product in area ({area})."
            )

    def _unmatched(self, sent: Sent) -> Iterator[str]:
        found = self._by_reference.get(sent["reference"])
        area = self._area.number
        if found is None:
            yield (
                "No pre-existing Customer Product found with the reference "
                f"({sent['reference']}) in area ({area})"
            )
        elif any(found[name] != sent[name] for name in _KEY):
            details = ", ".join(f"{name} ({sent[name]})" for name in _KEY)
            yield (
                "No matching Customer Product could be found for the following details: "
                f"{details} in area ({area})."
            )

    def _misfits(self, sent: Sent) -> Iterator[str]:
        for name, text in sent.items():
            if name in _NEVER_EMPTY and not text:
                yield f"{name.capitalize()} cannot be empty"
            else:
                yield from _value_errors(name, text)
        yield from self._strangers(sent)

    def _strangers(self, sent: Sent) -> Iterator[str]:
        account, contact = sent.get("account"), sent.get("contact")
        if not account:
            return
        if account not in (company.number for company in self._area.companies):
            yield f"Account ({account}) does not exist in database area ({self._area.number})"
        elif contact and contact not in self._contact_ids(account):
            yield (
                f"Contact ({contact}) does not exist on account ({account}) "
                f"in database area ({self._area.number})"
            )


def sent_products(form: Pairs) -> tuple[Sent, ...]:
    """Read `customerProducts[0][account]` and its like from a form, in PHP's notation.

    Raises:
        RefusalError: there are none, or they are not a list of flat records.
    """
    ours = [(name, text) for name, text in form if name.partition("[")[0] == "customerProducts"]
    if not ours:
        raise RefusalError("No POST element (customerProducts) found as part of the request")
    products: dict[str, dict[str, str]] = {}
    for name, text in ours:
        found = _FORM_NAME.fullmatch(name)
        if not found:
            raise RefusalError(_MALFORMED)
        products.setdefault(found[1], {})[found[2]] = text
    return tuple(products.values())


def _value_errors(name: str, text: str) -> Iterator[str]:
    """Say what is wrong with one value; an empty date is none, and allowed."""
    kind = _FIELDS.get(name)
    if isinstance(kind, int):
        if len(text) > kind:
            yield f"Field ({name}) is longer than the maximum length allowed ({kind})"
    elif kind is datetime:
        if text and not _is_date(text):
            yield (
                f"Invalid date provided for {name} ({text}). "
                f"Dates should match the following format YYYY-MM-DD hh:mm:ss ({text})"
            )
    elif kind is None or not _NUMBER[kind].fullmatch(text):
        yield _MALFORMED


def _is_date(text: str) -> bool:
    try:
        return bool(_DATE.fullmatch(text) and datetime.fromisoformat(text))
    except ValueError:
        return False


def _stored(sent: Sent) -> Row:
    return {name: _value(name, text) for name, text in sent.items()}


def _value(name: str, text: str) -> Any:
    if _FIELDS[name] not in _NUMBER:
        return text
    number = float(text)
    return int(number) if number.is_integer() else number


def _seed(deal: story.Deal) -> Row:
    """Write a deal of the story as the customer product that stands in the CRM."""
    person, product = deal.person, deal.product
    return {
        "account": person.company.number,
        "product": product.name,
        "manufacturer": product.manufacturer,
        "reference": deal.reference,
        "contact": person.name,
        "posn": person.job_title,
        "company": person.company.name,
        "planQty": deal.quantity,
        "actQty": deal.ordered,
        "planVal": deal.value,
        "actVal": deal.ordered * product.price,
        "status": deal.stage,
        "updatedBy": person.company.owner.code,
        "updated": written(deal.opened),
        "probability": deal.probability,
        "created": written(deal.opened),
        "project": deal.project.code,
        "cid": person.id,
        "totalNetValue": deal.value,
        "taxValue": 0,
        "totalValue": deal.value,
        "discount": 0,
        "prodGroup": product.group,
    }
