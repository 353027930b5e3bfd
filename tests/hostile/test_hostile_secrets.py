"""No secret survives: in no spelling, and in nothing that is shown, answered, stored or logged."""

import base64
import binascii
import html
import io
import json
import logging
import re
import traceback
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, unquote_plus

import pytest
from corpus import HOSTILE, SECRET, Entry, entries, every
from hypothesis import given, settings
from hypothesis import strategies as st
from operations import CASES
from reading import is_hidden

from crm_mcp.app import load_catalogue
from crm_mcp.audit import Audit
from crm_mcp.confirm import Answer
from crm_mcp.envelope import as_text, failure, success
from crm_mcp.errors import ToolFailure
from crm_mcp.guard import Mode, Policy
from crm_mcp.ledger import Ledger
from crm_mcp.operation import Operation, Pagination, Response
from crm_mcp.parties import Account, Caller
from crm_mcp.pipeline import Pipeline
from crm_mcp.redact import MASK, RedactingFilter, Redactor
from crm_mcp.registry import Registry
from crm_mcp.respond import respond
from crm_mcp.state import StateFolder
from crm_mcp.vendors.base import Reply
from crm_mcp.vendors.fivecrm import VENDOR
from crm_mcp.web.pages import Pages

READ, WRITE = "fivecrm_areas_get", "fivecrm_customer_products_import"
SPELLED = entries("secrets")
BASE_URL = "https://crm.example.com/base"
TELLING = 9
"""So many characters of the secret in a row are too much."""
PRODUCT = {"account": "1", "product": "Desk", "manufacturer": ""}


def readings(text: str) -> set[str]:
    """Read a text in every way that anybody might; none of it is how we look for secrets."""
    known = new = {text}
    for _ in range(5):
        new = {other for one in new for other in _ways(one)} - known
        known = known | new
    return known


def _ways(text: str) -> Iterator[str]:
    yield "".join(char for char in text if not is_hidden(char))
    yield unquote(text)
    yield unquote_plus(text)
    yield unquote(text, "latin-1")
    yield html.unescape(text)
    yield _unescaped(text)
    yield text.replace("\\/", "/")


def _unescaped(text: str) -> str:
    """Undo the escapes of JSON and Python, those of bytes included."""
    text = re.sub(r"\\+u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16)), text)
    raw = re.sub(r"\\+x([0-9a-fA-F]{2})", lambda found: chr(int(found[1], 16)), text)
    text = raw if raw == text else _as_utf8(raw)
    return re.sub(r"\\+([\"'\\])", r"\1", text)


def _as_utf8(text: str) -> str:
    try:
        return text.encode("latin-1").decode()
    except UnicodeError:
        return text


def packed(text: str) -> Iterator[str]:
    """Unpack whatever looks like base64 or hexadecimal."""
    for word in re.findall(r"[A-Za-z0-9+/_-]{16,}", text):
        coded = word.translate(str.maketrans("-_", "+/"))
        for start in range(4):
            whole = len(coded[start:]) // 4 * 4
            yield base64.b64decode(coded[start : start + whole]).decode("utf-8", "replace")
    for word in re.findall("(?:[0-9a-fA-F]{2}){8,}", text):
        yield binascii.unhexlify(word).decode("utf-8", "replace")


@lru_cache(maxsize=10_000)
def tells(text: str, size: int = TELLING) -> bool:
    """Tell whether so many characters of the secret in a row can be read in a text."""
    pieces = [SECRET[at : at + size] for at in range(len(SECRET) - size + 1)]
    seen = (one for reading in readings(text) for one in (reading, *packed(reading)))
    return any(piece in one for one in seen for piece in pieces)


@every(SPELLED)
def test_each_spelling_tells_the_secret_to_a_reader_until_it_is_masked(entry: Entry) -> None:
    redactor = Redactor([SECRET])
    assert tells(entry.text, len(SECRET) - 2)

    for text in (entry.text, f"before {entry.text} after", f'{{"hash":"{entry.text}"}}'):
        masked = redactor.text(text)
        assert not tells(masked)
        assert MASK in masked
        assert redactor.text(masked) == masked


@settings(max_examples=60)
@given(data=st.data(), before=HOSTILE, after=HOSTILE)
def test_no_text_around_a_secret_keeps_it_from_being_masked(
    data: st.DataObject, before: str, after: str
) -> None:
    spelled = data.draw(st.sampled_from(SPELLED)).text
    redactor = Redactor([SECRET])

    masked = redactor.text(f"{before} {spelled} {after}")

    assert spelled not in masked
    assert SECRET not in unquote_plus(html.unescape(masked))
    assert redactor.value({before + spelled: [spelled]}) != {before + spelled: [spelled]}


@given(text=HOSTILE)
def test_a_text_without_a_secret_stays_as_it_is(text: str) -> None:
    assert Redactor([SECRET, "another secret"]).text(text) == text


def test_a_secret_that_is_a_number_is_masked_as_a_number_too() -> None:
    redactor = Redactor(["4711081500", "12"])

    assert redactor.value([4711081500, 4711, True, -4711081500.0, None]) == [
        *(MASK, 4711, True, f"-{MASK}.0", None),
    ]


def test_a_short_secret_does_not_mask_what_it_only_resembles() -> None:
    assert Redactor(["ab"]).text("6162 %63 YWJj cab") == f"6162 %63 YWJj c{MASK}"
    assert Redactor(["", "x y"]).text("a%20b") == "a%20b"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (f"The hash is {SECRET[:-2]}", f"The hash is {MASK}"),
        (f"The hash is {SECRET[:9]}… (90 characters)", f"The hash is {MASK}… (90 characters)"),
        (f"said {SECRET[:12]}.", f"said {MASK}"),
        ("%6b7!Zs%2F3%2B%C3%B6%26Q%7", MASK),
        (f"{SECRET[:7]}", f"{SECRET[:7]}"),
        (f"{SECRET[:12]} is no more", f"{SECRET[:12]} is no more"),
    ],
)
def test_a_beginning_is_masked_where_a_text_was_cut(text: str, masked: str) -> None:
    assert Redactor([SECRET]).text(text) == masked


def test_a_word_that_a_secret_begins_with_can_still_be_said() -> None:
    assert Redactor(["Synergist2026!"]).text("Synergist said: no.") == "Synergist said: no."


def test_a_long_search_ends() -> None:
    coded = "".join(f"%{byte:02x}" for byte in SECRET.encode())
    redactor = Redactor([SECRET])

    assert redactor.text(("a" * 500 + coded) * 200) == ("a" * 500 + MASK) * 200
    assert redactor.text("\\" * 100_000 + "u") == "\\" * 100_000 + "u"
    assert redactor.text("&#" * 100_000) == "&#" * 100_000


# Through the whole way of a call


class Echo:
    """A CRM that repeats the secret wherever it can."""

    def __init__(self) -> None:
        self.reply = Reply(200, {}, b"")

    async def send(self, *_: object) -> Reply:
        return self.reply


class Everything:
    """A pipeline over a CRM of ours, and all that it tells, writes and logs."""

    def __init__(self, folder: Path, mode: Mode = Mode.CONFIRM) -> None:
        self.crm = Echo()
        state = StateFolder(folder)
        self.folder, self.ledger, self.redactor = folder, Ledger(state), Redactor([SECRET])
        operations = [one for group in load_catalogue().values() for one in group]
        registry = Registry(operations, enabled=("fivecrm",), policy=Policy(mode=mode))
        accounts = {"fivecrm": Account(VENDOR, "fivecrm (here)", BASE_URL, self.crm)}
        audit = Audit(state)
        self.pipeline = Pipeline(registry, accounts, self.ledger, audit, self.redactor)
        self.told: list[str] = []

    def find(self, name: str) -> Operation:
        return self.pipeline.registry.find(name)

    async def call(self, name: str, arguments: dict[str, Any]) -> None:
        """Make a call; everything that anybody could see of it is kept."""
        try:
            outcome = await self.pipeline.call(name, arguments, Caller(program=name))
            envelope = success(outcome, self.find(name), "fivecrm (here)", 40_000)
        except ToolFailure as error:
            envelope = failure(error, 40_000)
            self.told += [str(error), repr(error.details), self.logged(error)]
        self.told.append(as_text(envelope))

    def logged(self, error: BaseException) -> str:
        """Log an error with its whole chain, as the border does."""
        stream = io.StringIO()
        handler = logging.StreamHandler(stream)
        handler.addFilter(RedactingFilter(self.redactor))
        record = logging.LogRecord(
            *("x", logging.ERROR, "", 1, "failed: %s", (error,)),
            exc_info=(type(error), error, error.__traceback__),
        )
        handler.handle(record)
        return stream.getvalue()

    def kept(self) -> list[str]:
        """List the texts that stand in the state folder, and those of the approval page."""
        waiting = self.ledger.waiting()
        pages = Pages()
        shown = [bytes(pages.question(one, "csrf").body).decode() for one in waiting]
        shown = [page.partition("</style>")[2] for page in shown]
        record = (self.folder / "audit.jsonl").read_text(encoding="utf-8")
        return [*shown, record, *(one.preview for one in waiting)]


@pytest.fixture
def everything(tmp_path: Path) -> Everything:
    return Everything(tmp_path)


def answers(spelled: str) -> Iterator[Any]:
    """List the answers of a CRM that repeats a text in each of its places."""
    yield {"STATUS": "success", "AREA": {"name": spelled, spelled: [spelled, {spelled: 1}]}}
    yield {"STATUS": "error", "ERROR": spelled}
    yield {"STATUS": "error", "ERROR": [spelled, f"Unauthorised {spelled}"]}
    yield {"STATUS": spelled, "ERROR": spelled}


@pytest.mark.anyio
@pytest.mark.parametrize("entry", SPELLED, ids=str)
async def test_no_answer_of_a_crm_brings_a_secret_back(
    everything: Everything, entry: Entry
) -> None:
    for answer in answers(entry.text):
        for status in (200, 500):
            headers = {"content-type": entry.text, "location": entry.text}
            everything.crm.reply = Reply(status, headers, json.dumps(answer).encode())
            await everything.call(READ, {"area": "001"})
    everything.crm.reply = Reply(200, {"content-type": entry.text}, b"no JSON")
    await everything.call(READ, {"area": "001"})

    assert len(everything.told) > 8
    assert_clean(everything.told)


def assert_clean(texts: list[str]) -> None:
    """Look at each line once; those of our own style sheet and sources hold none of it."""
    lines = {line.strip() for text in texts for line in text.split("\n")}
    assert not [line for line in lines if not line.startswith("File ") and tells(line)]


@pytest.mark.anyio
@pytest.mark.parametrize("entry", SPELLED, ids=str)
async def test_no_argument_puts_a_secret_into_a_preview_a_record_or_an_error(
    everything: Everything, entry: Entry
) -> None:
    text = entry.text
    for product in ({**PRODUCT, "text": text}, {**PRODUCT, "planQty": text}, {text: text}):
        await everything.call(WRITE, {"area": "001", "customerProducts": [product]})
    await everything.call(WRITE, {"area": text, "customerProducts": [PRODUCT]})
    await everything.call(READ, {"area": "001", text: text})
    await everything.call(READ, {"area": [text]})

    waiting = everything.ledger.waiting()
    assert waiting
    assert_clean([*everything.told, *everything.kept()])


@pytest.mark.anyio
async def test_a_secret_that_was_cut_in_the_middle_is_masked_all_the_same(
    everything: Everything,
) -> None:
    for room in range(470, 500):
        words = "x" * room + SECRET
        answer = json.dumps({"STATUS": "error", "ERROR": words}).encode()
        everything.crm.reply = Reply(200, {"content-type": "y" * 45 + SECRET}, answer)
        await everything.call(READ, {"area": "001"})
        await everything.call(WRITE, {"area": "x" * (room - 450) + SECRET, "customerProducts": []})
    everything.crm.reply = Reply(200, {"content-type": "y" * 45 + SECRET}, b"no JSON")
    await everything.call(READ, {"area": "001"})

    pieces = [SECRET[:size] for size in range(TELLING, len(SECRET) + 1)]
    assert not [text for text in everything.told for piece in pieces if piece in text]


class Department(Echo):
    """A CRM with one record, which it writes in its own way."""

    def __init__(self) -> None:
        self.reply = Reply(200, {}, b'{"id": 7, "name": "before"}')

    async def send(self, *call: Any) -> Reply:
        _, _, operation, _ = call
        if operation.is_write:
            self.reply = Reply(200, {}, b'{"id": 7, "name": "after"}')
        return self.reply


class Yes:
    """A person who approves."""

    can_ask = True
    resumes = None

    async def ready(self) -> None:
        """Be there, as ever."""

    async def ask(self, _: object) -> Answer:
        return Answer.YES


@pytest.mark.anyio
async def test_what_was_sent_is_masked_where_a_check_tells_it(tmp_path: Path) -> None:
    state = StateFolder(tmp_path)
    cases = [case for case in CASES if case.operation.vendor == "cirrus"]
    registry = Registry([case.operation for case in cases], enabled=("cirrus",), policy=Policy())
    accounts = {"cirrus": Account(cases[0].vendor, "cirrus (here)", BASE_URL, Department())}
    parts = (Ledger(state), Audit(state), Redactor([SECRET]))
    pipeline = Pipeline(registry, accounts, *parts)

    update = {"id": 7, "name": SECRET}
    outcome = await pipeline.call("cirrus_departments_update", update, Caller(asker=Yes()))

    assert outcome.check == {"coerced": [{"field": "name", "sent": MASK, "stands": "after"}]}


def test_the_arguments_of_the_next_page_hold_no_secret(everything: Everything) -> None:
    changes = {
        "pagination": Pagination(style="page", position="page", size="rows"),
        "response": Response(data="/AREAS"),
    }
    operation = everything.find("fivecrm_areas_list").model_copy(update=changes)
    reply = Reply(200, {}, b'{"STATUS": "success", "AREAS": [1]}')

    arguments = {"rows": 1, "filter": SECRET}
    outcome = respond(operation, VENDOR, reply, arguments, everything.redactor)

    assert outcome.page["next"] == {"rows": 1, "filter": MASK, "page": 2}


def test_a_traceback_through_everything_tells_no_secret(everything: Everything) -> None:
    inner = ValueError(f"inner {SECRET}")
    outer = RuntimeError(f"outer {SECRET!r} {SECRET.encode()!r}")
    outer.__cause__ = inner

    told = everything.logged(outer)

    assert SECRET in "".join(traceback.format_exception(outer))
    assert "direct cause" in told
    assert "inner •••" in told
    assert_clean([told])
