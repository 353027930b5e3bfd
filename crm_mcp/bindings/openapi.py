"""A vendor's OpenAPI or Swagger document becomes a list of operations. Pure.

Of a document only what tells operations apart is read: method, path, operationId, summary, tags,
and the names of parameters and of the body's fields. Swagger 2.0, OpenAPI 3.0 and 3.1.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args
from urllib.parse import unquote, urlsplit

from crm_mcp import pointer
from crm_mcp.errors import DocumentError

Where = Literal["path", "query", "header", "body", "form"]
MAX_OPERATIONS = 2_000
METHODS = ("get", "post", "put", "patch", "delete")
_VERSIONS = re.compile(r"(swagger) (2)\.0|(openapi) (3)\.[01](\.\d+)?")
_PATH = re.compile(r"/([A-Za-z0-9._~!$&'()*+,;=:@/-]|\{\})*")
_PLACEHOLDER = re.compile(r"\{[^{}/]*\}")
_PLACES = {"formData": "form"}
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
# The specification itself says that these are not described as parameters.
_NOT_PARAMETERS = ("accept", "content-type", "authorization")


@dataclass(frozen=True)
class Parameter:
    """Something that a request carries: its place, its name there, whether it must be given."""

    place: Where
    name: str
    required: bool = False


@dataclass(frozen=True)
class Described:
    """One operation as the document describes it; `free_body` says that its fields are unknown."""

    method: str
    path: str
    operation_id: str = ""
    summary: str = ""
    tags: tuple[str, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    free_body: bool = False

    @property
    def label(self) -> str:
        """Method and path."""
        return f"{self.method} {self.path}"


@dataclass(frozen=True)
class Document:
    """What a document says: its format, the address its paths lie below, and its operations."""

    version: str
    base: str
    operations: tuple[Described, ...]
    notes: tuple[str, ...] = ()


@dataclass
class _Body:
    """The fields of a body while its schemas are walked."""

    fields: dict[str, bool] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    free: bool = False


def read_openapi(tree: Any) -> Document:
    """Read the operations of a document, in its order.

    Raises:
        DocumentError: it is no such document, refers to something outside or to nothing, or runs
            in a circle; names the place.
    """
    return _Reader(tree).document()


class _Reader:
    """Reads one document; keeps its root, which references lead into."""

    def __init__(self, tree: Any) -> None:
        self._tree = tree
        self._notes: list[str] = []

    def document(self) -> Document:
        version = _version(self._tree)
        paths = _object(self._tree.get("paths", {}), "/paths")
        found: list[Described] = []
        for path, item in paths.items():
            if not path.startswith("x-"):
                found += self._of_path(path, item)
            if len(found) > MAX_OPERATIONS:
                raise DocumentError(f"the document has more than {MAX_OPERATIONS} operations")
        if not found:
            raise DocumentError("the document describes no operation: it may be another one")
        return Document(version, _base(self._tree), tuple(found), tuple(self._notes))

    def _of_path(self, path: str, item: Any) -> Iterator[Described]:
        where = f"/paths/{pointer.escape(path)}"
        item = self._resolved(item, where)
        own_address = "servers" in item
        for method in METHODS:
            if method not in item:
                continue
            operation = _object(item[method], f"{where}/{method}")
            label = f"{method.upper()} {path}"
            if not is_plain(path):
                self._notes.append(f"{label} is left out: its path is more than a path")
            elif own_address or "servers" in operation:
                self._notes.append(f"{label} is left out: it has an address of its own")
            else:
                yield self._operation(method, path, item, f"{where}/{method}")

    def _operation(self, method: str, path: str, item: Mapping[str, Any], where: str) -> Described:
        said = item[method]
        shared = self._parameters(item.get("parameters"), where.rpartition("/")[0])
        own = self._parameters(said.get("parameters"), where)
        both = {(one["in"], one["name"]): one for one in (*shared, *own)}
        body = _Body()
        parameters = [found for one in both.values() if (found := _parameter(one))]
        for one in both.values():
            if one["in"] == "body":
                self._schema(one.get("schema", {}), body, where, all_of=True)
        place = self._request_body(said.get("requestBody"), body, f"{where}/requestBody")
        parameters += [Parameter(place, name, needed) for name, needed in body.fields.items()]
        return Described(
            method=method.upper(),
            path=path,
            operation_id=_text(said.get("operationId")),
            summary=_summary(said),
            tags=tuple(map(_text, _list(said.get("tags"), f"{where}/tags"))),
            parameters=tuple(parameters),
            free_body=body.free and not body.fields,
        )

    def _parameters(self, said: Any, where: str) -> list[Mapping[str, Any]]:
        where = f"{where}/parameters"
        found = [
            self._resolved(one, f"{where}/{number}")
            for number, one in enumerate(_list(said, where))
        ]
        for number, one in enumerate(found):
            if not isinstance(one.get("in"), str) or not isinstance(one.get("name"), str):
                raise DocumentError(f"{where}/{number}: a parameter says its name and in")
        return found

    def _request_body(self, said: Any, body: _Body, where: str) -> Where:
        if said is None:
            return "body"
        content = _object(self._resolved(said, where).get("content", {}), f"{where}/content")
        kinds = sorted(content, key=lambda kind: "json" not in kind)  # JSON first, if offered
        if not kinds:
            return "body"
        media = _object(content[kinds[0]], f"{where}/content/{pointer.escape(kinds[0])}")
        self._schema(media.get("schema", {}), body, f"{where}/schema", all_of=True)
        return "form" if kinds[0].partition(";")[0] in _FORMS else "body"

    def _schema(self, said: Any, body: _Body, where: str, *, all_of: bool) -> None:
        """Collect the fields of a schema; each referred schema once, so that no circle is run."""
        if isinstance(said, Mapping) and isinstance(said.get("$ref"), str):
            if said["$ref"] in body.seen:
                return
            body.seen.add(said["$ref"])
        schema = self._resolved(said, where)
        properties = _object(schema.get("properties", {}), f"{where}/properties")
        required = _list(schema.get("required"), where) if all_of else ()
        for name, one in properties.items():
            one = self._resolved(one, f"{where}/properties/{pointer.escape(name)}")  # noqa: PLW2901
            if one.get("readOnly") is not True:
                needed = name in required and "default" not in one
                body.fields[name] = body.fields.get(name, False) or needed
        for key in ("allOf", "oneOf", "anyOf"):
            for number, part in enumerate(_list(schema.get(key), f"{where}/{key}")):
                whole = all_of and key == "allOf"
                self._schema(part, body, f"{where}/{key}/{number}", all_of=whole)
        body.free = body.free or not properties

    def _resolved(self, node: Any, where: str) -> Mapping[str, Any]:
        """Follow references to the object that they mean, within this document only."""
        trail: list[str] = []
        while isinstance(node, Mapping) and isinstance(node.get("$ref"), str):
            reference = node["$ref"]
            if not reference.startswith("#"):
                raise DocumentError(
                    f"{where}: refers to {reference[:80]!r} outside this file; nothing is fetched: "
                    "give a document in one piece"
                )
            if reference in trail:
                raise DocumentError(f"{where}: the reference {reference[:80]!r} runs in a circle")
            trail.append(reference)
            try:
                node = pointer.find(self._tree, unquote(reference[1:]))
            except LookupError:
                raise DocumentError(f"{where}: {reference[:80]!r} refers to nothing") from None
        return _object({} if node is True else node, where)  # true: a schema that allows anything


def _version(tree: Any) -> str:
    if not isinstance(tree, Mapping):
        raise DocumentError("this is no OpenAPI or Swagger document: it is not even an object")
    for key in ("swagger", "openapi"):
        version = f"{key} {tree.get(key)}"
        if _VERSIONS.fullmatch(version):
            return version
    said = [f"{key} {_text(tree[key])[:20]}" for key in ("swagger", "openapi") if key in tree]
    raise DocumentError(
        "this is no document that can be read here: it must say swagger 2.0, openapi 3.0 or "
        f"openapi 3.1, and says {said[0] if said else 'none of them'}"
    )


def _base(tree: Mapping[str, Any]) -> str:
    """Say the address that all paths lie below, as far as the document does."""
    servers = _list(tree.get("servers"), "/servers")
    if servers:
        return _text(_object(servers[0], "/servers/0").get("url")).rstrip("/")
    path = _text(tree.get("basePath")).rstrip("/")
    host = _text(tree.get("host"))
    schemes = [one for one in _list(tree.get("schemes"), "/schemes") if isinstance(one, str)]
    scheme = "https" if "https" in schemes or not schemes else schemes[0]
    return f"{scheme}://{host}{path}" if host else path


def is_plain(path: str) -> bool:
    """Tell whether a template is a path and nothing more, that stays below its address."""
    bare = _PLACEHOLDER.sub("{}", path)
    steps = bare.split("/")
    return bool(_PATH.fullmatch(bare)) and "//" not in bare and not {".", ".."} & set(steps)


def path_of(base: str) -> str:
    """Give the path of an address that may be only a path."""
    return urlsplit(base).path.rstrip("/")


def _parameter(said: Mapping[str, Any]) -> Parameter | None:
    place = _PLACES.get(said["in"], said["in"])
    if place == "body" or place not in get_args(Where):
        return None
    if place == "header" and said["name"].lower() in _NOT_PARAMETERS:
        return None
    schema = said.get("schema")
    has_default = "default" in said or (isinstance(schema, Mapping) and "default" in schema)
    return Parameter(place, said["name"], said.get("required") is True and not has_default)


def _summary(said: Mapping[str, Any]) -> str:
    text = _text(said.get("summary")) or _text(said.get("description"))
    return next((line.strip() for line in text.splitlines() if line.strip()), "")


def _text(value: Any) -> str:
    """Give a text, with halves of character pairs replaced; empty where it is none."""
    text = value if isinstance(value, str) else ""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _object(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise DocumentError(f"{where}: an object is expected")
    return value


def _list(value: Any, where: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise DocumentError(f"{where}: a list is expected")
    return value
