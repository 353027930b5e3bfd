"""What is special about calls of the Cirrus stand-in: what they change, and what is seen after."""

import base64
from typing import Any

import pytest
from cirrus_caller import LET_IN, Caller, Row, told

from crm_mcp.sandbox.base import Call
from crm_mcp.sandbox.cirrus.services import SIGNED_AFTER

KARIN = "190000000006"
LEEDS = "{53.7974, -1.5438}"


@pytest.fixture
def crm() -> Caller:
    return Caller()


def brief(row: Row, *names: str) -> list[Any]:
    return [row[name] for name in names]


# A customer and all that belongs to one


def test_a_customer_comes_in_and_everything_leads_back_to_it(crm: Caller) -> None:
    account = crm.call("accounts_create", name="Harbour Mill", typeid=1, userid=2)["id"]
    contact = crm.call("contacts_create", name="Ada", surname="Ford", accountid=account)["id"]
    chance = crm.call(
        "opportunities_create",
        accountid=account,
        contactid=contact,
        userid=2,
        statusid=1,
        typeid=1,
        sourceid="2",
        title="Ten chairs",
        description="For the library",
        estimatedenddate="2026-05-29",
    )["id"]
    refs = {name: {"id": 1} for name in ("status", "deliveryterm", "paymentterm", "deliverytype")}
    quote = crm.call(
        "quotes_create",
        **refs,
        account={"id": account},
        contact={"id": contact},
        user={"id": 2},
        opportunity={"id": chance},
        placedate="2026-03-02",
        rows=[{"quantity": 10, "price": 285, "discountpercent": 10, "article": {"id": 1}}],
    )
    assert brief(quote["rows"][0], "quoteid", "totalprice") == [quote["id"], 2565]
    assert quote["price"] == 2565
    assert crm.call("accounts_get", id=account)["contacts"][0]["surname"] == "Ford"
    assert crm.ids("quotes_list", accountids=[account]) == [quote["id"]]
    found = crm.call("opportunities_get", id=chance)
    assert brief(found, "account", "source") == [
        {**found["account"], "name": "Harbour Mill"},
        {"id": 2, "name": "Recommendation", "default": 0},
    ]
    assert crm.ids("contacts_list", accountid=account) == [contact]


def test_an_activity_shows_the_day_the_people_and_the_files_it_has(crm: Caller) -> None:
    loose = crm.call("files_create", name="note.txt", content="YQ==")["id"]
    made = crm.call(
        "activities_create",
        accountid=1,
        userid=2,
        description="Measure",
        location="Leeds",
        result="",
        primarycontact={"id": 1},
        type={"id": 4},
        date="2026-03-04",
        files=[{"id": 1}],
        invitedcontacts=[{"id": 2}],
    )
    assert [each["surname"] for each in made["user"]] == ["Pritchard"]
    assert [each["name"] for each in made["files"]] == ["cable-tray.pdf"]
    assert made["id"] in crm.call("files_get", id=1)["connectedactivities"]
    assert crm.call("files_get", id=loose)["connectedactivities"] == []
    crm.call("activities_update", id=made["id"], closed=1, userid=3)
    again = crm.call("activities_get", id=made["id"])
    assert brief(again, "closed", "userid", "description") == [1, 3, "Measure"]


def test_merging_gives_the_target_all_that_the_source_had(crm: Caller) -> None:
    crm.call("accounts_merge", target=1, source=2)
    assert crm.refusal("accounts_get", id=2) == (404, [])
    assert crm.ids("contacts_list", accountid=1) == [2, 1, 3] or 3 in crm.ids(
        "contacts_list", accountid=1
    )
    assert crm.call("opportunities_get", id=3)["account"]["id"] == 1
    assert crm.refusal("accounts_merge", target=1, source=1) == (422, ["source"])
    assert crm.refusal("accounts_merge", target=1, source=2) == (404, [])


@pytest.mark.parametrize("kind", ["accounts", "contacts", "activities", "opportunities"])
def test_a_user_follows_once_and_follows_no_more(crm: Caller, kind: str) -> None:
    for _ in range(2):
        crm.call(f"{kind}_follow", key=1, userid=5)
    followers = [each["id"] for each in crm.call(f"{kind}_get", id=1)["followers"]]
    assert followers.count(5) == 1
    crm.call(f"{kind}_unfollow", key=1, userid=5)
    assert crm.refusal(f"{kind}_follow", key=1, userid=99) == (404, [])
    assert 1 not in crm.ids(f"{kind}_list", followedby=5)


def test_an_update_leaves_the_rest_of_an_address_alone(crm: Caller) -> None:
    crm.call("accounts_update", id=1, addresses={"postal": {"city": "York"}})
    addresses = crm.call("accounts_get", id=1)["addresses"]
    assert brief(addresses["postal"], "city", "zip") == ["York", "LS1 4CK"]
    assert addresses["visiting"]["city"] == "Leeds"


# Places


def test_accounts_near_a_place_tell_how_far_they_are(crm: Caller) -> None:
    found = crm.items("accounts_list", nearto=LEEDS, distance="80")
    assert [each["id"] for each in found] == [2, 1]
    distances = [each["addresses"]["visiting"]["coordinates"]["distance"] for each in found]
    assert 50 < float(distances[0]) < 70
    assert distances[1] == "0.0"
    assert crm.ids("accounts_list", nearto=LEEDS) == [1]


def test_coordinates_are_listed_address_by_address(crm: Caller) -> None:
    found = crm.items("account_coordinates_list", nearto=LEEDS)
    assert [each["addresstype"] for each in found] == ["visiting", "delivery", "invoice", "postal"]
    assert {each["accountid"] for each in found} == {1}
    activities = crm.items("activity_coordinates_list", accountid=1)
    assert {each["latitude"] for each in activities} == {"53.7974"}


@pytest.mark.parametrize(
    ("filters", "field"),
    [({"nearto": "Leeds"}, "nearto"), ({"nearto": LEEDS, "distance": "far"}, "distance")],
)
def test_a_place_that_is_none_is_refused(crm: Caller, filters: Row, field: str) -> None:
    assert crm.refusal("accounts_list", **filters) == (422, [field])


def test_an_address_with_nonsense_for_a_place_is_near_nothing(crm: Caller) -> None:
    nowhere = {"coordinates": {"latitude": "north", "longitude": None}}
    crm.call("accounts_update", id=1, addresses=dict.fromkeys(("visiting", "postal"), nowhere))
    found = crm.items("account_coordinates_list", nearto=LEEDS)
    assert [each["addresstype"] for each in found] == ["delivery", "invoice"]


# Fields of one's own


def test_a_dynamic_field_is_set_and_then_filters(crm: Caller) -> None:
    before = crm.items("dynamic_field_values_list", resourcetype="account", resourceid=3)
    assert brief(before[0], "name", "value", "selected") == ["Industry", None, []]
    crm.call(
        "dynamic_field_values_set", fieldid=1, resourceid=3, value="Lorries", selected=[{"id": 1}]
    )
    (after,) = crm.items("dynamic_field_values_list", resourcetype="account", resourceid=3)
    assert [each["label"] for each in after["selected"]] == ["Offices"]
    assert [each["label"] for each in after["unselected"]] == ["Health"]
    for value in ("Lorries", "Offices"):
        found = crm.ids("accounts_list", dynamicfield_id=[1], dynamicfield_val=[value])
        assert 3 in found


def test_a_dynamic_field_belongs_to_records_of_its_kind(crm: Caller) -> None:
    assert crm.refusal("dynamic_field_values_set", fieldid=1, resourceid=99) == (404, [])
    assert crm.refusal("dynamic_field_values_set", fieldid=99, resourceid=1) == (404, [])
    absent = {"resourcetype": "contact", "resourceid": 99}
    assert crm.refusal("dynamic_field_values_list", **absent) == (404, [])
    foreign = [{"id": 3, "fieldid": 2}]
    crm.call("dynamic_field_values_set", fieldid=1, resourceid=2, selected=foreign)
    (value,) = crm.items("dynamic_field_values_list", resourcetype="account", resourceid=2)
    assert value["selected"] == []


# Budgets


@pytest.mark.parametrize("owner", ["account", "user"])
def test_a_budget_is_set_changed_and_deleted(crm: Caller, owner: str) -> None:
    month = {f"{owner}id": 2, "year": 2026, "month": 5}
    assert crm.refusal(f"{owner}_budgets_get", **month) == (404, [])
    for amount in (5000, 21000):
        crm.call(f"{owner}_budgets_set", **month, budget=amount)
        assert crm.call(f"{owner}_budgets_get", **month)["budget"] == amount
    crm.call(f"{owner}_budgets_delete", **month)
    assert crm.refusal(f"{owner}_budgets_get", **month) == (404, [])
    assert crm.refusal(f"{owner}_budgets_delete", **month) == (404, [])


@pytest.mark.parametrize(("year", "month"), [(2026, 13), (2026, 0), (0, 1), (10000, 1)])
def test_a_month_that_is_none_has_no_budget(crm: Caller, year: int, month: int) -> None:
    path = f"/users/1/budget/{year}/{month}"
    answer = crm.arrive(Call("PUT", path, headers=LET_IN, content=b'{"budget": 1}'))
    assert answer.status in (404, 422)


def test_nobody_has_no_budget(crm: Caller) -> None:
    month = {"userid": 99, "year": 2026, "month": 5}
    assert crm.refusal("user_budgets_set", **month, budget=1) == (404, [])
    assert crm.refusal("user_budgets_list", userid=99) == (404, [])


def test_the_budget_of_a_month_is_spread_over_its_weeks_and_days(crm: Caller) -> None:
    crm.call("user_budgets_set", userid=2, year=2026, month=3, budget=22000, pipeline=44000)
    weeks = crm.call("user_budgets_get", userid=2, year=2026, month=3)["weeks"]
    assert brief(weeks[0], "week", "budget") == ["10", 5000]
    assert weeks[0]["days"][0] == {"day": "2026-03-02", "budget": 1000, "pipeline": 2000}
    assert sum(len(week["days"]) for week in weeks) == 22


def test_budgets_are_listed_between_two_months(crm: Caller) -> None:
    span = {"year_from": 2026, "month_from": 2, "year_to": 2026, "month_to": 2}
    found = crm.items("users_budgets_list", **span, userids=[1, 2])
    assert [brief(each, "userid", "month") for each in found] == [[1, 2], [2, 2]]
    assert len(crm.items("user_budgets_list", userid=1, year_from=2026)) == 3
    assert crm.items("user_budgets_list", userid=1, year_to=2025) == []


# Missions, contracts and the things they are about


def test_a_mission_goes_on_account_by_account(crm: Caller) -> None:
    crm.call("mission_connections_set", mission_id=4, connection_type="account", other_id=7)
    (page,) = crm.call("mission_progress_list", mission_id=4)
    assert brief(page, "total", "totalactive", "totalcompleted") == [3, 2, 1]
    where = {"mission_id": 4, "connection_type": "account", "other_id": 7}
    crm.call("mission_connections_set", **where, result=1)
    (page,) = crm.call("mission_progress_list", mission_id=4, accountids=[7, 8])
    assert brief(page, "total", "totalcompleted") == [2, 2]
    tour = {each["accountname"]: each for each in page["items"]}
    assert tour["Moorfield Analytics Ltd"]["activity"]["id"] == 13
    assert tour["Ostvik Bryggeri AB"]["activity"] is None
    assert crm.ids("missions_list", accountids=[7]) == [4]


def test_the_activities_of_a_mission_are_filtered(crm: Caller) -> None:
    def ids(**filters: Any) -> list[int]:
        found = crm.items("mission_activities_list", mission_id=4, **filters)
        return [each["activity"]["id"] for each in found]

    assert ids() == [12, 13]
    assert ids(result=1) == [13]
    assert ids(start="2026-02-20", sorting="start_desc") == [13]
    assert ids(userids=[1]) == []


@pytest.mark.parametrize(
    ("where", "status"),
    [
        ({"mission_id": 99, "connection_type": "account", "other_id": 1}, 404),
        ({"mission_id": 4, "connection_type": "account", "other_id": 99}, 404),
        ({"mission_id": 4, "connection_type": "planet", "other_id": 1}, 422),
    ],
)
def test_only_what_there_is_is_connected_to_a_mission(crm: Caller, where: Row, status: int) -> None:
    assert crm.refusal("mission_connections_set", **where)[0] == status


def test_an_object_is_in_a_contract_from_both_sides(crm: Caller) -> None:
    thing = crm.call("objects_create", name="Desk Fjord", manufacturer={"id": 11})["id"]
    crm.call("object_contracts_set", object_id=thing, contract_id=1, location="Second floor")
    assert thing in [each["objectid"] for each in crm.items("contract_objects_list", contract_id=1)]
    assert crm.ids("contracts_list", objectids=[thing]) == [1]
    where = {"contract_id": 1, "object_id": thing}
    assert crm.call("contract_objects_get", **where)["location"] == "Second floor"
    assert crm.refusal("contract_objects_get", contract_id=1, object_id=99) == (404, [])
    assert crm.refusal("contract_objects_list", contract_id=99) == (404, [])


# Files


def test_the_content_of_a_file_is_taken_in_and_never_read_back(crm: Caller) -> None:
    content = base64.b64encode(b"a drawing").decode()
    made = crm.call("files_create", name="plan.pdf", content=content, connectedaccounts=[3])
    assert "content" not in made
    assert made["accounts"][0]["name"] == "Nordkamm Logistik GmbH"
    assert content not in str(crm.call("files_get", id=made["id"]))
    assert crm.call("accounts_get", id=3)["files"] == [{"id": made["id"], "name": "plan.pdf"}]
    crm.call("files_update", id=made["id"], name="plan-2.pdf", content=content)
    again = crm.call("files_get", id=made["id"])
    assert brief(again, "name", "connectedaccounts") == ["plan-2.pdf", [3]]


@pytest.mark.parametrize("content", ["====", "", "a", 7])
def test_a_content_that_is_no_base64_is_refused(crm: Caller, content: Any) -> None:
    import json

    body = json.dumps({"name": "x", "content": content}).encode()
    answer = crm.arrive(Call("POST", "/files", headers=LET_IN, content=body))
    assert (answer.status, list(told(answer)["errors"])) == (422, ["content"])


# Services


@pytest.mark.parametrize("old", ["", "old_"])
def test_a_signature_is_asked_for_and_given_after_a_while(crm: Caller, old: str) -> None:
    started = crm.call(f"bankid_{old}signatures_start", abstract="Yes", personalnumber=KARIN)
    assert brief(started, "status", "hintcode") == ["pending", "outstandingTransaction"]
    assert started["completiondata"]["signature"] is None
    crm.crm.world.now += SIGNED_AFTER
    signed = crm.call(f"bankid_{old}signatures_check", id=started["id"])
    assert (signed["status"], signed["completiondata"]["user"]["surname"]) == ("complete", "Åhlund")
    cancel = {"": "signatures_update", "old_": "old_signatures_cancel"}[old]
    assert crm.refusal(f"bankid_{cancel}", id=started["id"])[0] == 422


def test_a_cancelled_signature_is_never_given(crm: Caller) -> None:
    old = crm.call("bankid_old_signatures_start", abstract="Yes")["id"]
    new = crm.call("bankid_signatures_start", abstract="Yes")["id"]
    crm.call("bankid_old_signatures_cancel", id=old)
    crm.call("bankid_signatures_update", id=new, status="cancelled", nonce="n")
    crm.crm.world.now += SIGNED_AFTER
    states = [crm.call("bankid_signatures_check", id=key)["status"] for key in (old, new)]
    assert states == ["failed", "cancelled"]


def test_a_signature_without_a_name_is_anybodys(crm: Caller) -> None:
    key = crm.call("bankid_signatures_start", abstract="Yes")["id"]
    crm.crm.world.now += SIGNED_AFTER
    user = crm.call("bankid_signatures_check", id=key)["completiondata"]["user"]
    assert set(user.values()) == {None}


def test_a_signature_is_connected_to_what_it_signs(crm: Caller) -> None:
    crm.call("bankid_relations_create", signature=1, type="order", otherid=1001)
    found = crm.items("bankid_relations_list", signatureid=1, type="order")
    assert [each["otherid"] for each in found] == [1005, 1001]


def test_an_address_and_a_credit_are_those_of_a_person(crm: Caller) -> None:
    assert crm.call("addresses_lookup", person_number=KARIN)["street"] == "Hamnplan 12"
    assert crm.call("credit_checks_run", person_number=KARIN)["outcome"] == "approved"
    nobody = "190000009999"
    assert crm.refusal("addresses_lookup", person_number=nobody) == (404, [])
    assert crm.refusal("credit_checks_run", person_number=nobody) == (404, [])


def test_phones_are_those_of_a_brand_and_a_model(crm: Caller) -> None:
    assert crm.ids("phone_models_list", brandid=2) == [2]
    assert crm.ids("phones_list", modelid=2, colourid=2) == [2]
    assert crm.ids("phones_list", modelid=2, sizeid=1) == []
    assert crm.refusal("phones_list", modelid=9) == (404, [])
    assert crm.call("phone_options_get", modelid=1)["colours"]["name"] == "Black"
    assert crm.call("phone_options_get", modelid=9) == {"colours": None, "sizes": None}


# The office


def test_the_profile_is_the_users_own_with_the_mail_settings(crm: Caller) -> None:
    mine = crm.call("profile_get")
    assert brief(mine, "name", "customerid") == ["Maya", 1]
    assert mine["emailsettings"]["password"]
    crm.call("profile_update", phone="0117 496 0199", emailsettings={"signature": "M."})
    again = crm.call("profile_get")
    assert again["emailsettings"] == {**mine["emailsettings"], "signature": "M."}
    assert crm.call("users_get", id=1)["phone"] == "0117 496 0199"
    assert "emailsettings" not in crm.call("users_get", id=1)


def test_settings_change_only_where_something_is_said(crm: Caller) -> None:
    crm.call("settings_update", currency="SEK", consent={"email": {"fromname": "Tidewell"}})
    found = crm.call("settings_get")
    assert (found["currency"], found["portal"]["city"]) == ("SEK", "Bristol")
    mail = found["consent"]["email"]
    assert brief(mail, "fromname", "server") == ["Tidewell", "smtp.tidewell.example.com"]


def test_a_user_is_put_into_departments_and_no_department_is_above_itself(crm: Caller) -> None:
    made = crm.call(
        "users_create",
        name="Una",
        surname="Reed",
        title="Sales",
        cellphone="07700 900250",
        roles=[{"id": 2}],
        departments=[{"id": 2}, {"id": 3}],
    )
    assert [each["name"] for each in made["departments"]] == ["Sales", "Marketing"]
    crm.call("users_update", id=made["id"], departments=[{"id": 3}])
    again = crm.call("users_get", id=made["id"])["departments"]
    assert [(each["name"], each["parentdepartment"]["name"]) for each in again] == [
        ("Marketing", "Tidewell")
    ]
    assert crm.refusal("departments_update", id=1, parent={"id": 2}) == (422, ["parent"])


def test_figures_of_a_user_are_reckoned_from_the_records(crm: Caller) -> None:
    assert [each["title"] for each in crm.items("kpis_list", userid=2)] == ["Won", "In progress"]
    every = crm.items("kpis_list", userid=2, location="all", sorting="sort_desc")
    assert {each["title"]: each["value"] for each in every} == {
        "Contacts made": "5",
        "In progress": "2",
        "Won": "6840",
    }


def test_a_challenge_is_answered_once(crm: Caller) -> None:
    (made,) = crm.call(
        "challenges_create",
        challenged={"id": 3},
        startdate="2026-03-03T08:00:00Z",
        type={"id": 2, "name": "Calls"},
    )
    assert brief(made, "stopdate", "daysremaining") == ["2026-03-10T08:00:00Z", 7]
    sides = [made[side]["user"]["name"] for side in ("challenger", "challenged")]
    assert sides == ["Maya", "Greta"]
    accepted = crm.call("challenges_accept", id=made["id"])
    assert accepted == {"id": made["id"], "status": "accepted"}
    assert crm.ids("challenges_list", status="ongoing") == [made["id"]]
    assert crm.refusal("challenges_reject", id=made["id"]) == (422, [])
    assert crm.call("challenges_reject", id=1)["status"] == "rejected"
    assert 1 in crm.ids("challenges_list", status="closed")


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"challenged": {"id": 99}, "startdate": "2026-03-03T08:00:00Z"}, "challenged"),
        ({"challenged": {"id": 3}, "startdate": "9999-12-31T00:00:00Z"}, "startdate"),
        ({"challenged": {"id": 3}, "startdate": "soon"}, "startdate"),
    ],
)
def test_a_challenge_needs_somebody_and_a_day(crm: Caller, arguments: Row, field: str) -> None:
    assert crm.refusal("challenges_create", **arguments) == (422, [field])


def test_standings_tell_what_somebody_did(crm: Caller) -> None:
    found = crm.call("game_standings_get", id=2)
    assert brief(found, "score", "level", "achievements") == [
        50,
        2,
        {"day": 0, "week": 0, "month": 3},
    ]


def test_an_id_of_ones_own_is_never_given_again(crm: Caller) -> None:
    assert crm.call("account_groups_create", id=4, name="Trade")["id"] == 4
    assert crm.call("account_groups_create", name="Schools")["id"] == 5


def test_departments_are_shown_as_far_up_as_five(crm: Caller) -> None:
    for key in range(10, 20):
        crm.call(
            "departments_create", id=key, name=str(key), parent={"id": key - 1 if key > 10 else 1}
        )
    made = crm.call("users_update", id=1, departments=[{"id": 19}])
    above, names = made["departments"][0], []
    while above:
        names.append(above["name"])
        above = above.get("parentdepartment")
    assert names == ["19", "18", "17", "16", "15"]


def test_a_new_price_of_an_order_stays_until_there_are_new_rows(crm: Caller) -> None:
    assert crm.call("orders_update", id=1001, price=6500)["price"] == 6500
    rows = [{"quantityordered": 2, "price": 100, "discountamount": 20, "article": {"id": 1}}]
    assert crm.call("orders_update", id=1001, rows=rows)["price"] == 180
    assert crm.call("orders_update", id=1001, rows=[])["price"] == 180


def test_each_sandbox_begins_as_the_story_does(crm: Caller) -> None:
    crm.call("contacts_update", id=1, city="York")
    assert Caller().call("contacts_get", id=1)["city"] == "Leeds"
