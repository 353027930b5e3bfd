"""What is published works where nothing of this checkout is: wheel, bundle, container."""

import json
import os
import re
import subprocess
import sys
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import anyio
import pytest
from mcp import Client, StdioServerParameters

ROOT = Path(__file__).parents[1]
BUILD = ROOT / "packaging" / "build.py"
OPERATIONS = {path.stem for path in (ROOT / "tool_schemas").glob("*/*/*.json")}
SECONDS = 60
SANDBOX = "CRM_BUNDLE_SANDBOX"


def run(
    *command: str | Path, cwd: Path = ROOT, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, *map(str, command)]
    return subprocess.run(  # noqa: S603 - our own interpreter and scripts
        words, cwd=cwd, env=env, capture_output=True, text=True, timeout=SECONDS, check=False
    )


def sources(*folders: str) -> set[str]:
    """List what belongs into an archive of the source."""
    found = (path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file())
    return {path.relative_to(ROOT).as_posix() for path in found if path.suffix != ".pyc"}


@dataclass(frozen=True)
class Built:
    """What the script has built, each with its path."""

    wheel: Path
    source: Path
    bundle: Path


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Build everything once."""
    folder = tmp_path_factory.mktemp("built")
    done = run(BUILD, "--out", folder)
    assert (done.returncode, done.stderr) == (0, "")
    wheel, source, bundle = (next(folder.glob(f"*.{kind}")) for kind in ("whl", "tar.gz", "mcpb"))
    return Built(wheel, source, bundle)


@dataclass(frozen=True)
class Installed:
    """An installation of the wheel, with nothing else of ours to be found."""

    folder: Path
    environment: dict[str, str]

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        script = self.folder / "bin" / "crm-mcp"
        return run("-P", script, *words, cwd=self.folder, env=self.environment)


@pytest.fixture(scope="session")
def installed(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Install the wheel into an empty folder, which stands before everything else."""
    folder = tmp_path_factory.mktemp("installed")
    offline = ("--no-deps", "--no-index", "--no-compile", "--disable-pip-version-check")
    done = run("-m", "pip", "install", *offline, "--target", folder, built.wheel)
    assert done.returncode == 0, done.stderr
    home = str(tmp_path_factory.mktemp("home"))
    # Nothing else of the environment: neither settings nor the measuring of this checkout's lines.
    return Installed(folder, {"PATH": os.environ["PATH"], "HOME": home, "PYTHONPATH": str(folder)})


def test_the_wheel_holds_the_whole_package_and_all_operation_files(built: Built) -> None:
    with ZipFile(built.wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}

    operations = {f"crm_mcp/{name}" for name in sources("tool_schemas")}
    assert names == sources("crm_mcp") | operations
    assert "crm_mcp/py.typed" in names
    assert len([name for name in operations if Path(name).stem in OPERATIONS]) == len(OPERATIONS)


def test_the_same_wheel_is_built_from_the_source_archive(built: Built, tmp_path: Path) -> None:
    with tarfile.open(built.source) as archive:
        archive.extractall(tmp_path, filter="data")
    (unpacked,) = tmp_path.iterdir()

    done = run("-m", "hatchling", "build", "-t", "wheel", cwd=unpacked)

    assert done.returncode == 0, done.stderr
    wheel = unpacked / "dist" / built.wheel.name
    assert wheel.read_bytes() == built.wheel.read_bytes()
    assert (unpacked / "packaging" / "build.py").is_file()


def test_the_installed_command_lists_every_operation(installed: Installed) -> None:
    done = installed.command("tools", "--json")

    assert done.returncode == 0, done.stderr
    assert {fact["name"] for fact in json.loads(done.stdout)} == OPERATIONS


def test_the_installed_package_takes_nothing_from_the_checkout(installed: Installed) -> None:
    told = "import crm_mcp.loader as l; print(l.__file__, l.schemas_root())"

    done = run("-P", "-c", told, cwd=installed.folder, env=installed.environment)

    module, schemas = done.stdout.split()
    package = installed.folder / "crm_mcp"
    assert (Path(module), Path(schemas)) == (package / "loader.py", package / "tool_schemas")


def test_the_installed_demo_runs(installed: Installed) -> None:
    done = installed.command("demo")

    assert done.returncode == 0, done.stderr
    assert "lines, as they were written" in done.stdout


def test_the_bundle_serves_although_most_fields_were_left_empty(
    built: Built, installed: Installed, tmp_path: Path
) -> None:
    with ZipFile(built.bundle) as archive:
        archive.extractall(tmp_path)  # noqa: S202 - we built it a moment ago
    manifest = json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))
    server = manifest["server"]
    # Desktop programs hand on the placeholder itself where a field was left empty.
    environment = {**server["mcp_config"]["env"], **installed.environment, SANDBOX: "true"}
    script = str(tmp_path / server["entry_point"])

    async def listed() -> list[str]:
        parameters = StdioServerParameters(
            command=sys.executable, args=["-P", script], env=environment
        )
        with anyio.fail_after(SECONDS):
            async with Client(parameters) as client:
                return [tool.name for tool in (await client.list_tools()).tools]

    assert "fivecrm_areas_list" in anyio.run(listed)


# What breaks a bundle, with the sentences that tell of it.


def _alter(manifest: dict[str, Any], files: dict[str, bytes]) -> None:
    environment = manifest["server"]["mcp_config"]["env"]
    environment["CRM_MCP_FIVECRM_HUSH"] = "${user_config.fivecrm_hash}"
    environment["CRM_MCP_MODE"] = "unattended"
    manifest["user_config"]["fivecrm_hash"] |= {"sensitive": False, "default": "made-up"}
    manifest["version"] = "9.9.9"
    files["crm.env"] = b"CRM_MCP_FIVECRM_HASH=made-up"
    del files["src/server.py"]


def _behead(manifest: dict[str, Any], files: dict[str, bytes]) -> None:
    del manifest["author"]
    assert files


ALTERED = """\
the bundle lacks src/server.py, which it needs
the bundle holds crm.env, which nothing there needs; take it out
manifest.json: user_config: mode: no variable takes it
manifest.json: env: CRM_MCP_MODE: must come from a field, and hold no value itself
manifest.json: user_config: fivecrm_hash: is a secret; it must say sensitive: true
manifest.json: user_config: fivecrm_hash: is a secret; it must have no default
manifest.json: version: is "9.9.9" and must be "{version}"
manifest.json: server: mcp_config: env: CRM_MCP_FIVECRM_HUSH: the code knows no such thing; \
take it out, or run build.py --write
manifest.json: server: mcp_config: env: CRM_MCP_MODE: is "unattended" and must be \
"${{user_config.mode}}"
manifest.json: user_config: fivecrm_hash: default: the code knows no such thing; \
take it out, or run build.py --write
manifest.json: user_config: fivecrm_hash: sensitive: is false and must be true
"""


@pytest.mark.parametrize(
    ("alter", "told"), [(_alter, ALTERED), (_behead, "manifest.json: author: must be there\n")]
)
def test_a_bundle_that_breaks_the_rules_is_refused_in_sentences(
    alter: Callable[[dict[str, Any], dict[str, bytes]], None],
    told: str,
    built: Built,
    tmp_path: Path,
) -> None:
    with ZipFile(built.bundle) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(files["manifest.json"])
    version = manifest["version"]
    alter(manifest, files)
    altered = tmp_path / "altered.mcpb"
    files["manifest.json"] = json.dumps(manifest).encode()
    with ZipFile(altered, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)

    done = run(BUILD, "--check", altered)

    assert (done.returncode, done.stderr) == (1, told.format(version=version))


def test_the_container_is_made_of_files_that_are_there_and_not_ignored() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    ignored, *sent = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()

    copied = [
        name for line in re.findall(r"^COPY (.+) \S+$", text, re.MULTILINE) for name in line.split()
    ]

    assert ignored == "*"
    assert {f"!{name}" for name in copied} == {name for name in sent if name.startswith("!")}
    assert all((ROOT / name).exists() for name in copied)


def test_the_container_runs_as_nobody_special_on_a_named_version_of_python() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")

    assert set(re.findall(r"^FROM (\S+)", text, re.MULTILINE)) == {"python:3.13-slim"}
    assert re.search(r"^USER 10001:10001\n(?!.*^USER)", text, re.MULTILINE | re.DOTALL)
    assert 'ENTRYPOINT ["crm-mcp"]' in text
