"""How Synergist says no: HTTP 404 whatever the reason, with a code and a sentence in XML.

The codes stand at lines 205 to 211 of the vendor's document, which leaves the sentences open; what
no documented code means is 404500, as in the sample at line 132.
"""

from enum import IntEnum
from html import escape
from http import HTTPStatus

from crm_mcp.sandbox.base import Answer


class Code(IntEnum):
    """The documented codes, and the one for whatever rule of Synergist's was broken."""

    NO_CREDENTIALS = 404001
    WRONG_CREDENTIALS = 404002
    ACCOUNT_DISABLED = 404003
    NOT_RECOGNIZED = 404004
    RULE = 404500


class RefusalError(Exception):
    """A call is refused."""

    def __init__(self, words: str, code: Code = Code.RULE) -> None:
        super().__init__(words)
        self.code = code


def refused(refusal: RefusalError) -> Answer:
    """Write a refusal; characters that XML cannot hold are left out."""
    words = "".join(filter(str.isprintable, str(refusal)))
    text = (
        f'<Responses>\n    <Error ErrorID="{refusal.code}">\n'
        f"        <ErrorText>{escape(words)}</ErrorText>\n    </Error>\n</Responses>\n"
    )
    return Answer(text.encode(), HTTPStatus.NOT_FOUND, "text/xml; charset=utf-8")
