"""Lists of the Cirrus stand-in: pages, filters, orders, and the fields that a mask leaves."""

import pytest
from cirrus_caller import LET_IN, Caller, Row, told

from crm_mcp.sandbox.base import Call


@pytest.fixture
def crm() -> Caller:
    return Caller()


def test_a_page_has_ten_records_unless_more_are_asked_for(crm: Caller) -> None:
    (page,) = crm.call("accounts_list")
    assert {name: page[name] for name in ("page", "pages", "per_page", "total")} == {
        "page": 1,
        "pages": 2,
        "per_page": 10,
        "total": 12,
    }
    assert len(page["items"]) == 10
    assert len(crm.items("accounts_list", page=2)) == 2
    assert crm.items("accounts_list", page=9) == []
    assert len(crm.items("accounts_list", per_page=50)) == 12


def test_a_page_of_more_than_fifty_is_refused(crm: Caller) -> None:
    call = Call("GET", "/accounts", (("per_page", "51"),), LET_IN)
    assert crm.arrive(call).status == 422


@pytest.mark.parametrize(
    ("filters", "ids"),
    [
        ({"name": "nordkamm%"}, [3]),
        ({"name": "%GmbH"}, [9, 3, 6]),
        ({"name": "%a%e%"}, None),
        ({"name": "Nordkamm"}, []),
        ({"name": "%"}, None),
        ({"accountnumber": "57A"}, [6]),
        ({"userid": 3}, [3, 6]),
        ({"userids": [2, 3]}, [2, 1, 3, 6]),
        ({"typeid": 2, "sorting": "number_desc"}, [9, 8, 7]),
        ({"postal_city": "leeds"}, [1]),
        ({"fulltext": "canal parade"}, [1]),
        ({"followedby": 4}, [4, 7]),
        ({"missionid": 4}, [9, 8]),
        ({"missionid": 4, "missionresult": 1}, [8]),
        ({"activity": 1, "activity_type": 3}, [2]),
        ({"activity": 1, "activity_closed": 0}, [4, 8]),
        ({"activity": 0, "typeid": 1}, []),
        ({"dynamicfield_id": [1], "dynamicfield_val": ["Offices"]}, [1]),
        ({"dynamicfield_id": [1], "dynamicfield_val": ["Health"]}, []),
        ({"active": 0}, []),
    ],
)
def test_accounts_are_found_by_their_filters(
    crm: Caller, filters: Row, ids: list[int] | None
) -> None:
    found = crm.ids("accounts_list", per_page=50, **filters)
    assert (len(found) > 5) if ids is None else (found == ids)


def test_inactive_records_show_when_they_are_asked_for(crm: Caller) -> None:
    crm.call("accounts_update", id=2, active=0)
    assert 2 not in crm.ids("accounts_list", per_page=50)
    assert crm.ids("accounts_list", active=0) == [2]
    assert len(crm.ids("accounts_list", active=2, per_page=50)) == 12


@pytest.mark.parametrize(
    ("name", "filters", "ids"),
    [
        ("activities_list", {"startdate": "2026-02-18", "enddate": "2026-02-24"}, [13, 12]),
        ("activities_list", {"contactid": 3, "sorting": "date_desc"}, [10, 9]),
        ("activities_list", {"accounttypeids": [2], "closed": 0}, [16]),
        ("opportunities_list", {"statusids": [3, 4]}, [1, 5, 6]),
        ("opportunities_list", {"actual_startdate": "2026-01-01"}, [1]),
        ("opportunities_list", {"accountuserids": [4]}, [5]),
        ("orders_list", {"datespan_start": "2026-01-01"}, [1001]),
        ("orders_list", {"accountresponsibleids": [4]}, [1005]),
        ("quotes_list", {"opportunityids": [4]}, [1004]),
        ("quotes_list", {"validtodate_start": "2026-04-01"}, []),
        ("contacts_list", {"surname": "%h%", "accountid": 1}, [1]),
        ("article_groups_list", {"name": "sea"}, [1]),
        ("contracts_list", {"objectids": [1]}, [1]),
        ("price_lists_list", {"accountnumber": "57A"}, [1]),
        ("emails_list", {"date": "2026-02-18"}, [5]),
        ("missions_list", {"accountids": [8]}, [4]),
        ("challenges_list", {}, [1]),
        ("challenges_list", {"status": "lost"}, [2]),
        ("account_groups_list", {"accountid": 3}, [2]),
        (
            "leads_list",
            {"source": 1, "created": "2026-02-16", "sorting": "value_desc"},
            [4, 3, 2, 1],
        ),
    ],
)
def test_other_lists_are_filtered_by_what_they_relate_to(
    crm: Caller, name: str, filters: Row, ids: list[int]
) -> None:
    assert crm.ids(name, **filters) == ids


def test_unpaired_dynamic_fields_are_refused(crm: Caller) -> None:
    call = Call("GET", "/accounts", (("dynamicfield_id", "1"),), LET_IN)
    assert told(crm.arrive(call))["errors"].keys() == {"dynamicfield_id"}


# Masks


def test_a_mask_leaves_the_fields_it_names(crm: Caller) -> None:
    mask = "{id, name, account{id}, followers{name}}"
    assert crm.call("contacts_get", id=1, **{"X-Fields": mask}) == {
        "id": 1,
        "name": "Eleanor",
        "account": {"id": 1},
        "followers": [{"name": "Owen"}],
    }
    assert crm.call("contacts_get", id=1, **{"X-Fields": "{name{any},none}"}) == {"name": "Eleanor"}


@pytest.mark.parametrize(
    ("mask", "keys", "item"),
    [
        ("{id,name}", {"page", "pages", "per_page", "total", "items"}, {"id", "name"}),
        ("id", {"page", "pages", "per_page", "total", "items"}, {"id"}),
        ("{total,items{id}}", {"total", "items"}, {"id"}),
        ("{items{*,user{id}}}", {"items"}, None),
    ],
)
def test_a_mask_of_a_list_is_one_of_its_records_or_of_the_page(
    crm: Caller, mask: str, keys: set[str], item: set[str] | None
) -> None:
    (page,) = crm.call("accounts_list", **{"X-Fields": mask})
    assert page.keys() == keys
    assert (
        (page["items"][0].keys() == item) if item else (page["items"][0]["user"].keys() == {"id"})
    )


@pytest.mark.parametrize(
    "mask", ["{id", "id}", "{{id}}", "{id}{name}", "{a" * 30, "{id},name", ","]
)
def test_a_mask_that_is_none_is_refused_or_names_nothing(crm: Caller, mask: str) -> None:
    call = Call("GET", "/contacts/1", headers=LET_IN | {"x-fields": mask})
    answer = crm.arrive(call)
    assert answer.status == (200 if mask == "," else 422)
