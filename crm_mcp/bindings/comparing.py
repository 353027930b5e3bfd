"""What an operation of ours must be bound to, to make a described request; what differs. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from crm_mcp.bindings.likeness import plain, sent_parameters
from crm_mcp.bindings.openapi import Described, Parameter
from crm_mcp.check.schema import may_be
from crm_mcp.operation import Operation
from crm_mcp.pointer import escape

_BRACES = re.compile(r"\{([^{}/]*)\}")
_TARGET_NAME = re.compile(r"[^#\s]+")


@dataclass(frozen=True)
class Fit:
    """One of our operations beside one of the document.

    Attributes:
        operation: ours.
        described: the document's.
        path: the document's path, with our arguments as placeholders.
        bind: arguments that go elsewhere than today, with their targets.
        differences: what differs, besides the path.
        blocker: why no binding can make this request; empty where one can.
    """

    operation: Operation
    described: Described
    path: str
    bind: Mapping[str, str] = field(default_factory=dict)
    differences: tuple[str, ...] = ()
    blocker: str = ""


@dataclass
class _Comparison:
    """The work of `fit`."""

    operation: Operation
    described: Described
    bind: dict[str, str] = field(default_factory=dict)
    differences: list[str] = field(default_factory=list)
    met: set[Parameter] = field(default_factory=set)


def fit(operation: Operation, described: Described, headers: frozenset[str]) -> Fit:
    """Compare two operations that are taken for the same one.

    Args:
        operation: ours.
        described: the vendor's.
        headers: those that are compared, in lower case.
    """
    work = _Comparison(operation, described)
    if operation.request.method != described.method:
        work.differences.append(f"the method is {described.method}, not {operation.request.method}")
    path, filling, unfilled = _path(operation, described.path)
    if unfilled:
        named = ", ".join(unfilled)
        blocker = f"no required argument of the tool fills {{{named}}} in the path"
        return Fit(operation, described, path, blocker=blocker)
    wanted = [one for one in described.parameters if one.place != "path"]
    wanted = [one for one in wanted if one.place != "header" or one.name.lower() in headers]
    in_path = {name for name, sent in sent_parameters(operation) if sent.place == "path"}
    for argument in sorted(filling - in_path):
        work.differences.append(f"{argument} goes into the path")
        work.bind[argument] = "path"
    for argument, sent in sent_parameters(operation):
        is_elsewhere = sent.place != "path" or argument not in filling
        if is_elsewhere and argument not in work.bind:
            _place(work, argument, sent, wanted)
    _rest(work, wanted)
    differences = tuple(work.differences)
    return Fit(operation, described, path, work.bind, differences, _unwritten(work))


def _unwritten(work: _Comparison) -> str:
    """Say which list would go into a query or header, where nobody knows how it is written."""
    styled = work.operation.request.arrays
    lists = [
        name
        for name, target in work.bind.items()
        if target.startswith(("query", "header")) and name not in styled
        if may_be(work.operation.properties[name], "array")
    ]
    return f"say in arrays how {', '.join(lists)} is written" if lists else ""


def _path(operation: Operation, path: str) -> tuple[str, set[str], list[str]]:
    """Write a path with our arguments: by name, and what is left over in the order of both."""
    theirs = _BRACES.findall(path)
    required = operation.input_schema.get("required", ())
    now = [name for name, sent in sent_parameters(operation) if sent.place == "path"]
    others = [name for name in required if name not in now]
    filled: dict[int, str] = {}
    for candidates in (now, others):
        for at, name in enumerate(theirs):
            same = [one for one in candidates if plain(one) == plain(name)]
            if at not in filled and same and same[0] not in filled.values():
                filled[at] = same[0]
    left = [name for name in _ordered(operation, now) if name not in filled.values()]
    open_places = [at for at in range(len(theirs)) if at not in filled]
    filled |= dict(zip(open_places, left, strict=False))
    unfilled = [name for at, name in enumerate(theirs) if at not in filled]
    numbers = iter(range(len(theirs)))

    def written(found: re.Match[str]) -> str:
        return f"{{{filled.get(next(numbers), found[1])}}}"

    return _BRACES.sub(written, path), set(filled.values()), unfilled


def _ordered(operation: Operation, names: list[str]) -> list[str]:
    """Sort arguments by their place in our path."""
    return sorted(names, key=lambda name: operation.request.path.find(f"{{{name}}}"))


def _place(work: _Comparison, argument: str, sent: Parameter, wanted: list[Parameter]) -> None:
    """Find where the document wants what we send."""
    same = [one for one in wanted if _key(one) == _key(sent)]
    if same:
        work.met.update(same)
        if same[0].required and argument and not sent.required:
            work.differences.append(f"{argument} is required")
        return
    if sent.place == "body" and (work.described.free_body or not sent.name):
        return
    name = argument or sent.name
    moved = [one for one in wanted if plain(one.name) == plain(sent.name) and one not in work.met]
    target = _target(moved[0]) if moved and argument else ""
    if not target:
        work.differences.append(f"{name} is not taken ({sent.place})")
        return
    work.met.add(moved[0])
    work.bind[argument] = target
    work.differences.append(f"{name} goes to {target}")


def _key(parameter: Parameter) -> tuple[str, str]:
    """Compare places and names; header names have no case."""
    name = parameter.name.lower() if parameter.place == "header" else parameter.name
    return parameter.place, name


def _target(parameter: Parameter) -> str:
    if not _TARGET_NAME.fullmatch(parameter.name):
        return ""
    if parameter.place == "body":
        return f"json#/{escape(parameter.name)}"
    return f"{parameter.place}:{parameter.name}"


def _rest(work: _Comparison, wanted: list[Parameter]) -> None:
    """Name what the document takes beyond what the tool sends."""
    whole = any(one.place == "body" and not one.name for _, one in sent_parameters(work.operation))
    for one in wanted:
        if one in work.met or (whole and one.place == "body"):
            continue
        need = " and requires" if one.required else ""
        work.differences.append(f"the document takes{need} {one.name} ({one.place})")
