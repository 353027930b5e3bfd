"""User, password and hash of a Synergist: whatever breaks, nobody but the CRM reads them.

They stand in each address, so each piece of software between us and the CRM has them at hand.
"""

import asyncio
import base64
import json
import logging
import re
import traceback
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html import escape
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus, unquote_plus

import httpx
import pytest
from client_programs import hurried
from mcp import Client
from open_crm import OpenCrm, Person
from sockets import serving
from synergist_tap import OPERATIONS, VENDOR, WRITES

from crm_mcp.app import SANDBOX_ORIGIN, App, open_app, sandbox_settings
from crm_mcp.config import General, Settings
from crm_mcp.errors import ToolFailure
from crm_mcp.operation import Operation
from crm_mcp.parties import Caller
from crm_mcp.redact import RedactingFilter, Redactor
from crm_mcp.sandbox import synergist as stand_in
from crm_mcp.sandbox.app import Sandbox
from crm_mcp.sandbox.faults import Fault
from crm_mcp.sandbox.synergist.company import CREDENTIALS, hash_of, let_in
from crm_mcp.server import build_server
from crm_mcp.testing import dialog
from crm_mcp.vendors.synergist.settings import SynergistSettings

pytestmark = pytest.mark.anyio

USER = 'm4YaqLk2w+/%&"<ä\\vX7qkHs3d'
SECRET = "Zq7kWnB5e+/%&\"<ö\\'= pT9xLmC8r"
HASH = hash_of(CREDENTIALS["password"])
KINDS = ("password", "sha512password")
PIECES = ("m4YaqLk2w", "vX7qkHs3d", "Zq7kWnB5e", "pT9xLmC8r", HASH[:12], HASH[-12:])
"""No code for texts changes letters and numbers: these stand in every spelling."""
READ, WRITE = "synergist_clients_list", "synergist_activities_create"
DOWNLOAD = "synergist_expense_line_attachments_download"
CALLS = (READ, WRITE)
LOGGERS = ("httpx", "httpcore", "asyncio", "crm_mcp")


def _packed(text: str) -> Iterator[str]:
    """Write a text as it stands in longer base64, wherever it begins, and in hexadecimal."""
    raw = text.encode()
    yield raw.hex()
    for before in range(3):
        coded = base64.b64encode(bytes(before) + raw).decode()
        yield coded[-(-before * 4 // 3) : (before + len(raw)) // 3 * 4]


PACKED = [form for piece in PIECES for form in _packed(piece)]


def found(text: str) -> list[str]:
    """List what can be read of the secrets in a text, in capitals or not."""
    lower = text.lower()
    plain = [piece for piece in PIECES if piece.lower() in lower]
    return plain + [form for form in PACKED if form in text]


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let those in who bring the secrets as they are, in the place of the usual credentials."""

    def opened(world: Any, query: Any) -> Any:
        brought = {query.get("user"), query.get("password", query.get("sha512password"))}
        return let_in(world, CREDENTIALS if brought == {USER, SECRET} else {})

    monkeypatch.setattr(stand_in, "let_in", opened)


@dataclass(repr=False)  # it would tell what it heard wherever it stands itself
class Overheard:
    """Everything that a session tells anybody but the CRM."""

    folder: Path
    texts: list[str] = field(default_factory=list)

    def note(self, what: Any) -> None:
        self.texts.append(what if isinstance(what, str) else repr(what))

    async def progress(self, progress: float, total: float | None, message: str | None) -> None:
        self.note((progress, total, message))

    async def report(self, words: str) -> None:
        self.note(words)

    def person(self, preview: str) -> Any:
        self.note(preview)
        return "approve"

    def failed(self, error: BaseException) -> None:
        """Render an exception with the values of all names on its way."""
        shown = traceback.TracebackException.from_exception(error, capture_locals=True)
        self.texts += [*shown.format(), repr(error), str(getattr(error, "details", ""))]

    def everything(self, caplog: pytest.LogCaptureFixture) -> str:
        """Read all of it, and what was logged and stored."""
        stored = [one.read_bytes() for one in self.folder.rglob("*") if one.is_file()]
        assert len(stored) > 1
        ways = ("utf-8", "utf-16-le")
        files = [raw.decode(way, "replace") for raw in stored for way in ways]
        return "\n".join((*self.texts, caplog.text, *files))


def settings_of(kind: str, sandbox: Sandbox, origin: str, folder: Path, **general: Any) -> Settings:
    given = {"state_dir": folder, "allow": tuple(one.name for one in OPERATIONS), **general}
    quick = {"min_answer_seconds": 0, "max_writes_per_hour": 1_000, "toolsets": ("all",)}
    connected = Settings(general=General.model_validate(given | quick))
    usual = hurried(sandbox_settings(connected, sandbox, origin))
    synergist = SynergistSettings.model_validate(
        {
            "base_url": f"{origin}/synergist",
            "user": USER,
            kind: SECRET,
            "rate": 10_000,
            "upload_hosts": CREDENTIALS["upload_hosts"],
        }
    )
    return usual.model_copy(update={"vendors": {"synergist": synergist}})


@asynccontextmanager
async def session(app: App, heard: Overheard) -> AsyncIterator[Callable[..., Any]]:
    """Connect a client with a person; gives a way to call, where all results are noted."""
    ask = dialog(heard.person)
    async with Client(build_server(app), elicitation_callback=ask) as client:

        async def call(name: str, arguments: Any) -> Any:
            result = await client.call_tool(name, arguments, progress_callback=heard.progress)
            heard.note(result)
            heard.note(json.dumps(result.structured_content, ensure_ascii=False))
            return result

        yield call


@pytest.fixture
def loud(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    for name in (None, *LOGGERS):
        caplog.set_level(logging.DEBUG, name)
    return caplog


@pytest.mark.parametrize(
    ("kind", "make", "called"),
    [
        ("password", lambda: Sandbox({VENDOR: OPERATIONS}), OPERATIONS),
        # Here each write is asked about, approved and done.
        ("sha512password", OpenCrm, [write.operation for write in WRITES[::3]]),
    ],
    ids=KINDS,
)
@pytest.mark.usefixtures("door")
async def test_nobody_reads_the_credentials_in_a_session_in_which_everything_breaks(
    kind: str,
    make: Callable[[], Sandbox],
    called: Sequence[Operation],
    tmp_path: Path,
    loud: pytest.LogCaptureFixture,
) -> None:
    sandbox, heard = make(), Overheard(tmp_path / "state")
    with serving(sandbox) as origin:
        settings = settings_of(kind, sandbox, origin, heard.folder)
        asyncio.get_running_loop().set_debug(True)
        async with open_app(settings, {VENDOR: OPERATIONS}) as app:
            async with session(app, heard) as call:
                for operation in called:
                    await call(operation.name, dict(operation.examples[0].arguments))
            failed = [await broken(app, sandbox, heard, *one) for one in product(FAULTS, CALLS)]

    assert found(heard.everything(loud)) == []
    assert {record.name for record in loud.records} >= {"httpx", "httpcore.http11", "asyncio"}
    assert all(failed)
    assert any(seen.changed for seen in sandbox.log)
    assert len(sandbox.log) > len(called)
    assert [text[:2_000] for text in heard.texts if "auth_failed" in text] == []


FAULTS = (
    Fault("rate_limited", seconds=0),
    Fault("error_before"),
    Fault("error_after"),
    Fault("drop_before"),
    Fault("drop_after"),
    Fault("invalid_json"),
)


async def broken(app: App, sandbox: Sandbox, heard: Overheard, fault: Fault, name: str) -> bool:
    """Make a call that fails; tells whether it did."""
    arguments = app.pipeline.registry.find(name).examples[0].arguments
    caller = Caller(asker=Person(), report=heard.report)
    sandbox.faults.plan(fault, 3)
    try:
        await app.pipeline.call(name, arguments, caller)
    except ToolFailure as failure:
        heard.failed(failure)
        return True
    finally:
        sandbox.faults.clear()
    return False


# A CRM, or what stands before it, that repeats the address it was asked for


XML = "<Responses><Error ErrorID='404500'><ErrorText>{}</ErrorText></Error></Responses>"
SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it came": str,
    "decoded": unquote_plus,
    "in lower case codes": lambda address: re.sub(
        "%[0-9A-F]{2}", lambda code: code[0].lower(), address
    ),
    "coded twice": lambda address: quote(address, safe=""),
    "for a form": lambda address: quote_plus(unquote_plus(address)),
    "in JSON": lambda address: json.dumps(unquote_plus(address)),
    "in XML": lambda address: escape(unquote_plus(address)),
    "in base64": lambda address: in_base64(address),  # noqa: PLW0108 - defined below
    "decoded in base64": lambda address: in_base64(unquote_plus(address)),
}


def in_base64(address: str) -> str:
    """Code the end of an address; the whole would be cut, and half a code masks nobody."""
    return base64.b64encode(address[-160:].encode()).decode()


@pytest.mark.parametrize("spelled", SPELLINGS.values(), ids=SPELLINGS)
def test_the_credentials_are_found_in_every_spelling(spelled: Callable[[str], str]) -> None:
    name, secret = quote(USER, safe=""), quote(SECRET, safe="")

    assert len(found(spelled(f"/jsonapi/jobs.json?user={name}&password={secret}&version=3.2"))) > 3


def told_by(place: str, text: str) -> httpx.Response:
    """Put a text somewhere into an answer."""
    good = {"success": True, "errorcode": 0, "errormessage": "", "data": [{"clientName": text}]}
    answers = {
        "an error": lambda: httpx.Response(404, text=XML.format(escape(text))),
        "a refusal": lambda: httpx.Response(
            200, json={"success": False, "errorcode": text, "errormessage": text}
        ),
        "a warning": lambda: httpx.Response(200, json=good | {"warningmessage": text}),
        "a page": lambda: httpx.Response(404, html=f"<html>{text}</html>"),
        "a failure": lambda: httpx.Response(500, text=text),
        "a name": lambda: httpx.Response(200, json=good | {text: text, "data": {text: [text]}}),
        "a file": lambda: httpx.Response(
            200,
            content=b"%PDF-",
            headers={"content-disposition": f"attachment; filename*=utf-8''{quote(text)}"},
        ),
        "a redirect": lambda: httpx.Response(302, headers={"location": f"/{quote(text)}"}),
        "a cookie": lambda: httpx.Response(503, headers={"set-cookie": f"a={quote(text)}"}),
    }
    return answers[place]()


PLACES = (
    *("an error", "a refusal", "a warning", "a page", "a failure"),
    *("a name", "a file", "a redirect", "a cookie"),
)


@dataclass
class Echo:
    """Repeats the address of each request, as it is told."""

    answer: Callable[[str], httpx.Response]
    dial: None = None
    heard: int = 0

    def transport(self) -> httpx.AsyncBaseTransport:
        return httpx.MockTransport(self._answer)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        address = request.url.raw_path.decode()
        assert quote(SECRET, safe="") in address
        self.heard += 1
        return self.answer(address)


@asynccontextmanager
async def echoing(kind: str, heard: Overheard, echo: Echo) -> AsyncIterator[App]:
    sandbox = Sandbox({VENDOR: OPERATIONS})
    settings = settings_of(kind, sandbox, SANDBOX_ORIGIN, heard.folder, mode="unattended")
    async with open_app(settings, {VENDOR: OPERATIONS}, echo) as app:  # type: ignore[arg-type]
        yield app


def repeating(place: str, spelled: Callable[[str], str]) -> Callable[[str], httpx.Response]:
    return lambda address: told_by(place, spelled(address))


@pytest.mark.parametrize("kind", KINDS)
async def test_who_repeats_the_address_tells_nobody_the_credentials(
    kind: str, tmp_path: Path, loud: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crm_mcp.retry.MAX_ATTEMPTS", 1)
    heard, echo = Overheard(tmp_path / "state"), Echo(str)  # type: ignore[arg-type]
    async with echoing(kind, heard, echo) as app, session(app, heard) as call:
        for place in PLACES:
            for spelling, spelled in SPELLINGS.items():
                echo.answer = repeating(place, spelled)
                for name in (READ, WRITE, DOWNLOAD):
                    operation = app.pipeline.registry.find(name)
                    told = await call(name, dict(operation.examples[0].arguments))
                    assert found(str(told)) == [], (place, spelling, name)

    assert echo.heard == 3 * len(PLACES) * len(SPELLINGS)
    assert found(heard.everything(loud)) == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("error", [httpx.ReadError, httpx.ConnectError, httpx.ReadTimeout])
async def test_a_broken_connection_tells_nobody_the_credentials(
    kind: str,
    error: type[httpx.TransportError],
    tmp_path: Path,
    loud: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("crm_mcp.retry.MAX_ATTEMPTS", 1)
    heard = Overheard(tmp_path / "state")
    async with echoing(kind, heard, Echo(raising(error))) as app, session(app, heard) as call:
        for name in (READ, WRITE):
            arguments = app.pipeline.registry.find(name).examples[0].arguments
            await call(name, dict(arguments))
            with pytest.raises(ToolFailure) as caught:
                await app.pipeline.call(name, arguments, Caller())
            heard.failed(caught.value)

    assert found(heard.everything(loud)) == []


@pytest.mark.parametrize("kind", KINDS)
async def test_a_mistake_in_a_library_tells_neither_caller_nor_log_the_credentials(
    kind: str, tmp_path: Path, loud: pytest.LogCaptureFixture
) -> None:
    heard = Overheard(tmp_path / "state")
    async with echoing(kind, heard, Echo(raising(RuntimeError))) as app:
        as_the_server_logs = RedactingFilter(Redactor(app.settings.secrets()))
        loud.handler.addFilter(as_the_server_logs)
        async with session(app, heard) as call:
            for name in (READ, WRITE):
                await call(name, dict(app.pipeline.registry.find(name).examples[0].arguments))
        loud.handler.removeFilter(as_the_server_logs)

    assert "RuntimeError: broke at" in loud.text
    assert found(heard.everything(loud)) == []


def raising(error: type[Exception]) -> Callable[[str], httpx.Response]:
    def fail(address: str) -> httpx.Response:
        raise error(f"broke at {address}")

    return fail
