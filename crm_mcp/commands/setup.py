"""What most commands need: settings, operations, and the sandbox where it is wanted."""

import gc
import json
import logging
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Self

import anyio
from anyio import to_thread

from crm_mcp.app import SANDBOX_ORIGIN, App, Catalogue, load_catalogue, open_app, sandbox_settings
from crm_mcp.audit import Audit
from crm_mcp.clean import HIDDEN
from crm_mcp.config import Settings
from crm_mcp.errors import ConfigError, StateError
from crm_mcp.log_lines import JsonLines, TextLines
from crm_mcp.redact import RedactingFilter, Redactor
from crm_mcp.vendors import known_vendors, load_vendor_code

if TYPE_CHECKING:
    from crm_mcp.sandbox.app import Sandbox

logger = logging.getLogger(__name__)

MAX_WARNINGS = 10


@dataclass(frozen=True)
class Setup:
    """Settings and operations, read once."""

    settings: Settings
    catalogue: Catalogue
    sandbox: "Sandbox | None" = None

    @classmethod
    def of(cls, settings: Settings, *, use_sandbox: bool, vendors_needed: bool) -> Self:
        """Complete the settings with the sandbox, and begin logging.

        Raises:
            ConfigError: no CRM is connected, and the command needs one.
        """
        catalogue = load_catalogue()
        sandbox = None
        if use_sandbox:
            # Imported only here: nobody who connects a real CRM needs the stand-in.
            from crm_mcp.sandbox.app import Sandbox

            sandbox = Sandbox(catalogue)
            settings = sandbox_settings(settings, sandbox, SANDBOX_ORIGIN)
        if vendors_needed and not settings.accounts:
            raise ConfigError(_what_to_set())
        start_logging(settings)
        return cls(settings, catalogue, sandbox)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[App]:
        """Build the pipeline and what surrounds it; says which earlier writes are unknown."""
        async with open_app(self.settings, self.catalogue, self.sandbox) as app:
            await to_thread.run_sync(_warn_of_unknown, app.audit)
            yield app


def _warn_of_unknown(audit: Audit) -> None:
    """Tell the operator of writes that a killed process left, or the CRM answered unclearly."""
    try:
        writes = audit.unknown()
    except StateError as error:
        logger.warning("whether earlier writes are unknown cannot be read: %s", error)
        return
    for write in writes[:MAX_WARNINGS]:
        logger.warning("%s", write.as_sentence())
    if len(writes) > MAX_WARNINGS:
        logger.warning("%d unknown writes in all: crm-mcp audit unknown", len(writes))


def run_server(serve: Callable[..., Awaitable[None]], *arguments: Any) -> None:
    """Run a server until it ends, on the fastest loop there is."""
    gc.freeze()  # what start-up made stays; see __main__.py
    gc.enable()
    uvloop = find_spec("uvloop") is not None
    anyio.run(serve, *arguments, backend_options={"use_uvloop": uvloop})


def listen(host: str, port: int) -> socket.socket:
    """Take a port; 0 takes a free one.

    Raises:
        ConfigError: it cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        raise ConfigError(f"{host}: port {port} cannot be used: {error.strerror}") from error
    # Lines inherit it. The event loop sees no TCP in a socket made like this, and an answer in two
    # parts would wait 40 ms between them for the other side to confirm the first.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def start_logging(settings: Settings) -> None:
    """Log to stderr, masked; stdout belongs to results and the protocol."""
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(RedactingFilter(Redactor(settings.secrets())))
    handler.setFormatter(JsonLines() if settings.telemetry.logs == "json" else TextLines())
    logging.basicConfig(
        level=settings.general.log_level,
        handlers=[handler],
        force=True,
    )
    # What the protocol's library tells while debugging can hold whole calls.
    logging.getLogger("mcp").setLevel(max(logging.INFO, logging.getLogger().level))


def print_json(value: Any) -> None:
    """Print JSON for people and scripts alike; what hides, or moves a terminal, as its code."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    sys.stdout.write(HIDDEN.sub(lambda found: json.dumps(found[0])[1:-1], text) + "\n")


def _what_to_set() -> str:
    lines = ["no CRM is connected. Set, for one of them:"]
    for name in known_vendors():
        settings = load_vendor_code(name).settings
        fields = settings.model_fields.items()
        needed = [field.upper() for field, info in fields if info.is_required()]
        named = " ".join(f"CRM_MCP_{name.upper()}_{key}" for key in needed)
        lines.append(f"  {name}: {named}{settings.also_needed}")
    lines.append("or add --sandbox to try everything on made-up data.")
    return "\n".join(lines)
