"""Which header each way in sends, and that it goes to Cirrus alone."""

from typing import Any

import httpx
import pytest
from cirrus_crm import BASE, READ, WRITE, Crm, meeting, settings
from interact_crm import Clock

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("way", "header", "other"),
    [
        ({"token": "m4rker-t"}, (b"X-Token", b"m4rker-t"), "authorization"),
        ({"bearer_token": "m4rker-b"}, (b"Authorization", b"Bearer m4rker-b"), "x-token"),
    ],
)
async def test_a_token_stands_in_its_own_header_and_nowhere_else(
    clock: Clock, way: dict[str, Any], header: tuple[bytes, bytes], other: str
) -> None:
    crm = Crm(planned=[httpx.Response(200, json=[])] * 2)

    async with meeting(crm, clock, settings(**way)) as line:
        await line.send(READ)
        await line.send(WRITE)

    assert [str(request.url) for request in crm.seen] == [f"{BASE}/tags", f"{BASE}/notes"]
    for request in crm.seen:
        assert header in request.headers.raw
        assert other not in request.headers
        assert b"m4rker" not in request.content


async def test_a_refused_token_is_not_sent_again(clock: Clock) -> None:
    crm = Crm()

    async with meeting(crm, clock, settings(token="m4rker-t")) as line:
        reply = await line.send(READ)

    assert (reply.status, len(crm.seen)) == (401, 1)


async def test_a_redirect_takes_no_token_anywhere(clock: Clock) -> None:
    elsewhere = httpx.Response(307, headers={"location": "https://evil.example.com/"})
    crm = Crm(planned=[elsewhere])

    async with meeting(crm, clock, settings(bearer_token="m4rker-b")) as line:
        reply = await line.send(READ)

    assert (reply.status, len(crm.seen)) == (307, 1)
