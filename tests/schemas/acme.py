"""A made-up vendor whose few operation files keep every rule, for tests that break one."""

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import httpx

from crm_mcp.vendors.base import Reading, Reply, Vendor, VendorSettings, decode_json, http_failure

Files = dict[str, dict[str, Any]]
DOCUMENT = "acme-api.txt"
DOCUMENTED = "acme/_documented.json"
DELETED = object()
ID = {"type": "string", "description": "Id of the thing."}
NAME = {"type": "string", "description": "Name of the thing."}


class Acme(Vendor):
    """Answers in plain JSON."""

    id = "acme"
    title = "Acme"
    settings: ClassVar = VendorSettings
    everyday = ("things",)
    probe = "acme_things_list"

    def auth(self, _settings: Any) -> httpx.Auth:
        return httpx.Auth()

    def read(self, reply: Reply) -> Reading:
        if failure := http_failure(reply):
            raise failure
        return Reading(decode_json(reply))


def operation(name: str, effect: str, line: int, **parts: Any) -> dict[str, Any]:
    """Write an operation file's content with the parts that all have."""
    return {
        "name": name,
        "title": "Do something with things",
        "description": "Does something with the things of the made-up CRM.",
        "effect": effect,
        "source": {
            "document": DOCUMENT,
            "line": line,
            "section": f"{line}. Heading",
            "evidence": "documented",
        },
        "response": {"data": ""},
        **parts,
    }


def schema(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    """Write a closed input schema."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def example(arguments: Any, request: Any, result: Any, reply: Any = None) -> list[dict[str, Any]]:
    """Write the one golden example of an operation."""
    golden = {"title": "Sample", "arguments": arguments, "request": request, "result": result}
    return [golden | {"reply": {"json": {"id": "7"}} if reply is None else reply}]


_THINGS_LIST = operation(
    "acme_things_list",
    "read",
    1,
    inputSchema=schema(
        {
            "page": {"type": "integer", "description": "Page, from 1."},
            "size": {"type": "integer", "description": "Things a page."},
            "tags": {"type": "array", "items": {"type": "string"}, "description": "Marks."},
        }
    ),
    request={"method": "GET", "path": "/things", "arrays": {"tags": "repeat"}},
    pagination={"style": "page", "position": "page", "size": "size"},
    examples=example(
        {"page": 1, "tags": ["a", "b"]},
        {"method": "GET", "path": "/things", "query": {"page": "1", "tags": ["a", "b"]}},
        {"data": ["thing"], "page": {"returned": 1, "more": True, "next": {}}},
        {"json": ["thing"], "headers": {"Content-Type": "application/json"}},
    ),
)
_THINGS_LIST["examples"][0]["result"]["page"]["next"] = {"page": 2, "tags": ["a", "b"]}
_THINGS_GET = operation(
    "acme_things_get",
    "read",
    2,
    inputSchema=schema({"id": ID}, "id"),
    request={"method": "GET", "path": "/things/{id}"},
    examples=example(
        {"id": "7"},
        {"method": "GET", "path": "/things/7"},
        {"error": "not_found", "message": "The CRM answered with HTTP 404.", "vendor_code": "404"},
        {"status": 404, "text": "no such thing"},
    ),
)
_THINGS_UPDATE = operation(
    "acme_things_update",
    "update",
    3,
    inputSchema=schema({"id": ID, "name": NAME}, "id"),
    request={
        "method": "PUT",
        "path": "/things/{id}",
        "const": {"query:cmd": "rename"},
        "args_in": "json",
        "bind": {"id": ["path", "json#/id"]},
    },
    before={"tool": "acme_things_get", "arguments": {"id": "/id"}},
    undo={"kind": "exact", "tool": "acme_things_update"},
    confirm="Change the thing {id}.",
    examples=example(
        {"id": "7", "name": "Lid"},
        {
            "method": "PUT",
            "path": "/things/7",
            "query": {"cmd": "rename"},
            "json": {"id": "7", "name": "Lid"},
        },
        {"data": {"id": "7"}, "status": "done"},
    ),
)
_THINGS_IMPORT = operation(
    "acme_things_import_many",
    "create",
    4,
    traits=["bulk"],
    inputSchema=schema(
        {
            "things": {
                "type": "array",
                "maxItems": 25,
                "description": "What to import.",
                "items": {
                    "type": "object",
                    "properties": {"name": NAME, "size": {"type": "object", "description": "Any."}},
                    "required": ["name"],
                },
            }
        },
        "things",
    ),
    request={"method": "POST", "path": "/things", "args_in": "form"},
    undo={"kind": "partial", "stays": "the numbers stay used"},
    confirm="Add {things} things.",
    examples=example(
        {"things": [{"name": "Lid"}]},
        {"method": "POST", "path": "/things", "form": {"things[0][name]": "Lid"}},
        {"error": "unknown_outcome", "message": "", "hint": "", "status": "unknown"},
        {"status": 503, "text": ""},
    ),
)
_THINGS_IMPORT["examples"][0]["result"] |= {
    "message": "The CRM answered with HTTP 503. Whether the change was made is not known.",
    "hint": "Look in the CRM whether the change is there before anybody repeats it; "
    "it has not been and will not be sent again by itself.",
    "vendor_code": "503",
}
_SESSION_OPEN = operation(
    "acme_session_open",
    "action",
    5,
    traits=["session"],
    inputSchema=schema({}),
    request={"method": "POST", "path": "/session"},
    examples=example({}, {"method": "POST", "path": "/session"}, {"data": None, "status": "done"}),
)
_SESSION_OPEN["examples"][0]["reply"] = {"text": "null"}

_GOOD: tuple[tuple[str, dict[str, Any]], ...] = (
    ("acme/things/acme_things_list.json", _THINGS_LIST),
    ("acme/things/acme_things_get.json", _THINGS_GET),
    ("acme/things/acme_things_update.json", _THINGS_UPDATE),
    ("acme/things/acme_things_import_many.json", _THINGS_IMPORT),
    ("acme/session/acme_session_open.json", _SESSION_OPEN),
)
LIST, GET, UPDATE, IMPORT, SESSION = (file for file, _ in _GOOD)


def good_files() -> Files:
    """Copy the files that keep every rule, with the list of their headings."""
    return with_headings({file: copy.deepcopy(content) for file, content in _GOOD})


def with_headings(files: Files) -> Files:
    """Add the `_documented.json` that lists the headings of these operation files."""
    headings = [
        {
            "line": content["source"]["line"],
            "section": content["source"]["section"],
            "operation": content["name"],
        }
        for file, content in files.items()
        if file != DOCUMENTED
    ]
    return files | {DOCUMENTED: {"documents": {DOCUMENT: headings}}}


def change(content: Any, pointer: str, value: Any) -> None:
    """Set the value at a JSON pointer, or take it away."""
    *way, last = pointer.split("/")[1:]
    for step in way:
        content = content[int(step) if isinstance(content, list) else step]
    if value is DELETED:
        del content[last]
    else:
        content[int(last) if isinstance(content, list) else last] = value


def write(root: Path, files: Mapping[str, Any]) -> None:
    """Write files below a root; a text is written as it is."""
    for file, content in files.items():
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        text = content if isinstance(content, str) else json.dumps(content)
        path.write_text(text, encoding="utf-8")
