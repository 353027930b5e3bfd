"""Start a server on stdio and keep a copy of what a client and the server say to each other.

    python conformance/tap.py FILE COMMAND…

Stands between any client and the server, so that what is told of a client was seen on the wire.
Each line of the file is `>` (from the client) or `<` (from the server) and one message.
"""

import subprocess
import sys
from threading import Lock, Thread
from typing import IO


def main() -> int:
    """Copy both directions until the client closes its end; gives the server's exit code."""
    file, *command = sys.argv[1:]
    with open(file, "ab") as kept:  # noqa: PTH123  (the other end of a pipe, opened like it)
        server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert server.stdin  # it was asked for
        assert server.stdout
        turn = Lock()
        answers = Thread(target=copy, args=(server.stdout, sys.stdout.buffer, kept, b"< ", turn))
        answers.start()
        copy(sys.stdin.buffer, server.stdin, kept, b"> ", turn)
        server.stdin.close()
        answers.join()
        return server.wait()


def copy(source: IO[bytes], to: IO[bytes], kept: IO[bytes], mark: bytes, turn: Lock) -> None:
    """Hand lines on as they come."""
    for line in source:
        with turn:
            kept.write(mark + line)
            kept.flush()
        to.write(line)
        to.flush()


if __name__ == "__main__":
    sys.exit(main())
