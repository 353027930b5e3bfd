"""What other records choose from: goods, prices, and the short lists of types and terms."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from crm_mcp.sandbox import story
from crm_mcp.sandbox.cirrus.world import World

SUPPLIERS = ("Ashgrove Seating", "Björkvik Möbler", "Steinkamp Akustik")
BUYING_SHARE = 0.65
"""Of the price, what Tidewell itself pays."""

_NAMES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "role": ("Administrator", "Salesperson"),
        "accountGroup": ("Britain", "Germany", "Nordic countries"),
        "activityState": ("Planned", "Under way", "Done"),
        "opportunityState": ("New", "Under way", "Paused", "Closed"),
        "leadActivityType": ("Call", "Letter"),
        "projectType": ("Fitting", "Service"),
        "discountGroup": ("Usual", "Trade"),
        "material": ("Wood and steel", "Felt"),
        "serviceLevel": ("Usual", "Express"),
        "volumeGroup": ("Small", "Bulky"),
        "warehouse": ("Bristol", "Hamburg"),
        "warehouseStatus": ("In stock", "On order"),
        "challengeType": ("Visits", "Calls"),
        "phoneBrand": ("Alder", "Birch"),
        "phoneColour": ("Black", "Green"),
        "phoneSize": ("128 GB", "256 GB"),
    }
)
_ROWS: Mapping[str, tuple[tuple[str, ...], tuple[tuple[Any, ...], ...]]] = MappingProxyType(
    {
        "tag": (
            ("name", "type"),
            (
                *(("Key account", "company"), ("Service", "object")),
                *(("Spring Refit", "order"), ("Ergonomic", "article")),
            ),
        ),
        "accountType": (
            ("name", "isdefault", "typeiscustomer", "typeisprospect"),
            (("Customer", 1, 1, 0), ("Prospect", 0, 0, 1), ("Supplier", 0, 0, 0)),
        ),
        "activityType": (
            ("name", "value", "icon", "default", "quick", "userfollowups"),
            (
                *(("Call", 1, 1, 1, 1, 0), ("Email", 1, 2, 0, 1, 0), ("Text", 1, 3, 0, 1, 0)),
                ("Visit", 3, 4, 0, 0, 1),
            ),
        ),
        "question": (
            ("question", "activitytypeid"),
            (("Was the decision maker there?", 4), ("Is a drawing needed?", 4)),
        ),
        "opportunityEstimate": (
            ("description", "value", "visible"),
            (("Unlikely", "20", 1), ("Possible", "50", 1), ("Likely", "80", 1)),
        ),
        "lostReason": (("name",), (("Price",), ("No budget",))),
        "winReason": (("name",), (("Quality",), ("Recommended",))),
        "source": (
            ("name", "default"),
            (("Website", 1), ("Recommendation", 0), ("Fair", 0)),
        ),
        "opportunityStatus": (
            ("name", "description", "color", "lost", "won", "opportunitytypeid", "sortorderplug"),
            (
                ("Proposed", "Offer is out", "#3366cc", 0, 0, 1, 1),
                ("Negotiating", "Talks go on", "#cc9900", 0, 0, 1, 1),
                ("Won", "Ordered", "#339933", 0, 1, 1, 1),
                ("Lost", "Not ordered", "#993333", 1, 0, 1, 1),
            ),
        ),
        "opportunityType": (
            ("name", "isdefault", "validstatusesid"),
            (("Furnishing", 1, 1), ("Service", 0, 1)),
        ),
        "leadStatus": (
            ("name", "created", "updated"),
            tuple(
                (name, "2025-09-01T08:00:00Z", "2025-09-01T08:00:00Z")
                for name in ("New", "Ongoing", "Done")
            ),
        ),
        "articleUnit": (("name", "externalkey"), (("piece", "PCS"), ("set", "SET"))),
        "priceGroup": (
            ("name", "unitid", "min", "max"),
            (("1 to 49", 1, 1, 49), ("50 to 99", 1, 50, 99)),
        ),
        "deliveryTerm": (
            ("name", "default", "externalkey"),
            (("Free to the door", 1, "DAP"), ("From our yard", 0, "EXW")),
        ),
        "deliveryType": (("name", "default"), (("Lorry", 1), ("Van", 0))),
        "paymentTerm": (
            ("name", "default", "externalkey", "days"),
            (("30 days net", 1, "N30", 30), ("45 days net", 0, "N45", 45)),
        ),
        "orderType": (("name", "default"), (("Furniture", 1), ("Service", 0))),
        "orderStatus": (
            ("name", "default", "step"),
            (("New", 1, 1), ("Confirmed", 0, 2), ("Delivered", 0, 3)),
        ),
        "quoteStatus": (
            ("name", "isdefault", "metatype", "tscreated", "tsupdated"),
            tuple(
                (name, int(name == "Sent"), kind, "2025-09-01T08:00:00Z", "2025-09-01T08:00:00Z")
                for name, kind in (
                    *(("Sent", "active"), ("Expired", "expired"), ("Ordered", "order")),
                    ("Turned down", "denied"),
                )
            ),
        ),
        "objectCategory": (
            ("type", "name", "sort", "default", "created", "updated"),
            tuple(
                (kind, name, 1, default, "2025-09-01T08:00:00Z", "2025-09-01T08:00:00Z")
                for kind, name, default in (
                    *(("modelgroup", "Acoustics", 0), ("modelgroup", "Desks", 0)),
                    *(("contracttype", "Service", 1), ("contracttype", "Rental", 0)),
                    *(("contractstatus", "Running", 1), ("contractstatus", "Ended", 0)),
                )
            ),
        ),
        "templateCategory": (("name", "sort"), (("Quotes", 1), ("Cover letters", 2))),
        "templateLanguage": (("name", "sort"), (("English", 1), ("Swedish", 2))),
        "dynamicType": (("fieldid", "label", "group"), ((1, "Choice", ""), (2, "Text", ""))),
        "dynamicGroup": (
            ("name", "created", "updated"),
            (("Business", "2025-09-01T08:00:00Z", "2025-09-01T08:00:00Z"),),
        ),
        "phoneModel": (("name", "brandid"), (("Alder One", 1), ("Birch Two", 2))),
        "phone": (
            ("name", "description", "price", "modelid", "colourid", "sizeid"),
            (
                ("Alder One, black", "128 GB", 399, 1, 1, 1),
                ("Birch Two, green", "256 GB", 529, 2, 2, 2),
            ),
        ),
    }
)


def add_lists(world: World) -> None:
    """Add them all; the order in which they stand is their `sortorder`."""
    for table, names in _NAMES.items():
        for name in names:
            world.add(table, name=name)
    for table, (columns, rows) in _ROWS.items():
        for number, row in enumerate(rows, 1):
            world.add(table, sortorder=number, **dict(zip(columns, row, strict=True)))


def add_goods(world: World) -> None:
    """Add what Tidewell sells, its groups and suppliers, and what it costs."""
    groups = list(dict.fromkeys(each.group for each in story.PRODUCTS))
    for name in groups:
        world.add("articleGroup", name=name, externalkey=name[:3].upper(), sortorder=len(name))
        world.add("sortGroup", name=name, sort=groups.index(name) + 1, externalkey=name[:3].upper())
        world.add("budgetGroup", name=name)
    for name in SUPPLIERS:
        world.add("articleBrand", name=name)
    for each in story.PRODUCTS:
        _add_article(world, each, groups.index(each.group) + 1)
    _add_prices(world)


def _add_article(world: World, each: story.Product, group: int) -> None:
    supplier = SUPPLIERS.index(each.manufacturer) + 1
    usual = dict.fromkeys(
        ("warehousestatusid", "servicelevelid", "warehouseid", "unitid", "materialid"), 1
    )
    world.add(
        "article",
        **usual,
        **dict.fromkeys(("businessareaid", "volumegroupid", "discountgroupid"), 1),
        name=each.name,
        number=each.code,
        price=each.price,
        buyprice=round(each.price * BUYING_SHARE),
        description=f"{each.name} by {each.manufacturer}",
        groupid=group,
        budgetgroupid=group,
        brandid=supplier,
        accountid=supplier + len(story.COMPANIES),
        suppliername=each.manufacturer,
        supplierarticlenumber=each.code,
        externalkey=f"TWP-{each.code}",
        imageurl=f"https://tidewell.example.com/{each.code}.jpg",
        url1=f"https://tidewell.example.com/{each.code}",
        url2="",
        stockbalance=40,
        stockbalancewarningtreshold=5,
        vat=20,
        commision=2.5,
        incampaign=0,
        volume=1,
        area=1.2,
        active=1,
        presentation="",
        discount=0,
        sortorder=1,
        tags=[3],
    )


def _add_prices(world: World) -> None:
    prices = [
        {"id": number, "price": each.price, "discountpercent": 0, "discountamount": 0}
        | {"pricegroupid": 1, "articleid": number}
        for number, each in enumerate(story.PRODUCTS, 1)
    ]
    world.add(
        "priceList",
        name="List prices 2026",
        active=True,
        start="2026-01-01T00:00:00Z",
        stop="2026-12-31T00:00:00Z",
        default=True,
        externalkey="TW-LIST-26",
        strict=False,
        description="Prices in pounds, without tax",
        currencyid=1,
        prices=prices,
        accountids=list(range(1, len(story.COMPANIES) + 1)),
    )
