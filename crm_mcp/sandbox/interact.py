"""The stand-in for interact.io: sessions, records with versions, errors of 14 digits, pushes.

What each call does stands in the modules `interact_*`; here a call finds its entry, its caller is
let in, and the answer or the refusal is written. The two pushes have no request: whoever serves
the websocket gets a device's messages from `InteractStandIn.connect`.
"""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import ClassVar

from crm_mcp.operation import Operation
from crm_mcp.sandbox import (
    interact_activities,
    interact_basic_infos,
    interact_cleanup,
    interact_companies,
    interact_contact_lists,
    interact_contacts,
    interact_deals,
    interact_devices,
    interact_import,
    interact_interactions,
    interact_notes,
    interact_pictures,
    interact_sessions,
    interact_sync,
    interact_tasks,
    interact_users,
)
from crm_mcp.sandbox.base import Answer, Call, Opener, Push, StandIn, json_answer
from crm_mcp.sandbox.interact_calls import Calls
from crm_mcp.sandbox.interact_errors import Action, Realm, RefusalError, What
from crm_mcp.sandbox.interact_push import Mailbox
from crm_mcp.sandbox.interact_seed import CREDENTIALS, new_world
from crm_mcp.sandbox.interact_wire import Ask
from crm_mcp.sandbox.interact_world import SECOND

CALLS: Calls = MappingProxyType(
    {
        **interact_activities.CALLS,
        **interact_basic_infos.CALLS,
        **interact_cleanup.CALLS,
        **interact_companies.CALLS,
        **interact_contact_lists.CALLS,
        **interact_contacts.CALLS,
        **interact_deals.CALLS,
        **interact_devices.CALLS,
        **interact_import.CALLS,
        **interact_interactions.CALLS,
        **interact_notes.CALLS,
        **interact_pictures.CALLS,
        **interact_sessions.CALLS,
        **interact_sync.CALLS,
        **interact_tasks.CALLS,
        **interact_users.CALLS,
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
            user = interact_sessions.let_in(world, entry.access, call.headers)
            said = entry.carry_out(world, user, Ask(call))
        except RefusalError as refusal:
            code = refusal.code(entry.action, entry.realm)
            return _refused(refusal.status(entry.missing), code, str(refusal))
        return json_answer(said.body, said.status, changed=world.revision != before)

    def misfit(self, call: Call) -> Answer:
        """Serve the content of a picture, or say that there is no such call."""
        self._begin(call)
        picture = interact_pictures.serve(self.world, call)
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
        return interact_devices.connect(self.world, device_id, auth_token)

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
        self.world.now += interact_sessions.LIFETIME

    def _begin(self, call: Call) -> None:
        self.world.now += SECOND
        self.world.origin = f"http://{call.headers.get('host', 'localhost')}/interact"


def _refused(status: HTTPStatus, code: int, words: str) -> Answer:
    return json_answer({"code": status, "error": code, "devmsg": words}, status)


STAND_IN = InteractStandIn
