"""Measure start, memory and calls as ratios to a peer of the same minute; see README.md."""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from catalogue import arguments, generate, install
from driver import Server

from crm_mcp.bind import bind
from crm_mcp.guard import BoundCall, Gate, Policy, judge
from crm_mcp.listing import Cost
from crm_mcp.loader import load_vendor, schemas_root

HERE = Path(__file__).parent
TOOLS = 20
FEW = 5
GUARDED = 10_000
OUTSTANDING = 64
WARM = 8
PEER_START = (
    "from mcp.server import Server; import os, sys; sys.path.insert(0, os.environ['BENCH']);"
    "from driver import resident_kb; print(resident_kb(os.getpid()))"
)


def environment(port: int = 9) -> dict[str, str]:
    """Give the settings of a server whose CRM is the upstream."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return kept | {
        "BENCH": str(HERE),
        "CRM_MCP_FIVECRM_BASE_URL": f"http://127.0.0.1:{port}/crm",
        "CRM_MCP_FIVECRM_HASH": "benchmark",
        "CRM_MCP_FIVECRM_RATE": "100000",
        "CRM_MCP_TOOLSETS": "all",
    }


def start_and_list(installation: Path, *, modern: bool = False) -> tuple[float, int]:
    """Start a server and list its tools; returns seconds to the last byte, and kB after it."""
    with Server(installation, environment(), modern=modern) as server:
        server.ask("tools/list", {})
        return time.perf_counter() - server.begun, server.memory()


def real_environment(toolsets: str, state: Path) -> dict[str, str]:
    """Connect all CRMs there are, to addresses where nobody answers."""
    nowhere = "http://127.0.0.1:9"
    given = {
        "FIVECRM_BASE_URL": f"{nowhere}/crm",
        "FIVECRM_HASH": "benchmark",
        "INTERACT_BASE_URL": nowhere,
        "INTERACT_USERNAME": "benchmark",
        "INTERACT_PASSWORD": "benchmark",
        "SYNERGIST_BASE_URL": nowhere,
        "SYNERGIST_USER": "benchmark",
        "SYNERGIST_PASSWORD": "benchmark",
        "CIRRUS_BASE_URL": nowhere,
        "CIRRUS_TOKEN": "benchmark",
        "TOOLSETS": toolsets,
        "STATE_DIR": str(state),
    }
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return kept | {"BENCH": str(HERE)} | {f"CRM_MCP_{name}": text for name, text in given.items()}


def measure_real(toolsets: str, folder: Path, rounds: int) -> dict[str, float]:
    """Compare all real operations: start and memory with the peer, a warm list with the floor."""
    found: dict[str, list[float]] = {}
    listed = b""
    for _ in range(rounds + 1):
        peer = start_peer()
        with Server(HERE.parent, real_environment(toolsets, folder)) as server:
            listed = server.ask("tools/list", {})
            figures = {
                "start_ratio": (time.perf_counter() - server.begun) / peer[0],
                "memory_ratio": server.memory() / peer[1],
                "warm_ms": warm_list(server),
            }
        prepared = folder / "list.json"
        prepared.write_bytes(listed)
        command = (str(HERE / "floor.py"), str(prepared))
        with Server(HERE, environment(), command=command) as floor:
            figures["floor_ms"] = warm_list(floor)
        for name, value in figures.items():
            found.setdefault(name, []).append(value)
    medians = {name: statistics.median(values[1:]) for name, values in found.items()}
    tools = len(json.loads(listed)["result"]["tools"])
    cost = Cost(tools, len(listed))
    return {**medians, "tools": tools, "bytes_a_tool": cost.bytes / tools, "tokens": cost.tokens}


def warm_list(server: Server) -> float:
    """Time a list that was asked for before; the best of some, in milliseconds."""
    times = []
    for _ in range(WARM):
        begun = time.perf_counter()
        server.ask("tools/list", {})
        times.append(time.perf_counter() - begun)
    return min(times) * 1000


def start_peer() -> tuple[float, int]:
    """Import the SDK's server alone; returns seconds and kB."""
    begun = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", PEER_START],
        env=environment(),
        capture_output=True,
        check=True,
        text=True,
    )
    return time.perf_counter() - begun, int(done.stdout)


def measure_start(installation: Path, rounds: int) -> dict[str, float]:
    """Compare start and memory with the peer, round by round; one round is thrown away."""
    ours, peer = [], []
    for _ in range(rounds + 1):
        peer.append(start_peer())
        ours.append(start_and_list(installation))
    seconds = [statistics.median(one[0] for one in side[1:]) for side in (ours, peer)]
    memory = [statistics.median(one[1] for one in side[1:]) for side in (ours, peer)]
    return {
        "start_ms": seconds[0] * 1000,
        "start_ratio": seconds[0] / seconds[1],
        "memory_mb": memory[0] / 1024,
        "memory_ratio": memory[0] / memory[1],
    }


@contextmanager
def upstream() -> Iterator[int]:
    """Run the CRM that always says the same; gives its port."""
    with subprocess.Popen(
        [sys.executable, HERE / "upstream.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None  # noqa: S101 - narrows the type
        assert process.stdout is not None  # noqa: S101 - narrows the type
        yield int(process.stdout.readline())
        process.stdin.close()


def call_tools(
    server: Server, calls: int, outstanding: int, tools: int = TOOLS
) -> tuple[list[float], float]:
    """Make calls with so many under way; returns the latencies and the time of all."""
    sent: dict[int, float] = {}
    latencies = []
    begun = time.perf_counter()
    for turn in range(calls + outstanding):
        if turn >= outstanding:
            answer = json.loads(server.receive())
            latencies.append(time.perf_counter() - sent.pop(answer["id"]))
            assert not answer["result"].get("isError"), answer  # noqa: S101 - a wrong benchmark
        if turn < calls:
            index = turn % tools
            params = {"name": generate(index)["name"], "arguments": arguments(index)}
            number = server.send("tools/call", params)
            sent[number] = time.perf_counter()
    return latencies, time.perf_counter() - begun


def raw_calls(port: int, calls: int, outstanding: int) -> tuple[list[float], float]:
    """Make the same requests by bare httpx, in a process of its own."""
    words = [sys.executable, HERE / "raw_client.py", port, TOOLS, calls, outstanding]
    done = subprocess.run([str(word) for word in words], capture_output=True, check=True, text=True)
    found = json.loads(done.stdout)
    return found["latencies"], found["seconds"]


def measure_calls(installation: Path, calls: int, rounds: int) -> dict[str, float]:
    """Compare calls with bare httpx, one at a time and many under way."""
    found: dict[str, list[float]] = {}
    with upstream() as port:
        for _ in range(rounds):
            for outstanding in (1, OUTSTANDING):
                raw = raw_calls(port, calls, outstanding)
                with Server(installation, environment(port)) as server:
                    call_tools(server, calls, outstanding)  # warm
                    ours = call_tools(server, calls, outstanding)
                for side, (latencies, seconds) in (("raw", raw), ("ours", ours)):
                    latencies.sort()
                    name = f"{side}_{outstanding}"
                    p99 = latencies[int(len(latencies) * 0.99)]
                    found.setdefault(f"{name}_p50_ms", []).append(
                        statistics.median(latencies) * 1000
                    )
                    found.setdefault(f"{name}_p99_ms", []).append(p99 * 1000)
                    found.setdefault(f"{name}_per_s", []).append(calls / seconds)
    medians = {name: statistics.median(values) for name, values in found.items()}
    medians["p50_ratio"] = medians["ours_1_p50_ms"] / medians["raw_1_p50_ms"]
    many = f"_{OUTSTANDING}_per_s"
    medians["throughput_ratio"] = medians[f"ours{many}"] / medians[f"raw{many}"]
    return medians


def measure_catalogue(small: Path, large: Path, calls: int, rounds: int) -> dict[str, float]:
    """Compare the same calls at 500 operations and at 5, in both protocol eras."""
    found: dict[str, list[float]] = {}
    with upstream() as port:
        for _ in range(rounds):
            for era in ("handshake", "modern"):
                medians = []
                for installation in (large, small):
                    modern = era == "modern"
                    with Server(installation, environment(port), modern=modern) as server:
                        call_tools(server, calls, 1, FEW)  # warm
                        latencies, _ = call_tools(server, calls, 1, FEW)
                        medians.append(statistics.median(latencies))
                found.setdefault(f"{era}_500_to_{FEW}", []).append(medians[0] / medians[1])
    return {name: statistics.median(values) for name, values in found.items()}


def measure_guard(rounds: int) -> dict[str, float]:
    """Time what a read pays to be guarded: the verdict, the permit, and taking it in."""
    (operation, *_) = load_vendor(schemas_root(), "fivecrm", examples=False)
    policy = Policy(allow=("fivecrm_*",), deny=("fivecrm_none",))
    gate = Gate(policy)
    given = {"area": "001"}
    call = BoundCall(operation, given, bind(operation, given), "fivecrm (benchmark)", "local")
    times = []
    for _ in range(rounds):
        begun = time.perf_counter()
        for _ in range(GUARDED):
            judge(operation, policy, call.records)
            gate.spend(gate.permit(call), call.spec)
        times.append((time.perf_counter() - begun) / GUARDED)
    return {"read_ms": statistics.median(times) * 1000}


def main() -> None:
    """Measure what was asked for and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--calls", type=int, default=2000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        sizes = {n: install(Path(folder) / str(n), n) for n in (FEW, 14, 500)}
        report = {
            "real_default": measure_real("default", Path(folder), 2 * given.rounds),
            "real_all": measure_real("all", Path(folder), 2 * given.rounds),
            "start_14": measure_start(sizes[14], 3 * given.rounds),
            "start_500": measure_start(sizes[500], 3 * given.rounds),
            "calls_500": measure_calls(sizes[500], given.calls, given.rounds),
            "guard": measure_guard(given.rounds),
            "catalogue": measure_catalogue(sizes[FEW], sizes[500], given.calls, given.rounds),
        }
    for title, figures in report.items():
        print(title)
        for name, value in figures.items():
            print(f"  {name:22} {value:10.3f}")


if __name__ == "__main__":
    main()
