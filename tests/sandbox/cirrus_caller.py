"""Calls the Cirrus stand-in the way the engine does, and with arguments of its own records."""

import json
from collections.abc import Mapping
from copy import deepcopy
from functools import cache
from typing import Any

from crm_mcp.bind import bind, is_file, placeholders
from crm_mcp.loader import load_vendor, schemas_root
from crm_mcp.operation import Operation
from crm_mcp.pointer import find
from crm_mcp.request import RequestSpec
from crm_mcp.sandbox.base import Answer, Call
from crm_mcp.sandbox.cirrus import CirrusStandIn
from crm_mcp.sandbox.cirrus.access import TOKEN
from crm_mcp.sandbox.cirrus.resources import table_of
from crm_mcp.sandbox.cirrus.shapes import Fields
from crm_mcp.sandbox.recognise import Recogniser

Row = dict[str, Any]
LET_IN = {"x-token": TOKEN, "content-type": "application/json"}

# What the schema does not tell: a record of the sandbox that the path leads to.
_IN_PATH: Mapping[str, Row] = {
    "/accounts/{accountid}/budget": {"accountid": 1, "year": 2026, "month": 3},
    "/users/{userid}/budget": {"userid": 1, "year": 2026, "month": 3},
    "/missions/": {"mission_id": 4, "connection_type": "account", "other_id": 8},
    "/contracts/": {"contract_id": 1, "object_id": 1, "activity_id": 15},
    "/objects/": {"object_id": 1, "contract_id": 1, "relation_type": "account", "other_id": 4},
    "/dynamicfields/values": {"fieldid": 1, "resourceid": 1},
    "/accounts/{target}": {"target": 1, "source": 2},
}

# What only the sandbox's own records can say.
_OWN: Mapping[str, Row] = {
    "cirrus_addresses_lookup": {"person_number": "190000000006"},
    "cirrus_bankid_relations_create": {"signature": 1, "type": "order", "otherid": 1001},
    "cirrus_challenges_create": {"challenged": {"id": 2}, "startdate": "2026-03-03T08:00:00Z"},
    "cirrus_credit_checks_run": {"person_number": "190000000006"},
    "cirrus_departments_create": {"id": 50},
    "cirrus_departments_update": {"id": 2},
    "cirrus_dynamic_field_values_list": {"resourcetype": "account", "resourceid": 1},
    "cirrus_kpis_list": {"userid": 1},
    "cirrus_phones_list": {"modelid": 1},
    "cirrus_quote_relations_create": {"quoteid": 1002, "type": "contact", "otherid": 1},
    "cirrus_users_create": {"roles": [{"id": 1}]},
    "cirrus_accounts_unfollow": {"key": 1, "userid": 2},
    "cirrus_contacts_unfollow": {"key": 1, "userid": 2},
    "cirrus_opportunities_unfollow": {"key": 1, "userid": 2},
    "cirrus_activities_unfollow": {"key": 1, "userid": 4},
}


@cache
def operations() -> Mapping[str, Operation]:
    """The real operation files."""
    return {entry.name: entry for entry in load_vendor(schemas_root(), "cirrus")}


@cache
def recogniser() -> Recogniser:
    """What recognises their requests."""
    return Recogniser(tuple(operations().values()))


def as_call(spec: RequestSpec) -> Call:
    """The request as it arrives."""
    headers = {name.lower(): text for name, text in spec.headers}
    content = (spec.json or "").encode()
    return Call(spec.method, spec.path, spec.query, LET_IN | headers, content)


class Caller:
    """A client of a stand-in of its own."""

    def __init__(self) -> None:
        self.crm = CirrusStandIn()

    def send(self, name: str, /, **arguments: Any) -> Answer:
        """Call an operation by the engine's own binding."""
        return self.arrive(as_call(bind(operations()[name], arguments)))

    def arrive(self, call: Call) -> Answer:
        """Let a request arrive, whatever it is."""
        known = recogniser().find(call)
        return self.crm.answer(*known) if known else self.crm.misfit(call)

    def call(self, name: str, /, **arguments: Any) -> Any:
        """Call an operation and read the JSON of its success."""
        answer = self.send(f"cirrus_{name}", **arguments)
        assert answer.status == 200, answer.content
        return told(answer)

    def items(self, name: str, /, **arguments: Any) -> list[Row]:
        """Call a list and read the records of its page."""
        body = self.call(name, **arguments)
        found: list[Row] = body[0]["items"] if body and "items" in body[0] else body
        return found

    def refusal(self, name: str, /, **arguments: Any) -> tuple[int, Any]:
        """Call an operation and read the status and the fields of its refusal."""
        answer = self.send(f"cirrus_{name}", **arguments)
        assert answer.status >= 400, answer.content
        assert not answer.changed
        body = told(answer)
        assert set(body) <= {"message", "errors"}
        return answer.status, sorted(body.get("errors", {}))

    def ids(self, name: str, /, **arguments: Any) -> list[int]:
        """Call a list and read the ids of its records."""
        return [item["id"] for item in self.items(name, **arguments)]


def told(answer: Answer) -> Any:
    """The JSON of an answer; None for nothing."""
    return json.loads(answer.content) if answer.content else None


def path_arguments(operation: Operation, crm: CirrusStandIn) -> Row:
    """Arguments for the path that lead to a record of the sandbox."""
    path = operation.request.path
    names = placeholders(path)
    for start, row in _IN_PATH.items():
        if path.startswith(start) and set(names) <= set(row):
            return {name: row[name] for name in names}
    return dict.fromkeys(names, first_id(path.partition("/{")[0], crm)) if names else {}


def first_id(path: str, crm: CirrusStandIn) -> int:
    """The id of the first record of a resource."""
    owners = {"/game/challenges/user": "/users"}
    at = owners.get(path, path)
    table = next(one for one in crm.world.tables.values() if at in one.paths)
    found: int = crm.world.all(table.name)[0]["id"]
    return found


def believable(operation: Operation, crm: CirrusStandIn) -> Row:
    """The arguments of the golden example, with ids of the sandbox in the place of its own."""
    given: Row = deepcopy(operation.examples[0].arguments)
    if operation.effect == "read":
        required = operation.input_schema.get("required", [])
        given = {name: value for name, value in given.items() if name in required}
    given = {name: value for name, value in given.items() if not is_file(operation, name)}
    for pointer, kind in operation.ids.items():
        known = {kind.name for kind in operation.kinds}
        name = kind if kind in known else str(find(given, kind))
        _put(given, pointer.split("/")[1:], crm.world.all(name)[0]["id"])
    _relate(given, table_of(operation.request.path).fields, crm)
    other = {"name": "Of another name"} if operation.effect == "update" else {}
    changed = {name: text for name, text in other.items() if name in given}
    return given | changed | path_arguments(operation, crm) | _OWN.get(operation.name, {})


def _relate(given: Any, fields: Fields, crm: CirrusStandIn) -> None:
    """Let a body refer to records of the sandbox, wherever it refers to any."""
    named = {one.name: one for one in fields} | {one.key: one for one in fields if one.refers}
    for name in given.keys() & named.keys() if isinstance(given, dict) else ():
        one, value = named[name], given[name]
        parts = value if isinstance(value, list) else [value]
        key = crm.world.all(one.table)[0]["id"] if one.table else None
        if key is None:
            for part in parts:
                _relate(part, one.fields, crm)
        elif all(isinstance(part, int) for part in parts):
            given[name] = [key] * len(parts) if isinstance(value, list) else key
        else:
            for part in filter(None, parts):
                part["id"] = key


def _put(node: Any, steps: list[str], key: int) -> None:
    """Put an id wherever the pointer leads; `*` is any item, a last `*` all of a list."""
    step, *rest = steps
    if isinstance(node, list):
        for number, item in enumerate(node):
            if rest:
                _put(item, rest, key)
            else:
                node[number] = key
    elif isinstance(node, dict) and step in node:
        if rest:
            _put(node[step], rest, key)
        else:
            node[step] = key
