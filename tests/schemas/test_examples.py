"""Every golden example, and everything FIVE CRM's document says can go wrong."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import example as for_example
from hypothesis import given, settings
from hypothesis import strategies as st
from other_vendors import OTHER_VENDORS

from crm_mcp.errors import InvalidArguments, ToolFailure, UnreadableReply
from crm_mcp.golden import expected_request, run
from crm_mcp.loader import load_vendor, schemas_root, vendor_ids
from crm_mcp.operation import Example, Operation
from crm_mcp.redact import Redactor
from crm_mcp.respond import respond
from crm_mcp.validate import ArgumentValidator
from crm_mcp.vendors import load_vendor_code
from crm_mcp.vendors.base import Reply, Vendor
from crm_mcp.vendors.fivecrm import VENDOR
from crm_mcp.vendors.fivecrm.replies import failure_of

TESTS = Path(__file__).parents[1]
FIXTURES = TESTS / "fixtures" / "tool_schemas"
FIVECRM = MappingProxyType({op.name: op for op in load_vendor(schemas_root(), "fivecrm")})

AREA_MISSING = "The specified database area does not exist"

# Every error sentence of the document, in its order; what stands in italics there is filled in.
DOCUMENTED_ERRORS = (
    ("System has expired", "forbidden"),
    ("No API mode specified", "rejected"),
    ("Unknown API mode specified", "rejected"),
    ("Unauthorised", "auth_failed"),
    ("No database area has been specified", "rejected"),
    (AREA_MISSING, "not_found"),
    (
        "You do not have the necessary user permissions to access this database area.",
        "forbidden",
    ),
    ("An internal error occurred while trying to get the Database Area.", "unavailable"),
    ("An internal error occurred while trying to get the Database Areas.", "unavailable"),
    ("At least one search criteria must be specified", "rejected"),
    ("An unexpected error occurred during contact acquisition", "unavailable"),
    ("An internal error occurred while trying to get the Processing Channels.", "unavailable"),
    ("An internal error occurred while trying to get the Processing Categories..", "unavailable"),
    (
        "An internal error occurred while trying to get the Account Additional Fields.",
        "unavailable",
    ),
    ("An error occurred when trying to get the dropdown items.", "unavailable"),
    ("An error occurred when trying to get the contact additional fields.", "unavailable"),
    ("An internal error occurred while trying to get the Customer Statuses.", "unavailable"),
    ("An internal error occurred while trying to get the Owners.", "unavailable"),
    ("An internal error occurred while trying to get the Projects.", "unavailable"),
    ("An internal error occurred while trying to get the sales people.", "unavailable"),
    ("Invalid Customer Products data provided.", "rejected"),
    ("No POST element (customerProducts) found as part of the request", "rejected"),
    (
        (
            "Invalid date provided for startDate (01/02/2018). Dates should match the following "
            "format YYYY-MM-DD hh:mm:ss (01/02/2018)"
        ),
        "rejected",
    ),
    ("Manufacturer cannot be null", "rejected"),
    ("Account cannot be empty", "rejected"),
    ("Reference (1007) already in use in area (001)", "conflict"),
    ("Account (57A) does not exist in database area (001)", "not_found"),
    (
        "Contact (Chad Buckley) does not exist on account (57A) in database area (001)",
        "not_found",
    ),
    (
        (
            "The combination of account (1), product (Chair), manufacture (Woodworks), "
            "reference (1007) is already in use by another Customer Product in area (001)."
        ),
        "conflict",
    ),
    ("Field (prodGroup) is longer than the maximum length allowed (25)", "rejected"),
    ("An internal error occurred while trying to import the Customer Products.", "unavailable"),
    ("No manufacturer specified on the Customer Product", "rejected"),
    (
        (
            "No matching Customer Product could be found for the following details: account (1), "
            "product (Chair), manufacturer (Woodworks), reference (1007) in area (001)."
        ),
        "not_found",
    ),
    ("No pre-existing Customer Product found with the reference (1007) in area (001)", "not_found"),
)

CHAIR = {"account": "1", "product": "Chair", "manufacturer": ""}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
# Bodies near the real ones reach further into the reading than arbitrary JSON does.
ENTRIES = JSON | st.lists(
    st.fixed_dictionaries({}, optional={"CUSTOMER_PRODUCT": JSON, "ERROR": JSON, "ERRORS": JSON})
)
LIKELY = st.fixed_dictionaries(
    {"STATUS": st.sampled_from(["success", "error", "success with errors"]) | JSON},
    optional={
        "ERROR": JSON,
        "ERRORS": JSON,
        "CUSTOMER_PRODUCTS": JSON
        | st.fixed_dictionaries({}, optional={"SUCCESSFUL": ENTRIES, "UNSUCCESSFUL": ENTRIES}),
        **{op.response.data.removeprefix("/"): JSON for op in FIVECRM.values() if not op.is_write},
    },
)
STATUSES = st.sampled_from([200, 302, 401, 404, 409, 429, 500, 503]) | st.integers(0, 999)


def golden() -> Iterator[Any]:
    """List all examples with the vendor that reads their replies."""
    fixture_vendors = {vendor.id: vendor for vendor in OTHER_VENDORS}
    for root in (schemas_root(), FIXTURES):
        for vendor_id in vendor_ids(root):
            is_fixture = root == FIXTURES
            vendor = fixture_vendors[vendor_id] if is_fixture else load_vendor_code(vendor_id)
            for operation in load_vendor(root, vendor_id):
                for case in operation.examples:
                    yield pytest.param(
                        operation, vendor, case, id=f"{operation.name}: {case.title}"
                    )


def said(body: Any, status: int = 200) -> Reply:
    return Reply(status, {"content-type": "application/json"}, json.dumps(body).encode())


def told(operation: Operation, vendor: Vendor, reply: Reply, arguments: Any) -> dict[str, Any]:
    """Say what the caller is told: the outcome, or the failure with its details."""
    try:
        return respond(operation, vendor, reply, arguments, Redactor()).as_dict()
    except ToolFailure as failure:
        return failure.as_dict()


def canonical(value: Any) -> str:
    """Write a value so that 1, 1.0 and true differ, and a difference shows by line."""
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False)


@pytest.mark.parametrize(("operation", "vendor", "case"), tuple(golden()))
def test_an_example_is_valid_and_becomes_its_request_and_its_result(
    operation: Operation, vendor: Vendor, case: Example
) -> None:
    went = run(operation, vendor, case)

    expected = expected_request(case)
    assert canonical(went.request) == canonical(expected)
    assert canonical(went.result) == canonical(case.result)
    for part in ("query", "form"):  # the order on the wire
        assert list(went.request.get(part, {})) == list(expected.get(part, {}))


@pytest.mark.parametrize("root", [schemas_root(), FIXTURES], ids=["tool_schemas", "fixtures"])
def test_every_operation_stands_under_its_heading_in_the_list_of_documented_calls(
    root: Path,
) -> None:
    for vendor_id in vendor_ids(root):
        listed = json.loads((root / vendor_id / "_documented.json").read_text(encoding="utf-8"))
        headings = {
            (document, entry["line"], entry["section"], entry["operation"])
            for document, entries in listed["documents"].items()
            for entry in entries
            if "operation" in entry
        }
        operations = load_vendor(root, vendor_id)
        sources = {
            (op.source.document, op.source.line, op.source.section, op.name) for op in operations
        }

        # A document may describe one call under several headings; one of them is its source.
        assert sources - headings == set()
        assert {name for *_, name in headings} == {op.name for op in operations}


@pytest.mark.parametrize(("sentence", "kind"), DOCUMENTED_ERRORS)
def test_a_documented_error_has_its_kind_as_a_text_and_as_a_list(sentence: str, kind: str) -> None:
    for error in (sentence, [sentence]):
        with pytest.raises(ToolFailure) as caught:
            VENDOR.read(said({"STATUS": "error", "ERROR": error}))

        assert (caught.value.kind, caught.value.vendor_code) == (kind, sentence)


@pytest.mark.parametrize(("sentence", "kind"), DOCUMENTED_ERRORS)
def test_a_documented_error_has_its_kind_among_the_errors_of_one_record(
    sentence: str, kind: str
) -> None:
    assert failure_of([sentence]).kind == kind


@pytest.mark.parametrize("error", [AREA_MISSING, [AREA_MISSING]], ids=["text", "list"])
@pytest.mark.parametrize("key", ["ERROR", "ERRORS"])
def test_the_errors_of_one_record_are_read_under_either_name_and_in_either_form(
    key: str, error: Any
) -> None:
    products = {
        "SUCCESSFUL": [{"CUSTOMER_PRODUCT": CHAIR}],
        "UNSUCCESSFUL": [{"CUSTOMER_PRODUCT": CHAIR, key: error}],
    }
    reply = said({"STATUS": "success with errors", "CUSTOMER_PRODUCTS": products})

    result = told(FIVECRM["fivecrm_customer_products_import"], VENDOR, reply, {})

    assert result == {
        "data": products,
        "status": "partly_done",
        "not_done": [{"item": CHAIR, "errors": [AREA_MISSING]}],
    }


@pytest.mark.parametrize("key", ["AREA", "AREAS"])
def test_the_list_of_areas_is_read_under_either_name(key: str) -> None:
    areas = [{"number": "001"}, {"number": "002"}]

    result = told(
        FIVECRM["fivecrm_areas_list"], VENDOR, said({"STATUS": "success", key: areas}), {}
    )

    assert result == {"data": areas, "page": {"returned": 2}}


@pytest.mark.parametrize(
    "words",
    ["Unable to locate any matching contacts", ["Unable to locate any matching contacts"]],
    ids=["text", "list"],
)
def test_a_search_that_finds_nobody_is_an_empty_result(words: Any) -> None:
    search = FIVECRM["fivecrm_privacy_details_search"]

    result = told(search, VENDOR, said({"STATUS": "error", "ERROR": words}), {})

    assert result == {"data": [], "page": {"returned": 0}}


@pytest.mark.parametrize("operation", FIVECRM.values(), ids=FIVECRM)
@settings(deadline=None)  # a busy machine is no failure
@given(content=st.binary(), status=STATUSES)
@for_example(content=b"", status=200)
@for_example(content=b'{"STATUS": "success"}', status=200)
@for_example(content=b'{"STATUS": 1e999}', status=200)
@for_example(content=b"[" * 100_000, status=200)
def test_arbitrary_bytes_end_in_a_failure_and_in_nothing_worse(
    operation: Operation, content: bytes, status: int
) -> None:
    with pytest.raises(ToolFailure):
        respond(operation, VENDOR, Reply(status, {}, content), {}, Redactor())


@settings(deadline=None, max_examples=500)  # a busy machine is no failure
@given(operation=st.sampled_from([*FIVECRM.values()]), body=LIKELY | JSON, status=STATUSES)
def test_an_arbitrary_json_reply_is_an_outcome_or_a_failure(
    operation: Operation, body: Any, status: int
) -> None:
    result = told(operation, VENDOR, said(body, status), {})

    assert ("error" in result) != ("data" in result)


@pytest.mark.parametrize("depth", [100, 600, 100_000])
def test_a_reply_nested_at_any_depth_is_an_outcome_or_a_failure(depth: int) -> None:
    content = b'{"STATUS": "success", "AREA": ' + b"[" * depth + b"]" * depth + b"}"

    result = told(FIVECRM["fivecrm_areas_get"], VENDOR, Reply(200, {}, content), {})

    assert ("error" in result) != ("data" in result)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"account": ""}, "account has 0 characters"),
        ({"product": None}, "product must be text, not null"),
        ({"manufacturer": "x" * 26}, "manufacturer has 26 characters"),
        ({"startDate": "2018-01-01"}, "startDate is"),
        ({"startDate": "2018-01-01 01:00:00\n"}, "startDate is"),
        ({"addn51": "Blue"}, "addn51 is unknown"),
        ({"planQty": "5"}, "planQty must be a number, not text"),
        ({"cid": 1.5}, "cid must be a whole number"),
    ],
)
def test_a_customer_product_that_the_document_forbids_is_not_sent(
    change: dict[str, Any], complaint: str
) -> None:
    operation = FIVECRM["fivecrm_customer_products_import"]
    arguments = {"area": "001", "customerProducts": [CHAIR | change]}

    with pytest.raises(InvalidArguments) as caught:
        ArgumentValidator().check(operation, arguments)

    assert f"customerProducts[0].{complaint}" in caught.value.message


@pytest.mark.parametrize(
    ("tool", "missing"),
    [("import", {"manufacturer"}), ("update", {"manufacturer", "reference"})],
)
def test_a_customer_product_needs_the_fields_that_name_it(tool: str, missing: set[str]) -> None:
    operation = FIVECRM[f"fivecrm_customer_products_{tool}"]
    arguments = {"area": "001", "customerProducts": [{"account": "1", "product": ""}]}

    with pytest.raises(InvalidArguments) as caught:
        ArgumentValidator().check(operation, arguments)

    complaints = {f"customerProducts[0].{name} is missing" for name in missing}
    found = caught.value.message.removeprefix(f"{operation.name}: ").removesuffix(".").split("; ")
    assert set(found) == complaints


def test_a_privacy_search_needs_a_criterion_besides_the_area() -> None:
    with pytest.raises(InvalidArguments, match="give at least one of contName"):
        ArgumentValidator().check(FIVECRM["fivecrm_privacy_details_search"], {"area": "001"})


@pytest.mark.parametrize(
    "content",
    [
        b'<!DOCTYPE Responses [<!ENTITY a "b">]><Responses><Error>&a;</Error></Responses>',
        b"<Responses><Error>" + b"x" * 64_000 + b"</Error></Responses>",
        b"<Responses><Error>",
        b"<Responses/>",
        b"not found",
    ],
    ids=["a DTD", "too large", "cut off", "no error in it", "no XML"],
)
def test_a_synergist_error_that_is_not_the_documented_xml_is_unreadable(content: bytes) -> None:
    synergist = next(vendor for vendor in OTHER_VENDORS if vendor.id == "synergist")

    with pytest.raises(UnreadableReply):
        synergist.read(Reply(404, {}, content))
