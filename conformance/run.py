"""Run the official conformance suite on both wires, and compare with expected.yml.

    python -m conformance.run

Needs npm; installs a Node of its own and the suites into a temporary folder. Exit code 1 means
that something differs from what is expected.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Timer
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent
EXPECTED = Path(__file__).parent / "expected.yml"
SUITE = "@modelcontextprotocol/conformance"
INSTALL_SECONDS, START_SECONDS, LEG_SECONDS, STOP_SECONDS = 300, 60, 300, 30
GOOD = ("SUCCESS", "INFO")
LISTED = re.compile(r"^\s+- (\S+)(?: \[(.*)\])?$", re.MULTILINE)
SCENARIO_FOLDER = re.compile(r"^server-(.+)-\d{4}-\d\d-\d\dT[\d-]+Z$")


@dataclass(frozen=True)
class Check:
    """One check of one scenario."""

    scenario: str
    id: str
    status: str


@dataclass(frozen=True)
class Suites:
    """The suites and their Node, installed in one folder."""

    folder: Path

    @classmethod
    def install(cls, folder: Path, node: str, versions: set[str]) -> "Suites":
        """Install with npm; the versions stand side by side under names of their own."""
        suites = [f"{_alias(one)}@npm:{SUITE}@{one}" for one in sorted(versions)]
        command = ["npm", "install", "--no-audit", "--no-fund", "--loglevel=error"]
        (folder / "package.json").write_text("{}", encoding="utf-8")
        subprocess.run(
            [*command, f"node@{node}", *suites], cwd=folder, check=True, timeout=INSTALL_SECONDS
        )
        return cls(folder)

    def run(self, version: str, *arguments: str) -> str:
        """Run one suite; gives its output, whatever its exit code."""
        modules = self.folder / "node_modules"
        node = modules / "node" / "bin" / "node"
        program = modules / _alias(version) / "dist" / "index.js"
        return subprocess.run(
            [node, program, *arguments],
            cwd=self.folder,
            env=os.environ | {"PATH": f"{node.parent}{os.pathsep}{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            check=False,
            timeout=LEG_SECONDS,
        ).stdout

    def scenarios(self, version: str) -> set[str]:
        """Name the server scenarios of one suite."""
        return {name for name, _ in LISTED.findall(self.run(version, "list", "--server"))}


def _alias(version: str) -> str:
    return f"suite-{version}"


@contextmanager
def served(replicas: int) -> Iterator[str]:
    """Start the server with the fixtures, or replicas of it behind a proxy; gives its address."""
    command = [sys.executable, "-W", "ignore", "-m", "conformance.serve", str(replicas)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        too_long = Timer(START_SECONDS, process.kill)
        too_long.start()
        try:
            address = process.stdout.readline().strip() if process.stdout else ""
            too_long.cancel()
            if not address:
                sys.exit("The server did not start; its words stand above.")
            yield address
        finally:
            too_long.cancel()
            process.terminate()
            process.wait(timeout=STOP_SECONDS)


def run_leg(suites: Suites, leg: Mapping[str, Any], address: str, output: Path) -> list[Check]:
    """Run one suite on one wire.

    Returns:
        every check of every scenario.
    """
    words = ["server", "--url", address, *map(str, leg["arguments"]), "-o", str(output)]
    told = suites.run(leg["suite"], *words)
    found = [_read(file) for file in sorted(output.glob("*/checks.json"))]
    if not found:
        sys.exit(f"{leg['name']}: the suite wrote no results:\n{told}")
    return [check for checks in found for check in checks]


def _read(file: Path) -> list[Check]:
    named = SCENARIO_FOLDER.match(file.parent.name)
    scenario = named[1] if named else file.parent.name
    checks = json.loads(file.read_text(encoding="utf-8"))
    return [Check(scenario, one["id"], one["status"]) for one in checks]


def differences(
    expected: Mapping[str, Any], legs: Mapping[str, list[Check]], known: set[str]
) -> list[str]:
    """Say what is not as expected.

    Args:
        expected: what expected.yml says.
        legs: all checks, by the leg's name.
        known: all scenarios that the suites have.
    """
    excused = {
        (one["leg"], Check(one["scenario"], check, one["status"]))
        for one in expected["exceptions"]
        for check in one["checks"]
    }
    short = {(leg, one) for leg, all_of in legs.items() for one in all_of if one.status not in GOOD}
    ran = {one.scenario for all_of in legs.values() for one in all_of}
    unrun = known - ran
    left_out = set(expected["not_applicable"])
    return [
        *(f"{leg}: {one.scenario}/{one.id}: {one.status}" for leg, one in short - excused),
        *(f"{leg}: {one.scenario}/{one.id} is listed, and passes" for leg, one in excused - short),
        *(f"{name} was not run, and is not listed" for name in unrun - left_out),
        *(f"{name} is listed as not applicable, and was run" for name in left_out - unrun),
    ]


def table(legs: Mapping[str, list[Check]]) -> str:
    """Write the figures as a table."""
    rows = ["| leg | scenarios | checks passed | warnings | failed |", "|---|---|---|---|---|"]
    for name, checks in legs.items():
        count = Counter(one.status for one in checks)
        other = count["FAILURE"] + count["SKIPPED"]
        scenarios = len({one.scenario for one in checks})
        rows.append(f"| {name} | {scenarios} | {count['SUCCESS']} | {count['WARNING']} | {other} |")
    return "\n".join(rows)


def run_all(
    suites: Suites, expected: Mapping[str, Any], known: set[str], folder: Path, *, replicas: int
) -> list[str]:
    """Run all legs and print the figures; gives what differs from what is expected."""
    folder.mkdir()
    with served(replicas) as address:
        legs = {
            leg["name"]: run_leg(suites, leg, address, folder / f"results-{number}")
            for number, leg in enumerate(expected["legs"])
        }
    print(table(legs))
    return sorted(differences(expected, legs, known))


def main() -> None:
    """Install, run all legs, and tell the figures and what differs."""
    expected = yaml.safe_load(EXPECTED.read_text(encoding="utf-8"))
    versions = {leg["suite"] for leg in expected["legs"]}
    with TemporaryDirectory(prefix="crm-mcp-conformance-") as name:
        folder = Path(name)
        suites = Suites.install(folder, expected["node"], versions)
        known = {one for version in versions for one in suites.scenarios(version)}
        wrong = run_all(suites, expected, known, folder / "one", replicas=1)
        if shutil.which("haproxy"):
            print("\nThree replicas behind a proxy that gives each request to the next:")
            wrong += run_all(suites, expected, known, folder / "three", replicas=3)
        else:
            print("NOT RUN: three replicas behind a proxy, because there is no haproxy.")
    print(f"{len(expected['not_applicable'])} of {len(known)} scenarios do not apply.")
    print("\n".join(wrong) if wrong else "All as expected.")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
