"""The service at work: callers in both eras, each with their own rights, state and record."""

import json
import socket
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest
import test_received_files as received
from mcp import Client, MCPError
from serviced import HELLO, SCOPES, TOKENS, Service, serving_service, token_lines
from typer.testing import CliRunner

from crm_mcp.app import load_catalogue
from crm_mcp.cli import cli
from crm_mcp.commands.audit import print_lines
from crm_mcp.commands.setup import listen
from crm_mcp.errors import ConfigError
from crm_mcp.service.callers import identify
from crm_mcp.service.tokens import TokenFile, hashed, new_token, read_callers
from crm_mcp.service_settings import is_loopback
from crm_mcp.testing import Decision

ERAS = ("auto", "legacy")
READ, WRITE = "fivecrm_owners_list", "fivecrm_customer_products_import"
PRODUCT = {"account": "1", "product": "Oak desk", "manufacturer": "Woodworks"}


def product(reference: str) -> dict[str, Any]:
    return {"area": "001", "customerProducts": [{**PRODUCT, "reference": reference}]}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving_service(tmp_path_factory.mktemp("service")) as service:
        yield service


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Service]:
    """Start a service whose callers change while it runs."""
    with serving_service(tmp_path) as service:
        yield service


async def called(client: Client, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    content: dict[str, Any] | None = (await client.call_tool(tool, arguments)).structured_content
    assert content is not None
    return content


@pytest.mark.anyio
@pytest.mark.parametrize("era", ERAS)
async def test_a_caller_reads_and_writes_and_the_record_names_them(
    service: Service, era: str
) -> None:
    previews: list[str] = []
    before = len(service.events("result"))

    def read(preview: str) -> Decision:
        previews.append(preview)
        return "approve"

    async with service.client("anna", era, read) as mcp:
        assert len((await mcp.list_tools()).tools) > 20
        assert (await called(mcp, READ, {"area": "001"}))["data"]
        told = await called(mcp, WRITE, product(f"HTTP-{era}"))

    assert told["status"] == "done"
    assert [f'"HTTP-{era}"' in text for text in previews] == [True]
    [result] = service.events("result")[before:]
    assert (result["caller"], result["status"]) == ("token:anna", "done")


@pytest.mark.anyio
async def test_a_client_without_dialogs_gets_an_approval_of_its_own(service: Service) -> None:
    async with service.client("anna") as anna, service.client("ben") as ben:
        first = await called(anna, WRITE, product("OWN-1"))
        again = await called(anna, WRITE, product("OWN-1"))
        other = await called(ben, WRITE, product("OWN-1"))

    ids = [told["approval"]["id"] for told in (first, again, other)]
    assert ids[0] == ids[1] != ids[2]


@pytest.mark.anyio
async def test_an_approval_for_one_caller_lets_nobody_else_write(service: Service) -> None:
    async with service.client("anna") as anna, service.client("ben") as ben:
        approval = (await called(anna, WRITE, product("OWN-2")))["approval"]["id"]
        service.app.ledger.decide(approval, "approved", "test")

        assert (await called(ben, WRITE, product("OWN-2")))["error"] == "approval_required"
        assert (await called(anna, WRITE, product("OWN-2")))["status"] == "done"
        assert (await called(anna, WRITE, product("OWN-2")))["error"] == "approval_required"


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("name", "tool", "arguments", "scope"),
    [
        ("reader", WRITE, product("NO-1"), "crm:write:fivecrm"),
        ("reader", "crm_call_write", {"name": WRITE, "arguments": product("NO-2")}, "crm:write"),
        ("five", WRITE, product("NO-3"), "crm:write:fivecrm"),
        ("five", "interact_tasks_list", {}, "crm:read:interact"),
        ("five", "crm_call_read", {"name": "synergist_clients_list", "arguments": {}}, "crm:read"),
        ("reader", WRITE, {**product("NO-4"), "_dry_run": True}, "crm:write:fivecrm"),
    ],
)
async def test_what_the_scopes_do_not_hold_is_refused_and_recorded(
    service: Service, name: str, tool: str, arguments: dict[str, Any], scope: str
) -> None:
    before, asked = len(service.events("refused")), len(service.sandbox.log)

    async with service.client(name, person=lambda _: "approve") as mcp:
        told = await called(mcp, tool, arguments)

    assert told["error"] == "refused"
    assert scope in told["message"]
    assert [line["caller"] for line in service.events("refused")[before:]] == [f"token:{name}"]
    assert len(service.sandbox.log) == asked


@pytest.mark.anyio
async def test_no_write_of_any_crm_passes_without_its_scope(service: Service) -> None:
    changed = sum(seen.changed for seen in service.sandbox.log)
    operations = [one for all_of in load_catalogue().values() for one in all_of if one.is_write]
    ends = set()

    async with service.client("reader", person=lambda _: "approve") as mcp:
        await mcp.list_tools()
        for write in operations:
            arguments = dict(json.loads(write.sample)) if write.sample else {}
            told = await called(mcp, "crm_call_write", {"name": write.name, "arguments": arguments})
            ends.add(told["error"])

    assert len(operations) > 200
    assert ends == {"refused"}
    assert sum(seen.changed for seen in service.sandbox.log) == changed


@pytest.mark.anyio
async def test_a_scope_for_one_crm_is_enough_for_it(service: Service) -> None:
    async with service.client("five") as mcp:
        assert (await called(mcp, READ, {"area": "001"}))["data"]


@pytest.mark.anyio
async def test_a_file_is_read_by_the_caller_it_was_given_to_and_by_nobody_else(
    service: Service,
) -> None:
    before = len(service.events("denied"))
    async with service.client("anna", person=lambda _: "approve") as anna:
        link = received.link(await received.attach(anna, b"of anna"))
        assert await received.read(anna, link.uri) == b"of anna"
        async with service.client("ben") as ben:
            listed = [str(one.uri) for one in (await ben.list_resources()).resources]
            with pytest.raises(MCPError, match="There is no resource of this name"):
                await ben.read_resource(link.uri)

    assert link.uri not in listed
    told = [(line["caller"], line["asked"]) for line in service.events("denied")[before:]]
    assert told == [("token:ben", "a file of another caller")]


@pytest.mark.anyio
async def test_a_file_stays_its_callers_where_nothing_can_be_recorded(own: Service) -> None:
    async with own.client("anna", person=lambda _: "approve") as anna, own.client("ben") as ben:
        link = received.link(await received.attach(anna, b"of anna"))
        [database] = (own.folder / "state").glob("*.sqlite3")
        database.write_bytes(b"no database")

        with pytest.raises(MCPError, match="There is no resource of this name"):
            await ben.read_resource(link.uri)


@pytest.mark.anyio
async def test_a_session_serves_nobody_but_the_one_who_began_it(service: Service) -> None:
    listing = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}
    accept = {"accept": "application/json, text/event-stream"}
    async with httpx2.AsyncClient(base_url=service.origin, headers=accept) as http:
        mine = {"authorization": f"Bearer {TOKENS['anna']}"}
        begun = await http.post("/mcp", json=HELLO, headers=mine)
        session = {"mcp-session-id": begun.headers["mcp-session-id"]}
        theirs = {"authorization": f"Bearer {TOKENS['ben']}"}

        taken = await http.post("/mcp", json=listing, headers={**theirs, **session})

    assert (begun.status_code, taken.status_code) == (200, 404)
    assert (service.events("denied")[-1]["caller"], taken.text.count("tools")) == ("token:ben", 0)


@pytest.mark.anyio
@pytest.mark.parametrize("era", ERAS)
async def test_a_token_that_is_taken_out_opens_nothing_any_more(own: Service, era: str) -> None:
    async with own.client("anna", era) as mcp:
        assert (await called(mcp, READ, {"area": "001"}))["data"]
        own.tokens.write_text(token_lines("ben"), encoding="utf-8")

        with pytest.raises(MCPError):
            await mcp.call_tool(READ, {"area": "001"})


@pytest.mark.anyio
@pytest.mark.parametrize("era", ERAS)
async def test_a_scope_that_is_taken_away_is_gone_within_a_session(own: Service, era: str) -> None:
    async with own.client("anna", era, lambda _: "approve") as mcp:
        assert (await called(mcp, WRITE, product("LESS-1")))["status"] == "done"
        less = {**SCOPES, "anna": ["crm:read"]}
        own.tokens.write_text(token_lines("anna", scopes=less), encoding="utf-8")

        assert (await called(mcp, WRITE, product("LESS-2")))["error"] == "refused"


@pytest.mark.anyio
async def test_health_needs_no_token_and_tells_nothing(service: Service) -> None:
    async with httpx2.AsyncClient(base_url=service.origin) as http:
        alive, ready = await http.get("/healthz"), await http.get("/readyz")

    assert (alive.status_code, alive.text) == (200, "alive\n")
    assert (ready.status_code, ready.text) == (200, "ready\n")


@pytest.mark.anyio
async def test_it_is_not_ready_while_its_state_cannot_be_used(own: Service) -> None:
    async with httpx2.AsyncClient(base_url=own.origin) as http:
        await http.get("/readyz")
        [database] = (own.folder / "state").glob("*.sqlite3")
        database.write_bytes(b"no database")

        ready = await http.get("/readyz")

    assert (ready.status_code, ready.json()) == (503, {"error": "state_unusable"})


@pytest.mark.anyio
async def test_a_token_never_reaches_a_crm_or_the_record(own: Service) -> None:
    async with own.client("anna", person=lambda _: "approve") as mcp:
        await called(mcp, READ, {"area": "001"})
        await called(mcp, WRITE, product("SECRET-1"))

    kept = b"".join(path.read_bytes() for path in (own.folder / "state").iterdir())
    assert TOKENS["anna"].encode() not in kept
    assert TOKENS["anna"] not in repr(own.sandbox.log)


def test_a_new_token_is_let_in_by_the_lines_that_come_with_it(tmp_path: Path) -> None:
    token, lines = new_token(
        "carla", ["crm:read", "crm:write:cirrus"], ["sales"], date(2026, 1, 31)
    )
    file = tmp_path / "tokens.toml"
    file.write_text(lines, encoding="utf-8")

    [caller] = read_callers(file).values()
    assert (caller.name, caller.hash, caller.expires) == (
        "carla",
        hashed(token),
        date(2026, 1, 31),
    )
    assert token not in lines


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[caller]]\nname = 3", "name"),
        ('[[caller]]\nname = "anna\\n"\nhash = "x"\nscopes = []', "made of letters"),
        ('[[caller]]\nname = "a"\nhash = "plain"\nscopes = ["crm:read"]', "hash"),
        (token_lines("anna", scopes={"anna": ["admin"]}), "crm:read, crm:write or crm:approve"),
        (token_lines("anna", scopes={"anna": []}), "scopes"),
        (token_lines("anna") * 2, "of its own"),
        ("callers = 3", "callers is not known"),
        ("[[caller", "cannot be read"),
    ],
)
@pytest.mark.anyio
async def test_a_wrong_token_file_says_what_is_wrong_and_lets_nobody_in(
    tmp_path: Path, text: str, told: str
) -> None:
    file = tmp_path / "tokens.toml"
    file.write_text(text, encoding="utf-8")

    with pytest.raises(ConfigError, match=told):
        read_callers(file)
    assert await TokenFile(file).verify_token(TOKENS["anna"]) is None


@pytest.mark.anyio
async def test_the_record_is_shown_with_who_was_refused_and_why(
    own: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    async with httpx2.AsyncClient(base_url=own.origin) as http:
        await http.post("/mcp", json={})
    async with own.client("reader") as mcp:
        await called(mcp, WRITE, product("SHOWN-1"))

    print_lines(own.settings, 10, as_json=False)

    shown = capsys.readouterr().out
    assert 'denied  status=401 asked="POST /mcp" peer=127.0.0.1' in shown
    assert f"refused {WRITE} fivecrm (" in shown
    assert "caller=token:reader" in shown


@pytest.mark.parametrize("name", ["anna b", "", "a" * 81, "anna\n"])
def test_a_token_wants_a_plain_name(name: str) -> None:
    with pytest.raises(ConfigError, match="made of letters"):
        new_token(name, ["crm:read"], [], date(2026, 1, 1))


FEED = "crm://interact/interact_push_interactions_listen"


@pytest.mark.anyio
@pytest.mark.filterwarnings("ignore:resources/.*subscribe")
async def test_a_feed_is_there_for_those_who_may_read_its_crm(service: Service) -> None:
    async with service.client("reader", "legacy") as mcp:
        assert FEED in [str(one.uri) for one in (await mcp.list_resources()).resources]
        assert (await mcp.read_resource(FEED)).contents
    async with service.client("five", "legacy") as mcp:
        assert FEED not in [str(one.uri) for one in (await mcp.list_resources()).resources]
        with pytest.raises(MCPError, match="no resource of this name"):
            await mcp.read_resource(FEED)
        with pytest.raises(MCPError, match="no resource of this name"):
            await mcp.subscribe_resource(FEED)


@pytest.mark.anyio
async def test_nobody_listens_to_a_feed_of_a_crm_that_they_may_not_read(service: Service) -> None:
    prefix = "io.modelcontextprotocol"
    meta = {f"{prefix}/protocolVersion": "2026-07-28", f"{prefix}/clientCapabilities": {}}
    wanted = {"notifications": {"resourceSubscriptions": [FEED]}, "_meta": meta}
    headers = {
        "authorization": f"Bearer {TOKENS['five']}",
        "accept": "application/json, text/event-stream",
        "mcp-protocol-version": "2026-07-28",
        "mcp-method": "subscriptions/listen",
    }
    asked = {"jsonrpc": "2.0", "id": 1, "method": "subscriptions/listen", "params": wanted}

    async with httpx2.AsyncClient(headers=headers) as http:
        answer = await http.post(service.url, json=asked)

    assert "There is no resource of this name" in answer.text


@pytest.mark.anyio
@pytest.mark.parametrize("era", ERAS)
async def test_everybody_on_this_machine_is_one_caller_where_it_is_set_so(
    tmp_path: Path, era: str
) -> None:
    with serving_service(tmp_path, anyone=True) as service:
        async with service.client("nobody", era, lambda _: "approve") as mcp:
            assert (await called(mcp, WRITE, product("ANYONE-1")))["status"] == "done"

        assert {line["caller"] for line in service.app.audit.lines()} == {"anyone"}


def test_a_request_that_nobody_looked_at_has_no_caller() -> None:
    context = SimpleNamespace(request=None)

    with pytest.raises(MCPError, match="Nobody can say who sent"):
        identify(context)  # type: ignore[arg-type]


def test_the_command_prints_the_lines_and_apart_from_them_the_token(tmp_path: Path) -> None:
    words = ["token", "carla", "--scope", "crm:read", "--days", "3"]
    made = CliRunner().invoke(cli, words)
    file = tmp_path / "callers.toml"
    file.write_text(made.stdout, encoding="utf-8")
    token = made.stderr.splitlines()[-1]

    assert made.exit_code == 0
    assert list(read_callers(file)) == [hashed(token)]
    assert token not in made.stdout
    wrong = CliRunner().invoke(cli, ["token", "carla", "--scope", "admin"])
    assert (wrong.exit_code, "crm:read, crm:write or crm:approve" in wrong.stderr) == (3, True)


def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"port {port} cannot be used"):
            listen("127.0.0.1", port)


@pytest.mark.parametrize(
    ("host", "expected"),
    [("localhost", True), ("127.0.0.9", True), ("::1", True), ("0.0.0.0", False), ("crm", False)],  # noqa: S104
)
def test_only_this_machine_is_loopback(host: str, *, expected: bool) -> None:
    assert is_loopback(host) == expected
