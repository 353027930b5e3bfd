"""Rules about sources: documents, headings and operations tell of each other."""

from collections.abc import Iterator
from pathlib import Path
from typing import Self

from pydantic import Field, ValidationError, model_validator

from crm_mcp.check.files import DOCUMENTED, Folder, Problem, complaint, file_of
from crm_mcp.check.samples import Samples, sample_problems
from crm_mcp.errors import SchemaError
from crm_mcp.loader import read_json
from crm_mcp.operation import Part


class Heading(Part):
    """A heading in a vendor's document, and the operation it became, or why it became none."""

    line: int = Field(ge=1)
    section: str = Field(min_length=1)
    operation: str = ""
    none: str = ""

    @model_validator(mode="after")
    def _operation_or_reason(self) -> Self:
        if bool(self.operation) == bool(self.none):
            raise ValueError("a heading names its operation, or says in none why there is none")
        return self


class Documented(Part):
    """The file `_documented.json`: the headings of each document, by its file name.

    `samples` says of a document how the addresses that it prints are to be read.
    """

    documents: dict[str, tuple[Heading, ...]]
    samples: dict[str, Samples] = Field({})

    @model_validator(mode="after")
    def _samples_of_documents(self) -> Self:
        if unknown := self.samples.keys() - self.documents.keys():
            raise ValueError(f"samples names {min(unknown)}, which is not among the documents")
        return self

    def entries(self) -> Iterator[tuple[str, Heading]]:
        """List each heading with the name of its document."""
        for document, headings in self.documents.items():
            yield from ((document, heading) for heading in headings)


def documented_problems(root: Path, folder: Folder, documents: Path | None) -> Iterator[Problem]:
    """Compare `_documented.json`, the operations' sources and, if given, the documents."""
    file = f"{folder.vendor}/{DOCUMENTED}"
    try:
        documented = _read(root / file)
    except SchemaError as error:
        yield Problem(file, "documented", complaint(error, root / file))
        return
    for _, heading in documented.entries():
        if heading.operation and heading.operation not in folder.names:
            text = f"line {heading.line} names {heading.operation}, which does not exist"
            yield Problem(file, "documented", text)
    yield from _unlisted(folder, documented)
    if documents:
        yield from _misquoted(file, folder, documented, documents)
        yield from _unsampled(file, folder, documented, documents)


def _read(path: Path) -> Documented:
    if not path.exists():
        raise SchemaError("list each heading of the vendor's documents in this file")
    try:
        return Documented.model_validate(read_json(path))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        raise SchemaError(f"{where}: {first['msg']}") from error


def _unlisted(folder: Folder, documented: Documented) -> Iterator[Problem]:
    """Find operations whose heading is not listed as theirs, word for word."""
    listed = {
        (heading.operation, document, heading.line, heading.section)
        for document, heading in documented.entries()
    }
    for operation in folder.operations:
        source = operation.source
        if (operation.name, source.document, source.line, source.section) not in listed:
            text = f"{DOCUMENTED} needs an entry with this document, line, section and name"
            yield Problem(file_of(operation), "documented", text)


def _misquoted(
    file: str, folder: Folder, documented: Documented, documents: Path
) -> Iterator[Problem]:
    """Find headings, here and in the operations, that their documents print otherwise."""
    quotes = [(file, name, entry.line, entry.section) for name, entry in documented.entries()]
    for operation in folder.operations:
        source = operation.source
        quotes.append((file_of(operation), source.document, source.line, source.section))
    for where, document, line, section in quotes:
        if text := _correction(documents, document, line, section):
            yield Problem(where, "document", text)


def _unsampled(
    file: str, folder: Folder, documented: Documented, documents: Path
) -> Iterator[Problem]:
    """Find addresses that a document prints and no example asks for."""
    for document in documented.documents:
        text = _text_of(documents, document)
        samples = documented.samples.get(document, Samples())
        for problem in sample_problems(text or "", samples, folder.operations):
            yield Problem(file, "sample", f"{document}: {problem}")


def _text_of(documents: Path, document: str) -> str | None:
    path = documents / document
    if Path(document).name != document or not path.is_file():
        return None
    return path.read_bytes().decode("utf-8")


def _correction(documents: Path, document: str, line: int, section: str) -> str:
    """Say what is wrong when a line of a document is not the heading it is said to be."""
    text = _text_of(documents, document)
    if text is None:
        return f"there is no document {document!r}"
    # Split at line feeds only: that is how everybody's editor counts these files.
    lines = text.split("\n")
    printed = " ".join(lines[line - 1].split()) if line <= len(lines) else "(the document is over)"
    if printed == " ".join(section.split()):
        return ""
    return f"line {line} of {document} reads {printed[:100]!r}, not {section!r}"
