"""The rules that the published descriptions keep; each broken one is a sentence.

The formats are those of the MCP registry (`server.json`, schema of 2025-12-11) and of MCP bundles
(`manifest.json`, version 0.4).
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from zipfile import ZipFile

PLACEHOLDER = "com.example/"
LONGEST_DESCRIPTION = 100
REQUIRED = ("manifest_version", "name", "version", "description", "author", "server")
FORMAT = "0.4"

_NAME = re.compile(r"[a-zA-Z0-9.-]+/[a-zA-Z0-9._-]+")
_OWN_PATH = re.compile(r"\$\{__dirname\}/(.+)")


def server(found: dict[str, Any], expected: dict[str, Any], readme: str) -> Iterator[str]:
    """Check `server.json` as it stands in the repository."""
    place = "packaging/server.json"
    name = str(found.get("name"))
    if not _NAME.fullmatch(name):
        yield f"{place}: name: {name} is not a namespace, one slash, and a name"
    elif not name.startswith(PLACEHOLDER) and f"mcp-name: {name}" not in readme:
        yield f"{place}: name: the registry looks for `mcp-name: {name}` in the README; add it"
    if not 1 <= len(found.get("description", "")) <= LONGEST_DESCRIPTION:
        yield f"{place}: description: must have 1 to {LONGEST_DESCRIPTION} characters"
    yield from stale(place, found, expected)


def bundle(archive: ZipFile, expected: dict[str, Any], wheel: str) -> Iterator[str]:
    """Check a bundle: its manifest, and that everything it needs is in it, and no more."""
    names = set(archive.namelist())
    if "manifest.json" not in names:
        yield "the bundle has no manifest.json"
        return
    manifest = json.loads(archive.read("manifest.json"))
    missing = [key for key in REQUIRED if not manifest.get(key)]
    if missing:
        yield from (f"manifest.json: {key}: must be there" for key in missing)
        return
    yield from _paths(manifest, names, wheel)
    yield from _references(manifest)
    yield from _secrets(manifest, expected)
    yield from stale("manifest.json", manifest, expected)


def stale(place: str, found: Any, expected: Any) -> Iterator[str]:
    """Compare a description with what follows from the code, down to the value that differs."""
    if isinstance(found, dict) and isinstance(expected, dict):
        yield from _keys(place, found, expected)
    elif _is_named_list(found) and _is_named_list(expected):
        yield from _keys(place, _by_name(found), _by_name(expected))
    elif isinstance(found, list) and isinstance(expected, list) and len(found) == len(expected):
        for number, (one, other) in enumerate(zip(found, expected, strict=True)):
            yield from stale(f"{place}: {number}", one, other)
    elif found != expected:
        yield f"{place}: is {_shown(found)} and must be {_shown(expected)}"


def _keys(place: str, found: Mapping[str, Any], expected: Mapping[str, Any]) -> Iterator[str]:
    for key in sorted(found.keys() - expected.keys()):
        yield f"{place}: {key}: the code knows no such thing; take it out, or run build.py --write"
    for key in sorted(expected.keys() - found.keys()):
        yield f"{place}: {key}: is missing; run build.py --write"
    for key in found:
        if key in expected:
            yield from stale(f"{place}: {key}", found[key], expected[key])


def _is_named_list(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(v, dict) and "name" in v for v in value)


def _by_name(entries: list[dict[str, Any]]) -> dict[str, Any]:
    return {entry["name"]: entry for entry in entries}


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _paths(manifest: dict[str, Any], names: set[str], wheel: str) -> Iterator[str]:
    """Find files that are named and not there, or there for nothing: those may hold a secret."""
    configuration = manifest["server"].get("mcp_config", {})
    arguments = [*configuration.get("args", ())]
    own = {path[1] for argument in arguments if (path := _OWN_PATH.fullmatch(argument))}
    scripts = {argument for argument in arguments if argument.endswith(".py")}
    entry = str(manifest["server"].get("entry_point"))
    needed = {entry, "manifest.json", "pyproject.toml", wheel} | own | (scripts - own)
    for name in sorted(needed - names):
        yield f"the bundle lacks {name}, which it needs"
    for name in sorted(names - needed):
        yield f"the bundle holds {name}, which nothing there needs; take it out"


def _references(manifest: dict[str, Any]) -> Iterator[str]:
    """Find variables that come from no field, and fields that nothing uses."""
    environment = manifest["server"].get("mcp_config", {}).get("env", {})
    used = set(re.findall(r"\$\{user_config\.(\w+)\}", _shown(manifest["server"])))
    fields = set(manifest.get("user_config", {}))
    for key in sorted(used - fields):
        yield f"manifest.json: server: user_config.{key} is no field; add it to user_config"
    for key in sorted(fields - used):
        yield f"manifest.json: user_config: {key}: no variable takes it"
    for name, value in environment.items():
        if not re.fullmatch(r"\$\{user_config\.\w+\}", value):
            yield f"manifest.json: env: {name}: must come from a field, and hold no value itself"


def _secrets(manifest: dict[str, Any], expected: dict[str, Any]) -> Iterator[str]:
    """Find secrets that are not kept as such, or come with a value."""
    for key, field in manifest.get("user_config", {}).items():
        secret = expected["user_config"].get(key, {}).get("sensitive", False)
        if secret and not field.get("sensitive"):
            yield f"manifest.json: user_config: {key}: is a secret; it must say sensitive: true"
        if secret and "default" in field:
            yield f"manifest.json: user_config: {key}: is a secret; it must have no default"
