"""Rules about what an operation does: name, traits, confirmation, paging, preview."""

import re
from collections.abc import Collection, Iterator

from crm_mcp.check.files import Folder
from crm_mcp.check.schema import has_place, may_be, subschemas
from crm_mcp.operation import Before, Operation
from crm_mcp.pointer import steps

# Verbs that can mean one effect only. An action takes any verb but these.
_CLEAR_VERBS = {
    "read": {"count", "find", "get", "list", "lookup", "read", "search"},
    "create": {"add", "create", "insert"},
    "update": {"edit", "update"},
    "delete": {"delete", "remove"},
}
# Verbs that also occur as actions: some checks cost money, some downloads change a state.
_OTHER_VERBS = {
    "read": {"calculate", "check", "compare", "download", "export", "listen", "poll", "preview"}
    | {"print", "receive", "validate", "verify", "watch"},
    "create": {"attach", "clone", "copy", "duplicate", "import", "register", "trigger", "upload"},
    "update": {"assign", "change", "move", "rename", "replace", "set"},
    "delete": {"clear", "detach", "wipe"},
}
# Words that may follow the verb.
_QUALIFIERS = {"all", "batch", "bulk", "file", "files", "many", "one", "pdf", "text"}

_READ_TRAITS = {"binary", "credential", "deprecated"}
_SESSION_TRAITS = {"session", "idempotent", "credential", "deprecated"}
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


def verb_of(name: str) -> str:
    """Take the verb from a tool's name: its last word that is no qualifier."""
    words = name.split("_")
    while len(words) > 1 and words[-1] in _QUALIFIERS:
        words.pop()
    return words[-1]


def wrong_name(operation: Operation) -> Iterator[str]:
    """Demand a name of the form <vendor>_<resource>_<verb>."""
    name, prefix = operation.name, f"{operation.vendor}_"
    if not name.startswith(prefix):
        yield f"a name in this folder begins with {prefix}"
    elif "_" not in name.removeprefix(prefix):
        yield f"a name is {prefix}<resource>_<verb>"


def wrong_verb(operation: Operation) -> Iterator[str]:
    """Demand a verb that says the effect."""
    verb, effect = verb_of(operation.name), operation.effect
    if effect == "action":
        for other, clear in _CLEAR_VERBS.items():
            if verb in clear:
                yield f"the verb {verb} promises the effect {other}, not action"
    elif verb not in (fitting := _CLEAR_VERBS[effect] | _OTHER_VERBS[effect]):
        yield f"{verb} is no verb of the effect {effect}: use one of {', '.join(sorted(fitting))}"


def wrong_traits(operation: Operation) -> Iterator[str]:
    """Demand traits that fit the effect and each other."""
    traits: set[str] = set(operation.traits)
    effect = operation.effect
    if len(traits) < len(operation.traits):
        yield "a trait is named twice"
    if effect == "read" and (odd := traits - _READ_TRAITS):
        yield f"a read is never {_listed(odd)}: if it is, its effect is action"
    if effect == "create" and "destructive" in traits:
        yield "a create destroys nothing: if it does, its effect is action"
    if effect not in ("read", "action") and "session" in traits:
        yield "only an action opens or closes a session"
    if effect == "action" and "session" in traits and (odd := traits - _SESSION_TRAITS):
        yield f"a session asks nobody, so it cannot be {_listed(odd)}"
    if "irreversible" in traits and operation.undo and operation.undo.kind == "exact":
        yield "irreversible and an exact undo contradict each other"


def wrong_confirm(operation: Operation) -> Iterator[str]:
    """Demand of a write the sentence that a person reads, with placeholders that are filled."""
    if operation.asks and not operation.confirm:
        yield "a write needs confirm: the sentence that a person reads"
    if not operation.is_write and operation.confirm:
        yield "a read asks nobody: take confirm out"
    for name in _PLACEHOLDER.findall(operation.confirm):
        if name not in operation.properties or name not in _required(operation):
            yield f"{{{name}}} in confirm is no required argument"


def wrong_pagination(operation: Operation) -> Iterator[str]:
    """Demand of a list how it is paged, and with which of its arguments."""
    paging = operation.pagination
    if paging is None:
        if operation.effect == "read" and verb_of(operation.name) in ("list", "search"):
            yield 'a list says how it is paged: pagination, if only {"style": "none"}'
        return
    for role, name in (("position", paging.position), ("size", paging.size)):
        if name and name not in operation.properties:
            yield f"pagination.{role} names {name}, which is no argument"
        elif name and not may_be(operation.properties[name], "integer"):
            yield f"pagination.{role} is counted with, so {name} must be an integer"
        elif not name and paging.style != "none":
            yield f"pagination by {paging.style} names its {role} argument"


def wrong_before(operation: Operation, folder: Folder) -> Iterator[str]:
    """Demand of an update or delete a read that shows the record first and gets all it needs."""
    before = operation.before
    if before is None:
        if operation.effect in ("update", "delete"):
            yield "say in before which read shows the record, or in none why there is no such read"
        return
    if not operation.is_write:
        yield "a read changes nothing: take before out"
    if before.tool and before.tool not in folder.names:
        yield f"before names {before.tool}, which does not exist"
    if read := folder.find(before.tool):
        yield from wrong_call("before", (*before.arguments, *before.along), read)
        yield from _wrong_pointers(before, operation)
        yield from _wrong_fill(before, operation)


def wrong_call(who: str, given: Collection[str], read: Operation) -> Iterator[str]:
    """Demand that a read is one, and gets the arguments that it requires and no others."""
    if read.is_write:
        yield f"{who} names {read.name}, which is no read"
    for name in given:
        if name not in read.properties:
            yield f"{who} gives {name}, which is no argument of {read.name}"
    for name in _required(read):
        if name not in given:
            yield f"{who} does not give {name}, which {read.name} requires"


def _wrong_pointers(before: Before, operation: Operation) -> Iterator[str]:
    schema, base = operation.input_schema, steps(before.each)
    if before.each:
        base = (*base, "0")
        if not has_place(schema, base):
            yield f"before.each is {before.each}, which is no array among the arguments"
            return
    for name, pointer in before.arguments.items():
        if not has_place(schema, (*base, *steps(pointer))):
            yield f"before takes {name} from {pointer}, which is no place in the arguments"
    for name in before.along:
        if name not in operation.properties:
            yield f"before.along names {name}, which is no argument"


def _wrong_fill(before: Before, operation: Operation) -> Iterator[str]:
    item = f"{before.each}/*" if before.each else ""
    needed = {f"{where}/{name}" for where, name in _needed(operation)}
    for target in before.lends:
        if not has_place(operation.input_schema, steps(item.replace("*", "0") + target)):
            yield f"before fills {target}, which is no place in the arguments"
        elif item + target in needed:
            yield f"before fills {target}, which is required: a call can never leave it out"


def _needed(operation: Operation) -> Iterator[tuple[str, str]]:
    """List what each object among the arguments requires, with a pointer to the object."""
    for where, schema in subschemas(operation.input_schema):
        pointer = where.replace("[]", ".*").replace(".", "/")
        for name in schema.get("required", ()):
            yield f"/{pointer}" if pointer else "", name


def _required(operation: Operation) -> list[str]:
    required: list[str] = operation.input_schema.get("required", [])
    return required


def _listed(words: set[str]) -> str:
    return ", ".join(sorted(words))
