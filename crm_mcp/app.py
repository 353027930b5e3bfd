"""Putting the parts together: from settings to a pipeline, and closing it again."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import cache, partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from crm_mcp.access import Offer
from crm_mcp.audit import Audit
from crm_mcp.clients import Clients
from crm_mcp.config import AccountSettings, General, Settings
from crm_mcp.doubts import Doubts
from crm_mcp.files import FileFolder
from crm_mcp.guard import Entrance, Permit
from crm_mcp.ledger import Ledger
from crm_mcp.listening import Ear
from crm_mcp.loader import load_vendor, schemas_root, vendor_ids
from crm_mcp.operation import Operation
from crm_mcp.parties import Account
from crm_mcp.pipeline import Pipeline
from crm_mcp.redact import Redactor
from crm_mcp.registry import Registry
from crm_mcp.request import RequestSpec
from crm_mcp.rights import FULL, Rights
from crm_mcp.states import audit_of, sharing_of, state_of
from crm_mcp.vendors import load_vendor_code
from crm_mcp.vendors.base import Reply, VendorSettings
from crm_mcp.watch import Watch

if TYPE_CHECKING:
    from crm_mcp.client import VendorClient
    from crm_mcp.notices import Webhook
    from crm_mcp.parties import Screening
    from crm_mcp.sandbox.app import Sandbox
    from crm_mcp.sharing import Sharing

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

    def stand_in(vendor: str) -> VendorSettings:
        given = sandbox.settings(vendor, origin)
        return load_vendor_code(vendor).settings(**given, rate=SANDBOX_RATE)

    vendors = {name: stand_in(name) for name in sandbox.vendors}
    named = {
        name: AccountSettings(vendor=one.vendor, settings=vendors[one.vendor])
        for name, one in settings.named.items()
        if one.vendor in vendors
    }
    return settings.model_copy(update={"vendors": vendors, "named": named})


def offer_of(settings: Settings) -> Offer:
    """Say what there is for whoever may have everything."""
    general = settings.general
    return Offer(tuple(settings.accounts), general.toolsets, general.policy)


def chosen(accounts: Mapping[str, AccountSettings], names: Iterable[str]) -> dict[str, str]:
    """Choose one account for each vendor, the first of it; gives their names by vendor."""
    by_vendor: dict[str, str] = {}
    for name in names:
        by_vendor.setdefault(accounts[name].vendor, name)
    return by_vendor


def registry_of(
    settings: Settings, catalogue: Catalogue, offer: Offer | None = None, rights: Rights = FULL
) -> Registry:
    """Say what these settings offer of all operations, or what a narrower offer leaves.

    Raises:
        ConfigError: the settings name tools or toolsets that do not exist, or a binding file that
            cannot be used.
    """
    offer = offer or offer_of(settings)
    every = settings.accounts
    used = {vendor: every[name].settings for vendor, name in chosen(every, offer.accounts).items()}
    return Registry(
        (one for name, all_of in catalogue.items() for one in _bound(name, all_of, used.get(name))),
        enabled=used,
        policy=offer.policy,
        rights=rights,
        toolsets=offer.toolsets,
        everyday={name: load_vendor_code(name).everyday for name in used},
    )


def _bound(
    vendor: str, operations: tuple[Operation, ...], settings: VendorSettings | None
) -> tuple[Operation, ...]:
    """Put the operator's own bindings in force, for an account whose settings name such a file."""
    file = getattr(settings, "bindings", None)
    if file is None:
        return operations
    # Imported only here: hardly anybody has such a file.
    from crm_mcp.bindings.file import load_bindings, rebound

    return rebound(operations, load_bindings(file, vendor))


@dataclass(frozen=True)
class App:
    """A pipeline with what surrounds it; the clients open on first use and close with it.

    `pipeline` is that of the operator, with the usual account of each vendor; `accounts` are all.
    """

    settings: Settings
    catalogue: Catalogue = field(repr=False)
    accounts: Mapping[str, Account] = field(repr=False)
    pipeline: Pipeline
    ledger: Ledger
    audit: Audit
    redactor: Redactor
    clients: Clients
    watch: Watch
    doubts: Doubts

    def narrowed(self, offer: Offer, rights: Rights = FULL) -> Pipeline:
        """Make the pipeline of a narrower offer.

        Raises:
            ConfigError: the offer names tools or toolsets that do not exist.
        """
        registry = registry_of(self.settings, self.catalogue, offer, rights)
        names = chosen(self.settings.accounts, offer.accounts)
        accounts = {vendor: self.accounts[name] for vendor, name in names.items()}
        return self.pipeline.narrowed(registry, accounts)

    def at(self, account: str) -> Pipeline:
        """Give the operator's pipeline with one account, by name, in its vendor's place."""
        offer = offer_of(self.settings)
        others = [name for name in offer.accounts if name != account]
        return self.narrowed(replace(offer, accounts=(account, *others)))

    def labelled(self, label: str) -> Pipeline:
        """Give the pipeline with the account that people read so; the usual one if it is gone."""
        names = [name for name, account in self.accounts.items() if account.label == label]
        return self.at(names[0]) if names else self.pipeline


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
        ConfigError: the settings name tools, toolsets or accounts that do not exist.
    """
    async with AsyncExitStack() as closing:
        yield _build(settings, catalogue, sandbox, closing)


def _build(
    settings: Settings, catalogue: Catalogue, sandbox: "Sandbox | None", closing: AsyncExitStack
) -> App:
    general = settings.general
    redactor = Redactor(settings.secrets())
    state = state_of(general)
    ledger = Ledger(state, told=_webhook(settings))
    audit, doubts = audit_of(general, state), Doubts(state)
    usual: dict[str, Account] = {}
    pipeline = Pipeline(
        registry_of(settings, catalogue),
        usual,
        ledger,
        audit,
        redactor,
        files=FileFolder(general.files_dir),
        room=general.max_result_chars,
    )
    accounts: dict[str, Account] = {}
    for name, account in settings.accounts.items():
        vendor, vendor_settings = account.vendor, account.settings
        label = _label(name, vendor, vendor_settings, sandbox)
        entrance = pipeline.gate.entrance(label)
        share = partial(sharing_of, settings, state, label)
        opening = (vendor, vendor_settings, entrance, redactor, general, sandbox, share)
        client = LazyClient(
            partial(_open_client, *opening),
            partial(doubts.hear, label),
        )
        closing.push_async_callback(client.aclose)
        accounts[name] = Account(
            load_vendor_code(vendor),
            label,
            vendor_settings.base_url,
            client,
            rate=vendor_settings.rate,
            screening=_screening(general, label),
            settings=vendor_settings,
            name=name,
        )
        usual.setdefault(vendor, accounts[name])
    clients = Clients(state)
    watch = Watch(clients, audit, general.min_answer_seconds)
    return App(
        settings,
        catalogue,
        accounts,
        pipeline,
        ledger,
        audit,
        redactor,
        clients=clients,
        watch=watch,
        doubts=doubts,
    )


def _webhook(settings: Settings) -> "Webhook | None":
    """Give who tells of questions that wait, where somebody is to be told."""
    url, key = settings.http.webhook, settings.http.webhook_key
    if url is None or key is None:
        return None
    # Imported only here: most servers tell nobody.
    from crm_mcp.notices import Webhook

    return Webhook(url.get_secret_value(), key.get_secret_value(), settings.http.page)


def _label(name: str, vendor: str, settings: VendorSettings, sandbox: Any) -> str:
    """Name an account for people: by the operator's name where it has one, vendor and address."""
    parts = urlsplit(settings.base_url)
    where = "sandbox" if sandbox is not None else parts.netloc + parts.path
    named = "" if name == vendor else f"{name}: "
    return f"{named}{vendor} ({where})"


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
    gate: Entrance,
    redactor: Redactor,
    general: General,
    sandbox: "Sandbox | None",
    share: "Callable[[], Sharing | None]",
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
        sharing=share(),
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
