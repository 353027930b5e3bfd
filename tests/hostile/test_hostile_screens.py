"""On a screen: a terminal obeys nothing, and a page has no element that a value made."""

import io
import json
import re
import sys
import time
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from corpus import TEXTS, WHOLE, Entry, entries, every
from hypothesis import given, settings
from hypothesis import strategies as st
from operations import WRITES
from reading import hidden_in
from rich.cells import cell_len
from typer.testing import CliRunner

from crm_mcp.audit import Audit
from crm_mcp.bind import bind
from crm_mcp.cli import cli
from crm_mcp.commands.setup import print_json
from crm_mcp.commands.terminal import MORE, columns_of, fitted, says_yes
from crm_mcp.compare import Difference, Look
from crm_mcp.guard import BoundCall
from crm_mcp.ledger import Approval, Ledger, Question
from crm_mcp.preview import Context, render, visible
from crm_mcp.redact import Redactor
from crm_mcp.state import StateFolder
from crm_mcp.web.pages import Pages

HARMLESS = "mark"
CUT = [entry.text[:200] for entry in TEXTS]


def preview_of(text: str) -> str:
    """Write a preview with a text as an argument, a record, a difference and a repetition."""
    case = WRITES[0]
    arguments = {name: value for name, value in case.arguments.items() if name == "area"}
    arguments["customerProducts"] = [{"account": "1", "product": text, "manufacturer": ""}]
    call = BoundCall(case.operation, arguments, bind(case.operation, arguments), "five", "local")
    differences = (Difference("name", text, "new", "changed"), Difference(text, 1, text, "unknown"))
    looks = (Look((("id", text),), {}, differences), Look((("id", 7),), {text: text}, ()))
    context = Context(
        "https://crm.example.com", looks, repeated={text: "crm_notes_get"}, word="irreversible"
    )
    return render(call, context, Redactor())


def approval_of(preview: str, **changes: Any) -> Approval:
    now = time.time()
    facts = {
        "id": "id",
        "fingerprint": "f",
        "tool": "tool",
        "account": "account",
        "caller": "local",
        "preview": preview,
        "record": "",
        "word": "irreversible",
        "way": "out_of_band",
        "state": "asked",
        "created": now,
        "expires": now + 600,
    }
    return Approval(**{**facts, **changes})


# A terminal


@every(WHOLE)
def test_no_value_begins_a_row_of_the_terminal(entry: Entry) -> None:
    preview = preview_of(entry.text[:600])
    ours = [line for line in preview.split("\n") if not line.startswith(" ")]
    for columns in (40, 80, 213):
        shown = fitted(preview, columns)

        rows = shown.split("\n")
        starts = [row for row in rows if not row.startswith(" ")]
        assert max(map(cell_len, rows)) <= columns
        assert all(line.startswith(row) for row, line in zip(starts, ours, strict=True))
        assert shown.replace("\n" + MORE, "") == preview
        assert hidden_in(shown) == set()


@given(st.text(st.characters(), max_size=300), st.integers(1, 120))
def test_whatever_is_shown_moves_no_cursor_and_is_whole(text: str, columns: int) -> None:
    shown = fitted(f"One line.\n  {text}", columns)

    whole = "\n".join(visible(line) for line in f"One line.\n  {text}".split("\n"))
    assert hidden_in(shown) == set()
    assert shown.replace("\n" + MORE, "") == whole


@every(TEXTS)
def test_the_terminal_s_question_ends_with_our_prompt(
    entry: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{entry.text}\n"))
    monkeypatch.setattr("crm_mcp.commands.terminal.columns_of", lambda _: 80)

    # Not as the preview is made, but as somebody could have written it into the database.
    said = says_yes(approval_of(f"Do it.\n\n{entry.text[:2_000]}", word=""))

    shown = screen.getvalue()
    assert hidden_in(shown) == set()
    assert shown.endswith("\n\nType approve to send it, anything else to stop: ")
    assert "\r" not in shown
    assert not said


def test_without_a_terminal_lines_are_left_whole() -> None:
    line = "Record: name = " + "x" * 500

    assert columns_of(io.StringIO()) == 0
    assert fitted(line, 0) == line


def test_wide_letters_take_two_columns() -> None:
    rows = fitted("\u6f22" * 100, 60).split("\n")

    assert max(map(cell_len, rows)) <= 60
    assert len(rows) == 4


# Commands


def unseen(output: str) -> set[str]:
    return hidden_in(output) | ({"\r"} & set(output))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CRM_MCP_STATE_DIR", str(tmp_path))
    return tmp_path


def run(*words: str) -> str:
    return CliRunner().invoke(cli, words).output


TERMINAL = [entry for entry in entries("terminal") if entry.text]


def test_waiting_questions_are_listed_without_moving_the_terminal(folder: Path) -> None:
    ledger = Ledger(StateFolder(folder))
    for entry in TERMINAL:
        question = Question("f", "tool", entry.text[:200], "local", f"{entry.text[:200]}\n\nAll.")
        approval = ledger.ask(question, "out_of_band")
    shown = [run("approvals", "list"), run("approvals", "show", approval.id)]
    shown.append(run("approvals", "list", "--json"))

    assert len(shown[0].splitlines()) == len(TERMINAL)
    assert [unseen(text) for text in shown] == [set()] * 3
    assert len(json.loads(shown[2])) == len(TERMINAL)


def test_a_record_that_somebody_wrote_into_moves_no_terminal(folder: Path) -> None:
    audit = Audit(StateFolder(folder))
    for entry in TERMINAL:
        audit.append(entry.text[:200], tool=entry.text[:200], status=entry.text[:200])
    raw = audit.path.read_text(encoding="utf-8")
    seq = {"seq": ["\x9b"], "at": "\x9b2J", "event": "\x1b[2J\n"}
    audit.path.write_text(raw + json.dumps(seq) + "\n[1]\n", encoding="utf-8")

    shown, as_json = run("audit", "show", "--last", "99"), run("audit", "show", "--json")

    assert len(shown.splitlines()) == len(TERMINAL) + 1
    assert (unseen(shown), unseen(as_json)) == (set(), set())
    assert json.loads(as_json)[-1] == seq


@pytest.mark.usefixtures("folder")
@every(TERMINAL[::3])
def test_a_wrong_argument_is_told_without_moving_the_terminal(entry: Entry) -> None:
    arguments = json.dumps({"area": [entry.text], entry.text: 1, "\x9b\u202e": {}})

    shown = run("call", "fivecrm_areas_get", "--json", arguments, "--sandbox")

    assert shown.startswith("invalid_arguments: fivecrm_areas_get: ")
    assert unseen(shown) == set()
    assert len(shown.splitlines()) == 2
    assert unseen(run("call", entry.text[:80], "--sandbox")) == set()


def test_printed_json_is_json_without_anything_that_hides(
    capsys: pytest.CaptureFixture[str],
) -> None:
    value = {entry.name: [entry.text, {entry.text: 1}] for entry in WHOLE}

    print_json(value)

    printed = capsys.readouterr().out
    assert hidden_in(printed) == set()
    assert json.loads(printed) == value


# The approval page


class Page(HTMLParser):
    """The elements of a page with their attributes, and the text of its preview."""

    def __init__(self, answer: bytes) -> None:
        super().__init__()
        self.elements: list[tuple[str, tuple[tuple[str, str | None], ...]]] = []
        self.other: list[str] = []
        self.text = ""
        self.feed(answer.decode())
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, tuple(attrs)))

    def handle_comment(self, data: str) -> None:
        self.other.append(data)

    def handle_pi(self, data: str) -> None:
        self.other.append(data)

    def unknown_decl(self, data: str) -> None:
        self.other.append(data)

    def handle_data(self, data: str) -> None:
        self.text += data


def plain_lines(preview: str) -> str:
    """Write a preview as its page says it: without indentation and empty lines."""
    return "".join(line.strip(" ") for line in preview.split("\n"))


@pytest.fixture(scope="session")
def pages() -> Pages:
    return Pages()


def page_of(pages: Pages, approval: Approval) -> Page:
    return Page(bytes(pages.question(approval, "csrf").body))


@every(WHOLE)
def test_a_page_has_the_elements_of_a_harmless_one_and_all_of_the_text(
    pages: Pages, entry: Entry
) -> None:
    text = entry.text[:600]
    marked, hostile = (approval_of(preview_of(one)) for one in (HARMLESS, text))

    plain, page = page_of(pages, marked), page_of(pages, hostile)

    tags = [tag for tag, _ in page.elements]
    assert set(page.elements) - times(page) <= set(plain.elements) | DECORATION
    assert tags.count("li") == len([tag for tag, _ in plain.elements if tag == "li"])
    assert page.other == plain.other == []
    article = re.sub(r"[ \n]", "", page.text)
    assert re.sub(r"[ \n]", "", plain_lines(hostile.preview)) in article


DECORATION = {
    *(("b", ()), ("bdi", (("dir", "ltr"),)), ("del", ()), ("ins", ())),
    *(("li", (("class", f"indent-{n}{more}"),)) for n in (0, 2, 4) for more in ("", " difference")),
}


def times(page: Page) -> set[Any]:
    return {element for element in page.elements if element[0] == "time"}


def test_a_difference_with_a_word_between_is_marked_like_any_other(pages: Pages) -> None:
    page = bytes(pages.question(approval_of(preview_of("\u05d0 → \u05d1")), "csrf").body).decode()

    assert "<del>&#34;\u05d0 → \u05d1&#34;</del> becomes → <ins>&#34;new&#34;</ins>" in page


@settings(max_examples=60)
@given(
    texts=st.lists(st.sampled_from([entry.text[:200] for entry in TEXTS]), min_size=1, max_size=5)
)
def test_no_text_of_the_database_becomes_an_element(pages: Pages, texts: list[str]) -> None:
    texts = [text.encode("utf-8", "replace").decode() for text in texts]
    preview = "Do it.\n" + "\n".join(texts)
    approval = approval_of(preview, account=texts[0], tool=texts[-1], decided_by=texts[0])
    allowed = {*page_of(pages, approval_of(preview_of(HARMLESS))).elements}
    attributes_of_ours = {name for _, given in allowed for name, _ in given} | {"aria-current"}

    for answer in (
        pages.question(approval, "csrf"),
        pages.waiting([approval], refreshes=True),
        pages.history([approval]),
    ):
        page = Page(bytes(answer.body))
        names = {name for _, attributes in page.elements for name, _ in attributes}
        assert {tag for tag, _ in page.elements} <= {tag for tag, _ in allowed} | LISTS
        assert names <= attributes_of_ours
        assert page.other == []
        assert hidden_in(bytes(answer.body).decode()) == set()
        assert answer.headers.get("refresh") in (None, "10")
        links = [dict(given).get("href") for tag, given in page.elements if tag == "a"]
        assert set(links) <= {"#content", "/", "/history", "/?still", "/questions/id"}


LISTS = {"ol", "dl", "dt", "dd", "div", "code"}
