"""Secrets out of everything a person, a model or a log can see.

Out of logs go the addresses and numbers of people as well.
"""

import logging
import re
import traceback
from collections import deque
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any

from crm_mcp.spelling import forms, may_be_coded, plain, spans

MASK = "•••"
MAX_LEARNED = 20
MIN_PIECE = 8
"""Where a text was cut, a beginning of a secret is masked from this length on."""
MIN_CODED = 4
MIN_NUMBER = 6
_BEHIND_HOST = re.compile(r"(https?://[^/\s\"']+)[/?][^\s\"']*")
_ANSWERED = "receive_response_headers.complete"
_NOTHING = re.compile("")
_TO_THE_CUT = re.compile(r"[^\s\"'<>()…]{0,1000}+(?=…|.{0,2}\Z)")
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
    """Replaces the known secrets, in every spelling they take on their way.

    Those of the configuration are known from the start; a CRM hands out others later.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets = tuple(secrets)
        # The last few are enough: a token that was replaced long ago opens nothing any more.
        self._learned: deque[str] = deque(maxlen=MAX_LEARNED)
        self._prepare()

    def learn(self, secret: str) -> None:
        """Replace one more secret from now on."""
        if secret not in self._learned:
            self._learned.append(secret)
            self._prepare()

    def also(self, secrets: Iterable[str]) -> "Redactor":
        """Make one that replaces these too, for one call."""
        return Redactor((*self._secrets, *self._learned, *secrets))

    def _prepare(self) -> None:
        """List what to look for, the longest first: one secret may be a part of another."""
        self._known = sorted({secret for secret in (*self._secrets, *self._learned) if secret})
        spellings = {form for secret in self._known for form in forms(secret)}
        self._spellings = tuple(sorted(spellings, key=len, reverse=True))
        self._numbers = any(one.isdecimal() and len(one) >= MIN_NUMBER for one in self._known)
        for prepared in ("_plain", "_beginnings"):
            self.__dict__.pop(prepared, None)

    @cached_property
    def _plain(self) -> tuple[str, ...]:
        """What a coded text must not say."""
        return tuple(text for text in map(plain, self._known) if len(text) >= MIN_CODED)

    @cached_property
    def _beginnings(self) -> tuple[str, ...]:
        """What must not stand at the end of a text that was cut."""
        long = [text for text in self._plain if len(text) > MIN_PIECE]
        return tuple(text[: max(MIN_PIECE, len(text) // 2)] for text in long)

    def text(self, text: str) -> str:
        """Mask the secrets in one text."""
        for spelling in self._spellings:
            if spelling in text:
                text = text.replace(spelling, MASK)
        said = plain(text) if self._known and may_be_coded(text) else text
        if any(secret in said for secret in self._plain):
            text = _masked(text, spans(text, self._plain))
        if any(beginning in said for beginning in self._beginnings):
            text = _masked(text, spans(text, self._beginnings), _TO_THE_CUT)
        return text

    def value(self, value: Any) -> Any:
        """Mask the secrets in all texts of a JSON value, keys included."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list | tuple):
            return [self.value(item) for item in value]
        if isinstance(value, dict):
            return {self.text(str(key)): self.value(item) for key, item in value.items()}
        return self._number(value) if self._numbers else value

    def _number(self, value: Any) -> Any:
        """Mask a number that is a secret: who reads JSON cannot know that it was a text."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return value
        masked = self.text(str(value))
        return masked if MASK in masked else value


def _masked(text: str, found: Iterable[tuple[int, int]], more: re.Pattern[str] = _NOTHING) -> str:
    """Mask pieces of a text with what is behind them, where that is as it must be."""
    parts, done = [], 0
    for start, end in found:
        behind = more.match(text, end)
        if behind and end > done:
            parts += [text[done:start], MASK]
            done = behind.end()
    return "".join((*parts, text[done:]))


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
        elif record.exc_text:  # another handler has written the traceback already
            record.exc_text = self._redacted(record.exc_text)
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
