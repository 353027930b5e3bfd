"""Organizations, which Synergist calls clients, and the contacts at them."""

from crm_mcp.sandbox import story
from crm_mcp.sandbox.synergist.calls import Area
from crm_mcp.sandbox.synergist.company import INTERIORS, SERVICE, user_named
from crm_mcp.sandbox.synergist.pickers import choices
from crm_mcp.sandbox.synergist.reads import Listing, reading, with_company
from crm_mcp.sandbox.synergist.tables import Field, Shown, Table, fields, via
from crm_mcp.sandbox.synergist.wire import Ask, Said
from crm_mcp.sandbox.synergist.world import View, World

CLIENT_CATEGORY = 3
PROSPECT_CATEGORY = 1
OWN_CATEGORY = 4
OWN_CLIENT = "1/TID001"
"""Tidewell itself, for jobs in house."""

_FIRST_CONTACT = 8601
_TRADES = {
    story.CALDER: ("Law", "Professional services", "Gold"),
    story.BRIGHTWATER: ("Dentistry", "Health", "Silver"),
    story.NORDKAMM: ("Logistics", "Transport", "Gold"),
    story.LINDGREN: ("Architecture", "Professional services", "Gold"),
    story.FERNHOLLOW: ("Schools", "Education", "Bronze"),
    story.WEIDENBACH: ("Publishing", "Media", "Bronze"),
    story.OSTVIK: ("Brewing", "Food and drink", ""),
    story.MOORFIELD: ("Software", "Technology", ""),
    story.MAINBOGEN: ("Hospitals", "Health", ""),
}

CLIENTS = Table(
    kind="client",
    prefix="client",
    key="clientCode",
    head=("clientUuid", "clientTimeStampModified", "clientRecordVersionNumber"),
    models=("clientslist", "clientdetails"),
    fields=(
        Field("clientCustomField196", label="Floor plan number"),
        Field("clientCustomField211", "date", label="Showroom visit"),
        Field("clientCustomField315", "boolean", label="Newsletter"),
        *fields(Shown.BOTH, "clientCode", "clientName", "clientCategoryName", "clientPhone"),
        *fields(Shown.BOTH, "clientCategory", "clientHandlerUserID", of="number"),
        *fields(Shown.BOTH, "clientWebURL", "clientEmail"),
        Field("clientInactive", "boolean"),
        *fields(Shown.BOTH, "clientType", "clientOpStatus", "clientMarketSector"),
        Field("clientOnHold", "boolean"),
        Field("clientHandlerFullName"),
        *fields(Shown.DETAILS, "clientAdd1", "clientAdd2", "clientAdd3", "clientAdd4"),
    ),
    derived={"clientHandlerFullName": via("user", "clientHandlerUserID", "userFullName")},
)
CONTACTS = Table(
    kind="clientcontact",
    prefix="clientcontact",
    key="clientcontactInternalRef",
    head=(
        "clientcontactuuid",
        "clientcontactTimeStampModified",
        "clientcontactRecordVersionNumber",
    ),
    models=("clientcontactslist", "clientcontactdetails"),
    fields=(
        Field("clientcontactCustomField200", label="Prefers"),
        Field("clientcontactInternalRef", "number"),
        *fields(Shown.BOTH, "clientcontactClientCode", "clientcontactTitle"),
        *fields(Shown.BOTH, "clientcontactFirstName", "clientcontactMiddleInitials"),
        *fields(Shown.BOTH, "clientcontactName", "clientcontactFullName"),
        Field("clientcontactBackwardsFullName", shown=Shown.DETAILS),
        *fields(Shown.BOTH, "clientcontactJobTitle", "clientcontactSalutation"),
        *fields(Shown.BOTH, "clientcontactCellPhone", "clientcontactDirectTelephone"),
        *fields(Shown.DETAILS, "clientcontactOtherPhone", "clientcontactSecondaryPhone"),
        *fields(Shown.DETAILS, "clientcontactClientPhone", "clientcontactFax"),
        Field("clientcontactEMail"),
        *fields(Shown.DETAILS, *(f"clientcontactAdd{number}" for number in range(1, 8))),
        Field("clientcontactInactive", "boolean"),
        Field("clientcontactInterests", shown=Shown.DETAILS),
    ),
    derived={
        "clientcontactClientPhone": via("client", "clientcontactClientCode", "clientPhone"),
        **{
            f"clientcontactAdd{number}": via(
                "client", "clientcontactClientCode", f"clientAdd{number}"
            )
            for number in range(1, 5)
        },
    },
)

CLIENT_LISTING = Listing(
    CLIENTS,
    own=("client", "clientcode"),
    filters={"clienttype": ("clientType",)},
    views=("Organizations",),
)
CONTACT_LISTING = Listing(
    CONTACTS,
    own=("clientcontact",),
    filters={"client": ("clientcontactClientCode",)},
    views=("Contacts",),
)


def contact_choices(world: World, ask: Ask) -> Said:
    """List the contacts of a client to choose from; the first is the usual one."""
    client = world.find(CLIENTS.kind, ask.required("client"))
    contacts = world.where(CONTACTS.kind, clientcontactClientCode=client.key)
    chosen = [contact.key for contact in contacts[:1]]
    return choices(contacts, CONTACTS.key, "clientcontactFullName", chosen=chosen)


def client_code(company: story.Company, number: int = INTERIORS) -> str:
    """Give the code of a company of the story in one of Tidewell's companies."""
    return f"{number}/{company.name[:3].upper()}001"


def _seed(world: World) -> None:
    for company in story.COMPANIES:
        _add_client(world, company, INTERIORS)
    _add_client(world, story.LINDGREN, SERVICE)
    own = {
        "clientName": "Tidewell Interiors",
        "clientCategoryName": "In house",
        "clientCategory": OWN_CATEGORY,
        "clientHandlerUserID": user_named(world, story.MAYA.name).key,
    }
    world.add(CLIENTS.kind, own, key=OWN_CLIENT)
    for person in story.PEOPLE:
        _add_contact(world, person)


def _add_client(world: World, company: story.Company, number: int) -> None:
    kind, sector, status = _TRADES[company]
    is_client = company.team == "Sales"
    address = company.address
    data = {
        "clientName": company.name,
        "clientCategoryName": "Client" if is_client else "Prospect",
        "clientCategory": CLIENT_CATEGORY if is_client else PROSPECT_CATEGORY,
        "clientPhone": company.phone,
        "clientHandlerUserID": user_named(world, company.owner.name).key,
        "clientWebURL": company.website,
        "clientEmail": f"office@{company.website}",
        "clientType": kind,
        "clientOpStatus": status,
        "clientMarketSector": sector,
        "clientAdd1": address.street,
        "clientAdd2": address.city,
        "clientAdd3": address.postcode,
        "clientAdd4": address.country,
        # Somebody keeps them waiting: no new jobs for them.
        "clientOnHold": company is story.WEIDENBACH,
        "clientCustomField315": is_client,
    }
    world.add(CLIENTS.kind, data, key=client_code(company, number), company=number)


def _add_contact(world: World, person: story.Person) -> None:
    first, _, last = person.name.partition(" ")
    data = {
        "clientcontactClientCode": client_code(person.company),
        "clientcontactFirstName": first,
        "clientcontactName": last,
        "clientcontactFullName": person.name,
        "clientcontactBackwardsFullName": f"{last}, {first}",
        "clientcontactJobTitle": person.job_title,
        "clientcontactSalutation": first,
        "clientcontactCellPhone": person.mobile,
        "clientcontactDirectTelephone": person.phone,
        "clientcontactEMail": person.email,
    }
    world.add(CONTACTS.kind, data, key=contact_number(person))


def contact_number(person: story.Person) -> int:
    """Give the number of a contact of the story."""
    return _FIRST_CONTACT - 1 + person.id


AREA = Area(
    {
        ("clients", ""): reading(CLIENT_LISTING),
        ("organizations", ""): with_company(reading(CLIENT_LISTING)),
        ("clientcontacts", ""): with_company(reading(CONTACT_LISTING)),
    },
    _seed,
    (
        View(
            -1001,
            "Organizations",
            "Active clients",
            lambda row, _: row["clientCategory"] == CLIENT_CATEGORY,
            "clientName",
        ),
        View(
            -1002,
            "Organizations",
            "Prospects",
            lambda row, _: row["clientCategory"] == PROSPECT_CATEGORY,
            "clientName",
        ),
        View(-1101, "Contacts", "All contacts", lambda *_: True, "clientcontactBackwardsFullName"),
        View(
            44486,
            "Organizations",
            "Gold clients",
            lambda row, _: row["clientOpStatus"] == "Gold",
            "clientName",
            company=INTERIORS,
        ),
    ),
)
