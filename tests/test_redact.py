"""Secrets do not survive, in whatever spelling they appear; log records and tracebacks included."""

import base64
import json
import logging
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, quote_plus

import httpcore
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_mcp.redact import MASK, WIRE_LOGGERS, RedactingFilter, Redactor, guard_wire_loggers

SECRET = 'p/ss wörd"1'
CHARACTERS = st.characters(codec="utf-8", exclude_characters=MASK)
SECRETS = st.lists(st.text(CHARACTERS, min_size=1), min_size=1, max_size=4)


def spellings(secret: str) -> list[str]:
    """Write a secret as it may stand in a text, an address, JSON, or a header."""
    padded = base64.b64encode(secret.encode()).decode()
    plain = json.dumps(secret)[1:-1]
    return [secret, quote(secret, safe=""), quote_plus(secret), plain, padded, padded.rstrip("=")]


@pytest.mark.parametrize(
    "spelling",
    [
        'p/ss wörd"1',
        "p%2Fss%20w%C3%B6rd%221",
        "p%2Fss+w%C3%B6rd%221",
        'p/ss w\\u00f6rd\\"1',
        "cC9zcyB3w7ZyZCIx",
    ],
)
def test_a_secret_is_masked_in_each_spelling(spelling: str) -> None:
    assert spelling in spellings(SECRET)
    assert Redactor([SECRET]).text(f"before={spelling}&after") == f"before={MASK}&after"


def test_every_occurrence_is_masked() -> None:
    assert Redactor(["abc"]).text("abc-abc%20abcabc") == f"{MASK}-{MASK}%20{MASK}{MASK}"


def test_of_two_secrets_the_longer_is_masked_first() -> None:
    assert Redactor(["abc", "abcdef"]).text("abcdef abc") == f"{MASK} {MASK}"


def test_without_secrets_a_text_stays_as_it_is() -> None:
    assert Redactor().text("nothing to hide") == "nothing to hide"


def test_all_texts_of_a_value_are_masked_keys_included() -> None:
    value: Any = {"key": ["s3cret", ("s3cret", 1)], "s3cret": {"deep": "a s3cret b"}, "n": None}

    assert Redactor(["s3cret"]).value(value) == {
        "key": [MASK, [MASK, 1]],
        MASK: {"deep": f"a {MASK} b"},
        "n": None,
    }
    assert value["key"][0] == "s3cret"


@given(secrets=SECRETS, data=st.data())
def test_no_spelling_of_any_secret_survives_in_any_text(
    secrets: list[str], data: st.DataObject
) -> None:
    written = [spelling for secret in secrets for spelling in spellings(secret)]
    pieces = st.text(CHARACTERS) | st.sampled_from(written)
    text = "".join(data.draw(st.lists(pieces, max_size=6)))

    redacted = Redactor(secrets).text(text)

    assert [spelling for spelling in written if spelling in redacted] == []


@given(secrets=SECRETS, text=st.text(CHARACTERS))
def test_what_is_redacted_once_is_redacted_for_good(secrets: list[str], text: str) -> None:
    redactor = Redactor(secrets)

    assert redactor.text(redactor.text(text)) == redactor.text(text)


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    """Give a logger whose records are redacted."""
    logger = logging.getLogger("crm_mcp.test_redact")
    guard = RedactingFilter(Redactor(["s3cret"]))
    logger.addFilter(guard)
    yield logger
    logger.removeFilter(guard)


def test_a_log_record_is_redacted_with_its_arguments(
    logger: logging.Logger, caplog: pytest.LogCaptureFixture
) -> None:
    logger.error("GET %s as %r", "https://crm.example.com/?hash=s3cret", {"hash": "s3cret"})

    (record,) = caplog.records
    said = f"GET https://crm.example.com/?hash={MASK} as {{'hash': '{MASK}'}}"
    assert (record.getMessage(), record.args) == (said, None)


def test_a_log_tells_no_address_and_no_number_of_anybody(
    logger: logging.Logger, caplog: pytest.LogCaptureFixture
) -> None:
    logger.error("%s called from %s at %s", "ann@x.example", "0113 496 0101", "2026-03-02 09:00")

    assert caplog.messages == [f"{MASK} called from {MASK} at 2026-03-02 09:00"]


def test_a_wire_logger_tells_the_host_of_an_address_alone(caplog: pytest.LogCaptureFixture) -> None:
    unguard = guard_wire_loggers(Redactor(["s3cret"]))
    for address in ("https://crm.example.com/api2.php?contName=Ann%20Lee", "http://[::1]:80?a=Ann"):
        logging.getLogger("httpx").warning("GET %s as %s", address, "s3cret")
    unguard()

    assert caplog.messages == [
        f"GET https://crm.example.com/{MASK} as {MASK}",
        f"GET http://[::1]:80/{MASK} as {MASK}",
    ]


def test_a_traceback_that_another_handler_has_written_is_redacted_too() -> None:
    record = logging.LogRecord("crm_mcp", logging.ERROR, "", 1, "it broke", None, None)
    record.exc_text = "ValueError: refused s3cret"

    RedactingFilter(Redactor(["s3cret"])).filter(record)

    assert record.exc_text == f"ValueError: refused {MASK}"


def test_a_traceback_is_redacted_but_stays_readable(
    logger: logging.Logger, caplog: pytest.LogCaptureFixture
) -> None:
    try:
        raise ValueError("refused s3cret")  # noqa: TRY301 - it is the traceback that is tested
    except ValueError:
        logger.exception("failed with %s", "s3cret")

    (record,) = caplog.records
    assert record.exc_info is None
    assert f"failed with {MASK}\nTraceback (most recent call last):\n" in caplog.text
    assert f"ValueError: refused {MASK}\n" in caplog.text
    assert "s3cret" not in caplog.text


def test_the_wire_loggers_are_guarded_until_the_guard_is_taken_off(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    before = {name: list(logging.getLogger(name).filters) for name in WIRE_LOGGERS}

    unguard = guard_wire_loggers(Redactor(["s3cret"]))
    for name in WIRE_LOGGERS:
        logging.getLogger(name).debug("sent s3cret")
    unguard()

    told = [(record.name, record.getMessage()) for record in caplog.records]
    assert told == [(name, f"sent {MASK}") for name in WIRE_LOGGERS]
    assert {name: logging.getLogger(name).filters for name in WIRE_LOGGERS} == before


def test_no_logger_of_the_http_library_is_forgotten() -> None:
    names = [name for name in logging.getLogger().manager.loggerDict if name.startswith("http")]
    ours = {name for name in names if name.partition(".")[0] in {"httpx", "httpcore"}}

    assert ours >= {httpx.__name__, f"{httpcore.__name__}.connection", "httpcore.http11"}
    assert ours - set(WIRE_LOGGERS) == set()


def test_taking_one_guard_off_leaves_the_others_on(caplog: pytest.LogCaptureFixture) -> None:
    unguard_one = guard_wire_loggers(Redactor(["first"]))
    unguard_two = guard_wire_loggers(Redactor(["second"]))

    unguard_one()
    logging.getLogger("httpx").warning("first and second")
    unguard_two()

    assert caplog.messages == [f"first and {MASK}"]
