"""What others install from: the wheel, the desktop bundle, the registry's file, the container."""

import json
import os
import runpy
import subprocess
import sys
import sysconfig
import venv
import zipfile
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from crm_mcp.config import load_settings
from crm_mcp.loader import schemas_root
from crm_mcp.vendors import known_vendors

ROOT = Path(__file__).parents[1]
BUILD = runpy.run_path(str(ROOT / "packaging" / "build.py"))
SECONDS = 60


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel and unpack it into an environment without anything else of ours."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=SECONDS)  # noqa: S603 - our own words
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "env", with_pip=False)
    (packages,) = (folder / "env").rglob("site-packages")
    with zipfile.ZipFile(wheel) as unpacked:
        unpacked.extractall(packages)
    # What it depends on comes from here, behind it: a test installs nothing over a network.
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    return packages


def run(packages: Path, *arguments: str) -> str:
    """Run Python in that environment, from a folder where nothing of ours lies."""
    python = packages.parents[2] / "bin" / "python"
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    words = [str(python), *arguments]
    return subprocess.check_output(  # noqa: S603 - our own words
        words, cwd=packages.parents[2], env=kept, text=True, timeout=SECONDS
    )


def test_the_wheel_holds_every_operation_and_says_that_it_has_types(installed: Path) -> None:
    there = {path.name for path in (installed / "crm_mcp" / "tool_schemas").rglob("*.json")}

    assert there == {path.name for path in schemas_root().rglob("*.json")}
    assert (installed / "crm_mcp" / "py.typed").is_file()


@pytest.mark.skipif(sys.platform == "win32", reason="the folders of an environment differ there")
def test_an_installed_wheel_lists_its_tools_and_runs_the_demo(installed: Path) -> None:
    where = run(installed, "-c", "import crm_mcp; print(crm_mcp.__file__)")
    tools = json.loads(run(installed, "-m", "crm_mcp", "tools", "--json"))
    demo = run(installed, "-m", "crm_mcp", "demo")

    assert Path(where.strip()).is_relative_to(installed)
    assert len(tools) == len(list(schemas_root().glob("*/*/*.json")))
    assert "The chain holds" in demo


def test_the_files_for_the_registry_and_the_desktop_are_current_and_in_order() -> None:
    assert BUILD["problems"]() == []


def test_a_file_that_is_not_current_is_told_with_what_to_run(tmp_path: Path) -> None:
    found = BUILD["problems"](tmp_path)

    assert [line.partition(":")[0] for line in found] == [
        "server.json is not current",
        "manifest.json is not current",
    ]
    assert "packaging/build.py" in found[0]


def _set(made: dict[str, Any], *steps: Any) -> dict[str, Any]:
    *path, name, value = steps
    part: Any = made
    for step in path:
        part = part[step]
    part[name] = value
    return made


@pytest.mark.parametrize(
    ("checker", "maker", "change", "told"),
    [
        ("registry_problems", "server_json", ("name", "crm-mcp"), "no reversed domain"),
        ("registry_problems", "server_json", ("version", "9"), "the version must be"),
        ("registry_problems", "server_json", ("description", "x" * 101), "100 characters"),
        ("manifest_problems", "manifest", ("version", "9"), "the version must be"),
        ("manifest_problems", "manifest", ("server", "entry_point", "x.py"), "there is no x.py"),
        (
            "manifest_problems",
            "manifest",
            ("server", "mcp_config", "env", "CRM_MCP_FIVECRM_HASH", "abc"),
            "CRM_MCP_FIVECRM_HASH must be filled",
        ),
        (
            "manifest_problems",
            "manifest",
            ("user_config", "fivecrm_hash", "default", "abc"),
            "fivecrm_hash is secret",
        ),
    ],
)
def test_a_mistake_is_told(checker: str, maker: str, change: tuple[Any, ...], told: str) -> None:
    (problem,) = BUILD[checker](_set(deepcopy(BUILD[maker]()), *change))

    assert told in problem


def test_every_credential_is_asked_for_as_a_secret() -> None:
    server, manifest = BUILD["server_json"](), BUILD["manifest"]()
    variables = server["packages"][0]["environmentVariables"]
    secret = {one["name"].lower() for one in variables if one.get("isSecret")}
    asked = {
        f"crm_mcp_{name}" for name, one in manifest["user_config"].items() if one.get("sensitive")
    }

    assert secret == asked
    assert {name for name in secret if "password" in name} >= {"crm_mcp_interact_password"}
    words = ("hash", "password", "secret", "token")
    names = {f"crm_mcp_{name}" for name in manifest["user_config"]}
    named = {name for name in names if name.endswith(words)}
    assert named == secret


def test_what_is_left_empty_in_the_desktop_leaves_every_crm_off() -> None:
    manifest = BUILD["manifest"]()
    defaults = {
        variable: manifest["user_config"][place.removeprefix("${user_config.").rstrip("}")][
            "default"
        ]
        for variable, place in manifest["server"]["mcp_config"]["env"].items()
    }

    settings = load_settings(defaults)

    assert dict(settings.vendors) == {}
    assert settings.general.mode == "confirm"
    assert {name.split("_")[2].lower() for name in defaults} >= set(known_vendors())


def test_the_bundle_holds_what_it_names_and_no_compiled_file(tmp_path: Path) -> None:
    target = tmp_path / "crm.mcpb"

    BUILD["pack"](target)

    with zipfile.ZipFile(target) as bundle:
        names = set(bundle.namelist())
        manifest = json.loads(bundle.read("manifest.json"))
    assert {"pyproject.toml", manifest["server"]["entry_point"]} < names
    assert sum(name.startswith("tool_schemas/") for name in names) > len(known_vendors())
    assert [name for name in names if name.endswith(".pyc") or name.startswith("/")] == []


def test_the_container_copies_files_that_exist_and_runs_as_nobody_special() -> None:
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    copied = [word for line in lines if line.startswith("COPY ") for word in line.split()[1:-1]]
    taken = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()

    own = [word for word in copied if not word.startswith(("-", "/"))]
    assert [word for word in own if not (ROOT / word).exists()] == []
    assert [word for word in own if f"!{word}" not in taken] == []
    assert "USER crm" in lines
