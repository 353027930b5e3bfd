"""Duplicates, merge, share and import of the interact stand-in."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from interact_caller import (
    OWEN,
    VERSION_CONFLICT,
    Caller,
    Row,
    code,
    display_name,
    logged_in,
    refused,
)

from crm_mcp.sandbox import story
from crm_mcp.sandbox.interact.errors import Action, Realm, What
from crm_mcp.sandbox.interact.importing import ACCOUNT
from crm_mcp.sandbox.interact.world import milliseconds

DUPLICATES = "interact_duplicate_basicinfos_find"
CONFLICTS = "interact_contact_conflicts_list"
MERGE = "interact_contacts_merge"
SHARE = "interact_contacts_share"
IMPORT = "interact_contacts_import"
SYNC = "interact_sync_run"
NOWHERE = 999_999

pytestmark = pytest.mark.anyio


@pytest.fixture
async def crm() -> AsyncIterator[Caller]:
    async with logged_in() as caller:
        yield caller


async def conflicts(crm: Caller, value: str) -> list[Row]:
    found: list[Row] = (await crm.call(CONFLICTS, value=value))["data"]
    return found


def merge_code(what: What) -> tuple[int, int]:
    return 400, code(what, Action.MERGE, Realm.CONTACTS)


# Duplicates and conflicts


async def test_a_value_of_two_contacts_is_a_duplicate_and_names_both(crm: Caller) -> None:
    assert await crm.call(DUPLICATES) == [story.JUERGEN.mobile]
    found = await conflicts(crm, "+491713920014")
    assert [display_name(contact) for contact in found] == ["Jürgen Möller", "Jurgen Moeller"]
    assert found[0] == await crm.contact("Jürgen Möller")
    assert await conflicts(crm, story.ELEANOR.email.upper()) == [
        await crm.contact("Eleanor Whitby")
    ]
    assert await conflicts(crm, "12025552846") == []


async def test_a_basicinfo_of_nobody_is_no_duplicate(crm: Caller) -> None:
    await crm.made("interact_basicinfos_create", type="phone", value=story.NILS.phone)
    assert await crm.call(DUPLICATES) == [story.JUERGEN.mobile]


async def test_duplicates_are_those_of_one_user(crm: Caller) -> None:
    async with logged_in(crm.sandbox, **OWEN) as owen:
        assert await owen.call(DUPLICATES) == []


async def test_conflicts_need_a_value(crm: Caller) -> None:
    found = refused(await crm.authorised("GET", "/cleanup?cmd=getConflicts"))
    assert found == (400, code(What.MISSING, Action.VIEW, Realm.CLEANUP))


# Merge


async def test_a_merge_keeps_one_contact_with_all_that_was_about_the_others(
    crm: Caller,
) -> None:
    twin, juergen = await crm.contact("Jurgen Moeller"), await crm.contact("Jürgen Möller")
    subject = {"id": twin["id"], "type": "contact"}
    note = await crm.made("interact_notes_create", message="Twin", relatedTo=subject)
    picture = await crm.made("interact_pictures_create", contactId=twin["id"], base64="AAAA")
    talk = await crm.made(
        "interact_interactions_update",
        id=(await crm.call("interact_interactions_list"))[0]["id"],
        person={"id": twin["id"]},
    )
    infos = [{"id": info["id"]} for info in [*juergen["basicInfos"][:2], *twin["basicInfos"]]]
    merged = await crm.made(
        MERGE,
        contactIds=[twin["id"]],
        contact={"id": juergen["id"], "version": 1, "title": "Dr", "basicInfos": infos},
    )
    assert (merged["id"], merged["version"], merged["title"]) == (juergen["id"], 2, "Dr")
    assert [info["id"] for info in merged["basicInfos"]] == [info["id"] for info in infos]
    assert merged["notes"] == [*juergen["notes"], note["id"]]
    assert set(merged["interactions"]) == {*juergen["interactions"], talk["id"]}
    assert merged["pictures"] == [{"type": "interact", "url": picture["url"]}]
    assert await crm.call(DUPLICATES) == []
    found = await crm.refusal("interact_person_contacts_get", id=twin["id"])
    assert found[0] == 400


async def test_what_the_sources_had_and_the_merge_does_not_name_is_gone(crm: Caller) -> None:
    twin, juergen = await crm.contact("Jurgen Moeller"), await crm.contact("Jürgen Möller")
    target: Row = {"id": juergen["id"], "version": 1, "hot": True}
    merged = await crm.made(MERGE, contactIds=[twin["id"]], contact=target)
    assert merged["basicInfos"] == juergen["basicInfos"]
    found = await crm.refusal(
        "interact_basicinfos_update", id=twin["basicInfos"][0]["id"], excluded=True
    )
    assert found == (400, code(What.BASIC_INFO, Action.UPDATE, Realm.BASIC_INFOS))


async def test_a_merge_may_make_a_new_contact_of_all(crm: Caller) -> None:
    twin, juergen = await crm.contact("Jurgen Moeller"), await crm.contact("Jürgen Möller")
    infos = [{"id": juergen["basicInfos"][0]["id"]}]
    person = {"contactType": "person", "lastName": "Möller", "basicInfos": infos}
    sources = [twin["id"], juergen["id"], twin["id"]]
    merged = await crm.made(MERGE, contactIds=sources, contact=person)
    assert merged["id"] not in (twin["id"], juergen["id"])
    assert (merged["deals"], merged["tasks"]) == (juergen["deals"], juergen["tasks"])
    assert merged["basicInfos"] == juergen["basicInfos"][:1]


async def test_deals_and_tasks_that_were_about_nobody_stay_so(crm: Caller) -> None:
    deal = await crm.made("interact_deals_create", name="Fair stand")
    twin, juergen = await crm.contact("Jurgen Moeller"), await crm.contact("Jürgen Möller")
    target: Row = {"id": juergen["id"], "version": 1}
    await crm.made(MERGE, contactIds=[twin["id"]], contact=target)
    assert await crm.call("interact_deals_get", id=deal["id"]) == deal


async def test_a_merge_with_an_outdated_version_is_a_conflict_and_deletes_nobody(
    crm: Caller,
) -> None:
    twin, juergen = await crm.contact("Jurgen Moeller"), await crm.contact("Jürgen Möller")
    outdated: Row = {"id": juergen["id"], "version": 7}
    found = await crm.refusal(MERGE, contactIds=[twin["id"]], contact=outdated)
    assert found == (409, code(What.OUTDATED, Action.MERGE, Realm.CONTACTS, VERSION_CONFLICT))
    assert await crm.contact("Jurgen Moeller") == twin


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"contact": None}, What.MISSING),
        ({"contactIds": None}, What.MISSING),
        ({"contactIds": []}, What.MISSING),
        ({"contactIds": [NOWHERE]}, What.CONTACT),
        ({"contactIds": ["7"]}, What.INVALID),
        ({"importContactIds": [NOWHERE]}, What.CONTACT),
        ({"contact": {"id": NOWHERE}}, What.CONTACT),
        ({"contact": {"id": "52"}}, What.INVALID),
        ({"contact": {"lastName": "Möller"}}, What.MISSING),
        ({"contact": {"contactType": [], "lastName": "Möller"}}, What.MISSING),
        ({"contact": {"contactType": "person"}}, What.MISSING),
        ({"contact": {"contactType": "organization", "organizationName": "M"}}, What.BAD_REQUEST),
    ],
)
async def test_a_merge_that_makes_no_sense_is_refused_and_deletes_nobody(
    crm: Caller, change: Row, what: What
) -> None:
    twin, juergen = await crm.contact("Jurgen Moeller"), await crm.contact("Jürgen Möller")
    body: Row = {"contactIds": [twin["id"]], "contact": {"id": juergen["id"]}, **change}
    found = refused(await crm.authorised("POST", "/contacts?cmd=merge", json=body))
    assert found == merge_code(what)
    assert await crm.contact("Jurgen Moeller") == twin


async def test_nobody_is_merged_into_themselves_or_into_the_other_kind(crm: Caller) -> None:
    juergen, calder = await crm.contact("Jürgen Möller"), await crm.contact(story.CALDER.name)
    for target in (juergen["id"], calder["id"]):
        found = await crm.refusal(MERGE, contactIds=[juergen["id"]], contact={"id": target})
        assert found == merge_code(What.BAD_REQUEST)


async def test_a_merge_takes_basicinfos_of_its_sources_only(crm: Caller) -> None:
    twin, juergen = await crm.contact("Jurgen Moeller"), await crm.contact("Jürgen Möller")
    taken = {"id": (await crm.contact("Nils Sandberg"))["basicInfos"][0]["id"]}
    target: Row = {"id": juergen["id"], "basicInfos": [taken]}
    found = await crm.refusal(MERGE, contactIds=[twin["id"]], contact=target)
    assert found == merge_code(What.BASIC_INFO_TAKEN)


# Share


async def group_ids(crm: Caller) -> dict[str, int]:
    (tidewell, _) = await crm.call("interact_companies_list")
    groups = await crm.call("interact_company_groups_list", id=tidewell["id"])
    return {group["name"]: group["id"] for group in groups}


async def test_sharing_gives_each_member_a_copy_and_the_sharer_another_id(
    crm: Caller,
) -> None:
    sophie, groups = await crm.contact("Sophie Lang"), await group_ids(crm)
    shared = await crm.made(SHARE, id=sophie["id"], groups=[groups["Sales"]])
    assert shared["id"] != sophie["id"]
    same = ("lastName", "profession", "tags", "relatedTo", "deals", "notes", "interactions")
    assert {name: shared[name] for name in same} == {name: sophie[name] for name in same}
    assert [info["value"] for info in shared["basicInfos"]] == [
        info["value"] for info in sophie["basicInfos"]
    ]
    found = await crm.refusal("interact_person_contacts_get", id=sophie["id"])
    assert found == (400, code(What.CONTACT, Action.VIEW, Realm.CONTACTS))
    assert await crm.call(DUPLICATES) == [story.JUERGEN.mobile]
    async with logged_in(crm.sandbox, **OWEN) as owen:
        copy = await owen.contact("Sophie Lang")
    assert (copy["deals"], copy["relatedTo"], copy["version"]) == ([], [], 1)
    ids = {info["id"] for info in (*sophie["basicInfos"], *shared["basicInfos"])}
    assert ids & {info["id"] for info in copy["basicInfos"]} == set()


async def test_who_is_in_no_group_that_is_shared_with_gets_nothing(crm: Caller) -> None:
    sophie, groups = await crm.contact("Sophie Lang"), await group_ids(crm)
    await crm.made(SHARE, id=sophie["id"], groups=[groups["Marketing"]])
    async with logged_in(crm.sandbox, **OWEN) as owen:
        names = {
            display_name(entry) for entry in (await owen.call("interact_contacts_list"))["data"]
        }
    assert "Sophie Lang" not in names
    imogen = {"username": story.IMOGEN.email, "password": "sandbox-password-of-imogen"}
    async with logged_in(crm.sandbox, **imogen) as other:
        assert (await other.contact("Sophie Lang"))["firstName"] == "Sophie"


async def test_a_device_hears_that_the_shared_contact_has_another_id(crm: Caller) -> None:
    device = crm.settings["device_id"]
    sophie, groups = await crm.contact("Sophie Lang"), await group_ids(crm)
    await crm.call(SYNC, deviceId=device)
    shared = await crm.made(SHARE, id=sophie["id"], groups=list(groups.values()))
    told = await crm.call(SYNC, deviceId=device)
    assert told["deleted"] == [{"id": sophie["id"], "type": "contact"}]
    assert shared["id"] in [contact["id"] for contact in told["contacts"]]


@pytest.mark.parametrize(
    ("query", "what"),
    [
        ("", What.MISSING),
        ("&groups=", What.MISSING),
        (f"&groups={NOWHERE}", What.GROUP),
        ("&groups=Sales", What.INVALID),
    ],
)
async def test_sharing_needs_groups(crm: Caller, query: str, what: What) -> None:
    sophie = await crm.contact("Sophie Lang")
    reply = await crm.authorised("POST", f"/contacts/{sophie['id']}?cmd=share{query}")
    assert refused(reply) == (400, code(what, Action.SHARE, Realm.CONTACTS))
    assert await crm.contact("Sophie Lang") == sophie


# Import


async def imported(crm: Caller, **wish: Any) -> Row:
    """Import, and name what the ids in the answer stand for."""
    reply: Row = await crm.call(IMPORT, **ACCOUNT, **wish)
    return reply


async def names_of(crm: Caller, numbers: list[int]) -> list[str]:
    shown = [await crm.call("interact_person_contacts_get", id=number) for number in numbers]
    return [display_name(contact) for contact in shown]


async def test_the_groups_of_the_address_book_are_listed(crm: Caller) -> None:
    groups = await crm.call("interact_contact_groups_list", **ACCOUNT)
    assert groups == [
        {"externalId": "4f1c2", "name": "Suppliers"},
        {"externalId": "9be07", "name": "Trade fair"},
    ]


@pytest.mark.parametrize("name", ["username", "password"])
async def test_the_address_book_opens_for_its_owner_only(crm: Caller, name: str) -> None:
    wrong = {**ACCOUNT, name: "guessed"}
    found = await crm.refusal("interact_contact_groups_list", **wrong)
    assert found == (401, code(What.NOT_AUTHENTICATED, Action.VIEW, Realm.CONTACT_IMPORT))
    found = await crm.refusal(IMPORT, **wrong)
    assert found == (401, code(What.NOT_AUTHENTICATED, Action.IMPORT, Realm.CONTACT_IMPORT))


async def test_an_import_creates_updates_deletes_and_fails(crm: Caller) -> None:
    priya, colin = await crm.contact("Priya Raman"), await crm.contact("Colin Marsh")
    reply = await imported(crm)
    assert list(reply) == [
        *("externalSystem", "externalSystemAccount", "importTime"),
        *("failed", "created", "updated", "deleted"),
    ]
    assert reply["externalSystem"] == "google"
    assert reply["externalSystemAccount"] == ACCOUNT["username"]
    assert reply["importTime"] > milliseconds(story.TODAY)
    assert await names_of(crm, reply["created"]) == [
        "Ingrid Dahl",
        "stand14@fair.example.com",
        "Joan",
    ]
    assert (reply["updated"], reply["deleted"]) == ([priya["id"]], [colin["id"]])
    after = await crm.contact("Priya Raman")
    assert (after["version"], after["basicInfos"][1]["value"]) == (2, "07700 900301")
    assert len(reply["failed"]) == 1


async def test_a_failed_import_is_no_contact_and_is_merged_into_the_one_it_conflicts_with(
    crm: Caller,
) -> None:
    (failed,) = (await imported(crm))["failed"]
    assert (await crm.refusal("interact_person_contacts_get", id=failed))[0] == 400
    assert await crm.call(DUPLICATES) == [story.ELEANOR.mobile, story.JUERGEN.mobile]
    eleanor, ellie = await conflicts(crm, story.ELEANOR.mobile)
    assert (display_name(ellie), ellie["id"]) == ("Ellie Whitby", failed)
    event = await crm.made(
        "interact_events_trigger",
        data=story.ELEANOR.mobile,
        type="call-incoming",
        receiverId=story.MAYA.email,
    )
    assert event["person"]["displayName"] == "Eleanor Whitby"
    infos = [{"id": info["id"]} for info in (*eleanor["basicInfos"], ellie["basicInfos"][0])]
    target = {"id": eleanor["id"], "version": 1, "basicInfos": infos}
    merged = await crm.made(MERGE, importContactIds=[failed], contact=target)
    assert merged["basicInfos"][-1]["value"] == "ellie@mail.example.com"
    assert await crm.call(DUPLICATES) == [story.JUERGEN.mobile]
    assert len(await conflicts(crm, story.ELEANOR.mobile)) == 1


async def test_an_import_reads_only_what_changed_since_the_last_one(crm: Caller) -> None:
    first = await imported(crm)
    again = await imported(crm)
    kinds = ("failed", "created", "updated", "deleted")
    assert [again[kind] for kind in kinds] == [[], [], [], []]
    earlier = await imported(crm, **{"updated-min": "2026-02-18T12:00:00.000Z"})
    assert (earlier["failed"], earlier["deleted"]) == (first["failed"], [])
    assert earlier["updated"] == [*first["updated"], *first["created"]]
    later = await imported(crm, **{"updated-min": "2026-02-19T00:00:00"})
    assert [later[kind] for kind in kinds] == [[], [], [], []]


@pytest.mark.parametrize(
    ("wish", "created"),
    [
        ({"nameRequired": 1}, ["Amit Desai", "Ingrid Dahl", "Joan"]),
        ({"emailRequired": 1}, ["Amit Desai", "Ingrid Dahl", "stand14@fair.example.com"]),
        ({"phoneRequired": 1}, ["Amit Desai", "Ingrid Dahl", "Joan"]),
        ({"groupIds": ["none"]}, ["stand14@fair.example.com", "Joan"]),
        ({"groupIds": ["4f1c2", "9be07"]}, ["Amit Desai", "Ingrid Dahl"]),
        ({"groupIds": ["other"]}, []),
    ],
)
async def test_an_import_takes_what_is_asked_for(
    crm: Caller, wish: Row, created: list[str]
) -> None:
    reply = await imported(crm, **wish, **{"updated-min": "2026-01-01T00:00:00"})
    assert await names_of(crm, reply["created"]) == created


async def test_another_user_s_first_import_goes_back_to_the_beginning(crm: Caller) -> None:
    async with logged_in(crm.sandbox, **OWEN) as owen:
        reply = await imported(owen)
    assert (len(reply["created"]), reply["updated"], reply["deleted"]) == (5, [], [])
    assert len(reply["failed"]) == 1


@pytest.mark.parametrize("value", ["true", "1"])
async def test_a_flag_is_written_as_a_number_or_as_a_word(crm: Caller, value: str) -> None:
    body = {"externalSystem": "google", **ACCOUNT}
    path = f"/import?cmd=importContacts&nameRequired={value}"
    reply = (await crm.authorised("POST", path, json=body)).json()
    assert await names_of(crm, reply["created"]) == ["Ingrid Dahl", "Joan"]


@pytest.mark.parametrize(
    ("query", "change", "what"),
    [
        ("&nameRequired=yes", {}, What.INVALID),
        ("&updated-min=yesterday", {}, What.INVALID),
        ("", {"password": ""}, What.MISSING),
    ],
)
async def test_an_import_that_makes_no_sense_is_refused(
    crm: Caller, query: str, change: Row, what: What
) -> None:
    body = {"externalSystem": "google", **ACCOUNT, **change}
    found = refused(await crm.authorised("POST", f"/import?cmd=importContacts{query}", json=body))
    assert found == (400, code(what, Action.IMPORT, Realm.CONTACT_IMPORT))


@pytest.mark.parametrize("body", [ACCOUNT, {"externalSystem": "outlook", **ACCOUNT}])
async def test_another_system_is_none_of_the_calls(crm: Caller, body: Row) -> None:
    found = refused(await crm.authorised("POST", "/import?cmd=importContacts", json=dict(body)))
    assert found == (404, code(What.GENERAL, Action.UPDATE, Realm.ACTIVITIES))
