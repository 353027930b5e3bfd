"""How Cirrus stands when the story begins: Tidewell's people, customers, goods and deals.

Whoever has a number in the story has it here as an id, so that examples and records agree.
"""

from collections.abc import Sequence

from crm_mcp.sandbox import story
from crm_mcp.sandbox.cirrus.office_seed import furnish
from crm_mcp.sandbox.cirrus.shapes import Row
from crm_mcp.sandbox.cirrus.stock_seed import BUYING_SHARE, SUPPLIERS, add_goods, add_lists
from crm_mcp.sandbox.cirrus.tables import TABLES
from crm_mcp.sandbox.cirrus.world import World

_POINTS = {
    "Leeds": ("53.7974", "-1.5438"),
    "Manchester": ("53.4808", "-2.2426"),
    "Hamburg": ("53.5438", "9.9989"),
    "Göteborg": ("57.7089", "11.9746"),
    "Cardiff": ("51.4816", "-3.1791"),
    "Berlin": ("52.5300", "13.3840"),
    "Stockholm": ("59.3110", "18.0300"),
    "London": ("51.5230", "-0.0840"),
    "Frankfurt am Main": ("50.1109", "8.6821"),
}
_CUSTOMER, _PROSPECT, _SUPPLIER = 1, 2, 3
_TYPE_OF_WAY = {"call": 1, "email": 2, "sms": 3}
_STATUS_OF_STAGE = {"Proposed": 1, "Negotiating": 2, "Won": 3, "Lost": 4}
_FIRST_QUOTE = 1002


def new_world() -> World:
    """Make the world as it is on the morning when the story begins."""
    world = World(TABLES, story.TODAY)
    add_lists(world)
    _add_people(world)
    _add_accounts(world)
    add_goods(world)
    _add_talks(world)
    for deal in story.DEALS:
        _add_deal(world, deal)
    _add_errand(world)
    furnish(world)
    world.me = _id(story.COLLEAGUES, story.MAYA)
    return world


def _id(many: Sequence[object], one: object) -> int:
    return many.index(one) + 1


def _user(colleague: story.Colleague) -> int:
    return _id(story.COLLEAGUES, colleague)


def _account(company: story.Company) -> int:
    return _id(story.COMPANIES, company)


def _add_people(world: World) -> None:
    for number, each in enumerate(story.COLLEAGUES, 1):
        name, _, surname = each.name.partition(" ")
        world.add(
            "user",
            active=int(each.active),
            name=name,
            surname=surname,
            title=each.teams[0],
            email=each.email,
            phone=f"0117 496 01{number:02}",
            cellphone=f"07700 9002{number:02}",
            language="en",
            lastactive="2026-02-27T16:00:00Z",
            presentation=f"Looks after {each.region or 'nobody any more'}",
            startpage=0,
            avatar_b64="iVBORw0KGgo=",
            photo_b64="iVBORw0KGgo=",
            roles=[1 if each is story.MAYA else 2],
            tags=[2],
            settings=[{"id": number, "key": "theme", "value": "light", "userid": number}],
            code=each.code,
        )


def _add_accounts(world: World) -> None:
    for number, each in enumerate(story.COMPANIES, 1):
        where = each.address
        latitude, longitude = _POINTS[where.city]
        address = {
            "careof": None,
            "name": each.name,
            "street": where.street,
            "zip": where.postcode,
            "city": where.city,
            "country": where.country,
            "email": f"office@{each.website}",
            "coordinates": {"latitude": latitude, "longitude": longitude},
            "number": "".join(filter(str.isdecimal, where.street)),
        }
        addresses = dict.fromkeys(("visiting", "delivery", "invoice", "postal"), address)
        kind = _CUSTOMER if each.team == "Sales" else _PROSPECT
        _add_account(
            world,
            each.name,
            each.number,
            each.website,
            phone=each.phone,
            userid=_user(each.owner),
            typeid=kind,
            externalkey=each.external_id,
            addresses=addresses,
            followers=[_user(each.owner)],
            accountgroups=[_group(where.country)],
            alternateuserid=_user(story.MAYA),
            tags=[1],
            cellphone=f"07700 9003{number:02}",
        )
    for number, name in enumerate(SUPPLIERS, len(story.COMPANIES) + 1):
        website = f"{name.lower().replace(' ', '-').replace('ö', 'o')}.example.com"
        _add_account(world, name, str(number), website, typeid=_SUPPLIER, userid=1)
    for person in story.PEOPLE:
        _add_contact(world, person)


def _group(country: str) -> int:
    return {"United Kingdom": 1, "Germany": 2, "Sweden": 3}[country]


def _add_account(world: World, name: str, number: str, website: str, **more: object) -> None:
    usual = {
        "alt_name": name.partition(" ")[0],
        "email": f"office@{website}",
        "url": f"https://{website}",
        "fax": "",
        "vatno": f"XX00000000{number}",
        "info": "",
        "active": 1,
        "department": "Tidewell",
        "uservisitintervalweeks": 8,
        "alternateuservisitintervalweeks": 26,
        "socialmedia_fb": "",
        "socialmedia_tw": "",
        "socialmedia_li": f"https://{website}/linkedin",
    }
    world.add("account", name=name, number=number, **usual | more)


def _add_contact(world: World, person: story.Person) -> None:
    name, _, surname = person.name.partition(" ")
    remark = next((each.text for each in story.REMARKS if each.person is person), "")
    where = person.company.address
    first = next(each for each in story.PEOPLE if each.company is person.company)
    world.add(
        "contact",
        accountid=_account(person.company),
        name=name,
        surname=surname,
        title=person.job_title,
        function=person.job_title,
        department=remark,
        email=person.email,
        officephone=person.phone,
        cellphone=person.mobile,
        street=where.street,
        city=where.city,
        zip=where.postcode,
        primarycontact=int(first is person),
        # Day and month of no calendar: the number is nobody's.
        idnumber=f"19000000{person.id:04}",
        externalkey=person.external_id,
        active=1,
        superiorid=None if first is person else first.id,
        socialmedia_fb="",
        socialmedia_tw="",
        socialmedia_li=f"https://{person.company.website}/{person.id}",
        photo={"avatar": "iVBORw0KGgo=", "photo": "iVBORw0KGgo="},
        followers=[_user(person.company.owner)],
        tags=[1],
    )


def _add_talks(world: World) -> None:
    for each in story.TALKS:
        start, day = each.at.replace(hour=10), each.at.strftime("%Y-%m-%d")
        owner = _user(each.person.company.owner)
        _add_activity(
            world,
            each.person,
            owner,
            day,
            description=f"{each.way.title()} {'from' if each.incoming else 'to'} the customer",
            result=next((one.text for one in story.REMARKS if one.person is each.person), ""),
            typeid=_TYPE_OF_WAY[each.way],
            closed=1,
            stop=start.replace(minute=each.minutes % 60).strftime("%Y-%m-%dT%H:%M:%SZ"),
            stoptime=f"10:{each.minutes % 60:02}",
        )
        if each.way == "email":
            ends = (each.person.email, each.person.company.owner.email)
            sender, to = ends if each.incoming else ends[::-1]
            world.add(
                "email",
                sender=sender,
                to=[to],
                cc=[story.MAYA.email],
                subject="Your enquiry",
                date=f"{day}T10:00:00Z",
                body="<p>Thank you for your time.</p>",
                text="Thank you for your time.",
                accountid=_account(each.person.company),
                contactid=each.person.id,
            )


def _add_activity(world: World, person: story.Person, owner: int, day: str, **more: object) -> Row:
    usual = {
        "date": day,
        "start": f"{day}T10:00:00Z",
        "starttime": "10:00",
        "stop": f"{day}T10:30:00Z",
        "stoptime": "10:30",
        "location": person.company.address.city,
        "extrasexternalid": 0,
        "closed": 0,
        "result": "",
        "priority": {"id": 2, "description": "Normal"},
        "progressionstateid": 2,
        "reminder": {"text": "", "min": 15, "done": 0},
        "contactattempts": [
            {"id": 1, "note": "No answer", "timestamp": f"{day}T09:30:00Z", "userid": owner}
        ],
        "answers": [{"questionid": 1}],
        "externalkey": "",
        "tags": [1],
        "followers": [owner],
        "invitedusers": [owner],
        "invitedcontacts": [person.id],
    }
    row = {
        **usual,
        "accountid": _account(person.company),
        "primarycontactid": person.id,
        "userid": owner,
        **more,
    }
    return world.add("activity", **row)


def _add_errand(world: World) -> None:
    """Add what is to do next: the reminder of the contract, and a visit."""
    tobias, maya = _user(story.TOBIAS), _user(story.MAYA)
    _add_activity(
        world, story.KARIN, tobias, "2027-09-07", description="The care contract ends", typeid=1
    )
    _add_activity(
        world,
        story.BEATRICE,
        maya,
        "2026-03-10",
        description="Show the booth",
        typeid=4,
        opportunityid=len(story.DEALS),
    )


def _add_deal(world: World, deal: story.Deal) -> None:
    company, person = deal.person.company, deal.person
    owner, day = _user(company.owner), deal.opened.strftime("%Y-%m-%d")
    is_over = deal.stage in ("Won", "Lost")
    world.add(
        "opportunity",
        accountid=_account(company),
        altaccountid=_account(company),
        altvalue=0,
        altvaluelabel="",
        contactid=person.id,
        phone=person.phone,
        title=f"{deal.quantity} × {deal.product.name}",  # noqa: RUF001 - how people write it
        description=deal.project.description,
        userid=owner,
        value=deal.value,
        statusid=_STATUS_OF_STAGE[deal.stage],
        typeid=1,
        stateid=4 if is_over else 2,
        estimateid=1 + min(2, deal.probability // 40),
        sourceid=1 + deal.value % 3,
        estimatedenddate="2026-04-30",
        enddate=day if is_over else None,
        lostreasonid=1 if deal.stage == "Lost" else None,
        winreasonid=1 if deal.stage == "Won" else None,
        closed=int(is_over),
        result="",
        regdate=f"{day}T09:00:00Z",
        reguserid=owner,
        changedate=f"{day}T09:00:00Z",
        changeuserid=owner,
        businessarea={"opportunityid": len(world.all("opportunity")) + 1, "businessareaid": 1},
        followers=[owner],
        tags=[1],
    )
    if deal.ordered:
        _add_sale(world, "order", deal, statusid=2, typeid=1, delivered=0, discounted=False)
    elif int(deal.reference) >= _FIRST_QUOTE and deal.stage != "Lost":
        until = "2026-03-31"
        _add_sale(world, "quote", deal, statusid=1, validtodate=until, discounted=False)


def _add_sale(world: World, kind: str, deal: story.Deal, **more: object) -> None:
    """Add the order or quote of a deal, under the deal's number."""
    company, day = deal.person.company, deal.opened.strftime("%Y-%m-%d")
    terms = dict.fromkeys(("deliverytermid", "paymenttermid", "deliverytypeid", "pricelistid"), 1)
    world.add(
        kind,
        **{"id": int(deal.reference), **terms, **_ends(kind, company), **more},
        price=deal.value,
        currencycode="GBP",
        currencyrate=1,
        buyprice=round(deal.value * BUYING_SHARE),
        placedate=f"{day}T00:00:00.000Z" if kind == "order" else day,
        deliverydate="2026-03-09T00:00:00.000Z" if kind == "order" else "2026-04-20",
        externalcomment="Delivery by floor.",
        internalcomment="",
        externalkey=f"TW-{deal.reference}",
        accountid=_account(company),
        userid=_user(company.owner),
        user2id=_user(story.MAYA),
        contactid=deal.person.id,
        opportunityid=_id(story.DEALS, deal),
        tscreated=f"{day}T09:00:00Z",
        tsupdated=f"{day}T09:00:00Z",
        tags=[3],
        rows=[_row(world, kind, deal)],
    )


def _ends(kind: str, company: story.Company) -> Row:
    """Say where it is delivered, and for an order where the invoice goes."""
    where = company.address
    parts = {
        "name": company.name,
        "street": where.street,
        "zip": where.postcode,
        "city": where.city,
        "country": where.country,
    }
    ends = ("delivery", "invoice") if kind == "order" else ("delivery",)
    return {f"{end}{name}": value for end in ends for name, value in parts.items()}


def _row(world: World, kind: str, deal: story.Deal) -> Row:
    return {
        "id": len(world.all(kind)) + 1,
        f"{kind}id": int(deal.reference),
        "accountid": _account(deal.person.company),
        "userid": _user(deal.person.company.owner),
        "opportunityid": _id(story.DEALS, deal),
        "quantityordered" if kind == "order" else "quantity": deal.quantity,
        "quantitydelivered": deal.ordered // 2,
        "sortorder": 1,
        "price": deal.product.price,
        "currencycode": "GBP",
        "currencyrate": 1,
        "buyprice": round(deal.product.price * BUYING_SHARE),
        "discountpercent": 0,
        "noprint": 0,
        "deleted": 0,
        "totalprice": deal.value,
        "pricelistid": 1,
        "pricegroupid": 1,
        "sortgroup": 1,
        "articleid": _id(story.PRODUCTS, deal.product),
        "articleunitid": 1,
        "tags": [],
    }
