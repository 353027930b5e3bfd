"""Write what can be told of the operation files: docs/tools.md, docs/costs.md and llms.txt.

Run it as `python scripts/write_docs.py`; with `--check` it writes nothing and fails where a file
is not what it would write.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations, groupby
from pathlib import Path
from typing import get_args

from crm_mcp.app import SANDBOX_ORIGIN, load_catalogue, registry_of, sandbox_settings
from crm_mcp.config import General, Settings
from crm_mcp.listing import Cost, cost_of, listed
from crm_mcp.operation import Effect, Operation
from crm_mcp.sandbox.app import Sandbox
from crm_mcp.vendors import known_vendors, load_vendor_code

ROOT = Path(__file__).parents[1]
MADE = "<!-- Made by scripts/write_docs.py: change the operation files, or the script. -->"
EFFECTS: tuple[Effect, ...] = get_args(Effect)


def tools() -> str:
    """List every operation, by CRM and toolset."""
    catalogue = load_catalogue()
    count = sum(map(len, catalogue.values()))
    lines = [
        MADE,
        "# All tools",
        "",
        f"{count} operations of {len(catalogue)} CRMs, one tool each.",
        "`crm-mcp show NAME` prints one with its arguments, request, source and example.",
        "Traits mark what a person should know before they approve, and evidence how surely the",
        "vendor's document gives the request: see [the operation format](operation-format.md).",
        "",
        "| CRM | tools | " + " | ".join(EFFECTS) + " |",
        "|---|" + "---:|" * (len(EFFECTS) + 1),
        *(_counts(name, operations) for name, operations in catalogue.items()),
    ]
    for name, operations in catalogue.items():
        lines += ["", f"## {load_vendor_code(name).title}", *_toolsets(operations)]
    return "\n".join(lines) + "\n"


def _counts(vendor: str, operations: Iterable[Operation]) -> str:
    found = Counter(operation.effect for operation in operations)
    numbers = " | ".join(str(found[effect]) for effect in EFFECTS)
    return f"| {load_vendor_code(vendor).title} | {found.total()} | {numbers} |"


def _toolsets(operations: Iterable[Operation]) -> Iterator[str]:
    for toolset, group in groupby(operations, key=lambda one: one.toolset):
        yield from ("", f"### {toolset}", "", "| tool | does | effect | traits | evidence |")
        yield "|---|---|---|---|---|"
        for one in group:
            traits = ", ".join(one.traits)
            row = (f"`{one.name}`", one.title, one.effect, traits, one.source.evidence)
            yield f"| {' | '.join(row)} |"


def costs() -> str:
    """Tell what each choice of tools costs a model that reads the list."""
    lines = [
        MADE,
        "# What a list costs",
        "",
        "What a model reads before it does anything, for each choice of `CRM_MCP_TOOLSETS`.",
        "Tokens are bytes of compact JSON, divided by 4.4; our own four tools are counted.",
        "Some clients take no more than 40 or 128 tools: with `default` each of them takes all.",
        "",
        "| CRMs | `CRM_MCP_TOOLSETS` | tools | bytes | tokens | bytes a tool |",
        "|---|---|---:|---:|---:|---:|",
    ]
    vendors = known_vendors()
    for size in range(1, len(vendors) + 1):
        lines += (_cost_row(pick, "default") for pick in combinations(vendors, size))
    lines += (_cost_row((vendor,), "all") for vendor in vendors)
    lines += [_cost_row(tuple(vendors), "all")]
    return "\n".join(lines) + "\n"


def _cost_row(vendors: tuple[str, ...], toolsets: str) -> str:
    cost = cost_with(vendors, toolsets)
    titles = ", ".join(load_vendor_code(vendor).title for vendor in vendors)
    each = cost.bytes / cost.tools
    return f"| {titles} | `{toolsets}` | {cost.tools} | {cost.bytes} | {cost.tokens} | {each:.0f} |"


def cost_with(vendors: Iterable[str], toolsets: str) -> Cost:
    """Count the list of a server with these CRMs."""
    catalogue = load_catalogue()
    given = Settings(general=General(toolsets=(toolsets,)))
    everything = sandbox_settings(given, Sandbox(catalogue), SANDBOX_ORIGIN)
    wanted = {name: everything.vendors[name] for name in vendors}
    return cost_of(
        listed(registry_of(everything.model_copy(update={"vendors": wanted}), catalogue))
    )


def llms() -> str:
    """Tell a model in one page what this is, and where to read on."""
    catalogue = load_catalogue()
    count = sum(map(len, catalogue.values()))
    crms = ", ".join(
        f"{load_vendor_code(name).title} ({len(operations)} operations)"
        for name, operations in catalogue.items()
    )
    return f"""# crm-mcp

> An MCP server with one tool for each documented operation of CRM systems:
> {crms}; {count} in all.
> Reads answer at once; every write is shown to a person, who approves it before it is sent.

Start on made-up data with `crm-mcp serve --sandbox`.
By default everyday tools are listed; `crm_find_tools`, `crm_describe_tool`, `crm_call_read` and
`crm_call_write` reach all others.

## Docs

- [README](README.md): what it is, how to run, connect a client and a CRM
- [Commands, settings, results, errors](docs/surface.md)
- [All tools](docs/tools.md): every operation with effect, traits and evidence
- [What a list costs](docs/costs.md): tools, bytes and tokens for each choice
- [Clients](docs/clients.md): how to connect each, and how it asks for confirmation
- [Guardrails](docs/guardrails.md): how a write is confirmed, and what each kind of client is asked
- [Personal data](docs/personal-data.md): what can be kept from the model
- [Service](docs/service.md): one server for a team, and [how to run it](docs/operating.md)
- [Synergist](docs/synergist.md), [Cirrus 2](docs/cirrus.md), [bindings](docs/bindings.md)

## For developers

- [Architecture](ARCHITECTURE.md): the way of a call, and where to change what
- [Contributing](CONTRIBUTING.md): how to add an operation or a vendor
- [The operation format](docs/operation-format.md)
- [Decisions](docs/decisions.md): why each library
"""


MADE_FILES = {"docs/tools.md": tools, "docs/costs.md": costs, "llms.txt": llms}


def stale(made: Mapping[str, str]) -> list[str]:
    """Find the files that are not what they would be."""
    return [name for name, text in made.items() if _read(ROOT / name) != text]


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def main() -> None:
    """Write the files, or only compare them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail on a difference")
    given = parser.parse_args()
    made = {name: make() for name, make in MADE_FILES.items()}
    if not given.check:
        for name, text in made.items():
            (ROOT / name).write_text(text, encoding="utf-8", newline="\n")
    elif names := stale(made):
        sys.exit(f"{', '.join(names)}: run python scripts/write_docs.py")


if __name__ == "__main__":
    main()
