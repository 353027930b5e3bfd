"""The error codes of interact: 14 digits in four groups (document section 2.6).

The first four digits say what went wrong, the next three during which action, the next three in
which realm. What the last four differentiate, the document lists without saying what it means.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from crm_mcp.errors import (
    AuthFailed,
    Conflict,
    Forbidden,
    NotFound,
    Rejected,
    Unavailable,
    UpstreamError,
)

_CODE = re.compile(r"(\d{4})(\d{3})(\d{3})(\d{4})", re.ASCII)


class Failure(NamedTuple):
    """One row of table 100: our words, our kind where the row decides it, and what to do."""

    words: str
    kind: type[UpstreamError] | None
    hint: str = ""


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """A code taken apart; a group that the document does not list has no words."""

    text: str
    failure: Failure | None
    action: str
    realm: str
    detail: str

    @property
    def words(self) -> str:
        """Say all groups that are known in one phrase."""
        what = self.failure.words if self.failure else f"error {self.text[:4]}, which is not listed"
        during = [f"while {self.action}"] if self.action else []
        within = [f"in {self.realm}"] if self.realm else []
        which = f"detail {self.detail}{'' if self.detail in DETAILS else ', not listed'}"
        return f"{what} ({', '.join([*during, *within, which])})"


def decode(value: object) -> ErrorCode | None:
    """Take a code apart, given as a number or as text; None when it has not 14 digits."""
    text = str(value) if isinstance(value, int | str) else ""
    groups = _CODE.fullmatch(text)
    if groups is None:
        return None
    what, action, realm, detail = groups.groups()
    return ErrorCode(
        text, FAILURES.get(what), ACTIONS.get(action, ""), REALMS.get(realm, ""), detail
    )


def _missing(thing: str, hint: str) -> Failure:
    return Failure(f"there is no such {thing}", NotFound, hint)


_CONTACT = "Find the right id with interact_contacts_list."
_CHECK = "Compare the arguments with the tool's description, mend them and call again."
_LATER = "Try again later."

# Table 100. A general failure says nothing about its kind, so there the HTTP status decides.
FAILURES: Mapping[str, Failure] = {
    "9000": Failure("a failure of a general kind", None),
    "9001": Failure("a failure inside the server", Unavailable, _LATER),
    "9002": Failure("a failure outside the server, or in its foundations", Unavailable, _LATER),
    "9100": _missing("record", "List the records of this kind to find the right id."),
    "9101": _missing("address", "The ids of addresses stand in the contact: read it first."),
    "9102": _missing(
        "basicinfo", "The ids of basicInfos stand in contacts and interactions: read one first."
    ),
    "9103": _missing("company", "Find the right id with interact_companies_list."),
    "9104": _missing("contact", _CONTACT),
    "9105": _missing("organization", f"{_CONTACT} It may be a person."),
    "9106": _missing("person", f"{_CONTACT} It may be an organization."),
    "9107": _missing("deal", "Find the right id with interact_deals_list."),
    "9108": _missing("device", "Find the right id with interact_devices_list."),
    "9109": _missing("group", "Find the right id with interact_company_groups_list."),
    "9110": _missing("interaction", "Find the right id with interact_interactions_list."),
    "9111": _missing("note", "Find the right id with interact_notes_list."),
    "9112": _missing(
        "social or messenger profile",
        "List a contact's profiles with interact_contact_profiles_list.",
    ),
    "9113": _missing("role", "interact_users_get shows how roles are spelled."),
    "9114": _missing("tag", "List the tags with interact_tags_list."),
    "9115": _missing("task", "Find the right id with interact_tasks_list."),
    "9116": _missing("task list", "Find the right id with interact_task_lists_list."),
    "9117": _missing("user", "Find the right id with interact_users_list."),
    "9118": _missing(
        "variation of a basicinfo", "Read the contact to see its basicInfos as they stand."
    ),
    "9119": _missing("picture", "List a contact's pictures with interact_contact_pictures_list."),
    "9200": Failure("the data did not pass the checks", Rejected, _CHECK),
    "9201": Failure("the data are not valid", Rejected, _CHECK),
    "9202": Failure(
        "required data are missing", Rejected, "Give the missing fields and call again."
    ),
    "9300": Failure("the request does not fit", Rejected, _CHECK),
    "9301": Failure(
        "the basicinfo belongs to another contact already",
        Conflict,
        "Find the contact that has it with interact_contacts_list; a basicinfo has only one.",
    ),
    "9302": Failure(
        "the device is registered already",
        Conflict,
        "Find it with interact_devices_list; of a trigger device "
        "interact_trigger_tokens_get tells the token.",
    ),
    "9303": Failure(
        "the email address belongs to another user already",
        Conflict,
        "Find that user with interact_users_list, or take another address.",
    ),
    "9304": Failure(
        "the record was changed by somebody else in the meantime",
        Conflict,
        "Read the record again, and repeat the change with the version that it has now.",
    ),
    "9305": Failure(
        "the picture comes from another system and cannot be changed here",
        Rejected,
        "Only uploaded pictures can be changed or deleted: upload one with "
        "interact_pictures_create.",
    ),
    "9306": Failure(
        "there is no such report", NotFound, "Tell the person: interact lacks what was asked for."
    ),
    "9401": Failure(
        "the login, or its session, was not accepted",
        AuthFailed,
        "Call interact_auth_login once. If that fails too, tell the person: the operator of this "
        "server must check what it logs in with (or, for an event, the trigger token).",
    ),
    "9402": Failure(
        "the user has no permission for this",
        Forbidden,
        "Tell the person: an administrator of interact can give the user the role or the group.",
    ),
    "9999": Failure("a failure that nobody foresaw", Unavailable, _LATER),
}

# Table 101.
ACTIONS: Mapping[str, str] = {
    "010": "viewing",
    "011": "updating",
    "012": "creating",
    "013": "merging",
    "014": "deleting",
    "015": "importing",
    "016": "sharing",
    "017": "fetching changes for a device",
    "018": "taking in changes from a device",
    "019": "opening a websocket",
    "020": "logging in",
    "021": "logging out",
    "022": "erasing or resetting",
}

# Table 102.
REALMS: Mapping[str, str] = {
    "000": "activities",
    "040": "authentication",
    "050": "synchronization",
    "060": "the websocket",
    "090": "data cleanup",
    "100": "contacts",
    "103": "relations of contacts",
    "104": "deals of contacts",
    "105": "interactions of contacts",
    "106": "notes of contacts",
    "107": "profiles of contacts",
    "108": "search terms of contacts",
    "109": "tags of contacts",
    "110": "tasks of contacts",
    "111": "the import of contacts",
    "200": "deals",
    "201": "notes of deals",
    "202": "tasks of deals",
    "300": "tasks",
    "301": "notes of tasks",
    "302": "task lists",
    "400": "notes",
    "500": "tags",
    "600": "devices",
    "601": "trigger devices",
    "700": "administration",
    "701": "the administration of companies",
    "702": "the administration of roles",
    "703": "the administration of users",
    "704": "the administration of groups",
    "705": "the administration of custom fields",
    "750": "the user's own account",
    "800": "basicinfos",
    "900": "interactions",
}

# Table 103: told as they are, because the document gives them no meaning.
DETAILS = frozenset(
    {"1001", "2001", "2002", "2003", "2004", "2005", "3003", "4003", "4004", "5001", "5002"}
    | {"5003", "6001", "6002", "7001", "7002"}
)
