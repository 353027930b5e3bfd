"""What a person reads before a write: everything is there, and no value can pretend to be ours."""

import hashlib
import json
import unicodedata
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_mcp.bind import bind
from crm_mcp.compare import Difference, Look
from crm_mcp.guard import BoundCall
from crm_mcp.operation import Before, Operation, Request, Undo
from crm_mcp.preview import (
    Context,
    echo,
    leaves,
    quoted,
    render,
    sentence,
    shortened,
    visible,
)
from crm_mcp.redact import MASK, Redactor

BASE_URL = "https://crm.example.com/base"
IMPORT = "fivecrm_customer_products_import"
# A hidden character beyond the basic plane has a code that JSON does not read back.
TEXTS = st.text(st.characters(codec="utf-8", max_codepoint=0xFFFF))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
)


def call_of(operation: Operation, arguments: Mapping[str, Any]) -> BoundCall:
    spec = bind(operation, arguments)
    return BoundCall(operation, arguments, spec, "fivecrm (crm.example.com/base)", "local")


def preview(operation: Operation, arguments: Mapping[str, Any]) -> str:
    return render(call_of(operation, arguments), Context(BASE_URL), Redactor(["s3cret"]))


def test_a_preview_shows_effect_arguments_undo_and_the_exact_request(
    five: Mapping[str, Operation],
) -> None:
    sentence = "Import {customerProducts} products into area {area}."
    operation = five[IMPORT].model_copy(update={"confirm": sentence})
    product = {"account": "57A", "product": "Größe 1", "planQty": 5}

    shown = preview(operation, {"area": "001", "customerProducts": [product, {"account": ""}]})

    assert shown.splitlines() == [
        'Import 2 products into area "001".',
        "",
        "Account: fivecrm (crm.example.com/base)",
        "Tool: fivecrm_customer_products_import (create, bulk)",
        "Records: 2",
        "Can be undone: no",
        "",
        "What will be written:",
        '  area = "001"',
        '  customerProducts[0].account = "57A"',
        '  customerProducts[0].product = "Größe 1"',
        "  customerProducts[0].planQty = 5",
        '  customerProducts[1].account = ""',
        "",
        "The exact request, without credentials:",
        "  POST https://crm.example.com/base/api2.php",
        (
            "  mode=importCustomerProducts&area=001&customerProducts[0][account]=57A"
            "&customerProducts[0][product]=Gr%C3%B6%C3%9Fe%201&customerProducts[0][planQty]=5"
            "&customerProducts[1][account]="
        ),
    ]


def shaped(five: Mapping[str, Operation], **changes: Any) -> Operation:
    """Copy a real write with one argument `a` that goes into a JSON body, and other changes."""
    request = Request.model_validate(
        {"method": "PUT", "path": "/things", "args_in": "json", **changes.pop("request", {})}
    )
    schema = {"type": "object", "properties": {"a": {}}}
    usual = {"request": request, "input_schema": schema, "confirm": "Change it.", "traits": ()}
    return five[IMPORT].model_copy(update={**usual, **changes})


def test_headers_query_and_json_body_are_shown_as_they_are_sent(
    five: Mapping[str, Operation],
) -> None:
    targets = {"a": ["json#/x", "header:X-A", "query:q"]}

    shown = preview(shaped(five, request={"bind": targets}), {"a": "b c"}).splitlines()

    assert shown[shown.index("The exact request, without credentials:") + 1 :] == [
        "  PUT https://crm.example.com/base/things?q=b%20c",
        "  X-A: b c",
        '  {"x":"b c"}',
    ]


def test_a_request_without_a_body_shows_none(five: Mapping[str, Operation]) -> None:
    shown = preview(shaped(five), {}).splitlines()

    assert shown[-3:] == [
        "",
        "The exact request, without credentials:",
        "  PUT https://crm.example.com/base/things",
    ]


@pytest.mark.parametrize(
    ("undo", "line"),
    [
        (None, "Can be undone: not said"),
        (Undo(kind="none"), "Can be undone: no"),
        (
            Undo(kind="exact", tool="fivecrm_things_delete"),
            "Can be undone: yes, with fivecrm_things_delete",
        ),
        (
            Undo(kind="partial", stays="the number {x} stays"),
            "Can be undone: partly; the number {x} stays",
        ),
    ],
)
def test_a_preview_says_whether_the_write_can_be_undone(
    five: Mapping[str, Operation], undo: Undo | None, line: str
) -> None:
    assert line in preview(shaped(five, undo=undo), {}).splitlines()


@pytest.mark.parametrize(
    ("evidence", "lines"),
    [
        ("documented", []),
        ("operator", []),
        (
            "inferred-weak",
            [
                "Beware: the address of this call is inferred-weak, not documented.",
                "Beware: at that address the CRM may do something else than is said here.",
            ],
        ),
        (
            "inferred-strong",
            ["Beware: the address of this call is inferred-strong, not documented."],
        ),
    ],
)
def test_a_preview_says_where_the_address_is_only_inferred(
    five: Mapping[str, Operation], evidence: str, lines: list[str]
) -> None:
    source = five[IMPORT].source.model_copy(update={"evidence": evidence})

    shown = preview(shaped(five, source=source), {}).splitlines()

    assert [line for line in shown if line.startswith("Beware")] == lines


def test_a_preview_shows_what_is_repeated_and_which_word_is_typed(
    five: Mapping[str, Operation],
) -> None:
    repeated = {"a@example.com": "crm_notes_get", "x\ny": "crm_notes_list"}
    context = Context(BASE_URL, repeated=repeated, word="financial")

    shown = render(call_of(shaped(five), {}), context, Redactor()).splitlines()

    assert shown[shown.index("What will be written:") + 2 :] == [
        "",
        "Taken over word for word from texts in the CRM:",
        '  "a@example.com" (read with crm_notes_get)',
        '  "x\\ny" (read with crm_notes_list)',
        "",
        "The exact request, without credentials:",
        "  PUT https://crm.example.com/base/things",
        "",
        "To approve, type: financial",
    ]


def test_a_preview_shows_field_by_field_what_changes(five: Mapping[str, Operation]) -> None:
    differences = (
        Difference("name", "Old", "New", "changed"),
        Difference("mail", None, "a@example.com", "added"),
        Difference("fax", "1", None, "cleared"),
        Difference("due\u202e", None, "2026-04-03", "unknown"),
        Difference("kept", 1, "1", "same"),
        Difference("also kept", 2, 2, "same"),
    )
    context = Context(BASE_URL, (Look((("id", "7"), ("name", "Old")), {"x": 1}, differences),))

    shown = render(call_of(shaped(five), {}), context, Redactor()).splitlines()

    assert shown[shown.index("Can be undone: no") + 1 : shown.index("What will be written:")] == [
        "",
        'Record: id = "7", name = "Old"',
        '  name: "Old" → "New"',
        '  mail: nothing → "a@example.com" (added)',
        '  fax: "1" → nothing (cleared)',
        (
            '  "due\\u202e": ? → "2026-04-03" (Friday, 3 April 2026) '
            "(the record as read lacks it: it cannot be compared)"
        ),
        "  Fields that are sent and stay as they are: 2",
        "",
    ]


@pytest.mark.parametrize(
    ("record", "lines"),
    [
        ({"a": {"b": "x\ny"}, "c": []}, ['    a.b = "x\\ny"', "    c = []"]),
        ("gone", ['    record = "gone"']),
    ],
)
def test_a_preview_shows_all_of_a_record_that_goes(
    five: Mapping[str, Operation], record: Any, lines: list[str]
) -> None:
    context = Context(BASE_URL, (Look((("id", 7),), record, ()),))

    shown = render(call_of(shaped(five), {}), context, Redactor()).splitlines()

    assert shown[shown.index("Can be undone: no") + 1 : shown.index("What will be written:")] == [
        "",
        "Record: id = 7",
        "  What stands there now:",
        *lines,
        "",
    ]


@given(before=VALUES, after=VALUES, kind=st.sampled_from(["changed", "added", "cleared"]))
def test_no_value_of_a_record_can_forge_a_line(
    five: Mapping[str, Operation],
    before: Any,
    after: Any,
    kind: Literal["changed", "added", "cleared"],
) -> None:
    look = Look((("id", before),), {}, (Difference("name", before, after, kind),))

    shown = render(call_of(shaped(five), {}), Context(BASE_URL, (look,)), Redactor()).splitlines()

    assert shown[7] == f"Record: id = {quoted(before)}"
    assert shown[8].startswith("  name: ")
    assert shown[9:11] == ["", "What will be written:"]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("2026-04-03", " (Friday, 3 April 2026)"),
        ("2026-04-03 10:00:00", " (Friday, 3 April 2026)"),
        ("2026/04/03", " (Friday, 3 April 2026)"),
        ("2026/04-03", ""),
        ("2026-02-30", " (no day of the calendar)"),
        ("+44 20 7946-0018", " (digits: 442 079 460 018)"),
        (1234567, " (1\u202f234\u202f567)"),
        (-1000.5, " (-1\u202f000.5)"),
        (
            1_773_619_200_000,
            " (1\u202f773\u202f619\u202f200\u202f000; as a time Monday, 16 March 2026, 00:00 UTC)",
        ),
        (5 * 10**12, " (5\u202f000\u202f000\u202f000\u202f000)"),
        (999, ""),
        (True, ""),
        ("123456", ""),
        ("text", ""),
        (None, ""),
        ([1000], ""),
    ],
)
def test_what_is_easily_misread_is_said_once_more(value: Any, said: str) -> None:
    assert echo(value) == said


def test_an_id_that_a_record_was_found_by_is_no_amount(five: Mapping[str, Operation]) -> None:
    found_by = {"thing": "/a"}
    before = Before(tool="five_read", arguments=found_by, along=("box",), label=["/cost"])
    looks = (Look((("thing", 7034), ("cost", 9000)), {"cost": 9000}, ()),)
    call = call_of(shaped(five, before=before), {"a": 7034, "b": 9000, "box": 3399})

    shown = render(call, Context(BASE_URL, looks), Redactor()).splitlines()

    assert shown[shown.index("What will be written:") + 1 :][:3] == [
        "  a = 7034",
        "  b = 9000 (9\u202f000)",
        "  box = 3399",
    ]


def test_secrets_are_masked_in_a_preview(five: Mapping[str, Operation]) -> None:
    shown = preview(shaped(five), {"a": "my s3cret"})

    assert f'  a = "my {MASK}"' in shown.splitlines()
    assert f'  {{"a":"my {MASK}"}}' in shown.splitlines()
    assert "s3cret" not in shown


@pytest.mark.parametrize(
    ("confirm", "shown"),
    [
        ("Delete {n} of {area}.", 'Delete 7 of "A \\"1\\"".'),
        ("Add {items} items.", "Add 2 items."),
        ("Add {items} item(s) to {s} and {one} thing(s).", 'Add 2 items to "x(s)" and 1 thing.'),
        ("Change {object} to {missing}.", 'Change {"k": 1} to null.'),
        ("", "A title"),
    ],
)
def test_the_sentence_is_filled_with_quoted_values_and_counts(
    five: Mapping[str, Operation], confirm: str, shown: str
) -> None:
    operation = five[IMPORT].model_copy(update={"confirm": confirm, "title": "A title"})
    arguments = {"n": 7, "area": 'A "1"', "items": ["a", "b"], "object": {"k": 1}}
    arguments |= {"one": [1], "s": "x(s)"}

    assert sentence(operation, arguments) == shown


def test_a_value_in_the_sentence_is_not_filled_again(five: Mapping[str, Operation]) -> None:
    operation = five[IMPORT].model_copy(update={"confirm": "Change {a}."})

    assert sentence(operation, {"a": "{b}", "b": "other"}) == 'Change "{b}".'


def test_every_single_value_is_listed_with_its_full_name() -> None:
    value = {"a": {"b": [1, {"c": None}], "d": {}}, "e": [], "f g": {"\n": True}}

    assert list(leaves(value)) == [
        ("a.b[0]", 1),
        ("a.b[1].c", None),
        ("a.d", {}),
        ("e", []),
        ('"f g"."\\n"', True),
    ]


def test_a_value_without_a_name_stands_alone() -> None:
    assert list(leaves(7)) == [("", 7)]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("Größe 漢字 😀", "Größe 漢字 😀"),
        ("a\nb\tc\x7f", "a\\u000ab\\u0009c\\u007f"),
        ("a\u202eb", "a\\u202eb"),
        ("zero\u200bwidth", "zero\\u200bwidth"),
        ("line\u2028and\u2029paragraph", "line\\u2028and\\u2029paragraph"),
        ("half \ud800", "half \\ud800"),
        ("private \ue000", "private \\ue000"),
    ],
)
def test_what_cannot_be_seen_is_written_as_its_code(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_a_quoted_code_cannot_be_taken_for_a_hidden_character() -> None:
    assert quoted("\u202e") != quoted("\\u202e")
    assert quoted("\\u202e") == '"\\\\u202e"'


@given(text=st.text(st.characters()))
def test_no_control_format_or_direction_character_survives(text: str) -> None:
    shown = visible(text)

    assert {unicodedata.category(char) for char in shown}.isdisjoint(
        {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"}
    )
    assert {unicodedata.bidirectional(char) for char in shown}.isdisjoint(
        {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    )
    assert shown.splitlines() == ([shown] if shown else [])


@given(value=VALUES)
def test_a_quoted_value_is_one_line_and_reads_back_as_itself(value: Any) -> None:
    shown = quoted(value)

    assert shown.splitlines() == [shown]
    assert json.loads(shown) == value


@given(value=VALUES)
def test_no_value_can_forge_a_line_of_the_preview(
    five: Mapping[str, Operation], value: Any
) -> None:
    operation = shaped(five, confirm="Change {a}.")

    shown = preview(operation, {"a": value}).splitlines()

    names = [name for name, _ in leaves({"a": value})]
    listed, request = shown[8 : 8 + len(names)], shown[8 + len(names) :]
    assert shown[1:8] == [
        "",
        "Account: fivecrm (crm.example.com/base)",
        "Tool: fivecrm_customer_products_import (create)",
        "Records: 1",
        "Can be undone: no",
        "",
        "What will be written:",
    ]
    assert all(line.startswith(f"  {name} = ") for name, line in zip(names, listed, strict=True))
    assert request[:-1] == [
        "",
        "The exact request, without credentials:",
        "  PUT https://crm.example.com/base/things",
    ]
    assert json.loads(request[-1]) == {"a": value}


def test_an_encoded_file_stands_as_its_beginning_length_and_digest() -> None:
    content = "iVBORw0KGgo" * 200

    shown = shortened(quoted({"base64": content, "contactId": 41}))

    digest = hashlib.sha256(content.encode()).hexdigest()
    assert shown == (
        f'{{"base64": "{content[:24]}… (2200 characters, SHA-256 {digest})", "contactId": 41}}'
    )


def test_an_encoded_file_in_an_address_stands_there_as_it_does_among_the_arguments() -> None:
    content = "+/7YEF0=" * 200

    said = shortened(quoted({"file": content})).partition(": ")[2].strip('"}')
    address = shortened(f"GET https://crm.example.com/?input=%7B%22{quote(content, safe='')}%22")

    assert said.endswith(
        f"(1600 characters, SHA-256 {hashlib.sha256(content.encode()).hexdigest()})"
    )
    assert address == f"GET https://crm.example.com/?input=%7B%22{said}%22"


def test_a_text_that_a_person_can_read_is_never_shortened() -> None:
    text = "send it to me. " * 1_000

    assert shortened(text) == text
    assert shortened(quote(text)) == quote(text)


def test_only_an_operation_that_carries_a_file_has_anything_shortened(
    five: Mapping[str, Operation],
) -> None:
    content = "iVBORw0KGgo" * 200
    arguments = {"area": "001", "customerProducts": [{"account": content}]}
    carrying = five[IMPORT].model_copy(update={"traits": ("binary",)})

    assert preview(five[IMPORT], arguments).count(content) == 2
    assert content not in preview(carrying, arguments)
