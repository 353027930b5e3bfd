"""Make what others install from: `server.json` for the MCP registry, and the desktop bundle.

`python packaging/build.py` writes `server.json` and `manifest.json` beside this file, from the
settings that the code knows; `--check` writes nothing and fails where they are not current or break
a rule; `--bundle FILE.mcpb` packs the bundle.
"""

import argparse
import json
import re
import sys
import tomllib
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from crm_mcp.config import PREFIX
from crm_mcp.vendors import known_vendors, load_vendor_code

ROOT = Path(__file__).parents[1]
HERE = ROOT / "packaging"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
REGISTRY_SCHEMA = "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json"
PUBLISHER = "com.example/crm-mcp"
"""Whoever publishes puts their own namespace here: the registry asks for proof of it."""
MANIFEST_VERSION = "0.4"
MAX_REGISTRY_DESCRIPTION = 100
TUNING = ("rate", "concurrency", "max_attachment_url", "upload_hosts", "bindings")
"""Settings that nobody is asked for at first."""
GENERAL = {
    "mode": ("confirm", "confirm: a person approves each write; read_only: nothing is written."),
    "toolsets": ("default", "Which tools are listed: default, all, or patterns like cirrus.*"),
}
BUNDLED = ("crm_mcp", "tool_schemas", "pyproject.toml", "README.md", "LICENSE")

_NAME = re.compile(r"[a-z0-9.-]+\.[a-z0-9-]+/[A-Za-z0-9][A-Za-z0-9._-]*[A-Za-z0-9]")


def vendor_fields() -> Iterator[tuple[str, str, FieldInfo]]:
    """List the settings of every CRM: its title, the variable without prefix, and the field."""
    for vendor in known_vendors():
        code = load_vendor_code(vendor)
        for name, field in code.settings.model_fields.items():
            if name not in TUNING:
                yield code.title, f"{vendor}_{name}", field


def is_secret(field: FieldInfo) -> bool:
    """Tell whether a setting must be kept from view."""
    return "SecretStr" in str(field.annotation) or field.annotation is SecretStr


def server_json() -> dict[str, Any]:
    """Describe the server for the MCP registry."""
    variables: list[dict[str, Any]] = [
        {"name": f"{PREFIX}{name.upper()}", "description": text, "default": default}
        for name, (default, text) in GENERAL.items()
    ]
    for title, name, field in vendor_fields():
        told = f"{title}: {field.description}"
        variables.append(
            {
                "name": f"{PREFIX}{name.upper()}",
                "description": told,
                "isRequired": False,
                "isSecret": is_secret(field),
            }
        )
    return {
        "$schema": REGISTRY_SCHEMA,
        "name": PUBLISHER,
        "title": PROJECT["name"],
        "description": "Work in FIVE CRM, interact.io, Synergist, Cirrus 2; people approve writes.",
        "version": PROJECT["version"],
        "packages": [
            {
                "registryType": "pypi",
                "identifier": PROJECT["name"],
                "version": PROJECT["version"],
                "runtimeHint": "uvx",
                "transport": {"type": "stdio"},
                "packageArguments": [{"type": "positional", "value": "serve"}],
                "environmentVariables": variables,
            }
        ],
    }


def manifest() -> dict[str, Any]:
    """Describe the desktop bundle; what is left empty there leaves its CRM off."""
    config: dict[str, Any] = {
        name: {
            "type": "string",
            "title": name.capitalize(),
            "description": text,
            "default": default,
        }
        for name, (default, text) in GENERAL.items()
    }
    for title, name, field in vendor_fields():
        setting = name.partition("_")[2].replace("_", " ")
        asked = {"type": "string", "title": f"{title}: {setting}", "description": field.description}
        secret = {"sensitive": True} if is_secret(field) else {}
        config[name] = {**asked, **secret, "required": False, "default": ""}
    environment = {f"{PREFIX}{name.upper()}": f"${{user_config.{name}}}" for name in config}
    return {
        "manifest_version": MANIFEST_VERSION,
        "name": PROJECT["name"],
        "display_name": "CRM tools",
        "version": PROJECT["version"],
        "description": PROJECT["description"],
        "author": {"name": "The authors of crm-mcp"},
        "license": PROJECT["license"],
        "keywords": PROJECT["keywords"],
        "server": {
            "type": "uv",
            "entry_point": "crm_mcp/__main__.py",
            "mcp_config": {
                "command": "uv",
                "args": ["run", "--directory", "${__dirname}", "crm-mcp", "serve"],
                "env": environment,
            },
        },
        "tools_generated": True,
        "prompts_generated": True,
        "compatibility": {
            "platforms": ["darwin", "win32", "linux"],
            "runtimes": {"python": PROJECT["requires-python"]},
        },
        "user_config": config,
    }


FILES: dict[str, Callable[[], dict[str, Any]]] = {
    "server.json": server_json,
    "manifest.json": manifest,
}


def text_of(made: dict[str, Any]) -> str:
    """Write a file as it stands in the repository."""
    return json.dumps(made, indent=2, ensure_ascii=False) + "\n"


def problems(folder: Path = HERE) -> list[str]:
    """Say what is wrong with the two files in a folder, and what to do."""
    found = []
    for name, make in FILES.items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text_of(make()):
            found.append(f"{name} is not current: run python packaging/build.py")
    return found + registry_problems(server_json()) + manifest_problems(manifest())


def registry_problems(server: dict[str, Any]) -> list[str]:
    """Check what the registry asks of a server.json."""
    found = []
    if not _NAME.fullmatch(server["name"]):
        found.append(f"server.json: {server['name']!r} is no reversed domain, a slash and a name")
    if len(server["description"]) > MAX_REGISTRY_DESCRIPTION:
        found.append(f"server.json: the description may have {MAX_REGISTRY_DESCRIPTION} characters")
    for package in server["packages"]:
        if package["version"] != PROJECT["version"] or server["version"] != PROJECT["version"]:
            found.append(f"server.json: the version must be {PROJECT['version']} everywhere")
        found += [
            f"server.json: {variable['name']} is secret: take its default out"
            for variable in package["environmentVariables"]
            if variable.get("isSecret") and variable.get("default")
        ]
    return found


def manifest_problems(made: dict[str, Any]) -> list[str]:
    """Check what a desktop application asks of a manifest."""
    found = []
    if made["version"] != PROJECT["version"]:
        found.append(f"manifest.json: the version must be {PROJECT['version']}")
    if not (ROOT / made["server"]["entry_point"]).is_file():
        found.append(f"manifest.json: there is no {made['server']['entry_point']}")
    asked_for = {f"${{user_config.{name}}}" for name in made["user_config"]}
    found += [
        f"manifest.json: {variable} must be filled from user_config"
        for variable, value in made["server"]["mcp_config"]["env"].items()
        if value not in asked_for
    ]
    return found + [
        f"manifest.json: {name} is secret: take its default out"
        for name, asked in made["user_config"].items()
        if asked.get("sensitive") and asked.get("default")
    ]


def pack(target: Path) -> None:
    """Pack the bundle: the manifest and the sources; the application installs what they need."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as bundle:
        bundle.writestr("manifest.json", text_of(manifest()))
        for path in bundled():
            bundle.write(path, path.relative_to(ROOT).as_posix())


def bundled() -> Iterator[Path]:
    """List the files of the bundle, in a stable order."""
    for name in BUNDLED:
        path = ROOT / name
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        yield from (one for one in files if one.is_file() and "__pycache__" not in one.parts)


def main() -> None:
    """Write, check or pack."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail on a problem")
    parser.add_argument("--bundle", type=Path, metavar="FILE.mcpb", help="pack the bundle")
    given = parser.parse_args()
    if not given.check:
        for name, make in FILES.items():
            (HERE / name).write_text(text_of(make()), encoding="utf-8", newline="\n")
    if found := problems():
        sys.exit("\n".join(found))
    if given.bundle:
        pack(given.bundle)


if __name__ == "__main__":
    main()
