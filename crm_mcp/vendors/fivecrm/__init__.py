"""FIVE CRM, API version 2: one endpoint, the mode chooses the operation."""

from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, SecretStr

from crm_mcp.vendors.base import Reading, Reply, Vendor, VendorSettings
from crm_mcp.vendors.fivecrm.replies import read_reply

if TYPE_CHECKING:
    import httpx


class FiveCrmSettings(VendorSettings):
    """Where the customer's FIVE CRM is, and the API hash of one of its users."""

    base_url: str = Field(description="Ends before /api2.php, e.g. https://europe1.fivecrm.com/1")
    hash: SecretStr = Field(min_length=1, description="API hash from the user's profile.")


class FiveCrm(Vendor):
    """FIVE CRM: always a POST, judged by STATUS and never by the HTTP code."""

    id = "fivecrm"
    title = "FIVE CRM"
    settings: ClassVar = FiveCrmSettings
    everyday = (
        "fivecrm_privacy_details_search",
        "fivecrm_areas_list",
        "fivecrm_customer_products_import",
        "fivecrm_owners_list",
        "fivecrm_projects_list",
        "fivecrm_customer_statuses_list",
        "fivecrm_sales_people_list",
        "fivecrm_customer_products_update",
        "fivecrm_areas_get",
        "fivecrm_account_fields_list",
        "fivecrm_contact_fields_list",
        "fivecrm_processing_categories_list",
        "fivecrm_processing_channels_list",
        "fivecrm_hash_validate",
    )
    probe = "fivecrm_hash_validate"
    purposes: ClassVar = {
        "scope": ("fivecrm_areas_list",),
        "consent_words": (
            "fivecrm_processing_categories_list",
            "fivecrm_processing_channels_list",
        ),
        "consent": ("fivecrm_privacy_details_search",),
    }

    def auth(self, settings: Any) -> "httpx.Auth":
        """Put the hash into the POST body; see `auth.py`."""
        # Imported on the first call: httpx takes time at start that listing tools does not need.
        from crm_mcp.vendors.fivecrm.auth import HashAuth

        return HashAuth(settings.hash)

    def read(self, reply: Reply) -> Reading:
        """Decide by STATUS; see `replies.py`."""
        return read_reply(reply)


VENDOR = FiveCrm()
