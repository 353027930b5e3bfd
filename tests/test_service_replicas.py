"""Several replicas that serve the same callers: one state, each yes once."""

import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from mcp import MCPError
from pydantic import ValidationError
from redis_server import Server
from serviced import Service, serving_service, token_lines
from test_service import WRITE, called, product

from crm_mcp.app import load_catalogue
from crm_mcp.sandbox.app import Sandbox
from crm_mcp.service_settings import ServiceSettings
from crm_mcp.testing import Decision

KEY = secrets.token_urlsafe(32)
RACES, REPLICAS = 25, 3


def replicas(
    folder: Path, *keys: str | None, server: Server | None = None
) -> Iterator[list[Service]]:
    """Start a service for each key, over one CRM and one state: a folder's, or the server's."""
    if server is not None:
        server.flush()
    tokens = folder / "tokens.toml"
    tokens.write_text(token_lines("anna", "ben"), encoding="utf-8")
    sandbox = Sandbox(load_catalogue())
    with ExitStack() as running:
        yield [
            running.enter_context(
                serving_service(
                    folder / f"machine-{number}" if server else folder,
                    sandbox,
                    general={"state_url": server.url, "audit": "both"} if server else {},
                    tokens=tokens,
                    state_key=key or None,
                )
            )
            for number, key in enumerate(keys)
        ]


@pytest.fixture(params=["folder", "server"])
def services(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[list[Service]]:
    """Start replicas on one machine, or as if each had a machine of its own."""
    server = None if request.param == "folder" else request.getfixturevalue("state_server")
    yield from replicas(tmp_path, *[KEY] * REPLICAS, server=server)


@pytest.fixture
def strangers(tmp_path: Path) -> Iterator[list[Service]]:
    """Start two that share no key."""
    yield from replicas(tmp_path, None, None)


class InTurns(httpx2.AsyncBaseTransport):
    """A proxy that gives each request to the next replica."""

    def __init__(self, services: list[Service]) -> None:
        self._services = services
        self._inner = httpx2.AsyncHTTPTransport()
        self.passed = 0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        service = self._services[self.passed % len(self._services)]
        self.passed += 1
        request.url = request.url.copy_with(port=int(service.origin.rsplit(":", 1)[1]))
        request.headers["host"] = service.origin.removeprefix("http://")
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()


def approve(_: str) -> Decision:
    return "approve"


@pytest.mark.anyio
async def test_a_question_of_one_is_answered_at_another(services: list[Service]) -> None:
    proxy = InTurns(services)
    async with services[0].client("anna", person=approve, transport=proxy) as mcp:
        await mcp.list_tools()
        told = await called(mcp, WRITE, product("TURNS-1"))

    assert told["status"] == "done"
    assert proxy.passed > REPLICAS
    assert [line["status"] for line in services[0].events("result")] == ["done"]


@pytest.mark.anyio
async def test_without_a_shared_key_an_answer_at_another_counts_for_nothing(
    strangers: list[Service],
) -> None:
    async with strangers[0].client("anna", person=approve, transport=InTurns(strangers)) as mcp:
        with pytest.raises(MCPError, match="expired requestState"):
            await mcp.call_tool(WRITE, product("TURNS-2"))

    assert strangers[0].events("sending") == []


@pytest.mark.anyio
async def test_an_approval_is_spent_once_however_many_race_for_it(services: list[Service]) -> None:
    ends: list[str] = []

    async def race(mcp: Any, arguments: dict[str, Any]) -> None:
        told = await called(mcp, WRITE, arguments)
        ends.append(told.get("status") or told["error"])

    async with (
        services[0].client("anna") as one,
        services[1].client("anna") as two,
        services[2].client("anna") as three,
    ):
        for number in range(RACES):
            arguments = product(f"RACE-{number}")
            approval = (await called(one, WRITE, arguments))["approval"]["id"]
            services[number % REPLICAS].app.ledger.decide(approval, "approved", "test")
            async with anyio.create_task_group() as tasks:
                for mcp in (one, two, three):
                    tasks.start_soon(race, mcp, arguments)

    assert ends.count("done") == RACES
    assert set(ends) <= {"done", "approval_required", "not_confirmed"}
    changed = [seen for seen in services[0].sandbox.log if seen.changed]
    assert len(changed) == RACES
    assert services[0].app.audit.verify().problem == ""


@pytest.mark.anyio
async def test_one_that_stops_leaves_the_others_serving(services: list[Service]) -> None:
    async with services[1].client("anna", person=approve) as mcp:
        services[0].stop()
        assert (await called(mcp, WRITE, product("LEFT-1")))["status"] == "done"


@pytest.mark.parametrize("key", ["short", "a" * 64, ""])
def test_a_key_that_could_be_guessed_is_refused(key: str) -> None:
    with pytest.raises(ValidationError, match="random key"):
        ServiceSettings.model_validate({"anyone": True, "state_key": key})


@pytest.mark.anyio
async def test_the_key_stands_in_no_answer_and_no_line(services: list[Service]) -> None:
    async with services[0].client("ben") as mcp:
        told = await called(mcp, WRITE, product(KEY))

    kept = b"".join(path.read_bytes() for path in (services[0].folder / "state").iterdir())
    assert told["error"] == "approval_required"
    assert KEY.encode() not in kept + str(told).encode()
