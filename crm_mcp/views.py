"""What one caller sees of the server: which tools there are, are listed and found, and how they go.

The operator's tables and the caller's own wishes narrow it; callers for whom the same is left
share one view.
"""

from collections import OrderedDict
from collections.abc import Mapping
from functools import cached_property

from crm_mcp.access import Access, TooWideError
from crm_mcp.app import App, offer_of
from crm_mcp.catalogue import Catalogue
from crm_mcp.config import ACCESS
from crm_mcp.errors import ConfigError
from crm_mcp.identity import Identity
from crm_mcp.listing import listed
from crm_mcp.pipeline import Pipeline
from crm_mcp.prompts import Prompts
from crm_mcp.rights import Rights
from crm_mcp.stdio import Prepared

MAX_VIEWS = 32
"""The newest that are kept: to make one takes a few milliseconds."""

Key = tuple[object, ...]


class View:
    """A pipeline with the tools and prompts that lead to it."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self.registry = pipeline.registry
        self.catalogue = Catalogue(pipeline.registry)

    @cached_property
    def entries(self) -> Prepared:
        """The entries of `tools/list`: our own tools, then those of the CRMs."""
        return Prepared(listed(self.registry))

    @cached_property
    def prompts(self) -> Prompts:
        """The prompts that the connected CRMs can serve."""
        accounts = self.pipeline.accounts.values()
        return Prompts(self.registry, (account.vendor for account in accounts))


class Views:
    """The views of one app's callers."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._kept: OrderedDict[Key, View] = OrderedDict()
        self.whole = View(app.pipeline)

    def of(self, identity: Identity) -> View:
        """Find what somebody sees.

        Raises:
            TooWideError: somebody wants to see more than there is for them.
            ConfigError: a narrowing names tools or toolsets that do not exist.
        """
        key = (identity.rights, *identity.narrowings)
        if key == (Rights(),):
            return self.whole
        view = self._kept.get(key) or self._made(identity)
        self._kept[key] = view
        self._kept.move_to_end(key)
        if len(self._kept) > MAX_VIEWS:
            self._kept.popitem(last=False)
        return view

    def check(self, tables: Mapping[str, Access]) -> None:
        """See that the operator's tables give only what there is.

        Raises:
            ConfigError: one names what does not exist, or a wider mode; says which.
        """
        for name, table in tables.items():
            try:
                self.of(Identity(narrowings=(table,)))
            except (TooWideError, ConfigError) as error:
                raise ConfigError(f"[{ACCESS}.{name}]: {error}") from None

    def _made(self, identity: Identity) -> View:
        offer = offer_of(self._app.settings)
        for narrowing in identity.narrowings:
            offer = offer.narrowed(narrowing)
        return View(self._app.narrowed(offer, identity.rights))
