"""Contacts of the interact stand-in: made, changed by their version, related and deleted."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from interact_caller import (
    VERSION_CONFLICT,
    Caller,
    Row,
    code,
    logged_in,
    refused,
)

from crm_mcp.sandbox import story
from crm_mcp.sandbox.interact.errors import Action, Realm, What

PERSON = "interact_person_contacts_create"
ORGANIZATION = "interact_organization_contacts_create"
GET_PERSON = "interact_person_contacts_get"
UPDATE_PERSON = "interact_person_contacts_update"
UPDATE_ORGANIZATION = "interact_organization_contacts_update"
LIST = "interact_contacts_list"
PHONE = {"type": "phone", "value": "0161 496 0130"}
ADDRESS = {"addressLine1": "1 Mill Lane", "city": "Leeds"}
NOWHERE = 999_999

pytestmark = pytest.mark.anyio


@pytest.fixture
async def crm() -> AsyncIterator[Caller]:
    async with logged_in() as caller:
        yield caller


def create_code(what: What) -> tuple[int, int]:
    return 400, code(what, Action.CREATE, Realm.CONTACTS)


def update_code(what: What) -> tuple[int, int]:
    return 400, code(what, Action.UPDATE, Realm.CONTACTS)


def values(contact: Row) -> list[str]:
    return [info["value"] for info in contact["basicInfos"]]


# Making


async def test_a_person_is_made_with_all_that_was_sent(crm: Caller) -> None:
    calder = await crm.contact(story.CALDER.name)
    sent: dict[str, Any] = {
        "title": "Dr",
        "lastName": "Fenn",
        "firstName": "Ada",
        "middleName": "M",
        "gender": "f",
        "profession": "Architect",
        "hot": True,
        "relatedTo": [calder["id"]],
        "tags": ["new"],
        "searchTerms": ["builder"],
        "profiles": {"xing": {"connected": True, "username": "ada"}},
    }
    parts = {"basicInfos": [PHONE], "addresses": [ADDRESS]}
    reply = await crm.send(PERSON, {**sent, **parts})
    made = reply.json()["entity"]
    assert reply.status_code == 201
    assert {name: made[name] for name in sent} == sent
    assert (made["version"], made["contactType"]) == (1, "person")
    (info,), (address,) = made["basicInfos"], made["addresses"]
    assert info == {"id": info["id"], **PHONE, "excluded": False}
    assert address == {"id": address["id"], **ADDRESS}
    assert await crm.call(GET_PERSON, id=made["id"]) == made
    assert made["id"] in (await crm.contact(story.CALDER.name))["relatedTo"]


async def test_an_organization_is_made_with_the_least_that_it_needs(crm: Caller) -> None:
    made = await crm.made(ORGANIZATION, organizationName="Hale Builders", business="Building")
    assert (made["organizationName"], made["business"]) == ("Hale Builders", "Building")
    assert (made["basicInfos"], made["relatedTo"], made["profiles"]) == ([], [], {})


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ({"contactType": "person"}, What.MISSING),
        ({"contactType": "person", "firstName": "", "lastName": None}, What.MISSING),
        ({"contactType": "organization"}, What.MISSING),
        ({"contactType": "organization", "organizationName": ""}, What.MISSING),
        ({"contactType": "person", "organizationName": "Hale"}, What.MISSING),
        ({"contactType": "person", "firstName": "Ada", "shoeSize": 38}, What.BAD_REQUEST),
        ({"contactType": "person", "firstName": "Ada", "business": "none"}, What.BAD_REQUEST),
        ({"contactType": "person", "firstName": 7}, What.INVALID),
        ({"contactType": "person", "firstName": "Ada", "gender": "x"}, What.INVALID),
        ({"contactType": "person", "firstName": "Ada", "hot": "yes"}, What.INVALID),
        ({"contactType": "person", "firstName": "Ada", "tags": "new"}, What.INVALID),
        ({"contactType": "person", "firstName": "Ada", "tags": [1]}, What.INVALID),
        ({"contactType": "person", "firstName": "Ada", "relatedTo": [True]}, What.INVALID),
        ({"contactType": "person", "firstName": "Ada", "relatedTo": [NOWHERE]}, What.CONTACT),
        ({"contactType": "person", "firstName": "Ada", "profiles": {"myspace": {}}}, What.PROFILE),
        (
            {"contactType": "person", "firstName": "Ada", "profiles": {"xing": {"age": 3}}},
            What.BAD_REQUEST,
        ),
    ],
)
async def test_a_contact_that_makes_no_sense_is_not_made(
    crm: Caller, body: Row, what: What
) -> None:
    found = refused(await crm.authorised("PUT", "/contacts", json=body))
    assert found == create_code(what)
    assert len((await crm.call(LIST))["data"]) == 24


@pytest.mark.parametrize(
    ("info", "what"),
    [
        ({"type": "phone"}, What.MISSING),
        ({"value": "1"}, What.MISSING),
        ({"type": "pigeon", "value": "1"}, What.INVALID),
        ({"type": "phone", "value": "1", "subtype": "beach"}, What.INVALID),
        ({"id": NOWHERE, "type": "phone", "value": "1"}, What.BASIC_INFO),
    ],
)
async def test_a_basicinfo_that_makes_no_sense_is_refused(
    crm: Caller, info: Row, what: What
) -> None:
    found = await crm.refusal(PERSON, firstName="Ada", basicInfos=[info])
    assert found == create_code(what)


# Changing


async def test_an_update_changes_what_is_sent_and_counts_the_version_up(crm: Caller) -> None:
    daniel = await crm.contact("Daniel Okeford")
    changed = await crm.made(UPDATE_PERSON, id=daniel["id"], version=1, profession="Judge")
    assert changed == {**daniel, "version": 2, "profession": "Judge"}
    assert await crm.call(GET_PERSON, id=daniel["id"]) == changed


async def test_an_organization_is_renamed_by_name(crm: Caller) -> None:
    ostvik = await crm.contact(story.OSTVIK.name)
    changed = await crm.made(UPDATE_ORGANIZATION, id=ostvik["id"], version=1, name="Ostvik AB")
    assert changed["organizationName"] == "Ostvik AB"


async def test_an_outdated_version_is_a_conflict_and_changes_nothing(crm: Caller) -> None:
    daniel = await crm.contact("Daniel Okeford")
    await crm.made(UPDATE_PERSON, id=daniel["id"], version=1, hot=True)
    reply = await crm.send(UPDATE_PERSON, {"id": daniel["id"], "version": 1, "hot": False})
    what = code(What.OUTDATED, Action.UPDATE, Realm.CONTACTS, VERSION_CONFLICT)
    assert refused(reply) == (409, what)
    assert reply.json()["devmsg"] == "version conflict"
    assert (await crm.contact("Daniel Okeford"))["hot"] is True


@pytest.mark.parametrize("version", [None, {}])
async def test_without_a_version_nothing_is_compared(crm: Caller, version: Any) -> None:
    daniel = await crm.contact("Daniel Okeford")
    body = {"hot": True} | ({"version": None} if version is None else {})
    reply = await crm.authorised("POST", f"/contacts/{daniel['id']}", json=body)
    assert reply.json()["entity"]["version"] == 2


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ({"firstName": ""}, What.INVALID),
        ({"lastName": None}, What.INVALID),
        ({"contactType": "organization"}, What.INVALID),
        ({"name": "Daniel"}, What.BAD_REQUEST),
        ({"version": "1"}, What.INVALID),
        ({"profiles": {"xing": 7}}, What.BAD_REQUEST),
    ],
)
async def test_an_update_that_makes_no_sense_is_refused(crm: Caller, body: Row, what: What) -> None:
    daniel = await crm.contact("Daniel Okeford")
    found = refused(await crm.authorised("POST", f"/contacts/{daniel['id']}", json=body))
    assert found == update_code(what)
    assert await crm.contact("Daniel Okeford") == daniel


@pytest.mark.parametrize("name", ["", None])
async def test_an_organization_keeps_its_name(crm: Caller, name: Any) -> None:
    calder = await crm.contact(story.CALDER.name)
    path = f"/contacts/{calder['id']}"
    assert refused(await crm.authorised("POST", path, json={"name": name})) == update_code(
        What.INVALID
    )
    assert refused(await crm.authorised("POST", path, json=["name"])) == update_code(
        What.BAD_REQUEST
    )


async def test_lists_are_replaced_as_a_whole_and_profiles_one_by_one(crm: Caller) -> None:
    daniel = await crm.contact("Daniel Okeford")
    profile = {"connected": True, "username": "dan"}
    changed = await crm.made(
        UPDATE_PERSON,
        id=daniel["id"],
        version=1,
        tags=["a", "b"],
        searchTerms=[],
        profiles={"skype": profile},
    )
    assert (changed["tags"], changed["searchTerms"]) == (["a", "b"], [])
    assert changed["profiles"] == {**daniel["profiles"], "skype": profile}
    body = {"tags": None, "profiles": {"linkedIn": None}}
    reply = await crm.authorised("POST", f"/contacts/{daniel['id']}", json=body)
    cleared = reply.json()["entity"]
    assert (cleared["tags"], cleared["profiles"]) == ([], {"skype": profile})
    body = {"profiles": None}
    reply = await crm.authorised("POST", f"/contacts/{daniel['id']}", json=body)
    assert reply.json()["entity"]["profiles"] == {"skype": profile}


async def test_basicinfos_are_kept_changed_added_and_let_go_by_their_ids(crm: Caller) -> None:
    daniel = await crm.contact("Daniel Okeford")
    email, phone, mobile = daniel["basicInfos"]
    infos = [{"id": phone["id"], "value": "0113 496 0199"}, {"id": email["id"]}, PHONE]
    changed = await crm.made(UPDATE_PERSON, id=daniel["id"], version=1, basicInfos=infos)
    assert changed["basicInfos"][:2] == [email, {**phone, "value": "0113 496 0199"}]
    assert values(changed)[2:] == [PHONE["value"]]
    again = await crm.made(
        UPDATE_PERSON, id=daniel["id"], version=2, basicInfos=daniel["basicInfos"]
    )
    assert again["basicInfos"] == [email, phone, mobile]


async def test_addresses_are_let_go_and_taken_up_by_their_ids_too(crm: Caller) -> None:
    calder = await crm.contact(story.CALDER.name)
    gone = await crm.made(UPDATE_ORGANIZATION, id=calder["id"], version=1, addresses=[])
    assert gone["addresses"] == []
    again = await crm.made(
        UPDATE_ORGANIZATION, id=calder["id"], version=2, addresses=calder["addresses"]
    )
    assert again["addresses"] == calder["addresses"]


async def test_a_basicinfo_belongs_to_one_contact_only(crm: Caller) -> None:
    daniel, karin = await crm.contact("Daniel Okeford"), await crm.contact("Karin Åhlund")
    taken = {"id": karin["basicInfos"][0]["id"]}
    found = await crm.refusal(UPDATE_PERSON, id=daniel["id"], version=1, basicInfos=[taken])
    assert found == update_code(What.BASIC_INFO_TAKEN)
    found = await crm.refusal(PERSON, firstName="Ada", basicInfos=[taken | PHONE])
    assert found == create_code(What.BASIC_INFO_TAKEN)
    assert (await crm.contact("Karin Åhlund"))["basicInfos"] == karin["basicInfos"]


async def test_a_basicinfo_of_nobody_is_taken_up_by_its_id(crm: Caller) -> None:
    info = await crm.made("interact_basicinfos_create", **PHONE)
    made = await crm.made(PERSON, firstName="Ada", basicInfos=[{"id": info["id"], **PHONE}])
    assert made["basicInfos"] == [info]


async def test_an_address_belongs_to_one_contact_only(crm: Caller) -> None:
    calder, nordkamm = (
        await crm.contact(story.CALDER.name),
        await crm.contact(story.NORDKAMM.name),
    )
    taken = {"id": nordkamm["addresses"][0]["id"]}
    found = await crm.refusal(UPDATE_ORGANIZATION, id=calder["id"], version=1, addresses=[taken])
    assert found == update_code(What.BAD_REQUEST)
    unknown = {"id": NOWHERE}
    found = await crm.refusal(UPDATE_ORGANIZATION, id=calder["id"], version=1, addresses=[unknown])
    assert found == update_code(What.ADDRESS)


@pytest.mark.parametrize("name", ["type", "value"])
async def test_type_and_value_of_a_basicinfo_cannot_be_emptied(crm: Caller, name: str) -> None:
    daniel = await crm.contact("Daniel Okeford")
    body = {"basicInfos": [{"id": daniel["basicInfos"][0]["id"], name: None}]}
    found = refused(await crm.authorised("POST", f"/contacts/{daniel['id']}", json=body))
    assert found == update_code(What.INVALID)


async def test_relations_hold_on_both_sides_and_are_replaced_as_a_whole(crm: Caller) -> None:
    nils = await crm.contact("Nils Sandberg")
    calder = await crm.contact(story.CALDER.name)
    await crm.made(UPDATE_PERSON, id=nils["id"], version=1, relatedTo=[calder["id"]])
    assert (await crm.contact("Nils Sandberg"))["relatedTo"] == [calder["id"]]
    assert nils["id"] in (await crm.contact(story.CALDER.name))["relatedTo"]
    assert (await crm.contact(story.OSTVIK.name))["relatedTo"] == []
    reply = await crm.authorised("POST", f"/contacts/{nils['id']}", json={"relatedTo": None})
    assert reply.json()["entity"]["relatedTo"] == []


async def test_nobody_is_related_to_themselves(crm: Caller) -> None:
    nils = await crm.contact("Nils Sandberg")
    found = await crm.refusal(UPDATE_PERSON, id=nils["id"], version=1, relatedTo=[nils["id"]])
    assert found == update_code(What.BAD_REQUEST)


async def test_an_update_of_nobody_is_not_found(crm: Caller) -> None:
    found = await crm.refusal(UPDATE_PERSON, id=NOWHERE, version=1, hot=True)
    assert found == update_code(What.CONTACT)


# Deleting


async def test_a_deleted_contact_takes_its_notes_and_pictures_along_and_nothing_else(
    crm: Caller,
) -> None:
    eleanor = await crm.contact("Eleanor Whitby")
    (picture,) = await crm.call("interact_contact_pictures_list", id=eleanor["id"])
    reply = await crm.send("interact_contacts_delete", {"id": eleanor["id"]})
    assert (reply.status_code, reply.json()) == (200, {"code": 204, "devmsg": "success"})
    found = await crm.refusal(GET_PERSON, id=eleanor["id"])
    assert found == (400, code(What.CONTACT, Action.VIEW, Realm.CONTACTS))
    notes = {note["id"] for note in await crm.call("interact_notes_list")}
    assert notes & set(eleanor["notes"]) == set()
    assert (await crm.refusal("interact_pictures_get", id=picture["id"]))[0] == 400
    deal = await crm.call("interact_deals_get", id=eleanor["deals"][0])
    task = await crm.call("interact_tasks_get", id=eleanor["tasks"][0])
    talk = await crm.call("interact_interactions_get", id=eleanor["interactions"][0])
    assert [entry.get("relatedTo") for entry in (deal, task)] == [None, None]
    assert ("person" in talk, "organization" in talk, "basicInfoId" in talk) == (
        False,
        True,
        False,
    )
    assert eleanor["id"] not in (await crm.contact(story.CALDER.name))["relatedTo"]


async def test_a_deleted_number_is_no_longer_called(crm: Caller) -> None:
    harriet = await crm.contact("Harriet Lowe")
    await crm.call("interact_contacts_delete", id=harriet["id"])
    assert (await crm.call("interact_tasks_get", id=harriet["tasks"][0]))["phoneNumbers"] == []


async def test_a_deleted_organization_leaves_its_people(crm: Caller) -> None:
    calder = await crm.contact(story.CALDER.name)
    await crm.call("interact_contacts_delete", id=calder["id"])
    eleanor = await crm.contact("Eleanor Whitby")
    assert eleanor["relatedTo"] == []
    talk = await crm.call("interact_interactions_get", id=eleanor["interactions"][0])
    assert ("person" in talk, "organization" in talk) == (True, False)


async def test_several_contacts_are_deleted_together_or_not_at_all(crm: Caller) -> None:
    samuel, nils = await crm.contact("Samuel Wray"), await crm.contact("Nils Sandberg")
    delete = "interact_contacts_delete_many"
    found = await crm.refusal(delete, ids=[samuel["id"], NOWHERE])
    assert found == (400, code(What.CONTACT, Action.DELETE, Realm.CONTACTS))
    assert await crm.contact("Samuel Wray") == samuel
    reply = await crm.call(delete, ids=[samuel["id"], nils["id"], samuel["id"]])
    assert reply == {"code": 204, "devmsg": "success"}
    assert len((await crm.call(LIST))["data"]) == 22


@pytest.mark.parametrize(
    ("query", "what"),
    [
        ("", What.MISSING),
        ("?ids=", What.MISSING),
        ("?ids=1,x", What.INVALID),
        ("?ids=,", What.INVALID),
    ],
)
async def test_a_bulk_delete_without_usable_ids_deletes_nothing(
    crm: Caller, query: str, what: What
) -> None:
    found = refused(await crm.authorised("DELETE", f"/contacts{query}"))
    assert found == (400, code(what, Action.DELETE, Realm.CONTACTS))
    assert len((await crm.call(LIST))["data"]) == 24
