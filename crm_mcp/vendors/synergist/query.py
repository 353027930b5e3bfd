"""What joins every query: user, password or its hash, and the version (document line 88)."""

from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from crm_mcp.vendors.synergist.settings import SynergistSettings

VERSION = "3.2"


def with_credentials(query: str, settings: "SynergistSettings") -> str:
    """Append the credentials to a query, and the version where the request names none."""
    password, name = settings.password, "password"
    if password is None:
        password, name = settings.sha512password, "sha512password"
    secret = password.get_secret_value() if password else ""
    pairs = [("user", settings.user), (name, secret)]
    if not any(pair.partition("=")[0] == "version" for pair in query.split("&")):
        pairs.append(("version", VERSION))
    joined = "&".join(f"{key}={quote(value, safe='')}" for key, value in pairs)
    return f"{query}&{joined}" if query else joined
