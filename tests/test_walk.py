"""Every value of an answer is gone through; what is beyond the limits is hidden, never told."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest

from crm_mcp import walk as walking
from crm_mcp.operation import Operation
from crm_mcp.walk import MAX_DEPTH, Shown, Walk

HIDDEN = "<personal:hidden>"


@pytest.fixture
def owners(five: Mapping[str, Operation]) -> Operation:
    return five["fivecrm_owners_list"]


def walk(operation: Operation) -> Walk:
    return Walk(
        operation,
        lambda kind, value, name: f"{kind} in {name}: {value}",
        lambda text, name: f"text in {name}: {text}" if name else text,
    )


def test_values_are_told_by_their_names_and_texts_by_the_field_they_stand_in(
    owners: Operation,
) -> None:
    data = [{"owner": "Maya", "name": "Maya Thornbury", "group": "Sales", "phones": ["1", "2"]}]

    assert walk(owners).data(data, {}) == [
        {
            "owner": "person in owner: Maya",
            "name": "person in name: Maya Thornbury",
            "group": "text in group: Sales",
            "phones": ["phone in phones: 1", "phone in phones: 2"],
        }
    ]


def test_a_list_of_bare_texts_is_what_the_tool_lists(
    owners: Operation, five: Mapping[str, Operation]
) -> None:
    assert walk(owners).data(["Maya"], {}) == ["person in owners: Maya"]
    assert walk(owners).data("Maya", {}) == "text in owners: Maya"
    assert walk(five["fivecrm_areas_list"]).data(["Sales"], {}) == ["text in areas: Sales"]


def test_what_is_in_a_container_belongs_to_whom_the_container_does(owners: Operation) -> None:
    data = {"items": [{"name": "Maya"}], "groups": [{"name": "Sales"}]}

    assert walk(owners).data(data, {}) == {
        "items": [{"name": "person in name: Maya"}],
        "groups": [{"name": "text in name: Sales"}],
    }


def test_what_a_vendor_says_of_a_field_holds_in_data_and_elsewhere(owners: Operation) -> None:
    said = owners.model_copy(update={"personal": {"slot": "phone", "owner": "personal"}})
    data = [{"slot": 117, "owner": "Maya", "slots": [{"slot": "1"}]}]
    shown = [
        {
            "slot": "phone in slot: 117",
            "owner": "personal in owner: Maya",
            "slots": [{"slot": "phone in slot: 1"}],
        }
    ]

    assert walk(said).data(data, {}) == shown
    assert walk(said).value(data) == shown
    assert walk(said).data(data, {"/*/slot": "none"})[0]["slot"] == 117


def test_numbers_are_told_where_they_are_somebody_s(owners: Operation) -> None:
    data = {"phone": 117, "owner": 7, "birthday": 1.5, "count": 3, "email": True, "fax": None}

    assert walk(owners).value(data) == {
        "phone": "phone in phone: 117",
        "owner": 7,
        "birthday": "birthday in birthday: 1.5",
        "count": 3,
        "email": True,
        "fax": None,
    }


def test_what_is_no_name_is_none_although_it_stands_in_its_place(owners: Operation) -> None:
    data = {"lastContact": "2026-03-02", "owner": " ", "updatedBy": "maya@x.example", "fax": ""}

    assert walk(owners).value(data) == {
        "lastContact": "text in lastContact: 2026-03-02",
        "owner": "text in owner:  ",
        "updatedBy": "email in updatedBy: maya@x.example",
        "fax": "",
    }


def test_a_file_can_say_that_a_place_is_personal_or_is_not(owners: Operation) -> None:
    data = [{"note": {"lines": ["a", 1]}, "name": "Desk", "code": 5}, {"note": "b", "name": "Bo"}]
    said = {"/*/note": "personal", "/0/name": "none", "/*/code": "id"}

    assert walk(owners).data(data, said) == [
        {
            "note": {"lines": ["personal in lines: a", "personal in lines: 1"]},
            "name": "Desk",
            "code": "id in code: 5",
        },
        {"note": "personal in note: b", "name": "person in name: Bo"},
    ]


def test_a_text_of_ours_stays(owners: Operation) -> None:
    shown = walk(owners).value({"owner": "Maya", "preview": Shown("ask ann@x.example")})

    assert shown == {"owner": "person in owner: Maya", "preview": "ask ann@x.example"}


def test_names_that_become_the_same_stay_apart(owners: Operation) -> None:
    same = Walk(owners, lambda *_: "", lambda text, name: text if name else "<email:hidden>")

    assert same.value({"a@x.example": 1, "b@x.example": 2, "c@x.example": 3}) == {
        "<email:hidden>": 1,
        "<email:hidden>'": 2,
        "<email:hidden>''": 3,
    }


def test_what_json_does_not_know_is_hidden(owners: Operation) -> None:
    assert walk(owners).value({"when": date(2026, 3, 2)}) == {"when": HIDDEN}


def test_what_is_too_deep_is_hidden(owners: Operation) -> None:
    def nested(levels: int) -> Any:
        data: Any = "the bottom"
        for _ in range(levels):
            data = [data]
        return data

    deepest, deeper = walk(owners), walk(owners)
    assert "the bottom" in str(deepest.value(nested(MAX_DEPTH)))
    assert deepest.unsearched == 0
    assert HIDDEN in str(shown := deeper.value(nested(MAX_DEPTH + 1)))
    assert "the bottom" not in str(shown)
    assert deeper.unsearched == 1


def test_what_comes_after_the_limit_is_hidden(
    owners: Operation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walking, "MAX_CHARS", 30)
    bounded = walk(owners)

    shown = bounded.value([{"n": "x" * 20}, {"n": "y" * 20}, 7, "z"])

    assert shown == [{"n": "text in n: " + "x" * 20}, {"n": HIDDEN}, HIDDEN, HIDDEN]
    assert bounded.unsearched == 3
