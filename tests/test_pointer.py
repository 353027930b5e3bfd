"""JSON pointers: taken apart, read, and set."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_mcp.pointer import escape, find, find_all, placed, steps

DOCUMENT = {"a": {"b/c": [10, {"~": "deep"}]}, "": "no name", "0": "a key"}


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("", DOCUMENT),
        ("/", "no name"),
        ("/0", "a key"),
        ("/a/b~1c", [10, {"~": "deep"}]),
        ("/a/b~1c/0", 10),
        ("/a/b~1c/1/~0", "deep"),
    ],
)
def test_a_pointer_leads_to_its_value(pointer: str, value: Any) -> None:
    assert find(DOCUMENT, pointer) == value


@pytest.mark.parametrize(
    "pointer",
    ["/b", "/a/b", "/a/b~1c/2", "/a/b~1c/-", "/a/b~1c/-1", "/a/b~1c/x", "/a/b~1c/0/0", "/ "],
)
def test_a_pointer_that_leads_nowhere_is_a_lookup_error_that_names_it(pointer: str) -> None:
    with pytest.raises(LookupError) as caught:
        find(DOCUMENT, pointer)

    assert caught.value.args == (pointer,)


def test_an_escape_is_read_once_and_never_twice() -> None:
    assert steps("/~01/~00") == ("~1", "~0")


@given(st.lists(st.text()))
def test_steps_written_and_taken_apart_are_the_same(path: list[str]) -> None:
    assert steps("".join(f"/{escape(step)}" for step in path)) == tuple(path)


@pytest.mark.parametrize(
    ("pointer", "found"),
    [
        ("", [{"a": [{"url": 1}, {"url": 2}, 3], "b": {"url": 4}}]),
        ("/a/*/url", [1, 2]),
        ("/a/1/url", [2]),
        ("/*/url", [4]),
        ("/b/url/deeper", []),
        ("/nothing", []),
    ],
)
def test_all_values_at_a_pointer_with_stars_are_found(pointer: str, found: list[Any]) -> None:
    document = {"a": [{"url": 1}, {"url": 2}, 3], "b": {"url": 4}}

    assert list(find_all(document, pointer)) == found


def test_placing_makes_the_objects_on_the_way() -> None:
    assert placed(None, ("a", "b"), 1) == {"a": {"b": 1}}


def test_placing_keeps_what_stands_beside_the_path() -> None:
    document = {"a": {"b": 1, "c": 2}, "d": 3}

    assert placed(document, ("a", "b"), 9) == {"a": {"b": 9, "c": 2}, "d": 3}
    assert document == {"a": {"b": 1, "c": 2}, "d": 3}


def test_placing_at_no_path_replaces_the_whole_document() -> None:
    assert placed({"a": 1}, (), [2]) == [2]


@pytest.mark.parametrize("in_the_way", ["text", 7, None, [1, 2]])
def test_placing_replaces_what_is_no_object(in_the_way: Any) -> None:
    assert placed({"a": in_the_way}, ("a", "b"), 1) == {"a": {"b": 1}}


@given(st.lists(st.text(), min_size=1), st.integers())
def test_what_is_placed_is_found_there(path: list[str], value: int) -> None:
    pointer = "".join(f"/{escape(step)}" for step in path)

    assert find(placed({"other": "stays"}, tuple(path), value), pointer) == value
