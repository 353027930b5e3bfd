"""What one call's caller gets to see, and what the CRM gets: whatever the answer is made of."""

import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_mcp import screen as screening
from crm_mcp.bind import bind
from crm_mcp.compare import Difference, Look
from crm_mcp.errors import InvalidArguments, NotFound, Rejected
from crm_mcp.guard import BoundCall
from crm_mcp.loader import load_vendor, schemas_root
from crm_mcp.marks import MARK, Masks, Tokens
from crm_mcp.operation import Operation
from crm_mcp.preview import Context
from crm_mcp.redact import Redactor
from crm_mcp.respond import Outcome
from crm_mcp.screen import NOT_SEALED, TOO_MUCH, UNREADABLE, Screen
from crm_mcp.vendors.base import FailedItem

KEY = "a key of thirty-two characters !"
TOKENS = Tokens(KEY, "fivecrm (here)")
EVERY = [Masks(), TOKENS]
OPERATIONS = {one.name: one for one in load_vendor(schemas_root(), "fivecrm", examples=False)}
OWNERS = OPERATIONS["fivecrm_owners_list"]
IMPORT = OPERATIONS["fivecrm_customer_products_import"]
NAME, EMAIL, PHONE = "Eleanor Whitby", "eleanor@calder.example.com", "0113 496 0111"

FIELDS = [
    *("firstName", "surname", "user_full_name", "CONTACT", "updatedBy", "owner", "skype"),
    *("email", "contEmail", "officephone", "mobile", "deliverystreet", "addressLine1"),
    *("postCode", "zip", "birthday", "personalnumber", "iban", "contactname"),
]
VALUES = st.text("zqxjkvwyZQXJKVWY", min_size=6, max_size=30)
PLAIN = st.text("abc defg.,:<>/&", max_size=20) | st.integers() | st.booleans() | st.none()


def screen(
    marks: Masks = TOKENS, operation: Operation = OWNERS, arguments: Mapping[str, Any] | None = None
) -> Screen:
    return Screen(marks, operation, arguments or {})


def told(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def opened(value: Any) -> Any:
    """Turn back whatever stands in a result, the way an argument is."""
    return Screen(TOKENS, OWNERS, {"area": value}).arguments["area"]


@st.composite
def records(draw: st.DrawFn) -> tuple[Any, list[str]]:
    """Make a nested answer, and list the personal values in it."""
    values: list[str] = []

    def record(depth: int) -> dict[str, Any]:
        made: dict[str, Any] = draw(st.dictionaries(st.sampled_from("abcdef"), PLAIN, max_size=3))
        for name in draw(st.lists(st.sampled_from(FIELDS), max_size=4, unique=True)):
            values.append(draw(VALUES))
            made[name] = [values[-1]] if draw(st.booleans()) else values[-1]
        if depth and draw(st.booleans()):
            made["within"] = [record(depth - 1)]
        if draw(st.booleans()) and values:
            made["note"] = f"{EMAIL} or {PHONE}, they said"
        return made

    return [record(2) for _ in range(draw(st.integers(0, 3)))], values


@pytest.mark.parametrize("marks", EVERY)
@given(given=records())
def test_no_personal_value_of_any_answer_is_told(
    marks: Masks, given: tuple[Any, list[str]]
) -> None:
    data, values = given

    shown = told(screen(marks).outcome(Outcome(data)).as_dict())

    assert [value for value in (*values, EMAIL, PHONE) if value in shown] == []


@given(records())
def test_tokens_turn_back_into_the_very_answer(given: tuple[Any, list[str]]) -> None:
    data, _ = given

    shown = screen().outcome(Outcome(data)).data

    assert opened(shown) == data


@pytest.mark.parametrize("marks", EVERY)
def test_everything_else_of_an_answer_stays_as_it_is(marks: Masks) -> None:
    data = [{"group": "Sales", "since": "2026-03-02 09:00:00", "ids": [1, 2], "n": None, "a": True}]
    outcome = Outcome(data, page={"returned": 1}, status="done", warnings=("So it is.",))

    assert screen(marks).outcome(outcome) == outcome


@pytest.mark.parametrize("marks", EVERY)
def test_a_name_of_the_answer_is_hidden_in_its_texts_too(marks: Masks) -> None:
    data = [
        {"note": f"{NAME} called; ask WHITBY or Whitby", "firstName": "Eleanor"},
        {"lastName": "Whitby", "name": NAME, "company": "Whitby & Sons"},
    ]

    shown = screen(marks).outcome(Outcome(data)).data

    assert shown[0]["note"].count("<person:") == 2
    assert MARK.sub("…", shown[0]["note"]) == "… called; ask WHITBY or …"
    assert shown[1]["company"] == "Whitby & Sons"


@pytest.mark.parametrize("marks", EVERY)
def test_a_code_that_begins_like_a_name_stays_whole(marks: Masks) -> None:
    data = [{"contact": "Owen Pritchard", "ownerCode": "1/OWEN", "note": "ask Owen"}]

    (shown,) = screen(marks).outcome(Outcome(data)).data

    assert shown["ownerCode"] == "1/OWEN"
    assert MARK.sub("…", shown["note"]) == "ask …"


@pytest.mark.parametrize("marks", EVERY)
@pytest.mark.parametrize("field", ["product", "company", "note"])
def test_a_value_is_not_told_by_writing_it_where_nobody_looks_for_it(
    marks: Masks, field: str
) -> None:
    token = TOKENS.seal("person", "Whitby") if marks is TOKENS else "Whitby"
    call = screen(marks, IMPORT, {"customerProducts": [{field: token, "contact": token}]})

    shown = call.outcome(Outcome({"SUCCESSFUL": [{field: "Whitby"}]})).data

    assert "Whitby" not in told(shown)


@pytest.mark.parametrize("marks", EVERY)
def test_names_of_fields_are_searched_as_well(marks: Masks) -> None:
    shown = screen(marks).outcome(Outcome({EMAIL: 1})).data

    assert told(shown).startswith('{"<email:')


@pytest.mark.parametrize("marks", EVERY)
def test_an_error_tells_no_value_that_the_call_had_in_it(marks: Masks) -> None:
    token = TOKENS.seal("person", NAME)
    arguments = {"customerProducts": [{"contact": token if marks is TOKENS else NAME}]}
    call = screen(marks, IMPORT, arguments)
    said = f"Contact ({NAME.upper()}) does not exist; write to {EMAIL}"
    item = {"contact": NAME, "product": "Desk"}

    failure = call.failure(
        Rejected(said, hint=f"Ask {NAME}", vendor_code=said, not_done=[{"item": item}], seconds=3)
    )

    text = told(failure.as_dict())
    assert [value for value in (NAME, NAME.upper(), EMAIL) if value in text] == []
    assert failure.details["not_done"][0]["item"]["product"] == "Desk"
    assert failure.details["seconds"] == 3


def test_the_example_in_a_hint_stays_readable() -> None:
    failure = screen().failure(IMPORT.misfit([f"contact is {EMAIL}"]))

    assert EMAIL not in failure.message
    assert failure.hint == IMPORT.misfit([]).hint


def test_any_other_hint_is_no_better_than_a_message() -> None:
    failure = screen().failure(InvalidArguments("No.", hint=f"Find {EMAIL} first."))

    assert EMAIL not in failure.hint


def test_wrong_arguments_do_not_tell_what_stands_behind_a_token() -> None:
    long_name = f"{NAME} " * 8
    call = screen(TOKENS, OWNERS, {"area": TOKENS.seal("person", long_name)})

    failure = call.failure(OWNERS.misfit([f'area is "{long_name[:59]}…, which does not match']))

    assert "Eleanor" not in failure.message


@pytest.mark.parametrize("marks", EVERY)
def test_partly_done_tells_neither_the_record_nor_the_reason(marks: Masks) -> None:
    failed = FailedItem({"contact": NAME, "area": "1"}, (f"Contact ({NAME}) is gone",))

    shown = screen(marks, IMPORT).outcome(Outcome({}, not_done=(failed,))).not_done[0]

    assert NAME not in told(shown.as_dict())
    assert shown.item["area"] == "1"


@pytest.mark.parametrize("marks", EVERY)
def test_the_check_after_a_write_hides_what_the_field_s_name_says(marks: Masks) -> None:
    coerced = [
        {"field": "phone", "sent": "4960111", "stands": "4960112"},
        {"field": "colour", "sent": "red", "stands": "Red"},
    ]

    check = screen(marks).outcome(Outcome({}, check={"kept": 2, "coerced": coerced})).check

    assert "49601" not in told(check)
    assert check["kept"] == 2
    assert check["coerced"][1] == coerced[1]


@pytest.mark.parametrize("marks", EVERY)
def test_the_next_page_is_asked_for_as_this_one_was(marks: Masks) -> None:
    given = {"contName": TOKENS.seal("person", NAME) if marks is TOKENS else NAME, "page": 1}
    call = screen(marks, OWNERS, given)
    page = {"returned": 1, "more": True, "next": {"contName": NAME, "page": 2, "contEmail": EMAIL}}

    shown = call.outcome(Outcome([], page=page)).page

    assert shown["next"]["contName"] == given["contName"]
    assert shown["next"]["page"] == 2
    assert shown["next"]["contEmail"].startswith("<email:")


def test_tokens_are_turned_back_wherever_they_stand() -> None:
    name, email = TOKENS.seal("person", NAME), TOKENS.seal("email", EMAIL)
    number = TOKENS.seal("phone", 4960111)

    call = screen(
        arguments={"a": [{"b": f"ask {name} <{email}>"}], email: number, "c": number, "d": 5}
    )

    assert call.arguments == {
        "a": [{"b": f"ask {NAME} <{EMAIL}>"}],
        email: 4960111,
        "c": 4960111,
        "d": 5,
    }
    assert screen(arguments={"a": {email: f"n {number}"}}).arguments == {"a": {EMAIL: "n 4960111"}}


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("<person:hidden>", "data holds <person:hidden>, which stands for a value that is kept"),
        ("for <person:hidden>, please", "stands for a value that is kept from you"),
        (Tokens(KEY, "elsewhere").seal("person", NAME), "data holds a token that is damaged"),
        (TOKENS.seal("person", NAME)[:-2], "incomplete"),
    ],
)
@pytest.mark.parametrize("marks", EVERY)
def test_what_stands_for_nothing_is_refused_by_name(marks: Masks, value: str, reason: str) -> None:
    with pytest.raises(InvalidArguments) as caught:
        screen(marks, IMPORT, {"data": [{"text": value}]})

    assert reason in caught.value.message
    assert caught.value.message.endswith("Nothing was sent.")
    assert "for example" not in caught.value.hint


def test_arguments_that_are_nested_beyond_all_bounds_are_left_to_be_refused() -> None:
    deep: Any = "<person:hidden>"
    for _ in range(screening._DEEPEST + 2):  # noqa: SLF001 - the very limit
        deep = [deep]

    assert screen(arguments={"data": deep}).arguments == {"data": deep}


@pytest.mark.parametrize("marks", EVERY)
def test_a_text_that_looks_like_a_mark_is_none_in_a_result(marks: Masks) -> None:
    text = "write <email:hidden> and <person:AAAABBBBCCCCDDDDAAAABBBBCCCCDDDD>"

    shown = screen(marks).outcome(Outcome({"note": text})).data["note"]

    assert shown.count("<personal:") == 2
    assert "<email:" not in shown
    if marks is TOKENS:
        assert opened(shown) == text


@pytest.mark.parametrize("marks", EVERY)
@pytest.mark.parametrize("encode", [base64.b64encode, base64.encodebytes])
def test_contents_that_cannot_be_read_are_hidden_and_said_to_be(marks: Masks, encode: Any) -> None:
    content = encode(f"{NAME} {EMAIL} ".encode() * 100).decode()

    outcome = screen(marks).outcome(Outcome({"base64": content, "type": "png"}))

    assert outcome.data == {"base64": "<personal:hidden>", "type": "png"}
    assert set(outcome.warnings) >= {UNREADABLE}


def test_a_value_that_is_too_long_for_a_token_is_masked_and_said_to_be() -> None:
    outcome = screen().outcome(Outcome({"owner": f"{NAME} " * 100, "email": EMAIL}))

    assert outcome.data["owner"] == "<person:hidden>"
    assert opened(outcome.data["email"]) == EMAIL
    assert outcome.warnings == (NOT_SEALED,)


@pytest.mark.parametrize("marks", EVERY)
def test_what_was_not_searched_is_hidden_and_said_to_be(marks: Masks) -> None:
    deep: Any = {"colour": "red"}
    for _ in range(200):
        deep = [deep]

    outcome = screen(marks).outcome(Outcome({"deep": deep, "near": "here"}))

    assert "red" not in told(outcome.data)
    assert outcome.data["near"] == "here"
    assert outcome.warnings == (TOO_MUCH,)


def test_an_error_of_the_crm_about_nothing_stays_as_it_is() -> None:
    error = NotFound("There is no such record.", hint="Look again.", vendor_code="404")

    assert screen().failure(error).as_dict() == {
        "error": "not_found",
        "message": "There is no such record.",
        "hint": "Look again.",
        "vendor_code": "404",
    }


@pytest.mark.parametrize("marks", EVERY)
def test_a_preview_for_the_caller_hides_records_arguments_and_request(marks: Masks) -> None:
    arguments = {"area": "001", "customerProducts": [{"contact": NAME, "text": f"at {PHONE}"}]}
    call = screen(marks, IMPORT, arguments)
    bound = BoundCall(IMPORT, arguments, bind(IMPORT, arguments), "fivecrm (here)", "local")
    changes = (
        Difference("contact", "Old Hand", NAME, "changed"),
        Difference("address.street", "1 Canal Parade", "2 Canal Parade", "changed"),
        Difference("colour", "red", "blue", "changed"),
        Difference(EMAIL, 1, 2, "changed"),
    )
    looks = (
        Look((("id", 7), ("lastName", "Whitby")), {}, changes),
        Look((("id", 8),), {"owner": "Old Hand", "note": f"ask {EMAIL}", "size": 3}, ()),
    )
    context = Context(
        "https://crm.example.com", looks, repeated={EMAIL: "fivecrm_owners_list"}, word="bulk"
    )

    preview = call.preview(bound, context, Redactor())

    secrets = ("Whitby", "Eleanor", "Old Hand", "Canal", PHONE, "0113", EMAIL, "eleanor")
    assert [value for value in secrets if value in preview] == []
    assert f'{marks.seal("email", EMAIL)}" (read with fivecrm_owners_list)' in preview
    assert 'colour: "red" → "blue"' in preview
    assert f'Record: id = 7, lastName = "{marks.seal("person", "Whitby")}"' in preview
    assert "size = 3" in preview
    assert "To approve, type: bulk" in preview
