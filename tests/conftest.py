"""What all tests share: the event loop, how properties are searched, and real operations."""

from collections.abc import Mapping
from types import MappingProxyType

import pytest
from hypothesis import settings

from crm_mcp.loader import load_vendor, schemas_root
from crm_mcp.operation import Operation

# Every run tries the same examples, and a slow machine is no failure.
settings.register_profile("crm_mcp", deadline=None, derandomize=True)
settings.load_profile("crm_mcp")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def five() -> Mapping[str, Operation]:
    """Read the operations of FIVE CRM, by name."""
    operations = load_vendor(schemas_root(), "fivecrm")
    return MappingProxyType({operation.name: operation for operation in operations})
