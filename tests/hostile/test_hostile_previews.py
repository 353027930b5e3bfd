"""What a person reads before a write: every line is ours, or is indented and names its value."""

import json
import re
import unicodedata
from collections.abc import Mapping
from typing import Any, get_args

import pytest
from corpus import HOSTILE, TEXTS, VALUES, WHOLE, Entry, every
from hypothesis import given, settings
from hypothesis import strategies as st
from operations import WRITES, Case, marks_in
from reading import hidden_in

from crm_mcp.bind import bind
from crm_mcp.compare import Difference, Kind, Look, look
from crm_mcp.forms import question_form
from crm_mcp.guard import BoundCall, typed_word
from crm_mcp.ledger import Approval
from crm_mcp.operation import Operation
from crm_mcp.preview import Context, leaves, quoted, render, visible
from crm_mcp.redact import Redactor
from crm_mcp.request import encode_pairs
from crm_mcp.testing import sandbox_client

ACCOUNT = "vendor (crm.example.com/base)"
BASE_URL = "https://crm.example.com/base"
GOING = "What will be sent:"
LISTED, REQUEST = "What will be written:", "The exact request, without credentials:"
REPEATED = "Taken over word for word from texts in the CRM:"
RIGHT_TO_LEFT = {"R", "AL", "AN"}
KINDS = get_args(Kind)


def call_of(operation: Operation, arguments: Mapping[str, Any]) -> BoundCall:
    return BoundCall(operation, arguments, bind(operation, arguments), ACCOUNT, "local")


def assert_ours(preview: str, call: BoundCall, context: Context) -> None:
    """Account for every line: written down here anew, from the call, without the renderer."""
    lines = preview.split("\n")
    assert preview.splitlines() == lines
    assert hidden_in(preview) == set()
    operation = call.operation
    head = [
        "",
        f"Account: {ACCOUNT}",
        f"Tool: {operation.name} ({', '.join((operation.effect, *operation.traits))})",
        f"Records: {call.records}",
    ]
    assert lines[1:5] == head
    assert lines[5].startswith("Can be undone: ")
    assert unindented(lines[6:]) == known(call, context)
    word = [f"To approve, type: {context.word}"] if context.word else []
    assert [line for line in lines if line.startswith("To approve")] == word
    assert lines[-1:] == (word or lines[-1:])
    listed = lines[lines.index(title_of(call)) + 1 :]
    names = [f"  {name} = " for name, _ in leaves(call.arguments)]
    assert [line.startswith(name) for line, name in zip(listed, names, strict=False)] == [
        True
    ] * len(names)
    assert lines[lines.index(REQUEST) + 1].startswith(f"  {call.spec.method} {BASE_URL}/")


def known(call: BoundCall, context: Context) -> list[str]:
    """List the lines that may stand without indentation after the first ones, in order."""
    inferred = call.operation.source.evidence.startswith("inferred")
    beware = ["Beware: the address of this call is "] if inferred else []
    records = ["", "Record: "] * len(context.looks)
    repeated = ["", REPEATED] if context.repeated else []
    word = ["", "To approve, type: "] if context.word else []
    return [*beware, *records, "", title_of(call), *repeated, "", REQUEST, *word]


def title_of(call: BoundCall) -> str:
    return GOING if call.operation.effect == "delete" else LISTED


def unindented(lines: list[str]) -> list[str]:
    """List what stands without indentation, each line up to where its value begins."""
    begins = ("Beware: the address of this call is ", "Record: ", "To approve, type: ")
    return [
        next((begin for begin in begins if line.startswith(begin)), line)
        for line in lines
        if not line.startswith("  ")
    ]


def rendered(operation: Operation, arguments: Mapping[str, Any], context: Context) -> str:
    call = call_of(operation, arguments)
    preview = render(call, context, Redactor())
    assert_ours(preview, call, context)
    return preview


@pytest.mark.parametrize("case", WRITES, ids=str)
def test_no_argument_of_any_write_forges_a_line(case: Case) -> None:
    free = [mark for mark in case.marks if mark not in marks_in(case, "path", "header")]
    word = typed_word(case.operation, 2)
    step = max(1, len(free) // 4) if free else len(WHOLE)  # each text comes to several places
    for shift in range(0, len(WHOLE), step):
        texts = {mark: WHOLE[(shift + at) % len(WHOLE)].text for at, mark in enumerate(free)}
        arguments = case.with_texts({mark: text[:400] for mark, text in texts.items()})
        rendered(case.operation, arguments, Context(BASE_URL, word=word))


@pytest.fixture(scope="session")
def update() -> Operation:
    name = "interact_person_contacts_update"
    (operation,) = (case.operation for case in WRITES if case.operation.name == name)
    return operation


@every(TEXTS)
def test_no_record_and_no_repeated_text_forges_a_line(update: Operation, entry: Entry) -> None:
    text = entry.text[:1_000]
    record = {text: text, "lastName": text, "firstName": None, "title": {text: [text]}}
    arguments = {"id": 7, "lastName": "New", "firstName": "A", "title": "B", "profession": "C"}
    updated = look(update, arguments, [record])
    gone = (Look((("id", text), ("name", text)), record, ()),)
    shown = Difference(text, text, text, "changed")
    odd = (Look((("id", text),), {}, (shown, Difference(text, None, text, "unknown"))),)
    for looks in (updated, gone, odd):
        context = Context(BASE_URL, looks, repeated={text: "crm_notes_get"}, word="irreversible")
        rendered(update, arguments, context)


@every(WHOLE)
def test_a_value_is_shown_whole_and_reads_back_as_itself(update: Operation, entry: Entry) -> None:
    arguments = {"id": 7, "lastName": entry.text}

    lines = rendered(update, arguments, Context(BASE_URL)).split("\n")

    value = next(line for line in lines if line.startswith("  lastName = "))
    shown = value.removeprefix("  lastName = ")
    shown = re.sub(r" \((digits: [\d ]+|\w+, \d+ \w+ \d{4}|no day of the calendar)\)$", "", shown)
    assert read_back(shown) == entry.text
    assert read_back(lines[-1].strip()) == {"lastName": entry.text}


def read_back(shown: str) -> Any:
    """Read a shown value: JSON, in which codes beyond the first plane have eight digits."""
    odd = re.compile(r"(?<!\\)((?:\\\\)*)\\U([0-9a-f]{8})")
    return json.loads(odd.sub(lambda found: found[1] + chr(int(found[2], 16)), shown))


@every(TEXTS)
def test_nothing_in_a_quoted_value_touches_the_quotation_or_other_lines(entry: Entry) -> None:
    shown = quoted(entry.text)

    assert (shown[0], shown[-1]) == ('"', '"')
    assert hidden_in(shown) == set()
    marks = re.sub(".", lambda found: kind_of(found[0]), shown)
    assert not re.search('"m|m{6}', marks)


def kind_of(char: str) -> str:
    """Say whether a character stands on the one before it, is a quotation mark, or neither."""
    return "m" if unicodedata.category(char) in ("Mn", "Me") else '"' if char == '"' else "."


@settings(max_examples=80)
@given(
    arguments=st.fixed_dictionaries({"lastName": HOSTILE}, optional={"addresses": VALUES}),
    record=st.dictionaries(HOSTILE | st.just("lastName"), VALUES, max_size=3),
    repeated=st.dictionaries(HOSTILE, st.just("crm_notes_get"), max_size=3),
    word=st.sampled_from(["", "25", "irreversible"]),
)
def test_nothing_put_together_forges_a_line(
    arguments: dict[str, Any], record: dict[str, Any], repeated: dict[str, str], word: str
) -> None:
    name = "interact_person_contacts_update"
    operation = next(case.operation for case in WRITES if case.operation.name == name)
    given_arguments = {"id": 7, **arguments}
    looks = look(operation, given_arguments, [record])

    rendered(operation, given_arguments, Context(BASE_URL, looks, repeated=repeated, word=word))


@given(before=VALUES, after=VALUES, name=HOSTILE, kind=st.sampled_from(KINDS))
def test_a_difference_is_one_indented_line_that_says_its_name_first(
    before: Any, after: Any, name: str, kind: Kind
) -> None:
    operation = WRITES[0].operation
    arguments = WRITES[0].arguments
    looks = (Look((("id", 7),), {}, (Difference(name, before, after, kind),)),)

    lines = rendered(operation, arguments, Context(BASE_URL, looks)).split("\n")

    line = lines[lines.index("Record: id = 7") + 1]
    assert lines[lines.index("Record: id = 7") + 2] == ""
    is_plain = re.fullmatch(r"[\w.\[\]-]+", name, re.ASCII)
    begin = f"  {name if is_plain else quoted(name)}: "
    assert line.startswith(begin if kind != "same" else "  Fields that are sent and stay")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("\u05d0", "\u05d1"),
        ("\u05d0 100", "200"),
        ("\u0661", "\u0662"),
        ("a \u0634", 5),
        ({"\u05d0": 1}, [2]),
        ("\u05d0" * 50, "x"),
    ],
)
def test_an_old_value_that_is_read_leftwards_does_not_change_places_with_the_new(
    before: Any, after: Any
) -> None:
    looks = (Look((("id", 7),), {}, (Difference("name", before, after, "changed"),)),)

    preview = rendered(WRITES[0].operation, WRITES[0].arguments, Context(BASE_URL, looks))

    (line,) = (line for line in preview.split("\n") if line.startswith("  name: "))
    assert line == f"  name: {quoted(before)} becomes → {quoted(after)}"
    assert between_is_left_to_right(line, quoted(before))


def between_is_left_to_right(line: str, before: str) -> bool:
    """Tell whether a left-to-right letter stands between the old value and the arrow."""
    between = line.partition(before)[2].partition("→")[0]
    return "L" in {unicodedata.bidirectional(char) for char in between}


def test_an_old_value_that_is_read_rightwards_needs_no_word() -> None:
    looks = (Look((("id", 7),), {}, (Difference("name", "Köln", "\u05d1", "changed"),)),)

    preview = rendered(WRITES[0].operation, WRITES[0].arguments, Context(BASE_URL, looks))

    assert '  name: "Köln" → "\u05d1"' in preview.split("\n")


def question(word: str) -> Approval:
    """Make a question that wants a word typed."""
    return Approval(
        "id", "f", "tool", "account", "local", "preview", "", word, "dialog", "asked", 0.0, 600.0
    )


def test_the_word_to_type_is_one_of_ours_or_a_number() -> None:
    words = {typed_word(case.operation, records) for case in WRITES for records in (1, 2, 25)}

    assert words >= {"", "2", "25", "irreversible"}
    assert all(re.fullmatch(r"|\d+|irreversible|destructive|financial|outbound", w) for w in words)
    for word in words - {""}:
        properties = question_form(question(word)).schema["properties"]
        assert properties["word"]["description"] == f"To approve, type: {word}"
        assert (
            properties["decision"] == question_form(question("")).schema["properties"]["decision"]
        )


@pytest.mark.anyio
async def test_a_dialog_shows_the_preview_and_nothing_that_a_value_made() -> None:
    messages: list[str] = []

    def person(message: str) -> Any:
        messages.append(message)
        return "reject"

    chosen = [entry.text[:300] for entry in WHOLE if entry.text][::6]
    product = {"account": "1", "product": "Desk", "manufacturer": ""}
    async with sandbox_client(mode="confirm", person=person) as client:
        for text in chosen:
            products = [{**product, "text": text}, product]
            arguments = {"area": "001", "customerProducts": products}
            result = await client.call_tool("fivecrm_customer_products_import", arguments)
            assert result.structured_content is not None
            assert result.structured_content["error"] == "not_confirmed"

    assert len(messages) == len(chosen)
    for message, text in zip(messages, chosen, strict=True):
        lines = message.split("\n")
        assert f"  customerProducts[0].text = {quoted(text)}" in "\n".join(lines)
        assert [line for line in lines if line.startswith("To approve")] == ["To approve, type: 2"]
        assert lines[-1] == "To approve, type: 2"
        assert unindented(lines[6:])[-5:] == [LISTED, "", REQUEST, "", "To approve, type: "]


def test_what_is_written_as_a_code_cannot_be_written_by_a_value() -> None:
    codes = {entry.text: visible(entry.text) for entry in TEXTS}

    assert len({quoted(text) for text in codes}) == len(codes)
    assert encode_pairs((("a", "\u202e"),)) == "a=%E2%80%AE"
