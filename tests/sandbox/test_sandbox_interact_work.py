"""Notes, activities, deals, tasks and task lists of the interact stand-in."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from interact_caller import OWEN, Caller, Row, code, logged_in, refused

from crm_mcp.sandbox import story
from crm_mcp.sandbox.interact.errors import Action, Realm, What
from crm_mcp.sandbox.interact.world import milliseconds

NOWHERE = 999_999
SECOND = 1000
DAY = 24 * 60 * 60 * SECOND
NOW = milliseconds(story.TODAY)

pytestmark = pytest.mark.anyio


@pytest.fixture
async def crm() -> AsyncIterator[Caller]:
    async with logged_in() as caller:
        yield caller


async def number_of(crm: Caller, name: str) -> int:
    number: int = (await crm.contact(name))["id"]
    return number


# Notes


async def test_a_note_is_made_shown_changed_and_deleted(crm: Caller) -> None:
    nils = await number_of(crm, "Nils Sandberg")
    subject = {"id": nils, "type": "contact"}
    made = await crm.made("interact_notes_create", message="Call back", relatedTo=subject)
    about = {**subject, "displayName": "Nils Sandberg"}
    assert list(made) == ["id", "timestamp", "message", "relatedTo"]
    assert (made["message"], made["relatedTo"]) == ("Call back", about)
    changed = await crm.made("interact_notes_update", id=made["id"], message="Called back")
    assert changed == {**made, "message": "Called back", "timestamp": changed["timestamp"]}
    assert changed["timestamp"] > made["timestamp"] > NOW
    assert changed in await crm.call("interact_notes_list")
    reply = await crm.call("interact_notes_delete", id=made["id"])
    assert reply == {"code": 204, "devmsg": "success"}
    assert changed not in await crm.call("interact_notes_list")


async def test_the_story_s_remarks_are_notes_and_one_is_about_a_deal(crm: Caller) -> None:
    notes = await crm.call("interact_notes_list")
    remarks = [remark.text for remark in story.REMARKS]
    assert [note["message"] for note in notes] == [*remarks, "First lot delivered."]
    assert notes[-1]["relatedTo"]["type"] == "deal"


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ({"message": "", "relatedTo": {"id": 1, "type": "contact"}}, What.MISSING),
        ({"message": "x"}, What.MISSING),
        ({"message": "x", "relatedTo": {"id": 1}}, What.INVALID),
        ({"message": "x", "relatedTo": {"id": 1, "type": "deal"}}, What.INVALID),
        ({"message": "x", "relatedTo": {"type": "contact"}}, What.INVALID),
        ({"message": "x", "relatedTo": 1}, What.INVALID),
        ({"message": "x", "relatedTo": {"id": NOWHERE, "type": "contact"}}, What.CONTACT),
    ],
)
async def test_a_note_needs_a_text_and_a_contact(crm: Caller, body: Row, what: What) -> None:
    found = refused(await crm.authorised("PUT", "/notes", json=body))
    assert found == (400, code(what, Action.CREATE, Realm.NOTES))


async def test_a_note_is_never_emptied_and_only_its_owner_finds_it(crm: Caller) -> None:
    (note, *_) = await crm.call("interact_notes_list")
    reply = await crm.authorised("POST", f"/notes/{note['id']}", json={"message": ""})
    assert refused(reply) == (400, code(What.MISSING, Action.UPDATE, Realm.NOTES))
    async with logged_in(crm.sandbox, **OWEN) as owen:
        found = await owen.refusal("interact_notes_update", id=note["id"], message="Mine")
    assert found == (400, code(What.NOTE, Action.UPDATE, Realm.NOTES))


async def test_several_notes_are_deleted_together_or_not_at_all(crm: Caller) -> None:
    first, second, *rest = await crm.call("interact_notes_list")
    delete = "interact_notes_delete_many"
    found = await crm.refusal(delete, ids=[first["id"], NOWHERE])
    assert found == (400, code(What.NOTE, Action.DELETE, Realm.NOTES))
    await crm.call(delete, ids=[first["id"], second["id"]])
    assert await crm.call("interact_notes_list") == rest


# Activities


async def test_what_happens_to_notes_and_interactions_is_told_with_both_states(
    crm: Caller,
) -> None:
    subject = {"id": await number_of(crm, "Nils Sandberg"), "type": "contact"}
    made = await crm.made("interact_notes_create", message="Call back", relatedTo=subject)
    changed = await crm.made("interact_notes_update", id=made["id"], message="Called back")
    await crm.call("interact_notes_delete", id=made["id"])
    (talk, *_) = await crm.call("interact_interactions_list")
    linked = await crm.made("interact_interactions_update", id=talk["id"], status="answered")
    page = await crm.call("interact_activities_list", limit=4)
    assert [entry["action"] for entry in page["data"]] == ["update", "delete", "update", "insert"]
    assert [entry["entity"] for entry in page["data"]] == [
        {"oldState": talk, "newState": linked},
        {"oldState": changed},
        {"oldState": made, "newState": changed},
        {"newState": made},
    ]
    newest = page["data"][0]
    assert (newest["entityId"], newest["entityType"]) == (talk["id"], "interaction")
    assert newest["relatedTo"]["displayName"] == "Maya Thornbury"
    assert newest["time"] > made["timestamp"]


async def test_activities_go_back_through_the_story_past_page_three(crm: Caller) -> None:
    everything = (await crm.call("interact_activities_list"))["data"]
    total = len(story.REMARKS) + len(story.TALKS) + 1
    pages = [
        await crm.call("interact_activities_list", offset=start, limit=5)
        for start in range(0, total, 5)
    ]
    assert len(pages) == 5
    assert {page["totalLength"] for page in pages} == {total}
    assert [entry for page in pages for entry in page["data"]] == everything
    times = [entry["time"] for entry in everything]
    assert times == sorted(times, reverse=True)
    async with logged_in(crm.sandbox, **OWEN) as owen:
        assert (await owen.call("interact_activities_list"))["data"] == []


# Deals


async def test_the_story_s_deals_are_there_with_value_stage_and_contact(crm: Caller) -> None:
    deals = await crm.call("interact_deals_list")
    assert [(deal["value"], deal["stage"]) for deal in deals] == [
        (6840, "won"),
        (2900, "closing"),
        (5120, "quote"),
        (43200, "closing"),
        (5900, "won"),
        (8640, "lost"),
        (17700, "quote"),
    ]
    assert list(deals[0]) == [
        *("id", "name", "value", "currency", "hot", "relatedTo", "source", "stage")
    ]
    assert deals[0]["relatedTo"]["name"] == "Eleanor Whitby"
    assert {deal["currency"] for deal in deals} == {"GBP"}


async def test_a_deal_is_made_changed_and_deleted(crm: Caller) -> None:
    nils, lena = await number_of(crm, "Nils Sandberg"), await number_of(crm, "Lena Brandt")
    sent: Row = {
        "name": "Ostvik canteen",
        "value": 9000,
        "currency": "SEK",
        "source": "cold_call",
        "relatedTo": {"id": nils},
    }
    made = await crm.made("interact_deals_create", **sent)
    assert made == {
        "id": made["id"],
        **sent,
        "relatedTo": {"id": nils, "name": "Nils Sandberg"},
        "hot": False,
        "stage": "incoming",
    }
    assert made["id"] in (await crm.contact("Nils Sandberg"))["deals"]
    changed = await crm.made(
        "interact_deals_update", id=made["id"], stage="quote", hot=True, relatedTo={"id": lena}
    )
    about = {"id": lena, "name": "Lena Brandt"}
    assert changed == {**made, "stage": "quote", "hot": True, "relatedTo": about}
    assert await crm.call("interact_deals_get", id=made["id"]) == changed
    await crm.call("interact_deals_delete", id=made["id"])
    found = await crm.refusal("interact_deals_get", id=made["id"])
    assert found == (400, code(What.DEAL, Action.VIEW, Realm.DEALS))


async def test_a_deal_may_be_about_nobody(crm: Caller) -> None:
    made = await crm.made("interact_deals_create", name="Fair stand")
    assert "relatedTo" not in made


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ({"value": 1}, What.MISSING),
        ({"name": "x", "value": 1.5}, What.INVALID),
        ({"name": "x", "stage": "nearly"}, What.INVALID),
        ({"name": "x", "relatedTo": {"id": NOWHERE}}, What.CONTACT),
        ({"name": "x", "relatedTo": {"id": 1, "type": "contact"}}, What.INVALID),
    ],
)
async def test_a_deal_that_makes_no_sense_is_not_made(crm: Caller, body: Row, what: What) -> None:
    found = refused(await crm.authorised("PUT", "/deals", json=body))
    assert found == (400, code(what, Action.CREATE, Realm.DEALS))


async def test_a_deal_keeps_its_name(crm: Caller) -> None:
    (deal, *_) = await crm.call("interact_deals_list")
    found = refused(await crm.authorised("POST", f"/deals/{deal['id']}", json={"name": ""}))
    assert found == (400, code(What.INVALID, Action.UPDATE, Realm.DEALS))


async def test_deleted_deals_take_their_notes_along_and_leave_the_tasks(crm: Caller) -> None:
    first, second, *rest = await crm.call("interact_deals_list")
    subject = {"id": first["id"], "type": "deal"}
    task = await crm.made("interact_tasks_create", title="Invoice", relatedTo=subject)
    assert task["relatedTo"] == {**subject, "displayName": first["name"]}
    delete = "interact_deals_delete_many"
    found = await crm.refusal(delete, ids=[first["id"], NOWHERE])
    assert found == (400, code(What.DEAL, Action.DELETE, Realm.DEALS))
    await crm.call(delete, ids=[first["id"], second["id"]])
    assert await crm.call("interact_deals_list") == rest
    notes = await crm.call("interact_notes_list")
    assert {note["relatedTo"]["type"] for note in notes} == {"contact"}
    assert "relatedTo" not in await crm.call("interact_tasks_get", id=task["id"])


# Tasks


async def test_tasks_are_listed_with_the_latest_due_first(crm: Caller) -> None:
    await crm.made("interact_tasks_create", title="Without a date")
    tasks = await crm.call("interact_tasks_list")
    assert [task["title"] for task in tasks] == [
        "Ask what was decided",
        "Book a seat on the booth tour",
        "Confirm the date of the second lot",
        "Send the drawing of the cable tray",
        "Translate the offer",
        "Thank her for recommending us",
        "Without a date",
    ]
    assert list(tasks[0]) == [
        *("id", "assignedTo", "concreteDueDate", "created", "hot", "listId", "phoneNumbers"),
        *("relatedTo", "status", "taskType", "title"),
    ]
    assert tasks[0]["phoneNumbers"][0]["value"] == story.HARRIET.phone
    assert list(tasks[0]["phoneNumbers"][0]) == ["id", "type", "subtype", "value", "excluded"]


async def test_a_task_is_seen_by_who_made_it_and_by_who_shall_do_it(crm: Caller) -> None:
    (mine,) = (
        task
        for task in await crm.call("interact_tasks_list")
        if task["assignedTo"]["displayName"] == "Owen Pritchard"
    )
    async with logged_in(crm.sandbox, **OWEN) as owen:
        assert await owen.call("interact_tasks_list") == [mine]
        done = await owen.made("interact_tasks_update", id=mine["id"], status="completed")
    assert done == {**mine, "status": "completed"}
    async with logged_in(crm.sandbox, **OWEN) as owen:
        his = (await owen.contact("Daniel Okeford"))["id"]
        subject = {"id": his, "type": "contact"}
        found = await owen.refusal("interact_tasks_update", id=mine["id"], relatedTo=subject)
    assert found == (400, code(What.CONTACT, Action.UPDATE, Realm.TASKS))


async def test_a_task_is_made_with_all_that_was_sent(crm: Caller) -> None:
    nils = await crm.contact("Nils Sandberg")
    (entry, *_) = await crm.call("interact_task_lists_list")
    phone, mobile = nils["basicInfos"][1:]
    owen = next(
        user for user in await crm.call("interact_users_list") if user["email"] == OWEN["username"]
    )
    plain: Row = {
        "title": "Ring Nils",
        "content": "About the tour",
        "concreteDueDate": NOW + DAY,
        "created": NOW,
        "status": "open",
        "hot": True,
        "listId": entry["id"],
        "duration": 900,
        "taskType": "scheduled_call",
    }
    subject = {"id": nils["id"], "type": "contact"}
    made = await crm.made(
        "interact_tasks_create",
        **plain,
        assignedTo={"id": owen["id"]},
        relatedTo=subject,
        phoneNumberIds=[phone["id"], mobile["id"]],
    )
    assert made == {
        "id": made["id"],
        **plain,
        "assignedTo": {"id": owen["id"], "displayName": "Owen Pritchard"},
        "relatedTo": {**subject, "displayName": "Nils Sandberg"},
        "phoneNumbers": [phone, mobile],
    }
    assert await crm.call("interact_tasks_get", id=made["id"]) == made


@pytest.mark.parametrize(
    ("fuzzy", "days"), [("tomorrow", 1), ("next_week", 7), ("in_a_month", 30), ("someday", 99)]
)
async def test_a_fuzzy_date_becomes_a_concrete_one(crm: Caller, fuzzy: str, days: int) -> None:
    made = await crm.made("interact_tasks_create", title="Later", fuzzyDueDate=fuzzy)
    assert made["concreteDueDate"] - made["created"] == days * DAY
    assert made["fuzzyDueDate"] == fuzzy


async def test_what_belongs_to_calls_is_ignored_for_other_tasks(crm: Caller) -> None:
    made = await crm.made(
        "interact_tasks_create", title="Write", duration=60, phoneNumberIds=[NOWHERE]
    )
    assert {"duration", "phoneNumbers"} & set(made) == set()
    assert (made["taskType"], made["status"], made["hot"]) == ("task", "open", False)


async def test_nothing_given_changes_nothing_in_a_task(crm: Caller) -> None:
    (task, *_) = await crm.call("interact_tasks_list")
    body = dict.fromkeys(("content", "assignedTo", "concreteDueDate", "relatedTo", "listId"))
    reply = await crm.authorised("POST", f"/tasks/{task['id']}", json=body)
    assert reply.json()["entity"] == task


async def email_id(crm: Caller) -> int:
    number: int = (await crm.contact("Nils Sandberg"))["basicInfos"][0]["id"]
    return number


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ({}, What.MISSING),
        ({"title": "x", "dueDate": NOW}, What.BAD_REQUEST),
        ({"title": "x", "fuzzyDueDate": "never"}, What.INVALID),
        ({"title": "x", "relatedTo": {"id": 1}}, What.INVALID),
        ({"title": "x", "relatedTo": {"id": NOWHERE, "type": "deal"}}, What.DEAL),
        ({"title": "x", "relatedTo": {"id": NOWHERE, "type": "contact"}}, What.CONTACT),
        ({"title": "x", "assignedTo": {"id": NOWHERE}}, What.USER),
        ({"title": "x", "listId": NOWHERE}, What.TASK_LIST),
        (
            {"title": "x", "taskType": "scheduled_call", "phoneNumberIds": [NOWHERE]},
            What.BASIC_INFO,
        ),
    ],
)
async def test_a_task_that_makes_no_sense_is_not_made(crm: Caller, body: Row, what: What) -> None:
    found = refused(await crm.authorised("PUT", "/tasks", json=body))
    assert found == (400, code(what, Action.CREATE, Realm.TASKS))


async def test_only_telephone_numbers_are_called(crm: Caller) -> None:
    call: dict[str, Any] = {"title": "x", "taskType": "scheduled_call"}
    found = await crm.refusal("interact_tasks_create", **call, phoneNumberIds=[await email_id(crm)])
    assert found == (400, code(What.INVALID, Action.CREATE, Realm.TASKS))


async def test_a_task_keeps_its_title(crm: Caller) -> None:
    (task, *_) = await crm.call("interact_tasks_list")
    found = refused(await crm.authorised("POST", f"/tasks/{task['id']}", json={"title": ""}))
    assert found == (400, code(What.INVALID, Action.UPDATE, Realm.TASKS))


async def test_tasks_are_deleted_alone_and_together_or_not_at_all(crm: Caller) -> None:
    first, second, third, *rest = await crm.call("interact_tasks_list")
    await crm.call("interact_tasks_delete", id=first["id"])
    found = await crm.refusal("interact_tasks_get", id=first["id"])
    assert found == (404, code(What.TASK, Action.VIEW, Realm.TASKS))
    found = await crm.refusal("interact_tasks_delete_many", ids=[second["id"], first["id"]])
    assert found == (400, code(What.TASK, Action.DELETE, Realm.TASKS))
    await crm.call("interact_tasks_delete_many", ids=[second["id"], third["id"]])
    assert await crm.call("interact_tasks_list") == rest


# Task lists


async def test_a_task_list_is_made_renamed_filled_and_deleted(crm: Caller) -> None:
    made = await crm.made("interact_task_lists_create", title="Tour")
    assert made == {"id": made["id"], "title": "Tour", "tasks": []}
    renamed = await crm.made("interact_task_lists_update", id=made["id"], title="Booth tour")
    assert renamed["title"] == "Booth tour"
    task = await crm.made("interact_tasks_create", title="Book a hall", listId=made["id"])
    filled = await crm.call("interact_task_lists_get", id=made["id"])
    assert filled == {**renamed, "tasks": [task]}
    assert filled in await crm.call("interact_task_lists_list")
    reply = await crm.call("interact_task_lists_delete", id=made["id"])
    assert reply == {"code": 204, "devmsg": "success"}
    assert "listId" not in await crm.call("interact_tasks_get", id=task["id"])
    found = await crm.refusal("interact_task_lists_get", id=made["id"])
    assert found == (404, code(What.TASK_LIST, Action.VIEW, Realm.TASK_LISTS))


async def test_a_task_list_has_a_title(crm: Caller) -> None:
    found = refused(await crm.authorised("PUT", "/taskLists", json={"title": ""}))
    assert found == (400, code(What.MISSING, Action.CREATE, Realm.TASK_LISTS))
