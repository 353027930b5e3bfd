"""Receipts: the files attached to expense lines, kept in the database or in Amazon S3."""

from crm_mcp.sandbox.synergist import s3
from crm_mcp.sandbox.synergist.attachments import content_type, decoded, document_name, file_row
from crm_mcp.sandbox.synergist.calls import Calls
from crm_mcp.sandbox.synergist.errors import RefusalError
from crm_mcp.sandbox.synergist.expenses_batch import Words, do_one, meant
from crm_mcp.sandbox.synergist.expenses_table import LINE, LINES, POSTED, SHEET
from crm_mcp.sandbox.synergist.reads import with_company
from crm_mcp.sandbox.synergist.wire import Ask, File, Rows, Said
from crm_mcp.sandbox.synergist.world import Record, Row, World
from crm_mcp.sandbox.synergist.writes import Item, named

RECEIPT = "receipt"

_WORDS = Words(LINE, "expense line")
_CONTENT, _NAME = "variable_attachmentbase64", "variable_attachmentfilename"
_OLD_KEY = "expenselines_expenselineinternal"


def is_receipt(item: Row) -> bool:
    """Tell whether an item of an update brings a file."""
    return any(name.lower() in (_CONTENT, _NAME) for name in item)


def upload(world: World, item: Row) -> Item:
    """Attach a file to a line, in the place of the one it may have."""
    given = {name.lower(): value for name, value in item.items()}
    key = given.get(_OLD_KEY) or given.get(LINES.key.lower())
    line = named(world, LINES, {**given, LINES.key: key})
    _check_not_posted(world, line)
    name = str(given.get(_NAME) or "")
    if not name:
        raise RefusalError("variable_AttachmentFileName is missing")
    text = str(given.get(_CONTENT) or "")
    if not text and not world.uses_s3:
        raise RefusalError("variable_AttachmentBase64 is missing")
    content = None if world.uses_s3 else decoded(text, "variable_AttachmentBase64")
    receipt = world.add(RECEIPT, {"name": name, "content": content}, company=line.company)
    changed = world.change(line, {"receipt": receipt.key})
    urls = s3.addresses(world, _kept_as(receipt)) if world.uses_s3 else {}
    return Item(urls | LINES.named(changed))


def _check_not_posted(world: World, line: Record) -> None:
    if world.find(SHEET, line["expenselineSheetInternal"])["status"] == POSTED:
        raise RefusalError(f"expense line {line.key} is posted")


def _kept_as(receipt: Record) -> str:
    # Attachments of activities are kept beside them and are counted on their own.
    return f"expenses/{document_name(int(receipt.key), receipt['name'])}"


def _receipt(world: World, line: Record) -> tuple[Record, bytes]:
    """Find the file of a line, and its content."""
    if line["receipt"] is None:
        raise RefusalError(f"expense line {line.key} has no attachment")
    receipt = world.find(RECEIPT, line["receipt"])
    content = receipt["content"]
    if content is None:
        content = s3.content_of(world, _kept_as(receipt))
    if content is None:
        raise RefusalError(f"the file of expense line {line.key} is not there")
    return receipt, content


def _view(world: World, ask: Ask) -> Said:
    receipt, content = _receipt(world, meant(world, ask, _WORDS))
    row = {
        "attachmentUuid": receipt.uuid,
        "attachmentTimestampModified": int(receipt.modified.timestamp()),
        "attachmentRecordVersionNumber": receipt.version,
    }
    return Rows([row | file_row(receipt["name"], content)])


def _open(world: World, ask: Ask) -> Said:
    receipt, content = _receipt(world, meant(world, ask, _WORDS))
    return File(receipt["name"], content_type(receipt["name"]), content)


def _remove(world: World, ask: Ask) -> Said:
    def remove(line: Record) -> None:
        _check_not_posted(world, line)
        if line["receipt"] is None:
            raise RefusalError(f"expense line {line.key} has no attachment")
        world.drop(world.find(RECEIPT, line["receipt"]))
        world.change(line, {"receipt": None})

    return do_one(world, ask, _WORDS, remove, "attachment deleted")


RECEIPT_CALLS: Calls = {
    ("expenselines", "attachmentview"): _view,
    ("expenselines", "attachmentfile"): with_company(_open),
    ("expenselines", "attachmentremove"): with_company(_remove),
}
