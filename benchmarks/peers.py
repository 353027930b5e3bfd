"""Compare with what others would run for the same 500 operations, in one run; see README.md.

`python benchmarks/peers.py install FOLDER` makes an environment for each of them, and
`python benchmarks/peers.py run FOLDER` measures; one that is not installed is left out and named.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from catalogue import generate, install, reply
from driver import Server
from run import HERE, OUTSTANDING, call_tools, environment, raw_calls, upstream, warm_list

from crm_mcp.listing import Cost

OPERATIONS = 500
PACKAGES = {
    "fastmcp": ["fastmcp"],
    "awslabs": ["awslabs.openapi-mcp-server"],
    "lowlevel": ["mcp>=2.3,<3", "httpx"],
}


@dataclass
class Peer:
    """One server: how it is started, and with what environment."""

    name: str
    python: Path
    command: tuple[str, ...]
    more: dict[str, str] = field(default_factory=dict)
    folder: Path = HERE


def specification() -> dict[str, Any]:
    """Write the generated catalogue as an OpenAPI document."""
    rows = {"type": "array", "items": {"type": "object"}}
    answer = {"type": "object", "properties": {"STATUS": {"type": "string"}, "ITEMS": rows}}
    ok = {"description": "The items.", "content": {"application/json": {"schema": answer}}}
    paths = {}
    for index in range(OPERATIONS):
        one = generate(index)
        required = one["inputSchema"]["required"]
        parameters = [
            {
                "name": name,
                "in": "query",
                "required": name in required,
                "description": schema["description"],
                "schema": {key: value for key, value in schema.items() if key != "description"},
            }
            for name, schema in one["inputSchema"]["properties"].items()
        ]
        paths[one["request"]["path"]] = {
            "post": {
                "operationId": one["name"],
                "summary": one["title"],
                "description": one["description"],
                "parameters": parameters,
                "responses": {"200": ok},
            }
        }
    assert reply()  # noqa: S101 - the upstream answers in that form
    return {"openapi": "3.0.3", "info": {"title": "peer", "version": "1"}, "paths": paths}


def make_environments(folder: Path) -> None:
    """Install each peer into an environment of its own."""
    for name, packages in PACKAGES.items():
        venv.create(folder / name, with_pip=True)
        pip = [str(folder / name / "bin" / "python"), "-m", "pip", "install", "--quiet", *packages]
        subprocess.run(pip, check=True)


def peers(folder: Path, document: Path, base_url: str, ours: Path) -> Iterator[Peer]:
    """List the servers to measure: ours first."""
    yield Peer("crm-mcp", Path(sys.executable), ("-m", "crm_mcp", "serve"), folder=ours)
    for name in PACKAGES:
        python = folder / name / "bin" / "python"
        if not python.exists():
            print(f"left out, not installed: {name}", file=sys.stderr)
        elif name == "awslabs":
            words = ("-m", "awslabs.openapi_mcp_server.server", "--api-name", "peer")
            given = ("--api-url", base_url, "--spec-path", str(document), "--log-level", "ERROR")
            yield Peer(name, python, (*words, *given))
        else:
            words = (str(HERE / "servers.py"), name, str(document), base_url)
            yield Peer(name, python, words)


def started(peer: Peer, port: int) -> Server:
    """Start one server."""
    given = environment(port) | peer.more
    return Server(peer.folder, given, command=peer.command, python=peer.python)


def measure(peer: Peer, port: int, calls: int) -> dict[str, float]:
    """Measure start, list, memory and calls of one server once."""
    with started(peer, port) as server:
        listed = server.ask("tools/list", {})
        seconds = time.perf_counter() - server.begun
        memory = server.memory() / 1024
        tools = len(json.loads(listed)["result"]["tools"])
        cost = Cost(tools, len(listed))
        figures = {"start_s": seconds, "memory_mb": memory, "warm_ms": warm_list(server)}
        call_tools(server, calls, 1)  # warm
        one, _ = call_tools(server, calls, 1)
        many, spent = call_tools(server, calls, OUTSTANDING)
    return figures | {
        "bytes": cost.bytes,
        "tokens_a_tool": cost.tokens / tools,
        "p50_ms": statistics.median(one) * 1000,
        "p99_64_ms": sorted(many)[int(len(many) * 0.99)] * 1000,
        "per_s_64": calls / spent,
    }


def measure_raw(port: int, calls: int) -> dict[str, float]:
    """Measure the bare client."""
    one, _ = raw_calls(port, calls, 1)
    many, spent = raw_calls(port, calls, OUTSTANDING)
    return {
        "p50_ms": statistics.median(one) * 1000,
        "p99_64_ms": sorted(many)[int(len(many) * 0.99)] * 1000,
        "per_s_64": calls / spent,
    }


def compare(folder: Path, calls: int, rounds: int) -> dict[str, dict[str, float]]:
    """Measure all in turns, and take medians."""
    found: dict[str, list[dict[str, float]]] = {}
    with tempfile.TemporaryDirectory() as made, upstream() as port:
        document = Path(made) / "openapi.json"
        document.write_text(json.dumps(specification()), encoding="utf-8")
        ours = install(Path(made) / "ours", OPERATIONS)
        base_url = f"http://127.0.0.1:{port}/crm"
        for _ in range(rounds):
            found.setdefault("bare httpx", []).append(measure_raw(port, calls))
            for peer in peers(folder, document, base_url, ours):
                found.setdefault(peer.name, []).append(measure(peer, port, calls))
    return {
        name: {key: statistics.median(one[key] for one in each) for key in each[0]}
        for name, each in found.items()
    }


def main() -> None:
    """Install, or measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("do", choices=["install", "run"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    if given.do == "install":
        make_environments(given.folder)
        return
    report = compare(given.folder, given.calls, given.rounds)
    if given.json:
        print(json.dumps(report, indent=2))
        return
    for name, figures in report.items():
        print(f"{name:12}" + "".join(f"  {key} {value:.2f}" for key, value in figures.items()))


if __name__ == "__main__":
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    main()
