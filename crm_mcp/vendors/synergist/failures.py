"""Synergist's errors: a code that is mostly general, and a sentence.

Sources in the vendor's document: the XML at lines 129 to 135, the codes at 205 to 211, the stale
record version at 1044. Only four codes have a meaning of their own; for the others, among them
404500, the sentence decides. The document shows few sentences, so common words count too.
"""

import re
from dataclasses import dataclass

from crm_mcp.errors import (
    AuthFailed,
    Conflict,
    Forbidden,
    NotFound,
    Rejected,
    Unavailable,
    UpstreamError,
)

MAX_WORDS = 500
MAX_XML = 64_000

Kind = tuple[type[UpstreamError], str]

_CREDENTIALS = "Ask the operator to check the user and the password of the CRM."
_UNKNOWN_CALL = "This Synergist may be of another version: tell the operator."
_CODES: dict[str, Kind] = {
    "404001": (AuthFailed, _CREDENTIALS),
    "404002": (AuthFailed, _CREDENTIALS),
    "404003": (AuthFailed, "The CRM user's account is disabled: tell the operator."),
    "404004": (Rejected, _UNKNOWN_CALL),
}
_MAY_NOT = (
    r"permission|privilege|access denied|unauthori[sz]ed|not (allowed|authori[sz]ed|permitted)"
)
_CHANGED = (
    r"record ?version|version number|(amended|changed|modified|updated) by (another|someone)"
    r"|(locked|in use) by|record (is )?(locked|in use)"
)
_CHECK_CODE = "Check the number or code; codes begin with the company, as in 1/F667."
_MISSING = (
    r"not (exist|found)|no (such|matching) |unable to (find|locate)|could(n't| not) find"
    r"|has been deleted"
)
# The beginnings of telling words, each with our kind and what to do; the first that fits counts.
_WORDS: tuple[tuple[re.Pattern[str], Kind], ...] = tuple(
    (re.compile(rf"\b({words})", re.IGNORECASE), (kind, hint))
    for words, kind, hint in (
        ("credentials|account disabled|not logged in|login failed", AuthFailed, _CREDENTIALS),
        (_MAY_NOT, Forbidden, "The CRM user may not do this: tell the operator."),
        (_CHANGED, Conflict, "Read the record again and repeat the change with its new version."),
        ("already exists|duplicate", Conflict, "Look for the record that is there already."),
        (r"request not recogni[sz]ed|invalid action", Rejected, _UNKNOWN_CALL),
        (_MISSING, NotFound, _CHECK_CODE),
        ("(internal|runtime|server|unexpected) error|timed out", Unavailable, "Try again later."),
    )
)


@dataclass(frozen=True, slots=True)
class Said:
    """What the CRM said went wrong."""

    code: str
    words: str


def failure_of(said: Said) -> UpstreamError:
    """Make our error: by the code where it says something, else by the words."""
    words = said.words[:MAX_WORDS] or "no reason given"
    kind, hint = _CODES.get(said.code) or _by_words(said.words)
    return kind(f"Synergist said: {words}", hint=hint, vendor_code=said.code[:MAX_WORDS])


def _by_words(words: str) -> Kind:
    """Tell the kind by the sentence; an unknown one counts as a rule of the CRM."""
    searched = words[:MAX_WORDS]
    return next((kind for pattern, kind in _WORDS if pattern.search(searched)), (Rejected, ""))


def read_xml(content: bytes) -> Said | None:
    """Read the documented XML error; None for whatever is something else.

    Documents with a DTD or with entities are refused unread, and so is what is too large.
    """
    if not content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<") or len(content) > MAX_XML:
        return None
    # Imported for the first error: most starts never need it.
    from defusedxml.ElementTree import (  # type: ignore[import-untyped]  # it has no types
        ParseError,
        fromstring,
    )

    try:
        root = fromstring(content, forbid_dtd=True)
    except (ParseError, ValueError, LookupError):  # also what is forbidden, or oddly encoded
        return None
    errors = root.findall("Error") if root.tag == "Responses" else []
    if not errors:
        return None
    words = "; ".join(filter(None, (_words(error.findtext("ErrorText")) for error in errors)))
    return Said(_words(errors[0].get("ErrorID")), words)


def _words(text: str | None) -> str:
    return " ".join((text or "").split())[:MAX_WORDS]
