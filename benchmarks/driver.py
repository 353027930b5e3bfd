"""A single-threaded client on the raw pipes of a server: spawn, handshake, list, calls."""

import json
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

PROTOCOL = "2025-11-25"
MODERN = "2026-07-28"


class Server:
    """One process that speaks MCP, by default `crm-mcp serve`, driven line by line."""

    def __init__(
        self,
        installation: Path,
        environment: dict[str, str],
        *,
        modern: bool = False,
        command: tuple[str, ...] = ("-m", "crm_mcp", "serve"),
        python: Path = Path(sys.executable),
    ) -> None:
        self._modern = modern
        self._id = 0
        self.begun = time.perf_counter()
        self._process = subprocess.Popen(
            [python, *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            cwd=installation,
        )

    def __enter__(self) -> Self:
        """Shake hands, where the era has it."""
        if not self._modern:
            client = {"name": "benchmark", "version": "1"}
            hello = {"protocolVersion": PROTOCOL, "capabilities": {}, "clientInfo": client}
            self.ask("initialize", hello)
            self._send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the server by closing its standard input."""
        assert self._process.stdin is not None  # noqa: S101 - narrows the type
        assert self._process.stdout is not None  # noqa: S101 - narrows the type
        self._process.stdin.close()
        self._process.wait(timeout=20)
        self._process.stdout.close()

    def ask(self, method: str, params: dict[str, Any]) -> bytes:
        """Send one request and read one line."""
        self.send(method, params)
        return self.receive()

    def send(self, method: str, params: dict[str, Any]) -> int:
        """Send one request; returns its number."""
        self._id += 1
        if self._modern:
            prefix = "io.modelcontextprotocol"
            meta = {f"{prefix}/protocolVersion": MODERN, f"{prefix}/clientCapabilities": {}}
            params = {**params, "_meta": meta}
        self._send({"jsonrpc": "2.0", "id": self._id, "method": method, "params": params})
        return self._id

    def receive(self) -> bytes:
        """Read one line.

        Raises:
            RuntimeError: the server ended.
        """
        assert self._process.stdout is not None  # noqa: S101 - narrows the type
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the server ended")
        return line

    def memory(self) -> int:
        """Read the resident memory in kB."""
        return resident_kb(self._process.pid)

    def _send(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None  # noqa: S101 - narrows the type
        self._process.stdin.write(json.dumps(message).encode() + b"\n")
        self._process.stdin.flush()


def resident_kb(pid: int) -> int:
    """Read a process's resident memory in kB, as Linux counts it."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    (line,) = (line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1])
