"""Rules about the request: where each argument goes, and that nothing stands in its way."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations

from crm_mcp.bind import Place, parse_target, placeholders, targets
from crm_mcp.check.schema import may_be
from crm_mcp.operation import Operation


def colliding_arguments(operation: Operation) -> Iterator[str]:
    """Demand that every argument is sent, and to a place that no other one fills."""
    placed = []
    for name in operation.properties:
        places = _places(operation, name)
        placed += [(name, place) for place in places]
        if not places:
            yield f"{name} is sent nowhere: give it a target in bind"
    for (name, place), (other, second) in combinations(placed, 2):
        if _overlap(place, second) and not _exclude_each_other(operation, {name, other}):
            yield f"{name} and {other} go to the same place ({_shown(place)})"
    parts = {place.part for _, place in placed} | {place.part for _, place in _constants(operation)}
    if {"form", "json"} <= parts:
        yield "a request has one body: send form fields or JSON, not both"


def unfilled_placeholders(operation: Operation) -> Iterator[str]:
    """Demand for each placeholder a required argument, and for each such argument its place."""
    path = operation.request.path
    named = placeholders(path)
    for name in dict.fromkeys(named):
        if name not in operation.properties:
            yield f"{{{name}}} in the path is no argument"
        elif name not in operation.input_schema.get("required", ()):
            yield f"{{{name}}} in the path must be a required argument"
        elif "path" not in targets(operation, name):
            yield f"{{{name}}} in the path is not filled: add path to its targets in bind"
    for name in operation.properties:
        if "path" in targets(operation, name) and name not in named:
            yield f"{name} goes into the path, which has no {{{name}}}"


def overwritten_constants(operation: Operation) -> Iterator[str]:
    """Demand for each constant a place of its own that no argument fills."""
    constants = list(_constants(operation))
    for target, place in constants:
        if place.part == "path":
            yield "a constant in the path is written into the path itself, not into const"
        elif place.part != "json" and not place.name:
            yield f"the constant {target} names no parameter: write {target}:<name>"
        for name in operation.properties:
            if any(_overlap(place, other) for other in _places(operation, name)):
                yield f"{name} would replace the constant {target}: bind it elsewhere"
    for (target, place), (other, second) in combinations(constants, 2):
        if _overlap(place, second):
            yield f"the constants {target} and {other} go to the same place"


def unknown_arguments(operation: Operation) -> Iterator[str]:
    """Demand that `bind`, `arrays` and `rules` speak of arguments that exist."""
    request = operation.request
    named = [("request.bind", name) for name in request.bind]
    named += [("request.arrays", name) for name in request.arrays]
    for rule in operation.rules:
        for condition, names in rule:
            named += [(f"rules.{condition}", name) for name in names]
    for where, name in named:
        if name not in operation.properties:
            yield f"{where} names {name}, which is no argument"


def unstyled_arrays(operation: Operation) -> Iterator[str]:
    """Demand of arrays in a query or header, and of them only, how they are written."""
    for name, schema in operation.properties.items():
        parts = {place.part for place in _places(operation, name) if place.pointer is None}
        needed = may_be(schema, "array") and not parts.isdisjoint(("query", "header"))
        styled = name in operation.request.arrays
        if may_be(schema, "array") and "path" in parts:
            yield f"{name} is an array and cannot fill a path: send it elsewhere"
        elif needed and not styled:
            yield f"say in request.arrays how {name} is written: json, comma, repeat or lines"
        elif styled and not needed:
            yield f"take {name} from request.arrays: it is no array in a query or header"


def uncountable_lists(operation: Operation) -> Iterator[str]:
    """Demand lists where lengths are compared: the length of a text says nothing."""
    for rule in operation.rules:
        for name in rule.same_length:
            if name in operation.properties and not may_be(operation.properties[name], "array"):
                yield f"rules.same_length counts items, and {name} is no array"


def _exclude_each_other(operation: Operation, names: set[str]) -> bool:
    """Tell whether a rule sees to it that only one of these arguments is given."""
    alternatives = (rule.exactly_one or rule.at_most_one for rule in operation.rules)
    return any(names <= set(group) for group in alternatives)


def _places(operation: Operation, argument: str) -> list[Place]:
    return [_named(parse_target(target), argument) for target in targets(operation, argument)]


def _constants(operation: Operation) -> Iterator[tuple[str, Place]]:
    for target in operation.request.const:
        yield target, _named(parse_target(target), "")


def _named(place: Place, argument: str) -> Place:
    """Give a place the name it has on the wire; header names have no case."""
    if place.part == "json":
        return replace(place, name="", pointer=place.pointer or ())
    name = place.name or argument
    return replace(place, name=name.lower() if place.part == "header" else name)


def _overlap(one: Place, two: Place) -> bool:
    """Tell whether two places are the same, or one lies within the other."""
    within, other = one.pointer or (), two.pointer or ()
    shared = min(len(within), len(other))
    same_parameter = (one.part, one.name) == (two.part, two.name)
    return same_parameter and within[:shared] == other[:shared]


def _shown(place: Place) -> str:
    pointer = "" if place.pointer is None else "#" + "".join(f"/{step}" for step in place.pointer)
    return f"{place.part}:{place.name}{pointer}" if place.name else f"{place.part}{pointer}"
