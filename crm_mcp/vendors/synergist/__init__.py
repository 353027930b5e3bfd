"""Synergist, API version 3.2: everything is a GET, the credentials stand in each query."""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from crm_mcp.errors import InvalidArguments
from crm_mcp.vendors.base import Reading, Reply, Upload, Vendor
from crm_mcp.vendors.synergist.query import with_credentials
from crm_mcp.vendors.synergist.replies import read_reply
from crm_mcp.vendors.synergist.settings import SynergistSettings
from crm_mcp.vendors.synergist.uploads import uploads_of

if TYPE_CHECKING:
    import httpx

MAX_ADDRESS = 8_000


class Synergist(Vendor):
    """Synergist: failures are HTTP 404 with XML, or an envelope without success."""

    id = "synergist"
    title = "Synergist"
    settings: ClassVar = SynergistSettings
    everyday = (
        "synergist_jobs_list",
        "synergist_clients_list",
        "synergist_jobs_get",
        "synergist_activities_create",
        "synergist_pending_timesheets_create",
        "synergist_activities_list",
        "synergist_purchases_list",
        "synergist_expense_sheets_list",
        "synergist_calendar_bookings_list",
        "synergist_timesheet_timers_control",
        "synergist_jobs_update",
    )
    probe = "synergist_expense_sheet_companies_list"
    purposes: ClassVar = {
        "scope": ("synergist_companies_list",),
        "find_customer": ("synergist_clients_list",),
        "people": ("synergist_client_contacts_list",),
        "history": ("synergist_activities_list", "synergist_activity_history_list"),
        "open_work": ("synergist_jobs_list", "synergist_quote_lines_list"),
        "stages": ("synergist_job_sales_statuses_list",),
        "pipeline": ("synergist_views_list", "synergist_jobs_list", "synergist_jobs_get"),
        "due": ("synergist_activities_list",),
        "log_choices": ("synergist_activity_types_list", "synergist_activity_owners_list"),
        "log": ("synergist_activities_create",),
        "follow_up": ("synergist_activity_followups_create",),
    }

    def auth(self, settings: Any) -> "httpx.Auth":
        """Put user, password and version into the query; see `auth.py`."""
        # Imported on the first call: httpx takes time at start that listing tools does not need.
        from crm_mcp.vendors.synergist.auth import QueryAuth

        return QueryAuth(settings)

    def defaults(self, settings: Any) -> Mapping[str, Any]:
        """Name the company, where one is set up."""
        return {} if settings.company is None else {"company": settings.company}

    def check(self, settings: Any, target: str, traits: Collection[str]) -> None:
        """Refuse a request whose whole address is longer than the CRM takes.

        Raises:
            InvalidArguments: with how long it would be.
        """
        path, _, query = target.partition("?")
        # The address itself has no name here: what renders an exception may show all that have.
        length = len(f"{settings.base_url}{path}?{with_credentials(query, settings)}")
        carries_file = "binary" in traits
        limit = settings.max_attachment_url if carries_file else MAX_ADDRESS
        if length > limit:
            raise InvalidArguments(
                f"Synergist takes a call as one address; this one would have {length} "
                f"characters, and at most {limit} are possible. Nothing was sent.",
                hint="Send a smaller file: three bytes of it take at least four characters."
                if carries_file
                else "Send fewer records in one call, or shorter texts.",
            )

    def read(self, reply: Reply) -> Reading:
        """Decide by the envelope or the XML error; see `replies.py`."""
        return read_reply(reply)

    def uploads(self, settings: Any, reply: Reply, sent: Mapping[str, str]) -> tuple[Upload, ...]:
        """Find the attachments that the CRM wants brought to Amazon S3; see `uploads.py`."""
        return uploads_of(reply, sent, settings.upload_hosts)


VENDOR = Synergist()
