"""Addresses that carry a credential: the wire gets all of them, a reader only their beginning."""

import httpx

from crm_mcp.redact import MASK


class QuietURL(httpx.URL):
    """An address whose query stands in no text that is made of it: no log, no error, no `repr`."""

    def __str__(self) -> str:
        """Write the address with a mask in the place of its query."""
        return f"{httpx.URL(self).copy_with(query=None, fragment=None)}?{MASK}"

    def __repr__(self) -> str:
        """Write it as `str` does."""
        return f"{type(self).__name__}({str(self)!r})"


def quiet(address: str) -> QuietURL | None:
    """Read an address; None where it is none, or one that is beyond all bounds."""
    try:
        return QuietURL(address)
    except httpx.InvalidURL:
        return None
