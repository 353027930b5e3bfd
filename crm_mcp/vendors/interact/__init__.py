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
    purposes: ClassVar = {
        "find_customer": ("interact_contacts_list",),
        "customer": ("interact_organization_contacts_get", "interact_person_contacts_get"),
        "people": ("interact_contact_contacts_list",),
        "history": ("interact_contact_interactions_list", "interact_contact_notes_list"),
        "open_work": ("interact_contact_deals_list", "interact_contact_tasks_list"),
        "pipeline": ("interact_deals_list",),
        "changes": ("interact_activities_list",),
        "due": ("interact_tasks_list",),
        "log": ("interact_notes_create",),
        "follow_up": ("interact_tasks_create",),
    }

    def auth(self, settings: Any) -> "httpx.Auth":
        """Open a session and put its token into each header; see `auth.py`."""
        # Imported on the first call: httpx takes time at start that listing tools does not need.
        from crm_mcp.vendors.interact.auth import SessionAuth

        return SessionAuth(settings)

    def read(self, reply: Reply) -> Reading:
        """Decide by status and body; see `replies.py`."""
        return read_reply(reply)


VENDOR = Interact()
