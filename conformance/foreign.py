"""Run other people's clients against the server, and tell what each did, as seen on the wire.

    python -m conformance.foreign [--only WORD]

Installs each client into an environment of its own in a temporary folder; needs npm for some.
All work on the sandbox. Exit code 1 means that a client did other than clients.yml expects.
"""

import argparse
import json
import os
import subprocess
import sys
import venv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

HERE = Path(__file__).parent
SCRIPTS = HERE / "clients"
INSTALL_SECONDS, VISIT_SECONDS = 600, 120
ERA = "io.modelcontextprotocol/protocolVersion"
CAPABILITIES = "io.modelcontextprotocol/clientCapabilities"
FORM = "elicitation/create"
READ, WRITE = "fivecrm_owners_list", "fivecrm_customer_products_import"
PRODUCT = {"account": "1", "product": "Oak desk", "manufacturer": "Woodworks", "reference": "C-1"}
CALLS = [
    {"name": READ, "arguments": {"area": "001"}},
    {"name": WRITE, "arguments": {"area": "001", "customerProducts": [PRODUCT]}},
]


@dataclass(frozen=True)
class Seen:
    """What a client was seen to do.

    `tools` is how many it was given over all pages of one list, `forms` how many it answered,
    or "none" where it did not say that it shows any; `read` and `write` are how the calls ended.
    """

    era: str
    tools: int
    forms: int | str
    read: str
    write: str


def observe(lines: Iterable[tuple[str, Mapping[str, Any]]]) -> Seen:
    """Read the talk of one client, in one process of the server or in several.

    Args:
        lines: who speaks, `>` for the client, and the message.
    """
    era, tools, answered, shows = "", 0, 0, False
    asked: dict[Any, str] = {}
    ended: dict[str, str] = {}
    for speaker, message in lines:
        params, result = message.get("params") or {}, message.get("result") or {}
        if speaker == ">":
            meta = params.get("_meta") or {}
            era = params.get("protocolVersion") or meta.get(ERA) or era
            shows = shows or "elicitation" in (
                params.get("capabilities") or meta.get(CAPABILITIES) or {}
            )
            answered += len(params.get("inputResponses") or {}) + ("action" in result)
            asked[message.get("id")] = str(params.get("name", ""))
        elif "tools" in result:
            tools = len(result["tools"])
        elif "structuredContent" in result:
            told = result["structuredContent"]
            ended[asked[message["id"]]] = str(told.get("error") or told.get("status") or "answered")
    forms = answered if shows else "none"
    return Seen(era, tools, forms, ended.get(READ, "no answer"), ended.get(WRITE, "no answer"))


def kept(file: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Read what the tap kept."""
    if not file.exists():
        return
    for line in file.read_text(encoding="utf-8").splitlines():
        yield line[0], json.loads(line[2:])


def server_command(folder: Path) -> dict[str, Any]:
    """Write the command of a server with all tools, its state in a folder, behind the tap."""
    settings = [f"CRM_MCP_STATE_DIR={folder / 'state'}", "CRM_MCP_TOOLSETS=all"]
    path = f"PYTHONPATH={HERE.parent}"
    tap = [sys.executable, str(HERE / "tap.py"), str(folder / "talk")]
    serve = [sys.executable, "-m", "crm_mcp", "serve", "--sandbox"]
    return {"command": "/usr/bin/env", "args": [path, *settings, *tap, *serve]}


def install(client: Mapping[str, Any], folder: Path) -> list[str]:
    """Install a client, and give the program that runs its script."""
    if "pip" in client:
        venv.create(folder / "venv", with_pip=True)
        program = str(folder / "venv" / "bin" / "python")
        command = [program, "-m", "pip", "install", "--quiet", *client["pip"]]
    else:
        program = "node"
        (folder / "package.json").write_text("{}", encoding="utf-8")
        command = ["npm", "install", "--no-audit", "--no-fund", "--loglevel=error", *client["npm"]]
    subprocess.run(command, cwd=folder, check=True, timeout=INSTALL_SECONDS, stdout=sys.stderr)
    return [program]


def visit(client: Mapping[str, Any], folder: Path) -> Seen:
    """Install one client, let it visit the server, and tell what was seen."""
    program = install(client, folder)
    script, *arguments = client["run"]
    told = {
        "CRM_MCP_COMMAND": json.dumps(server_command(folder)),
        "CRM_MCP_CALLS": json.dumps(CALLS),
    }
    subprocess.run(
        [*program, str(SCRIPTS / script), *arguments],
        cwd=folder,
        env=os.environ | told,
        timeout=VISIT_SECONDS,
        stdout=sys.stderr,
        check=False,  # what it did is judged by what was seen
    )
    return observe(kept(folder / "talk"))


def table(seen: Mapping[str, Seen]) -> str:
    """Write what was seen as a table."""
    rows = ["| client | era | tools | forms | read | write |", "|---|---|---|---|---|---|"]
    for name, one in seen.items():
        rows.append(f"| {name} | {' | '.join(str(value) for value in asdict(one).values())} |")
    return "\n".join(rows)


def chosen(only: str) -> Sequence[Mapping[str, Any]]:
    """Give the clients whose name holds a word."""
    listed = yaml.safe_load((HERE / "clients.yml").read_text(encoding="utf-8"))
    return [one for one in listed["clients"] if only.casefold() in one["name"].casefold()]


def main() -> None:
    """Let all clients visit, one after another, and tell what was seen and what differs."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", default="", help="a word of the names of the clients to run")
    clients = chosen(parser.parse_args().only)
    seen: dict[str, Seen] = {}
    for client in clients:
        with TemporaryDirectory(prefix="crm-mcp-client-") as folder:
            seen[client["name"]] = visit(client, Path(folder))
    print(table(seen))
    wrong = [
        f"{one['name']}: expected {one['expect']}, saw {asdict(seen[one['name']])}"
        for one in clients
        if one["expect"] != asdict(seen[one["name"]])
    ]
    print("\n".join(wrong) if wrong else "All as expected.")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
