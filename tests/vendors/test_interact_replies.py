"""How interact's answers are read: what is a failure, what its code says, and what to do."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_mcp.errors import (
    AuthFailed,
    Conflict,
    Forbidden,
    NotFound,
    RateLimited,
    Rejected,
    Unavailable,
    UnreadableReply,
    UpstreamError,
)
from crm_mcp.loader import schemas_root
from crm_mcp.vendors.base import FailedItem, Reading, Reply
from crm_mcp.vendors.interact import VENDOR
from crm_mcp.vendors.interact.codes import FAILURES, decode

NO_CONTACT = 91040101001001

# Tables 100 to 103 as the document counts them, with the kind that each row means to us.
KINDS: dict[str, type[UpstreamError] | None] = {
    "9000": None,
    "9001": Unavailable,
    "9002": Unavailable,
    **{f"91{number:02}": NotFound for number in range(20)},
    **dict.fromkeys(["9200", "9201", "9202", "9300", "9305"], Rejected),
    **dict.fromkeys(["9301", "9302", "9303", "9304"], Conflict),
    "9306": NotFound,
    "9401": AuthFailed,
    "9402": Forbidden,
    "9999": Unavailable,
}
ACTIONS = [f"0{number}" for number in range(10, 23)]
REALMS = re.findall(
    r"\d+",
    "000 040 050 060 090 100 103 104 105 106 107 108 109 110 111 200 201 202 300 301 302 400 500 "
    "600 601 700 701 702 703 704 705 750 800 900",
)
DETAILS = re.findall(
    r"\d+", "1001 2001 2002 2003 2004 2005 3003 4003 4004 5001 5002 5003 6001 6002 7001 7002"
)


def reply(body: object, status: int = 200, headers: dict[str, str] | None = None) -> Reply:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status, headers or {}, content)


def error(code: object, devmsg: object = "no", status: int = 400) -> Reply:
    return reply({"code": status, "error": code, "devmsg": devmsg}, status)


def outcome(answer: Reply) -> Reading | UpstreamError:
    try:
        return VENDOR.read(answer)
    except UpstreamError as failure:
        return failure


def failure(answer: Reply) -> dict[str, Any]:
    with pytest.raises(UpstreamError) as caught:
        VENDOR.read(answer)
    return {"class": type(caught.value), **caught.value.as_dict()}


@pytest.mark.parametrize(
    "body",
    [
        [],
        [{"id": 1}],
        {"data": [], "length": 0},
        {"id": 4, "name": "Boat"},
        {"code": 201, "entity": {"id": 4}, "devmsg": "success"},
        {"code": 204, "devmsg": "success"},
        {"code": 200, "error": 0, "devmsg": "success"},
        {"error": "a field of a record", "name": "x"},
        {"code": 404, "name": "a record with a code"},
    ],
)
def test_every_documented_form_of_success_is_given_as_it_stands(body: object) -> None:
    assert VENDOR.read(reply(body)) == Reading(body)


@pytest.mark.parametrize("status", [200, 204])
def test_a_success_may_have_no_body(status: int) -> None:
    assert VENDOR.read(reply(b"", status)) == Reading(None)


def test_an_import_counts_what_it_took_and_what_it_did_not() -> None:
    body = {"externalSystem": "google", "created": [1, 2], "updated": [3], "deleted": [4]}

    assert VENDOR.read(reply({**body, "failed": []})) == Reading({**body, "failed": []}, done=4)
    reading = VENDOR.read(reply({**body, "failed": [7]}))

    words = "interact did not store this contact: create, update or merge it by itself."
    assert reading.failed == (FailedItem(7, (words,)),)
    assert reading.done == 4


@pytest.mark.parametrize(("group", "kind"), KINDS.items())
def test_every_row_of_what_went_wrong_has_words_a_kind_and_a_hint(
    group: str, kind: type[UpstreamError] | None
) -> None:
    told = failure(error(int(f"{group}0111001001"), "no chance"))

    assert told["class"] is (kind or Rejected)  # a general failure: HTTP 400 decides
    assert told["message"] == (
        f"interact said: {FAILURES[group].words} (while updating, in contacts, detail 1001), "
        "in its own words: no chance."
    )
    assert told["vendor_code"] == f"{group}0111001001"
    assert len(told["hint"]) > 10


def test_no_row_of_what_went_wrong_is_missing_or_said_twice() -> None:
    assert FAILURES.keys() == KINDS.keys()
    assert len({entry.words for entry in FAILURES.values()}) == len(KINDS) == 36


@pytest.mark.parametrize(
    ("template", "groups"),
    [
        ("9104{}1001001", ACTIONS),
        ("9104011{}1001", REALMS),
        ("9104011100{}", DETAILS),
    ],
)
def test_every_row_of_action_realm_and_detail_has_words_of_its_own(
    template: str, groups: list[str]
) -> None:
    told = [failure(error(template.format(group)))["message"] for group in groups]
    unknown = failure(error(template.format("9" * len(groups[0]))))["message"]

    assert len(set(told)) == len(groups)
    assert unknown not in told
    assert all("not listed" not in message for message in told)


def test_a_code_is_read_group_by_group() -> None:
    code = decode(91070141043003)

    assert code is not None
    assert code.words == (
        "there is no such deal (while deleting, in deals of contacts, detail 3003)"
    )
    assert decode("91070141043003") == code


def test_groups_that_the_document_does_not_list_are_left_out_or_said_to_be_so() -> None:
    code = decode(97779999999999)

    assert code is not None
    assert code.words == "error 9777, which is not listed (detail 9999, not listed)"


@pytest.mark.parametrize(
    "value",
    [
        *(0, -91040101001001, 9104010100100, 910401010010010, 91040101001001.0),
        *(True, None, [91040101001001], "", "9104010100100x", "9104 0101001001"),
        "\N{ARABIC-INDIC DIGIT NINE}1040101001001",
    ],
)
def test_what_has_not_fourteen_digits_is_no_code(value: object) -> None:
    assert decode(value) is None


@pytest.mark.parametrize("code", [97770111001001, 12345678901234, "nonsense", 9, None])
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (301, Unavailable),
        (400, Rejected),
        (401, AuthFailed),
        (403, Forbidden),
        (404, NotFound),
        (409, Conflict),
        (429, RateLimited),
        (500, Unavailable),
        (503, Unavailable),
    ],
)
def test_where_the_code_says_nothing_the_http_status_decides_and_there_is_a_hint(
    code: object, status: int, kind: type[UpstreamError]
) -> None:
    told = failure(error(code, "oh", status))

    assert told["class"] is kind
    assert told["vendor_code"] == str(code or status)
    assert "oh" in told["message"] or kind is Unavailable
    assert told["hint"]


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b'"text"', b"{}"])
def test_a_failure_without_a_body_of_its_form_has_its_http_status(body: bytes) -> None:
    told = failure(reply(body, 403))

    assert (told["class"], told["vendor_code"]) == (Forbidden, "403")


def test_the_code_outweighs_the_http_status() -> None:
    assert failure(error(NO_CONTACT, status=400))["class"] is NotFound
    assert failure(error(94020101001001, status=401))["class"] is Forbidden


def test_too_many_calls_are_told_as_such_whatever_the_code() -> None:
    answer = reply({"error": NO_CONTACT, "devmsg": "slow"}, 429, {"retry-after": "7"})

    told = failure(answer)

    assert (told["class"], told["seconds"], told["hint"]) == (
        RateLimited,
        7,
        "Try again in 7 seconds.",
    )


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"code": 404, "error": NO_CONTACT, "devmsg": "x"}, NotFound),
        ({"error": NO_CONTACT}, NotFound),
        ({"code": 200, "error": NO_CONTACT, "devmsg": "x"}, NotFound),
        ({"code": 403, "devmsg": "x"}, Forbidden),
        ({"code": 409, "error": "?", "devmsg": "x"}, Conflict),
        ({"code": 500, "error": 90000111001001, "devmsg": "x"}, Unavailable),
        ({"code": 9999, "error": "?", "devmsg": "x"}, UnreadableReply),
        ({"error": 90000111001001, "devmsg": "x"}, UnreadableReply),
        ({"error": {"any": "thing"}, "devmsg": None}, UnreadableReply),
        ({"code": None, "error": "?"}, UnreadableReply),
    ],
)
def test_a_failure_may_hide_behind_a_good_http_status(
    body: dict[str, Any], kind: type[UpstreamError]
) -> None:
    assert failure(reply(body))["class"] is kind


def test_an_error_that_says_nothing_is_told_with_its_words() -> None:
    told = failure(reply({"error": "?", "devmsg": "oh dear"}))

    assert told["message"] == "interact reported an error without saying which: oh dear."
    assert told["vendor_code"] == "?"


def test_a_success_that_is_no_json_is_unreadable() -> None:
    assert failure(reply(b"<html>"))["class"] is UnreadableReply


def test_a_change_by_somebody_else_says_to_read_again() -> None:
    told = failure(error(93040111001001, "version conflict", 409))

    assert told["class"] is Conflict
    assert told["hint"].startswith("Read the record again")


@pytest.mark.parametrize(
    ("devmsg", "told"),
    [
        ("x" * 2000, "x" * 500),
        ({"a": 1}, '{"a": 1}'),
        (["ä"], '["ä"]'),
        ("  spaced ", "spaced"),
    ],
)
def test_the_words_of_the_crm_are_bounded_whatever_they_are(devmsg: object, told: str) -> None:
    message = failure(error(NO_CONTACT, devmsg))["message"]

    assert message.endswith(f"in its own words: {told}.")


@pytest.mark.parametrize("devmsg", [None, "", " "])
def test_where_the_crm_has_no_words_none_are_told(devmsg: object) -> None:
    assert "own words" not in failure(error(NO_CONTACT, devmsg))["message"]


def test_a_code_that_is_none_is_kept_but_bounded() -> None:
    assert failure(error("z" * 500))["vendor_code"] == "z" * 64


def test_hints_name_only_tools_that_there_are() -> None:
    tools = {path.stem for path in (schemas_root() / "interact").glob("*/*.json")}
    named = {
        name for entry in FAILURES.values() for name in re.findall(r"interact_\w+", entry.hint)
    }

    assert len(named) > 10
    assert named <= tools


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["code", "error", "devmsg", "entity", "data", "failed", "created"])
            | st.text(max_size=3),
            inner,
            max_size=5,
        )
    ),
    max_leaves=8,
)
codes = st.integers(min_value=0, max_value=10**15) | st.sampled_from([NO_CONTACT, 90000111001001])
envelopes = st.fixed_dictionaries(
    {},
    optional={
        "code": st.integers() | json_values,
        "error": codes | json_values,
        "devmsg": json_values,
    },
)
bodies = st.binary(max_size=40) | (json_values | envelopes).map(lambda v: json.dumps(v).encode())


@given(body=bodies, status=st.integers(min_value=200, max_value=599))
def test_whatever_comes_is_a_reading_or_one_of_our_errors(body: bytes, status: int) -> None:
    result = outcome(Reply(status, {}, body))

    if isinstance(result, UpstreamError):
        assert 0 < len(result.message) < 900
        assert len(result.vendor_code) <= 64
    else:
        assert isinstance(result, Reading)
        assert status < 300
