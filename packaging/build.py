"""Builds what is published: wheel, source archive, desktop bundle; and checks the descriptions.

Run `build.py` to build into dist/, `build.py --check` to build and check and leave nothing behind,
`build.py --check FILE` to check a bundle that is there, and `build.py --write` after a change of
the settings or the version.
"""

import argparse
import hashlib
import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
# The descriptions are made from the settings of this checkout, whatever else is installed.
sys.path.insert(0, str(ROOT))

import rules  # noqa: E402 - finds the checkout by the line above
from declared import for_bundle, for_registry  # noqa: E402 - as above

from crm_mcp import __version__  # noqa: E402 - as above

SERVER = HERE / "server.json"
MANIFEST = HERE / "manifest.json"
ENTRY = HERE / "bundle" / "server.py"
# The same content makes the same file, whenever it is built.
BUILT_AT = (2020, 2, 2, 0, 0, 0)

BUNDLE_PROJECT = """\
[project]
name = "crm-mcp-bundle"
version = "{version}"
requires-python = "{python}"
dependencies = ["crm-mcp=={version}"]

[tool.uv]
package = false

[tool.uv.sources]
crm-mcp = {{ path = "{wheel}" }}
"""


@dataclass(frozen=True)
class Project:
    """What pyproject.toml says."""

    version: str
    python: str

    @classmethod
    def read(cls) -> Self:
        """Read it."""
        said = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        return cls(said["version"], said["requires-python"])

    @property
    def wheel(self) -> str:
        """The name of the wheel."""
        return f"crm_mcp-{self.version}-py3-none-any.whl"

    @property
    def bundle(self) -> str:
        """The name of the desktop bundle."""
        return f"crm-mcp-{self.version}.mcpb"


def completed_server(project: Project) -> dict[str, Any]:
    """Give `server.json` with everything that follows from the code."""
    server = read(SERVER)
    server["version"] = server["packages"][0]["version"] = project.version
    server["packages"][0]["environmentVariables"] = for_registry()
    return server


def completed_manifest(project: Project) -> dict[str, Any]:
    """Give the bundle's `manifest.json` with everything that follows from the code."""
    manifest = read(MANIFEST)
    fields, environment = for_bundle()
    manifest["version"] = project.version
    manifest["compatibility"]["runtimes"]["python"] = project.python
    manifest["user_config"] = fields
    manifest["server"]["mcp_config"]["env"] = environment
    return manifest


def read(path: Path) -> dict[str, Any]:
    """Read a description."""
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def as_text(description: dict[str, Any]) -> str:
    """Write a description the way that it is kept."""
    return json.dumps(description, ensure_ascii=False, indent=2) + "\n"


def build(folder: Path, project: Project) -> Path:
    """Build wheel, source archive, bundle and the complete `server.json`; gives the bundle."""
    folder.mkdir(parents=True, exist_ok=True)
    _run_hatchling(folder.resolve())
    texts = {
        "manifest.json": as_text(completed_manifest(project)),
        "pyproject.toml": BUNDLE_PROJECT.format(**vars(project), wheel=project.wheel),
        "src/server.py": ENTRY.read_text(encoding="utf-8"),
    }
    contents = {name: text.encode() for name, text in texts.items()}
    contents[project.wheel] = (folder / project.wheel).read_bytes()
    with ZipFile(folder / project.bundle, "w") as archive:
        for name, content in contents.items():
            archive.writestr(ZipInfo(name, BUILT_AT), content, ZIP_DEFLATED)
    (folder / "server.json").write_text(as_text(completed_server(project)), encoding="utf-8")
    return folder / project.bundle


def _run_hatchling(folder: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"the wheel was not built: {done.stderr.strip()}")


def findings(bundle: Path, project: Project) -> Iterator[str]:
    """List what is wrong with the descriptions of this checkout and with a bundle."""
    yield from rules.stale("crm_mcp.__version__", __version__, project.version)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    yield from rules.server(read(SERVER), completed_server(project), readme)
    yield from rules.stale("packaging/manifest.json", read(MANIFEST), completed_manifest(project))
    with ZipFile(bundle) as archive:
        yield from rules.bundle(archive, completed_manifest(project), project.wheel)


def write(project: Project) -> None:
    """Bring both descriptions up to date."""
    SERVER.write_text(as_text(completed_server(project)), encoding="utf-8")
    MANIFEST.write_text(as_text(completed_manifest(project)), encoding="utf-8")


def verdict(bundle: Path, project: Project) -> int:
    """Print what is wrong; gives the exit code."""
    found = list(findings(bundle, project))
    for finding in found:
        print(finding, file=sys.stderr)
    return 1 if found else 0


def main() -> int:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description="Build and check what is published.")
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="where to build")
    parser.add_argument("--check", nargs="?", const="", metavar="BUNDLE", help="build nothing")
    parser.add_argument("--write", action="store_true", help="update the two descriptions")
    given = parser.parse_args()
    project = Project.read()
    if given.write:
        write(project)
    if given.check:
        return verdict(Path(given.check), project)
    if given.check is not None:
        with TemporaryDirectory() as folder:
            return verdict(build(Path(folder), project), project)
    bundle = build(given.out, project)
    for path in sorted(given.out.iterdir()):
        print(hashlib.sha256(path.read_bytes()).hexdigest(), path.name)
    return verdict(bundle, project)


if __name__ == "__main__":
    sys.exit(main())
