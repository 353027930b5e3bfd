"""The embedded stand-ins for the vendors. Found by looking, never by a list of names."""

import importlib
import pkgutil

from crm_mcp.sandbox.base import StandIn


def stand_ins() -> dict[str, type[StandIn]]:
    """Find the modules and packages here that define `STAND_IN`; their name is the vendor's."""
    modules = {
        entry.name: importlib.import_module(f"{__name__}.{entry.name}")
        for entry in pkgutil.iter_modules(__path__)
    }
    return {
        name: module.STAND_IN for name, module in modules.items() if hasattr(module, "STAND_IN")
    }
