"""The approval page shows all of a preview and nothing else: marked, and never executed."""

import html
import re
import time
from collections.abc import Mapping
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_mcp.bind import bind
from crm_mcp.compare import Difference, Look
from crm_mcp.guard import BoundCall
from crm_mcp.ledger import Approval, ApprovalState, Way
from crm_mcp.operation import Operation
from crm_mcp.preview import Context, render, visible
from crm_mcp.redact import Redactor
from crm_mcp.web.pages import Pages, standing
from crm_mcp.web.reading import Part, read

HOSTILE = (
    "</style><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '" autofocus onfocus="alert(1)',
    "'><form action=/questions/x/approve method=post><button>OK</button></form>",
    "{{ csrf }}{% include 'style.css' %}",
    "&lt;b&gt;&#34;",
    "</article><h2>Your decision</h2>",
    "a\u202eb\u2066c\u200bd\u2028e\x1b[2J\x00",
    'مرحبا → "x" (added)',
)
TAGS = {
    *("html", "head", "meta", "title", "style", "body", "header", "nav", "main", "article"),
    *("section", "form", "input", "label", "button", "kbd", "h1", "h2", "p", "a", "ul", "li"),
    *("b", "bdi", "del", "ins", "strong", "time"),
}


class Page(HTMLParser):
    """The elements of a page, and the text of its preview, line by line."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.preview: list[str] = []
        self._open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in ("meta", "input"):
            self._open.append(tag)
        if "article" in self._open and tag in ("h1", "h2", "li"):
            self.preview.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "article" in self._open and {"h1", "h2", "li"} & set(self._open):
            self.preview[-1] += data


def approval_of(preview: str, word: str = "") -> Approval:
    now = time.time()
    return Approval(
        *("id", "f", "tool", "account", "local", preview, "", word, "out_of_band", "asked"),
        *(now, now + 600),
    )


def shown(approval: Approval) -> str:
    return bytes(Pages().question(approval, "csrf").body).decode()


def lines_of(preview: str) -> list[str]:
    """Give what a person must see of a preview: its lines, with hidden characters as codes."""
    first, *rest = (visible(line) for line in preview.split("\n"))
    return [first, *(line.lstrip(" ") for line in rest if line)]


LINES = st.text(st.characters(codec="utf-8")) | st.sampled_from(HOSTILE)
RECORDS = st.lists(
    st.sampled_from(
        ["Record: id = 7", "  a: ", '"x"', " → ", "nothing", " (added)", "\n", "[", "?"]
    ),
    max_size=12,
).map("".join)


@given(preview=st.lists(LINES | RECORDS, min_size=1, max_size=8).map("\n".join))
def test_the_whole_preview_stands_on_the_page_and_no_value_becomes_markup(preview: str) -> None:
    page = Page(shown(approval_of(preview)))

    assert page.preview == lines_of(preview)
    assert set(page.tags) <= TAGS
    assert not [name for name, _ in page.attributes if name.startswith("on") or name == "style"]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_other_value_becomes_markup_either(text: str) -> None:
    approval = replace(
        approval_of(f"{text}\n\n{text}", word=text), account=text, tool=text, decided_by=text
    )
    pages = Pages()
    for answer in (
        pages.question(approval, "csrf"),
        pages.question(approval, "csrf", wrong_word=True),
        pages.waiting([approval], refreshes=True),
        pages.history([approval]),
    ):
        page = Page(bytes(answer.body).decode())
        assert set(page.tags) <= TAGS | {"ol", "dl", "dt", "dd", "div", "code"}
        assert page.tags.count("style") == 1
        assert page.tags.count("form") in (0, 2)
        assert not re.search("[\u202e\u2066\u200b\u2028\x00\x1b]", bytes(answer.body).decode())


def test_the_preview_stands_above_the_buttons() -> None:
    text = shown(approval_of("First.\n\nLast line of it."))

    assert text.index("Last line of it.") < text.index("</article>") < text.index("<form")


def test_differences_are_marked_as_the_preview_writes_them(five: Mapping[str, Operation]) -> None:
    operation = five["fivecrm_customer_products_import"]
    product = {"account": "1", "product": "Desk", "manufacturer": "W"}
    arguments = {"area": "001", "customerProducts": [product]}
    look = Look(
        (("id", 7),),
        {},
        (
            Difference("name", "a → b", "c: d", "changed"),
            Difference("city", None, "Köln", "added"),
            Difference("since", "2026-01-01", "2026-04-03", "changed"),
            Difference("phone", "0221", "", "cleared"),
            Difference("odd", None, [1, {"k": "v"}], "unknown"),
            Difference("same", 1, 1, "same"),
        ),
    )
    call = BoundCall(operation, arguments, bind(operation, arguments), "fivecrm", "local")
    preview = render(call, Context("https://crm.example.com", (look,)), Redactor())

    (record,) = (block for block in read(preview).blocks if block.title.startswith("Record"))

    marked = [
        [(part.mark, part.text) for part in line.parts if part.mark in ("old", "new")]
        for line in record.lines
    ]
    assert marked == [
        [("old", '"a → b"'), ("new", '"c: d"')],
        [("new", '"Köln"')],
        [("old", '"2026-01-01"'), ("new", '"2026-04-03"')],
        [("old", '"0221"')],
        [("new", '[1, {"k": "v"}]')],
        [],
    ]
    assert "<del>&#34;a → b&#34;</del> → <ins>&#34;c: d&#34;</ins>" in shown(approval_of(preview))


@pytest.mark.parametrize(
    "line",
    [
        'a: "x" → "y" and more',
        'a: "x" → y',
        'a: x → "y"',
        'a: "x" = "y"',
        "a",
        f"a: {'[' * 100_000}",
    ],
)
def test_what_does_not_look_like_a_difference_is_not_marked(line: str) -> None:
    (block,) = read(f"Do it.\n\nRecord: id = 7\n  {line}").blocks

    assert "".join(part.text for part in block.lines[0].parts) == line
    assert not block.lines[0].is_difference


def test_a_difference_is_marked_in_a_record_only() -> None:
    (block,) = read('Do it.\n\nWhat will be written:\n  a: "x" → "y"').blocks

    assert not block.lines[0].is_difference


def test_a_name_with_a_colon_is_a_name() -> None:
    (block,) = read('Do it.\n\nRecord: id = 7\n  a: b: "x" → "y"').blocks

    assert block.lines[0].parts[0] == Part("name", "a: b")


@pytest.mark.parametrize(
    ("state", "way", "age", "word"),
    [
        ("asked", "out_of_band", 0, "Waiting"),
        ("asked", "dialog", 0, "In a dialog"),
        ("asked", "out_of_band", 600, "Expired"),
        ("asked", "dialog", 601, "Expired"),
        ("approved", "out_of_band", 0, "Approved"),
        ("approved", "out_of_band", 600, "Not used"),
        ("spent", "dialog", 601, "Approved, used"),
        ("rejected", "dialog", 601, "Rejected"),
        ("outdated", "out_of_band", 0, "Void"),
    ],
)
def test_each_question_says_how_it_stands(
    state: ApprovalState, way: Way, age: int, word: str
) -> None:
    approval = replace(approval_of("Do it."), state=state, way=way)

    assert standing(approval, approval.created + age).word == word
    assert word in html.unescape(bytes(Pages().history([approval]).body).decode()) or age


def test_every_field_has_its_label_and_an_error_is_tied_to_it() -> None:
    approval = approval_of("Do it.", word="three")

    text = bytes(Pages().question(approval, "csrf", wrong_word=True).body).decode()

    assert '<label for="word">To approve, type <kbd>three</kbd></label>' in text
    assert re.search('<input id="word"[^>]* aria-invalid="true" aria-describedby="wrong"', text)
    assert '<p id="wrong" class="wrong" role="alert">' in text
