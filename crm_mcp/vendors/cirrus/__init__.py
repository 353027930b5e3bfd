"""Cirrus 2, REST API 0.3.73: its document names no methods and no paths; they are inferred."""

from typing import TYPE_CHECKING, Any, ClassVar

from crm_mcp.vendors.base import Reading, Reply, Vendor
from crm_mcp.vendors.cirrus.replies import read_reply
from crm_mcp.vendors.cirrus.settings import CirrusSettings

if TYPE_CHECKING:
    import httpx


class Cirrus(Vendor):
    """Cirrus 2: the HTTP status says what happened, in whatever form the words come."""

    id = "cirrus"
    title = "Cirrus 2"
    settings: ClassVar = CirrusSettings
    everyday = (
        "cirrus_accounts_list",
        "cirrus_contacts_list",
        "cirrus_accounts_get",
        "cirrus_activities_list",
        "cirrus_opportunities_list",
        "cirrus_contacts_get",
        "cirrus_orders_get",
        "cirrus_quotes_get",
        "cirrus_opportunities_get",
        "cirrus_leads_get",
    )
    probe = "cirrus_account_types_list"
    purposes: ClassVar = {
        "find_customer": ("cirrus_accounts_list", "cirrus_contacts_list"),
        "customer": ("cirrus_accounts_get",),
        "people": ("cirrus_contacts_list",),
        "history": ("cirrus_activities_list",),
        "open_work": (
            "cirrus_opportunities_list",
            "cirrus_quotes_list",
            "cirrus_orders_list",
        ),
        "stages": ("cirrus_opportunity_statuses_list",),
        "pipeline": ("cirrus_opportunities_list",),
        "due": ("cirrus_activities_list",),
        "log_choices": ("cirrus_activity_types_list", "cirrus_profile_get"),
        "log": ("cirrus_activities_create",),
        "follow_up": ("cirrus_activities_create",),
    }
    median_bytes = 900  # nested bodies are typed to their leaves

    def auth(self, settings: Any) -> "httpx.Auth":
        """Join the token, or get one first; see `auth.py` and `oauth.py`."""
        # Imported on the first call: httpx takes time at start that listing tools does not need.
        if settings.client_id is None:
            from crm_mcp.vendors.cirrus.auth import TokenAuth

            return TokenAuth(settings)
        from crm_mcp.vendors.cirrus.oauth import ClientAuth

        return ClientAuth(settings)

    def read(self, reply: Reply) -> Reading:
        """Decide by the HTTP status; see `replies.py`."""
        return read_reply(reply)


VENDOR = Cirrus()
