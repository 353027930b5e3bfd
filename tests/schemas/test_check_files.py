"""The rules for a vendor's files side by side: folders, headings, sizes, the generated schema."""

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from acme import (
    DOCUMENT,
    DOCUMENTED,
    GET,
    IMPORT,
    LIST,
    SESSION,
    UPDATE,
    Acme,
    change,
    good_files,
    with_headings,
    write,
)

from crm_mcp.check import Problem, check, operation_json_schema, write_operation_schema

SHARED = "acme/_shared.json"
PERSONAL = "acme/_personal.json"
HEADINGS = f"/documents/{DOCUMENT}"


def found(root: Path, files: dict[str, Any], documents: Path | None = None) -> list[Problem]:
    """Write files and check them."""
    write(root, files)
    return check(root, [Acme()], documents)


def changed(*changes: tuple[str, str, Any]) -> dict[str, Any]:
    """Change the good files: file, JSON pointer, new value."""
    files = good_files()
    for file, pointer, value in changes:
        change(files[file], pointer, value)
    return files


def test_a_problem_reads_as_file_rule_and_what_to_do() -> None:
    assert str(Problem("a/b.json", "confirm", "say it")) == "a/b.json: confirm: say it"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[", "not JSON"),
        ("[]", "a JSON object is expected"),
        ('{"name": "acme_things_find"}', "name is 'acme_things_find'"),
        ('{"name": "acme_things_get"}', "title: Field required"),
    ],
)
def test_an_unreadable_file_is_told_once_and_the_others_are_still_checked(
    tmp_path: Path, content: str, words: str
) -> None:
    files: dict[str, Any] = changed((LIST, "/pagination", {"style": "none", "position": "where"}))
    unreadable, other = found(tmp_path, files | {GET: content})
    assert (unreadable.file, unreadable.rule) == (GET, "load")
    assert unreadable.message.startswith(words)
    assert (other.file, other.rule) == (LIST, "pagination")


def test_an_unreadable_shared_file_is_told_instead_of_every_file_that_needs_it(
    tmp_path: Path,
) -> None:
    [problem] = found(tmp_path, good_files() | {SHARED: "{"})
    assert (problem.file, problem.rule) == (SHARED, "load")


@pytest.mark.parametrize(
    ("content", "rule", "words"),
    [
        ("{", "load", "not JSON"),
        ({"keeper": "none"}, "load", "keeper: Input should be 'person'"),
        ({"keeper": "person", "owner": "person"}, "personal", "the name owner says person already"),
    ],
)
def test_a_personal_field_has_a_kind_that_its_name_does_not_say(
    tmp_path: Path, content: Any, rule: str, words: str
) -> None:
    [problem] = found(tmp_path, good_files() | {PERSONAL: content})
    assert (problem.file, problem.rule) == (PERSONAL, rule)
    assert problem.message.startswith(words)


def test_a_personal_field_that_no_document_prints_is_told(tmp_path: Path) -> None:
    lines = "".join(f"{line}. Heading\n" for line in range(1, 6))
    files = good_files() | {PERSONAL: {"keeper": "person", "keper": "person"}}
    folder = documents(tmp_path, f'{lines}"keeper": "Maya"')
    [problem] = found(tmp_path / "files", files, folder)
    assert (problem.file, problem.rule) == (PERSONAL, "document")
    assert problem.message == "no document prints the field keper"


def test_a_fragment_stands_where_it_is_referred_to(tmp_path: Path) -> None:
    fragment = {"$defs": {"Id": {"type": "string", "description": "Id of the thing."}}}
    reference = {"$ref": "_shared.json#/$defs/Id"}
    files = changed((GET, "/inputSchema/properties/id", reference))
    assert found(tmp_path, files | {SHARED: fragment}) == []


def test_a_folder_without_vendor_code_is_told(tmp_path: Path) -> None:
    write(tmp_path, good_files())
    assert check(tmp_path, []) == [Problem("acme", "vendor", "no vendor's code has this id")]


@pytest.mark.parametrize("file", ["acme/acme_things_find.json", "acme/things/deep/x.json"])
def test_a_file_that_nobody_would_read_is_told(tmp_path: Path, file: str) -> None:
    [problem] = found(tmp_path, good_files() | {file: {}})
    assert (problem.file, problem.rule) == (file, "folder")
    assert "move it to acme/<toolset>/" in problem.message


def test_one_name_in_two_toolsets_is_told_for_both(tmp_path: Path) -> None:
    files = good_files()
    twin = "acme/other/acme_session_open.json"
    problems = found(tmp_path, files | {twin: files[SESSION]})
    assert [problem.file for problem in problems if problem.rule == "folder"] == [twin, SESSION]


def same_address(tmp_path: Path, first: str, second: str) -> list[Problem]:
    """Give the session's call the address of the import, with these reasons."""
    return found(
        tmp_path,
        changed(
            (SESSION, "/request", {"method": "POST", "path": "/things"}),
            (SESSION, "/examples/0/request/path", "/things"),
            (SESSION, "/source/divergence", first),
            (IMPORT, "/source/divergence", second),
        ),
    )


def test_two_operations_with_one_address_need_a_reason(tmp_path: Path) -> None:
    [problem] = same_address(tmp_path, "", "")
    assert (problem.file, problem.rule) == (IMPORT, "duplicate")
    assert problem.message.startswith("acme_session_open has the same method, path and constants")


def test_two_operations_with_one_address_and_a_reason_are_no_problem(tmp_path: Path) -> None:
    assert same_address(tmp_path, "The text describes two calls.", "") == []


def test_placeholders_of_other_names_make_no_other_address(tmp_path: Path) -> None:
    files = changed(
        (UPDATE, "/request/method", "GET"),
        (UPDATE, "/request/const", {}),
        (UPDATE, "/request/path", "/things/{name}"),
    )
    rules = {problem.rule for problem in found(tmp_path, files) if problem.file == UPDATE}
    assert "duplicate" in rules


@pytest.mark.parametrize(
    ("aliases", "other", "words"),
    [
        (["things_find"], [], "must begin with acme_"),
        (["acme_things_update"], [], "is the name of an operation"),
        (["acme_things_find", "acme_things_find"], [], "is given 2 times"),
    ],
)
def test_an_alias_is_a_name_of_its_own(
    tmp_path: Path, aliases: list[str], other: list[str], words: str
) -> None:
    files = changed((GET, "/aliases", aliases), (LIST, "/aliases", other))
    [problem] = found(tmp_path, files)
    assert (problem.file, problem.rule) == (GET, "aliases")
    assert words in problem.message


def test_an_alias_of_two_operations_is_told_for_both(tmp_path: Path) -> None:
    files = changed((GET, "/aliases", ["acme_x_find"]), (LIST, "/aliases", ["acme_x_find"]))
    assert [problem.file for problem in found(tmp_path, files)] == [GET, LIST]


def test_a_catalogue_with_a_heavy_median_is_told_as_a_whole(tmp_path: Path) -> None:
    longer = {GET: "id", LIST: "size", UPDATE: "id"}
    files = changed(
        *((file, "/description", "d" * 400) for file in longer),
        *(
            (file, f"/inputSchema/properties/{name}/description", "d" * 200)
            for file, name in longer.items()
        ),
    )
    [problem] = found(tmp_path, files)
    assert (problem.file, problem.rule) == ("acme", "median-size")
    assert "the median may be 700" in problem.message


def test_four_operations_are_too_few_for_a_median(tmp_path: Path) -> None:
    files = changed(*((file, "/description", "d" * 400) for file in (GET, LIST, UPDATE)))
    del files[SESSION]
    assert found(tmp_path, with_headings(files)) == []


@pytest.mark.parametrize(
    ("pointer", "value", "file", "words"),
    [
        (f"{HEADINGS}/1/operation", "acme_nowhere_get", DOCUMENTED, "names acme_nowhere_get"),
        (f"{HEADINGS}/0/line", 9, LIST, "needs an entry"),
        (f"{HEADINGS}/0/section", "Another", LIST, "needs an entry"),
        (
            f"{HEADINGS}/0",
            {"line": 1, "section": "1. Heading", "none": "!"},
            LIST,
            "needs an entry",
        ),
        (f"{HEADINGS}/0/none", "Both", DOCUMENTED, "a heading names its operation"),
        (f"{HEADINGS}/0/operation", "", DOCUMENTED, "a heading names its operation"),
        (f"{HEADINGS}/0/line", 0, DOCUMENTED, f"documents.{DOCUMENT}.0.line: Input should be"),
        ("/documents", [], DOCUMENTED, "documents: Input should be"),
    ],
)
def test_headings_and_operations_tell_of_each_other(
    tmp_path: Path, pointer: str, value: Any, file: str, words: str
) -> None:
    problems = found(tmp_path, changed((DOCUMENTED, pointer, value)))
    assert {problem.rule for problem in problems} == {"documented"}
    assert any(problem.file == file and words in problem.message for problem in problems)


def test_a_heading_without_operation_but_with_a_reason_is_no_problem(tmp_path: Path) -> None:
    files = good_files()
    heading = {"line": 9, "section": "9. Push", "none": "It has no address."}
    files[DOCUMENTED]["documents"][DOCUMENT].append(heading)
    assert found(tmp_path, files) == []


@pytest.mark.parametrize(
    ("content", "words"), [(None, "list each heading"), ("{", "not JSON"), ("{}", "documents: ")]
)
def test_the_list_of_headings_must_be_there_and_readable(
    tmp_path: Path, content: str | None, words: str
) -> None:
    files: dict[str, Any] = good_files()
    if content is None:
        del files[DOCUMENTED]
    else:
        files[DOCUMENTED] = content
    [problem] = found(tmp_path, files)
    assert (problem.file, problem.rule) == (DOCUMENTED, "documented")
    assert problem.message.startswith(words)


def documents(tmp_path: Path, text: str) -> Path:
    """Write the vendor's document."""
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / DOCUMENT).write_text(text, encoding="utf-8", newline="")
    return folder


def test_headings_may_differ_from_the_document_in_blanks_only(tmp_path: Path) -> None:
    lines = "1. \t Heading \r\n2.\u2028Heading\n 3. Heading\n4. Heading\n5. Heading"
    folder = documents(tmp_path, lines)
    assert found(tmp_path / "schemas", good_files(), folder) == []


def test_a_heading_that_the_document_prints_elsewhere_is_told_in_both_files(tmp_path: Path) -> None:
    folder = documents(tmp_path, "1. Heading\n2. Heading\nNothing\n4. Heading")
    problems = found(tmp_path / "schemas", good_files(), folder)
    assert {problem.rule for problem in problems} == {"document"}
    over = "line 5 of acme-api.txt reads '(the document is over)', not '5. Heading'"
    other = "line 3 of acme-api.txt reads 'Nothing', not '3. Heading'"
    assert [(problem.file, problem.message) for problem in problems] == [
        (DOCUMENTED, other),
        (DOCUMENTED, over),
        (SESSION, over),
        (UPDATE, other),
    ]


@pytest.mark.parametrize("name", ["other.txt", "../documents/acme-api.txt"])
def test_a_document_is_a_file_of_the_folder(tmp_path: Path, name: str) -> None:
    folder = documents(tmp_path, "".join(f"{line}. Heading\n" for line in range(1, 6)))
    files = changed((GET, "/source/document", name))
    problems = found(tmp_path / "schemas", files, folder)
    assert [(problem.file, problem.rule) for problem in problems] == [
        (GET, "documented"),
        (GET, "document"),
    ]
    assert problems[1].message == f"there is no document {name!r}"


def test_the_generated_schema_takes_good_files_and_refuses_what_the_folder_says() -> None:
    validator = jsonschema_rs.Draft202012Validator(operation_json_schema())
    file = good_files()[UPDATE] | {"$schema": "../../operation.schema.json"}
    assert validator.is_valid(file)
    assert not validator.is_valid(file | {"vendor": "acme"})
    assert not validator.is_valid(file | {"toolset": "things"})
    assert not validator.is_valid(file | {"sample": {}})
    assert not validator.is_valid(file | {"examples": []})
    for key in ("effect", "examples"):
        assert not validator.is_valid({name: file[name] for name in file if name != key})


def test_the_generated_schema_explains_itself_to_editors() -> None:
    schema = operation_json_schema()
    jsonschema_rs.meta.validate(schema)
    assert schema["title"] == "CRM operation"
    assert "named after the tool" in schema["description"]
    assert "title" not in schema["properties"]["confirm"]


def test_a_written_schema_is_fresh_and_a_changed_one_is_stale(tmp_path: Path) -> None:
    write_operation_schema(tmp_path)
    path = tmp_path / "operation.schema.json"
    assert json.loads(path.read_text(encoding="utf-8")) == operation_json_schema()
    assert found(tmp_path, good_files()) == []
    path.write_text("{}", encoding="utf-8")
    [problem] = check(tmp_path, [Acme()])
    assert (problem.file, problem.rule) == ("operation.schema.json", "stale")
    assert "--write-schema" in problem.message


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({"things": "items", "things_get": "show"}, None),
        ({"thing": "items"}, "thing is no tool"),
        ({"acme_things": "items"}, "acme_things is no tool"),
        ({"things": 1}, "things"),
        ([], "_words.json"),
    ],
)
def test_what_people_say_is_said_of_tools_that_exist(
    tmp_path: Path, words: object, told: str | None
) -> None:
    assert found(tmp_path, good_files()) == []
    (tmp_path / "acme" / "_words.json").write_text(json.dumps(words), encoding="utf-8")

    problems = check(tmp_path, [Acme()])

    assert [problem.file for problem in problems] == ([] if told is None else ["acme/_words.json"])
    assert all(str(told) in f"{problem.file}: {problem.message}" for problem in problems)
