"""Which operation a request calls, for the habits of any vendor."""

from typing import Any

import pytest

from crm_mcp.operation import Operation
from crm_mcp.sandbox.base import Call
from crm_mcp.sandbox.recognise import Recogniser


def operation(
    name: str, method: str, path: str, *actions: str, said_as: str = "query", **const: str
) -> Operation:
    """The least that makes an operation; `__` in a constant's name stands for the colon.

    Of `actions`, one must be given by the argument `do`.
    """
    asked: dict[str, Any] = {"do": {"type": "string", "enum": actions}} if actions else {}
    schema = {"type": "object", "properties": asked, "required": [*asked]}
    bind = {"do": said_as} if asked else {}
    request = {"method": method, "path": path}
    return Operation.model_validate(
        {
            "vendor": "acme",
            "toolset": "things",
            "name": f"acme_{name}",
            "title": "A made-up operation",
            "description": "Only here to be recognised by its request.",
            "effect": "read",
            "source": {"document": "none", "line": 1, "section": "1", "evidence": "operator"},
            "inputSchema": {**schema, "additionalProperties": False},
            "request": {**request, "bind": bind}
            | {"const": {target.replace("__", ":"): text for target, text in const.items()}},
            "response": {},
            "examples": [
                {"title": "x", "arguments": {}, "request": request, "reply": {}, "result": {}}
            ],
        }
    )


KNOWN = Recogniser(
    (
        operation("things_list", "GET", "/things"),
        operation("things_find", "GET", "/things", query__action="find"),
        operation("things_get", "GET", "/things/{id}"),
        operation("things_recent", "GET", "/things/recent"),
        operation("parts_get", "GET", "/things/{id}/parts/{part.no}.json"),
        operation("things_merge", "PUT", "/things", **{"json#/cmd": "merge"}),
        operation("things_wipe", "PUT", "/things", **{"query:input#/do/0": "wipe"}),
        operation("things_sign", "PUT", "/things", **{"header:X-Do": "sign"}),
        operation("loans_show", "GET", "/loans", "open", "late", said_as="query:action"),
        operation("loans_end", "GET", "/loans", "end", "endall", said_as="query:action"),
        operation("loans_list", "GET", "/loans"),
        operation("loans_make", "GET", "/loans", query__action="make"),
        operation("loans_recent", "GET", "/loans/recent", "short"),
        operation("loans_get", "GET", "/loans/{id}"),
    )
)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (Call("GET", "/things"), "acme_things_list"),
        (Call("GET", "/things", (("action", "drop"),)), "acme_things_list"),
        (Call("GET", "/things", (("action", "find"),)), "acme_things_find"),
        (Call("GET", "/things/recent"), "acme_things_recent"),
        (Call("GET", "/things/7"), "acme_things_get"),
        (Call("PUT", "/things", content=b'{"cmd": "merge"}'), "acme_things_merge"),
        (Call("PUT", "/things", (("input", '{"do": ["wipe"]}'),)), "acme_things_wipe"),
        (Call("PUT", "/things", headers={"x-do": "sign"}), "acme_things_sign"),
        (Call("GET", "/loans", (("action", "late"),)), "acme_loans_show"),
        (Call("GET", "/loans", (("action", "endall"),)), "acme_loans_end"),
        (Call("GET", "/loans", (("action", "make"),)), "acme_loans_make"),
        (Call("GET", "/loans"), "acme_loans_list"),
        (Call("GET", "/loans/recent", (("do", "other"),)), "acme_loans_recent"),
    ],
)
def test_a_request_is_recognised_by_method_path_and_fixed_values(call: Call, name: str) -> None:
    found = KNOWN.find(call)
    assert found is not None
    assert found[0].name == name


@pytest.mark.parametrize(
    "call",
    [
        Call("POST", "/things"),
        Call("GET", "/things/"),
        Call("GET", "/things/7/8"),
        Call("GET", "/things/7/parts/1xjson"),
        Call("PUT", "/things", content=b'{"cmd": "split"}'),
        Call("PUT", "/things", content=b"no JSON \xff"),
        Call("PUT", "/things", (("input", '{"do": []}'),)),
        Call("PUT", "/things", headers={"x-do": "nothing"}),
    ],
)
def test_a_request_that_lacks_any_of_them_is_not_recognised(call: Call) -> None:
    assert KNOWN.find(call) is None


def test_what_stands_in_the_path_is_told_decoded() -> None:
    found = KNOWN.find(Call("GET", "/things/1%2F00482/parts/a%20b.json"))
    assert found is not None
    assert found[1].in_path == {"id": "1/00482", "part.no": "a b"}
