"""Step 6d: files that follow a write: where they may go, and what their answers mean.

Some CRMs keep files elsewhere: their answer to a write names a signed address, and the write is
only done when the file has arrived there. The address is a key: whoever has it may write.
"""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from http import HTTPStatus

from crm_mcp.retry import Lost
from crm_mcp.vendors.base import Reply, Shortfall, Upload, is_loopback
from crm_mcp.vendors.quiet import QuietURL, quiet

Put = Callable[[QuietURL, bytes], Awaitable[Reply | Lost]]
"""Sends one file to an address once, without credentials."""

HTTPS_PORT = 443
_HOST = re.compile(r"[a-z0-9.-]+")
_TOOK = "The CRM took the call, but"
_MEND = (
    "Look in the CRM whether the file is there. If it is not, take the record of the file away "
    "and make it again; the file has not been and will not be sent again by itself."
)
NO_FILE = Shortfall(
    "partly_done",
    f"{_TOOK} it keeps files elsewhere, and the call brought none. {_MEND}",
)
NOT_ALLOWED = Shortfall(
    "partly_done",
    f"{_TOOK} wants the file at an address that is not allowed here, so the file was not sent. "
    f"Tell the operator. {_MEND}",
)


async def with_uploads(reply: Reply, uploads: Sequence[Upload], put: Put) -> Reply:
    """Bring the files that a write is to be followed by, and say in its reply what came of it."""
    told = [short for upload in uploads if (short := await _bring(upload, put)) is not None]
    worst = next((short for short in told if short.status == "unknown"), None)
    return replace(reply, shortfall=worst or told[0]) if told else reply


async def _bring(upload: Upload, put: Put) -> Shortfall | None:
    """Send one file once; None when it has arrived."""
    if not upload.content:
        return NO_FILE
    url = quiet(upload.address)
    if url is None or url.userinfo:
        return NOT_ALLOWED
    if not is_allowed(url.scheme, url.host, url.port, upload.hosts):
        return NOT_ALLOWED
    return shortfall_of(await put(url, upload.content))


def is_allowed(scheme: str, host: str, port: int | None, hosts: tuple[str, ...]) -> bool:
    """Tell whether a file may be brought there: https, or this machine where it is named."""
    named = any(
        host.endswith(allowed[1:]) if allowed.startswith("*.") else host == allowed
        for allowed in hosts
    )
    usual = scheme == "https" and port in (None, HTTPS_PORT)
    here = scheme in ("http", "https") and is_loopback(host)
    return named and (usual or here) and _HOST.fullmatch(host) is not None


def shortfall_of(result: Reply | Lost) -> Shortfall | None:
    """Say what the answer to a file means; None when the file has arrived."""
    if isinstance(result, Lost):
        if result is Lost.UNSENT:
            return Shortfall("partly_done", f"{_TOOK} the file store was not reached. {_MEND}")
        return _unknown("did not answer in time, or broke off")
    if result.status < HTTPStatus.MULTIPLE_CHOICES:
        return None
    if result.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _unknown(f"answered with HTTP {result.status}")
    words = f"{_TOOK} the file store refused the file (HTTP {result.status}). {_MEND}"
    return Shortfall("partly_done", words)


def _unknown(words: str) -> Shortfall:
    return Shortfall(
        "unknown", f"{_TOOK} the file store {words}: nobody knows whether it has the file. {_MEND}"
    )
