"""interact.io, REST API version 2: PUT creates, POST updates, a session stands behind each call."""

from typing import TYPE_CHECKING, Any, ClassVar

from crm_mcp.vendors.base import Reading, Reply, Vendor
from crm_mcp.vendors.interact.replies import read_reply
from crm_mcp.vendors.interact.settings import InteractSettings

if TYPE_CHECKING:
    import httpx


class Interact(Vendor):
    """interact.io: the client logs in by itself, and failures tell a code of 14 digits."""

    id = "interact"
    title = "interact.io"
    settings: ClassVar = InteractSettings
    everyday = (
        "interact_contacts_list",
        "interact_person_contacts_get",
        "interact_tasks_list",
        "interact_activities_list",
        "interact_tasks_create",
        "interact_notes_create",
        "interact_deals_list",
        "interact_organization_contacts_get",
        "interact_contact_interactions_list",
        "interact_tasks_update",
        "interact_person_contacts_create",
    )
    probe = "interact_devices_list"

    def auth(self, settings: Any) -> "httpx.Auth":
        """Open a session and put its token into each header; see `auth.py`."""
        # Imported on the first call: httpx takes time at start that listing tools does not need.
        from crm_mcp.vendors.interact.auth import SessionAuth

        return SessionAuth(settings)

    def read(self, reply: Reply) -> Reading:
        """Decide by status and body; see `replies.py`."""
        return read_reply(reply)


VENDOR = Interact()
