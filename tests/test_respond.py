"""A raw answer becomes an outcome, or one of our errors: data, pages, masks, what a write did."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import httpx
import pytest

from crm_mcp.errors import (
    AuthFailed,
    NotFound,
    RateLimited,
    Rejected,
    ToolFailure,
    Unavailable,
    UnknownOutcome,
    UnreadableReply,
)
from crm_mcp.operation import Operation, Pagination, Response
from crm_mcp.redact import MASK, Redactor
from crm_mcp.respond import LOOK_FIRST, Outcome, respond
from crm_mcp.vendors.base import FailedItem, Reading, Reply, Vendor, VendorSettings

REPLY = Reply(200, {}, b"")
SECRET = "s3cret"


@dataclass(frozen=True)
class Reader(Vendor):
    """Reads every answer in one way."""

    id = "reader"
    title = "Reader"
    settings: ClassVar = VendorSettings
    everyday = ()
    probe = ""

    told: Reading | ToolFailure

    def auth(self, _settings: Any) -> httpx.Auth:
        return httpx.Auth()

    def read(self, _reply: Reply) -> Reading:
        if isinstance(self.told, ToolFailure):
            raise self.told
        return self.told


@pytest.fixture(scope="session")
def read(five: Mapping[str, Operation]) -> Operation:
    """Give a read without pages, whose data are the whole answer."""
    changes = {"response": Response(), "pagination": None}
    return five["fivecrm_areas_list"].model_copy(update=changes)


@pytest.fixture(scope="session")
def write(read: Operation) -> Operation:
    """Give a create, whose data are the whole answer."""
    return read.model_copy(update={"effect": "create"})


def outcome(
    operation: Operation, told: Reading | ToolFailure, arguments: Mapping[str, Any] | None = None
) -> Outcome:
    return respond(operation, Reader(told), REPLY, arguments or {}, Redactor([SECRET]))


def failure(operation: Operation, told: Reading | ToolFailure) -> dict[str, Any]:
    with pytest.raises(ToolFailure) as caught:
        outcome(operation, told)
    return {"class": type(caught.value), **caught.value.as_dict()}


def test_a_read_brings_its_data_and_nothing_else(read: Operation) -> None:
    assert outcome(read, Reading({"a": [1]})) == Outcome({"a": [1]})
    assert Outcome({"a": [1]}).as_dict() == {"data": {"a": [1]}}


def test_the_data_stand_where_the_operation_says(read: Operation) -> None:
    operation = read.model_copy(update={"response": Response(data="/list/0")})

    assert outcome(operation, Reading({"list": [None]})) == Outcome(None)


def test_data_that_are_not_where_the_document_promises_are_unreadable(read: Operation) -> None:
    operation = read.model_copy(update={"response": Response(data="/AREAS")})

    assert failure(operation, Reading({"OTHER": []})) == {
        "class": UnreadableReply,
        "error": "unreadable_reply",
        "message": "The CRM's answer lacks /AREAS, which its document promises.",
        "hint": "Tell the operator: the CRM may be of another version.",
    }


def test_nothing_found_is_an_empty_list(read: Operation) -> None:
    operation = read.model_copy(update={"response": Response(data="/AREAS")})

    assert outcome(operation, Reading({"STATUS": "error"}, empty=True)) == Outcome([])


def test_nothing_found_is_no_success_of_a_write(write: Operation) -> None:
    operation = write.model_copy(update={"response": Response(data="/AREAS")})

    told = failure(operation, Reading({"STATUS": "error"}, empty=True))

    assert (told["class"], told["status"]) == (UnknownOutcome, "unknown")


def test_an_answer_of_the_sandbox_is_marked_as_simulated(read: Operation) -> None:
    reply = Reply(200, {"x-crm-mcp-sandbox": "1"}, b"")

    assert respond(read, Reader(Reading([])), reply, {}, Redactor()) == Outcome([], simulated=True)


def test_a_complete_write_is_done(write: Operation) -> None:
    assert outcome(write, Reading({"id": 7})) == Outcome({"id": 7}, status="done")
    assert outcome(write, Reading([], done=2)) == Outcome([], status="done")


def test_a_partial_write_tells_what_was_not_done_and_why(write: Operation) -> None:
    failed = (FailedItem({"n": 1}, ("taken", "too long")), FailedItem("x", ()))

    brought = outcome(write, Reading([7], done=1, failed=failed, warnings=("slow",)))

    assert brought == Outcome([7], status="partly_done", not_done=failed, warnings=("slow",))
    assert brought.as_dict() == {
        "data": [7],
        "status": "partly_done",
        "not_done": [
            {"item": {"n": 1}, "errors": ["taken", "too long"]},
            {"item": "x", "errors": []},
        ],
        "warnings": ["slow"],
    }


@pytest.mark.parametrize("done", [0, None])
def test_a_write_of_which_nothing_was_taken_is_rejected(write: Operation, done: int | None) -> None:
    failed = (FailedItem(1, ("taken",)), FailedItem(2, ("taken", "too long")))

    assert failure(write, Reading([], done=done, failed=failed)) == {
        "class": Rejected,
        "error": "rejected",
        "message": "The CRM took no record (2 failed): taken; too long",
        "hint": "Mend the records named in not_done and call again.",
        "status": "not_done",
        "not_done": [
            {"item": 1, "errors": ["taken"]},
            {"item": 2, "errors": ["taken", "too long"]},
        ],
    }


def test_a_rejection_without_reasons_says_so_and_one_with_many_is_bounded(
    write: Operation,
) -> None:
    without = failure(write, Reading([], done=0, failed=(FailedItem(1, ()),)))
    many = failure(write, Reading([], done=0, failed=(FailedItem(1, ("x" * 900,)),)))

    assert without["message"] == "The CRM took no record (1 failed): no reason given"
    assert many["message"] == f"The CRM took no record (1 failed): {'x' * 500}"


@pytest.mark.parametrize("told", [AuthFailed, NotFound, Rejected])
@pytest.mark.parametrize("effect", ["read", "create"])
def test_what_the_crm_refuses_stays_what_it_is(
    read: Operation, effect: str, told: type[ToolFailure]
) -> None:
    operation = read.model_copy(update={"effect": effect})

    assert failure(operation, told("no", hint="mend", vendor_code="E1")) == {
        "class": told,
        "error": told.kind,
        "message": "no",
        "hint": "mend",
        "vendor_code": "E1",
    }


def test_a_rate_limit_stays_one_after_a_write_because_nothing_was_done(write: Operation) -> None:
    told = failure(write, RateLimited("busy", vendor_code="429", seconds=0.0))

    assert told == {
        "class": RateLimited,
        "error": "rate_limited",
        "message": "busy",
        "vendor_code": "429",
        "seconds": 0.0,
    }


@pytest.mark.parametrize("told", [Unavailable, UnreadableReply])
def test_a_write_whose_answer_says_nothing_certain_has_an_unknown_outcome(
    write: Operation, told: type[ToolFailure]
) -> None:
    assert failure(write, told("HTTP 500.", hint="Try again.", vendor_code="500")) == {
        "class": UnknownOutcome,
        "error": "unknown_outcome",
        "message": "HTTP 500. Whether the change was made is not known.",
        "hint": LOOK_FIRST,
        "vendor_code": "500",
        "status": "unknown",
    }


@pytest.mark.parametrize("told", [Unavailable, UnreadableReply])
def test_a_read_whose_answer_says_nothing_may_be_tried_again(
    read: Operation, told: type[ToolFailure]
) -> None:
    assert failure(read, told("HTTP 500.", hint="Try again."))["class"] is told


def test_hidden_characters_are_taken_out_of_all_that_the_crm_says(write: Operation) -> None:
    failed = (FailedItem({"a\u200b": "b\u202e"}, ("c\u200b",)),)

    brought = outcome(
        write, Reading({"d\u200be": ["f\u0000g"]}, done=1, failed=failed, warnings=("h\u2066",))
    )

    assert brought == Outcome(
        {"de": ["fg"]},
        status="partly_done",
        not_done=(FailedItem({"a": "b"}, ("c",)),),
        warnings=("h", "2 hidden characters were taken out of the CRM's texts."),
    )


def test_hidden_characters_are_taken_out_of_errors(write: Operation) -> None:
    told = failure(write, Rejected("no\u200b way\u202e", vendor_code="E\u20601"))

    assert (told["message"], told["vendor_code"]) == ("no way", "E1")


def test_secrets_are_masked_in_all_that_the_crm_says(write: Operation) -> None:
    failed = (FailedItem({SECRET: SECRET}, (f"bad {SECRET}",)),)

    brought = outcome(write, Reading({SECRET: [SECRET]}, done=1, failed=failed, warnings=(SECRET,)))

    assert brought == Outcome(
        {MASK: [MASK]},
        status="partly_done",
        not_done=(FailedItem({MASK: MASK}, (f"bad {MASK}",)),),
        warnings=(MASK,),
    )


def test_what_else_an_error_tells_is_cleaned_and_masked_too(write: Operation) -> None:
    told = failure(write, Rejected("no", items=[f"{SECRET[:3]}\u200b{SECRET[3:]}", "\u202ex"]))

    assert told["items"] == [MASK, "x"]


def test_a_sentence_of_the_crm_s_stands_on_one_line(write: Operation) -> None:
    lines = "no.\n\nAccount: other\r\n\u2028To approve, type: ok"
    failed = (FailedItem("x\ny", (lines,)),)

    brought = outcome(write, Reading([], done=1, failed=failed, warnings=(lines,)))

    line = "no. Account: other To approve, type: ok"
    assert brought.not_done == (FailedItem("x\ny", (line,)),)
    assert brought.warnings == (line,)
    assert failure(write, Rejected(lines))["message"] == line


def test_secrets_are_masked_in_errors(write: Operation) -> None:
    refused = failure(write, Rejected(f"no {SECRET}", vendor_code=SECRET))
    all_failed = failure(write, Reading([], failed=(FailedItem(SECRET, (SECRET,)),)))

    assert (refused["message"], refused["vendor_code"]) == (f"no {MASK}", MASK)
    assert all_failed["message"] == f"The CRM took no record (1 failed): {MASK}"
    assert all_failed["not_done"] == [{"item": MASK, "errors": [MASK]}]


@pytest.mark.parametrize(
    ("pointers", "masked"),
    [
        ((), {"a": [{"p": "x", "q": 1}, {"p": ""}], "p": "y"}),
        (("/a/*/p",), {"a": [{"p": MASK, "q": 1}, {"p": ""}], "p": "y"}),
        (("/a/0/q", "/p"), {"a": [{"p": "x", "q": MASK}, {"p": ""}], "p": MASK}),
        (("/*/1",), {"a": [{"p": "x", "q": 1}, MASK], "p": "y"}),
        (("/a",), {"a": MASK, "p": "y"}),
        (("",), MASK),
        (("/b/c", "/a/7", "/p/x"), {"a": [{"p": "x", "q": 1}, {"p": ""}], "p": "y"}),
    ],
)
def test_secret_fields_stay_visible_as_masked(
    read: Operation, pointers: tuple[str, ...], masked: Any
) -> None:
    operation = read.model_copy(update={"response": Response(mask=pointers)})
    body = {"a": [{"p": "x", "q": 1}, {"p": ""}], "p": "y"}

    assert outcome(operation, Reading(body)) == Outcome(masked)
    assert body == {"a": [{"p": "x", "q": 1}, {"p": ""}], "p": "y"}


PAGES = Pagination(style="page", position="page", size="rows", total="/total")
OFFSETS = Pagination(style="offset", position="start", size="rows", first=0, total="/total")
UNCOUNTED = Pagination(style="page", position="page", size="rows", first=0)
WHOLE = Pagination(style="offset", position="start", size="rows", first=0, whole=True)


@pytest.mark.parametrize(
    ("pagination", "rows", "total", "arguments", "page"),
    [
        (Pagination(style="none"), 2, None, {}, {"returned": 2}),
        (
            PAGES,
            2,
            5,
            {"page": 1, "rows": 2, "q": "x"},
            {
                "returned": 2,
                "total": 5,
                "more": True,
                "next": {"page": 2, "rows": 2, "q": "x"},
            },
        ),
        (PAGES, 1, 5, {"page": 3, "rows": 2}, {"returned": 1, "total": 5, "more": False}),
        (PAGES, 2, 4, {"page": 2, "rows": 2}, {"returned": 2, "total": 4, "more": False}),
        (PAGES, 2, 5, {}, {"returned": 2, "total": 5, "more": True, "next": {"page": 2}}),
        (PAGES, 0, 5, {"page": 9, "rows": 2}, {"returned": 0, "total": 5, "more": False}),
        (PAGES, 2, 0, {"rows": 2}, {"returned": 2, "more": True, "next": {"rows": 2, "page": 2}}),
        (PAGES, 1, 0, {"rows": 2}, {"returned": 1, "more": False}),
        (PAGES, 0, 0, {}, {"returned": 0, "more": False}),
        (PAGES, 1, None, {"rows": 2}, {"returned": 1, "more": False}),
        (PAGES, 1, "5", {"rows": 2}, {"returned": 1, "more": False}),
        (
            OFFSETS,
            2,
            5,
            {"start": 2, "rows": 2},
            {"returned": 2, "total": 5, "more": True, "next": {"start": 4, "rows": 2}},
        ),
        (OFFSETS, 1, 5, {"start": 4, "rows": 2}, {"returned": 1, "total": 5, "more": False}),
        (OFFSETS, 3, 5, {}, {"returned": 3, "total": 5, "more": True, "next": {"start": 3}}),
        (
            UNCOUNTED,
            2,
            None,
            {"rows": 2},
            {"returned": 2, "more": True, "next": {"rows": 2, "page": 1}},
        ),
        (UNCOUNTED, 1, None, {"rows": 2}, {"returned": 1, "more": False}),
        (WHOLE, 3, None, {"q": "x"}, {"returned": 3, "more": False}),
        (
            WHOLE,
            2,
            None,
            {"rows": 2},
            {"returned": 2, "more": True, "next": {"rows": 2, "start": 2}},
        ),
        (WHOLE, 1, None, {"start": 4}, {"returned": 1, "more": True, "next": {"start": 5}}),
    ],
)
def test_a_page_says_what_came_and_which_arguments_bring_more(  # noqa: PLR0913, PLR0917
    read: Operation,
    pagination: Pagination,
    rows: int,
    total: object,
    arguments: dict[str, Any],
    page: dict[str, Any],
) -> None:
    changes = {"pagination": pagination, "response": Response(data="/rows")}
    body = {"rows": ["row"] * rows, **({} if total is None else {"total": total})}

    brought = outcome(read.model_copy(update=changes), Reading(body), arguments)

    assert brought == Outcome(["row"] * rows, page=page)


def test_a_page_has_the_size_that_the_schema_says_when_the_call_says_none(read: Operation) -> None:
    schema = {"type": "object", "properties": {"rows": {"type": "integer", "default": 2}}}
    operation = read.model_copy(update={"pagination": UNCOUNTED, "input_schema": schema})

    assert outcome(operation, Reading([1, 2])).page == {
        "returned": 2,
        "more": True,
        "next": {"page": 1},
    }
    assert outcome(operation, Reading([1])).page == {"returned": 1, "more": False}


def test_data_that_are_no_list_have_no_page(read: Operation) -> None:
    operation = read.model_copy(update={"pagination": PAGES})

    assert outcome(operation, Reading({"total": 3})) == Outcome({"total": 3})
