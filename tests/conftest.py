"""What all tests share: the event loop, how properties are searched, operations, a mocked wire."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path

import pytest
import redis_server
import respx
from hypothesis import settings
from interact_crm import BASE as INTERACT
from interact_crm import TRIGGER, Clock, Crm, meeting
from wire import BASE, Line, connected

from crm_mcp.loader import load_vendor, schemas_root
from crm_mcp.operation import Operation
from crm_mcp.redis_state import RedisState
from crm_mcp.state import State, StateFolder

# Thousands of small folders are synced to the disk, which takes a fifth of the time; memory has
# the same files. Small memory file systems, as containers have them, are left alone.
MEMORY, ROOM = Path("/dev/shm"), 2 << 30  # noqa: S108 - the tests' own folders are made below it
if "TMPDIR" not in os.environ and MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM:
    os.environ["TMPDIR"] = str(MEMORY)
    tempfile.tempdir = None

# Every run tries the same examples, and a slow machine is no failure.
settings.register_profile("crm_mcp", deadline=None, derandomize=True)
settings.load_profile("crm_mcp")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def state_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[redis_server.Server]:
    """Run a Redis or Valkey server for the tests of one process; skips where there is none."""
    with redis_server.running(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(params=["folder", "server"])
def state_at(request: pytest.FixtureRequest) -> Callable[[Path], State]:
    """Give the state of a folder, once in the folder and once on a server."""
    if request.param == "folder":
        return StateFolder
    url = request.getfixturevalue("state_server").url
    return lambda path: RedisState(url, path, prefix=f"test:{path}")


class Operations(dict[str, Operation]):
    """Operations by name; a property that fails does not print them all."""

    def __repr__(self) -> str:
        return f"<{len(self)} operations>"


@pytest.fixture(scope="session")
def five() -> Mapping[str, Operation]:
    """Read the operations of FIVE CRM, by name."""
    operations = load_vendor(schemas_root(), "fivecrm")
    return Operations((operation.name, operation) for operation in operations)


@pytest.fixture
def crm() -> Iterator[respx.Route]:
    """Stand in for FIVE CRM at its one address; a request to any other is an error."""
    with respx.mock(assert_all_called=False) as router:
        yield router.post(f"{BASE}/api2.php")


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    """Connect a client of FIVE CRM; meant for use with `crm`."""
    async with connected() as line:
        yield line


# interact on a mocked wire, for the tests of its session


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def interact(clock: Clock) -> Crm:
    """Stand in for interact."""
    return Crm(clock)


@pytest.fixture
def online(interact: Crm) -> Iterator[Crm]:
    """Put interact on the network that everybody sees; any other host there is an error."""
    with respx.mock(assert_all_called=False) as router:
        router.route(url__startswith=INTERACT).mock(side_effect=interact.answer)
        yield interact


@pytest.fixture
async def session(interact: Crm) -> AsyncIterator[Line]:
    """Connect a client of interact that has not logged in yet."""
    async with meeting(interact, trigger_token=TRIGGER) as line:
        yield line
