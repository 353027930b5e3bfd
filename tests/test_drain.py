"""An app that is about to stop: no write begins, reads go on, those under way are waited for."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client

from crm_mcp.app import SANDBOX_ORIGIN, App, load_catalogue, open_app, sandbox_settings
from crm_mcp.config import General, Settings
from crm_mcp.drain import Drain
from crm_mcp.errors import Refused
from crm_mcp.sandbox.app import Sandbox
from crm_mcp.server import build_server

READ, WRITE = "fivecrm_owners_list", "fivecrm_customer_products_import"
PRODUCT = {"account": "1", "product": "Oak desk", "manufacturer": "Woodworks", "reference": "D-1"}

pytestmark = pytest.mark.anyio


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(load_catalogue())


@pytest.fixture
async def app(tmp_path: Path, sandbox: Sandbox) -> AsyncIterator[App]:
    general = General.model_validate({"state_dir": tmp_path, "mode": "unattended"})
    settings = sandbox_settings(Settings(general=general), sandbox, SANDBOX_ORIGIN)
    async with open_app(settings, load_catalogue(), sandbox) as app:
        yield app


async def called(app: App, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    async with Client(build_server(app)) as client:
        content: dict[str, Any] | None = (
            await client.call_tool(tool, arguments)
        ).structured_content
    assert content is not None
    return content


async def test_a_write_is_refused_and_a_read_answered(app: App, sandbox: Sandbox) -> None:
    await app.pipeline.drain.close()

    refused = await called(app, WRITE, {"area": "001", "customerProducts": [PRODUCT]})
    read = await called(app, READ, {"area": "001"})

    assert refused["error"] == "refused"
    assert "is stopping. Nothing was sent" in refused["message"]
    assert read["data"]
    assert not any(seen.changed for seen in sandbox.log)


async def test_it_closes_when_the_last_of_several_writes_has_ended() -> None:
    drain, ends, order = Drain(), [anyio.Event(), anyio.Event()], []
    begun = [anyio.Event(), anyio.Event()]

    async def write(number: int) -> None:
        with drain.write():
            begun[number].set()
            await ends[number].wait()
            order.append(f"write {number}")

    async def close() -> None:
        await drain.close()
        order.append("closed")

    async with anyio.create_task_group() as tasks:
        for number in (0, 1):
            tasks.start_soon(write, number)
            await begun[number].wait()
        tasks.start_soon(close)
        for end in reversed(ends):
            await anyio.wait_all_tasks_blocked()
            end.set()

    assert order == ["write 1", "write 0", "closed"]


async def test_nobody_is_asked_any_more_once_it_closes() -> None:
    drain, asked = Drain(), anyio.Event()
    ends: list[str] = []

    async def ask() -> None:
        try:
            with drain.question():
                asked.set()
                await anyio.sleep_forever()
        except Refused as refusal:
            ends.append(refusal.message)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ask)
        await asked.wait()
        await drain.close()

    assert ends == ["This server is stopping. Nothing was sent."]
    with pytest.raises(Refused), drain.question():
        pass


async def test_the_answer_of_the_last_write_has_time_to_leave(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    until: list[float] = []

    async def slept(deadline: float) -> None:
        until.append(deadline)

    monkeypatch.setattr(anyio, "sleep_until", slept)
    idle, busy = Drain(), Drain()
    before = anyio.current_time()
    with busy.write():
        pass
    await idle.close(leave=5.0)
    await busy.close(leave=5.0)

    assert until[0] < before
    assert before + 5.0 <= until[1] <= anyio.current_time() + 5.0
