"""What Tidewell's office keeps beside its deals: missions, contracts, budgets, settings."""

from crm_mcp.sandbox import story
from crm_mcp.sandbox.cirrus.world import World
from crm_mcp.sandbox.cirrus.writing import save

_STAMPS = {"created": "2025-11-06T09:00:00Z", "updated": "2026-01-12T10:30:00Z"}
_MAYA, _OWEN, _TOBIAS, _IMOGEN = 1, 2, 4, 5
_MONTHS = (1, 2, 3)


def furnish(world: World) -> None:
    """Add all of it."""
    _add_departments(world)
    _add_leads(world)
    _add_files(world)
    _add_missions(world)
    _add_contract(world)
    _add_dynamic_fields(world)
    _add_budgets(world)
    _add_game(world)
    _add_services(world)
    _add_settings(world)


def _add_departments(world: World) -> None:
    world.add("department", name="Tidewell", parentid=None, managerid=_MAYA, users=[_MAYA])
    for name in ("Sales", "Marketing"):
        users = [n for n, each in enumerate(story.COLLEAGUES, 1) if each.teams[0] == name]
        world.add("department", name=name, parentid=1, managerid=_MAYA, users=users)
    world.put(
        "user",
        {
            **world.need("user", _MAYA),
            "customerid": 1,
            "emailsettings": {
                "id": 1,
                "email": story.MAYA.email,
                "name": story.MAYA.name,
                "username": "maya",
                "password": "sandbox-mail-password",
                "port": "587",
                "authtype": 1,
                "incominserver": "imap.tidewell.example.com",
                "smtpserver": "smtp.tidewell.example.com",
                "userid": _MAYA,
                "signature": "Kind regards, Maya",
                "defaultemailtype": 1,
            },
            "properties": {"userid": _MAYA, "licenceadmin": 1, "elevatedaccount": 1}
            | {"salescoach": 0, "crmversion": 2},
        },
    )


def _add_leads(world: World) -> None:
    prospects = [each for each in story.PEOPLE if each.company.team == "Marketing"]
    for number, each in enumerate(prospects, 1):
        name, _, surname = each.name.partition(" ")
        where = each.company.address
        world.add(
            "lead",
            contacttitle=each.job_title,
            contactname=name,
            contactsurname=surname,
            contactcompany=each.company.name,
            contactstreet=where.street,
            contactcity=where.city,
            contactzip=where.postcode,
            contactphone=each.phone,
            contactcellphone=each.mobile,
            contactemail=each.email,
            contactvatno="",
            value=5900 * number,
            created="2026-02-16T09:00:00Z",
            updated="2026-02-24T09:00:00Z",
            title=f"Enquiry of {each.company.name}",
            description="Asks for a quiet place to talk",
            rating=number,
            userid=_IMOGEN,
            sourceid=1,
            statusid=2,
            tags=[1],
        )
        world.add(
            "leadActivity",
            typeid=1,
            comment="Left a message",
            userid=_IMOGEN,
            followup="2026-03-05T10:00:00Z",
            done=0,
            created="2026-02-24T09:00:00Z",
            updated="2026-02-24T09:00:00Z",
            leadid=number,
        )


def _add_files(world: World) -> None:
    usual = {"accountid": 1, "parentfolderid": None}
    world.add("folder", name="Customers", **usual)
    for name in ("Drawings", "Offers"):
        world.add("folder", name=name, **{**usual, "parentfolderid": 1})
    world.add(
        "template",
        id=8,
        name="Quote, Swedish",
        description="Cover letter of a quote",
        resource="quote",
        html="<p>Tack för din förfrågan.</p>",
        url="https://tidewell.example.com/templates/quote-sv",
        active=1,
        languages=[2],
        categories=[1],
        tags=[1],
    )
    names = (("cable-tray.pdf", "Table top"), ("floor-plan.pdf", "Second floor"))
    for number, (name, info) in enumerate(names, 1):
        world.add(
            "file",
            name=name,
            info=info,
            timestamp="2026-02-03T09:00:00Z",
            folderid=number,
            templateid=8,
            size=48_000,
            connectedaccounts=[1],
            connectedcontacts=[number],
            connectedactivities=[number],
            connectedopportunities=[number],
        )


def _add_missions(world: World) -> None:
    for each in story.PROJECTS:
        owner = _IMOGEN if each.team == "Marketing" else _OWEN
        world.add(
            "mission",
            name=each.code,
            description=each.description,
            startdate=each.starts.strftime("%Y-%m-%d"),
            enddate=each.ends.strftime("%Y-%m-%d"),
            active=1,
            script="Ask how loud the office is.",
            pdf="quiet-office-tour.pdf",
            video="https://tidewell.example.com/films/quiet-office",
            terms="Ten visits by September.",
            userid=owner,
            typeid=1,
        )
        world.add(
            "project", name=each.code, typeid=1, accountids=[1, 2, 3] if owner == _OWEN else [8, 9]
        )
    for kind, other, result in (
        *(("account", 8, 1), ("account", 9, 0), ("activity", 13, 1), ("activity", 12, 0)),
        ("article", 5, None),
    ):
        world.add(
            "missionConnection",
            missionid=4,
            type=kind,
            connectid=other,
            result=result,
            tscreated="2026-02-20T09:30:00Z",
            tsupdated="2026-02-24T15:10:00Z",
        )


def _add_contract(world: World) -> None:
    """Add the booth that Lindgren bought, and the yearly care of it."""
    site = "https://steinkamp-akustik.example.com/stille"
    world.add(
        "object",
        name="Acoustic Booth Stille",
        description="One seat, grey felt",
        serialnumber="SK-B-20417",
        manufacturerid=12,
        modelgroupid=1,
        url=site,
        image1=f"{site}.jpg",
        externalkey="TW-1005-1",
        tags=[2],
        **_STAMPS,
    )
    world.add(
        "contract",
        number="TW-S-1005",
        description="Yearly care of the acoustic booth",
        statusid=5,
        typeid=3,
        start="2025-11-06T00:00:00Z",
        end="2027-11-06T00:00:00Z",
        installdate="2025-11-20T00:00:00Z",
        value=590,
        financed=0,
        financeaccountid=4,
        contactid=6,
        responsibleid=_TOBIAS,
        responsibleserviceid=_TOBIAS,
        reminderdays=60,
        externalkey="TW-1005",
    )
    where = "Reception, second floor"
    world.add("contractObject", contractid=1, objectid=1, location=where, **_STAMPS)
    world.add("contractReminder", contractid=1, activityid=len(story.TALKS) + 1, **_STAMPS)
    world.add("objectRelation", type="account", objectid=1, otherid=4)
    numbers = ("typeid", "statusid", "intervalid", "periodid", "nextperiodid", "renewalperiodid")
    world.add(
        "subscription",
        **{"id": 2, **dict.fromkeys((*numbers, "renewalid", "advanceid"), 1)},
        active=1,
        name="Yearly care of booths",
        note="First visit in November",
        startdate="2025-11-06",
        orderstartdate="2025-12-01",
        userid=_TOBIAS,
        contactid=6,
        sort=1,
        externalkey="TW-1005",
    )
    world.add("quoteRelation", quoteid=1004, type="opportunity", otherid=4, value="")


def _add_dynamic_fields(world: World) -> None:
    flags = {"required": False, "inoverview": True, "visible": True, "readonly": False}
    for number, (name, group) in enumerate((("Industry", "account"), ("Language", "contact")), 1):
        world.add(
            "dynamicField",
            name=name,
            group=group,
            sortorder=number,
            size=0,
            help=f"{name} of the {group}",
            typeid=1,
            fieldgroupid=1,
            **flags,
        )
        labels = ("Offices", "Health") if number == 1 else ("English", "German", "Swedish")
        for place, label in enumerate(labels, 1):
            world.add("dynamicOption", fieldid=number, label=label, sortorder=place, group=group)
        options = [each["id"] for each in world.pointing("dynamicOption", "fieldid", number)]
        field = world.need("dynamicField", number)
        lists = {"selected": options[:1], "unselected": options[1:]}
        world.put("dynamicField", {**field, **lists})
        world.add(
            "dynamicValue", fieldid=number, resourceid=1, value=labels[0], selected=options[:1]
        )


def _add_budgets(world: World) -> None:
    for number, colleague in enumerate(story.COLLEAGUES, 1):
        for month in _MONTHS if colleague.active else ():
            given = {"userid": number, "year": 2026, "month": month}
            table = world.tables["userBudget"]
            save(world, table, {**given, "budget": 20_000, "pipeline": 60_000}, None, {})
    for account in (1, 3):
        world.add("accountBudget", accountid=account, year=2026, month=3, budget=12_000)


def _add_game(world: World) -> None:
    for winner, accepted in ((None, None), (_OWEN, "2026-02-17T08:00:00Z")):
        key = world.next_id("challenge")
        side = {"id": key, "challengeid": key, "score": 7 if winner else 0}
        world.add(
            "challenge",
            id=key,
            active=0 if winner else 1,
            challenged={**side, "accepted": accepted, "owner": False, "userid": _MAYA},
            challenger={**side, "accepted": accepted, "owner": True, "userid": _OWEN},
            created="2026-02-16T08:00:00Z",
            daysremaining=0 if winner else 5,
            startdate="2026-02-16T08:00:00Z" if winner else "2026-03-02T08:00:00Z",
            stopdate="2026-02-23T08:00:00Z" if winner else "2026-03-09T08:00:00Z",
            typeid=1,
            winnerid=winner,
        )


def _add_services(world: World) -> None:
    world.add(
        "addon",
        id=7,
        title="Route planner",
        url="https://routes.example.com/plan",
        internalname="routeplanner",
        sort=1,
        enabled=True,
        parameters=[{"id": 1, "name": "start", "value": "Bristol", **_STAMPS}],
    )
    world.add(
        "signature",
        message="Start your BankID app.",
        status="pending",
        orderref="8f6a2c1e-0000-4000-8000-000000000001",
        personalnumber="190000000006",
        autostarttoken="5d0c1b7a-0000-4000-8000-000000000001",
        hintcode="outstandingTransaction",
        started="2026-03-02T09:00:00Z",
    )
    world.add("signatureRelation", signature=1, type="order", otherid=1005, **_STAMPS)


def _add_settings(world: World) -> None:
    activities = ("assigned", "knock", "note", "return", "notavailable", "rejected")
    world.add(
        "settings",
        currency="GBP",
        portal={
            "name": "Tidewell Interiors",
            "street": "9 Harbour Walk",
            "zip": "BS1 4VC",
            "city": "Bristol",
            "country": "United Kingdom",
            "phone": "0117 496 0100",
            "email": "office@tidewell.example.com",
            "url": "https://tidewell.example.com",
            "vatnumber": "XX000000000",
            "seat": "Bristol",
        },
        sales={"defaultinterest": 8},
        fieldsales={
            "activitytypes": dict.fromkeys((*activities, "erpaccepted", "erpdeclined"), 4),
            "numberporting": {"group": 1, "name": 1, "number": 1, "phone": 1},
            "filter": 0,
            "headlines": [{"title": "Welcome", "body": "Good morning"}],
            "erpurl": "https://erp.tidewell.example.com",
            "signaturefields": [],
            "terms": "Prices without tax.",
        },
        consent={
            "logofileid": 1,
            "email": {
                "fromemail": "office@tidewell.example.com",
                "fromname": "Tidewell Interiors",
                "user": "office",
                "port": 587,
                "server": "smtp.tidewell.example.com",
                "body": "May we write to you?",
                "password": "sandbox-consent-password",
                "auth": 1,
                "userid": _MAYA,
                "type": 1,
            },
        },
    )
