"""Whatever is sent to the interact stand-in, it answers in the vendor's way and never breaks."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from interact_caller import operations

from crm_mcp.operation import Operation
from crm_mcp.sandbox.base import Answer, Call
from crm_mcp.sandbox.interact import CALLS, InteractStandIn
from crm_mcp.sandbox.interact.importing import ACCOUNT
from crm_mcp.sandbox.interact.sessions import SCOPES
from crm_mcp.sandbox.interact.users import ROLES

STATUSES = {200, 201, 400, 401, 403, 404, 409}

# Values that lead far in: ids that exist, and words that the calls know.
NUMBERS = st.integers(0, 250) | st.integers()
WORDS = st.sampled_from(
    [
        *("person", "organization", "contact", "deal", "email", "phone", "varchar", "google"),
        *("call-incoming", "scheduled_call", "tomorrow", "won", "id", "type", "value", "xing"),
        *(*SCOPES, *ROLES, *ACCOUNT.values()),
    ]
)
TEXTS = WORDS | st.text(max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
REFERENCES = st.fixed_dictionaries({"id": NUMBERS}, optional={"type": TEXTS, "value": TEXTS})
LIKELY = VALUES | REFERENCES | st.lists(REFERENCES | NUMBERS | TEXTS, max_size=3)


def bodies(operation: Operation) -> st.SearchStrategy[Any]:
    """Bodies with the attributes that the call knows, or with anything."""
    names = [*operation.properties, "contactType", "externalSystem", "name"]
    known = st.dictionaries(st.sampled_from(names), LIKELY, max_size=len(names))
    return known | VALUES


def queries(operation: Operation) -> st.SearchStrategy[Any]:
    names = [*operation.properties, "ids", "cmd", "limit"]
    texts = TEXTS | NUMBERS.map(str) | st.sampled_from(["add", "set", "1,2", "19,23", "none"])
    return st.dictionaries(st.sampled_from(names), texts, max_size=3)


def answered(operation: Operation, number: str, query: dict[str, str], body: Any) -> Answer:
    """Call a new stand-in with the right tokens and anything else."""
    crm = InteractStandIn()
    login = json.dumps({name: crm.credentials[name] for name in ("username", "password", "scope")})
    token = json.loads(
        crm.answer(
            operations()["interact_auth_login"], Call("POST", "/login", content=login.encode())
        ).content
    )["token"]["authToken"]
    headers = {"authtoken": token, "triggertoken": crm.credentials["trigger_token"]}
    content = json.dumps(body).encode()
    pairs = tuple(query.items())
    return crm.answer(operation, Call("", "", pairs, headers, content, {"id": number}))


@settings(max_examples=200)
@given(name=st.sampled_from(sorted(CALLS)), data=st.data(), number=NUMBERS.map(str) | TEXTS)
def test_whatever_is_sent_is_answered_or_refused_with_a_code(
    name: str, data: st.DataObject, number: str
) -> None:
    operation = operations()[name]
    query, body = data.draw(queries(operation)), data.draw(bodies(operation))
    answer = answered(operation, number, query, body)
    told = json.loads(answer.content)
    assert answer.status in STATUSES
    if answer.status >= 400:
        assert (told["code"], len(str(told["error"]))) == (answer.status, 14)
        assert not answer.changed
