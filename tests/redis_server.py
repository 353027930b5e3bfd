"""A real Redis or Valkey server on a free port, with a folder of its own and nothing in it."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

PROGRAM = shutil.which("valkey-server") or shutil.which("redis-server")
START_SECONDS = 20.0


@dataclass
class Server:
    """A running server, which can be stopped and go on."""

    port: int
    command: list[str] = field(repr=False)
    process: "subprocess.Popen[bytes]" = field(init=False, repr=False)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it, with what its folder holds."""
        self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL)  # noqa: S603
        _wait(self)

    def kill(self) -> None:
        """End it as a machine that goes off does."""
        self.process.kill()
        self.process.wait(timeout=20)

    def freeze(self) -> None:
        """Let it answer nothing, with all connections open."""
        os.kill(self.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        os.kill(self.process.pid, signal.SIGCONT)

    def flush(self) -> None:
        """Take everything away."""
        self.ask(b"FLUSHALL")

    def ask(self, command: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as line:
            line.sendall(command + b"\r\n")
            return line.recv(1_000)


def needed() -> None:
    """Skip where there is no server to be had, unless CI says that there must be."""
    if PROGRAM is None:
        assert not os.environ.get("CRM_TESTS_NEED_REDIS"), "no valkey-server and no redis-server"
        pytest.skip("no valkey-server and no redis-server is installed")


@contextmanager
def running(folder: Path) -> Iterator[Server]:
    """Run a server while the block runs."""
    needed()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    told = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)]
    told += ["--save", "", "--appendonly", "yes", "--appendfsync", "always"]
    server = Server(port, [str(PROGRAM), *told])
    server.start()
    try:
        yield server
    finally:
        with suppress(ProcessLookupError):
            server.thaw()
        server.kill()


def _wait(server: Server) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        with suppress(OSError):
            if server.ask(b"PING").startswith(b"+PONG"):
                return
    raise AssertionError("the server did not start")
