"""Everything that can go wrong, one class per reason.

CrmMcpError
├── ConfigError              at start: names the setting
├── SchemaError              at start: names the file and the key
├── DocumentError            a vendor's description of its API cannot be read or used; says where
├── StateError               approvals or the record of writes cannot be read or written
├── NotUndoable              a write cannot be taken back from here; says why
├── PermitError              a request reached the wire without a valid permit; never a user's fault
└── ToolFailure              becomes a tool result with isError; has a stable kind
    ├── InvalidArguments     invalid_arguments
    ├── UnknownTool          unknown_tool
    ├── NotCallable          not_callable
    ├── Refused              refused
    ├── NotConfirmed         not_confirmed
    ├── ApprovalRequired     approval_required
    ├── ChangedSincePreview  changed_since_preview
    └── UpstreamError        the CRM, or the way to it
        ├── AuthFailed       auth_failed
        ├── Forbidden        forbidden
        ├── NotFound         not_found
        ├── Rejected         rejected
        ├── Conflict         conflict
        ├── RateLimited      rate_limited
        ├── Unavailable      unavailable
        ├── UnknownOutcome   unknown_outcome
        └── UnreadableReply  unreadable_reply
"""

from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from pydantic import ValidationError


class CrmMcpError(Exception):
    """Root of all errors raised on purpose by this package."""


class ConfigError(CrmMcpError):
    """A setting is missing, unknown or wrong; the text names it."""


class SchemaError(CrmMcpError):
    """An operation file cannot be loaded; the text names file and key."""


class DocumentError(CrmMcpError):
    """A vendor's description of its API cannot be read or used; the text says where and why."""


class StateError(CrmMcpError):
    """The ledger or the audit cannot be trusted or written; writes stop."""


class NotUndoable(CrmMcpError):
    """A write cannot be taken back from here; the text is the reason, as half a sentence."""


class PermitError(CrmMcpError):
    """A request reached the wire without a permit that fits it; nothing was sent."""


class ToolFailure(CrmMcpError):
    """A call that did not do what was asked, told to the one who can act.

    Args:
        message: what failed and why, in one sentence.
        hint: what to do next; empty when there is nothing to do.
        vendor_code: the CRM's own code, verbatim and bounded.
        details: further JSON values for the error result.
    """

    kind: ClassVar[str]

    def __init__(
        self, message: str, *, hint: str = "", vendor_code: str = "", **details: Any
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.vendor_code = vendor_code
        self.details = details

    def __str__(self) -> str:
        """Tell the message as it stands now: what is cleaned later is clean in a log as well."""
        return self.message

    def as_dict(self) -> dict[str, Any]:
        """Write the failure as every caller gets it; what is empty is left out."""
        parts = {
            "error": self.kind,
            "message": self.message,
            "hint": self.hint,
            "vendor_code": self.vendor_code,
            **self.details,
        }
        return {key: value for key, value in parts.items() if value not in ("", None, [], {})}


class InvalidArguments(ToolFailure):
    """The arguments do not fit the tool; nothing was sent."""

    kind = "invalid_arguments"


class UnknownTool(ToolFailure):
    """No tool of this name; `details["nearest"]` lists similar names."""

    kind = "unknown_tool"


class NotCallable(ToolFailure):
    """The tool exists, but cannot be called here."""

    kind = "not_callable"


class Refused(ToolFailure):
    """The operator's policy does not allow this call; nothing was sent."""

    kind = "refused"


class NotConfirmed(ToolFailure):
    """A person was asked and did not say yes; nothing was sent."""

    kind = "not_confirmed"


class ApprovalRequired(ToolFailure):
    """A person must decide outside this conversation; nothing was sent."""

    kind = "approval_required"


class ChangedSincePreview(ToolFailure):
    """The record is no longer as the person saw it; nothing was sent."""

    kind = "changed_since_preview"


class UpstreamError(ToolFailure):
    """The CRM said no, or could not be reached or understood."""


class AuthFailed(UpstreamError):
    """The CRM does not accept the configured credentials."""

    kind = "auth_failed"


class Forbidden(UpstreamError):
    """The configured user may not do this in the CRM."""

    kind = "forbidden"


class NotFound(UpstreamError):
    """The CRM has no such record."""

    kind = "not_found"


class Rejected(UpstreamError):
    """A rule of the CRM forbids it."""

    kind = "rejected"


class Conflict(UpstreamError):
    """The record is taken, or was changed by somebody else."""

    kind = "conflict"


class RateLimited(UpstreamError):
    """Too many calls; `details["seconds"]` says how long to wait, when known."""

    kind = "rate_limited"


class Unavailable(UpstreamError):
    """The CRM could not be reached or failed inside; nothing was changed."""

    kind = "unavailable"


class UnknownOutcome(UpstreamError):
    """A write may or may not have happened; look before anybody repeats it."""

    kind = "unknown_outcome"


class UnreadableReply(UpstreamError):
    """The answer is not what the CRM's document promises."""

    kind = "unreadable_reply"


def first_problem(error: "ValidationError") -> str:
    """Say where the first thing is wrong, and what; values are not repeated."""
    problem = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(str(step) for step in problem["loc"])
    return f"{where}: {problem['msg'].removeprefix('Value error, ')}"
