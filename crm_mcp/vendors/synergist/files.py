"""Files in Synergist's answers: the `…file` actions send one instead of JSON.

Sources in the vendor's document: lines 3737 (an expense sheet), 4897 (an attachment), 7871 (a
purchase order); none says how the file comes, so its headers and its first bytes decide.
"""

import base64
import re
from typing import Any

from crm_mcp.vendors.base import Reply

MAX_NAME = 200
_TEXT = re.compile(r"text/|application/(.*\+)?(json|xml|xhtml)|multipart/", re.IGNORECASE)
_ENVELOPE = re.compile(rb'\s*\{[^{}\[\]]*"success"\s*:')
_UNSAFE = re.compile(r"[\x00-\x1f\x7f/\\]+")


def file_row(reply: Reply) -> dict[str, Any] | None:
    """Read an answer that is a file; None when it is none.

    A page of HTML that some server sends in the place of the CRM is no file: a text counts as one
    only where the headers name it.
    """
    if _ENVELOPE.match(reply.content):
        return None
    kind = reply.headers.get("content-type", "").partition(";")[0].strip().lower()
    name = _file_name(reply.headers.get("content-disposition", ""))
    is_pdf = reply.content.startswith(b"%PDF-")
    if not (is_pdf or name or (kind and not _TEXT.match(kind))):
        return None
    return {
        "name": name,
        "contentType": "application/pdf" if is_pdf else kind,
        "size": len(reply.content),
        "base64": base64.b64encode(reply.content).decode("ascii"),
    }


def _file_name(disposition: str) -> str:
    """Read the file's own name out of a header, without the folders before it."""
    if not disposition:
        return ""
    # Imported for the first file: most starts never need it.
    from email.message import Message

    message = Message()
    message["content-disposition"] = disposition.replace("\r", " ").replace("\n", " ")
    return _UNSAFE.split(message.get_filename("") or "")[-1][:MAX_NAME]
