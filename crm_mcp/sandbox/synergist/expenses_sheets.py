"""Expense sheets: making and reading them, and their way from the claimant to the books."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from crm_mcp.sandbox.synergist.calls import Calls, CarryOut
from crm_mcp.sandbox.synergist.errors import RefusalError
from crm_mcp.sandbox.synergist.expenses_batch import Words, do_one, do_several, meant
from crm_mcp.sandbox.synergist.expenses_lines import line_row
from crm_mcp.sandbox.synergist.expenses_post import post_lines
from crm_mcp.sandbox.synergist.expenses_records import add_sheet, copy_line, no_change
from crm_mcp.sandbox.synergist.expenses_table import (
    APPROVED,
    HELD,
    POSTED,
    PROCESSED,
    QUERIED,
    REJECTED,
    RETURNED,
    SHEET,
    SHEET_STATES,
    SHEETS,
    SUBMITTED,
    UNSUBMITTED,
    Sheet,
    sheet_of,
)
from crm_mcp.sandbox.synergist.purchases_suppliers import SUPPLIERS
from crm_mcp.sandbox.synergist.reads import asked_companies
from crm_mcp.sandbox.synergist.wire import Ask, Done, Rows, Said
from crm_mcp.sandbox.synergist.world import Record, Row, World
from crm_mcp.sandbox.synergist.writes import Item, each, ignored, named, new_values, values_of

SHEET_WORDS = Words(SHEET, "expense sheet")

_ALL_LINES = (UNSUBMITTED, SUBMITTED, APPROVED, HELD, QUERIED, REJECTED)


@dataclass(frozen=True)
class _Step:
    """One step on the way of a sheet.

    Args:
        word: its action, behind `expensesheet` or `expensesheets`.
        done: what the answer says was done.
        objection: says why a sheet cannot take it; nothing if it can.
        take: takes it.
    """

    word: str
    done: str
    objection: Callable[[Sheet], str]
    take: Callable[[World, Sheet], object]


def _must_be(*states: str) -> Callable[[Sheet], str]:
    """Make an objection to all but some states."""
    wanted = " or ".join(SHEET_STATES[state].lower() for state in states)
    return lambda sheet: "" if sheet.state in states else f"is not {wanted}"


def _no_submit(sheet: Sheet) -> str:
    if sheet.lines:
        return _must_be(UNSUBMITTED, RETURNED)(sheet)
    return "has no lines"


def _no_approval(sheet: Sheet) -> str:
    if sheet.having(SUBMITTED):
        return _must_be(SUBMITTED)(sheet)
    return "has no submitted lines"


def _no_unapproval(sheet: Sheet) -> str:
    if sheet.having(APPROVED):
        return _must_be(SUBMITTED)(sheet)
    return "is not approved"


def _no_process(sheet: Sheet) -> str:
    if sheet.having(SUBMITTED) or not sheet.having(APPROVED):
        return "is not approved"
    return _must_be(SUBMITTED)(sheet)


def _no_post(sheet: Sheet) -> str:
    if sheet.having(QUERIED, HELD):
        return "has lines that are queried or held"
    return _must_be(PROCESSED)(sheet)


def _no_deletion(sheet: Sheet) -> str:
    return no_change(sheet) or ("is approved" if sheet.having(APPROVED) else "")


def _submit(world: World, sheet: Sheet) -> None:
    _set_lines(world, sheet.having(UNSUBMITTED, QUERIED, REJECTED), SUBMITTED)
    _set_state(world, sheet, SUBMITTED)


def _approve(world: World, sheet: Sheet) -> None:
    _set_lines(world, sheet.having(SUBMITTED), APPROVED)
    _set_state(world, sheet, SUBMITTED)


def _unapprove(world: World, sheet: Sheet) -> None:
    _set_lines(world, sheet.having(APPROVED), SUBMITTED)
    _set_state(world, sheet, SUBMITTED)


def _process(world: World, sheet: Sheet) -> None:
    _set_state(world, sheet, PROCESSED)


def _post(world: World, sheet: Sheet) -> None:
    post_lines(world, sheet)
    _set_state(world, sheet, POSTED)


def _return(world: World, sheet: Sheet) -> None:
    """Send a sheet one step back; its lines stay as they are."""
    _set_state(world, sheet, SUBMITTED if sheet.state == PROCESSED else RETURNED)


def _delete(world: World, sheet: Sheet) -> None:
    for record in (*sheet.lines, sheet.record):
        world.drop(record)


def _set_lines(world: World, lines: list[Record], state: str) -> None:
    for line in lines:
        world.change(line, {"status": state})


def _set_state(world: World, sheet: Sheet, state: str) -> None:
    world.change(sheet.record, {"status": state, "status_at": world.now})


_APPROVE = _Step("approve", "approved", _no_approval, _approve)
_PROCESS = _Step("process", "processed", _no_process, _process)
_POST = _Step("post", "posted", _no_post, _post)
_SUBMIT = _Step("submit", "submitted", _no_submit, _submit)
_UNAPPROVE = _Step("unapprove", "un-approved", _no_unapproval, _unapprove)
_RETURN = _Step("return", "returned", _must_be(SUBMITTED, PROCESSED), _return)
_DELETE = _Step("delete", "deleted", _no_deletion, _delete)
_STEPS: Mapping[str, tuple[_Step, ...]] = {
    step.word: (step,)
    for step in (_SUBMIT, _APPROVE, _UNAPPROVE, _PROCESS, _POST, _RETURN, _DELETE)
} | {"all": (_APPROVE, _PROCESS, _POST)}


def _taking(world: World, steps: tuple[_Step, ...]) -> Callable[[Record], None]:
    """Let a sheet take some steps, one after the other."""

    def take(record: Record) -> None:
        for step in steps:
            sheet = sheet_of(world, world.find(SHEET, record.key))
            objection = step.objection(sheet)
            if objection:
                raise RefusalError(f"expense sheet {record.key} {objection}")
            step.take(world, sheet)

    return take


def _step_calls() -> dict[tuple[str, str], CarryOut]:
    calls = {}
    for word, steps in _STEPS.items():
        done = ", ".join(step.done for step in steps[:-1])
        said = f"{done} and {steps[-1].done}" if done else steps[-1].done
        calls["expensesheets", f"expensesheet{word}"] = _one(steps, said)
        calls["expensesheets", f"expensesheets{word}"] = _several(steps, said)
    return calls


def _one(steps: tuple[_Step, ...], said: str) -> CarryOut:
    return lambda world, ask: do_one(world, ask, SHEET_WORDS, _taking(world, steps), said)


def _several(steps: tuple[_Step, ...], said: str) -> CarryOut:
    return lambda world, ask: do_several(world, ask, SHEET_WORDS, _taking(world, steps), said)


def _create(world: World, ask: Ask) -> Said:
    return each(ask.items, lambda item: _create_one(world, item))


def _create_one(world: World, item: Row) -> Item:
    values = new_values(world, SHEETS, item)
    sheet = add_sheet(world, values.data)
    return Item(SHEETS.named(sheet), ignored(values))


def _update(world: World, ask: Ask) -> Said:
    return each(ask.items, lambda item: _update_one(world, item))


def _update_one(world: World, item: Row) -> Item:
    record = named(world, SHEETS, item)
    objection = no_change(sheet_of(world, record))
    if objection:
        raise RefusalError(f"expense sheet {record.key} {objection}")
    values = values_of(world, SHEETS, item)
    fixed = ("expensesheetCompany", "expensesheetSupplierCode")
    data = {name: value for name, value in values.data.items() if name not in fixed}
    stays = tuple(f"{name} stays as it is." for name in fixed if name in values.data)
    return Item(SHEETS.named(world.change(record, data)), (*ignored(values), *stays))


def _copy(world: World, ask: Ask) -> Said:
    record = meant(world, ask, SHEET_WORDS)
    copied = add_sheet(
        world,
        {
            name: record[name]
            for name in (
                *("expensesheetSupplierCode", "expensesheetCompany"),
                "expensesheetDescription",
            )
        },
    )
    for line in sheet_of(world, record).lines:
        copy_line(world, line, copied)
    row = {SHEETS.key: copied.key, "expensesheetUuid": copied.uuid}
    return Done(f"Expense sheet {record.key} copied to {copied.key}.", [row])


def _list(world: World, ask: Ask) -> Said:
    """List one sheet, or those of a company."""
    if ask.text(SHEET) or ask.text("uuid"):
        return Rows([_row(world, sheet_of(world, meant(world, ask, SHEET_WORDS)))])
    ask.required("company")
    companies = asked_companies(world, ask)
    return Rows(
        [
            _row(world, sheet_of(world, record))
            for record in world.all(SHEET)
            if record.company in companies
        ]
    )


def _row(world: World, sheet: Sheet) -> Row:
    record = sheet.record
    supplier = world.find(SUPPLIERS.kind, record["expensesheetSupplierCode"])
    day = str(record["expensesheetDate"])
    changed = record["status_at"]
    may = {
        f"expensesheet{name}": not step.objection(sheet)
        for name, step in (
            *(("Approve", _APPROVE), ("Delete", _DELETE), ("Post", _POST)),
            *(("Process", _PROCESS), ("Return", _RETURN), ("Submit", _SUBMIT)),
            ("UnApprove", _UNAPPROVE),
        )
    }
    return {
        **may,
        **_sums(sheet),
        "expensesheetCopy": True,
        "expensesheetCreatedDateTime": _moment(record),
        "expensesheetDate": day,
        "expensesheetDateTime": "/".join(reversed(day.split("-"))),
        "expensesheetDescription": record["expensesheetDescription"] or "",
        # The document's samples give the number as text here, and nowhere else.
        "expensesheetInternalRef": str(record.key),
        "expensesheetStatusCode": SHEET_STATES[sheet.state].lower(),
        "expensesheetStatusDateTime": f"{changed:%d/%m/%Y}" if changed else "00/00/0000",
        "expensesheetTheSupplierCode": supplier.key,
        "expensesheetSupplierName": supplier["supplierName"],
    }


def _moment(record: Record) -> str:
    """Write when a sheet was made: 14/10/2014 1:46pm."""
    made = record["created"]
    return f"{made:%d/%m/%Y} " + f"{made:%I:%M%p}".lstrip("0").lower()


def _sums(sheet: Sheet) -> Row:
    tax = sum(line["expenselineTaxAmount"] for line in sheet.lines)
    return {
        "expensesheetGross": sheet.total(*_ALL_LINES),
        "expensesheetApproved": sheet.total(APPROVED),
        "expensesheetHeld": sheet.total(HELD),
        "expensesheetQueried": sheet.total(QUERIED),
        "expensesheetRejected": sheet.total(REJECTED),
        "expensesheetSubmitted": sheet.total(SUBMITTED),
        "expensesheetLines": len(sheet.lines),
        "expensesheetLinesApproved": len(sheet.having(APPROVED)),
        "expensesheetLinesHeld": len(sheet.having(HELD)),
        "expensesheetLinesQuery": len(sheet.having(QUERIED)),
        "expensesheetLinesReject": len(sheet.having(REJECTED)),
        "expensesheetLinesSubmitted": len(sheet.having(SUBMITTED)),
        "array_expensesheetvat": round(tax, 2),
    }


def _defaults(world: World, ask: Ask) -> Said:
    record = meant(world, ask, SHEET_WORDS)
    row = {
        "expenselineSupplyType": "",
        "expenselineRate": 0,
        "expenselineTaxCode": 0,
        "expenselineSheetInternal": record.key,
    }
    return Done(f"Expense sheet {record.key} line defaults.", [row])


def _lines(world: World, ask: Ask) -> Said:
    sheet = sheet_of(world, meant(world, ask, SHEET_WORDS))
    return Rows([line_row(world, line) for line in sheet.lines])


SHEET_CALLS: Calls = {
    ("expensesheets", "create"): _create,
    ("expensesheets", "update"): _update,
    ("expensesheets", "expensesheetcopy"): _copy,
    ("expensesheets", "expensesheetlist"): _list,
    ("expensesheets", "expensesheetlines"): _lines,
    ("expensesheets", "expenselinedefaults"): _defaults,
    **_step_calls(),
}
