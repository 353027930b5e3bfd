"""The golden run: what the engine makes of an example, in the form of the file."""

from pathlib import Path
from typing import Any

import pytest
from acme import GET, IMPORT, LIST, UPDATE, Acme, good_files, write

from crm_mcp.errors import InvalidArguments
from crm_mcp.golden import example_reply, expected_request, run
from crm_mcp.loader import load_operation
from crm_mcp.operation import Example, Operation


@pytest.fixture
def operations(tmp_path: Path) -> dict[str, Operation]:
    files = good_files()
    write(tmp_path, files)
    return {file: load_operation(tmp_path / file, {}) for file in (GET, LIST, UPDATE, IMPORT)}


def example_of(**parts: Any) -> Example:
    request = {"method": "GET", "path": "/"}
    blank = {"title": "x", "arguments": {}, "request": request, "reply": {}, "result": {}}
    return Example.model_validate(blank | parts)


@pytest.mark.parametrize("file", [GET, LIST, UPDATE, IMPORT])
def test_a_good_example_becomes_what_its_file_says(
    operations: dict[str, Operation], file: str
) -> None:
    [example] = operations[file].examples
    golden = run(operations[file], Acme(), example)
    assert golden.request == expected_request(example)
    assert golden.result == example.result


def test_arguments_that_do_not_fit_are_no_run(operations: dict[str, Operation]) -> None:
    example = operations[GET].examples[0].model_copy(update={"arguments": {"key": "7"}})
    with pytest.raises(InvalidArguments, match="id is missing"):
        run(operations[GET], Acme(), example)


def test_an_expected_request_has_no_empty_parts_and_one_value_is_no_list() -> None:
    query = {"one": ["1"], "two": ["1", "2"], "none": []}
    example = example_of(request={"method": "GET", "path": "/x", "query": query, "form": {}})
    assert expected_request(example) == {
        "method": "GET",
        "path": "/x",
        "query": {"one": "1", "two": ["1", "2"]},
    }


@pytest.mark.parametrize("body", [{}, [], False, 0, ""])
def test_an_empty_json_body_is_a_body(body: Any) -> None:
    example = example_of(request={"method": "PUT", "path": "/x", "json": body})
    assert expected_request(example)["json"] == body


@pytest.mark.parametrize(
    ("reply", "content"),
    [
        ({"json": {"a": "ü"}}, b'{"a": "\\u00fc"}'),
        ({"json": []}, b"[]"),
        ({"text": "<ü/>"}, "<ü/>".encode()),
        ({}, b""),
    ],
)
def test_a_reply_is_the_bytes_that_would_come(reply: dict[str, Any], content: bytes) -> None:
    assert example_reply(example_of(reply=reply)).content == content


def test_a_reply_has_its_status_and_its_headers_in_lower_case() -> None:
    reply = example_reply(
        example_of(reply={"status": 404, "headers": {"Content-Type": "text/xml"}})
    )
    assert (reply.status, reply.headers) == (404, {"content-type": "text/xml"})
