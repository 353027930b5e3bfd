"""Which values of a CRM's answer are personal: by the names of fields, and where a file says so.

The vocabulary covers the names of all four vendors, in camel case, snake case and run together.
It goes by how a name ends: `clientcontactDirectTelephone` is a telephone, `phoneNumberIds` is not.
An ending that says nothing of what the field holds does not count, as in `calHandlerNameSelect`.
What stands in free texts is found in `private.py`. Pure.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

IN_NUMBERS = frozenset({"phone", "postcode", "birthday", "id", "bank"})
"""The kinds that are personal as numbers too; elsewhere a number is an id."""

_SIGNS = re.compile(r"[^a-z0-9]")
_LONGEST_NAME = 80

_SITE = "skype|facebook|twitter|linkedin|xing|icq|jabber|gtalk|gplus"
_ROLE = (
    "person|people|contact|owner|handler|assignee|attendee|participant|author|creator|sender"
    "|employee|manager|supervisor|responsible|colleague|approver|recipient|seller|cardholder"
    "|accountholder|salesrep"
)
# Of two that fit, the one that begins earlier in the name counts: `ipaddress` is no `address`.
_VOCABULARY = {
    "none": r"(?:web|site|url|internet|mac|server|host|base)address",
    "email": r"e?mails?(?:address(?:es)?)?",
    "phone": r"(?:phone|mobile|fax)(?:es|s)?(?:numbers?|nos?|nrs?)?|(?<![a-z])tel(?:no|nr)?",
    "address": r"street(?:address|name|line|number|no)?|address(?:es|line)?|add(?=\d)",
    "postcode": r"post(?:al)?codes?|zip(?:codes?)?",
    "birthday": r"birth(?:day|date)|dateofbirth|(?<![a-z])dob",
    "id": r"personal(?:number|code|id)|person(?:number|nummer|nr)|ssn|socialsecurity(?:number|no)?"
    r"|national(?:id|insurance)(?:number|no)?|passport(?:number|no)?|ipaddress|(?<![a-z])ip"
    r"|driv(?:ers?|ing)licen[cs]e(?:number|no)?",
    "bank": r"iban|(?<![a-z])(?:bic|swift)(?:code)?|bank(?:accounts?|name|code|giro|details)?"
    r"(?:numbers?|nos?)?|plusgiro|sortcode|cardnumber",
    "likeness": rf"(?<![a-z])(?:{_SITE}|aim)(?:name|handle|url|id)?|socialmedia[a-z]{{0,2}}"
    r"|(?:picture|photo|avatar|portrait|profile)s?(?:url|link)?",
    "person": rf"(?:first|last|sur|given|family|middle|full|fore|maiden|nick|screen|login|user"
    rf"|from|cont|resource|{_ROLE})names?|(?:{_ROLE})s?|ownersdescription|assignedto"
    r"|(?:ed|en|ld|nt|on)by|initials|salutation|signature|searchterms|(?<![a-z])(?:login|extra)",
}
_NAMED = re.compile(
    "(?:"
    + "|".join(f"(?P<{kind}>{names})" for kind, names in _VOCABULARY.items())
    + r")(?:\d*|tz|(?:req)?select)$"
)
_PART_OF_NAME = re.compile(r"(?:first|last|sur|given|family|middle|fore|maiden|nick)names?$")
_ONLY_OF_PEOPLE = re.compile(r"(?:first|last|sur|given|family|user)name$")
_PEOPLE = re.compile(r"(?:users?|members?|followers?|guests?|relatedto)\d*$")
_FIRM = re.compile(
    r"(?:compan(?:y|ies)|organi[sz]ations?|accounts?|clients?|customers?|suppliers?|manufacturers?"
    r"|brands?|deals?|projects?|products?|groups?|teams?|areas?)(?:names?)?$"
)
_CODE = re.compile(r"(?:ids?|uuid|code|number|no|nr|ref|references?|key|version|sku|hash)$")
_NAMES = frozenset({"name", "names", "altname"})
_LINKS = frozenset({"url", "uri", "link", "href"})
_VALUES = frozenset({"value", "identifier", "sent", "stands"})
_HOLD_ONE = frozenset({*_VALUES, "number", "address", "text", "main", "default"})
_NAMING = frozenset({"type", "key", "field", "fieldname"})
_CONTAINERS = frozenset(
    {"item", "items", "data", "rows", "results", "records", "entity", "entities"}
    | {"oldstate", "newstate"}
)


@lru_cache(maxsize=4096)
def _plain(name: str) -> str:
    """Write a name without signs and capitals; what counts is its end."""
    return _SIGNS.sub("", name[-_LONGEST_NAME:].lower())


@lru_cache(maxsize=4096)
def _entry(name: str) -> str:
    """Find a name's entry in the vocabulary; empty for none."""
    found = _NAMED.search(_plain(name))
    return (found.lastgroup or "") if found else ""


@lru_cache(maxsize=4096)
def kind_of(name: str) -> str:
    """Say what kind of personal value a field's name alone promises; empty for none."""
    entry = _entry(name)
    return {"none": "", "likeness": "person"}.get(entry, entry)


@lru_cache(maxsize=4096)
def holds_codes(name: str) -> bool:
    """Tell whether a field holds codes, some of which look like telephone numbers."""
    return _CODE.search(_plain(name)) is not None


@lru_cache(maxsize=4096)
def names_firm(name: str) -> bool:
    """Tell whether a field, or the word itself, names a company or a thing, and no person."""
    return _FIRM.search(_plain(name)) is not None


def is_part_of_name(name: str) -> bool:
    """Tell whether a field holds a given or family name alone."""
    return _PART_OF_NAME.search(_plain(name)) is not None


def is_container(name: str) -> bool:
    """Tell whether a field only holds records, and says nothing of whose they are."""
    return _plain(name) in _CONTAINERS


def kind_in(name: str, owner: str, record: Mapping[str, Any]) -> str:
    """Say what kind of personal value a field of a record holds; empty for none.

    Args:
        name: of the field.
        owner: the name under which the record stands, such as `owner` or `contacts`.
        record: the record itself, whose other fields may tell.
    """
    kind = kind_of(name)
    if kind:
        return kind
    plain = _plain(name)
    if plain in _NAMES:
        return "person" if _is_about_people(owner, record) else ""
    if plain == "displayname":
        return "" if names_firm(owner) or _says_firm(record) else "person"
    if plain in _LINKS:
        return "person" if _entry(owner) == "likeness" else ""
    return _kind_of_value(plain, owner, record) if plain in _HOLD_ONE else ""


def _is_about_people(owner: str, record: Mapping[str, Any]) -> bool:
    if kind_of(owner) == "person" or _PEOPLE.search(_plain(owner)):
        return not _says_firm(record)
    return any(_ONLY_OF_PEOPLE.search(_plain(key)) for key in record)


def _says_firm(record: Mapping[str, Any]) -> bool:
    """Tell whether a record says that it is a company's, a deal's or the like."""
    said = (value for key, value in record.items() if _plain(key).endswith("type"))
    return any(isinstance(value, str) and names_firm(value) for value in said)


def _kind_of_value(plain: str, owner: str, record: Mapping[str, Any]) -> str:
    """Read `{"type": "mobile", "value": …}`, and `"phone": {"number": …}`."""
    if plain in _VALUES:
        for key, said in record.items():
            if _plain(key) in _NAMING and isinstance(said, str) and kind_of(said):
                return kind_of(said)
    kind = kind_of(owner)
    return "" if kind in ("person", "address") else kind
