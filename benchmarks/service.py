"""Many clients at one service for a while: calls a second, p50 and p99, errors, memory over time.

    python benchmarks/service.py --clients 200 --seconds 60

The service is `crm-mcp serve --http --sandbox` in a process of its own, on loopback. Each client
has a connection and makes one call after the other, in the modern era, as one of ten callers.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
from driver import MODERN, resident_kb

from crm_mcp.service.tokens import new_token

CALLERS = 10
WARM_SECONDS = 5
"""All begin at once, which no team does; what is counted begins so much later."""
PREFIX = "io.modelcontextprotocol"
META = {f"{PREFIX}/protocolVersion": MODERN, f"{PREFIX}/clientCapabilities": {}}
CALLS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("fivecrm_owners_list", {"area": "001"}),
    ("interact_tasks_list", {}),
    ("crm_find_tools", {"query": "unpaid purchase orders"}),
    ("synergist_clients_list", {"company": 1, "search": "dental"}),
    ("cirrus_accounts_list", {"name": "%dental%"}),
)


@dataclass
class Seen:
    """What all clients saw."""

    seconds: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)


def callers(folder: Path) -> list[tuple[str, str]]:
    """Write the token file; gives a token and its lines for each caller."""
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    pairs = [new_token(f"c{n}", ["crm:read"], [], tomorrow) for n in range(CALLERS)]
    text = "\n".join(lines for _, lines in pairs)
    (folder / "callers.toml").write_text(text, encoding="utf-8")
    return pairs


@contextmanager
def service(folder: Path) -> Iterator[tuple[str, int]]:
    """Start a service over the folder's state; gives its address and its process."""
    settings = {
        "HTTP_TOKENS": str(folder / "callers.toml"),
        "HTTP_PORT": "0",
        "HTTP_MAX_CALLS": "1000",
        "STATE_DIR": str(folder / "state"),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "crm_mcp", "serve", "--http", "--sandbox"],
        env=os.environ | {f"CRM_MCP_{name}": value for name, value in settings.items()},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None  # noqa: S101 - narrows the type
    url = process.stderr.readline().removeprefix("crm-mcp serves ").strip()
    try:
        yield url, process.pid
    finally:
        process.terminate()
        _, logged = process.communicate(timeout=30)
        sys.stderr.write(logged)


async def client(url: str, token: str, first: int, span: tuple[float, float], seen: Seen) -> None:
    """Make one call after the other until the time is over; count from its beginning on."""
    headers = {
        "authorization": f"Bearer {token}",
        "accept": "application/json, text/event-stream",
        "mcp-protocol-version": MODERN,
        "mcp-method": "tools/call",
    }
    number = first
    async with httpx2.AsyncClient(headers=headers, timeout=60) as http:
        while time.perf_counter() < span[1]:
            name, arguments = CALLS[number % len(CALLS)]
            number += 1
            params = {"name": name, "arguments": arguments, "_meta": META}
            asked = {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}
            begun = time.perf_counter()
            try:
                answer = await http.post(url, json=asked, headers={"mcp-name": name})
            except httpx2.HTTPError as error:
                seen.errors[type(error).__name__] += 1
                continue
            if begun >= span[0]:
                seen.seconds.append(time.perf_counter() - begun)
            if answer.status_code != 200:  # noqa: PLR2004
                seen.errors[str(answer.status_code)] += 1
            elif answer.json().get("result", {}).get("isError") is not False:
                seen.errors[answer.text[:80]] += 1


async def load(
    urls: list[str], tokens: list[str], clients: int, seconds: float, process: int
) -> Any:
    """Let all clients work, and look at the memory of one process ten times meanwhile."""
    seen = Seen()
    begun = time.perf_counter() + WARM_SECONDS
    span = (begun, begun + seconds)
    memory = []
    async with asyncio.TaskGroup() as tasks:
        for number in range(clients):
            url, token = urls[number % len(urls)], tokens[number % CALLERS]
            tasks.create_task(client(url, token, number, span, seen))
        await asyncio.sleep(WARM_SECONDS)
        for _ in range(10):
            await asyncio.sleep(seconds / 10)
            memory.append(round(resident_kb(process) / 1024, 1))
    took = time.perf_counter() - begun
    cuts = statistics.quantiles(seen.seconds, n=100)
    return {
        "replicas": len(urls),
        "clients": clients,
        "calls": len(seen.seconds),
        "per_s": round(len(seen.seconds) / took),
        "p50_ms": round(cuts[49] * 1000, 1),
        "p99_ms": round(cuts[98] * 1000, 1),
        "p99_to_p50": round(cuts[98] / cuts[49], 2),
        "errors": dict(seen.errors),
        "memory_mb": memory,
    }


def main() -> None:
    """Measure, and print one JSON object."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--replicas", type=int, default=1, help="measured after one, in turn")
    given = parser.parse_args()
    found = [measured(count, given) for count in sorted({1, given.replicas})]
    told = {"runs": found, "per_s_to_one": round(found[-1]["per_s"] / found[0]["per_s"], 2)}
    print(json.dumps(told if len(found) > 1 else found[0], indent=2))


def measured(replicas: int, given: argparse.Namespace) -> Any:
    """Measure so many replicas over one state; clients are spread over them evenly."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as running:
        pairs = callers(Path(name))
        services = [running.enter_context(service(Path(name))) for _ in range(replicas)]
        urls = [url for url, _ in services]
        tokens = [token for token, _ in pairs]
        seconds, process = given.seconds, services[0][1]
        return asyncio.run(load(urls, tokens, given.clients, seconds, process))


if __name__ == "__main__":
    main()
