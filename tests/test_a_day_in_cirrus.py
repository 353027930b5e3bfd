"""A day in Cirrus: a real MCP client, a real socket, and a person who reads before each yes."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from desk import Desk, Undo, at_desk, undoing
from sockets import serving

from crm_mcp.app import load_catalogue
from crm_mcp.sandbox.app import Sandbox

pytestmark = pytest.mark.anyio

STRONG = "Beware: the address of this call is inferred-strong, not documented."
WEAK = (
    "Beware: the address of this call is inferred-weak, not documented.",
    "Beware: at that address the CRM may do something else than is said here.",
)
STAYS = (
    "Can be undone: partly; a new typeid, userid or parentaccountid stays, and an id or number"
    " that was empty is not emptied again"
)
HOTEL = "Harrow Gate Hotels Ltd"
MOORFIELD, MAINBOGEN = 8, 9
MARCH: Mapping[str, Any] = {"year": 2026, "month": 3}
NAMES = "items{id,name},page,per_page,total"


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(load_catalogue())


@pytest.fixture
def origin(sandbox: Sandbox) -> Iterator[str]:
    with serving(sandbox) as origin:
        yield origin


@pytest.fixture
def crm_mcp_undo(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Undo:
    return undoing(monkeypatch, capsys)


async def test_a_day_in_cirrus(tmp_path: Path, sandbox: Sandbox, origin: str) -> None:
    async with at_desk("cirrus", tmp_path, sandbox, origin) as desk:
        await look_for_the_hotel(desk)
        hotel = await bring_the_hotel_in(desk)
        contact = await add_its_buyer(desk, hotel)
        await log_a_visit(desk, hotel, contact)
        opportunity = await open_an_opportunity(desk, hotel, contact)
        quote = await offer(desk, hotel, contact, opportunity)
        await order_what_was_offered(desk, quote, opportunity)
        await move_a_budget(desk, hotel)
        await merge(desk)


async def look_for_the_hotel(desk: Desk) -> None:
    """Search by a part of the name, page by page, and by city: it is not there yet."""
    search = {"name": "%er%", "X-Fields": NAMES}
    pages = await desk.page_by_page("accounts_list", **search, per_page=3)
    assert [len(page) for page in pages] == [3, 3, 1]
    names = [account["name"] for page in pages for account in page]
    assert names == sorted(names)
    whole = await desk.read("accounts_list", **search, per_page=50)
    assert [account["name"] for account in whole] == names
    assert await accounts_in(desk, "London", "Leeds") == [
        ["Moorfield Analytics Ltd"],
        ["Calder & Wrenfield Solicitors"],
    ]


async def accounts_in(desk: Desk, *cities: str) -> list[list[str]]:
    found = [
        await desk.read("accounts_list", postal_city=city, **{"X-Fields": NAMES}) for city in cities
    ]
    return [[account["name"] for account in accounts] for accounts in found]


async def bring_the_hotel_in(desk: Desk) -> int:
    """Create an account with two addresses."""
    postal = {"street": "1 Gate Lane", "zip": "W2 4AA", "city": "London"}
    visiting = {"street": "3 Back Lane", "zip": "W2 4AB", "city": "Richmond"}
    new = {
        "name": HOTEL,
        "typeid": 2,
        "userid": 5,
        "addresses": {"postal": postal, "visiting": visiting},
        "accountgroups": [{"id": 1}],
    }
    told = (
        f'Create account "{HOTEL}" in Cirrus.',
        STRONG,
        "Can be undone: partly; the account stays, inactive",
        'typeid = 2 (account type: "Prospect")',
        'userid = 5 (user: "Imogen" "Clarke")',
        'addresses.postal.city = "London"',
        'addresses.visiting.street = "3 Back Lane"',
        'accountgroups[0].id = 1 (account group: "Britain")',
    )
    hotel = await made(desk, "accounts_create", told, **new)

    account = await desk.read("accounts_get", id=hotel)
    assert account["addresses"]["postal"].items() >= postal.items()
    assert account["addresses"]["visiting"].items() >= visiting.items()
    assert (account["type"]["name"], account["user"]["surname"]) == ("Prospect", "Clarke")
    assert await accounts_in(desk, "London") == [[HOTEL, "Moorfield Analytics Ltd"]]
    return hotel


async def made(desk: Desk, tool: str, told: tuple[str, ...], **arguments: Any) -> int:
    """Create something; gives its id."""
    result = await desk.write(tool, told, **arguments)
    assert result["status"] == "done"
    return int(result["data"]["id"])


async def add_its_buyer(desk: Desk, hotel: int) -> int:
    """Create a contact of the account."""
    told = (
        f'Create contact "Robin" "Ashby" at account {hotel} in Cirrus.',
        STRONG,
        f'accountid = {hotel} (account: "{HOTEL}")',
    )
    new = {"name": "Robin", "surname": "Ashby", "accountid": hotel, "primarycontact": 1}
    contact = await made(desk, "contacts_create", told, **new)

    (listed,) = (await desk.read("accounts_get", id=hotel))["contacts"]
    assert (listed["id"], listed["surname"], listed["primary"]) == (contact, "Ashby", 1)
    return contact


async def log_a_visit(desk: Desk, hotel: int, contact: int) -> None:
    """Log an activity that is over."""
    new = {
        "accountid": hotel,
        "description": "Walk through the lobbies",
        "date": "2026-03-02",
        "location": "Richmond",
        "primarycontact": {"id": contact},
        "result": "Two lobbies want twenty chairs.",
        "type": {"id": 4},
        "userid": 5,
        "closed": 1,
    }
    told = (
        STRONG,
        "Can be undone: no",
        f'accountid = {hotel} (account: "{HOTEL}")',
        f'primarycontact.id = {contact} (contact: "Robin" "Ashby")',
        'type.id = 4 (activity type: "Visit")',
        'date = "2026-03-02" (Monday, 2 March 2026)',
        'result = "Two lobbies want twenty chairs."',
    )
    number = await made(desk, "activities_create", told, **new)

    (listed,) = await desk.read("activities_list", accountid=hotel, closed=1)
    assert listed["id"] == number
    assert (listed["type"]["name"], listed["result"]) == ("Visit", new["result"])
    assert await desk.read("activities_list", accountid=hotel, closed=0) == []


async def open_an_opportunity(desk: Desk, hotel: int, contact: int) -> int:
    new = {
        "accountid": hotel,
        "contactid": contact,
        "title": "Chairs for two lobbies",
        "description": "Lounge chairs",
        "userid": 5,
        "statusid": 1,
        "estimatedenddate": "2026-05-29",
        "typeid": 1,
        "value": 12800,
    }
    told = (
        STRONG,
        f'accountid = {hotel} (account: "{HOTEL}")',
        f'contactid = {contact} (contact: "Robin" "Ashby")',
        'statusid = 1 (opportunity status: "Proposed")',
        'estimatedenddate = "2026-05-29" (Friday, 29 May 2026)',
        "value = 12800 (12\u202f800)",
    )
    opportunity = await made(desk, "opportunities_create", told, **new)

    (listed,) = await desk.read("opportunities_list", accountid=hotel)
    assert (listed["id"], listed["title"], listed["value"]) == (
        opportunity,
        "Chairs for two lobbies",
        12800,
    )
    return opportunity


async def offer(desk: Desk, hotel: int, contact: int, opportunity: int) -> int:
    """Make a quote with two lines, which the CRM adds up."""
    new = {
        "placedate": "2026-03-02",
        "validtodate": "2026-04-30",
        "account": {"id": hotel},
        "contact": {"id": contact},
        "user": {"id": 5},
        "opportunity": {"id": opportunity},
        **{name: {"id": 1} for name in ("status", "deliveryterm", "paymentterm", "deliverytype")},
        "rows": [
            {"quantity": 20, "price": 640, "discountpercent": 5, "article": {"id": 2}},
            {"quantity": 1, "price": 1450, "article": {"id": 4}},
        ],
    }
    told = (
        STRONG,
        'placedate = "2026-03-02" (Monday, 2 March 2026)',
        f'account.id = {hotel} (account: "{HOTEL}")',
        f'opportunity.id = {opportunity} (opportunity: "Chairs for two lobbies")',
        'status.id = 1 (quote status: "Sent")',
        'paymentterm.id = 1 (payment term: "30 days net")',
        'rows[0].article.id = 2 (article: "Lounge Chair Teal" "AS-LOUNGE")',
        "rows[0].discountpercent = 5",
        'rows[1].article.id = 4 (article: "Meeting Table Holm" "BM-TABLE")',
        "rows[1].price = 1450 (1\u202f450)",
    )
    number = await made(desk, "quotes_create", told, **new)

    quote = await desk.read("quotes_get", id=number)
    assert [row["totalprice"] for row in quote["rows"]] == [12160, 1450]
    assert (quote["price"], quote["status"]["name"]) == (13610, "Sent")
    (listed,) = await desk.read("quotes_list", opportunityids=[opportunity])
    assert listed["id"] == number
    return number


async def order_what_was_offered(desk: Desk, number: int, opportunity: int) -> None:
    """Turn a quote into an order: the same lines, and both know of each other."""
    quote = await desk.read("quotes_get", id=number)
    order = await order_as(desk, quote)
    assert (await desk.read("orders_get", id=order))["price"] == quote["price"]

    told: tuple[str, ...] = (STRONG, "status.id: 1 → 3", 'status.id = 3 (quote status: "Ordered")')
    await desk.write("quotes_update", told, id=number, status={"id": 3})
    told = (
        f'Connect quote {number} to "order" {order} in Cirrus.',
        f'quoteid = {number} (quote: "{HOTEL}" "2026-03-02")',
    )
    connection: dict[str, Any] = {"quoteid": number, "type": "order", "otherid": order}
    await desk.write("quote_relations_create", told, **connection)
    told = (
        "statusid: 1 → 3",
        'statusid = 3 (opportunity status: "Won")',
        "closed: nothing → 1 (added)",
    )
    await desk.write("opportunities_update", told, id=opportunity, statusid=3, closed=1)

    ordered = await desk.read("quotes_get", id=number)
    assert ordered == {**quote, "status": ordered["status"], "tsupdated": ordered["tsupdated"]}
    assert ordered["status"]["name"] == "Ordered"
    (related,) = await desk.read("quote_relations_list", quoteid=number)
    assert related.items() >= connection.items()
    won = await desk.read("opportunities_get", id=opportunity)
    assert (won["status"]["name"], won["closed"], won["value"]) == ("Won", 1, 12800)


async def order_as(desk: Desk, quote: Mapping[str, Any]) -> int:
    """Create an order like a quote."""
    parts = ("account", "contact", "user", "opportunity", "paymentterm")
    rows = [
        {
            "quantityordered": row["quantity"],
            "price": row["price"],
            "article": {"id": row["article"]["id"]},
            **({"discountpercent": row["discountpercent"]} if row["discountpercent"] else {}),
        }
        for row in quote["rows"]
    ]
    told = (
        STRONG,
        f'account.id = {quote["account"]["id"]} (account: "{HOTEL}")',
        'status.id = 1 (order status: "New")',
        "rows[0].quantityordered = 20",
        'rows[0].article.id = 2 (article: "Lounge Chair Teal" "AS-LOUNGE")',
    )
    return await made(
        desk,
        "orders_create",
        told,
        placedate="2026-03-02T00:00:00.000Z",
        status={"id": 1},
        rows=rows,
        **{name: {"id": quote[name]["id"]} for name in parts},
    )


async def move_a_budget(desk: Desk, hotel: int) -> None:
    """Give the budget of a month to another account, and take it from the one that had it."""
    had = {"accountid": 1, **MARCH}
    budget = (await desk.read("account_budgets_get", **had))["budget"]
    told = (
        f"Set the budget of account {hotel} for month 3 of 2026 to {budget} in Cirrus.",
        *WEAK,
        "The CRM has none yet: it would be made.",
        "budget: nothing → 12000 (12\u202f000) (added)",
        f'accountid = {hotel} (account: "{HOTEL}")',
    )
    await desk.write("account_budgets_set", told, accountid=hotel, **MARCH, budget=budget)
    told = (
        "Delete the budget of account 1 for month 3 of 2026 in Cirrus.",
        *WEAK,
        "Can be undone: yes, with cirrus_account_budgets_set",
        "budget = 12000",
        "To approve, type: destructive",
    )
    await desk.write("account_budgets_delete", told, **had)

    now = await desk.read("account_budgets_get", accountid=hotel, **MARCH)
    assert now["budget"] == budget == 12000
    await desk.misses("account_budgets_get", **had)


async def merge(desk: Desk) -> None:
    """Merge two accounts: one is gone, and its people belong to the other."""
    before = {id_: await belongings(desk, id_) for id_ in (MOORFIELD, MAINBOGEN)}
    assert all(before[MAINBOGEN])
    told = (
        (
            "Merge account 9 into account 8 in Cirrus: 9 is then gone,"
            " and what belonged to it belongs to 8."
        ),
        *WEAK,
        "Can be undone: no",
        'Record: id = 9, name = "Mainbogen Kliniken GmbH", number = "9"',
        'contacts[0].name = "Lena"',
        'target = 8 (account: "Moorfield Analytics Ltd" "8")',
        "To approve, type: irreversible",
    )
    await desk.write("accounts_merge", told, target=MOORFIELD, source=MAINBOGEN)

    await desk.misses("accounts_get", id=MAINBOGEN)
    pairs = zip(before[MOORFIELD], before[MAINBOGEN], strict=True)
    assert await belongings(desk, MOORFIELD) == [one | other for one, other in pairs]


async def belongings(desk: Desk, account: int) -> list[set[int]]:
    """Name the contacts and the activities of an account, by their ids."""
    lists = [
        await desk.read(tool, accountid=account, per_page=50)
        for tool in ("contacts_list", "activities_list")
    ]
    return [{row["id"] for row in rows} for rows in lists]


async def test_an_update_of_one_field_leaves_the_others_of_a_full_update_as_they_are(
    tmp_path: Path, sandbox: Sandbox, origin: str
) -> None:
    async with at_desk("cirrus", tmp_path, sandbox, origin) as desk:
        article = await desk.read("articles_get", id=1)
        told: tuple[str, ...] = (
            "price: 285 → 299",
            f"Fields that are sent and stay as they are: {len(article) - 2}",
            'number = "AS-TASK"',
            "stockbalance = 40",
        )
        result = await desk.write("articles_update", told, id=1, price=299)
        assert result["check"].keys() == {"kept"}
        assert await desk.read("articles_get", id=1) == {**article, "price": 299}

        prices = await desk.read("price_lists_get", id=1)
        words = "Prices in pounds, before tax"
        told = (
            f'description: "{prices["description"]}" → "{words}"',
            "prices[1].price = 640",
            "strict = false",
        )
        await desk.write("price_lists_update", told, id=1, description=words)
        assert await desk.read("price_lists_get", id=1) == {**prices, "description": words}


async def test_an_update_is_taken_back_exactly(
    tmp_path: Path, sandbox: Sandbox, origin: str, crm_mcp_undo: Undo
) -> None:
    async with at_desk("cirrus", tmp_path, sandbox, origin) as desk:
        told = (
            'Rename account group 1 to "Great Britain" in Cirrus.',
            STRONG,
            "Can be undone: yes, with cirrus_account_groups_update",
            'name: "Britain" → "Great Britain"',
        )
        result = await desk.write("account_groups_update", told, id=1, name="Great Britain")
        changed = await desk.read("account_groups_get", id=1)

        read = await crm_mcp_undo(desk.app, result["undo"]["id"], "approve")
        after = await desk.read("account_groups_get", id=1)

    assert 'name: "Great Britain" → "Britain"' in read
    assert [row["name"] for row in (changed, after)] == ["Great Britain", "Britain"]


async def test_an_account_is_changed_back_by_hand_since_some_of_it_would_stay(
    tmp_path: Path, sandbox: Sandbox, origin: str
) -> None:
    async with at_desk("cirrus", tmp_path, sandbox, origin) as desk:
        before = await desk.read("accounts_get", id=MOORFIELD)
        told = (
            STAYS,
            f'phone: "{before["phone"]}" → "020 7946 0230" (digits: 020 794 602 30)',
        )
        result = await desk.write("accounts_update", told, id=MOORFIELD, phone="020 7946 0230")
        changed = await desk.read("accounts_get", id=MOORFIELD)
        back = await desk.write("accounts_update", (), id=MOORFIELD, phone=before["phone"])

        assert "undo" not in result | back
        assert changed == {**before, "phone": "020 7946 0230"}
        assert await desk.read("accounts_get", id=MOORFIELD) == before
