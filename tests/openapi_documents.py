"""Vendors' documents, made from our own catalogue: what a vendor would publish of these operations.

Paths are renamed throughout, and operationIds are written as Flask-RESTX writes them, from the
method and the class that answers: `post_account_list_api`, `get_account_api`. A heading that is
itself such an id is what a page prints where there is no summary; Cirrus' own end in `_item` and
`_collection`.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import yaml

from crm_mcp.bind import parse_target, targets
from crm_mcp.operation import Operation

Tree = dict[str, Any]
BASE = "/rest/2"
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True)
class Given:
    """One operation as a document is to tell it; parameters as (place, name) → required."""

    tool: str
    method: str
    path: str
    operation_id: str
    summary: str
    tag: str
    parameters: Mapping[tuple[str, str], bool] = field(default_factory=dict)
    free_body: bool = False

    def changed(self, **changes: Any) -> "Given":
        return replace(self, **changes)


def renamed(path: str) -> str:
    """Write a path as another team might: other words, other placeholders, a version."""
    steps = [
        f"{{p_{step[1:-1]}}}" if step.startswith("{") else f"x-{step[::-1]}"
        for step in path.split("/")[1:]
    ]
    return "/v9/" + "/".join(steps)


def kept(path: str) -> str:
    return path


LISTS = ("_list_api", "_api")
COLLECTIONS = ("_collection", "_item")


def given(
    operations: Iterable[Operation],
    path: Callable[[str], str] = renamed,
    endings: tuple[str, str] = LISTS,
) -> list[Given]:
    """Describe operations; what only listens stands in no such document."""
    ours = [operation for operation in operations if operation.request.method != "WS"]
    made = [_given(operation, path, endings) for operation in ours]
    counts = Counter((one.method, one.path) for one in made)
    # A document has one operation for a method and a path; ours may share one by its constants.
    return [
        one if counts[one.method, one.path] == 1 else one.changed(path=f"{one.path}/{one.tool}")
        for one in made
    ]


def _given(operation: Operation, path: Callable[[str], str], endings: tuple[str, str]) -> Given:
    request, new_path = operation.request, path(operation.request.path)
    parameters: dict[tuple[str, str], bool] = {}
    required = operation.input_schema.get("required", ())
    named = dict(
        zip(_PLACEHOLDER.findall(request.path), _PLACEHOLDER.findall(new_path), strict=True)
    )
    free = False
    for name in operation.properties:
        for target in targets(operation, name):
            place, wire, whole = _wire(target, name)
            free |= whole
            if place == "path":
                parameters["path", named[name]] = True
            elif place and not whole:
                parameters[place, wire] = name in required
    for target in request.const:
        place, wire, _ = _wire(target, "")
        parameters[place, wire] = True
    is_id = "_" in operation.source.section
    return Given(
        operation.name,
        request.method,
        new_path,
        operation.source.section if is_id else _operation_id(operation, endings),
        "" if is_id else operation.source.section,
        operation.toolset,
        parameters,
        free and not any(place == "body" for place, _ in parameters),
    )


def _wire(target: str, argument: str) -> tuple[str, str, bool]:
    place = parse_target(target)
    if place.part == "local":
        return "", "", False
    if place.part == "json":
        return "body", place.pointer[0] if place.pointer else "", not place.pointer
    return place.part, place.name or argument, False


def _operation_id(operation: Operation, endings: tuple[str, str]) -> str:
    path = operation.request.path
    words = [_singular(word) for step in path.split("/") for word in re.findall(r"\w+", step)]
    nouns = "_".join(word for word in words if f"{{{word}" not in path)
    return f"{operation.request.method.lower()}_{nouns}{endings[path.endswith('}')]}"


def _singular(word: str) -> str:
    word = word.lower()
    return f"{word[:-3]}y" if word.endswith("ies") else word.removesuffix("s")


def swagger_2(operations: Sequence[Given]) -> Tree:
    """Write Swagger 2.0, with bodies as models that are referred to."""
    tree: Tree = {"swagger": "2.0", "info": {"title": "CRM", "version": "1"}, "basePath": BASE}
    definitions: Tree = {}
    paths: Tree = {}
    for one in operations:
        said = _said(one)
        parameters: list[Any] = [_parameter_2(*key, one) for key in one.parameters if _plain(key)]
        if schema := _body(one):
            definitions[one.tool] = schema
            reference = {"$ref": f"#/definitions/{one.tool}"}
            parameters.append({"in": "body", "name": "payload", "schema": reference})
        paths.setdefault(one.path, {})[one.method.lower()] = said | {"parameters": parameters}
    token = {"in": "header", "name": "X-Secret-Token", "type": "string", "required": True}
    for item in paths.values():
        item["parameters"] = [token]
    return tree | {"paths": paths, "definitions": definitions}


def openapi_3(operations: Sequence[Given], version: str = "3.0.3") -> Tree:
    """Write OpenAPI 3, with bodies put together by allOf."""
    tree: Tree = {"openapi": version, "info": {"title": "CRM", "version": "1"}}
    schemas: Tree = {}
    paths: Tree = {}
    for one in operations:
        said = _said(one)
        said["parameters"] = [
            {"in": place, "name": name, "required": needed, "schema": {"type": "string"}}
            for (place, name), needed in one.parameters.items()
            if place not in ("body", "form")
        ]
        if schema := _body(one):
            schemas[one.tool] = schema
            schema = {"allOf": [{"$ref": f"#/components/schemas/{one.tool}"}]}
            said["requestBody"] = {"content": {"application/json": {"schema": schema}}}
        elif form := _fields(one, "form"):
            content = {"application/x-www-form-urlencoded": {"schema": form}}
            said["requestBody"] = {"content": content}
        paths.setdefault(one.path, {})[one.method.lower()] = said
    servers = [{"url": f"https://crm.example.com{BASE}/"}]
    return tree | {"servers": servers, "paths": paths, "components": {"schemas": schemas}}


def as_json(tree: Tree) -> str:
    return json.dumps(tree, indent=1)


def as_yaml(tree: Tree) -> str:
    """Write YAML with anchors and aliases where a value stands twice, as PyYAML does."""
    return yaml.safe_dump(tree, sort_keys=False)


def _said(one: Given) -> Tree:
    said = {"operationId": one.operation_id, "summary": one.summary, "tags": [one.tag]}
    return {key: value for key, value in said.items() if value not in ("", [""])}


def _plain(key: tuple[str, str]) -> bool:
    return key[0] != "body"


def _parameter_2(place: str, name: str, one: Given) -> Tree:
    where = "formData" if place == "form" else place
    return {"in": where, "name": name, "type": "string", "required": one.parameters[place, name]}


def _body(one: Given) -> Tree | None:
    return {"type": "object"} if one.free_body else _fields(one, "body")


def _fields(one: Given, place: str) -> Tree | None:
    fields = {name: needed for (where, name), needed in one.parameters.items() if where == place}
    if not fields:
        return None
    required = [name for name, needed in fields.items() if needed]
    properties = {name: {"type": "string"} for name in fields}
    return {"type": "object", "required": required, "properties": properties}
