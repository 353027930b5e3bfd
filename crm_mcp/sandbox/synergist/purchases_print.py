"""What Synergist prints: which templates there are, and the PDF as base64 or as a file."""

from base64 import b64encode
from collections.abc import Sequence

from crm_mcp.sandbox.synergist.errors import RefusalError
from crm_mcp.sandbox.synergist.wire import Ask, Done, File, Rows, as_whole

PRINTED = "PDF created successfully."


def template_rows(templates: dict[int, str], level: str, click: str) -> Rows:
    """List templates as the menu of a screen shows them."""
    return Rows(
        [
            {
                "menuClickAction": f"{click} {number}",
                "menuDefault": False,
                "menuDescription": description,
                "menuExpanded": False,
                "menuLevelName": level,
                "menuParameter": "",
                "menuParentName": "",
                "menuSort": "",
                "menuSortDirection": "",
            }
            for number, description in templates.items()
        ]
    )


def template_named(templates: dict[int, str], ask: Ask) -> str:
    """Find the template whose code stands behind the action.

    Raises:
        RefusalError: there is none with this code.
    """
    number = as_whole(ask.detail, "template")
    if number not in templates:
        raise RefusalError(f"template {number} not found")
    return templates[number]


def as_base64(lines: Sequence[str], blob: str, name: str) -> Done:
    """Print to base64; the fields are called differently by what is printed."""
    row = {blob: b64encode(_pdf(lines)).decode("ascii"), name: ".PDF"}
    return Done(PRINTED, [row])


def as_file(lines: Sequence[str], name: str) -> File:
    """Print to a file."""
    return File(f"{name}.pdf", "application/pdf", _pdf(lines))


def _pdf(lines: Sequence[str]) -> bytes:
    """Make a PDF of one page with some lines of text."""
    shown = "".join(f"({_escaped(line)}) Tj T* " for line in lines)
    stream = f"BT /F1 12 Tf 14 TL 60 780 Td {shown}ET".encode("latin-1", "replace")
    objects = (
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources 6 0 R>>",
        b"<</Length %d>>stream\n%b\nendstream" % (len(stream), stream),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>",
        b"<</Font<</F1 5 0 R>>>>",
    )
    written, offsets = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        offsets.append(len(written))
        written += b"%d 0 obj%b\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size = len(objects) + 1
    head = b"xref\n0 %d\n0000000000 65535 f \n%b" % (size, table)
    tail = b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (size, len(written))
    return written + head + tail


def _escaped(line: str) -> str:
    """Write a line so that its brackets do not end it."""
    return line.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
