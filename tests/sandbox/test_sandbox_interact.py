"""Whom the interact stand-in lets in, how it refuses, and that it knows every call."""

from collections.abc import AsyncIterator

import httpx
import pytest
from interact_caller import (
    ORIGIN,
    OWEN,
    Caller,
    code,
    logged_in,
    new_sandbox,
    operations,
    refused,
)
from sockets import serving

from crm_mcp.errors import ConfigError
from crm_mcp.loader import load_vendor, schemas_root
from crm_mcp.operation import Operation
from crm_mcp.sandbox import story
from crm_mcp.sandbox.app import Sandbox
from crm_mcp.sandbox.interact import CALLS
from crm_mcp.sandbox.interact.calls import Access
from crm_mcp.sandbox.interact.errors import Action, Realm, What
from crm_mcp.sandbox.interact.sessions import LIFETIME
from crm_mcp.vendors import load_vendor_code

CALLABLE = [entry for entry in operations().values() if entry.request.method != "WS"]
GUARDED = [entry for entry in CALLABLE if CALLS[entry.name].access is not Access.OPEN]
ADMIN = [
    entry
    for entry in CALLABLE
    if CALLS[entry.name].access in (Access.CUSTOMER_ADMIN, Access.INTERACT_ADMIN)
]
ACCOUNT = {"username": story.MAYA.email, "password": "sandbox-password-of-maya"}
HALF_AN_HOUR = 30 * 60 * 1000

pytestmark = pytest.mark.anyio


@pytest.fixture
async def crm() -> AsyncIterator[Caller]:
    async with logged_in() as caller:
        yield caller


def login_code(what: What) -> int:
    return code(what, Action.LOGIN, Realm.AUTHENTICATION)


# What it knows


def test_it_knows_every_call_and_nothing_else() -> None:
    assert set(CALLS) == {entry.name for entry in CALLABLE}
    assert len(CALLS) == 93


def test_its_settings_are_those_that_the_vendor_asks_for() -> None:
    settings = new_sandbox().settings("interact", ORIGIN)
    made = load_vendor_code("interact").settings.model_validate(settings)
    assert made.base_url == f"{ORIGIN}/interact"


@pytest.mark.parametrize("operation", GUARDED, ids=lambda entry: entry.name)
async def test_no_call_goes_without_its_token_and_the_code_names_action_and_realm(
    operation: Operation,
) -> None:
    sandbox = new_sandbox()
    entry = CALLS[operation.name]
    async with httpx.AsyncClient(transport=sandbox.transport()) as http:
        caller = Caller(sandbox, http)
        caller.settings["trigger_token"] = "guessed"
        found = await caller.refusal(operation.name, **operation.examples[0].arguments)
    assert found == (401, code(What.NOT_AUTHENTICATED, entry.action, entry.realm))
    # Two names that share their request are not told apart, but what they do is the same.
    assert [(seen.effect, seen.changed) for seen in sandbox.log] == [(operation.effect, False)]


@pytest.mark.parametrize("operation", ADMIN, ids=lambda entry: entry.name)
async def test_who_is_a_user_only_administers_nothing(operation: Operation) -> None:
    entry = CALLS[operation.name]
    async with logged_in(**OWEN) as crm:
        found = await crm.refusal(operation.name, **operation.examples[0].arguments)
    assert found == (403, code(What.NO_PERMISSION, entry.action, entry.realm))


async def test_what_the_document_calls_administration_is_guarded_as_such() -> None:
    assert {entry.name for entry in ADMIN} == {
        entry.name for entry in CALLABLE if entry.request.path.startswith("/admin/")
    }


# Sessions


async def test_a_login_tells_the_user_and_a_token_that_lasts_half_an_hour(crm: Caller) -> None:
    reply = (await crm.log_in()).json()
    groups = [group["name"] for group in reply["user"].pop("groups")]
    user_id, company_id = reply["user"].pop("id"), reply["user"].pop("companyId")
    assert reply["user"] == {
        "active": True,
        "email": story.MAYA.email,
        "roles": ["interact_admin", "customer_admin", "user"],
    }
    assert (groups, user_id == company_id) == (["Sales", "Marketing"], False)
    began = int(story.TODAY.timestamp() * 1000)
    assert set(reply["token"]) == {"authToken", "expires"}
    assert reply["token"]["expires"] == began + 2000 + HALF_AN_HOUR


async def test_every_login_brings_another_token_and_all_of_them_count(crm: Caller) -> None:
    first = crm.token
    await crm.log_in()
    assert crm.token != first
    assert (await crm.authorised("GET", "/tags")).status_code == 200
    reply = await crm.raw("GET", "/tags", headers={"authToken": first})
    assert reply.status_code == 200


@pytest.mark.parametrize(
    ("other", "status", "what"),
    [
        ({"password": "guessed"}, 401, What.NOT_AUTHENTICATED),
        ({"username": "nobody@tidewell.example.com"}, 401, What.NOT_AUTHENTICATED),
        (
            {"username": story.RUFUS.email, "password": "sandbox-password-of-rufus"},
            401,
            What.NOT_AUTHENTICATED,
        ),
        ({"scope": "everything"}, 400, What.INVALID),
        ({"scope": ""}, 400, What.INVALID),
        ({"password": ""}, 400, What.MISSING),
        ({"remember": "me"}, 400, What.BAD_REQUEST),
    ],
)
async def test_a_login_is_refused_with_the_reason(
    crm: Caller, other: dict[str, str], status: int, what: What
) -> None:
    assert refused(await crm.log_in(**other)) == (status, login_code(what))


async def test_a_login_needs_its_scope(crm: Caller) -> None:
    assert refused(await crm.raw("POST", "/login", json=ACCOUNT)) == (
        400,
        login_code(What.MISSING),
    )


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"no JSON", b"[" * 100_000, b"\xff"])
async def test_a_body_that_is_no_object_is_a_bad_request(crm: Caller, content: bytes) -> None:
    reply = await crm.raw("POST", "/login", content=content)
    assert refused(reply) == (400, login_code(What.BAD_REQUEST))


async def test_capitals_in_an_address_make_no_difference_in_a_password_they_do(
    crm: Caller,
) -> None:
    assert (await crm.log_in(username=story.MAYA.email.upper())).status_code == 200
    assert (await crm.log_in(password=ACCOUNT["password"].upper())).status_code == 401


async def test_every_call_puts_off_the_end_of_the_session(crm: Caller) -> None:
    world = crm.stand_in.world
    for _ in range(3):
        world.now += LIFETIME - 2000
        assert (await crm.authorised("GET", "/tags")).status_code == 200


async def test_a_session_ends_when_nothing_was_called_for_half_an_hour(crm: Caller) -> None:
    crm.stand_in.world.now += LIFETIME - 1000
    assert (await crm.authorised("GET", "/tags")).status_code == 401


async def test_logging_out_ends_the_session_and_no_other(crm: Caller) -> None:
    first = crm.token
    await crm.log_in()
    reply = await crm.raw("POST", "/logout", json={"authToken": first})
    assert (reply.status_code, reply.json()) == (200, {"code": 200, "devmsg": "success"})
    gone = await crm.raw("GET", "/tags", headers={"authToken": first})
    assert gone.status_code == 401
    assert (await crm.authorised("GET", "/tags")).status_code == 200


@pytest.mark.parametrize(
    ("body", "what"), [({"authToken": "guessed"}, What.INVALID), ({}, What.MISSING)]
)
async def test_a_logout_names_a_session_that_is_open(
    crm: Caller, body: dict[str, str], what: What
) -> None:
    found = refused(await crm.raw("POST", "/logout", json=body))
    assert found == (400, code(what, Action.LOGOUT, Realm.AUTHENTICATION))


async def test_a_token_in_the_address_counts_for_nothing(crm: Caller) -> None:
    reply = await crm.raw("GET", f"/tags?authToken={crm.token}")
    assert reply.status_code == 401


async def test_sessions_and_reads_are_no_changes_and_writes_are(crm: Caller) -> None:
    await crm.call("interact_tags_list")
    await crm.call("interact_task_lists_create", title="Tomorrow")
    await crm.refusal("interact_task_lists_delete", id=1)
    assert [entry.changed for entry in crm.sandbox.log] == [False, False, True, False]


# Passwords


async def test_a_changed_password_counts_from_the_next_login_on(crm: Caller) -> None:
    passwords = {"oldPassword": ACCOUNT["password"], "newPassword": "another one"}
    reply = await crm.call("interact_passwords_change", **passwords)
    assert reply == {"code": 200, "devmsg": "success"}
    assert (await crm.authorised("GET", "/tags")).status_code == 200
    assert (await crm.log_in()).status_code == 401
    assert (await crm.log_in(password="another one")).status_code == 200


async def test_a_password_changes_only_for_who_knows_the_old_one(crm: Caller) -> None:
    found = await crm.refusal(
        "interact_passwords_change", oldPassword="guessed", newPassword="another one"
    )
    assert found == (400, code(What.INVALID, Action.UPDATE, Realm.MY_ACCOUNT))


async def test_a_reset_sends_a_new_password_and_ends_the_old_one(crm: Caller) -> None:
    crm.token = ""
    reply = await crm.call("interact_passwords_reset", email=OWEN["username"])
    assert reply == {"code": 200, "devmsg": "success"}
    (mail,) = crm.stand_in.world.mails
    assert mail.to == OWEN["username"]
    assert (await crm.log_in(**OWEN)).status_code == 401
    assert (await crm.log_in(username=mail.to, password=mail.password)).status_code == 200


async def test_a_reset_for_nobody_is_refused(crm: Caller) -> None:
    found = await crm.refusal("interact_passwords_reset", email="nobody@example.com")
    assert found == (400, code(What.USER, Action.ERASE, Realm.MY_ACCOUNT))


# What is no call


@pytest.mark.parametrize(
    ("method", "path", "action"),
    [
        ("GET", "/reports", Action.VIEW),
        ("PUT", "/contacts", Action.CREATE),
        ("POST", "/myAccount?cmd=deletePwd", Action.UPDATE),
        ("DELETE", "/tags", Action.DELETE),
        ("PATCH", "/contacts/1", Action.VIEW),
        ("GET", "/interact-server/socket", Action.VIEW),
    ],
)
async def test_what_fits_no_call_is_a_general_failure(
    crm: Caller, method: str, path: str, action: Action
) -> None:
    found = refused(await crm.authorised(method, path))
    assert found == (404, code(What.GENERAL, action, Realm.ACTIVITIES))


@pytest.mark.parametrize("text", ["abc", "-1", "1.5", "٣", "9" * 5000])
async def test_an_id_is_a_whole_number(crm: Caller, text: str) -> None:
    found = refused(await crm.authorised("GET", f"/deals/{text}"))
    assert found == (400, code(What.INVALID, Action.VIEW, Realm.DEALS))


# Controls


async def test_sessions_expire_on_demand(crm: Caller) -> None:
    crm.sandbox.control("interact", "expire_sessions")
    assert (await crm.authorised("GET", "/tags")).status_code == 401
    await crm.log_in()
    assert (await crm.authorised("GET", "/tags")).status_code == 200


async def test_over_a_socket_sessions_expire_on_demand_too() -> None:
    sandbox = new_sandbox()
    with serving(sandbox) as origin:
        async with httpx.AsyncClient(trust_env=False, timeout=20) as http:
            base = f"{origin}/interact"
            body = {**ACCOUNT, "scope": "csr"}
            token = (await http.post(f"{base}/login", json=body)).json()["token"]["authToken"]
            headers = {"authToken": token}
            before = await http.get(f"{base}/tags", headers=headers)
            control = await http.post(f"{origin}/_sandbox/interact/expire_sessions")
            after = await http.get(f"{base}/tags", headers=headers)
    statuses = [reply.status_code for reply in (before, control, after)]
    assert statuses == [200, 204, 401]


async def test_a_control_that_is_not_there_names_those_that_are(crm: Caller) -> None:
    reply = await crm.http.post(f"{ORIGIN}/_sandbox/interact/explode")
    words = "no control 'explode' of interact; there are: expire_sessions"
    assert (reply.status_code, reply.json()) == (404, {"error": words})
    reply = await crm.http.post(f"{ORIGIN}/_sandbox/acme/explode")
    assert reply.json() == {"error": "no sandbox for 'acme'; there are: interact"}


async def test_a_vendor_without_controls_says_so() -> None:
    sandbox = Sandbox({"fivecrm": load_vendor(schemas_root(), "fivecrm")})
    with pytest.raises(ConfigError, match="no control 'rest' of fivecrm; there are: none"):
        sandbox.control("fivecrm", "rest")
