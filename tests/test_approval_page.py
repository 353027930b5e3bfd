"""The approval page, attacked: who gets in, and which requests are answered at all."""

from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import httpx
import pytest
from approval_page import ENTRY, ORIGIN, QUESTION, TOKEN, browsing, csrf_in, post, state_of

from crm_mcp.ledger import Ledger
from crm_mcp.state import StateFolder

pytestmark = pytest.mark.anyio

PATHS = ("/", "/?still", "/history", "/questions/x", "/style.css", "/favicon.ico", "/nothing")


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


async def test_the_token_is_exchanged_once_for_a_cookie(stranger: httpx.AsyncClient) -> None:
    first = await stranger.get(ENTRY)
    stranger.cookies.clear()
    second = await stranger.get(ENTRY)

    assert (first.status_code, first.headers["location"]) == (303, "/")
    cookie = first.headers["set-cookie"].lower()
    assert cookie.startswith("crm_mcp_approvals=")
    assert {"httponly", "path=/", "samesite=strict"} <= set(cookie.split("; "))
    assert TOKEN not in cookie
    assert second.status_code == 401
    assert "set-cookie" not in second.headers


async def test_of_many_who_bring_the_token_at_once_one_gets_in(
    stranger: httpx.AsyncClient,
) -> None:
    codes = []

    async def enter() -> None:
        codes.append((await stranger.get(ENTRY, headers={"Cookie": ""})).status_code)

    async with anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(enter)

    assert sorted(codes) == [303, *[401] * 19]


@pytest.mark.parametrize(
    "query", ["", "?token=", "?token=other", f"?token={TOKEN}x", "?token=%ff%C3", "?other=1"]
)
async def test_another_token_does_not_enter_and_spoils_nothing(
    stranger: httpx.AsyncClient, query: str
) -> None:
    assert (await stranger.get(f"/enter{query}")).status_code == 401
    assert (await stranger.get(ENTRY)).status_code == 303


@pytest.mark.parametrize("cookie", [None, "", "other", TOKEN, "Ü".encode("latin-1")])
@pytest.mark.parametrize("path", PATHS)
async def test_nothing_is_shown_without_the_cookie(
    stranger: httpx.AsyncClient, ledger: Ledger, path: str, cookie: str | bytes | None
) -> None:
    ledger.ask(QUESTION, "out_of_band")
    value = cookie.encode() if isinstance(cookie, str) else cookie
    headers = {} if value is None else {b"Cookie": b"crm_mcp_approvals=" + value}

    answer = await stranger.get(path, headers=headers)

    assert answer.status_code == 401
    assert "address" in answer.text
    assert "Write one thing" not in answer.text
    assert "/history" not in answer.text


async def test_nothing_is_decided_without_the_cookie(
    browser: httpx.AsyncClient, ledger: Ledger
) -> None:
    approval = ledger.ask(QUESTION, "out_of_band")
    csrf = csrf_in(await browser.get(f"/questions/{approval.id}"))
    browser.cookies.clear()

    answer = await post(browser, approval, "approve", csrf=csrf)

    assert (answer.status_code, state_of(ledger, approval)) == (401, "asked")


@pytest.mark.parametrize(
    "host",
    [
        *("crm.example.com", "crm.example.com:4711", "127.0.0.1", "localhost", "127.0.0.1:4712"),
        *("[::1]:4711", "127.0.0.1:4711.example.com", "x@127.0.0.1:4711", "", "0.0.0.0:4711"),
    ],
)
@pytest.mark.parametrize("path", ["/", ENTRY])
async def test_another_name_of_this_machine_is_refused(
    browser: httpx.AsyncClient, path: str, host: str
) -> None:
    assert (await browser.get(path, headers={"Host": host})).status_code == 421


async def test_two_names_at_once_are_refused(browser: httpx.AsyncClient) -> None:
    answer = await browser.get("/", headers=[("Host", "127.0.0.1:4711"), ("Host", "x.example")])

    assert answer.status_code == 421


async def test_localhost_is_a_name_of_the_page_and_its_own_origin(tmp_path: Path) -> None:
    local = "http://localhost:4711"
    async with browsing(tmp_path, local) as client:
        assert (await client.get(ENTRY)).status_code == 303
        assert (await client.get("/", headers={"Origin": local})).status_code == 200
        assert (await client.get("/", headers={"Origin": ORIGIN})).status_code == 403


@pytest.mark.parametrize(
    "origin",
    [
        *("http://crm.example.com", "https://127.0.0.1:4711", "http://127.0.0.1", "null", ""),
        *("http://127.0.0.1:4712", "http://localhost:4711", "http://127.0.0.1:4711.example.com"),
    ],
)
async def test_a_request_from_another_origin_is_refused(
    browser: httpx.AsyncClient, ledger: Ledger, origin: str
) -> None:
    approval = ledger.ask(QUESTION, "out_of_band")
    address = f"/questions/{approval.id}"
    csrf = csrf_in(await browser.get(address))
    headers = {"Origin": origin, "Sec-Fetch-Site": "same-origin"}

    read = await browser.get("/", headers=headers)
    written = await browser.post(f"{address}/approve", data={"csrf": csrf}, headers=headers)

    assert (read.status_code, written.status_code) == (403, 403)
    assert state_of(ledger, approval) == "asked"


@pytest.mark.parametrize("site", ["cross-site", "same-site", "anything", ""])
@pytest.mark.parametrize("path", PATHS)
async def test_no_path_answers_a_browser_that_comes_from_another_site(
    browser: httpx.AsyncClient, path: str, site: str
) -> None:
    assert (await browser.get(path, headers={"Sec-Fetch-Site": site})).status_code == 403


async def test_another_site_cannot_use_up_the_token(stranger: httpx.AsyncClient) -> None:
    refused = await stranger.get(ENTRY, headers={"Sec-Fetch-Site": "cross-site"})

    assert refused.status_code == 403
    assert (await stranger.get(ENTRY, headers={"Sec-Fetch-Site": "none"})).status_code == 303


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, 403),
        ({"Sec-Fetch-Site": "none"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": ORIGIN}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 303),
        ({"Origin": ORIGIN}, 303),
    ],
)
async def test_a_form_must_say_that_it_comes_from_here(
    browser: httpx.AsyncClient, ledger: Ledger, headers: dict[str, str], code: int
) -> None:
    approval = ledger.ask(QUESTION, "out_of_band")
    csrf = csrf_in(await browser.get(f"/questions/{approval.id}"))

    answer = await browser.post(
        f"/questions/{approval.id}/reject", data={"csrf": csrf}, headers=headers
    )

    assert answer.status_code == code
    assert state_of(ledger, approval) == ("rejected" if code == 303 else "asked")


@pytest.mark.parametrize("method", ["HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "X"])
async def test_only_get_and_post_are_answered(browser: httpx.AsyncClient, method: str) -> None:
    answer = await browser.request(method, ENTRY, headers={"Origin": ORIGIN})

    assert answer.status_code == 405


async def test_a_decision_cannot_be_made_by_a_link(
    browser: httpx.AsyncClient, ledger: Ledger
) -> None:
    approval = ledger.ask(QUESTION, "out_of_band")
    csrf = csrf_in(await browser.get(f"/questions/{approval.id}"))

    answer = await browser.get(f"/questions/{approval.id}/approve", params={"csrf": csrf})

    assert (answer.status_code, state_of(ledger, approval)) == (405, "asked")


async def test_a_form_without_this_session_s_own_mark_decides_nothing(
    browser: httpx.AsyncClient, tmp_path: Path, ledger: Ledger
) -> None:
    approval = ledger.ask(QUESTION, "out_of_band")
    async with browsing(tmp_path) as client:
        await client.get(ENTRY)
        foreign = csrf_in(await client.get(f"/questions/{approval.id}"))
    session = browser.cookies["crm_mcp_approvals"]

    for form in ({}, {"csrf": ""}, {"csrf": foreign}, {"csrf": session}, {"csrf": "\ud7ffÜ"}):
        answer = await browser.post(
            f"/questions/{approval.id}/approve", data=form, headers={"Origin": ORIGIN}
        )
        assert (answer.status_code, state_of(ledger, approval)) == (403, "asked")


@pytest.mark.parametrize(("size", "code"), [(8_192, 303), (8_193, 413), (1_000_000, 413)])
async def test_the_body_of_a_form_is_bounded_however_it_comes(
    browser: httpx.AsyncClient, ledger: Ledger, size: int, code: int
) -> None:
    approval = ledger.ask(QUESTION, "out_of_band")
    csrf = csrf_in(await browser.get(f"/questions/{approval.id}"))
    body = f"csrf={csrf}&x=".encode().ljust(size, b"a")

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, size, 1_000):
            yield body[start : start + 1_000]

    answer = await browser.post(
        f"/questions/{approval.id}/reject", content=pieces(), headers={"Origin": ORIGIN}
    )

    assert answer.status_code == code
    assert state_of(ledger, approval) == ("rejected" if code == 303 else "asked")
