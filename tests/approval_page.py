"""What the tests of the approval page share: a browser without a socket, and its forms."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from crm_mcp.config import General, Settings
from crm_mcp.ledger import Approval, Ledger, Question
from crm_mcp.web.app import approval_app

ORIGIN = "http://127.0.0.1:4711"
TOKEN = "the-token-that-the-terminal-printed"
ENTRY = f"/enter?token={TOKEN}"
QUESTION = Question(
    "f" * 64, "five_write", "fivecrm (here)", "local", "Write one thing.\nAll of it."
)
DANGEROUS = Question("e" * 64, "five_delete", "fivecrm", "local", "Delete it.", word="irreversible")


@asynccontextmanager
async def browsing(folder: Path, origin: str = ORIGIN) -> AsyncIterator[httpx.AsyncClient]:
    """Open a browser before a page of its own, not yet entered, on the state in a folder."""
    app = approval_app(Settings(general=General(state_dir=folder)), TOKEN, origin)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=origin) as client:
        yield client


def csrf_in(page: httpx.Response) -> str:
    """Find the mark in a page's forms."""
    (csrf, *_) = re.findall(r'name="csrf" value="([^"]+)"', page.text)
    return str(csrf)


async def send(
    browser: httpx.AsyncClient, approval: Approval, decision: str, **fields: str
) -> httpx.Response:
    """Open a question and send one of its forms, as a browser does."""
    page = await browser.get(f"/questions/{approval.id}")
    return await post(browser, approval, decision, csrf=csrf_in(page), **fields)


async def post(
    browser: httpx.AsyncClient, approval: Approval, decision: str, **fields: str
) -> httpx.Response:
    """Send a form with these fields and no others."""
    address = f"/questions/{approval.id}/{decision}"
    return await browser.post(address, data=fields, headers={"Origin": ORIGIN})


def state_of(ledger: Ledger, approval: Approval) -> str:
    """Say how a question stands by now."""
    stands = ledger.get(approval.id)
    assert stands is not None
    return stands.state
