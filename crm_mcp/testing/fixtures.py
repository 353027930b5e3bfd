"""Pytest fixtures; take them with `pytest_plugins = ["crm_mcp.testing.fixtures"]`."""

from collections.abc import AsyncIterator

import pytest
from mcp import Client

from crm_mcp.testing import sandbox_client


@pytest.fixture
async def crm_client() -> AsyncIterator[Client]:
    """Give an MCP client over a fresh sandbox; writes run without asking.

    Needs a plugin for asynchronous tests, such as anyio's: mark the test `@pytest.mark.anyio`.
    """
    async with sandbox_client() as client:
        yield client
