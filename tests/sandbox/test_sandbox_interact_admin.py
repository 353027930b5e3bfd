"""Users, companies, groups and custom fields of the interact stand-in."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from interact_caller import OWEN, Caller, Row, code, logged_in, refused

from crm_mcp.sandbox import story
from crm_mcp.sandbox.interact.errors import Action, Realm, What

NOWHERE = 999_999
FIELD = {"dataType": "varchar", "entityType": "contact", "name": "x"}
NEW = {"email": "ada@tidewell.example.com", "password": "first"}
USER_KEYS = [
    *("active", "companyId", "dateCreated", "email", "groups", "id"),
    *("interactionsCount", "roles"),
]
GONE = {"code": 204, "devmsg": "success"}

pytestmark = pytest.mark.anyio


@pytest.fixture
async def crm() -> AsyncIterator[Caller]:
    async with logged_in() as caller:
        yield caller


async def user(crm: Caller, email: str) -> Row:
    users: list[Row] = await crm.call("interact_users_list")
    return next(entry for entry in users if entry["email"] == email)


async def company(crm: Caller, name: str = "Tidewell Interiors") -> Row:
    companies: list[Row] = await crm.call("interact_companies_list")
    return next(entry for entry in companies if entry["name"] == name)


# Users


async def test_the_story_s_colleagues_are_users_and_no_password_is_shown(crm: Caller) -> None:
    users = await crm.call("interact_users_list")
    assert [(entry["email"], entry["active"]) for entry in users] == [
        (colleague.email, colleague.active) for colleague in story.COLLEAGUES
    ]
    assert all(list(entry) == USER_KEYS for entry in users)
    maya = await user(crm, story.MAYA.email)
    assert maya["interactionsCount"] == len(story.TALKS)
    assert await crm.call("interact_users_get", id=maya["id"]) == maya


async def test_a_user_is_made_and_may_log_in_and_is_deleted(crm: Caller) -> None:
    tidewell = await company(crm)
    made = await crm.made("interact_users_create", **NEW, companyId=tidewell["id"])
    assert list(made) == USER_KEYS
    assert (made["roles"], made["groups"], made["active"]) == (["user"], [], True)
    async with logged_in(crm.sandbox, username=NEW["email"], password="first") as ada:
        assert (await ada.call("interact_contacts_list"))["data"] == []
        reply = await crm.call("interact_users_delete", id=made["id"])
        assert reply == GONE
        assert (await ada.refusal("interact_contacts_list"))[0] == 401
    found = await crm.refusal("interact_users_get", id=made["id"])
    assert found == (404, code(What.USER, Action.VIEW, Realm.USERS))


async def test_a_user_may_have_no_company(crm: Caller) -> None:
    made = await crm.made("interact_users_create", **NEW)
    assert "companyId" not in made


@pytest.mark.parametrize(
    ("body", "status", "what"),
    [
        ({"email": OWEN["username"].upper(), "password": "x"}, 409, What.EMAIL_TAKEN),
        ({"email": "ada@example.com"}, 400, What.MISSING),
        ({"email": "ada@example.com", "password": ""}, 400, What.MISSING),
        ({**NEW, "companyId": NOWHERE}, 400, What.COMPANY),
        ({**NEW, "roles": ["user"]}, 400, What.BAD_REQUEST),
    ],
)
async def test_a_user_that_makes_no_sense_is_not_made(
    crm: Caller, body: Row, status: int, what: What
) -> None:
    found = refused(await crm.authorised("PUT", "/admin/users", json=body))
    assert found == (status, code(what, Action.CREATE, Realm.USERS))


async def test_users_are_deleted_together_or_not_at_all(crm: Caller) -> None:
    owen, greta = await user(crm, story.OWEN.email), await user(crm, story.GRETA.email)
    delete = "interact_users_delete_many"
    found = await crm.refusal(delete, ids=[owen["id"], NOWHERE])
    assert found == (400, code(What.USER, Action.DELETE, Realm.USERS))
    assert await crm.call(delete, ids=[owen["id"], greta["id"]]) == GONE
    emails = {entry["email"] for entry in await crm.call("interact_users_list")}
    assert {story.OWEN.email, story.GRETA.email} & emails == set()
    assert len(emails) == 4


async def test_what_a_deleted_user_had_to_do_goes_back_to_who_gave_it(crm: Caller) -> None:
    owen, maya = await user(crm, story.OWEN.email), await user(crm, story.MAYA.email)
    (task,) = (
        entry
        for entry in await crm.call("interact_tasks_list")
        if entry["assignedTo"]["id"] == owen["id"]
    )
    await crm.call("interact_users_delete", id=owen["id"])
    task = await crm.call("interact_tasks_get", id=task["id"])
    assert task["assignedTo"]["id"] == maya["id"]


async def test_who_deletes_themselves_is_out(crm: Caller) -> None:
    maya = await user(crm, story.MAYA.email)
    await crm.call("interact_users_delete", id=maya["id"])
    assert (await crm.refusal("interact_tags_list"))[0] == 401
    headers = {"triggerToken": crm.settings["trigger_token"]}
    event = {"type": "call-incoming", "data": "1"}
    assert (await crm.raw("PUT", "/interactions", headers=headers, json=event)).status_code == 401


async def test_a_wiped_account_is_empty_and_stays(crm: Caller) -> None:
    maya = await user(crm, story.MAYA.email)
    reply = await crm.call("interact_users_wipe", id=maya["id"])
    assert reply == {"code": 200, "devmsg": "success"}
    for name in ("notes", "deals", "tasks", "task_lists", "interactions", "tags"):
        assert await crm.call(f"interact_{name}_list") == []
    assert (await crm.call("interact_contacts_list"))["data"] == []
    assert (await crm.call("interact_activities_list"))["data"] == []
    assert len(await crm.call("interact_devices_list")) == 2
    async with logged_in(crm.sandbox, **OWEN) as owen:
        assert len((await owen.call("interact_contacts_list"))["data"]) == 5
    found = await crm.refusal("interact_users_wipe", id=NOWHERE)
    assert found == (400, code(What.USER, Action.ERASE, Realm.USERS))


@pytest.mark.parametrize(
    ("command", "roles", "expected"),
    [
        ("add", ["customer_admin", "user"], ["user", "customer_admin"]),
        ("remove", ["user", "customer_admin"], []),
        ("set", ["interact_admin", "interact_admin"], ["interact_admin"]),
        ("set", [], []),
    ],
)
async def test_roles_are_added_removed_and_set(
    crm: Caller, command: str, roles: list[str], expected: list[str]
) -> None:
    owen = await user(crm, story.OWEN.email)
    path = f"/admin/users/{owen['id']}/roles?cmd={command}"
    reply = (await crm.authorised("POST", path, json=roles)).json()
    assert reply == {**owen, "roles": expected}
    assert await user(crm, story.OWEN.email) == reply


async def test_new_roles_count_at_once(crm: Caller) -> None:
    owen = await user(crm, story.OWEN.email)
    async with logged_in(crm.sandbox, **OWEN) as his:
        give: Row = {"id": owen["id"], "cmd": "add", "roles": ["customer_admin"]}
        await crm.call("interact_user_roles_assign", **give)
        assert len(await his.call("interact_users_list")) == 6
        assert (await his.refusal("interact_companies_list"))[0] == 403
        await crm.call("interact_user_roles_assign", id=owen["id"], cmd="set", roles=[])
        assert (await his.refusal("interact_tags_list"))[0] == 403


@pytest.mark.parametrize(
    ("query", "body", "what"),
    [
        ("?cmd=add", ["emperor"], What.ROLE),
        ("?cmd=add", [7], What.INVALID),
        ("?cmd=add", {"roles": ["user"]}, What.INVALID),
        ("?cmd=swap", ["user"], What.INVALID),
        ("", ["user"], What.INVALID),
    ],
)
async def test_roles_that_make_no_sense_are_refused(
    crm: Caller, query: str, body: Any, what: What
) -> None:
    owen = await user(crm, story.OWEN.email)
    reply = await crm.authorised("POST", f"/admin/users/{owen['id']}/roles{query}", json=body)
    assert refused(reply) == (400, code(what, Action.UPDATE, Realm.ROLES))
    assert await user(crm, story.OWEN.email) == owen


async def test_groups_are_given_to_a_user_of_the_same_company(crm: Caller) -> None:
    owen, tidewell = await user(crm, story.OWEN.email), await company(crm)
    groups = await crm.call("interact_company_groups_list", id=tidewell["id"])
    marketing = next(group for group in groups if group["name"] == "Marketing")
    assign = "interact_user_groups_assign"
    now = await crm.call(assign, id=owen["id"], cmd="add", groups=[marketing["id"]])
    assert [group["name"] for group in now["groups"]] == ["Sales", "Marketing"]
    other = await company(crm, "Quillon Print Works")
    foreign = await crm.made("interact_groups_create", name="Press", companyId=other["id"])
    found = await crm.refusal(assign, id=owen["id"], cmd="add", groups=[foreign["id"]])
    assert found == (400, code(What.BAD_REQUEST, Action.UPDATE, Realm.GROUPS))
    found = await crm.refusal(assign, id=owen["id"], cmd="set", groups=[NOWHERE])
    assert found == (400, code(What.GROUP, Action.UPDATE, Realm.GROUPS))


# Companies


async def test_a_company_is_shown_with_its_users(crm: Caller) -> None:
    tidewell = await company(crm)
    assert list(tidewell) == ["id", "name", "companyId", "users"]
    assert [entry["email"] for entry in tidewell["users"]] == [
        colleague.email for colleague in story.COLLEAGUES
    ]
    assert await crm.call("interact_companies_get", id=tidewell["id"]) == tidewell
    found = await crm.refusal("interact_companies_get", id=NOWHERE)
    assert found == (404, code(What.COMPANY, Action.VIEW, Realm.COMPANIES))


async def test_a_company_goes_with_its_groups_and_fields_once_it_has_no_users(
    crm: Caller,
) -> None:
    made = await crm.made("interact_companies_create", name="Hale Builders")
    assert made == {
        "id": made["id"],
        "name": "Hale Builders",
        "companyId": made["id"],
        "users": [],
    }
    group = await crm.made("interact_groups_create", name="Site", companyId=made["id"])
    delete = "interact_companies_delete_many"
    tidewell = await company(crm)
    found = await crm.refusal(delete, ids=[made["id"], tidewell["id"]])
    assert found == (400, code(What.BAD_REQUEST, Action.DELETE, Realm.COMPANIES))
    found = await crm.refusal(delete, ids=[made["id"], NOWHERE])
    assert found == (400, code(What.COMPANY, Action.DELETE, Realm.COMPANIES))
    assert await crm.call(delete, ids=[made["id"]]) == GONE
    found = await crm.refusal("interact_groups_get", id=group["id"])
    assert found == (404, code(What.GROUP, Action.VIEW, Realm.GROUPS))


async def test_a_company_has_a_name(crm: Caller) -> None:
    found = refused(await crm.authorised("PUT", "/admin/companies", json={"name": ""}))
    assert found == (400, code(What.MISSING, Action.CREATE, Realm.COMPANIES))


# Groups


async def test_the_story_s_teams_are_groups_with_their_users(crm: Caller) -> None:
    tidewell = await company(crm)
    groups = await crm.call("interact_company_groups_list", id=tidewell["id"])
    assert [group["name"] for group in groups] == ["Sales", "Marketing"]
    for group in groups:
        assert [entry["email"] for entry in group["users"]] == [
            colleague.email for colleague in story.COLLEAGUES if group["name"] in colleague.teams
        ]
    found = await crm.refusal("interact_company_groups_list", id=NOWHERE)
    assert found == (404, code(What.COMPANY, Action.VIEW, Realm.GROUPS))


async def test_a_group_is_made_renamed_and_deleted_with_its_memberships(crm: Caller) -> None:
    tidewell, owen = await company(crm), await user(crm, story.OWEN.email)
    made = await crm.made("interact_groups_create", name="Fair", companyId=tidewell["id"])
    assert made == {
        "id": made["id"],
        "name": "Fair",
        "companyId": tidewell["id"],
        "users": [],
    }
    renamed = await crm.made("interact_groups_update", id=made["id"], name="Trade fair")
    assert renamed == {**made, "name": "Trade fair"}
    give: Row = {"id": owen["id"], "cmd": "add", "groups": [made["id"]]}
    await crm.call("interact_user_groups_assign", **give)
    assert len((await crm.call("interact_groups_get", id=made["id"]))["users"]) == 1
    assert await crm.call("interact_groups_delete", id=made["id"]) == GONE
    assert await user(crm, story.OWEN.email) == owen


async def test_groups_are_deleted_together_or_not_at_all(crm: Caller) -> None:
    tidewell = await company(crm)
    groups = await crm.call("interact_company_groups_list", id=tidewell["id"])
    ids = [group["id"] for group in groups]
    delete = "interact_groups_delete_many"
    found = await crm.refusal(delete, ids=[*ids, NOWHERE])
    assert found == (400, code(What.GROUP, Action.DELETE, Realm.GROUPS))
    assert await crm.call(delete, ids=ids) == GONE
    assert await crm.call("interact_company_groups_list", id=tidewell["id"]) == []
    assert (await user(crm, story.MAYA.email))["groups"] == []


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ({"name": "Fair"}, What.MISSING),
        ({"name": "", "companyId": 1}, What.MISSING),
        ({"name": "Fair", "companyId": NOWHERE}, What.COMPANY),
    ],
)
async def test_a_group_needs_a_name_and_a_company(crm: Caller, body: Row, what: What) -> None:
    found = refused(await crm.authorised("PUT", "/admin/groups", json=body))
    assert found == (400, code(what, Action.CREATE, Realm.GROUPS))


# Custom fields


async def test_custom_fields_are_a_bare_list_paged_past_page_three(crm: Caller) -> None:
    tidewell = await company(crm)
    listing = "interact_company_custom_fields_list"
    fields = await crm.call(listing, id=tidewell["id"])
    assert len(fields) == 8
    assert list(fields[0]) == ["id", "dataType", "entityType", "name"]
    pages = [
        await crm.call(listing, id=tidewell["id"], offset=start, limit=2)
        for start in range(0, 8, 2)
    ]
    assert [field for page in pages for field in page] == fields
    assert await crm.call(listing, id=tidewell["id"], entityType="contact") == fields
    path = f"/admin/companies/{tidewell['id']}/customFields?entityType=deal"
    assert (await crm.authorised("GET", path)).json() == []
    found = await crm.refusal(listing, id=NOWHERE)
    assert found == (400, code(What.COMPANY, Action.VIEW, Realm.CUSTOM_FIELDS))


async def test_a_custom_field_is_made_for_the_user_s_company_renamed_and_deleted(
    crm: Caller,
) -> None:
    tidewell = await company(crm)
    sent = {"dataType": "varchar", "entityType": "contact", "name": "Hair colour"}
    made = await crm.made("interact_custom_fields_create", **sent)
    assert made == {"id": made["id"], **sent}
    assert made in await crm.call("interact_company_custom_fields_list", id=tidewell["id"])
    renamed = await crm.made("interact_custom_fields_update", id=made["id"], name="Eye colour")
    assert await crm.call("interact_custom_fields_get", id=made["id"]) == renamed
    delete = "interact_custom_fields_delete_many"
    found = await crm.refusal(delete, ids=[made["id"], NOWHERE])
    assert found == (400, code(What.NOT_FOUND, Action.DELETE, Realm.CUSTOM_FIELDS))
    assert await crm.call(delete, ids=[made["id"]]) == GONE
    found = await crm.refusal("interact_custom_fields_get", id=made["id"])
    assert found == (400, code(What.NOT_FOUND, Action.VIEW, Realm.CUSTOM_FIELDS))


async def test_a_custom_field_may_be_made_for_another_company(crm: Caller) -> None:
    other = await company(crm, "Quillon Print Works")
    sent = {"dataType": "varchar", "entityType": "contact", "name": "Paper"}
    made = await crm.made("interact_custom_fields_create", **sent, companyId=other["id"])
    assert await crm.call("interact_company_custom_fields_list", id=other["id"]) == [made]
    await crm.call("interact_companies_delete_many", ids=[other["id"]])
    assert (await crm.refusal("interact_custom_fields_get", id=made["id"]))[0] == 400


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ({**FIELD, "dataType": "integer"}, What.INVALID),
        ({**FIELD, "entityType": "deal"}, What.INVALID),
        ({**FIELD, "name": ""}, What.MISSING),
        ({**FIELD, "companyId": NOWHERE}, What.COMPANY),
    ],
)
async def test_a_custom_field_that_makes_no_sense_is_not_made(
    crm: Caller, body: Row, what: What
) -> None:
    found = refused(await crm.authorised("PUT", "/admin/customFields", json=body))
    assert found == (400, code(what, Action.CREATE, Realm.CUSTOM_FIELDS))


async def test_a_user_without_a_company_says_for_which_a_field_is(crm: Caller) -> None:
    made = await crm.made("interact_users_create", **NEW)
    give: Row = {"id": made["id"], "cmd": "add", "roles": ["customer_admin"]}
    await crm.call("interact_user_roles_assign", **give)
    async with logged_in(crm.sandbox, username=NEW["email"], password="first") as ada:
        found = await ada.refusal("interact_custom_fields_create", **FIELD)
    assert found == (400, code(What.MISSING, Action.CREATE, Realm.CUSTOM_FIELDS))
