"""A team decides: on a page behind its tokens, two pairs of eyes where they are wanted."""

import hmac
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import ElicitRequestURLParams, ElicitResult
from pydantic import SecretStr, ValidationError
from serviced import APPROVER, TOKENS, Service, approver_line, serving_service, token_lines
from test_ledger import QUESTION, Clock
from test_service import WRITE, called, product

from crm_mcp.config import General
from crm_mcp.confirm import check_second
from crm_mcp.errors import ConfigError, NotConfirmed, StateError
from crm_mcp.guard import Allow, Ask, Mode, Policy, judge, needs_two
from crm_mcp.ledger import Ledger, Yes
from crm_mcp.notices import MAX_QUEUED, SIGNATURE, Webhook
from crm_mcp.rights import FULL, Rights
from crm_mcp.service.approvals import COOKIE, root_of
from crm_mcp.service.tokens import read_callers
from crm_mcp.service_settings import ServiceSettings
from crm_mcp.state import StateFolder
from crm_mcp.testing import Decision
from crm_mcp.web import decisions
from crm_mcp.web.pages import HISTORY_LENGTH

QUESTION_OF_BEN = replace(
    QUESTION,
    fingerprint="b" * 64,
    tool="fivecrm_customer_products_import",
    account="fivecrm (sandbox)",
    caller="token:ben",
)
KEY = "wH7-n0t-4-real-key_for-tests-0nly"
CALL = "fivecrm_customer_products_import"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving_service(tmp_path_factory.mktemp("team")) as service:
        yield service


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Start a service where nobody approves their own writes."""
    folder = tmp_path_factory.mktemp("strict")
    with serving_service(folder, general={"four_eyes": ("all",)}) as service:
        yield service


class Browser:
    """A person's browser at the page."""

    def __init__(self, service: Service) -> None:
        self.origin = service.origin
        self._cookies = httpx2.Cookies()

    def sign_in(self, token: str) -> httpx2.Response:
        return self.post("/approvals/enter", {"token": token})

    def get(self, path: str, **headers: str) -> httpx2.Response:
        return self._send("GET", path, headers)

    def post(self, path: str, form: dict[str, str], **headers: str) -> httpx2.Response:
        return self._send("POST", path, {"origin": self.origin, **headers}, form)

    def decide(self, approval: str, decision: str, **form: str) -> httpx2.Response:
        path = f"/approvals/questions/{approval}"
        return self.post(f"{path}/{decision}", {"csrf": self.csrf(path), **form})

    def csrf(self, path: str) -> str:
        """Read the word that stands in the forms of a page; empty where there is no form."""
        found = re.search(r'name="csrf" value="([^"]+)"', self.get(path).text)
        return found[1] if found else ""

    @property
    def cookie(self) -> str:
        return self._cookies.get(COOKIE) or ""

    def _send(
        self, method: str, path: str, headers: dict[str, str], form: dict[str, str] | None = None
    ) -> httpx2.Response:
        with httpx2.Client(base_url=self.origin, cookies=self._cookies) as http:
            answer = http.request(method, path, headers=headers, data=form)
            self._cookies = http.cookies
        return answer


@pytest.fixture
def browser(service: Service) -> Browser:
    return Browser(service)


async def question(service: Service, reference: str, caller: str = "anna") -> dict[str, Any]:
    """Make a call that waits for a decision; gives what the caller is told."""
    async with service.client(caller) as mcp:
        told = await called(mcp, WRITE, product(reference))
    assert told["error"] == "approval_required"
    return told


@pytest.mark.anyio
async def test_a_caller_is_given_the_address_and_somebody_approves_there(
    service: Service, browser: Browser
) -> None:
    told = await question(service, "PAGE-1")
    approval = told["approval"]["id"]
    assert told["approval"]["url"] == f"{service.origin}/approvals/questions/{approval}"
    assert "approval.url" in told["hint"]

    assert browser.get("/approvals/").headers["location"] == "/approvals/enter"
    assert browser.sign_in(TOKENS["boss"]).headers["location"] == "/approvals/"
    assert approval in browser.get("/approvals/").text
    assert '"PAGE-1"' in browser.get(f"/approvals/questions/{approval}").text.replace("&#34;", '"')
    assert browser.decide(approval, "approve").status_code == 303
    async with service.client("anna") as mcp:
        done = await called(mcp, WRITE, product("PAGE-1"))

    assert done["status"] == "done"
    assert service.events("approved")[-1]["by"] == "token:boss"
    assert approval in browser.get("/approvals/history").text


@pytest.mark.anyio
async def test_a_rejected_question_stays_rejected(service: Service, browser: Browser) -> None:
    approval = (await question(service, "PAGE-2"))["approval"]["id"]
    browser.sign_in(TOKENS["boss"])
    browser.decide(approval, "reject")

    assert browser.csrf(f"/approvals/questions/{approval}") == ""  # nothing can be decided there
    async with service.client("anna") as mcp:
        assert (await called(mcp, WRITE, product("PAGE-2")))["error"] == "not_confirmed"


@pytest.mark.parametrize("token", [TOKENS["anna"], TOKENS["reader"], "x", "", APPROVER[:-1]])
def test_a_token_of_a_program_opens_no_page(service: Service, browser: Browser, token: str) -> None:
    answer = browser.sign_in(token)

    assert answer.status_code == 401
    assert browser.cookie == ""
    assert browser.get("/approvals/", authorization=f"Bearer {token or 'x'}").status_code == 401
    assert service.events("denied")[-1]["asked"] == "GET /approvals/"


def test_a_token_for_approvals_calls_no_tool(service: Service) -> None:
    with httpx2.Client() as http:
        told = http.post(service.url, headers={"authorization": f"Bearer {TOKENS['boss']}"})

    assert told.status_code == 403
    assert service.events("denied")[-1]["caller"] == "token:boss"


@pytest.mark.anyio
async def test_who_approves_for_another_crm_sees_no_question_of_this_one(
    service: Service, browser: Browser
) -> None:
    approval = (await question(service, "PAGE-3"))["approval"]["id"]
    browser.sign_in(TOKENS["cashier"])
    before = len(service.events("denied"))

    assert approval not in browser.get("/approvals/").text
    assert browser.get(f"/approvals/questions/{approval}").status_code == 404
    assert browser.post(f"/approvals/questions/{approval}/approve", {}).status_code == 403
    assert "another account" in service.events("denied")[before]["asked"]
    kept = service.app.ledger.get(approval)
    assert kept is not None
    assert kept.state == "asked"


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("form", "headers", "status"),
    [
        ({}, {}, 403),
        ({"csrf": "x"}, {}, 403),
        ({"csrf": ""}, {"origin": "https://evil.example"}, 403),
        ({}, {"host": "evil.example"}, 421),
        ({}, {"sec-fetch-site": "cross-site"}, 403),
        ({"csrf": "x" * 10_000}, {}, 413),
    ],
)
async def test_a_forged_form_decides_nothing(
    service: Service, browser: Browser, form: dict[str, str], headers: dict[str, str], status: int
) -> None:
    approval = (await question(service, "PAGE-4"))["approval"]["id"]
    browser.sign_in(TOKENS["boss"])

    answer = browser.post(f"/approvals/questions/{approval}/approve", form, **headers)
    assert answer.status_code == status
    assert answer.headers["x-frame-options"] == "DENY"
    kept = service.app.ledger.get(approval)
    assert kept is not None
    assert kept.state == "asked"


def test_the_cookie_holds_no_token_and_a_changed_one_is_worth_nothing(
    service: Service, browser: Browser
) -> None:
    answer = browser.sign_in(TOKENS["boss"])

    assert TOKENS["boss"] not in answer.headers["set-cookie"]
    assert "httponly" in answer.headers["set-cookie"].lower()
    changed = browser.cookie[:-6] + ("A" * 6 if browser.cookie[-6:] != "A" * 6 else "B" * 6)
    other = Browser(service)
    assert other.get("/approvals/", cookie=f"{COOKIE}={changed}").status_code == 303
    assert other.get("/approvals/", cookie=f"{COOKIE}=%00").status_code == 303


def test_a_token_that_is_taken_out_is_signed_out(tmp_path: Path) -> None:
    with serving_service(tmp_path) as own:
        browser = Browser(own)
        browser.sign_in(TOKENS["boss"])
        assert browser.get("/approvals/").status_code == 200
        own.tokens.write_text(token_lines("anna"), encoding="utf-8")
        assert browser.get("/approvals/").status_code == 303


def test_other_addresses_and_methods_are_told_apart(browser: Browser) -> None:
    browser.sign_in(TOKENS["boss"])

    assert browser.get("/approvals/nothing").status_code == 404
    assert browser.get("/approvals/questions/nothing").status_code == 404
    assert browser.post("/approvals/history", {}).status_code == 405
    assert browser.get("/approvals/enter").status_code == 200


def test_the_questions_of_others_do_not_push_theirs_out_of_the_history(tmp_path: Path) -> None:
    with serving_service(tmp_path) as service:
        browser, ledger = Browser(service), service.app.ledger
        theirs = ledger.ask(QUESTION_OF_BEN, "out_of_band")
        anothers = replace(QUESTION_OF_BEN, account="elsewhere")
        others = [ledger.ask(anothers, "out_of_band") for _ in range(HISTORY_LENGTH)]
        for approval in (theirs, *others):
            ledger.decide(approval.id, "rejected", "ann")
        browser.sign_in(TOKENS["boss"])

        shown = browser.get("/approvals/history").text
    assert [one.id for one in (theirs, *others) if one.id in shown] == [theirs.id]


@pytest.mark.anyio
async def test_a_write_of_several_records_wants_its_word_here_too(
    service: Service, browser: Browser
) -> None:
    two = product("WORD-1")
    two["customerProducts"].append({**two["customerProducts"][0], "reference": "WORD-2"})
    async with service.client("anna") as mcp:
        approval = (await called(mcp, WRITE, two))["approval"]["id"]
    browser.sign_in(TOKENS["boss"])

    wrong = browser.decide(approval, "approve", word="three")
    assert (wrong.status_code, "not the word" in wrong.text) == (422, True)
    assert browser.decide(approval, "approve", word="2").status_code == 303


@pytest.mark.anyio
async def test_an_answer_that_comes_late_or_is_none_changes_nothing(
    service: Service, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/approvals/questions/{(await question(service, 'LATE-1'))['approval']['id']}"
    browser.sign_in(TOKENS["boss"])
    form = {"csrf": browser.csrf(path)}

    def fails_with(error: Exception) -> int:
        def decide(*_: object) -> None:
            raise error

        with monkeypatch.context() as patched:
            patched.setattr(decisions, "decide", decide)
            return browser.post(f"{path}/approve", form).status_code

    assert browser.post(f"{path}/maybe", form).status_code == 404
    assert fails_with(NotConfirmed("somebody was faster")) == 409
    assert fails_with(StateError("the record cannot be written")) == 500
    assert fails_with(RuntimeError("a fault of ours")) == 500
    assert browser.post(f"{path}/reject", form).status_code == 303
    assert browser.post(f"{path}/approve", form).status_code == 409


def test_a_question_about_a_tool_that_is_gone_is_nobody_s(
    service: Service, browser: Browser
) -> None:
    gone = service.app.ledger.ask(replace(QUESTION_OF_BEN, tool="fivecrm_gone"), "out_of_band")
    browser.sign_in(TOKENS["boss"])

    assert gone.id not in browser.get("/approvals/").text
    assert browser.get(f"/approvals/questions/{gone.id}").status_code == 404


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("access", "seen"),
    [
        ({"callers": ["*"]}, True),
        ({"callers": ["*"], "accounts": ["fivecrm"]}, True),
        ({"callers": ["*"], "accounts": ["cirrus"]}, False),
        ({"callers": ["anna"]}, False),
    ],
)
async def test_an_approver_has_the_questions_of_their_accounts(
    tmp_path: Path, access: dict[str, Any], *, seen: bool
) -> None:
    with serving_service(tmp_path, access={"team": access}) as own:
        told = own.app.ledger.ask(QUESTION_OF_BEN, "out_of_band")
        browser = Browser(own)
        browser.sign_in(TOKENS["boss"])

        assert (told.id in browser.get("/approvals/").text) == seen


def test_without_known_callers_there_is_no_page(tmp_path: Path) -> None:
    with serving_service(tmp_path, anyone=True) as open_one, httpx2.Client() as http:
        assert http.get(f"{open_one.origin}/approvals/").status_code == 404


# Two pairs of eyes


@pytest.mark.anyio
async def test_nobody_approves_their_own_write_where_two_are_wanted(strict: Service) -> None:
    browser = Browser(strict)
    approval = (await question(strict, "FOUR-1"))["approval"]["id"]
    browser.sign_in(APPROVER)

    page = browser.get(f"/approvals/questions/{approval}").text
    assert "Approve this write" not in page
    other = strict.app.ledger.ask(QUESTION_OF_BEN, "out_of_band")
    csrf = browser.csrf(f"/approvals/questions/{other.id}")  # of a form that is shown
    answer = browser.post(f"/approvals/questions/{approval}/approve", {"csrf": csrf})
    assert (answer.status_code, bool(csrf)) == (403, True)
    assert "own call" in answer.text
    line = strict.events("denied")[-1]
    assert (line["caller"], line["why"].partition(":")[0]) == (
        "token:anna",
        "to decide about a call of their own",
    )
    kept = strict.app.ledger.get(approval)
    assert kept is not None
    assert kept.state == "asked"


@pytest.mark.anyio
async def test_somebody_else_approves_it(strict: Service) -> None:
    browser = Browser(strict)
    approval = (await question(strict, "FOUR-2"))["approval"]["id"]
    browser.sign_in(TOKENS["boss"])
    browser.decide(approval, "approve")
    async with strict.client("anna") as mcp:
        assert (await called(mcp, WRITE, product("FOUR-2")))["status"] == "done"


@pytest.mark.anyio
@pytest.mark.parametrize("era", ["auto", "legacy"])
async def test_a_dialog_of_the_caller_is_not_asked_at_all(strict: Service, era: str) -> None:
    asked: list[str] = []

    def approve(preview: str) -> Decision:
        asked.append(preview)
        return "approve"

    async with strict.client("anna", era, approve) as mcp:
        told = await called(mcp, WRITE, product(f"FOUR-3-{era}"))

    assert told["error"] == "approval_required"
    assert asked == []


@pytest.mark.anyio
async def test_a_yes_of_the_caller_that_came_another_way_is_not_spent(strict: Service) -> None:
    """The ledger was written by somebody who got around the page."""
    approval = (await question(strict, "FOUR-4"))["approval"]["id"]
    strict.app.ledger.decide(approval, "approved", "token:anna")
    before = len(strict.events("sending"))
    async with strict.client("anna") as mcp:
        told = await called(mcp, WRITE, product("FOUR-4"))

    assert (told["error"], len(strict.events("sending"))) == ("not_confirmed", before)
    assert "somebody else" in told["message"]


@pytest.mark.parametrize(("way", "by"), [("dialog", "x"), ("out_of_band", "local")])
def test_only_another_s_yes_counts(tmp_path: Path, way: Any, by: str) -> None:
    ledger = Ledger(StateFolder(tmp_path))

    with pytest.raises(NotConfirmed):
        check_second(Yes(ledger.ask(QUESTION, way), by), "local")
    check_second(Yes(ledger.ask(QUESTION, "out_of_band"), "token:boss"), "local")


def test_traits_choose_which_writes_need_two(five: Any) -> None:
    write, read = five[CALL], five["fivecrm_owners_list"]
    trait = write.traits[0] if write.traits else "bulk"

    assert needs_two(write, Policy(four_eyes=("all",)))
    assert needs_two(write, Policy(four_eyes=(trait,))) == (trait in write.traits)
    assert not needs_two(write, Policy(four_eyes=("irreversible",)))
    assert not needs_two(read, Policy(four_eyes=("all",)))
    unattended = Policy(mode=Mode.UNATTENDED, four_eyes=("all",))
    assert isinstance(judge(write, unattended, 1), Ask)
    assert isinstance(judge(read, unattended, 1), Allow)
    with pytest.raises(ValidationError, match="is none of: all, "):
        General.model_validate({"four_eyes": "dangerous"})


def test_a_token_that_approves_and_calls_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "tokens.toml"
    both = approver_line("anna").replace('["crm:approve"]', '["crm:approve", "crm:read"]')
    file.write_text(both, encoding="utf-8")

    with pytest.raises(ConfigError, match="a token of its own"):
        read_callers(file)


def test_full_rights_are_no_approver_s() -> None:
    assert not FULL.approves("fivecrm")
    assert Rights.of(["crm:approve"]).approves("cirrus")
    assert not Rights.of(["crm:approve:cirrus"]).approves("fivecrm")
    assert not Rights.of(["crm:approve"]).calls


# Clients that open addresses


@pytest.mark.anyio
@pytest.mark.parametrize("era", ["auto", "legacy"])
async def test_a_client_that_opens_addresses_is_sent_to_the_page_once(
    strict: Service, era: str
) -> None:
    shown: list[ElicitRequestURLParams] = []
    browser = Browser(strict)
    browser.sign_in(TOKENS["boss"])

    async def open_page(context: object, params: object) -> ElicitResult:  # noqa: ARG001
        assert isinstance(params, ElicitRequestURLParams)
        shown.append(params)
        browser.decide(params.url.rpartition("/")[2], "approve")
        return ElicitResult(action="accept")

    call = product(f"URL-{era}")
    headers = {"authorization": f"Bearer {TOKENS['anna']}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=30) as http,
        Client(
            streamable_http_client(strict.url, http_client=http),
            mode=era,
            elicitation_callback=open_page,
        ) as mcp,
    ):
        told = await called(mcp, WRITE, call)
        if era == "legacy":  # there the model makes the call again
            assert told["error"] == "approval_required"
            told = await called(mcp, WRITE, call)

    assert told["status"] == "done"
    assert [params.url.startswith(f"{strict.origin}/approvals/") for params in shown] == [True]


# Notices


class Receiver(BaseHTTPRequestHandler):
    """Keeps what it is told."""

    heard: list[tuple[dict[str, str], bytes]]
    has_heard: threading.Event

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.heard.append(({key.lower(): value for key, value in self.headers.items()}, body))
        self.send_response(204)
        self.end_headers()
        self.has_heard.set()

    def log_message(self, *_: object) -> None:
        """Be quiet."""


@pytest.fixture
def receiver() -> Iterator[tuple[str, type[Receiver]]]:
    kind = type("Own", (Receiver,), {"heard": [], "has_heard": threading.Event()})
    server = HTTPServer(("127.0.0.1", 0), kind)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/hook", kind
    server.shutdown()
    server.server_close()
    thread.join(timeout=10)


@pytest.mark.anyio
async def test_a_webhook_tells_which_question_waits_and_not_what_it_says(
    tmp_path: Path, receiver: tuple[str, type[Receiver]]
) -> None:
    url, kind = receiver
    tokens = tmp_path / "tokens.toml"
    tokens.write_text(token_lines("anna"), encoding="utf-8")
    with serving_service(tmp_path, tokens=tokens, webhook=url, webhook_key=KEY) as own:
        told = await question(own, "HOOK-1")
        await question(own, "HOOK-1")
        assert kind.has_heard.wait(timeout=20)

    [(headers, body)] = kind.heard
    notice = json.loads(body)
    assert notice["id"] == told["approval"]["id"]
    assert (notice["tool"], notice["caller"]) == (WRITE, "token:anna")
    assert headers[SIGNATURE] == "sha256=" + hmac.digest(KEY.encode(), body, "sha256").hex()
    assert b"HOOK-1" not in body
    assert b"Oak desk" not in body


def test_a_webhook_that_fails_or_is_slow_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def post(*_: Any, **__: Any) -> Any:
        begun.set()
        go_on.wait(timeout=20)
        raise httpx.ConnectError("https://hooks.example/s3cret")

    webhook = Webhook("https://hooks.example/s3cret", KEY, "", post)
    ledger = Ledger(StateFolder(tmp_path), Clock(), webhook)
    approval = ledger.ask(QUESTION, "out_of_band")
    assert begun.wait(timeout=20)
    for _ in range(MAX_QUEUED + 1):
        webhook(approval)
    go_on.set()
    webhook._queued.join()  # noqa: SLF001 - until all were tried

    assert "the webhook is too slow" in caplog.text
    assert "no notice of" in caplog.text
    assert "s3cret" not in caplog.text
    assert ledger.waiting() == [approval]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"webhook": "https://x.example/h"}, "needs HTTP_WEBHOOK_KEY"),
        ({"webhook": "http://x.example/h", "webhook_key": KEY}, "must begin with https"),
        ({"webhook": "https://x.example/h", "webhook_key": "short"}, "random key"),
    ],
)
def test_a_webhook_that_cannot_be_used_is_refused(given: dict[str, str], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        ServiceSettings.model_validate({"anyone": True, **given})


def test_the_page_stands_beside_the_address_that_callers_know() -> None:
    settings = ServiceSettings.model_validate(
        {"tokens": "x", "url": "https://crm.example.com/team/mcp", "state_key": SecretStr(KEY)}
    )

    assert settings.page == "https://crm.example.com/team/approvals"
    assert root_of(settings) == "/team/approvals"
