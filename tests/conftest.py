"""What all tests share: the event loop, how properties are searched, operations, a mocked wire."""

from collections.abc import AsyncIterator, Iterator, Mapping

import pytest
import respx
from hypothesis import settings
from wire import BASE, Line, connected

from crm_mcp.loader import load_vendor, schemas_root
from crm_mcp.operation import Operation

# Every run tries the same examples, and a slow machine is no failure.
settings.register_profile("crm_mcp", deadline=None, derandomize=True)
settings.load_profile("crm_mcp")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


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
