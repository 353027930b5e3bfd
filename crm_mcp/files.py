"""Files that a call sends: read from the operator's folder, and from nowhere else.

An argument with a `file:` target names a file; its content, as base64, takes the name's place
before the request is made. What a person approves is bound to the content, not to the name.
"""

import base64
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from crm_mcp.bind import is_file
from crm_mcp.errors import Refused
from crm_mcp.operation import Operation

MAX_FILE_BYTES = 5_000_000


class FileFolder:
    """The operator's folder of files to send; None where there is none."""

    def __init__(self, root: Path | None) -> None:
        self._root = root

    def with_contents(self, operation: Operation, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Put the content of each named file in the place of its name.

        Raises:
            Refused: there is no folder to read from.
            InvalidArguments: no such file in the folder, or one that is too large.
        """
        return {
            name: self._read(operation, name, value) if is_file(operation, name) else value
            for name, value in arguments.items()
        }

    def _read(self, operation: Operation, argument: str, name: str) -> str:
        if self._root is None:
            raise Refused(
                "This server has no folder from which files may be sent.",
                hint="Tell the person; the content can also be given as base64 in the call.",
            )
        try:
            content = _content(self._root.resolve(), name)
        except (OSError, ValueError) as error:
            told = "no file of that name can be read in the folder of files to send"
            reason = str(error) if isinstance(error, _UnfitError) else told
            raise operation.misfit([f"{argument}: {reason}"]) from error
        return base64.b64encode(content).decode("ascii")


class _UnfitError(ValueError):
    """The file is there, and cannot be sent."""


def _content(root: Path, name: str) -> bytes:
    """Read a file of the folder; links and `..` lead nowhere outside."""
    path = (root / name).resolve()
    if not path.is_relative_to(root):
        raise ValueError("outside")
    # Without blocking, because opening a pipe would wait for its other end.
    with os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise ValueError("no file")
        content = file.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise _UnfitError(f"the file is larger than {MAX_FILE_BYTES} bytes")
    if not content:
        raise _UnfitError("the file is empty")
    return content
