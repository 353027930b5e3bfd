"""Secrets out of everything a person, a model or a log can see.

Out of logs go the addresses and numbers of people as well.
"""

import base64
import json
import logging
import re
import traceback
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import quote, quote_plus

MASK = "•••"
MAX_LEARNED = 20
_BEHIND_HOST = re.compile(r"(https?://[^/\s\"']+)[/?][^\s\"']*")
_PERCENT = re.compile("%[0-9A-F]{2}")
_ANSWERED = "receive_response_headers.complete"
WIRE_LOGGERS = (
    "httpx",
    "httpcore",
    "httpcore.connection",
    "httpcore.http11",
    "httpcore.http2",
    "httpcore.proxy",
    "httpcore.socks",
)


class Redactor:
    """Replaces the known secrets, in every spelling they take on their way to the wire.

    Those of the configuration are known from the start; a CRM hands out others later.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets = tuple(secrets)
        # The last few are enough: a token that was replaced long ago opens nothing any more.
        self._learned: deque[str] = deque(maxlen=MAX_LEARNED)
        self._spellings = self._all_spellings()

    def learn(self, secret: str) -> None:
        """Replace one more secret from now on."""
        if secret not in self._learned:
            self._learned.append(secret)
            self._spellings = self._all_spellings()

    def also(self, secrets: Iterable[str]) -> "Redactor":
        """Make one that replaces these too, for one call."""
        return Redactor((*self._secrets, *self._learned, *secrets))

    def _all_spellings(self) -> tuple[str, ...]:
        """List all spellings, the longest first: one secret may be a part of another."""
        secrets = (*self._secrets, *self._learned)
        spellings = {form for secret in secrets for form in _spellings(secret)}
        return tuple(sorted(spellings, key=len, reverse=True))

    def text(self, text: str) -> str:
        """Mask the secrets in one text."""
        for spelling in self._spellings:
            if spelling in text:
                text = text.replace(spelling, MASK)
        return text

    def value(self, value: Any) -> Any:
        """Mask the secrets in all texts of a JSON value, keys included."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list | tuple):
            return [self.value(item) for item in value]
        if isinstance(value, dict):
            return {self.text(str(key)): self.value(item) for key, item in value.items()}
        return value


def _spellings(secret: str) -> Iterable[str]:
    """List how a secret may be written: plain, in an address, in JSON, in base64."""
    yield secret
    for quoted in (quote(secret, safe=""), quote_plus(secret)):
        yield quoted
        yield _PERCENT.sub(lambda code: code[0].lower(), quoted)
    for ascii_only in (True, False):
        yield json.dumps(secret, ensure_ascii=ascii_only)[1:-1]
    yield base64.b64encode(secret.encode()).decode().rstrip("=")


class RedactingFilter(logging.Filter):
    """Rewrites log records before any handler sees them, tracebacks included."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def filter(self, record: logging.LogRecord) -> bool:
        """Replace the record's text by its redacted form; never drops a record."""
        record.msg = self._redacted(_message(record))
        record.args = None
        if record.exc_info:
            trace = "".join(traceback.format_exception(*record.exc_info))
            record.exc_text = self._redacted(trace.rstrip("\n"))
            record.exc_info = None
        return True

    def _redacted(self, text: str) -> str:
        from crm_mcp.private import private  # on first use: most servers log nothing at all

        text = self._redactor.text(text)
        for span in reversed(private(text)):
            text = f"{text[: span.start]}{MASK}{text[span.end :]}"
        return text


class WireFilter(RedactingFilter):
    """Keeps out of the wire's logs what nobody knows yet, and what is nobody's business.

    Of an address the host alone stays: what stands behind it is the arguments of a call. A login
    may set a cookie that is as good as a password, before anybody has read it.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact the record, and cut an answer's headers off."""
        super().filter(record)
        if record.msg.startswith(_ANSWERED):
            record.msg = record.msg.partition("[")[0] + MASK
        return True

    def _redacted(self, text: str) -> str:
        return super()._redacted(_BEHIND_HOST.sub(rf"\1/{MASK}", text))


def _message(record: logging.LogRecord) -> str:
    """Write a record's text; one whose arguments do not fit is no reason to fail."""
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):
        return f"{record.msg} {record.args}"


def guard_wire_loggers(redactor: Redactor) -> Callable[[], None]:
    """Put a filter on the HTTP library's loggers, which log whole addresses at INFO.

    Returns what takes the filter off again.
    """
    guard = WireFilter(redactor)
    loggers = [logging.getLogger(name) for name in WIRE_LOGGERS]
    for logger in loggers:
        logger.addFilter(guard)

    def unguard() -> None:
        for logger in loggers:
            logger.removeFilter(guard)

    return unguard
