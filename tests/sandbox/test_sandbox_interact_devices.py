"""Devices, pushes and the synchronisation of the interact stand-in."""

from collections.abc import AsyncIterator

import anyio
import pytest
from interact_caller import OWEN, PHONE, Caller, Row, code, logged_in, refused

from crm_mcp.sandbox import story
from crm_mcp.sandbox.interact.errors import Action, Realm, RefusalError, What
from crm_mcp.sandbox.interact.push import Mailbox
from crm_mcp.sandbox.interact.world import milliseconds

SYNC = "interact_sync_run"
TABLET = "sandbox-tablet-of-maya"
LAST_SYNC = milliseconds(story.day(2026, 2, 22))

pytestmark = pytest.mark.anyio


@pytest.fixture
async def crm() -> AsyncIterator[Caller]:
    async with logged_in() as caller:
        yield caller


async def triggered(crm: Caller) -> Row:
    """Set an event off with somebody unknown."""
    event = {"data": "0161 496 0150", "type": "call-incoming"}
    return await crm.made("interact_events_trigger", **event, receiverId=story.MAYA.email)


# Devices


async def test_a_device_is_registered_listed_changed_and_deleted(crm: Caller) -> None:
    token = "6g79bcd2b124bcd835a0769cas3f9b12bbd2b8a779f7fde29b7c11897dcff4q8"
    made = await crm.made("interact_devices_register", deviceId=token, name="Pad", decoded=True)
    assert made == {"id": made["id"], "active": True, "deviceId": token, "name": "Pad"}
    changed = await crm.made("interact_devices_update", id=made["id"], active=False, name="Old")
    assert changed == {**made, "active": False, "name": "Old"}
    listed = await crm.call("interact_devices_list")
    assert [device["deviceId"] for device in listed] == [PHONE, TABLET, token]
    reply = await crm.call("interact_devices_delete", id=made["id"])
    assert reply == {"code": 204, "devmsg": "success"}
    found = await crm.refusal("interact_devices_delete", id=made["id"])
    assert found == (400, code(What.DEVICE, Action.DELETE, Realm.DEVICES))


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ({"deviceId": PHONE}, What.DEVICE_REGISTERED),
        ({"deviceId": ""}, What.MISSING),
        ({"deviceId": "abc", "decoded": True}, What.INVALID),
    ],
)
async def test_a_device_that_makes_no_sense_is_not_registered(
    crm: Caller, body: Row, what: What
) -> None:
    async with logged_in(crm.sandbox, **OWEN) as owen:
        found = refused(await owen.authorised("PUT", "/devices", json=body))
    assert found == (400, code(what, Action.CREATE, Realm.DEVICES))


async def test_a_device_is_active_or_not(crm: Caller) -> None:
    (device, *_) = await crm.call("interact_devices_list")
    reply = await crm.authorised("POST", f"/devices/{device['id']}", json={"active": None})
    assert refused(reply) == (400, code(What.INVALID, Action.UPDATE, Realm.DEVICES))


# Pushes


async def test_a_message_wakes_whoever_waits_for_it(crm: Caller) -> None:
    mailbox = crm.connect()
    mailbox.take()
    got: list[Row] = []

    async def listen() -> None:
        got.append(await mailbox.wait())

    async with anyio.create_task_group() as listeners:
        listeners.start_soon(listen)
        listeners.start_soon(listen)
        await anyio.lowlevel.checkpoint()
        await triggered(crm)
    assert sorted("interactionId" in message for message in got) == [False, True]


async def test_messages_wait_for_a_device_and_those_of_one_that_is_off_are_lost(
    crm: Caller,
) -> None:
    event = await triggered(crm)
    waiting = [await crm.connect().wait() for _ in range(2)]
    assert waiting[1]["interactionId"] == event["id"]
    assert [set(message) for message in crm.connect(TABLET).take()] == [{"message", "lastSyncTime"}]


async def test_no_more_than_a_hundred_messages_wait() -> None:
    mailbox = Mailbox()
    for number in range(150):
        mailbox.put({"interactionId": number})
    assert [message["interactionId"] for message in mailbox.take()] == list(range(50, 150))
    assert mailbox.take() == ()


async def test_who_connects_is_told_once_that_something_is_new(crm: Caller) -> None:
    hint = {"message": "cloud synchronization recommended", "lastSyncTime": LAST_SYNC}
    assert crm.connect().take() == (hint,)
    assert crm.connect().take() == (hint,)
    await crm.made("interact_task_lists_create", title="New")
    await crm.made("interact_task_lists_create", title="Newer")
    assert crm.connect().take() == (hint,)


async def test_after_a_synchronisation_there_is_no_hint_until_something_changes(
    crm: Caller,
) -> None:
    mailbox = crm.connect()
    event = await triggered(crm)
    await crm.call(SYNC, deviceId=PHONE)
    assert [message.get("interactionId") for message in mailbox.take()] == [event["id"]]
    assert crm.connect().take() == ()
    await crm.call("interact_interactions_get", id=event["id"])
    assert crm.connect().take() == ()
    await crm.call("interact_task_lists_create", title="New")
    (hint,) = crm.connect().take()
    assert hint["lastSyncTime"] > LAST_SYNC


async def test_a_deletion_is_news_too(crm: Caller) -> None:
    await crm.call(SYNC, deviceId=PHONE)
    (note, *_) = await crm.call("interact_notes_list")
    await crm.call("interact_notes_delete", id=note["id"])
    crm.connect().take()
    assert len(crm.connect().take()) == 1


@pytest.mark.parametrize(
    ("device", "token", "what"),
    [(PHONE, "guessed", What.NOT_AUTHENTICATED), ("my-watch", None, What.DEVICE)],
)
async def test_who_connects_needs_a_session_and_a_registered_device(
    crm: Caller, device: str, token: str | None, what: What
) -> None:
    with pytest.raises(RefusalError) as caught:
        crm.stand_in.connect(device, token or crm.token)
    assert caught.value.what is what
    told = caught.value.code(Action.OPEN_WEBSOCKET, Realm.WEBSOCKET)
    assert told == code(what, Action.OPEN_WEBSOCKET, Realm.WEBSOCKET)


async def test_a_deleted_device_leaves_no_messages(crm: Caller) -> None:
    (device, *_) = await crm.call("interact_devices_list")
    await triggered(crm)
    await crm.call("interact_devices_delete", id=device["id"])
    await crm.made("interact_devices_register", deviceId=PHONE)
    assert ["interactionId" in message for message in crm.connect().take()] == [False]


# Synchronisation


async def test_a_synchronisation_tells_what_changed_and_moves_the_point(crm: Caller) -> None:
    first = await crm.call(SYNC, deviceId=PHONE)
    assert list(first) == [
        *("contacts", "deals", "interactions", "notes", "taskLists", "tasks", "deleted")
    ]
    assert [deal["value"] for deal in first["deals"]] == [17700]
    assert (len(first["interactions"]), len(first["notes"]), first["tasks"]) == (2, 1, [])
    nothing = await crm.call(SYNC, deviceId=PHONE)
    assert nothing == {name: [] for name in first}


async def test_a_synchronisation_tells_each_kind_of_record_as_it_is_read(crm: Caller) -> None:
    await crm.call(SYNC, deviceId=PHONE)
    samuel = (await crm.contact("Samuel Wray"))["id"]
    changed = await crm.made(
        "interact_person_contacts_update", id=samuel, version=1, tags=["reads on paper"]
    )
    entry = await crm.made("interact_task_lists_create", title="New")
    task = await crm.made("interact_tasks_create", title="Buy cake")
    (note, *_) = await crm.call("interact_notes_list")
    await crm.call("interact_notes_delete", id=note["id"])
    told = await crm.call(SYNC, deviceId=PHONE)
    assert told == {
        "contacts": [changed],
        "deals": [],
        "interactions": [],
        "notes": [],
        "taskLists": [entry],
        "tasks": [task],
        "deleted": [{"id": note["id"], "type": "note"}],
    }


async def test_a_changed_relation_changes_both_contacts(crm: Caller) -> None:
    await crm.call(SYNC, deviceId=PHONE)
    nils = await crm.contact("Nils Sandberg")
    await crm.made("interact_person_contacts_update", id=nils["id"], version=1, relatedTo=[])
    told = await crm.call(SYNC, deviceId=PHONE)
    assert {contact["id"] for contact in told["contacts"]} == {nils["id"], *nils["relatedTo"]}
    await crm.call("interact_basicinfos_update", id=nils["basicInfos"][0]["id"], excluded=True)
    told = await crm.call(SYNC, deviceId=PHONE)
    assert [contact["id"] for contact in told["contacts"]] == [nils["id"]]


async def test_an_earlier_time_asks_for_more_and_a_later_one_for_no_less(crm: Caller) -> None:
    everything = await crm.call(SYNC, deviceId=PHONE, since=0)
    assert len(everything["contacts"]) == 24
    entry = await crm.made("interact_task_lists_create", title="New")
    later = milliseconds(story.day(2030, 1, 1))
    told = await crm.call(SYNC, deviceId=PHONE, since=later)
    assert told["taskLists"] == [entry]


async def test_each_device_has_its_own_point_and_a_new_one_gets_everything(crm: Caller) -> None:
    await crm.call(SYNC, deviceId=PHONE)
    assert len((await crm.call(SYNC, deviceId=TABLET))["interactions"]) == 2
    await crm.made("interact_devices_register", deviceId="my-watch")
    assert len((await crm.call(SYNC, deviceId="my-watch"))["contacts"]) == 24


async def test_only_a_device_of_one_s_own_is_synchronised(crm: Caller) -> None:
    not_found = (400, code(What.DEVICE, Action.SYNC, Realm.SYNC))
    assert await crm.refusal(SYNC, deviceId="my-watch") == not_found
    async with logged_in(crm.sandbox, **OWEN) as owen:
        assert await owen.refusal(SYNC, deviceId=PHONE) == not_found
    found = refused(await crm.authorised("GET", "/sync"))
    assert found == (400, code(What.MISSING, Action.SYNC, Realm.SYNC))


async def test_a_synchronisation_counts_as_a_change_of_the_device(crm: Caller) -> None:
    await crm.call(SYNC, deviceId=PHONE)
    assert crm.sandbox.log[-1].changed
