"""Contacts of the interact stand-in as they are read: projections, pages, lists below them."""

from collections.abc import AsyncIterator

import pytest
from interact_caller import (
    OWEN,
    Caller,
    Row,
    code,
    display_name,
    logged_in,
    new_sandbox,
    refused,
)

from crm_mcp.sandbox import story
from crm_mcp.sandbox.interact.errors import Action, Realm, What

GET_PERSON = "interact_person_contacts_get"
GET_ORGANIZATION = "interact_organization_contacts_get"
LIST = "interact_contacts_list"
NOWHERE = 999_999

pytestmark = pytest.mark.anyio


@pytest.fixture
async def crm() -> AsyncIterator[Caller]:
    async with logged_in() as caller:
        yield caller


def values(contact: Row) -> list[str]:
    return [info["value"] for info in contact["basicInfos"]]


# Reading


async def test_a_person_is_shown_field_for_field_like_in_the_document(crm: Caller) -> None:
    eleanor = await crm.contact("Eleanor Whitby")
    assert list(await crm.call(GET_PERSON, id=eleanor["id"])) == [
        *("id", "version", "contactType", "lastName", "firstName", "profession", "hot"),
        *("basicInfos", "addresses", "deals", "notes", "tags", "tasks", "interactions"),
        *("relatedTo", "pictures", "searchTerms", "profiles"),
    ]


async def test_an_organization_is_shown_field_for_field_like_in_the_document(
    crm: Caller,
) -> None:
    calder = await crm.contact(story.CALDER.name)
    shown = await crm.call(GET_ORGANIZATION, id=calder["id"])
    assert list(shown)[:5] == ["id", "version", "contactType", "organizationName", "hot"]
    assert list(shown["basicInfos"][0]) == ["id", "type", "subtype", "value", "excluded"]
    (address,) = shown["addresses"]
    del address["id"]
    assert address == {
        "addressLine1": "14 Canal Parade",
        "addressType": "work",
        "postCode": "LS1 4CK",
        "city": "Leeds",
        "country": "United Kingdom",
    }


async def test_the_story_s_people_belong_to_their_companies(crm: Caller) -> None:
    contacts = (await crm.call(LIST))["data"]
    by_id = {contact["id"]: contact for contact in contacts}
    for person in story.PEOPLE:
        (found,) = (entry for entry in contacts if display_name(entry) == person.name)
        assert values(found) == [person.email, person.phone, person.mobile]
        (company,) = (by_id[number] for number in found["relatedTo"])
        assert company["organizationName"] == person.company.name
        assert found["id"] in company["relatedTo"]


async def test_each_user_has_contacts_of_their_own(crm: Caller) -> None:
    mine = {contact["id"] for contact in (await crm.call(LIST))["data"]}
    async with logged_in(crm.sandbox, **OWEN) as owen:
        his = (await owen.call(LIST))["data"]
        names = {contact["organizationName"] for contact in his if "organizationName" in contact}
        found = await owen.refusal(GET_PERSON, id=min(mine))
    assert names == {story.CALDER.name, story.BRIGHTWATER.name}
    assert mine & {contact["id"] for contact in his} == set()
    assert found == (400, code(What.CONTACT, Action.VIEW, Realm.CONTACTS))


async def test_an_id_of_something_else_is_no_contact(crm: Caller) -> None:
    (note, *_) = await crm.call("interact_notes_list")
    found = await crm.refusal(GET_PERSON, id=note["id"])
    assert found == (400, code(What.CONTACT, Action.VIEW, Realm.CONTACTS))


async def test_the_flat_projection_differs_in_the_pictures(crm: Caller) -> None:
    eleanor = await crm.contact("Eleanor Whitby")
    flat = await crm.call(GET_PERSON, id=eleanor["id"], projection="flat")
    (picture,) = eleanor["pictures"]
    assert flat == {**eleanor, "pictures": [picture["url"]]}


async def test_the_thin_projection_names_the_one_organization_or_person_or_counts_them(
    crm: Caller,
) -> None:
    lena = await crm.contact("Lena Brandt")
    thin = await crm.call(GET_PERSON, id=lena["id"], projection="thin")
    assert thin == {
        "id": lena["id"],
        "version": 1,
        "contactType": "person",
        "lastName": "Brandt",
        "firstName": "Lena",
        "hot": False,
        "picture": "https://gravatar.example.com/lena-brandt.jpg",
        "extra": story.MAINBOGEN.name,
    }
    extras = {}
    for contact in (await crm.call(LIST, projection="thin"))["data"]:
        extras[display_name(contact)] = contact.get("extra")
    assert extras[story.MAINBOGEN.name] == "Lena Brandt"
    assert extras[story.MOORFIELD.name] == "2"
    assert extras["Priya Raman"] is None


async def test_a_thin_person_shows_the_default_picture_only(crm: Caller) -> None:
    eleanor = await crm.contact("Eleanor Whitby")
    (picture,) = await crm.call("interact_contact_pictures_list", id=eleanor["id"])
    await crm.made("interact_pictures_update", id=picture["id"], isDefault=False)
    assert "picture" not in await crm.call(GET_PERSON, id=eleanor["id"], projection="thin")
    calder = await crm.contact(story.CALDER.name)
    first = await crm.made("interact_pictures_create", contactId=calder["id"], base64="R0lGODk=")
    await crm.made(
        "interact_pictures_create", contactId=calder["id"], base64="AAAA", isDefault=True
    )
    thin = await crm.call(GET_ORGANIZATION, id=calder["id"], projection="thin")
    assert thin["picture"] == first["url"]


async def test_a_projection_that_is_none_is_refused(crm: Caller) -> None:
    found = refused(await crm.authorised("GET", "/contacts?projection=fat"))
    assert found == (400, code(What.INVALID, Action.VIEW, Realm.CONTACTS))


# Paging


async def test_pages_of_five_reach_past_page_three_and_miss_nobody(crm: Caller) -> None:
    everybody = (await crm.call(LIST))["data"]
    pages = [await crm.call(LIST, offset=start, limit=5) for start in range(0, 25, 5)]
    assert [page["length"] for page in pages] == [5, 5, 5, 5, 4]
    assert {page["totalLength"] for page in pages} == {24}
    assert [page["startIndex"] for page in pages] == [0, 5, 10, 15, 20]
    assert [contact for page in pages for contact in page["data"]] == everybody


async def test_one_of_offset_and_limit_is_enough_for_counts_and_none_gives_none(
    crm: Caller,
) -> None:
    counts = {"length": 4, "startIndex": 20, "totalLength": 24}
    rest = await crm.call(LIST, offset=20)
    assert {name: rest[name] for name in counts} == counts
    first = await crm.call(LIST, limit=2)
    assert (first["startIndex"], first["length"], first["totalLength"]) == (0, 2, 24)
    assert set(await crm.call(LIST)) == {"data"}
    assert (await crm.call(LIST, offset=100, limit=5))["data"] == []


@pytest.mark.parametrize("query", ["offset=-1", "limit=many", "offset="])
async def test_an_offset_or_limit_that_is_no_number_is_refused(crm: Caller, query: str) -> None:
    found = refused(await crm.authorised("GET", f"/contacts?{query}"))
    assert found == (400, code(What.INVALID, Action.VIEW, Realm.CONTACTS))


# Below a contact


async def test_related_contacts_are_listed_in_the_projection_that_is_asked_for(
    crm: Caller,
) -> None:
    calder = await crm.contact(story.CALDER.name)
    related = "interact_contact_contacts_list"
    full = await crm.call(related, id=calder["id"])
    assert [display_name(contact) for contact in full["data"]] == [
        "Eleanor Whitby",
        "Daniel Okeford",
    ]
    thin = await crm.call(related, id=calder["id"], projection="thin")
    assert (set(full), set(thin)) == ({"data"}, {"data"})
    assert {contact["extra"] for contact in thin["data"]} == {story.CALDER.name}
    found = await crm.refusal(related, id=NOWHERE)
    assert found == (400, code(What.CONTACT, Action.VIEW, Realm.CONTACT_RELATIONS))


async def test_profiles_search_terms_and_tags_of_a_contact_are_listed(crm: Caller) -> None:
    eleanor = await crm.contact("Eleanor Whitby")
    listed = {
        name: await crm.call(f"interact_contact_{name}_list", id=eleanor["id"])
        for name in ("profiles", "search_terms", "tags")
    }
    assert listed == {
        "profiles": eleanor["profiles"],
        "search_terms": ["TWC-1"],
        "tags": ["customer"],
    }


async def test_a_contact_s_notes_are_listed_without_what_they_are_about(crm: Caller) -> None:
    eleanor = await crm.contact("Eleanor Whitby")
    (note,) = await crm.call("interact_contact_notes_list", id=eleanor["id"])
    assert list(note) == ["id", "timestamp", "message"]
    assert note["timestamp"] == int(story.REMARKS[0].written.timestamp() * 1000)


async def test_a_contact_s_interactions_tasks_and_deals_are_listed(crm: Caller) -> None:
    eleanor = await crm.contact("Eleanor Whitby")
    talks = await crm.call("interact_contact_interactions_list", id=eleanor["id"])
    assert [talk["type"] for talk in talks] == ["email-outgoing", "call-incoming"]
    (task,) = await crm.call("interact_contact_tasks_list", id=eleanor["id"])
    assert task == await crm.call("interact_tasks_get", id=task["id"])
    (deal,) = await crm.call("interact_contact_deals_list", id=eleanor["id"])
    assert deal == await crm.call("interact_deals_get", id=deal["id"])


@pytest.mark.parametrize(
    ("name", "status", "realm"),
    [
        ("pictures", 400, Realm.CONTACTS),
        ("notes", 400, Realm.CONTACT_NOTES),
        ("profiles", 400, Realm.CONTACT_PROFILES),
        ("search_terms", 400, Realm.CONTACT_SEARCH_TERMS),
        ("tags", 400, Realm.CONTACT_TAGS),
        ("interactions", 400, Realm.CONTACT_INTERACTIONS),
        ("tasks", 404, Realm.CONTACT_TASKS),
        ("deals", 404, Realm.CONTACT_DEALS),
    ],
)
async def test_below_an_unknown_contact_nothing_is_found_in_the_realm_of_the_list(
    crm: Caller, name: str, status: int, realm: Realm
) -> None:
    found = await crm.refusal(f"interact_contact_{name}_list", id=NOWHERE)
    assert found == (status, code(What.CONTACT, Action.VIEW, realm))


async def test_all_tags_of_a_user_are_listed_once(crm: Caller) -> None:
    tags = await crm.call("interact_tags_list")
    assert tags == ["Germany", "Sweden", "United Kingdom", "customer", "prospect"]
    async with logged_in(crm.sandbox, **OWEN) as owen:
        assert await owen.call("interact_tags_list") == ["United Kingdom", "customer"]


async def test_every_sandbox_begins_with_the_same_records(crm: Caller) -> None:
    async with logged_in(new_sandbox()) as other:
        assert await other.call(LIST) == await crm.call(LIST)
        await other.call(
            "interact_contacts_delete", id=(await other.contact("Nils Sandberg"))["id"]
        )
    assert await crm.contact("Nils Sandberg")
