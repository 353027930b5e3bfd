"""The store for files outside of the database: what Amazon S3 is to Synergist.

It stands below the address of the stand-in itself. A signed address is all that opens it, for one
file, one method and one day; a call that brings credentials of the CRM along is turned away.
"""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from http import HTTPStatus
from typing import Literal
from urllib.parse import quote, unquote, urlencode

from crm_mcp.sandbox.base import Answer, Call
from crm_mcp.sandbox.synergist.world import Row, World

Method = Literal["GET", "PUT"]

FOLDER = "/s3/"
FILE = "s3file"
LIFETIME = timedelta(days=1)

_STAMP = "%Y%m%dT%H%M%SZ"
_SECRETS = frozenset({"user", "password", "sha512password"})
_SECRET_HEADERS = frozenset({"authorization", "cookie"})


def addresses(world: World, name: str) -> Row:
    """Give the signed addresses at which a file is read and written."""
    return {
        "attachmentS3UrlGet": address(world, name, "GET"),
        "attachmentS3UrlPut": address(world, name, "PUT"),
    }


def address(world: World, name: str, method: Method) -> str:
    """Give the signed address of a file for one method."""
    stamp = f"{world.now:{_STAMP}}"
    query = {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Date": stamp,
        "X-Amz-Expires": int(LIFETIME.total_seconds()),
        "X-Amz-Signature": _signature(name, method, stamp),
    }
    return f"{world.origin}{FOLDER}{quote(name, safe='')}?{urlencode(query)}"


def content_of(world: World, name: str) -> bytes | None:
    """Read a file; None as long as nobody has brought it."""
    found = world.get(FILE, name)
    return None if found is None else found["content"]


def serve(world: World, call: Call) -> Answer | None:
    """Answer a call to the store; None for every other address."""
    if not call.path.startswith(FOLDER):
        return None
    name = unquote(call.path.removeprefix(FOLDER))
    reason = _objection(world, name, call)
    if reason:
        return _error(HTTPStatus.FORBIDDEN, reason)
    if call.method == "PUT":
        _keep(world, name, call.content)
        return Answer(b"", changed=True)
    content = content_of(world, name)
    if content is None:
        return _error(HTTPStatus.NOT_FOUND, "NoSuchKey")
    return Answer(content, content_type="application/octet-stream")


def _objection(world: World, name: str, call: Call) -> str:
    """Say why a call is turned away; nothing if it is not."""
    query = dict(call.query)
    if _SECRETS & set(query) or _SECRET_HEADERS & set(call.headers):
        return "InvalidRequest"
    stamp = query.get("X-Amz-Date", "")
    # Whoever has the signature had the stamp from here, so it is well formed.
    if query.get("X-Amz-Signature") != _signature(name, call.method, stamp):
        return "SignatureDoesNotMatch"
    signed = datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC)
    return "AccessDenied" if world.now - signed > LIFETIME else ""


def _signature(name: str, method: str, stamp: str) -> str:
    return sha256(f"{method} {name} {stamp}".encode("utf-8", "replace")).hexdigest()


def _keep(world: World, name: str, content: bytes) -> None:
    found = world.get(FILE, name)
    if found is None:
        world.add(FILE, {"content": content}, key=name)
    else:
        world.change(found, {"content": content})


def _error(status: HTTPStatus, code: str) -> Answer:
    return Answer(f"<Error><Code>{code}</Code></Error>".encode(), status, "application/xml")
