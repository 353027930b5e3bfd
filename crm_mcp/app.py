"""Putting the parts together: from settings to a pipeline, and closing it again."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import cache, partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from crm_mcp.audit import Audit
from crm_mcp.clients import Clients
from crm_mcp.config import General, Settings
from crm_mcp.doubts import Doubts
from crm_mcp.files import FileFolder
from crm_mcp.guard import Gate, Permit
from crm_mcp.ledger import Ledger
from crm_mcp.listening import Ear
from crm_mcp.loader import load_vendor, schemas_root, vendor_ids
from crm_mcp.operation import Operation
from crm_mcp.parties import Account
from crm_mcp.pipeline import Pipeline
from crm_mcp.redact import Redactor
from crm_mcp.registry import Registry
from crm_mcp.request import RequestSpec
from crm_mcp.state import StateFolder
from crm_mcp.vendors import load_vendor_code
from crm_mcp.vendors.base import Reply, VendorSettings
from crm_mcp.watch import Watch

if TYPE_CHECKING:
    from crm_mcp.client import VendorClient
    from crm_mcp.parties import Screening
    from crm_mcp.sandbox.app import Sandbox

SANDBOX_ORIGIN = "http://sandbox.localhost"
SANDBOX_RATE = 1_000.0
"""Calls a second: a stand-in needs no courtesy."""

Catalogue = Mapping[str, tuple[Operation, ...]]
Heard = Callable[[Operation, Reply], Awaitable[None]]


@cache
def load_catalogue() -> Catalogue:
    """Read the operations of all vendors, by vendor id; once in a process, they never change."""
    root = schemas_root()
    read = {vendor: load_vendor(root, vendor, examples=False) for vendor in vendor_ids(root)}
    return MappingProxyType(read)


def sandbox_settings(settings: Settings, sandbox: "Sandbox", origin: str) -> Settings:
    """Connect every vendor that has a stand-in to the sandbox, and none to the world."""
    vendors = {
        name: load_vendor_code(name).settings(**sandbox.settings(name, origin), rate=SANDBOX_RATE)
        for name in sandbox.vendors
    }
    return settings.model_copy(update={"vendors": vendors})


def registry_of(settings: Settings, catalogue: Catalogue) -> Registry:
    """Say what these settings offer of all operations.

    Raises:
        ConfigError: the settings name tools or toolsets that do not exist, or a binding file that
            cannot be used.
    """
    return Registry(
        (one for name, all_of in catalogue.items() for one in _bound(name, all_of, settings)),
        enabled=settings.vendors,
        policy=settings.general.policy,
        toolsets=settings.general.toolsets,
        everyday={name: load_vendor_code(name).everyday for name in settings.vendors},
    )


def _bound(
    vendor: str, operations: tuple[Operation, ...], settings: Settings
) -> tuple[Operation, ...]:
    """Put the operator's own bindings in force, for a vendor whose settings name such a file."""
    file = getattr(settings.vendors.get(vendor), "bindings", None)
    if file is None:
        return operations
    # Imported only here: hardly anybody has such a file.
    from crm_mcp.bindings.file import load_bindings, rebound

    return rebound(operations, load_bindings(file, vendor))


@dataclass(frozen=True)
class App:
    """A pipeline with what surrounds it; the clients open on first use and close with it."""

    settings: Settings
    pipeline: Pipeline
    ledger: Ledger
    audit: Audit
    redactor: Redactor
    clients: Clients
    watch: Watch
    doubts: Doubts


@asynccontextmanager
async def open_app(
    settings: Settings, catalogue: Catalogue, sandbox: "Sandbox | None" = None
) -> AsyncIterator[App]:
    """Build everything for these settings; nothing is contacted before the first call.

    Args:
        settings: of the vendors to connect.
        catalogue: the operations of all vendors.
        sandbox: the embedded stand-in to call in process, instead of the network.

    Raises:
        ConfigError: the settings name tools or toolsets that do not exist.
    """
    async with AsyncExitStack() as closing:
        yield _build(settings, catalogue, sandbox, closing)


def _build(
    settings: Settings, catalogue: Catalogue, sandbox: "Sandbox | None", closing: AsyncExitStack
) -> App:
    general = settings.general
    redactor = Redactor(settings.secrets())
    folder = StateFolder(general.state_dir)
    ledger, audit = Ledger(folder), Audit(folder)
    accounts: dict[str, Account] = {}
    registry = registry_of(settings, catalogue)
    files = FileFolder(general.files_dir)
    doubts = Doubts(folder)
    pipeline = Pipeline(
        registry, accounts, ledger, audit, redactor, files=files, room=general.max_result_chars
    )
    for name, vendor_settings in settings.vendors.items():
        label = _label(name, vendor_settings, sandbox)
        client = LazyClient(
            partial(_open_client, name, vendor_settings, pipeline.gate, redactor, general, sandbox),
            partial(doubts.hear, label),
        )
        closing.push_async_callback(client.aclose)
        account = Account(
            load_vendor_code(name),
            label,
            vendor_settings.base_url,
            client,
            rate=vendor_settings.rate,
            screening=_screening(general, label),
            settings=vendor_settings,
        )
        accounts[name] = account
    clients = Clients(folder)
    watch = Watch(clients, audit, general.min_answer_seconds)
    return App(settings, pipeline, ledger, audit, redactor, clients, watch, doubts)


def _label(name: str, settings: VendorSettings, sandbox: Any) -> str:
    parts = urlsplit(settings.base_url)
    where = "sandbox" if sandbox is not None else parts.netloc + parts.path
    return f"{name} ({where})"


def _screening(general: General, label: str) -> "Screening | None":
    """Say how an account hides personal values from callers; None where it does not."""
    if general.personal_data == "off":
        return None
    # Imported only here: who hides nothing needs none of it.
    from crm_mcp.marks import Masks, Tokens
    from crm_mcp.screen import Screen

    key = general.personal_data_key
    if general.personal_data == "token" and key is not None:
        return partial(Screen, Tokens(key.get_secret_value(), label))
    return partial(Screen, Masks())


def _open_client(  # noqa: PLR0913, PLR0917 - one call, from `partial`
    vendor: str,
    settings: VendorSettings,
    gate: Gate,
    redactor: Redactor,
    general: General,
    sandbox: "Sandbox | None",
) -> "VendorClient":
    # Imported on the first call: the HTTP library is not needed to start and to list tools.
    from crm_mcp.client import VendorClient

    return VendorClient(
        load_vendor_code(vendor),
        settings,
        gate,
        redactor,
        timeout=general.timeout,
        transport=sandbox.transport() if sandbox else None,
        dial=sandbox.dial if sandbox else None,
    )


class LazyClient:
    """A vendor's client that is opened by its first request.

    Args:
        opener: makes it.
        heard: is told of each answer.
    """

    def __init__(self, opener: "Callable[[], VendorClient]", heard: Heard) -> None:
        self._opener = opener
        self._heard = heard
        self._client: VendorClient | None = None

    async def send(
        self, permit: Permit, spec: RequestSpec, operation: Operation, ear: Ear
    ) -> Reply:
        """Send one request for one permit; the ear hears what comes while it listens."""
        if self._client is None:
            self._client = self._opener()
        reply = await self._client.send(permit, spec, operation, ear)
        await self._heard(operation, reply)
        return reply

    async def aclose(self) -> None:
        """Close the connections, if there ever were any."""
        if self._client is not None:
            await self._client.aclose()
