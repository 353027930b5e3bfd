"""From whom Tidewell buys, and what: suppliers, their contacts, supply types, currencies, tax."""

from crm_mcp.sandbox import story
from crm_mcp.sandbox.synergist.calls import Calls
from crm_mcp.sandbox.synergist.company import INTERIORS, SERVICE, USERS, members
from crm_mcp.sandbox.synergist.errors import RefusalError
from crm_mcp.sandbox.synergist.pickers import choice, choices
from crm_mcp.sandbox.synergist.reads import Listing, reading
from crm_mcp.sandbox.synergist.reference import TAX_RATES, in_companies
from crm_mcp.sandbox.synergist.tables import Field, Shown, Table, fields, via
from crm_mcp.sandbox.synergist.wire import Ask, Rows, Said
from crm_mcp.sandbox.synergist.world import Record, World

SUPPLY_TYPE = "supplytype"

CHAIRS, DESKS, TABLES, ACOUSTICS, HAULAGE = "1/CHA", "1/DES", "1/TAB", "1/ACO", "1/HAU"
HOTEL, MILEAGE, TRAIN, MEALS = "1/HOT", "1/MIL", "1/TRA", "1/MEA"
SERVICE_ACOUSTICS = "2/ACO"

ASHGROVE, BJOERKVIK, STEINKAMP, CLOSED = "1/ASH001", "1/BJO001", "1/STE001", "1/OLD001"
SERVICE_STEINKAMP = "2/STE001"

# Code, description, rate of each piece, tax code, whether it is claimed as an expense.
_SUPPLY_TYPES = (
    (CHAIRS, "Chairs", 0, 1, False),
    (DESKS, "Desks", 0, 1, False),
    (TABLES, "Tables", 0, 1, False),
    (ACOUSTICS, "Acoustic booths", 0, 1, False),
    (HAULAGE, "Haulage", 0, 1, False),
    (SERVICE_ACOUSTICS, "Spare parts for booths", 0, 1, False),
    (HOTEL, "Hotel", 0, 1, True),
    (MILEAGE, "Mileage", 0.45, 2, True),
    (TRAIN, "Train and tram", 0, 2, True),
    (MEALS, "Meals with clients", 0, 1, True),
)
_MAKERS = (
    (ASHGROVE, "Ashgrove Seating", CHAIRS, "0114 496 0301", "Phoebe Marsh"),
    (BJOERKVIK, "Björkvik Möbler", DESKS, "+46 31 390 06 41", "Lars Norling"),
    (STEINKAMP, "Steinkamp Akustik", ACOUSTICS, "+49 30 23125 342", "Birgit Vollmer"),
    (SERVICE_STEINKAMP, "Steinkamp Akustik", SERVICE_ACOUSTICS, "+49 30 23125 342", ""),
)
_DESCRIPTIONS = (
    ("Chairs as quoted", "Please deliver to the site in two lots."),
    ("Desks as quoted", "Please confirm the day of delivery by email."),
    ("Booth as quoted", "The lift takes parts of up to two metres."),
)
_FIRST_CONTACT = 304
_REGIONS = {1: "UK", 2: "exempt", 3: "DE", 4: "SE"}

SUPPLIERS = Table(
    kind="supplier",
    prefix="supplier",
    key="supplierCode",
    head=("supplieruuid", "supplierTimeStampModified", "supplierRecordVersionNumber"),
    models=("supplierslist", "supplierdetails"),
    fields=(
        Field("supplierCustomField317", label="Payment terms"),
        Field("supplierCustomField321", label="Our number there"),
        *fields(Shown.BOTH, "supplierName", "supplierCode", "supplierPhone"),
        *fields(Shown.BOTH, "supplierExpense", "supplierInactive", "supplierOnHold", of="boolean"),
        *fields(Shown.BOTH, "supplierMainEmail", "supplierSupplytypeDescription"),
        Field("supplierMarkup", "number"),
        Field("supplierWebURL"),
        Field("supplierProspect", "boolean"),
        Field("supplierSupplytype", shown=Shown.DETAILS),
    ),
    derived={
        "supplierSupplytypeDescription": via(
            SUPPLY_TYPE, "supplierSupplytype", "supplytypesDescription"
        )
    },
)


def usable_supplier(world: World, code: str, company: int) -> Record:
    """Find a supplier of a company to whom orders may go.

    Raises:
        RefusalError: there is none, or it is inactive, on hold, or another company's.
    """
    supplier = world.find(SUPPLIERS.kind, code)
    if supplier.company != company:
        raise RefusalError(f"supplier {supplier.key} belongs to another company")
    if supplier["supplierInactive"]:
        raise RefusalError(f"supplier {supplier.key} is inactive")
    if supplier["supplierOnHold"]:
        raise RefusalError(f"supplier {supplier.key} is on hold")
    return supplier


def usable_phase(world: World, code: str) -> Record:
    """Find a phase on which money and time may still be spent.

    Raises:
        RefusalError: there is none, or it is completed.
    """
    phase = world.find("phase", code)
    if phase["phaseCompleted"]:
        raise RefusalError(f"phase {phase.key} is completed")
    return phase


def is_active(currency: Record) -> bool:
    """Tell whether a currency is still in use."""
    return not currency["currencyInactive"]


def _supply_types(world: World, ask: Ask) -> Said:
    """List supply types; the one that a supplier usually delivers is selected."""
    code = ask.text("supplier")
    supplier = world.find(SUPPLIERS.kind, code) if code else None
    usual = [] if supplier is None else [supplier["supplierSupplytype"]]
    types = in_companies(world, ask, SUPPLY_TYPE)
    return choices(types, "supplytypesSupplyType", "supplytypesDescription", chosen=usual)


def _contacts(world: World, ask: Ask) -> Said:
    code = ask.text("supplier")
    contacts = in_companies(world, ask, "suppliercontact")
    if code:
        supplier = world.find(SUPPLIERS.kind, code)
        contacts = [contact for contact in contacts if contact["supplier"] == supplier.key]
    return choices(contacts, "suppliercontactInternalRef", "suppliercontactForwardsfullName")


def _orderers(world: World, _: Ask) -> Said:
    return choices(members(world, ""), USERS.key, "userFullName")


def _currencies(world: World, ask: Ask) -> Said:
    base = choice({"currencyCode": "", "currencyCurrencyName": "- Base currency -"})
    used = filter(is_active, in_companies(world, ask, "currency"))
    return Rows([base, *choices(used, "currencyCode", "currencyCurrencyName").rows])


def _descriptions(world: World, ask: Ask) -> Said:
    return Rows(
        [
            {
                "podescriptionsDescription": entry["description"],
                "variable_selected": False,
                "podescriptionsPoText": entry["text"],
            }
            for entry in in_companies(world, ask, "podescription")
        ]
    )


def _tax_codes(_world: World, _ask: Ask) -> Said:
    return Rows(
        [
            choice(
                {
                    "taxCode": code,
                    "taxCodeDescription": f"{code} ({_REGIONS[code]} {percent}%)",
                },
                selected=code == 1,
            )
            for code, percent in TAX_RATES.items()
        ]
    )


PICKERS: Calls = {
    ("purchases", "supplierslist"): reading(
        Listing(SUPPLIERS, keeps=lambda supplier: not supplier["supplierExpense"])
    ),
    ("purchases", "expenseslist"): reading(
        Listing(SUPPLIERS, keeps=lambda supplier: bool(supplier["supplierExpense"]))
    ),
    ("purchases", "supplytypes"): _supply_types,
    ("purchases", "contacts"): _contacts,
    ("purchases", "orderers"): _orderers,
    ("purchases", "currencies"): _currencies,
    ("purchases", "podescriptions"): _descriptions,
    ("purchases", "taxcodes"): _tax_codes,
}


def seed(world: World) -> None:
    """Add what purchases and expenses refer to."""
    for code, text, rate, tax_code, is_expense in _SUPPLY_TYPES:
        data = {
            "supplytypesDescription": text,
            "supplytypesMileage": code == MILEAGE,
            "supplytypesRate": rate,
            "supplytypesVatcode": tax_code,
            "is_expense": is_expense,
        }
        world.add(SUPPLY_TYPE, data, key=code, company=int(code[0]))
    mark = {"currencyCurrencyName": "German mark", "currencySymbol": "DM"}
    world.add(
        "currency",
        {**mark, "currencyExchangeRate": 2.25, "currencyInactive": True},
        key=f"{INTERIORS}/DEM",
    )
    for description, words in _DESCRIPTIONS:
        world.add("podescription", {"description": description, "text": words})
    _seed_makers(world)
    for colleague in story.COLLEAGUES:
        _seed_claimant(world, colleague)


def _seed_makers(world: World) -> None:
    world.count_from("suppliercontact", _FIRST_CONTACT)
    for code, name, supply_type, phone, contact in _MAKERS:
        _add(world, code, name, supply_type, supplierPhone=phone, supplierMarkup=40)
        if contact:
            person = {"supplier": code, "suppliercontactForwardsfullName": contact}
            world.add("suppliercontact", person)
    # Somebody who delivers no more until an old bill is settled.
    _add(world, CLOSED, "Old Quay Haulage", HAULAGE, supplierOnHold=True)


def _seed_claimant(world: World, colleague: story.Colleague) -> None:
    """Add a colleague, who gets money back for expenses, as a supplier."""
    for company in (INTERIORS, SERVICE) if colleague is story.TOBIAS else (INTERIORS,):
        _add(
            world,
            f"{company}/{colleague.code.upper()}",
            f"{colleague.name}, expenses",
            HOTEL,
            supplierExpense=True,
            supplierInactive=not colleague.active,
            supplierMultiCurrency=colleague.country != "United Kingdom",
        )


def _add(world: World, code: str, name: str, supply_type: str, **more: object) -> None:
    data = {"supplierName": name, "supplierSupplytype": supply_type, **more}
    world.add(SUPPLIERS.kind, data, key=code, company=int(code[0]))
