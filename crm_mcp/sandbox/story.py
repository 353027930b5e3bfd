"""The story that every stand-in tells: a small company, its colleagues and its customers.

Tidewell Interiors of Bristol furnishes offices in Britain, Germany and Sweden. All of it is made
up: addresses end in example.com, telephone numbers come from the ranges that the regulators of the
three countries keep free for fiction, and British postcodes end in letters that none has.
"""

import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

TODAY = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
"""Monday morning; the clock of every stand-in begins here."""

Team = Literal["Sales", "Marketing"]
Stage = Literal["Proposed", "Negotiating", "Won", "Lost"]
Way = Literal["call", "email", "sms"]


@dataclass(frozen=True)
class Colleague:
    """Somebody who works at Tidewell; `code` is the short name that lists show."""

    code: str
    name: str
    teams: tuple[Team, ...]
    region: str = ""
    country: str = "United Kingdom"
    postcode_regions: tuple[str, ...] = ()
    minutes_from_gmt: int = 0
    active: bool = True

    @property
    def email(self) -> str:
        """The mailbox at Tidewell."""
        return f"{self.code.lower()}@tidewell.example.com"


@dataclass(frozen=True)
class Address:
    """Where a company is."""

    street: str
    city: str
    postcode: str
    country: str


@dataclass(frozen=True)
class Company:
    """A customer, looked after by Sales, or a prospect, looked after by Marketing."""

    number: str
    name: str
    address: Address
    phone: str
    website: str
    team: Team
    owner: Colleague

    @property
    def lead_id(self) -> str:
        """The number of the enquiry that the company came from."""
        return f"L-{self.number}"

    @property
    def external_id(self) -> str:
        """The number of the account in the books."""
        return f"TW-{self.number}"


@dataclass(frozen=True)
class Person:
    """A contact at a company."""

    id: int
    name: str
    job_title: str
    phone: str
    mobile: str
    company: Company

    @property
    def email(self) -> str:
        """The mailbox at the person's company: the name in plain letters."""
        plain = unicodedata.normalize("NFKD", self.name).encode("ascii", "ignore").decode()
        return f"{plain.lower().replace(' ', '.')}@{self.company.website}"

    @property
    def external_id(self) -> str:
        """The number of the contact in the books."""
        return f"TWC-{self.id}"


@dataclass(frozen=True)
class Product:
    """Something Tidewell sells; the price is in pounds, without tax."""

    code: str
    name: str
    manufacturer: str
    group: str
    price: int


@dataclass(frozen=True)
class Project:
    """A campaign or a service that a team works on."""

    code: str
    description: str
    team: Team
    starts: datetime
    ends: datetime


@dataclass(frozen=True)
class Deal:
    """A product that a contact's company has bought, or thinks about."""

    reference: str
    person: Person
    product: Product
    quantity: int
    stage: Stage
    probability: int
    project: Project
    opened: datetime

    @property
    def value(self) -> int:
        """The price of all pieces, in pounds, without tax."""
        return self.quantity * self.product.price

    @property
    def ordered(self) -> int:
        """How many pieces are really ordered."""
        return self.quantity if self.stage == "Won" else 0


@dataclass(frozen=True)
class Remark:
    """What somebody wrote down about a contact."""

    person: Person
    written: datetime
    text: str


@dataclass(frozen=True)
class Talk:
    """A call or message; `minutes` is zero for what has no length."""

    person: Person
    way: Way
    incoming: bool
    at: datetime
    minutes: int = 0


def day(year: int, month: int, number: int) -> datetime:
    """Name the beginning of a day, in UTC."""
    return datetime(year, month, number, tzinfo=UTC)


MAYA = Colleague(
    "Maya",
    "Maya Thornbury",
    ("Sales", "Marketing"),
    "South and Wales",
    postcode_regions=("BS", "CF", "EC"),
)
OWEN = Colleague(
    "Owen", "Owen Pritchard", ("Sales",), "North of England", postcode_regions=("LS", "M")
)
GRETA = Colleague("Greta", "Greta Hollmann", ("Sales",), "Germany", "Germany", minutes_from_gmt=60)
TOBIAS = Colleague(
    "Tobias",
    "Tobias Ekström",
    ("Sales", "Marketing"),
    "Nordic countries",
    "Sweden",
    minutes_from_gmt=60,
)
IMOGEN = Colleague("Imogen", "Imogen Clarke", ("Marketing",), "London")
RUFUS = Colleague("Rufus", "Rufus Ashdown", ("Sales",), active=False)
COLLEAGUES = (MAYA, OWEN, GRETA, TOBIAS, IMOGEN, RUFUS)

CALDER = Company(
    "1",
    "Calder & Wrenfield Solicitors",
    Address("14 Canal Parade", "Leeds", "LS1 4CK", "United Kingdom"),
    "0113 496 0101",
    "calder-wrenfield.example.com",
    "Sales",
    OWEN,
)
BRIGHTWATER = Company(
    "2",
    "Brightwater Dental Group",
    Address("3 Weavers Row", "Manchester", "M1 2KV", "United Kingdom"),
    "0161 496 0102",
    "brightwater-dental.example.com",
    "Sales",
    OWEN,
)
NORDKAMM = Company(
    "3",
    "Nordkamm Logistik GmbH",
    Address("Speicherkai 7", "Hamburg", "20457", "Germany"),
    "+49 40 66969 103",
    "nordkamm-logistik.example.com",
    "Sales",
    GRETA,
)
LINDGREN = Company(
    "4",
    "Lindgren & Åhlund Arkitekter AB",
    Address("Hamnplan 12", "Göteborg", "411 04", "Sweden"),
    "+46 31 390 06 04",
    "lindgren-ahlund.example.com",
    "Sales",
    TOBIAS,
)
FERNHOLLOW = Company(
    "5",
    "Fernhollow Schools Trust",
    Address("40 Dock Road", "Cardiff", "CF10 3CM", "United Kingdom"),
    "029 2018 0105",
    "fernhollow-schools.example.com",
    "Sales",
    MAYA,
)
WEIDENBACH = Company(
    "57A",
    "Weidenbach Verlag GmbH",
    Address("Lindenhof 21", "Berlin", "10115", "Germany"),
    "+49 30 23125 106",
    "weidenbach-verlag.example.com",
    "Sales",
    GRETA,
)
OSTVIK = Company(
    "7",
    "Ostvik Bryggeri AB",
    Address("Kajvägen 5", "Stockholm", "116 30", "Sweden"),
    "+46 8 465 004 21",
    "ostvik-bryggeri.example.com",
    "Marketing",
    TOBIAS,
)
MOORFIELD = Company(
    "8",
    "Moorfield Analytics Ltd",
    Address("88 Copper Lane", "London", "EC2A 1VO", "United Kingdom"),
    "020 7946 0202",
    "moorfield-analytics.example.com",
    "Marketing",
    IMOGEN,
)
MAINBOGEN = Company(
    "9",
    "Mainbogen Kliniken GmbH",
    Address("Uferstraße 9", "Frankfurt am Main", "60311", "Germany"),
    "+49 69 90009 203",
    "mainbogen-kliniken.example.com",
    "Marketing",
    IMOGEN,
)
COMPANIES = (
    CALDER,
    BRIGHTWATER,
    NORDKAMM,
    LINDGREN,
    FERNHOLLOW,
    WEIDENBACH,
    OSTVIK,
    MOORFIELD,
    MAINBOGEN,
)

ELEANOR = Person(1, "Eleanor Whitby", "Practice Manager", "0113 496 0111", "07700 900111", CALDER)
DANIEL = Person(2, "Daniel Okeford", "Partner", "0113 496 0112", "07700 900112", CALDER)
HARRIET = Person(
    3, "Harriet Lowe", "Operations Director", "0161 496 0113", "07700 900113", BRIGHTWATER
)
JUERGEN = Person(
    4, "Jürgen Möller", "Leiter Einkauf", "+49 40 66969 114", "+49 171 39200 14", NORDKAMM
)
ANKE = Person(
    5, "Anke Petersen", "Geschäftsführerin", "+49 40 66969 115", "+49 171 39200 15", NORDKAMM
)
KARIN = Person(6, "Karin Åhlund", "Partner", "+46 31 390 06 16", "+46 70 174 06 16", LINDGREN)
GARETH = Person(7, "Gareth Bowen", "Head of Estates", "029 2018 0117", "07700 900117", FERNHOLLOW)
SOPHIE = Person(
    8, "Sophie Lang", "Office-Managerin", "+49 30 23125 118", "+49 171 39200 18", WEIDENBACH
)
NILS = Person(9, "Nils Sandberg", "Kontorschef", "+46 8 465 004 29", "+46 70 174 06 29", OSTVIK)
BEATRICE = Person(
    10, "Beatrice Holloway", "Chief of Staff", "020 7946 0210", "07700 900210", MOORFIELD
)
SAMUEL = Person(
    11, "Samuel Wray", "Facilities Assistant", "020 7946 0211", "07700 900211", MOORFIELD
)
LENA = Person(
    12, "Lena Brandt", "Kaufmännische Leiterin", "+49 69 90009 212", "+49 171 39200 22", MAINBOGEN
)
PEOPLE = (
    ELEANOR,
    DANIEL,
    HARRIET,
    JUERGEN,
    ANKE,
    KARIN,
    GARETH,
    SOPHIE,
    NILS,
    BEATRICE,
    SAMUEL,
    LENA,
)

TASK_CHAIR = Product("AS-TASK", "Task Chair Heron", "Ashgrove Seating", "Seating", 285)
LOUNGE_CHAIR = Product("AS-LOUNGE", "Lounge Chair Teal", "Ashgrove Seating", "Seating", 640)
DESK = Product("BM-DESK", "Sit-Stand Desk Fjord", "Björkvik Möbler", "Desks", 720)
TABLE = Product("BM-TABLE", "Meeting Table Holm", "Björkvik Möbler", "Tables", 1450)
BOOTH = Product("SK-BOOTH", "Acoustic Booth Stille", "Steinkamp Akustik", "Acoustics", 5900)
PRODUCTS = (TASK_CHAIR, LOUNGE_CHAIR, DESK, TABLE, BOOTH)

REFIT = Project(
    "Spring Refit", "Offices furnished anew", "Sales", day(2026, 1, 5), day(2026, 6, 30)
)
SERVICE = Project(
    "Service Contracts", "Yearly care of furniture", "Sales", day(2024, 4, 1), day(2030, 12, 31)
)
LAUNCH = Project(
    "Sit-Stand Launch", "The new desks", "Marketing", day(2026, 2, 2), day(2026, 5, 29)
)
TOUR = Project(
    "Quiet Office Tour", "Booths on show", "Marketing", day(2026, 3, 9), day(2026, 9, 25)
)
PROJECTS = (REFIT, SERVICE, LAUNCH, TOUR)

DEALS = (
    Deal("1001", ELEANOR, TASK_CHAIR, 24, "Won", 100, REFIT, day(2026, 1, 14)),
    Deal("1002", DANIEL, TABLE, 2, "Negotiating", 60, REFIT, day(2026, 2, 3)),
    Deal("1003", HARRIET, LOUNGE_CHAIR, 8, "Proposed", 30, REFIT, day(2026, 2, 12)),
    Deal("1004", JUERGEN, DESK, 60, "Negotiating", 70, REFIT, day(2026, 1, 29)),
    Deal("1005", KARIN, BOOTH, 1, "Won", 100, SERVICE, day(2025, 11, 6)),
    Deal("1006", SOPHIE, DESK, 12, "Lost", 0, REFIT, day(2025, 12, 1)),
    Deal("2001", BEATRICE, BOOTH, 3, "Proposed", 20, TOUR, day(2026, 2, 24)),
)

REMARKS = (
    Remark(ELEANOR, day(2026, 1, 14), "Wants the chairs in two lots, reception first."),
    Remark(DANIEL, day(2026, 2, 3), "Asks for a table top that hides cables."),
    Remark(HARRIET, day(2026, 2, 12), "Decides after the partners' meeting in March."),
    Remark(JUERGEN, day(2026, 1, 29), "Needs an offer in German, with delivery by floor."),
    Remark(ANKE, day(2026, 2, 5), "Signs everything above 25,000 euros herself."),
    Remark(KARIN, day(2025, 11, 6), "Booth stands well; may recommend us to two builders."),
    Remark(GARETH, day(2026, 2, 16), "Budget is fixed in April; call again then."),
    Remark(SOPHIE, day(2025, 12, 1), "Chose a cheaper desk; happy to hear from us next year."),
    Remark(BEATRICE, day(2026, 2, 24), "Noise is the problem, not space."),
    Remark(LENA, day(2026, 2, 18), "Prefers email; never call before ten."),
)

TALKS = (
    Talk(KARIN, "email", incoming=True, at=day(2025, 11, 5)),
    Talk(SOPHIE, "call", incoming=False, at=day(2025, 11, 28), minutes=18),
    Talk(ELEANOR, "call", incoming=True, at=day(2026, 1, 13), minutes=12),
    Talk(ELEANOR, "email", incoming=False, at=day(2026, 1, 14)),
    Talk(JUERGEN, "email", incoming=True, at=day(2026, 1, 27)),
    Talk(JUERGEN, "call", incoming=False, at=day(2026, 1, 29), minutes=25),
    Talk(DANIEL, "call", incoming=False, at=day(2026, 2, 2), minutes=9),
    Talk(ANKE, "email", incoming=False, at=day(2026, 2, 5)),
    Talk(HARRIET, "sms", incoming=True, at=day(2026, 2, 11)),
    Talk(HARRIET, "call", incoming=False, at=day(2026, 2, 12), minutes=7),
    Talk(GARETH, "call", incoming=True, at=day(2026, 2, 16), minutes=14),
    Talk(LENA, "email", incoming=True, at=day(2026, 2, 18)),
    Talk(BEATRICE, "call", incoming=True, at=day(2026, 2, 23), minutes=21),
    Talk(NILS, "email", incoming=False, at=day(2026, 2, 25)),
)
