"""Rules about fields that are said to be personal for a whole vendor."""

import re
from collections.abc import Iterator
from pathlib import Path

from crm_mcp.check.files import PERSONAL, Folder, Problem
from crm_mcp.personal import kind_of


def personal_problems(folder: Folder, documents: Path | None) -> Iterator[Problem]:
    """Demand of `_personal.json` only what names do not say, of fields that a document prints."""
    file = f"{folder.vendor}/{PERSONAL}"
    for name, kind in folder.personal.items():
        if kind_of(name) == kind:
            yield Problem(file, "personal", f"the name {name} says {kind} already: take it out")
    if documents and folder.personal:
        printed = _words(folder, documents)
        for name in sorted(folder.personal.keys() - printed):
            yield Problem(file, "document", f"no document prints the field {name}")


def _words(folder: Folder, documents: Path) -> set[str]:
    """List the words of all documents that the operations come from."""
    names = {operation.source.document for operation in folder.operations}
    paths = [path for path in documents.iterdir() if path.name in names]
    return {word for path in paths for word in re.findall(r"\w+", path.read_bytes().decode())}
