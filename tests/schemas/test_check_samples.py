"""The rule that each address a document prints is the request of an example, or says why not."""

from pathlib import Path
from typing import Any

import pytest
from acme import DOCUMENT, DOCUMENTED, LIST, Acme, good_files, write

from crm_mcp.check import check

HEADINGS = "".join(f"{line}. Heading\n" for line in range(1, 6))
SERVER = "http://<SERVER>"
PRINTED = f"{SERVER}/things?page=1&tags=a&key=secret&tags=b"
RULES = {"general": ["key"]}


def told(tmp_path: Path, text: str, samples: Any = None, files: Any = None) -> list[str]:
    """Check with a document that prints this from its line 6 on; tell what is wrong."""
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / DOCUMENT).write_text(HEADINGS + text, encoding="utf-8", newline="")
    files = files or good_files()
    files[DOCUMENTED]["samples"] = {DOCUMENT: RULES if samples is None else samples}
    write(tmp_path / "schemas", files)
    problems = check(tmp_path / "schemas", [Acme()], folder)
    assert {(problem.file, problem.rule) for problem in problems} <= {(DOCUMENTED, "sample")}
    return [problem.message.removeprefix(f"{DOCUMENT}: ") for problem in problems]


def json_files() -> dict[str, Any]:
    """Write the tags of the list as JSON in its query."""
    files = good_files()
    files[LIST]["request"]["arrays"] = {"tags": "json"}
    files[LIST]["examples"][0]["request"]["query"] = {"page": "1", "tags": '["a","b"]'}
    return files


def exceptional(**entry: Any) -> dict[str, Any]:
    return RULES | {"exceptions": [{"line": 6, "why": "A misprint.", **entry}]}


@pytest.mark.parametrize(
    "printed",
    [
        PRINTED,
        f"{PRINTED}\n\nLater again\n{PRINTED}",
        f"Call {SERVER}/things?tags=b&page=1&tags=a&tags=a \r",
        "https: //<server>/things?&tags=a&tags=%62&&page=1",
        "http://SERVER/thing%73?p%61ge=1&tags=a&tags=b",
        f"{SERVER}/things?page=1&tags=a\n  &tags=b",
        f"{PRINTED}\n{{\n  this is the reply\n}}",
        f"{PRINTED}\n{PRINTED}",
    ],
    ids=[
        "as it is sent",
        "twice",
        "another order",
        "encoded",
        "no brackets",
        "broken at &",
        "with its reply below",
        "two in a row",
    ],
)
def test_an_address_that_an_example_asks_for_is_no_problem(tmp_path: Path, printed: str) -> None:
    assert told(tmp_path, printed) == []


@pytest.mark.parametrize(
    "printed",
    [
        'tags=["a","b"]&page=1',
        "page=1&tags=%5B%22a%22,%20%22b%22]",
        'tags=[\n  "a",\n  "b"\n]&page=1\n]',
    ],
    ids=["compact", "encoded, with blanks", "over lines"],
)
def test_json_in_an_address_may_have_blanks_and_line_breaks(tmp_path: Path, printed: str) -> None:
    assert told(tmp_path, f"{SERVER}/things?{printed}", files=json_files()) == []


def test_keys_of_json_in_an_address_may_stand_in_any_order(tmp_path: Path) -> None:
    files = json_files()
    files[LIST]["inputSchema"]["properties"]["tags"]["items"] = {"type": "object"}
    [example] = files[LIST]["examples"]
    example["arguments"]["tags"] = [{"a": 1, "b": 2}]
    example["request"]["query"]["tags"] = '[{"a":1,"b":2}]'
    example["result"]["page"]["next"]["tags"] = [{"a": 1, "b": 2}]

    printed = f'{SERVER}/things?page=1&tags=[{{"b":2, "a":1}}]'
    assert told(tmp_path, printed, files=files) == []


@pytest.mark.parametrize(
    ("printed", "read"),
    [
        ("/things?page=2&key=secret", "/things?page=2"),
        ("/Things", "/Things"),
        ("/things/7?cmd=rename&id=7", "/things/7?cmd=rename&id=7"),
        ('/things?page=1&tags=["a"\n\n,"b"]', '/things?page=1&tags=["a"'),
        ("/things?page=1&tags=[a,b]", "/things?page=1&tags=[a,b]"),
    ],
    ids=["another value", "another path", "more parameters", "a blank line", "no JSON"],
)
def test_an_address_that_no_example_asks_for_is_told_without_what_all_calls_have(
    tmp_path: Path, printed: str, read: str
) -> None:
    [text] = told(tmp_path, f"\n{SERVER}{printed}", files=json_files())

    assert text == (
        f"line 7 asks for {read}, as no example does: give one, or say in samples why not"
    )


def test_what_an_example_sends_is_not_decoded(tmp_path: Path) -> None:
    files = good_files()
    [example] = files[LIST]["examples"]
    example["arguments"]["tags"] = ["%62"]
    example["request"]["query"]["tags"] = "%62"
    example["result"]["page"]["next"]["tags"] = ["%62"]

    assert told(tmp_path, f"{SERVER}/things?page=1&tags=%2562", files=files) == []


@pytest.mark.parametrize(
    "text",
    ["http://acme.example/nowhere", "http://<SERVER> is the name", "GET /nowhere?page=1", ""],
)
def test_what_is_no_sample_address_is_left_alone(tmp_path: Path, text: str) -> None:
    assert told(tmp_path, text, samples={}) == []


def test_a_piece_of_all_addresses_may_be_written_in_another_way(tmp_path: Path) -> None:
    printed = f"{SERVER}/THINGS?page=1&tags=a&tags=b"

    assert told(tmp_path, printed, RULES | {"instead": {"/THINGS": "/things"}}) == []


def test_an_address_is_corrected_to_what_an_example_asks_for(tmp_path: Path) -> None:
    right = exceptional(address="/things?page=1&tags=a&tags=b")

    assert told(tmp_path, f"{SERVER}/thing", right) == []


def test_an_address_that_is_no_call_says_so(tmp_path: Path) -> None:
    assert told(tmp_path, f"{SERVER}/push", exceptional(why="It only shows a host.")) == []


@pytest.mark.parametrize(
    ("printed", "samples", "text"),
    [
        (
            f"{SERVER}/thing",
            exceptional(address="/things?page=9"),
            "line 6 is corrected to /things?page=9, which no example asks for",
        ),
        (PRINTED, exceptional(), "line 6 is asked for as printed: take it out of samples"),
        ("Nothing", exceptional(), "line 6 prints no sample: take it out of samples"),
    ],
)
def test_an_exception_must_be_needed_and_right(
    tmp_path: Path, printed: str, samples: Any, text: str
) -> None:
    assert told(tmp_path, printed, samples) == [text]


@pytest.mark.parametrize(
    ("samples", "words"),
    [
        ({"other.txt": {}}, "samples names other.txt, which is not among the documents"),
        ({DOCUMENT: {"exceptions": [{"line": 6}]}}, "why: Field required"),
        ({DOCUMENT: exceptional(address="things")}, "address: String should match pattern"),
        (
            {DOCUMENT: {"exceptions": [{"line": 6, "why": "A."}, {"line": 6, "why": "B."}]}},
            "a line has one sample",
        ),
    ],
)
def test_what_is_said_about_samples_must_make_sense(
    tmp_path: Path, samples: Any, words: str
) -> None:
    files = good_files()
    files[DOCUMENTED]["samples"] = samples
    write(tmp_path, files)

    [problem] = check(tmp_path, [Acme()])

    assert (problem.file, problem.rule) == (DOCUMENTED, "documented")
    assert words in problem.message
