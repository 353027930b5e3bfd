"""Sessions of interact.io: login, a token that every call renews, and the user's own password.

A token outlives half an hour without a call by the clock of the stand-in, and no longer.
"""

import hashlib
from collections.abc import Mapping
from types import MappingProxyType

from crm_mcp.sandbox.interact.calls import Access, Calls, Entry
from crm_mcp.sandbox.interact.errors import Action, Realm, RefusalError, What
from crm_mcp.sandbox.interact.views import group_rows
from crm_mcp.sandbox.interact.wire import DONE, Ask, Row, Said, is_text, one_of
from crm_mcp.sandbox.interact.world import NOBODY, SECOND, Mail, Record, World

LIFETIME = 30 * 60 * SECOND
SCOPES = ("csr", "device app", "trigger app", "web portal")

_VISITOR = Record("user", NOBODY, NOBODY, 0, {})


def let_in(world: World, access: Access, headers: Mapping[str, str]) -> Record:
    """Find out who calls, and whether they may.

    Raises:
        RefusalError: there is no valid token, or the user has none of the roles.
    """
    if access is Access.OPEN:
        return _VISITOR
    if access is Access.TRIGGER:
        return _owner_of_trigger(world, headers.get("triggertoken", ""))
    user = user_of(world, headers.get("authtoken", ""))
    if not set(access.value) & set(user["roles"]):
        raise RefusalError(What.NO_PERMISSION, "no permission")
    return user


def user_of(world: World, token: str) -> Record:
    """Find whose session a token is, and renew it.

    Raises:
        RefusalError: the token is unknown or has expired, or its user is gone.
    """
    number, expires = world.sessions.get(token, (NOBODY, 0))
    user = next((user for user in world.all("user") if user.id == number), None)
    if user is None or expires <= world.now:
        raise RefusalError(What.NOT_AUTHENTICATED, "authToken is invalid or has expired")
    world.sessions[token] = (user.id, world.now + LIFETIME)
    return user


def user_by_email(world: World, email: str) -> Record | None:
    """Find a user by the email address; capitals make no difference."""
    wanted = email.casefold()
    return next((user for user in world.all("user") if user["email"].casefold() == wanted), None)


def secret_of(world: World, purpose: str) -> str:
    """Make a secret that is like no other one, and the same in every new sandbox."""
    text = f"{purpose} {world.now} {world.revision} {len(world.sessions)}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _owner_of_trigger(world: World, token: str) -> Record:
    for device in world.all("triggerDevice"):
        if device["triggerToken"] == token:
            return world.find("user", device.owner)
    raise RefusalError(What.NOT_AUTHENTICATED, "triggerToken is invalid")


def _log_in(world: World, _: Record, ask: Ask) -> Said:
    checks = {"username": is_text, "password": is_text, "scope": one_of(*SCOPES)}
    fields = ask.fields(checks, checks)
    user = user_by_email(world, fields["username"])
    if user is None or not user["active"] or user["password"] != fields["password"]:
        raise RefusalError(What.NOT_AUTHENTICATED, "username or password is wrong")
    token = secret_of(world, "session")
    expires = world.now + LIFETIME
    world.sessions[token] = (user.id, expires)
    return Said(
        {"user": _login_row(world, user), "token": {"authToken": token, "expires": expires}}
    )


def _login_row(world: World, user: Record) -> Row:
    return {
        "id": user.id,
        "active": user["active"],
        "email": user["email"],
        "companyId": user["companyId"],
        "groups": group_rows(world, user),
        "roles": list(user["roles"]),
    }


def _log_out(world: World, _: Record, ask: Ask) -> Said:
    fields = ask.fields({"authToken": is_text}, ("authToken",))
    if world.sessions.pop(fields["authToken"], None) is None:
        raise RefusalError(What.INVALID, "authToken is invalid")
    return DONE


def _reset_password(world: World, _: Record, ask: Ask) -> Said:
    fields = ask.fields({"email": is_text}, ("email",))
    user = user_by_email(world, fields["email"])
    if user is None:
        raise RefusalError(What.USER, "user not found")
    password = secret_of(world, "password")
    world.change(user, {"password": password})
    world.mails.append(Mail(user["email"], password))
    return DONE


def _change_password(world: World, user: Record, ask: Ask) -> Said:
    checks = {"oldPassword": is_text, "newPassword": is_text}
    fields = ask.fields(checks, checks)
    if fields["oldPassword"] != user["password"]:
        raise RefusalError(What.INVALID, "oldPassword is wrong")
    world.change(user, {"password": fields["newPassword"]})
    return DONE


CALLS: Calls = MappingProxyType(
    {
        "interact_auth_login": Entry(_log_in, Action.LOGIN, Realm.AUTHENTICATION, Access.OPEN),
        "interact_auth_logout": Entry(_log_out, Action.LOGOUT, Realm.AUTHENTICATION, Access.OPEN),
        "interact_passwords_reset": Entry(
            _reset_password, Action.ERASE, Realm.MY_ACCOUNT, Access.OPEN
        ),
        "interact_passwords_change": Entry(_change_password, Action.UPDATE, Realm.MY_ACCOUNT),
    }
)
