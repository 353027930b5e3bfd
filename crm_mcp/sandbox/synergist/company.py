"""Tidewell in Synergist: its companies, teams and users, and what its users sign in with."""

from collections.abc import Mapping
from hashlib import sha512
from types import MappingProxyType

from crm_mcp.sandbox import story
from crm_mcp.sandbox.synergist.calls import Area
from crm_mcp.sandbox.synergist.errors import Code, RefusalError
from crm_mcp.sandbox.synergist.reads import Listing, reading
from crm_mcp.sandbox.synergist.tables import Field, Shown, Table, fields
from crm_mcp.sandbox.synergist.wire import Ask, Done, Rows, Said
from crm_mcp.sandbox.synergist.world import EVERY_COMPANY, Record, World

VERSION = "3.2"
INTERIORS = 1
SERVICE = 2
"""The company whose jobs take their dates from their phases, and numbers with a prefix."""

CREDENTIALS: Mapping[str, str] = MappingProxyType(
    {
        "user": story.MAYA.code.lower(),
        "password": "sandbox-password-of-maya",
        # The stand-in itself takes the files that Amazon S3 would take.
        "upload_hosts": "localhost,127.0.0.1,sandbox.localhost",
    }
)

_FIRST_USER = 11
_TEAMS: Mapping[str, tuple[str, tuple[story.Colleague, ...]]] = {
    "1/SAL": ("Sales", tuple(c for c in story.COLLEAGUES if "Sales" in c.teams)),
    "1/MKT": ("Marketing", tuple(c for c in story.COLLEAGUES if "Marketing" in c.teams)),
    "2/SER": ("Service", (story.OWEN, story.TOBIAS)),
}
_RELEASE = 12.2
_REVISION = "d"

COMPANIES = Table(
    kind="company",
    prefix="company",
    key="companyNumber",
    head=("companyUuid", "companyModified", "companyRecordVersionNumber"),
    models=("companieslist", "companydetails"),
    fields=(
        Field("companyDefault", "boolean"),
        Field("companyNumber", "number"),
        *fields(Shown.BOTH, "companyName", "companyCountry", "companyTimeZoneCode"),
        Field("companyTimesheetapproval", "boolean", Shown.DETAILS),
        Field("companyDatesFromPhases", "boolean", Shown.NOWHERE),
        Field("companyManualPrefixes", "boolean", Shown.NOWHERE),
    ),
)
USERS = Table(
    kind="user",
    prefix="user",
    key="userUserId",
    head=("userUuid", "userTimestampModified", "userRecordVersionNumber"),
    models=("userslist", "userdetails"),
    fields=(
        Field("userFullName"),
        Field("userUserId", "number"),
        *fields(Shown.NOWHERE, "userLogin", "userPassword", "userResourceCode"),
        Field("userActive", "boolean", Shown.NOWHERE),
    ),
)


def let_in(world: World, query: Mapping[str, str]) -> Record:
    """Tell who calls, by name and password or by the hash of the password.

    Raises:
        RefusalError: nobody, or somebody who may not.
    """
    name = query.get("user", "").strip().casefold()
    password, hashed = query.get("password", ""), query.get("sha512password", "")
    if not name or not (password or hashed):
        raise RefusalError("no credentials supplied", Code.NO_CREDENTIALS)
    given = hash_of(password) if password else hashed.lower()
    for user in world.all(USERS.kind):
        is_right = hash_of(user["userPassword"]) == given
        if user["userLogin"].casefold() == name and is_right:
            if not user["userActive"]:
                raise RefusalError("account disabled", Code.ACCOUNT_DISABLED)
            return user
    raise RefusalError("invalid credentials supplied", Code.WRONG_CREDENTIALS)


def hash_of(password: str) -> str:
    """Hash a password as Synergist does."""
    return sha512(password.encode("utf-8", "surrogatepass")).hexdigest()


def user_named(world: World, name: str) -> Record:
    """Find a user by the full name."""
    return world.where(USERS.kind, userFullName=name)[0]


def members(world: World, team: str) -> list[Record]:
    """List the active users of a team, or all of them where none is named."""
    active = world.where(USERS.kind, userActive=True)
    wanted = team.casefold()
    return [user for user in active if not team or wanted in user["teams"]]


def _version(world: World, _: Ask) -> Said:
    row = {
        "uuid": world.find(COMPANIES.kind, INTERIORS).uuid,
        "systemparameters_versionno": _RELEASE,
        "systemparameters_versionrevision": _REVISION,
        "variable_apiversion": VERSION,
        # The document says that this call tells where attachments are kept, and not how.
        "variable_attachmentstorage": "Amazon S3" if world.uses_s3 else "Database",
    }
    return Done("", [row])


def _password_hash(_: World, ask: Ask) -> Said:
    user = ask.user
    row = {"userUserId": user.key, **USERS.stamp(user)}
    return Rows([{**row, "userPasswordSha512": hash_of(user["userPassword"])}])


def _seed(world: World) -> None:
    for number, name in ((INTERIORS, "Tidewell Interiors"), (SERVICE, "Tidewell Service")):
        data = {
            "companyDefault": number == INTERIORS,
            "companyName": name,
            "companyCountry": "UK",
            "companyTimeZoneCode": "UTCA",
            "companyTimesheetapproval": number == INTERIORS,
            "companyDatesFromPhases": number == SERVICE,
            "companyManualPrefixes": number == SERVICE,
        }
        world.add(COMPANIES.kind, data, key=number, company=number)
    for code, (name, _) in _TEAMS.items():
        company = int(code.partition("/")[0])
        world.add("team", {"teamDescription": name}, key=code, company=company)
    for number, colleague in enumerate(story.COLLEAGUES, _FIRST_USER):
        _add_user(world, number, colleague)


def _add_user(world: World, number: int, colleague: story.Colleague) -> None:
    teams = (code for code, (_, people) in _TEAMS.items() if colleague in people)
    data = {
        "userFullName": colleague.name,
        "userLogin": colleague.code,
        "userPassword": f"sandbox-password-of-{colleague.code.lower()}",
        "userResourceCode": f"{INTERIORS}/{colleague.code.upper()}",
        "userActive": colleague.active,
        "teams": frozenset(code.casefold() for code in teams),
    }
    world.add(USERS.kind, data, key=number, company=EVERY_COMPANY)


AREA = Area(
    {
        ("companies", ""): reading(Listing(COMPANIES)),
        ("system", "version"): _version,
        ("users", "getsha512"): _password_hash,
    },
    _seed,
)
