"""Whatever is sent to the Cirrus stand-in, it answers in the vendor's way and never breaks."""

import json
from typing import Any

from cirrus_caller import LET_IN, Caller, operations, told
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_mcp.bind import placeholders
from crm_mcp.operation import Operation
from crm_mcp.sandbox.base import Answer, Call
from crm_mcp.sandbox.cirrus.masks import masked_answer, read_mask

STATUSES = {200, 404, 422}

# Values that lead far in: ids that exist, and words that the calls know.
NUMBERS = st.integers(0, 15) | st.integers()
WORDS = st.sampled_from(
    [
        *(
            "account",
            "contact",
            "order",
            "user2",
            "2026-03-02",
            "2026-03-02T09:00:00Z",
            "%",
            "a%b%",
        ),
        *("{id}", "{items{id}}", "{53.8, -1.5}", "1,2", "190000000006", "YQ==", "won", "name_desc"),
    ]
)
TEXTS = WORDS | st.text(max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


def fitting(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values that a schema may take, as far as a type goes."""
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    kinds = schema.get("type", "object")
    kind = kinds[0] if isinstance(kinds, list) else kinds
    if kind == "array":
        return st.lists(fitting(schema.get("items", {})), max_size=2)
    if kind == "object":
        parts = {name: fitting(part) for name, part in schema.get("properties", {}).items()}
        return st.fixed_dictionaries({}, optional=parts)
    known = {"integer": NUMBERS, "number": NUMBERS | st.floats(), "boolean": st.booleans()}
    return known.get(kind, TEXTS)


def bodies(operation: Operation) -> st.SearchStrategy[Any]:
    """Bodies with the fields that the call knows, fitting or not, or with anything."""
    schema = operation.input_schema
    required = {name: schema["properties"][name] for name in schema.get("required", [])}
    parts = {name: fitting(part) for name, part in operation.properties.items()}
    always = {name: parts.pop(name) for name in required}
    known = st.fixed_dictionaries(always, optional=parts)
    loose = st.dictionaries(st.sampled_from([*operation.properties, "id"]), VALUES, max_size=6)
    return known | loose | VALUES


def queries(operation: Operation) -> st.SearchStrategy[list[tuple[str, str]]]:
    """Queries of what the call knows, fitting or not."""
    known = [
        st.tuples(st.just(name), fitting(schema).map(str) | TEXTS)
        for name, schema in operation.properties.items()
    ]
    return st.lists(st.one_of(known), max_size=3) if known else st.just([])


def arrive(operation: Operation, data: st.DataObject) -> Answer:
    """Call a new stand-in with the right token and anything else."""
    names = placeholders(operation.request.path)
    in_path = {name: data.draw(st.integers(1, 15).map(str) | TEXTS) for name in names}
    for name in {"id"} & set(in_path):
        in_path[name] = data.draw(st.sampled_from(["1", "2", "1001", "x", in_path[name]]))
    query = data.draw(queries(operation)) if operation.request.method == "GET" else []
    body = data.draw(bodies(operation)) if operation.request.method != "GET" else None
    taken = {*names, "X-Fields"}
    if isinstance(body, dict):
        body = {name: value for name, value in body.items() if name not in taken}
    content = b"" if body is None else json.dumps(body).encode()
    mask = data.draw(st.none() | TEXTS)
    headers = LET_IN | ({} if mask is None else {"x-fields": mask})
    call = Call(operation.request.method, "", tuple(query), headers, content, in_path)
    return Caller().crm.answer(operation, call)


@settings(max_examples=400, deadline=None)
@given(name=st.sampled_from(sorted(operations())), data=st.data())
def test_whatever_is_sent_is_answered_or_refused(name: str, data: st.DataObject) -> None:
    answer = arrive(operations()[name], data)
    body = told(answer)
    assert answer.status in STATUSES
    if answer.status != 200:
        assert body["message"]
        assert not answer.changed


@given(text=st.text(alphabet="{},ab* ", max_size=20))
def test_a_mask_is_read_or_refused(text: str) -> None:
    try:
        mask = read_mask(text)
    except ValueError:
        return
    page = [{"page": 1, "total": 1, "items": [{"a": 1, "b": {"a": 2}}]}]
    assert isinstance(masked_answer(page, mask), list)
