"""Files to operations: reading `tool_schemas/`, inlining `$ref`."""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import TypeAdapter, ValidationError

from crm_mcp.errors import SchemaError
from crm_mcp.operation import IdKind, Operation, PersonalKind, kind_names

SHARED_PREFIX = "_shared.json#/$defs/"
NO_KINDS: Mapping[str, IdKind] = MappingProxyType({})
NO_FIELDS: Mapping[str, PersonalKind] = MappingProxyType({})

_PERSONAL = TypeAdapter(dict[str, PersonalKind])
_WORDS: TypeAdapter[dict[str, str]] = TypeAdapter(dict[str, str])


def schemas_root() -> Path:
    """Find the operation files: inside the installed package, else beside it in a checkout."""
    package = Path(__file__).parent
    installed = package / "tool_schemas"
    return installed if installed.is_dir() else package.parent / "tool_schemas"


def vendor_ids(root: Path) -> tuple[str, ...]:
    """List the vendors that have operation files, in alphabetical order."""
    return tuple(sorted(folder.name for folder in root.iterdir() if folder.is_dir()))


def load_vendor(root: Path, vendor: str, *, examples: bool = True) -> tuple[Operation, ...]:
    """Read one vendor's operations, ordered by toolset and name.

    Args:
        root: the folder of all vendors.
        vendor: whose operations.
        examples: whether to read the examples too; to serve, they would only take memory.

    Raises:
        SchemaError: a file is not JSON, or not an operation; names file and key.
    """
    shared, kinds = read_shared(root / vendor), read_kinds(root / vendor)
    personal = read_personal(root / vendor)
    return tuple(
        load_operation(path, shared, kinds, personal, examples=examples)
        for path in operation_files(root / vendor)
    )


def operation_files(folder: Path) -> Iterator[Path]:
    """List a vendor's operation files, ordered by toolset and name."""
    for toolset in sorted(entry for entry in folder.iterdir() if entry.is_dir()):
        yield from sorted(toolset.glob("*.json"))


def read_shared(folder: Path) -> Mapping[str, Any]:
    """Read the fragments that a vendor's files may refer to; empty when there are none."""
    path = folder / "_shared.json"
    if not path.exists():
        return {}
    fragments = read_json(path).get("$defs", {})
    if not isinstance(fragments, dict):
        raise SchemaError(f"{path}: $defs must be an object")
    return fragments


def read_kinds(folder: Path) -> Mapping[str, IdKind]:
    """Read what a vendor's ids can be ids of, by name; empty where nothing is said.

    Raises:
        SchemaError: `_ids.json` is not JSON, or an entry is no kind; names the entry.
    """
    path = folder / "_ids.json"
    entries = read_json(path) if path.exists() else {}
    return {sys.intern(name): _kind(path, name, entry) for name, entry in entries.items()}


def read_personal(folder: Path) -> Mapping[str, PersonalKind]:
    """Read which fields of a vendor are personal although their names do not say so.

    Raises:
        SchemaError: `_personal.json` is not JSON, or gives a field no kind; names the field.
    """
    path = folder / "_personal.json"
    try:
        return _PERSONAL.validate_python(read_json(path) if path.exists() else {})
    except ValidationError as error:
        raise SchemaError(f"{path}: {_first_problem(error)}") from error


def read_words(folder: Path) -> Mapping[str, str]:
    """Read what people call a vendor's things, for the search; empty where nothing is said.

    Raises:
        SchemaError: `_words.json` is not JSON, or holds something else than texts.
    """
    path = folder / "_words.json"
    try:
        return _WORDS.validate_python(read_json(path) if path.exists() else {})
    except ValidationError as error:
        raise SchemaError(f"{path}: {_first_problem(error)}") from error


def load_operation(
    path: Path,
    shared: Mapping[str, Any],
    kinds: Mapping[str, IdKind] = NO_KINDS,
    personal: Mapping[str, PersonalKind] = NO_FIELDS,
    *,
    examples: bool = True,
) -> Operation:
    """Read one operation file; folder and file name say vendor, toolset and name.

    Raises:
        SchemaError: names the file and what is wrong in it.
    """
    raw = read_json(path)
    for key in ("vendor", "toolset", "sample", "kinds", "binding", "personal"):
        if key in raw:
            raise SchemaError(f"{path}: {key} is not said in the file; take it out")
    raw.pop("$schema", None)
    if raw.get("name") != path.stem:
        raise SchemaError(
            f"{path}: name is {raw.get('name')!r}, the file's name says {path.stem!r}"
        )
    raw["inputSchema"] = inline_refs(raw.get("inputSchema"), shared, path)
    said = _said(raw, kinds, path) | ({"personal": personal} if personal else {})
    if not examples:
        raw.pop("examples", None)
    try:
        return Operation.model_validate(raw | said)
    except ValidationError as error:
        raise SchemaError(f"{path}: {_first_problem(error)}") from error


def read_json(path: Path) -> dict[str, Any]:
    """Read one JSON object from a file.

    Raises:
        SchemaError: the file is not JSON, or not an object.
    """
    try:
        raw = json.loads(path.read_bytes())
    except ValueError as error:
        raise SchemaError(f"{path}: not JSON: {error}") from error
    if not isinstance(raw, dict):
        raise SchemaError(f"{path}: a JSON object is expected")
    return raw


def inline_refs(
    node: Any, shared: Mapping[str, Any], path: Path, trail: tuple[str, ...] = ()
) -> Any:
    """Replace each `$ref` by the fragment it names; keys beside the `$ref` win over it.

    The same words stand in hundreds of schemas: each is kept once.

    Raises:
        SchemaError: the reference leaves `_shared.json`, names nothing, or runs in a circle.
    """
    if isinstance(node, str):
        return sys.intern(node)
    if isinstance(node, list):
        return [inline_refs(item, shared, path, trail) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" not in node:
        return {
            sys.intern(key): inline_refs(value, shared, path, trail) for key, value in node.items()
        }
    name = _fragment_name(node["$ref"], shared, path)
    if name in trail:
        raise SchemaError(f"{path}: $ref runs in a circle: {' -> '.join((*trail, name))}")
    beside = {key: value for key, value in node.items() if key != "$ref"}
    return inline_refs(shared[name], shared, path, (*trail, name)) | inline_refs(
        beside, shared, path, trail
    )


def _kind(path: Path, name: str, entry: Any) -> IdKind:
    try:
        return IdKind.model_validate({**entry, "name": name})
    except TypeError as error:
        raise SchemaError(f"{path}: {name}: a JSON object is expected") from error
    except ValidationError as error:
        raise SchemaError(f"{path}: {_first_problem(error, name)}") from error


def _said(raw: Mapping[str, Any], kinds: Mapping[str, IdKind], path: Path) -> dict[str, Any]:
    """Say of an operation what its file does not."""
    said = {"vendor": path.parent.parent.name, "toolset": path.parent.name, "sample": _sample(raw)}
    if not isinstance(raw.get("ids"), dict):
        return said
    try:
        said_of_ids = [name for name in raw["ids"].values() if isinstance(name, str)]
        schema = raw["inputSchema"]
        named = dict.fromkeys(kind for one in said_of_ids for kind in kind_names(schema, one))
    except LookupError as error:
        raise SchemaError(f"{path}: ids takes a kind from no argument with an enum") from error
    for name in named:
        if name not in kinds:
            raise SchemaError(f"{path}: ids names the kind {name!r}, which _ids.json lacks")
    return said | {"kinds": tuple(kinds[name] for name in named)}  # shared by all operations


def _sample(raw: Mapping[str, Any]) -> str:
    """Write the arguments of the first example, where the file has one."""
    try:
        return json.dumps(raw["examples"][0]["arguments"], ensure_ascii=False)
    except (LookupError, TypeError):
        return "{}"


def _fragment_name(reference: Any, shared: Mapping[str, Any], path: Path) -> str:
    name = str(reference).removeprefix(SHARED_PREFIX)
    if not str(reference).startswith(SHARED_PREFIX) or name not in shared:
        raise SchemaError(f"{path}: $ref {reference!r} is not a fragment of _shared.json")
    return name


def _first_problem(error: ValidationError, *above: str) -> str:
    problem = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(str(step) for step in (*above, *problem["loc"])) or "file"
    return f"{where}: {problem['msg']}"
