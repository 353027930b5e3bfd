"""The result as a value: complete where it fits, and else shortened, counted, and still JSON."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_mcp.envelope import NARROW, as_text, failure, fit, success
from crm_mcp.errors import NotFound, RateLimited, Rejected, UnknownTool
from crm_mcp.operation import Operation
from crm_mcp.respond import Outcome
from crm_mcp.vendors.base import FailedItem

ACCOUNT = "fivecrm (crm.example.com/base)"
SOURCE = {"vendor": "fivecrm", "account": ACCOUNT, "evidence": "documented"}
TEXTS = st.text(st.characters(codec="utf-8"), max_size=400)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=30) | st.dictionaries(TEXTS, inner, max_size=10),
    max_leaves=20,
)
LIMITS = st.integers(min_value=1000, max_value=6000)


@pytest.fixture(scope="session")
def operation(five: Mapping[str, Operation]) -> Operation:
    return five["fivecrm_customer_products_import"]


def test_an_outcome_that_fits_is_told_whole_and_with_its_source(operation: Operation) -> None:
    outcome = Outcome(
        [1],
        page={"returned": 1},
        status="partly_done",
        not_done=(FailedItem(2, ("taken",)),),
        warnings=("slow",),
        simulated=True,
    )

    assert success(outcome, operation, ACCOUNT, 1000) == {
        "data": [1],
        "page": {"returned": 1},
        "status": "partly_done",
        "not_done": [{"item": 2, "errors": ["taken"]}],
        "warnings": ["slow"],
        "source": {**SOURCE, "simulated": True},
    }


def test_what_has_no_content_is_left_out_but_data_always_stand(operation: Operation) -> None:
    assert success(Outcome(None), operation, ACCOUNT, 1000) == {"data": None, "source": SOURCE}


def test_an_error_is_told_with_all_it_has_to_say() -> None:
    error = Rejected("Taken.", hint="Mend.", vendor_code="E1", status="not_done", count=0, none=[])

    assert failure(error, 1000) == {
        "error": "rejected",
        "message": "Taken.",
        "hint": "Mend.",
        "vendor_code": "E1",
        "status": "not_done",
        "count": 0,
    }


@pytest.mark.parametrize(
    ("error", "envelope"),
    [
        (NotFound("Gone."), {"error": "not_found", "message": "Gone."}),
        (
            RateLimited("Busy.", seconds=0.0),
            {"error": "rate_limited", "message": "Busy.", "seconds": 0.0},
        ),
        (
            RateLimited("Busy.", seconds=None),
            {"error": "rate_limited", "message": "Busy."},
        ),
        (UnknownTool("No.", nearest=[]), {"error": "unknown_tool", "message": "No."}),
    ],
)
def test_what_an_error_does_not_say_is_left_out(error: Any, envelope: dict[str, Any]) -> None:
    assert failure(error, 1000) == envelope


def test_the_text_is_compact_json_with_all_characters_as_they_are() -> None:
    assert as_text({"data": ["ü", 1.5, None]}) == '{"data":["ü",1.5,null]}'


def test_the_limit_counts_characters_and_is_kept_to_the_last() -> None:
    envelope = {"data": ["ü" * 100], "source": SOURCE}
    size = len(as_text(envelope))

    assert fit(envelope, size) is envelope
    assert fit(envelope, size - 1) != envelope


def test_whole_items_are_dropped_from_the_end_as_few_as_possible() -> None:
    items = [f"item {number:04}" for number in range(1000)]
    envelope = {"data": {"list": items}, "source": SOURCE}

    fitted = fit(envelope, 5000)

    kept = len(fitted["data"]["list"])
    assert fitted == {
        "data": {"list": items[:kept]},
        "source": SOURCE,
        "truncated": {"dropped": 1000 - kept, "from": "data.list", "how": NARROW},
    }
    assert len(as_text(fitted)) <= 5000 < len(as_text(fitted)) + len(as_text({"": items[0]}))
    assert len(items) == 1000


def test_a_page_that_no_call_goes_on_from_says_how_many_are_left_of_it() -> None:
    page = {"returned": 200, "total": 300, "next": {"page": 2}}

    fitted = fit({"data": ["x" * 50] * 200, "page": page}, 2000)

    assert fitted["page"] == {"returned": len(fitted["data"]), "total": 300}


def test_the_list_that_takes_most_room_is_shortened() -> None:
    envelope = {"data": list(range(100)), "not_done": ["x" * 100] * 100, "source": SOURCE}

    fitted = fit(envelope, 2000)

    assert fitted["data"] == list(range(100))
    assert fitted["truncated"]["from"] == "not_done"
    assert fitted["truncated"]["dropped"] == 100 - len(fitted["not_done"])


def test_long_texts_are_cut_no_more_than_needed_and_say_how_long_they_were() -> None:
    envelope = {"data": {"a": "s" * 2000, "b": {"c": "l" * 9000}}, "source": SOURCE}

    fitted = fit(envelope, 5000)

    assert fitted == {
        "data": {"a": "s" * 2000, "b": {"c": f"{'l' * 2000}… (9000 characters)"}},
        "source": SOURCE,
        "truncated": {"texts_longer_than": 2000, "how": NARROW},
    }


@pytest.mark.parametrize(("limit", "text_limit"), [(4000, 100), (2000, 20)])
def test_texts_are_cut_shorter_and_shorter_until_all_fits(limit: int, text_limit: int) -> None:
    texts = {str(number): "x" * 1000 for number in range(20)}

    fitted = fit({"data": texts, "source": SOURCE}, limit)

    begun = {number: text.partition(" (")[0] for number, text in fitted["data"].items()}
    assert begun == dict.fromkeys(texts, "x" * text_limit + "…")
    assert fitted["truncated"] == {"texts_longer_than": text_limit, "how": NARROW}


def test_items_are_not_dropped_where_a_cut_text_is_enough() -> None:
    envelope = {"data": {"list": [1, 2, 3], "text": "x" * 5000}, "source": SOURCE}

    fitted = fit(envelope, 1000)

    assert fitted["data"]["list"] == [1, 2, 3]
    assert fitted["truncated"] == {"how": NARROW, "texts_longer_than": 500}


def test_items_are_dropped_and_counted_where_a_cut_text_is_not_enough() -> None:
    envelope = {"data": {"list": ["a" * 60] * 30, "text": "x" * 5000}, "source": SOURCE}

    fitted = fit(envelope, 1000)

    assert 0 < len(fitted["data"]["list"]) < 30
    assert fitted["truncated"] == {
        "dropped": 30 - len(fitted["data"]["list"]),
        "from": "data.list",
        "how": NARROW,
        "texts_longer_than": 500,
    }


def test_what_cannot_be_shortened_is_left_out_altogether(operation: Operation) -> None:
    data = {"k" * 300 + str(number): number for number in range(10)}

    told = success(Outcome(data, status="done"), operation, ACCOUNT, 1000)

    assert told == {
        "status": "done",
        "source": SOURCE,
        "data": None,
        "truncated": {"dropped": "everything", "how": NARROW},
    }


def test_an_error_keeps_its_kind_when_nothing_else_fits() -> None:
    details: dict[str, Any] = {"k" * 300 + str(number): number for number in range(10)}

    assert failure(Rejected("no", status="not_done", **details), 1000) == {
        "error": "rejected",
        "status": "not_done",
        "message": "no",
        "data": None,
        "truncated": {"dropped": "everything", "how": NARROW},
    }


@given(data=VALUES, failed=st.lists(VALUES, max_size=5), warnings=st.lists(TEXTS), limit=LIMITS)
def test_an_outcome_is_always_json_within_its_limit(
    operation: Operation, data: Any, failed: list[Any], warnings: list[str], limit: int
) -> None:
    not_done = tuple(FailedItem(item, ("taken",)) for item in failed)
    outcome = Outcome(data, status="done", not_done=not_done, warnings=tuple(warnings))

    told = success(outcome, operation, ACCOUNT, limit)

    assert len(as_text(told)) <= limit
    assert json.loads(as_text(told)) == told
    assert (told["source"], told["status"]) == (SOURCE, "done")


@given(message=TEXTS, code=TEXTS, details=st.dictionaries(TEXTS, VALUES, max_size=5), limit=LIMITS)
def test_an_error_is_always_json_within_its_limit(
    message: str, code: str, details: dict[str, Any], limit: int
) -> None:
    named = {f"detail {name}": value for name, value in details.items()}

    told = failure(Rejected(message, vendor_code=code, **named), limit)

    assert len(as_text(told)) <= limit
    assert json.loads(as_text(told)) == told
    assert told["error"] == "rejected"


@given(items=st.lists(st.text(max_size=300), max_size=40), limit=LIMITS)
def test_every_item_that_is_dropped_is_counted(
    operation: Operation, items: list[str], limit: int
) -> None:
    told = success(Outcome(items), operation, ACCOUNT, limit)

    kept = len(told["data"])
    assert told["data"] == items[:kept]
    assert told.get("truncated", {}).get("dropped", 0) == len(items) - kept
