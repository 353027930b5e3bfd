"""Which operation a request calls, for the habits of any vendor."""

import pytest

from crm_mcp.operation import Operation
from crm_mcp.sandbox.base import Call
from crm_mcp.sandbox.recognise import Recogniser


def operation(name: str, method: str, path: str, **const: str) -> Operation:
    """The least that makes an operation; `__` in a constant's name stands for the colon."""
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
            "inputSchema": {"type": "object", "properties": {}, "additionalProperties": False},
            "request": request
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
