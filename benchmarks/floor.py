"""The floor of a list: a loop that answers each line with the same prepared bytes."""

import sys
from pathlib import Path


def main(prepared: Path) -> None:
    """Answer `initialize` with little and everything else with the file."""
    answer = prepared.read_bytes()
    out = sys.stdout.buffer
    for line in sys.stdin.buffer:
        if b'"id"' not in line:
            continue
        out.write(b'{"jsonrpc":"2.0","id":1,"result":{}}\n' if b'"initialize"' in line else answer)
        out.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
