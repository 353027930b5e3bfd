"""The vendors, one folder each. Found by looking, never by a list of names."""

import importlib
import pkgutil

from crm_mcp.errors import ConfigError
from crm_mcp.vendors.base import Vendor


def known_vendors() -> tuple[str, ...]:
    """List the vendors that this installation has code for, in alphabetical order."""
    return tuple(sorted(entry.name for entry in pkgutil.iter_modules(__path__) if entry.ispkg))


def load_vendor_code(vendor_id: str) -> Vendor:
    """Import one vendor.

    Raises:
        ConfigError: there is no such vendor; names those there are.
    """
    if vendor_id not in known_vendors():
        raise ConfigError(f"no vendor {vendor_id!r}; there are: {', '.join(known_vendors())}")
    vendor: Vendor = importlib.import_module(f"{__name__}.{vendor_id}").VENDOR
    return vendor
