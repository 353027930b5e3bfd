"""What stands in the place of a personal value: a mark that says nothing, or a token.

A mark is the same for all values of its kind, and nothing brings a value back. A token is the value
itself, encrypted with the operator's key: the same value gives the same token in one account, and
another one in every other. AES-SIV (RFC 5297) finds any token that it did not make.
"""

import hashlib
import json
import logging
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from functools import cached_property
from typing import TYPE_CHECKING, Any, get_args

from crm_mcp.operation import PersonalKind

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV

logger = logging.getLogger(__name__)

MAX_SEALED = 1_000
"""The longest value that becomes a token, in bytes; more would fill a result with one token."""
_BLOCK = 8
_VERSION = b"crm-mcp personal 1"
_NUMBER = b"\x01"

# Whatever could have been one of ours is found: escaped, cut off or written in capitals, too.
MARK = re.compile(
    r"(?:<|&lt;|%3C)(?P<kind>" + "|".join(get_args(PersonalKind)) + r")(?::|%3A)"
    r"(?P<body>hidden\b|[A-Za-z0-9_-]{8,}|[A-Za-z0-9_-]*…)>?",
    re.IGNORECASE,
)
HIDDEN = "hidden"


class SealError(Exception):
    """A value cannot become a token."""


class OpenError(Exception):
    """What looks like a mark or a token stands for nothing that can be sent.

    Args:
        reason: why, to follow the name of an argument.
        hint: what to do instead.
    """

    def __init__(self, reason: str, hint: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint


def hidden(kind: str) -> str:
    """Write the mark of a kind."""
    return f"<{kind}:{HIDDEN}>"


class Masks:
    """Marks alone: what they hide cannot be brought back."""

    def seal(self, kind: str, value: Any) -> str:  # noqa: ARG002 - the tokens' shape
        """Give what stands in the place of a value."""
        return hidden(kind)

    def open(self, found: re.Match[str]) -> Any:
        """Say that nothing stands behind a mark.

        Raises:
            OpenError: always.
        """
        if found["body"].lower() == HIDDEN:
            raise OpenError(
                f"holds {found[0]}, which stands for a value that is kept from you",
                "Ask the person for the value, or leave the argument out.",
            )
        raise OpenError(
            "holds a token that is damaged, incomplete, or not of this account",
            "Give a token whole, exactly as a result of this account shows it.",
        )


class Tokens(Masks):
    """Tokens of one account."""

    def __init__(self, key: str, account: str) -> None:
        self._key = key
        self._account = account.encode()

    def seal(self, kind: str, value: Any) -> str:
        """Make the token of a text or a number.

        Raises:
            SealError: it is too long, cannot be written as a token, or encryption fails.
        """
        if self._cipher is None:
            raise SealError
        try:
            sealed = self._cipher.encrypt(_packed(value), self._bound_to(kind))
        except (ValueError, OverflowError) as error:
            raise SealError from error
        return f"<{kind}:{_written(sealed)}>"

    def open(self, found: re.Match[str]) -> Any:
        """Give the value of a token.

        Raises:
            OpenError: it is a mark, or no token that was made with this key for this account.
        """
        value = self._opened(found["kind"], found["body"])
        if value is None or found[0] != f"<{found['kind']}:{found['body']}>":
            return super().open(found)
        return value

    def _opened(self, kind: str, body: str) -> Any:
        if self._cipher is None:
            return None
        from cryptography.exceptions import InvalidTag

        try:
            sealed = urlsafe_b64decode(body + "=" * (-len(body) % 4))
            if _written(sealed) != body:  # there is one spelling of a token, and no other
                return None
            return _unpacked(self._cipher.decrypt(sealed, self._bound_to(kind)))
        except (ValueError, InvalidTag):
            return None

    def _bound_to(self, kind: str) -> list[bytes]:
        return [_VERSION, self._account, kind.encode()]

    @cached_property
    def _cipher(self) -> "AESSIV | None":
        """The cipher, made on first use, for the library takes a while to load; None without it."""
        key = hashlib.blake2b(self._key.encode(), digest_size=64, person=b"crm-mcp personal")
        try:
            from cryptography.exceptions import UnsupportedAlgorithm
            from cryptography.hazmat.primitives.ciphers.aead import AESSIV
        except ImportError as error:
            return self._missing(error)
        try:
            return AESSIV(key.digest())
        except UnsupportedAlgorithm as error:
            return self._missing(error)

    @staticmethod
    def _missing(error: Exception) -> None:
        logger.error("personal values are masked, because no token can be made: %s", error)


def _packed(value: Any) -> bytes:
    """Write a value as bytes, filled up so that a token does not tell its exact length."""
    is_text = isinstance(value, str)
    content = value.encode() if is_text else _NUMBER + json.dumps(value).encode()
    if len(content) > MAX_SEALED or (is_text and (content[:1] == _NUMBER or content[-1:] == b"\0")):
        raise SealError
    return bytes(content + b"\0" * (-len(content) % _BLOCK))


def _unpacked(content: bytes) -> Any:
    content = content.rstrip(b"\0")
    return json.loads(content[1:]) if content[:1] == _NUMBER else content.decode()


def _written(sealed: bytes) -> str:
    return urlsafe_b64encode(sealed).decode().rstrip("=")
