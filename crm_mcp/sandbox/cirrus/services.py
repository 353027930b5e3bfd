"""The services that Cirrus passes on: signatures by BankID, credit checks, addresses, phones."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from http import HTTPStatus
from types import MappingProxyType
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from crm_mcp.sandbox.cirrus.resources import Ask, listed
from crm_mcp.sandbox.cirrus.shapes import Row
from crm_mcp.sandbox.cirrus.world import RefusalError, World

SIGNED_AFTER = timedelta(seconds=5)
"""So long after the start, the person whom a signature is asked of has signed."""


def _reference(*parts: object) -> str:
    return str(uuid5(NAMESPACE_URL, "/".join(map(str, parts))))


def start(ask: Ask) -> Any:
    """Ask somebody for a signature."""
    world = ask.world
    key = world.next_id("signature")
    row = {
        "id": key,
        "message": "Start your BankID app.",
        "status": "pending",
        "orderref": _reference("order", key),
        "personalnumber": ask.arguments.get("personalnumber"),
        "autostarttoken": _reference("start", key),
        "hintcode": "outstandingTransaction",
        "abstract": ask.arguments["abstract"],
        "started": world.moment,
    }
    return ask.show(world.put("signature", row))


def check(ask: Ask) -> Any:
    """Tell how far a signature is."""
    return ask.show(_now(ask.world, ask.need()))


def _now(world: World, row: Row) -> Row:
    """See a signature as it is by now: signed once the time has come, if nobody cancelled it."""
    started = datetime.fromisoformat(row["started"])
    if row["status"] != "pending" or world.now < started + SIGNED_AFTER:
        return row
    number = row["personalnumber"]
    person = (world.find("contact", idnumber=number) if number else None) or {}
    names = {"givenname": person.get("name"), "surname": person.get("surname")}
    whole = " ".join(filter(None, names.values())) or None
    done = {
        "user": {"personalnumber": row["personalnumber"], "name": whole, **names},
        "device": {"ipaddress": "192.0.2.10"},
        "cert": {"notbefore": "2025-01-01", "notafter": "2027-12-31"},
        "signature": _reference("signature", row["id"]),
        "ocspresponse": _reference("ocsp", row["id"]),
    }
    told = {"message": "The signature is complete.", "status": "complete", "hintcode": None}
    return {**row, **told, "completiondata": done}


def update(ask: Ask) -> Any:
    """Change or cancel what is not signed yet."""
    row = _unsigned(ask)
    given: Row = {
        name: ask.body[name] for name in ("status", "hintcode", "orderref") if name in ask.body
    }
    kept: Row = {name: ask.body[name] for name in ("nonce", "errorcode") if name in ask.body}
    return ask.show(ask.world.put("signature", {**row, **given, **kept}))


def cancel(ask: Ask) -> Any:
    """Take the request for a signature back."""
    told = {"message": "The request is cancelled.", "status": "failed", "hintcode": "cancelled"}
    return ask.show(ask.world.put("signature", {**_unsigned(ask), **told}))


def _unsigned(ask: Ask) -> Row:
    row = _now(ask.world, ask.need())
    if row["status"] == "complete":
        raise RefusalError(HTTPStatus.UNPROCESSABLE_ENTITY, "The signature is complete already")
    return row


def look_up_address(ask: Ask) -> Any:
    """Find where a person lives, by the number that the state gave."""
    person = _person(ask)
    return {name: person.get(name) for name in ("name", "surname", "street", "city", "zip")}


def check_credit(ask: Ask) -> Any:
    """Ask whether a person is good for a credit, which costs money each time."""
    world, person = ask.world, _person(ask)
    world.revision += 1
    return {
        "person_number": person["idnumber"],
        "status": "completed",
        "correlationid": _reference("credit", person["id"], world.moment),
        "checkdate": world.moment,
        "outcome": "approved" if person["id"] % 2 == 0 else "declined",
    }


def _person(ask: Ask) -> Row:
    number = ask.arguments["person_number"]
    found = ask.world.find("contact", idnumber=number)
    if found is None:
        raise RefusalError(HTTPStatus.NOT_FOUND, "There is no person with this number")
    return found


def get_phone_options(ask: Ask) -> Any:
    """Tell in which colour and size a phone is to be had; the document shows one of each."""
    world, model = ask.world, ask.arguments.get("modelid")
    phones = world.all("phone") if model is None else world.pointing("phone", "modelid", model)
    if not phones:
        return {"colours": None, "sizes": None}
    colour, size = phones[0]["colourid"], phones[0]["sizeid"]
    return {
        "colours": world.show_one("phoneColour", world.need("phoneColour", colour)),
        "sizes": world.show_one("phoneSize", world.need("phoneSize", size)),
    }


def list_phones(ask: Ask) -> Any:
    """List the phones of a model."""
    ask.world.need("phoneModel", ask.arguments["modelid"])
    return listed(ask)


CALLS: Mapping[str, Callable[[Ask], Any]] = MappingProxyType(
    {
        "cirrus_bankid_signatures_start": start,
        "cirrus_bankid_signatures_check": check,
        "cirrus_bankid_signatures_update": update,
        "cirrus_bankid_old_signatures_start": start,
        "cirrus_bankid_old_signatures_check": check,
        "cirrus_bankid_old_signatures_cancel": cancel,
        "cirrus_addresses_lookup": look_up_address,
        "cirrus_credit_checks_run": check_credit,
        "cirrus_phone_options_get": get_phone_options,
        "cirrus_phones_list": list_phones,
    }
)
