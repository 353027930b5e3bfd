"""The approval page in use: what a decision needs, how it counts, and what every answer carries."""

import base64
import getpass
import hashlib
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from approval_page import (
    DANGEROUS,
    ENTRY,
    ORIGIN,
    QUESTION,
    TOKEN,
    browsing,
    csrf_in,
    post,
    send,
    state_of,
)

from crm_mcp.audit import Audit
from crm_mcp.ledger import Approval, Ledger
from crm_mcp.state import StateFolder

pytestmark = pytest.mark.anyio

HEADERS = {
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(StateFolder(tmp_path))


@pytest.fixture
async def stranger(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Give a browser that has not entered."""
    async with browsing(tmp_path) as client:
        yield client


@pytest.fixture
async def browser(stranger: httpx.AsyncClient) -> httpx.AsyncClient:
    """Give a browser that has entered."""
    await stranger.get(ENTRY)
    return stranger


async def test_the_list_alone_renews_itself_and_only_if_wanted(
    browser: httpx.AsyncClient, ledger: Ledger
) -> None:
    approval = ledger.ask(QUESTION, "out_of_band")
    paths = ("/", "/?still", "/history", f"/questions/{approval.id}")

    found = [(await browser.get(path)).headers.get("refresh") for path in paths]

    assert found == ["10", None, None, None]


async def test_what_waits_is_listed_and_leads_to_its_question(
    browser: httpx.AsyncClient, ledger: Ledger
) -> None:
    empty = await browser.get("/")
    approval = ledger.ask(DANGEROUS, "out_of_band")
    ledger.ask(QUESTION, "dialog")

    page = await browser.get("/")

    assert "Nothing waits" in empty.text
    assert "<title>1 waiting" in page.text
    assert f'<a href="/questions/{approval.id}">Delete it.</a>' in page.text
    assert re.search(r"in (10 min 00|9 min 5\d) s", page.text)
    assert "needs a typed word" in page.text
    assert "Write one thing" not in page.text


@pytest.mark.parametrize(("decision", "state"), [("approve", "approved"), ("reject", "rejected")])
async def test_a_decision_counts_and_is_recorded_like_one_in_the_terminal(
    browser: httpx.AsyncClient, ledger: Ledger, tmp_path: Path, decision: str, state: str
) -> None:
    approval = ledger.ask(QUESTION, "out_of_band")
    somebody = f"page:{getpass.getuser()}"

    answer = await send(browser, approval, decision)

    assert (answer.status_code, answer.headers["location"]) == (303, f"/questions/{approval.id}")
    decided = ledger.get(approval.id)
    assert decided is not None
    assert (decided.state, decided.decided_by) == (state, somebody)
    (line,) = Audit(StateFolder(tmp_path)).lines()
    assert (line["event"], line["approval"], line["by"]) == (state, approval.id, somebody)
    page = await browser.get(f"/questions/{approval.id}")
    assert ("It runs once" if state == "approved" else "Nothing is sent") in page.text
    assert "<form" not in page.text
    assert somebody in (await browser.get("/history")).text


async def test_a_decision_made_twice_is_told_and_changes_nothing(
    browser: httpx.AsyncClient, ledger: Ledger, tmp_path: Path
) -> None:
    approval = ledger.ask(QUESTION, "out_of_band")
    csrf = csrf_in(await browser.get(f"/questions/{approval.id}"))
    await send(browser, approval, "reject")

    late = await post(browser, approval, "approve", csrf=csrf)

    assert (late.status_code, state_of(ledger, approval)) == (409, "rejected")
    assert "Already decided" in late.text
    assert len(list(Audit(StateFolder(tmp_path)).lines())) == 1


async def test_who_is_slower_by_a_moment_is_told_too(
    browser: httpx.AsyncClient, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    approval = ledger.ask(QUESTION, "out_of_band")
    csrf = csrf_in(await browser.get(f"/questions/{approval.id}"))
    ledger.decide(approval.id, "rejected", "terminal:ann")
    monkeypatch.setattr("crm_mcp.web.decisions.is_open", lambda _: True)

    late = await post(browser, approval, "approve", csrf=csrf)

    assert (late.status_code, state_of(ledger, approval)) == (409, "rejected")


async def test_what_expired_or_stands_in_a_dialog_is_shown_and_not_decided(
    browser: httpx.AsyncClient, ledger: Ledger, tmp_path: Path
) -> None:
    open_one = ledger.ask(DANGEROUS, "out_of_band")
    csrf = csrf_in(await browser.get(f"/questions/{open_one.id}"))
    past = Ledger(StateFolder(tmp_path), lambda: open_one.created - 601)
    for approval in (past.ask(DANGEROUS, "out_of_band"), ledger.ask(DANGEROUS, "dialog")):
        address = f"/questions/{approval.id}"
        assert "<form" not in (await browser.get(address)).text
        for decision in ("approve", "reject"):
            answer = await post(browser, approval, decision, csrf=csrf)
            assert (answer.status_code, state_of(ledger, approval)) == (409, "asked")


async def test_a_question_that_is_not_there_is_not_found(
    browser: httpx.AsyncClient, ledger: Ledger
) -> None:
    csrf = csrf_in(await browser.get(f"/questions/{ledger.ask(QUESTION, 'out_of_band').id}"))

    for decision in ("approve", "reject"):
        answer = await browser.post(
            f"/questions/none/{decision}", data={"csrf": csrf}, headers={"Origin": ORIGIN}
        )
        assert answer.status_code == 404
    assert (await browser.get("/questions/none")).status_code == 404


@pytest.mark.parametrize("typed", [None, "", "yes", "irreversibly", "irreversible!", "approve"])
async def test_another_word_leaves_the_question_open_and_says_so(
    browser: httpx.AsyncClient, ledger: Ledger, typed: str | None
) -> None:
    approval = ledger.ask(DANGEROUS, "out_of_band")

    answer = await send(browser, approval, "approve", **({} if typed is None else {"word": typed}))

    assert (answer.status_code, state_of(ledger, approval)) == (422, "asked")
    assert "That is not the word" in answer.text


@pytest.mark.parametrize("typed", ["irreversible", "  irreversible\t"])
async def test_the_word_approves(browser: httpx.AsyncClient, ledger: Ledger, typed: str) -> None:
    approval = ledger.ask(DANGEROUS, "out_of_band")

    answer = await send(browser, approval, "approve", word=typed)

    assert (answer.status_code, state_of(ledger, approval)) == (303, "approved")


async def test_rejecting_needs_no_word(browser: httpx.AsyncClient, ledger: Ledger) -> None:
    approval = ledger.ask(DANGEROUS, "out_of_band")

    await send(browser, approval, "reject")

    assert state_of(ledger, approval) == "rejected"


async def test_a_decision_that_cannot_be_recorded_does_not_count(
    browser: httpx.AsyncClient, ledger: Ledger, tmp_path: Path
) -> None:
    approval = ledger.ask(QUESTION, "out_of_band")
    (tmp_path / "audit.jsonl").mkdir()

    answer = await send(browser, approval, "approve")

    assert (answer.status_code, state_of(ledger, approval)) == (500, "outdated")
    assert "may not count" in answer.text
    assert "Void" in (await browser.get("/history")).text


async def test_an_error_of_ours_tells_no_more_than_that(
    browser: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Ledger, "waiting", fail(RuntimeError("an inner secret")))

    answer = await browser.get("/")

    assert answer.status_code == 500
    assert "inner secret" not in answer.text


async def answers(browser: httpx.AsyncClient, approval: Approval) -> list[httpx.Response]:
    """Collect one answer of each kind."""
    post = {"Origin": ORIGIN}
    return [
        *[await browser.get(path) for path in ("/", "/?still", "/history", "/nothing", "/enter")],
        await browser.get(f"/questions/{approval.id}"),
        await browser.get("/", headers={"Host": "crm.example.com"}),
        await browser.get("/", headers={"Origin": "null"}),
        await browser.get("/", headers={"Cookie": "crm_mcp_approvals=x"}),
        await browser.request("DELETE", "/"),
        await browser.post("/", content=b"x" * 9_000, headers=post),
        await browser.post("/", headers=post),
        await send(browser, approval, "approve", word="wrong"),
        await send(browser, approval, "approve", word="irreversible"),
        await browser.get(ENTRY),
    ]


async def test_every_answer_has_the_headers_that_keep_it_to_itself(
    browser: httpx.AsyncClient, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = await answers(browser, ledger.ask(DANGEROUS, "out_of_band"))
    monkeypatch.setattr(Ledger, "waiting", fail(RuntimeError("a bug")))
    found.append(await browser.get("/"))

    codes = {answer.status_code for answer in found}
    assert codes == {200, 303, 401, 403, 404, 405, 413, 421, 422, 500}
    for answer in found:
        assert {name: answer.headers[name] for name in HEADERS} == HEADERS
        assert re.fullmatch(
            r"default-src 'none'; style-src 'sha256-[\w+/=]+'; form-action 'self'; "
            r"frame-ancestors 'none'; base-uri 'none'",
            answer.headers["content-security-policy"],
        )


async def test_the_policy_lets_in_the_page_s_own_style_and_there_is_nothing_else(
    browser: httpx.AsyncClient, ledger: Ledger
) -> None:
    for page in await answers(browser, ledger.ask(DANGEROUS, "out_of_band")):
        for style in re.findall("<style>(.*?)</style>", page.text, re.DOTALL):
            digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
            assert f"'sha256-{digest}'" in page.headers["content-security-policy"]
        text = page.text
        assert not re.search(r"<(script|link|img|iframe|object|base)\b|\son\w+=|\sstyle=", text)
        assert "://" not in text
        assert TOKEN not in text


def fail(error: Exception) -> Callable[..., Any]:
    def failing(*_: object, **__: object) -> Any:
        raise error

    return failing
