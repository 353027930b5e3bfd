"""The request as a value: what `bind` makes, the guard judges, and the client sends.

It holds no secret: credentials join inside the client, as the last step before the wire.
"""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import quote

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class RequestSpec:
    """One HTTP request without host and credentials.

    `path` and the pairs of `query` and `form` are in wire order; `path` is percent-encoded,
    the pairs are not. `json` is the body's text exactly as it is sent. `local` is what only
    steers our side of the call, such as how long to listen; it is not sent.
    """

    vendor: str
    operation: str
    method: str
    path: str
    query: Pairs = ()
    headers: Pairs = ()
    form: Pairs = ()
    json: str | None = None
    local: Pairs = ()

    @cached_property
    def digest(self) -> str:
        """SHA-256 over everything that makes the request; a permit is bound to it."""
        parts = (self.vendor, self.operation, self.method, self.path)
        content = (*parts, self.query, self.headers, self.form, self.json, self.local)
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

    @cached_property
    def target(self) -> str:
        """Path and query as they stand in the request line."""
        return f"{self.path}?{encode_pairs(self.query)}" if self.query else self.path


def encode_pairs(pairs: Pairs) -> str:
    """Percent-encode a query or form; a blank is %20 and a plus is %2B, which all four read."""
    return "&".join(f"{quote(name, safe='[]')}={quote(value, safe='')}" for name, value in pairs)
