"""The stand-in for interact.io: sessions, records with versions, errors of 14 digits, pushes.

What each call does stands in the modules beside this one; here a call finds its entry, its
caller is let in, and the answer or the refusal is written. The two pushes have no request: whoever
serves the websocket gets a device's messages from `InteractStandIn.connect`.
"""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import ClassVar

from crm_mcp.operation import Operation
from crm_mcp.sandbox.base import Answer, Call, Opener, Push, StandIn, json_answer
from crm_mcp.sandbox.interact import (
    activities,
    basic_infos,
    cleanup,
    companies,
    contact_lists,
    contacts,
    deals,
    devices,
    importing,
    interactions,
    notes,
    pictures,
    sessions,
    sync,
    tasks,
    users,
)
from crm_mcp.sandbox.interact.calls import Calls
from crm_mcp.sandbox.interact.errors import Action, Realm, RefusalError, What
from crm_mcp.sandbox.interact.push import Mailbox
from crm_mcp.sandbox.interact.seed import CREDENTIALS, new_world
from crm_mcp.sandbox.interact.wire import Ask
from crm_mcp.sandbox.interact.world import SECOND

CALLS: Calls = MappingProxyType(
    {
        **activities.CALLS,
        **basic_infos.CALLS,
        **cleanup.CALLS,
        **companies.CALLS,
        **contact_lists.CALLS,
        **contacts.CALLS,
        **deals.CALLS,
        **devices.CALLS,
        **importing.CALLS,
        **interactions.CALLS,
        **notes.CALLS,
        **pictures.CALLS,
        **sessions.CALLS,
        **sync.CALLS,
        **tasks.CALLS,
        **users.CALLS,
    }
)

_ACTIONS: Mapping[str, Action] = {
    "GET": Action.VIEW,
    "POST": Action.UPDATE,
    "PUT": Action.CREATE,
    "DELETE": Action.DELETE,
}


class InteractStandIn(StandIn):
    """An interact.io whose demo user Maya may do everything."""

    credentials: ClassVar = CREDENTIALS

    def __init__(self) -> None:
        self.world = new_world()

    @property
    def controls(self) -> Mapping[str, Callable[[], None]]:
        """What tests can do to it from outside."""
        return {"expire_sessions": self.expire_sessions}

    def answer(self, operation: Operation, call: Call) -> Answer:
        """Carry out one call, a second after the one before."""
        entry, world = CALLS[operation.name], self.world
        self._begin(call)
        before = world.revision
        try:
            user = sessions.let_in(world, entry.access, call.headers)
            said = entry.carry_out(world, user, Ask(call))
        except RefusalError as refusal:
            code = refusal.code(entry.action, entry.realm)
            return _refused(refusal.status(entry.missing), code, str(refusal))
        return json_answer(said.body, said.status, changed=world.revision != before)

    def misfit(self, call: Call) -> Answer:
        """Serve the content of a picture, or say that there is no such call."""
        self._begin(call)
        picture = pictures.serve(self.world, call)
        if picture is not None:
            return picture
        refusal = RefusalError(What.GENERAL, "there is no such call")
        code = refusal.code(_ACTIONS.get(call.method, Action.VIEW), Realm.ACTIVITIES)
        return _refused(HTTPStatus.NOT_FOUND, code, str(refusal))

    def connect(self, device_id: str, auth_token: str) -> Mailbox:
        """Let a device in that wants to be pushed to, and give its messages.

        Args:
            device_id: the id that the device was registered with.
            auth_token: of a session of the device's user; it is renewed.

        Raises:
            RefusalError: the token is not valid, or the device is not registered.
        """
        return devices.connect(self.world, device_id, auth_token)

    @property
    def sockets(self) -> Mapping[str, Opener]:
        """The one websocket, for both kinds of pushes."""
        return {"/interact-server/socket": self._open}

    def _open(self, call: Call) -> Push | None:
        said = dict(call.query)
        try:
            return self.connect(said.get("deviceId", ""), said.get("authToken", "")).wait
        except RefusalError:
            return None

    def expire_sessions(self) -> None:
        """Let the time pass in which no session lives on."""
        self.world.now += sessions.LIFETIME

    def _begin(self, call: Call) -> None:
        self.world.now += SECOND
        self.world.origin = f"http://{call.headers.get('host', 'localhost')}/interact"


def _refused(status: HTTPStatus, code: int, words: str) -> Answer:
    return json_answer({"code": status, "error": code, "devmsg": words}, status)


STAND_IN = InteractStandIn
