"""What replicas share of an account: one pace, one session with the CRM, one pause."""

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from pydantic import SecretStr
from redis_server import Server
from serviced import Service
from test_service import called
from test_service_replicas import KEY, replicas

from crm_mcp.client import Pace
from crm_mcp.errors import AuthFailed
from crm_mcp.redis_state import RedisState
from crm_mcp.sharing import Sharing
from crm_mcp.vendors.base import Reply, Wire
from crm_mcp.vendors.login import PAUSES, Grant, Login

pytestmark = pytest.mark.anyio
TOKEN = "a-session-of-interact"
OK = Reply(200, {}, b"")


@pytest.fixture
def state(state_server: Server, tmp_path: Path) -> RedisState:
    return RedisState(state_server.url, tmp_path, prefix=f"test:{tmp_path}")


@pytest.fixture
def ones(state: RedisState) -> list[Sharing]:
    """Share one account among two replicas."""
    return [Sharing(state, "interact (here)", KEY) for _ in range(2)]


class Crm:
    """Grants logins, or refuses them, and counts them."""

    def __init__(self, *, refuses: bool = False) -> None:
        self.refuses = refuses
        self.logins = 0

    async def log_in(self, _wire: Wire) -> tuple[Grant, Reply]:
        self.logins += 1
        if self.refuses:
            raise AuthFailed("wrong password")
        return Grant(SecretStr(f"{TOKEN}-{self.logins}"), 600.0), OK


def wire(sharing: Sharing) -> Wire:
    return Wire(None, None, lambda _: None, sharing)  # type: ignore[arg-type]


def login() -> Login:
    return Login("interact", "", lambda: 1_000.0)


async def test_replicas_of_one_account_go_at_one_pace(
    ones: list[Sharing], state: RedisState
) -> None:
    waits = [await ones[number % 2].wait(2, 1.0) for number in range(6)]
    other = Sharing(state, "another (there)", KEY)

    assert waits[:2] == [0.0, 0.0]
    assert [round(wait) for wait in waits[2:]] == [1, 1, 2, 2]
    assert await other.wait(2, 1.0) == 0.0


async def test_the_pace_waits_as_the_server_says(ones: list[Sharing]) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    paces = [Pace(1.0, sleep, lambda: 0.0, sharing) for sharing in ones]
    for pace in paces:
        await pace.turn()

    assert [round(seconds) for seconds in slept] == [1]


async def test_one_login_serves_all_replicas(ones: list[Sharing]) -> None:
    crm = Crm()
    grants = [await login().opened(wire(sharing), crm.log_in) for sharing in ones]

    assert crm.logins == 1
    assert {grant.token.get_secret_value() for grant in grants} == {f"{TOKEN}-1"}


async def test_a_session_that_was_refused_is_opened_anew_for_all(ones: list[Sharing]) -> None:
    crm, logins = Crm(), [login(), login()]
    for one, sharing in zip(logins, ones, strict=True):
        await one.opened(wire(sharing), crm.log_in)
    refused = logins[0].newest
    await logins[0].opened(wire(ones[0]), crm.log_in, refused)
    other = await logins[1].opened(wire(ones[1]), crm.log_in, logins[1].newest)

    assert crm.logins <= 3
    assert other.token.get_secret_value() != f"{TOKEN}-1"


async def test_a_refused_login_pauses_all_replicas(ones: list[Sharing]) -> None:
    crm = Crm(refuses=True)
    for sharing in ones:
        with pytest.raises(AuthFailed):
            await login().opened(wire(sharing), crm.log_in)

    assert crm.logins == 1
    assert 0 < await ones[1].pause() <= PAUSES[0]


async def test_the_token_is_sealed_for_its_account_and_its_key(
    ones: list[Sharing], state: RedisState
) -> None:
    await ones[0].keep(TOKEN, 60.0)
    kept = [state.server.get(key) for key in state.server.keys(state.key("session:*"))]
    stranger = Sharing(state, "interact (here)", secrets.token_urlsafe(32))
    keyless = Sharing(state, "interact (here)", None)

    assert kept
    assert TOKEN not in repr(kept)
    assert (await ones[1].grant() or ("",))[0] == TOKEN
    assert await stranger.grant() is None
    assert await keyless.grant() is None
    moved = state.server.get(ones[0]._name("session"))  # noqa: SLF001 - as an intruder would
    elsewhere = Sharing(state, "another (there)", KEY)
    state.server.set(elsewhere._name("session"), moved, px=1_000)  # type: ignore[arg-type]  # noqa: SLF001
    assert await elsewhere.grant() is None


async def test_without_the_server_each_goes_by_itself(tmp_path: Path) -> None:
    alone = Sharing(RedisState("redis://127.0.0.1:1/0", tmp_path), "interact (here)", KEY)
    crm = Crm()

    assert await alone.wait(1, 1.0) == 0.0
    assert (await login().opened(wire(alone), crm.log_in)).token.get_secret_value() == f"{TOKEN}-1"
    assert await alone.pause() == 0.0


@pytest.fixture
def services(tmp_path: Path, state_server: Server) -> Iterator[list[Service]]:
    yield from replicas(tmp_path, *[KEY] * 3, server=state_server)


async def test_three_replicas_log_in_to_interact_once(services: list[Service]) -> None:
    async def read(service: Service) -> Any:
        async with service.client("anna") as mcp:
            return await called(
                mcp, "crm_call_read", {"name": "interact_companies_list", "arguments": {}}
            )

    for service in services:
        with anyio.fail_after(30):
            await read(service)

    logins = [seen for seen in services[0].sandbox.log if "login" in seen.operation]
    assert len(logins) == 1
    services[0].stop()
    assert not [seen for seen in services[0].sandbox.log if "logout" in seen.operation]
