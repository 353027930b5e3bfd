"""Named accounts, who may use which, and what a caller leaves out: each step only takes away."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp import Client
from open_crm import catalogue
from serviced import HELLO, TOKENS, Service, serving_service
from sockets import serving
from test_service import ERAS, READ, WRITE, called, product
from test_service_attacks import ACCEPT

from crm_mcp.access import Access, Narrowing, Offer, TooWideError
from crm_mcp.app import load_catalogue, offer_of, open_app
from crm_mcp.config import AccountSettings, Settings, load_settings
from crm_mcp.errors import ConfigError, PermitError
from crm_mcp.guard import Allow, Ask, Gate, Mode, Policy, Refuse, judge
from crm_mcp.identity import Identity
from crm_mcp.rights import FULL, Rights
from crm_mcp.sandbox.app import Sandbox
from crm_mcp.service.app import service_app
from crm_mcp.testing import Decision
from crm_mcp.vendors import load_vendor_code
from crm_mcp.views import MAX_VIEWS, Views

ACCESS = {
    "support": {"groups": ["support"], "accounts": ["support"], "mode": "read_only"},
    "anna": {"callers": ["anna"], "accounts": ["sales", "support", "invoices"]},
    "readers": {
        "callers": ["token:reader"],
        "accounts": ["support"],
        "allow": ["fivecrm_owners_*", "fivecrm_customer*"],
        "deny": ["fivecrm_customer_statuses_list"],
    },
}
FILE = """
[fivecrm]
base_url = "https://main.example.com"


[accounts.sales]
vendor = "fivecrm"
base_url = "https://sales.example.com"


[accounts.sales-north]
vendor = "fivecrm"
base_url = "https://north.example.com"


[access.everybody]
callers = ["*"]
accounts = ["sales"]
mode = "read_only"
"""


class Departments:
    """Two FIVE CRMs and a Synergist, each with its own stand-in on its own socket."""

    def __init__(self, folder: Path, **general: Any) -> None:
        self._stack = ExitStack()
        self.crms = {name: Sandbox(load_catalogue()) for name in ("sales", "support", "invoices")}
        self._folder = folder
        self._general = general

    def __enter__(self) -> Self:
        accounts = {}
        for name, crm in self.crms.items():
            origin = self._stack.enter_context(serving(crm))
            vendor = "synergist" if name == "invoices" else "fivecrm"
            told = crm.settings(vendor, origin)
            settings = load_vendor_code(vendor).settings(**told, rate=1_000)
            accounts[name] = AccountSettings(vendor=vendor, settings=settings)
        self.service: Service = self._stack.enter_context(
            serving_service(self._folder, accounts=accounts, access=ACCESS, general=self._general)
        )
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.__exit__(None, None, None)

    def seen(self, name: str) -> list[str]:
        """List the operations that one CRM was asked for."""
        return [entry.operation for entry in self.crms[name].log]


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Departments]:
    with Departments(tmp_path_factory.mktemp("departments")) as team:
        yield team


def asked_as(name: str, team: Departments, **narrowing: str) -> httpx2.Response:
    """Send one request, with these headers as they are."""
    headers = {"authorization": f"Bearer {TOKENS[name]}", **narrowing}
    with httpx2.Client(headers=ACCEPT) as http:
        return http.post(team.service.url, json=HELLO, headers=headers)


async def names_of(client: Client) -> set[str]:
    return {tool.name for tool in (await client.list_tools()).tools}


@pytest.mark.anyio
@pytest.mark.parametrize("era", ERAS)
async def test_the_first_account_of_a_crm_is_the_usual_one_and_stands_everywhere(
    team: Departments, era: str
) -> None:
    previews: list[str] = []

    def read(preview: str) -> Decision:
        previews.append(preview)
        return "approve"

    before = len(team.seen("support"))
    async with team.service.client("anna", era, read) as mcp:
        told = await called(mcp, WRITE, product(f"ACC-{era}"))

    name = told["source"]["account"]
    assert name.startswith("sales: fivecrm (127.0.0.1:")
    assert f"Account: {name}" in previews[-1]
    assert team.service.events("result")[-1]["account"] == name
    assert team.seen("sales")[-1]
    assert len(team.seen("support")) == before


@pytest.mark.anyio
@pytest.mark.parametrize("era", ERAS)
async def test_a_caller_chooses_another_of_their_accounts(team: Departments, era: str) -> None:
    before = len(team.seen("sales"))
    async with team.service.client("anna", era, wishes={"accounts": "support"}) as mcp:
        told = await called(mcp, READ, {"area": "001"})
        tools = await names_of(mcp)

    assert told["source"]["account"].startswith("support: ")
    assert len(team.seen("sales")) == before
    assert not {name for name in tools if name.startswith("synergist_")}


@pytest.mark.anyio
async def test_a_group_has_what_its_table_gives_and_nothing_else(team: Departments) -> None:
    async with team.service.client("ben") as mcp:
        tools = await names_of(mcp)
        account = (await called(mcp, READ, {"area": "001"}))["source"]["account"]
        write = await called(mcp, WRITE, product("GROUP-1"))
        found = await called(mcp, "crm_find_tools", {"query": "import products"})
        other = await called(mcp, "crm_call_read", {"name": "synergist_jobs_list", "arguments": {}})

    assert account.startswith("support: ")
    assert READ in tools
    assert WRITE not in tools
    assert (write["error"], other["error"]) == ("refused", "not_callable")
    assert "only reads" in write["message"]
    assert all(row["effect"] == "read" for row in found["data"])
    assert team.service.events("refused")[-1]["caller"] == "token:ben"


@pytest.mark.anyio
async def test_a_table_switches_tools_on_and_off(team: Departments) -> None:
    async with team.service.client("reader", wishes={"toolsets": "all"}) as mcp:
        tools = await names_of(mcp)
        denied = await called(mcp, "fivecrm_customer_statuses_list", {"area": "001"})

    crm = {name for name in tools if name.startswith("fivecrm_")}
    assert READ in crm
    assert all(name.startswith(("fivecrm_owners_", "fivecrm_customer_")) for name in crm)
    assert denied["error"] == "refused"


@pytest.mark.anyio
async def test_a_reader_is_shown_no_tools_that_write(team: Departments) -> None:
    writes = {one.name for one in catalogue()["fivecrm"] if one.is_write}
    async with team.service.client("reader", wishes={"toolsets": "all"}) as mcp:
        assert not await names_of(mcp) & writes


@pytest.mark.anyio
async def test_a_caller_leaves_tools_out_of_their_own_view(team: Departments) -> None:
    async with team.service.client("anna") as wide:
        before = await names_of(wide)
    wishes = {"toolsets": "fivecrm.*", "deny": "fivecrm_owners_*", "accounts": "sales"}
    async with team.service.client("anna", wishes=wishes) as mcp:
        narrow = await names_of(mcp)
        refused = await called(mcp, READ, {"area": "001"})

    assert READ in before - narrow
    assert "switched off" in refused["message"]


@pytest.mark.anyio
async def test_mode_is_a_header_too(team: Departments) -> None:
    told = {"x-crm-mode": "read_only", "authorization": f"Bearer {TOKENS['anna']}"}
    call = {"name": WRITE, "arguments": product("HEADER-1")}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
    with httpx2.Client(headers=ACCEPT | told) as http:
        session = http.post(team.service.url, json=HELLO).headers["mcp-session-id"]
        answer = http.post(team.service.url, json=message, headers={"mcp-session-id": session})

    assert "this server only reads" in answer.text


@pytest.mark.parametrize(
    ("caller", "header", "value", "why"),
    [
        ("ben", "accounts", "sales", "no account 'sales'"),
        ("ben", "accounts", "support,sales", "no account 'sales'"),
        ("ben", "accounts", "fivecrm", "no account 'fivecrm'"),
        ("ben", "mode", "confirm", "wider than read_only"),
        ("anna", "mode", "unattended", "wider than confirm"),
        ("anna", "mode", "everything", "mode"),
        ("anna", "accounts", ",", "accounts is empty"),
        ("anna", "allow", ",", "allow is empty"),
        ("anna", "deny", "nothing_like_it", "fits no tool"),
        ("anna", "toolsets", "nothing.like.it", "fits no toolset"),
        ("nobody", "x", "x", "access to nothing"),
    ],
)
def test_whoever_wants_more_than_theirs_is_refused_and_recorded(
    team: Departments, caller: str, header: str, value: str, why: str
) -> None:
    answer = asked_as(caller, team, **{f"x-crm-{header}": value})

    assert answer.status_code == 403
    assert why in answer.json()["message"]
    line = team.service.events("denied")[-1]
    assert (line["caller"], line["status"]) == (f"token:{caller}", 403)
    assert why in line["why"]


def test_a_refusal_names_no_account_of_others(team: Departments) -> None:
    told = asked_as("ben", team, **{"x-crm-accounts": "nothing"}).text

    assert "support" in told
    assert "sales" not in told
    assert "invoices" not in told


@pytest.mark.parametrize("header", [f"x-crm-{name}" for name in Narrowing.model_fields])
def test_a_narrowing_that_stands_twice_is_refused(team: Departments, header: str) -> None:
    pairs = [("authorization", f"Bearer {TOKENS['anna']}"), (header, "a"), (header, "b")]
    with httpx2.Client(headers=ACCEPT) as http:
        assert http.post(team.service.url, json=HELLO, headers=pairs).status_code == 400


@pytest.mark.anyio
async def test_no_caller_reaches_another_account_by_a_name_in_the_call(team: Departments) -> None:
    before = len(team.seen("sales"))
    async with team.service.client("ben") as mcp:
        for name in ("account", "_account", "_accounts", "x-crm-accounts", "base_url"):
            told = await called(mcp, READ, {"area": "001", name: "sales"})
            assert told["error"] == "invalid_arguments"
        for uri in ("crm://sales/interact_notifications_listen", "crm://sales/files/x/y"):
            with pytest.raises(Exception, match="There is no resource"):
                await mcp.read_resource(uri)

    assert len(team.seen("sales")) == before


@pytest.mark.anyio
async def test_an_approval_for_one_account_is_worth_nothing_at_another(team: Departments) -> None:
    call = product("TWO-ACCOUNTS")
    async with team.service.client("anna", "legacy") as mcp:
        asked = await called(mcp, WRITE, call)
    ledger = team.service.app.ledger
    ledger.decide(asked["approval"]["id"], "approved", "test")
    before = len(team.seen("support"))
    async with team.service.client("anna", "legacy", wishes={"accounts": "support"}) as mcp:
        again = await called(mcp, WRITE, call)

    assert again["error"] == "approval_required"
    assert again["approval"]["id"] != asked["approval"]["id"]
    assert "fivecrm_customer_products_import" not in team.seen("support")[before:]


@pytest.mark.anyio
async def test_what_was_read_in_one_account_is_not_told_in_a_question_of_another(
    tmp_path: Path,
) -> None:
    with Departments(tmp_path) as team:
        told = await _questions_after_a_read(team)

    assert told == [True, False]


async def _questions_after_a_read(team: Departments) -> list[bool]:
    """Read in one account, repeat it in writes to two; tells whose question says so."""
    previews: list[str] = []

    def read(preview: str) -> Decision:
        previews.append(preview)
        return "reject"

    async with team.service.client("anna", person=read) as mcp:
        told = await called(mcp, READ, {"area": "001"})
        email = next(row["email"] for row in told["data"] if row.get("email"))
        await called(mcp, WRITE, product(email))
    async with team.service.client("anna", person=read, wishes={"accounts": "support"}) as mcp:
        await called(mcp, WRITE, product(email))

    return [READ in preview for preview in previews]


# The settings


def test_accounts_and_access_are_read_from_the_file_and_secrets_from_variables(
    tmp_path: Path,
) -> None:
    file = tmp_path / "crm.toml"
    file.write_text(FILE, encoding="utf-8")
    settings = load_settings(
        {
            "CRM_MCP_FIVECRM_HASH": "main-secret",
            "CRM_MCP_ACCOUNT_SALES_HASH": "sales-secret",
            "CRM_MCP_ACCOUNT_SALES_NORTH_HASH": "north-secret",
        },
        file,
    )

    assert list(settings.accounts) == ["fivecrm", "sales", "sales-north"]
    assert {"main-secret", "sales-secret", "north-secret"} <= set(settings.secrets())
    assert settings.accounts["sales-north"].settings.secrets() == ["north-secret"]
    assert settings.access["everybody"].mode is Mode.READ_ONLY
    assert offer_of(settings).accounts == ("fivecrm", "sales", "sales-north")


def test_the_operator_chooses_which_accounts_are_used_and_which_is_the_usual(
    tmp_path: Path,
) -> None:
    file = tmp_path / "crm.toml"
    file.write_text(FILE, encoding="utf-8")
    secrets = {
        f"CRM_MCP_{name}_HASH": "a-secret"
        for name in ("FIVECRM", "ACCOUNT_SALES", "ACCOUNT_SALES_NORTH")
    }
    settings = load_settings(secrets | {"CRM_MCP_USE_ACCOUNTS": "sales-north, sales"}, file)

    assert list(settings.accounts) == ["sales-north", "sales"]
    unknown = load_settings(secrets | {"CRM_MCP_USE_ACCOUNTS": "east"}, file)
    with pytest.raises(ConfigError, match="no account 'east'; set: fivecrm, sales, sales-north"):
        offer_of(unknown)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[accounts.fivecrm]\nvendor = 'cirrus'", "is none of: cirrus, fivecrm"),
        ("[accounts.Sales]\nvendor = 'cirrus'", "small letters"),
        ("[accounts.sales]\nvendor = 'nobody'", "vendor must be one of"),
        ("[accounts.sales]\nbase_url = 'x'", "vendor must be one of"),
        ("[accounts.sales]\nvendor = 'fivecrm'", "CRM_MCP_ACCOUNT_SALES_BASE_URL is missing"),
        ("[accounts]\nsales = 3", "vendor must be one of"),
        ("accounts = 'sales'", "must be a table"),
        ("access = 3", "must be a table"),
        ("[access]\nx = 3", "[access.x]"),
        ("[access.x]\nmode = 'all'", "[access.x]: mode"),
        ("[access.x]\nscopes = ['a']", "[access.x]: scopes"),
    ],
)
def test_tables_that_cannot_be_used_are_refused_by_name(
    tmp_path: Path, text: str, told: str
) -> None:
    file = tmp_path / "crm.toml"
    file.write_text(text, encoding="utf-8")

    with pytest.raises(ConfigError) as caught:
        load_settings({}, file)

    assert told in str(caught.value)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({"accounts": ["sales"]}, "no account 'sales'"),
        ({"mode": "unattended"}, "wider than confirm"),
        ({"deny": ["nothing"]}, "deny: 'nothing' fits no tool"),
        ({"toolsets": ["nothing"]}, "fits no toolset"),
    ],
)
async def test_a_table_that_gives_what_there_is_not_stops_the_start(
    tmp_path: Path, table: dict[str, Any], told: str
) -> None:
    settings = Settings(access={"all": Access.model_validate({"callers": ["*"], **table})})
    settings = settings.model_copy(
        update={"general": settings.general.model_copy(update={"state_dir": tmp_path})}
    )
    async with open_app(settings, load_catalogue()) as app:
        with pytest.raises(ConfigError) as caught:
            service_app(app, lambda: False)

    assert str(caught.value).startswith("[access.all]: ")
    assert told in str(caught.value)


# Narrowing as such

NAMES = [one.name for one in catalogue()["fivecrm"]]
GLOBS = st.lists(st.sampled_from([*NAMES[:20], "fivecrm_*", "*_list", "*"]), max_size=3)
NARROWINGS = st.builds(
    Narrowing,
    mode=st.none() | st.sampled_from(Mode),
    allow=GLOBS.map(tuple),
    deny=GLOBS.map(tuple),
)
POLICIES = st.builds(
    Policy,
    mode=st.sampled_from(Mode),
    allow=GLOBS.map(tuple),
    deny=GLOBS.map(tuple),
)


@given(
    POLICIES,
    st.lists(NARROWINGS, max_size=3),
    st.sampled_from(catalogue()["fivecrm"]),
    st.integers(0, 40),
)
def test_no_narrowing_ever_widens(
    policy: Policy, narrowings: list[Narrowing], operation: Any, records: int
) -> None:
    order = [Refuse, Ask, Allow]
    offer = Offer(("fivecrm",), ("all",), policy)
    before = judge(operation, policy, records)
    for narrowing in narrowings:
        try:
            offer = offer.narrowed(narrowing)
        except TooWideError:
            continue
        after = judge(operation, offer.policy, records)
        assert order.index(type(after)) <= order.index(type(before))
        before = after


def test_a_permit_for_one_account_opens_no_other() -> None:
    call = _a_read()
    gate = Gate(Policy())

    with pytest.raises(PermitError, match="another account"):
        gate.entrance("support").spend(gate.permit(call), call.spec)
    gate.entrance("sales").spend(gate.permit(call), call.spec)


def test_a_narrowed_gate_refuses_what_its_policy_does_and_shares_what_it_issued() -> None:
    call = _a_read()
    gate = Gate(Policy())
    narrow = gate.narrowed(Policy(deny=(call.operation.name,)))

    with pytest.raises(PermitError, match="no permit"):
        narrow.permit(call)
    gate.spend(gate.narrowed(Policy()).permit(call), call.spec)


def _a_read() -> Any:
    from crm_mcp.bind import bind
    from crm_mcp.guard import BoundCall

    operation = next(one for one in catalogue()["fivecrm"] if one.name == READ)
    arguments = {"area": "001"}
    return BoundCall(operation, arguments, bind(operation, arguments), "sales", "anna")


@pytest.mark.anyio
async def test_views_are_shared_and_bounded(tmp_path: Path) -> None:
    general = Settings().general.model_copy(update={"state_dir": tmp_path})
    sandbox = Sandbox(load_catalogue())
    told = sandbox.settings("fivecrm", "http://localhost")
    connected = {"fivecrm": load_vendor_code("fivecrm").settings(**told)}
    async with open_app(Settings(general=general, vendors=connected), load_catalogue()) as app:
        views = Views(app)
        reader = Identity("a", Rights.of(["crm:read"]))

        assert views.of(Identity("a")) is views.of(Identity("b", FULL)) is views.whole
        assert views.of(reader) is views.of(Identity("b", reader.rights))
        first = views.of(reader)
        for name in [one.name for one in catalogue()["interact"]][: MAX_VIEWS + 1]:
            views.of(Identity("c", FULL, (Narrowing(deny=(name,)),)))
        assert views.of(reader) is not first
