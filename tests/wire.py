"""A vendor's client on a mocked wire, for tests of what goes out and what comes back."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
import pytest
from pydantic import SecretStr

from crm_mcp.bind import bind
from crm_mcp.client import VendorClient
from crm_mcp.errors import UpstreamError
from crm_mcp.guard import BoundCall, Gate, Mode, Permit, Policy
from crm_mcp.operation import Operation
from crm_mcp.redact import Redactor
from crm_mcp.request import RequestSpec
from crm_mcp.vendors.base import Reply, Vendor, VendorSettings
from crm_mcp.vendors.fivecrm import VENDOR, FiveCrmSettings

BASE = "https://crm.example.com/base"
SECRET = "s3cret/+ä"
SPELLINGS = (SECRET, "s3cret%2F%2B%C3%A4", "s3cret/%2B%C3%A4")
FIVE = FiveCrmSettings(base_url=BASE, hash=SecretStr(SECRET), rate=1000)
OK = httpx.Response(200, json={"STATUS": "success"})


@dataclass
class Line:
    """A client, the gate it trusts, and the waits it asked for instead of sleeping."""

    client: VendorClient
    gate: Gate
    waits: list[float] = field(default_factory=list)

    def permit(self, operation: Operation, spec: RequestSpec) -> Permit:
        return self.gate.permit(BoundCall(operation, {}, spec, "account", "caller"))

    async def send(self, operation: Operation, spec: RequestSpec | None = None) -> Reply:
        spec = spec or bind(operation, {})
        return await self.client.send(self.permit(operation, spec), spec, operation)

    async def failure(self, operation: Operation) -> UpstreamError:
        with pytest.raises(UpstreamError) as caught:
            await self.send(operation)
        return caught.value


@asynccontextmanager
async def connected(
    vendor: Vendor = VENDOR,
    settings: VendorSettings = FIVE,
    *,
    seconds: float = 30,
    clock: Callable[[], float] = time.monotonic,
    transport: httpx.AsyncBaseTransport | None = None,
) -> AsyncIterator[Line]:
    """Open a client that allows every write.

    Args:
        vendor: whose client.
        settings: where it calls.
        seconds: how long an answer may take.
        clock: of the gate, in seconds.
        transport: in the place of the network.
    """
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    gate = Gate(Policy(mode=Mode.UNATTENDED), clock)
    redactor = Redactor([SECRET])
    client = VendorClient(
        vendor, settings, gate, redactor, timeout=seconds, transport=transport, sleep=sleep
    )
    try:
        yield Line(client, gate, waits)
    finally:
        await client.aclose()
