"""The command line of FastMCP, which asks in its terminal, a field a line.

A process of its own for each command; the answers are typed once their question stands there.
"""

import json
import os
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

READING_SECONDS = 1.5
ASKED = re.compile(r"(\w+) \(string\) \*: \Z")
TOLD = {"first": r"First word: (\w+)", "second": r"Second word: (\w+)"}


def run(*arguments: str) -> None:
    """Run one command, and type what its text tells where it asks."""
    program = str(Path(sys.executable).with_name("fastmcp"))
    server = json.loads(os.environ["CRM_MCP_COMMAND"])
    command = shlex.join([server["command"], *server["args"]])
    process = subprocess.Popen(
        [program, *arguments, "--command", command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONUNBUFFERED": "1", "COLUMNS": "400"},
    )
    assert process.stdin
    assert process.stdout
    said = ""
    while some := os.read(process.stdout.fileno(), 65_536):
        said += some.decode(errors="replace")
        while asked := ASKED.search(said):
            time.sleep(READING_SECONDS)
            process.stdin.write(answer(asked[1], said).encode() + b"\n")
            process.stdin.flush()
            said += "\n"
    process.stdin.close()
    process.wait()


def answer(field: str, said: str) -> str:
    """Give what a person types: the words of the test, or approve."""
    if field == "decision":
        return "approve"
    words: list[str] = re.findall(TOLD[field], said)
    return words[-1]


run("list")
for call in json.loads(os.environ["CRM_MCP_CALLS"]):
    run("call", "--target", call["name"], "--input-json", json.dumps(call["arguments"]))
