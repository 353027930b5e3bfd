"""Interactions of the interact stand-in, and the trigger devices that set them off."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from interact_caller import OWEN, Caller, Row, code, logged_in, refused

from crm_mcp.sandbox import story
from crm_mcp.sandbox.interact.errors import Action, Realm, What
from crm_mcp.sandbox.interact.world import milliseconds

TRIGGER = "interact_events_trigger"
NOWHERE = 999_999
UNKNOWN = "0161 496 0150"
EVENT = {"type": "call-incoming", "data": UNKNOWN}

pytestmark = pytest.mark.anyio


@pytest.fixture
async def crm() -> AsyncIterator[Caller]:
    async with logged_in() as caller:
        yield caller


async def triggered(crm: Caller, data: str, type_: str = "call-incoming", **more: Any) -> Row:
    return await crm.made(TRIGGER, data=data, type=type_, receiverId=story.MAYA.email, **more)


async def pushed(crm: Caller, data: str, type_: str = "call-incoming") -> tuple[Row, ...]:
    """Set an event off and give the pushes of its kind."""
    mailbox = crm.connect()
    mailbox.take()
    await triggered(crm, data, type_)
    return tuple(message for message in mailbox.take() if "interactionId" in message)


# Interactions


async def test_the_story_s_talks_are_listed_with_the_newest_first(crm: Caller) -> None:
    talks = await crm.call("interact_interactions_list")
    times = [talk["time"] for talk in talks]
    assert times == sorted((milliseconds(talk.at) for talk in story.TALKS), reverse=True)
    karin = talks[-1]
    assert list(karin) == [
        *("id", "organization", "person", "basicInfoId", "type", "data"),
        *("externalSystems", "time"),
    ]
    assert karin["person"]["displayName"] == "Karin Åhlund"
    assert karin["organization"]["displayName"] == story.LINDGREN.name
    assert [talk["duration"] for talk in talks if "duration" in talk][-1] == 18 * 60


async def test_an_interaction_is_linked_to_contacts_and_to_another_system(crm: Caller) -> None:
    event = await triggered(crm, UNKNOWN)
    nils = await crm.contact("Nils Sandberg")
    phone = nils["basicInfos"][1]["id"]
    linked = await crm.made(
        "interact_interactions_update",
        id=event["id"],
        person={"id": nils["id"]},
        organization={"id": nils["relatedTo"][0]},
        basicInfoId=phone,
        duration=90,
        customTags="warm",
        status="answered",
        externalSystems=[{"name": "pbx", "threadId": "t-1"}],
    )
    assert linked == {
        **event,
        "person": {"id": nils["id"], "displayName": "Nils Sandberg"},
        "organization": {"id": nils["relatedTo"][0], "displayName": story.OSTVIK.name},
        "basicInfoId": phone,
        "duration": 90,
        "customTags": "warm",
        "status": "answered",
        "externalSystems": [{"systemId": "pbx", "threadId": "t-1"}],
    }
    assert await crm.call("interact_interactions_get", id=event["id"]) == linked


async def test_a_person_is_no_organization_and_the_other_way_round(crm: Caller) -> None:
    (talk, *_) = await crm.call("interact_interactions_list")
    update = "interact_interactions_update"
    person, company = talk["person"]["id"], talk["organization"]["id"]
    found = await crm.refusal(update, id=talk["id"], person={"id": company})
    assert found == (400, code(What.PERSON, Action.UPDATE, Realm.INTERACTIONS))
    found = await crm.refusal(update, id=talk["id"], organization={"id": person})
    assert found == (400, code(What.ORGANIZATION, Action.UPDATE, Realm.INTERACTIONS))


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ({"externalSystems": [{"name": "pbx"}]}, What.MISSING),
        ({"externalSystems": [{"threadId": 1}]}, What.INVALID),
        ({"basicInfoId": NOWHERE}, What.BASIC_INFO),
        ({"person": {"id": NOWHERE}}, What.CONTACT),
        ({"personId": 34}, What.BAD_REQUEST),
    ],
)
async def test_a_link_that_makes_no_sense_is_refused(crm: Caller, body: Row, what: What) -> None:
    (talk, *_) = await crm.call("interact_interactions_list")
    found = refused(await crm.authorised("POST", f"/interactions/{talk['id']}", json=body))
    assert found == (400, code(what, Action.UPDATE, Realm.INTERACTIONS))


async def test_an_unknown_interaction_is_not_found(crm: Caller) -> None:
    found = await crm.refusal("interact_interactions_get", id=NOWHERE)
    assert found == (404, code(What.INTERACTION, Action.VIEW, Realm.INTERACTIONS))


# Trigger devices


async def test_a_trigger_device_is_registered_once_and_its_token_sets_events_off(
    crm: Caller,
) -> None:
    device = {"deviceId": "2155341-13582-5-38"}
    made = await crm.made("interact_trigger_devices_register", **device)
    assert list(made) == ["id", "deviceId", "triggerToken"]
    token = {"triggerToken": made["triggerToken"]}
    assert await crm.call("interact_trigger_tokens_get", **device) == token
    reply = await crm.raw("PUT", "/interactions", headers=token, json=EVENT)
    assert reply.status_code == 201
    found = await crm.refusal("interact_trigger_devices_register", **device)
    assert found == (400, code(What.DEVICE_REGISTERED, Action.CREATE, Realm.TRIGGER_DEVICES))


async def test_a_trigger_token_is_told_to_its_owner_only(crm: Caller) -> None:
    token = await crm.call("interact_trigger_tokens_get", deviceId="004999010640000")
    assert token == {"triggerToken": crm.settings["trigger_token"]}
    async with logged_in(crm.sandbox, **OWEN) as owen:
        found = await owen.refusal("interact_trigger_tokens_get", deviceId="004999010640000")
    assert found == (400, code(What.DEVICE, Action.VIEW, Realm.TRIGGER_DEVICES))
    found = refused(await crm.authorised("GET", "/triggerDevices"))
    assert found == (400, code(What.MISSING, Action.VIEW, Realm.TRIGGER_DEVICES))


async def test_an_event_needs_the_trigger_token_and_no_session(crm: Caller) -> None:
    reply = await crm.authorised("PUT", "/interactions", json=EVENT)
    what = code(What.NOT_AUTHENTICATED, Action.CREATE, Realm.INTERACTIONS)
    assert refused(reply) == (401, what)
    crm.sandbox.control("interact", "expire_sessions")
    assert (await triggered(crm, UNKNOWN))["data"] == UNKNOWN


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ({"type": "call-incoming"}, What.MISSING),
        ({"data": UNKNOWN}, What.MISSING),
        ({**EVENT, "type": "smoke-incoming"}, What.INVALID),
        ({**EVENT, "externalSystem": {"name": "pbx"}}, What.MISSING),
        ({**EVENT, "receiverId": "nobody@example.com"}, What.USER),
    ],
)
async def test_an_event_that_makes_no_sense_is_refused(crm: Caller, body: Row, what: What) -> None:
    headers = {"triggerToken": crm.settings["trigger_token"]}
    found = refused(await crm.raw("PUT", "/interactions", headers=headers, json=body))
    assert found == (400, code(what, Action.CREATE, Realm.INTERACTIONS))


# Events


async def test_an_event_with_a_known_person_is_linked_and_pushed_with_the_match(
    crm: Caller,
) -> None:
    nils = await crm.contact("Nils Sandberg")
    mailbox = crm.connect()
    mailbox.take()
    number = story.NILS.phone.replace(" ", "")
    event = await triggered(crm, number, time=1)
    assert event == {
        "id": event["id"],
        "organization": {"id": nils["relatedTo"][0], "displayName": story.OSTVIK.name},
        "person": {"id": nils["id"], "displayName": "Nils Sandberg"},
        "basicInfoId": nils["basicInfos"][1]["id"],
        "type": "call-incoming",
        "data": number,
        "externalSystems": [],
        "time": 1,
    }
    (message,) = (entry for entry in mailbox.take() if "interactionId" in entry)
    assert message == {
        "type": "call-incoming",
        "data": number,
        "match": {
            "contactId": nils["id"],
            "contactName": "Nils Sandberg",
            "contactType": "person",
            "basicInfoId": nils["basicInfos"][1]["id"],
        },
        "interactionId": event["id"],
    }


async def test_an_event_with_an_organization_is_linked_to_it_alone(crm: Caller) -> None:
    ostvik = await crm.contact(story.OSTVIK.name)
    event = await triggered(crm, story.OSTVIK.phone)
    assert (event["organization"]["id"], "person" in event) == (ostvik["id"], False)


async def test_an_event_with_a_person_of_two_organizations_names_neither(crm: Caller) -> None:
    nils, calder = await crm.contact("Nils Sandberg"), await crm.contact(story.CALDER.name)
    await crm.made(
        "interact_person_contacts_update",
        id=nils["id"],
        version=1,
        relatedTo=[*nils["relatedTo"], calder["id"]],
    )
    event = await triggered(crm, story.NILS.phone)
    assert (event["person"]["id"], "organization" in event) == (nils["id"], False)


async def test_an_event_that_fits_several_contacts_is_pushed_with_all_of_them(
    crm: Caller,
) -> None:
    (message,) = await pushed(crm, story.JUERGEN.mobile, "sms-incoming")
    names = [entry["contactName"] for entry in message["tentatives"]]
    assert (names, "match" in message) == (["Jürgen Möller", "Jurgen Moeller"], False)
    (event, *_) = await crm.call("interact_interactions_list")
    assert {"person", "organization", "basicInfoId"} & set(event) == set()


async def test_an_event_with_a_stranger_is_pushed_with_a_basicinfo_of_nobody(
    crm: Caller,
) -> None:
    (first,) = await pushed(crm, UNKNOWN)
    (second,) = await pushed(crm, UNKNOWN, "sms-outgoing")
    (stranger,) = first["tentatives"]
    assert stranger == {"contactName": "Unknown", "basicInfoId": stranger["basicInfoId"]}
    assert second["tentatives"] == [stranger]
    made = await crm.made(
        "interact_person_contacts_create",
        firstName="Ada",
        basicInfos=[{"id": stranger["basicInfoId"]}],
    )
    assert [(info["type"], info["value"]) for info in made["basicInfos"]] == [("phone", UNKNOWN)]


async def test_a_contact_counts_before_a_basicinfo_of_nobody(crm: Caller) -> None:
    await crm.made("interact_basicinfos_create", type="phone", value=story.NILS.phone)
    (message,) = await pushed(crm, story.NILS.phone)
    assert message["match"]["contactName"] == "Nils Sandberg"


@pytest.mark.parametrize("type_", ["email-incoming", "im-outgoing"])
async def test_what_no_push_knows_is_kept_and_not_pushed(crm: Caller, type_: str) -> None:
    assert await pushed(crm, "ada@example.com", type_) == ()
    (event, *_) = await crm.call("interact_interactions_list")
    assert (event["type"], "basicInfoId" in event) == (type_, type_ == "email-incoming")


async def test_an_excluded_number_is_not_pushed(crm: Caller) -> None:
    await crm.made("interact_basicinfos_create", type="phone", value=UNKNOWN, excluded=True)
    assert await pushed(crm, UNKNOWN) == ()


async def test_an_event_keeps_its_place_in_the_other_system(crm: Caller) -> None:
    system = {"name": "pbx", "threadId": "t-1", "entityId": "e-1"}
    event = await triggered(crm, UNKNOWN, externalSystem=system)
    expected = {"systemId": "pbx", "threadId": "t-1", "entityId": "e-1"}
    assert event["externalSystems"] == [expected]


async def test_an_event_is_that_of_the_receiver_or_else_of_the_device_s_owner(
    crm: Caller,
) -> None:
    to_owen = await crm.made(TRIGGER, **EVENT, receiverId=OWEN["username"])
    headers = {"triggerToken": crm.settings["trigger_token"]}
    to_maya = (await crm.raw("PUT", "/interactions", headers=headers, json=EVENT)).json()["entity"]
    async with logged_in(crm.sandbox, **OWEN) as owen:
        assert await owen.call("interact_interactions_list") == [to_owen]
    assert to_maya in await crm.call("interact_interactions_list")
