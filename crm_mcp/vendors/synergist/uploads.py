"""Attachments that live in Amazon S3: the CRM answers with an address, we bring the bytes.

Sources in the vendor's document: lines 2226 to 2272 (attachments), 4930 to 4963 (expense lines).
"""

import base64
import binascii
import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from crm_mcp.errors import UnreadableReply
from crm_mcp.vendors.base import Reply, Upload, decode_json

ADDRESS = "attachmentS3UrlPut"
CONTENT = "variable_AttachmentBase64"


def uploads_of(reply: Reply, sent: Mapping[str, str], hosts: tuple[str, ...]) -> tuple[Upload, ...]:
    """Find what is still to be brought somewhere: rows and sent items go by their position.

    Args:
        reply: the answer to a write.
        sent: its query.
        hosts: where files may be brought.
    """
    if reply.status != HTTPStatus.OK or ADDRESS.encode() not in reply.content:
        return ()
    items = _items(sent.get("input", ""))
    return tuple(
        Upload(address, _content(items[at]) if at < len(items) else b"", hosts)
        for at, row in enumerate(_rows(reply))
        if (address := _text(row, ADDRESS))
    )


def _rows(reply: Reply) -> list[Any]:
    try:
        body = decode_json(reply)
    except UnreadableReply:
        return []
    took = isinstance(body, dict) and body.get("success") is True
    return _list(body.get("data")) if took else []


def _items(document: str) -> list[Any]:
    try:
        body = json.loads(document)
    except ValueError:
        return []
    return _list(body.get("data")) if isinstance(body, dict) else []


def _content(item: Any) -> bytes:
    """Decode the file of an item; nothing where it has none."""
    try:
        return base64.b64decode(_text(item, CONTENT), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _text(item: Any, key: str) -> str:
    value = item.get(key) if isinstance(item, dict) else None
    return value if isinstance(value, str) else ""


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
