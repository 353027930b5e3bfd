"""The peer: the same requests by a bare httpx client, with the answers parsed."""

import asyncio
import json
import sys
import time

import httpx
from catalogue import NOUNS, arguments

HASH = "benchmark"


def requests(port: int, tools: int) -> list[tuple[str, dict[str, str], dict[str, str]]]:
    """List address, query and form of the requests that the tools send."""
    wanted = []
    for index in range(tools):
        url = f"http://127.0.0.1:{port}/crm/api2/{NOUNS[index % len(NOUNS)]}/{index}"
        query = {
            name: value if isinstance(value, str) else json.dumps(value)
            for name, value in arguments(index).items()
        }
        wanted.append((url, query, {"hash": HASH}))
    return wanted


async def main(port: int, tools: int, calls: int, outstanding: int) -> None:
    """Make the calls; print the latencies in seconds and the time of all as JSON."""
    wanted = requests(port, tools)
    limits = httpx.Limits(max_connections=100)
    async with httpx.AsyncClient(trust_env=False, limits=limits) as client:
        latencies: list[float] = []
        turns = iter(range(calls))

        async def work() -> None:
            for turn in turns:
                url, query, form = wanted[turn % tools]
                begun = time.perf_counter()
                response = await client.post(url, params=query, data=form)
                json.loads(response.content)
                latencies.append(time.perf_counter() - begun)

        await asyncio.gather(*(work() for _ in range(outstanding)))  # warm
        warm, turns = len(latencies), iter(range(calls))
        begun = time.perf_counter()
        await asyncio.gather(*(work() for _ in range(outstanding)))
        print(json.dumps({"latencies": latencies[warm:], "seconds": time.perf_counter() - begun}))


if __name__ == "__main__":
    asyncio.run(main(*(int(word) for word in sys.argv[1:5])))
