"""Whose a field is, by its own name, by where it stands, and by what stands beside it."""

from typing import Any

import pytest

from crm_mcp.personal import holds_codes, kind_in, kind_of, names_firm


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("person", "firstName lastName surname givenname middleName fullName CONTACT contName"),
        ("person", "owner changeOwner updatedBy activityLastModifiedBy jobWonBy assignedTo"),
        ("person", "userFullName calUserFullNameTZ calJobHandlerName costResourceName"),
        ("person", "clientcontactSalutation clientcontactMiddleInitials SALES_PEOPLE extra"),
        ("person", "activitySecondaryOwnersDescription contactname fromname signature"),
        ("person", "calHandlerNameSelect calOwnerNameReqSelect calInitialsSelect poContactName"),
        ("person", "username googleUsername skype linkedIn calUserAvatarUrl searchTerms"),
        ("email", "email emailAddress contEmail invoiceemail clientcontactEMail from_email"),
        ("phone", "phone officephone cellphone mobile Fax contTelephone phoneNumbers tel"),
        ("phone", "clientcontactDirectTelephone activityClientPhone mobile_no"),
        ("address", "street deliverystreet addressLine1 clientcontactAdd7 postal_street"),
        ("postcode", "postCode zip invoicezip accPostcode postal_code"),
        ("birthday", "birthday dateOfBirth birth_date dob"),
        ("id", "personalnumber person_number ssn passportNumber ipaddress"),
        ("bank", "iban bankgiro plusgiro bankAccountNumber sortCode swift"),
    ],
)
def test_the_names_of_all_four_vendors_tell_whose_a_value_is(kind: str, names: str) -> None:
    assert {name: kind_of(name) for name in names.split()} == dict.fromkeys(names.split(), kind)


@pytest.mark.parametrize(
    "names",
    [
        "company companyName organizationName clientName supplierName manufacturer product",
        "id contactId phoneNumberIds activityOwnerID emailType postCodeRegions addressType",
        "ID ACCOUNT area reference description title city country website webAddress url",
        "calClientNameReqSelect calOwnerIdReqSelect calTeamNameSelect select calStageDescReqSelect",
        "hotel claim public cubic boxing description standby nearby update filename contactType",
    ],
)
def test_what_only_sounds_alike_is_nobody_s(names: str) -> None:
    assert [name for name in names.split() if kind_of(name)] == []


@pytest.mark.parametrize(
    ("owner", "record"),
    [
        ("owners", {"name": "Maya"}),
        ("sales_people", {"name": "Maya"}),
        ("user2", {"name": "Maya", "id": 3}),
        ("relatedTo", {"name": "Maya", "type": "contact"}),
        ("things", {"name": "Maya", "surname": "Thornbury"}),
    ],
)
def test_a_bare_name_is_a_person_s_among_people(owner: str, record: dict[str, Any]) -> None:
    assert kind_in("name", owner, record) == "person"


@pytest.mark.parametrize(
    ("owner", "record"),
    [
        ("areas", {"name": "Sales"}),
        ("groups", {"name": "Sales", "id": 1}),
        ("account", {"name": "Calder & Wrenfield", "email": "info@calder.example.com"}),
        ("contacts", {"name": "Calder & Wrenfield", "contactType": "organization"}),
    ],
)
def test_a_bare_name_is_nobody_s_elsewhere(owner: str, record: dict[str, Any]) -> None:
    assert kind_in("name", owner, record) == ""


@pytest.mark.parametrize(
    ("owner", "record", "kind"),
    [
        ("person", {"displayName": "x"}, "person"),
        ("relatedTo", {"displayName": "x"}, "person"),
        ("organization", {"displayName": "x"}, ""),
        ("relatedTo", {"displayName": "x", "type": "deal"}, ""),
    ],
)
def test_a_display_name_is_a_person_s_unless_something_says_otherwise(
    owner: str, record: dict[str, Any], kind: str
) -> None:
    assert kind_in("displayName", owner, record) == kind


@pytest.mark.parametrize(
    ("name", "owner", "record", "kind"),
    [
        ("value", "basicInfos", {"type": "mobile", "value": "1"}, "phone"),
        ("value", "basicInfos", {"type": "website", "value": "1"}, ""),
        ("value", "basicInfos", {"type": 7, "value": "1"}, ""),
        ("sent", "coerced", {"field": "address.street", "sent": "1"}, "address"),
        ("value", "phoneNumbers", {"value": "1"}, "phone"),
        ("number", "phone", {"number": "1"}, "phone"),
        ("text", "owner", {"text": "1"}, ""),
        ("url", "linkedIn", {"url": "1"}, "person"),
        ("url", "products", {"url": "1"}, ""),
    ],
)
def test_a_value_is_what_stands_beside_or_above_it(
    name: str, owner: str, record: dict[str, Any], kind: str
) -> None:
    assert kind_in(name, owner, record) == kind


def test_codes_and_firms_are_known_by_their_names() -> None:
    assert [name for name in ("jobNumber", "ID", "reference", "note") if holds_codes(name)] == [
        "jobNumber",
        "ID",
        "reference",
    ]
    assert [name for name in ("organizationName", "company", "note") if names_firm(name)] == [
        "organizationName",
        "company",
    ]
