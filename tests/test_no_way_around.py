"""Every way from outside to a CRM is known, is attacked, and lets no unapproved write through.

The ways are read from the code. A new one fails here until its entry says how it is attacked, or
why no write can go through it; so does an entry whose way is gone.
"""

import ast
import importlib
import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import bypass
import bypass_outside
import pytest
import typer
from approval_page import ORIGIN, TOKEN
from open_crm import OpenCrm, Person, catalogue, opened, writes
from starlette.routing import Route
from test_layers import MODULES, Module

from crm_mcp import testing
from crm_mcp.cli import cli
from crm_mcp.config import General, Settings
from crm_mcp.parties import Caller
from crm_mcp.sandbox import stand_ins
from crm_mcp.server import build_server
from crm_mcp.service.app import service_app
from crm_mcp.service_settings import ServiceSettings
from crm_mcp.web.app import approval_app

Attack = Callable[[Path], Awaitable[None]]
Entry = tuple[Attack, ...] | str
"""The attacks on one way, or why no write can go through it."""

CALLS: tuple[Attack, ...] = (
    bypass.nobody_to_ask,
    bypass.a_person_who_declines,
    bypass.read_only,
    bypass.a_tool_that_is_not_listed,
    bypass.a_tool_that_is_denied,
    bypass.a_former_name,
    bypass.arguments_that_claim_a_yes,
    bypass.a_dry_run,
    bypass.forged_answers,
    bypass.answers_given_twice,
    bypass.after_a_rejected_approval,
    bypass.an_approval_for_other_arguments,
    bypass.cancelled_at_each_await,
    bypass.two_servers_race,
)
OTHERS: tuple[Attack, ...] = (bypass.every_other_request,)
FEEDS: tuple[Attack, ...] = (bypass.every_other_request, bypass.every_feed)
PERMITS: tuple[Attack, ...] = (bypass.permits_of_no_use,)
UNDO: tuple[Attack, ...] = (bypass.undo_without_a_yes, bypass_outside.undo_command_in_a_pipe)
PAGE: tuple[Attack, ...] = (bypass_outside.the_page_without_its_key,)
ANSWERS = "It answers the one who asked over HTTP."
SHOWS = "It shows what is stored, and opens no connection to a CRM."
DECIDES = "It only takes a question away: nothing can be sent because of it."
STAND_IN = "Only stand-ins are reached from here."
VALUE = "It reads a value of that name: a call that was bound, and not the way to make one."
SERVICE = (
    "The same handlers as for each request above; tests/test_service.py and "
    "tests/test_service_attacks.py attack what stands before them."
)
SESSION = "It opens or ends our own session; the file of the operation has the trait for it."

WAYS: Mapping[str, Entry] = {
    # What a client can ask of the server
    "request ping": "It is answered by the SDK, with nothing.",
    "request server/discover": "It is answered by the SDK, from what the server was built with.",
    "request tools/list": OTHERS,
    "request tools/call": CALLS,
    "request resources/list": OTHERS,
    "request resources/templates/list": OTHERS,
    "request resources/read": FEEDS,
    "request resources/subscribe": FEEDS,
    "request resources/unsubscribe": FEEDS,
    "request subscriptions/listen": FEEDS,
    "request prompts/list": OTHERS,
    "request prompts/get": OTHERS,
    "request completion/complete": OTHERS,
    # Writes that ask nobody
    "write without a question interact_auth_login": SESSION,
    "write without a question interact_auth_logout": SESSION,
    # Commands
    "command serve": CALLS,
    "command token": "It makes a random text and its hash, and opens no connection.",
    "command demo": STAND_IN,
    "command tools": SHOWS,
    "command show": SHOWS,
    "command call": (bypass_outside.call_command_in_a_pipe,),
    "command check": "It reads operation files, and opens no connection.",
    "command sandbox": STAND_IN,
    "command bind": "It reads a document on this machine and writes a file that a person approves.",
    "command doctor": (bypass_outside.doctor_command,),
    "command undo": UNDO,
    "command approvals list": SHOWS,
    "command approvals show": SHOWS,
    "command approvals approve": (bypass_outside.approvals_in_a_pipe,),
    "command approvals reject": DECIDES,
    "command approvals web": PAGE,
    "command audit show": SHOWS,
    "command audit verify": SHOWS,
    "command audit unknown": SHOWS,
    "command audit close": "It adds a line to the record, and opens no connection.",
    # Addresses of the approval page
    "page /enter": PAGE,
    "page /": SHOWS,
    "page /history": SHOWS,
    "page /questions/{id}": SHOWS,
    "page /questions/{id}/approve": PAGE,
    "page /questions/{id}/reject": DECIDES,
    # Addresses of the service
    "service /mcp": SERVICE,
    "service /healthz": "It answers one word.",
    "service /approvals": (
        "It is a page: tests/test_team_approvals.py attacks its entrance, its forms and its rights."
    ),
    "service /readyz": "It answers one word, and opens no connection to a CRM.",
    "service /.well-known/oauth-protected-resource/mcp": "It tells who issues tokens.",
    # What scripts and tests import
    "testing Decision": "It is a type.",
    "testing Person": "It is a type.",
    "testing dialog": "It is the person of a test, and makes no call.",
    "testing sandbox_client": (bypass_outside.the_testing_helper,),
    "testing fixtures.crm_client": STAND_IN,
    # Who calls what leads to a CRM
    "afterwards uses call": VALUE,
    "app uses permit": PERMITS,
    "app uses send": PERMITS,
    "cli uses call": (bypass_outside.call_command_in_a_pipe,),
    "client uses AsyncClient": PERMITS,
    "client uses permit": PERMITS,
    "client uses send": PERMITS,
    "client uses spend": PERMITS,
    "commands.approvals uses decide": (bypass_outside.approvals_in_a_pipe,),
    "commands.approvals_page uses approval_app": PAGE,
    "commands.call uses call": (bypass_outside.call_command_in_a_pipe,),
    "commands.demo uses decide": STAND_IN,
    "commands.doctor uses call": (bypass_outside.doctor_command,),
    "commands.undo uses take_back": UNDO,
    "confirm uses decide": (bypass.a_person_who_declines,),
    "deciding uses decide": (bypass_outside.approvals_in_a_pipe,),
    "feeds uses call": FEEDS,
    "guard uses permit": PERMITS,
    "guard uses spend": PERMITS,
    "pipeline uses call": CALLS,
    "pipeline uses permit": PERMITS,
    "pipeline uses send": PERMITS,
    "pipeline uses spend": CALLS,
    "preview uses call": VALUE,
    "records uses call": VALUE,
    "recorder uses call": VALUE,
    "screen uses call": VALUE,
    "server uses call": CALLS,
    "service.callers uses send": ANSWERS,
    "service.denials uses send": ANSWERS,
    "service.limits uses send": ANSWERS,
    "stdio uses send": "It sends messages of the protocol between our own streams.",
    "take_back uses call": UNDO,
    "vendors.cirrus.oauth uses send": "It gets a token for a call that has its permit already.",
    "vendors.interact.auth uses send": SESSION,
    "service.observe uses send": ANSWERS,
    "service.approvals uses Decisions": (
        "Only somebody with a token for approvals gets there; tests/test_team_approvals.py."
    ),
    "web.app uses Decisions": PAGE,
    "web.decisions uses decide": PAGE,
    "websocket uses AsyncClient": FEEDS,
}

LEADS = frozenset(
    {
        *("send", "call", "permit", "spend", "decide", "Decisions", "take_back"),
        *("AsyncClient", "approval_app"),
    }
)
CONNECTING = (
    *("aiohttp", "asyncio", "ftplib", "http.client", "httpcore", "httpx", "httpx2", "httpx_ws"),
    "jwt",  # it fetches keys
    *("requests", "smtplib", "socket", "ssl", "subprocess", "urllib.request", "urllib3"),
    *("websockets", "wsproto"),
)
CONNECTED: Mapping[str, str] = {
    "notices httpx": "the operator's own webhook, told of questions that wait",
    "client httpx": "the one way to a vendor, behind the gate",
    "websocket httpx": "the type of the client's own connection",
    "websocket httpx_ws": "a feed, which is a read, behind the gate",
    "commands.serve_http asyncio": "the loop of the service",
    "commands.serve_http socket": "the type of what it listens at",
    "commands.setup socket": "it listens: for callers, or on this machine for page and stand-ins",
    "service.limits asyncio": "the type of a line that a caller opened",
    "service.oauth jwt": "the issuer's public keys, from the operator's own address",
    "stdio asyncio": "the loop under our own standard input",
}


async def requests(folder: Path) -> set[str]:
    """List what the server answers when everything is connected."""
    async with opened(folder, OpenCrm()) as app:
        handlers = build_server(app)._request_handlers  # noqa: SLF001 - the whole table
        return {f"request {name}" for name in handlers}


def quiet_writes() -> set[str]:
    quiet = (one for ones in catalogue().values() for one in ones if one.is_write and not one.asks)
    return {f"write without a question {one.name}" for one in quiet}


def commands() -> set[str]:
    def below(command: Any, path: tuple[str, ...]) -> Iterable[str]:
        for name, inner in getattr(command, "commands", {}).items():
            yield from below(inner, (*path, name))
        if not hasattr(command, "commands"):
            yield f"command {' '.join(path)}"

    return set(below(typer.main.get_command(cli), ()))


def addresses(folder: Path) -> set[str]:
    page = approval_app(Settings(general=General(state_dir=folder)), TOKEN, ORIGIN)
    assert all(isinstance(route, Route) for route in page.routes)
    return {f"page {getattr(route, 'path', route)}" for route in page.routes}


async def service_addresses(folder: Path) -> set[str]:
    """List what the service answers to where all of it is set up."""
    address = "https://crm.example.com/mcp"
    told = {"issuer": "https://login.example.com", "keys_url": address, "url": address}
    async with opened(folder, OpenCrm()) as app:
        http = ServiceSettings.model_validate(told)
        whole = replace(app, settings=app.settings.model_copy(update={"http": http}))
        routes = service_app(whole, bool).routes
    return {f"service {getattr(route, 'path', route)}" for route in routes}


def offered_to_tests() -> set[str]:
    """List the public names that `crm_mcp.testing` defines itself."""
    # A plugin of pytest's, which must be the first to import it.
    fixtures = importlib.import_module("crm_mcp.testing.fixtures")
    names = {f"testing {name}" for name in _own(testing)}
    return names | {f"testing fixtures.{name}" for name in _own(fixtures)}


def _own(module: Any) -> set[str]:
    source = ast.parse(inspect.getsource(module))
    made = {getattr(node, "name", None) for node in source.body}
    made |= {
        target.id
        for node in source.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    return {name for name in made if name and not name.startswith("_")}


def leads() -> set[str]:
    """List the modules that call, or hand on, what leads to a CRM; stand-ins lead to none."""
    return {
        f"{module.name} uses {name}"
        for module in MODULES
        if module.name.partition(".")[0] not in {"sandbox", "testing"}
        for name in _used(module) & LEADS
    }


def _used(module: Module) -> set[str]:
    """Name the attributes and functions that are read here; a mere definition is no use."""
    attributes = {node.attr for node in module.nodes if isinstance(node, ast.Attribute)}
    called = {
        part.id
        for node in module.nodes
        if isinstance(node, ast.Call)
        for part in (node.func, *node.args)
        if isinstance(part, ast.Name)
    }
    return attributes | called


@pytest.mark.anyio
async def test_every_way_is_known_and_every_known_way_is_there(tmp_path: Path) -> None:
    found = await requests(tmp_path) | addresses(tmp_path) | commands()
    found |= await service_addresses(tmp_path)
    found |= quiet_writes() | offered_to_tests() | leads()

    new, gone = sorted(found - WAYS.keys()), sorted(WAYS.keys() - found)
    assert not new, f"new ways: say in WAYS how each is attacked, or why no write passes: {new}"
    assert not gone, f"these ways are gone: take their entries out of WAYS: {gone}"


def test_only_known_modules_import_what_opens_connections() -> None:
    found = {
        f"{module.name} {library}"
        for module in MODULES
        if module.name.partition(".")[0] not in {"sandbox", "vendors"}
        for name in module.imports
        for library in CONNECTING
        if f"{name}.".startswith(f"{library}.")
    }

    assert found == CONNECTED.keys()


def test_the_code_of_a_vendor_has_no_connection_of_its_own() -> None:
    made = {
        f"{module.name} {name}"
        for module in MODULES
        if module.name.startswith("vendors")
        for name in _used(module) & {"AsyncClient", "Client", "HTTPConnection", "urlopen"}
    }

    assert made == set()


def test_every_attack_is_made_on_some_way() -> None:
    made = {attack for entry in WAYS.values() if not isinstance(entry, str) for attack in entry}

    written = {
        value
        for module in (bypass, bypass_outside)
        for name, value in vars(module).items()
        if inspect.iscoroutinefunction(value)
        and value.__module__ == module.__name__
        and tuple(inspect.signature(value).parameters) == ("folder",)
    }
    assert made == written


ATTACKS = sorted(
    {attack for entry in WAYS.values() if not isinstance(entry, str) for attack in entry},
    key=lambda attack: attack.__name__,
)


@pytest.mark.anyio
@pytest.mark.filterwarnings("ignore:resources/.*subscribe")
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
async def test_no_write_gets_around(attack: Attack, tmp_path: Path) -> None:
    await attack(tmp_path)


@pytest.mark.anyio
async def test_each_of_these_writes_is_sent_once_when_a_person_approves(tmp_path: Path) -> None:
    """Without this the attacks might fail for another reason than the guard."""
    crm = OpenCrm()
    async with opened(tmp_path, crm) as app:
        for number, write in enumerate(writes(), 1):
            person = Person()
            await app.pipeline.call(write.name, write.arguments, Caller(asker=person))
            assert (person.asked, len(crm.sent)) == (1, number)


def test_every_write_of_every_vendor_that_has_a_stand_in_is_attacked() -> None:
    asking = {one.name for v in stand_ins() for one in catalogue()[v] if one.is_write and one.asks}

    assert {write.name for write in writes()} == asking
    assert len(asking) > 50
