"""How interact.io says no: an HTTP status, and a code of 14 digits in four groups.

The groups stand in tables 100 to 103 of the vendor's document: what went wrong, during which
action, in which realm, and a detail that only the vendor could explain.
"""

from enum import IntEnum
from http import HTTPStatus

_UNSAID = 1001


class What(IntEnum):
    """The first group: what went wrong (table 100)."""

    GENERAL = 9000
    NOT_FOUND = 9100
    ADDRESS = 9101
    BASIC_INFO = 9102
    COMPANY = 9103
    CONTACT = 9104
    ORGANIZATION = 9105
    PERSON = 9106
    DEAL = 9107
    DEVICE = 9108
    GROUP = 9109
    INTERACTION = 9110
    NOTE = 9111
    PROFILE = 9112
    ROLE = 9113
    TASK = 9115
    TASK_LIST = 9116
    USER = 9117
    PICTURE = 9119
    INVALID = 9201
    MISSING = 9202
    BAD_REQUEST = 9300
    BASIC_INFO_TAKEN = 9301
    DEVICE_REGISTERED = 9302
    EMAIL_TAKEN = 9303
    OUTDATED = 9304
    FOREIGN_PICTURE = 9305
    NOT_AUTHENTICATED = 9401
    NO_PERMISSION = 9402

    @property
    def is_not_found(self) -> bool:
        """Whether something that was asked for does not exist."""
        return What.NOT_FOUND <= self <= What.PICTURE


class Action(IntEnum):
    """The second group: during which action (table 101)."""

    VIEW = 10
    UPDATE = 11
    CREATE = 12
    MERGE = 13
    DELETE = 14
    IMPORT = 15
    SHARE = 16
    SYNC = 17
    OPEN_WEBSOCKET = 19
    LOGIN = 20
    LOGOUT = 21
    ERASE = 22


class Realm(IntEnum):
    """The third group: in which part of the CRM (table 102)."""

    ACTIVITIES = 0
    AUTHENTICATION = 40
    SYNC = 50
    WEBSOCKET = 60
    CLEANUP = 90
    CONTACTS = 100
    CONTACT_RELATIONS = 103
    CONTACT_DEALS = 104
    CONTACT_INTERACTIONS = 105
    CONTACT_NOTES = 106
    CONTACT_PROFILES = 107
    CONTACT_SEARCH_TERMS = 108
    CONTACT_TAGS = 109
    CONTACT_TASKS = 110
    CONTACT_IMPORT = 111
    DEALS = 200
    TASKS = 300
    TASK_LISTS = 302
    NOTES = 400
    TAGS = 500
    DEVICES = 600
    TRIGGER_DEVICES = 601
    COMPANIES = 701
    ROLES = 702
    USERS = 703
    GROUPS = 704
    CUSTOM_FIELDS = 705
    MY_ACCOUNT = 750
    BASIC_INFOS = 800
    INTERACTIONS = 900


_STATUSES = {
    What.NOT_AUTHENTICATED: HTTPStatus.UNAUTHORIZED,
    What.NO_PERMISSION: HTTPStatus.FORBIDDEN,
    What.EMAIL_TAKEN: HTTPStatus.CONFLICT,
    What.OUTDATED: HTTPStatus.CONFLICT,
}


class RefusalError(Exception):
    """A call is refused; action and realm are those of the call."""

    def __init__(self, what: What, words: str, detail: int = _UNSAID) -> None:
        super().__init__(words)
        self.what = what
        self.detail = detail

    def status(self, missing: HTTPStatus) -> HTTPStatus:
        """Give the HTTP status; the document differs from call to call on what is missing."""
        if self.what.is_not_found:
            return missing
        return _STATUSES.get(self.what, HTTPStatus.BAD_REQUEST)

    def code(self, action: Action, realm: Realm) -> int:
        """Compose the code of 14 digits."""
        return int(f"{self.what:04}{action:03}{realm:03}{self.detail:04}")
