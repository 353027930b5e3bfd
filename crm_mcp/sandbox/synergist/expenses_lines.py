"""Lines of expense sheets: making, changing and showing them, and what is decided about each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from crm_mcp.sandbox.synergist.calls import Calls, CarryOut
from crm_mcp.sandbox.synergist.errors import RefusalError
from crm_mcp.sandbox.synergist.expenses_batch import Words, do_one, do_several, meant
from crm_mcp.sandbox.synergist.expenses_receipts import RECEIPT_CALLS, is_receipt, upload
from crm_mcp.sandbox.synergist.expenses_records import add_sheet, check_line, copy_line
from crm_mcp.sandbox.synergist.expenses_table import (
    APPROVED,
    HELD,
    LINE,
    LINE_STATES,
    LINES,
    LISTING,
    PROCESSED,
    QUERIED,
    REJECTED,
    RETURNED,
    SHEET,
    SHEET_STATES,
    SUBMITTED,
    UNSUBMITTED,
    phase_value,
)
from crm_mcp.sandbox.synergist.purchases_money import rounded
from crm_mcp.sandbox.synergist.purchases_suppliers import (
    SUPPLY_TYPE,
    usable_phase,
)
from crm_mcp.sandbox.synergist.reads import reading
from crm_mcp.sandbox.synergist.reference import TAX_RATES
from crm_mcp.sandbox.synergist.wire import PROCESSED as WRITTEN
from crm_mcp.sandbox.synergist.wire import Ask, Done, Rows, Said
from crm_mcp.sandbox.synergist.world import Record, Row, World
from crm_mcp.sandbox.synergist.writes import Item, each, ignored, named, values_of

LINE_WORDS = Words(LINE, "expense line")

_OPEN = (UNSUBMITTED, RETURNED)
_ALL = 100


@dataclass(frozen=True)
class _Step:
    """One thing that is decided about a line.

    Args:
        word: its action, behind `expenseline`.
        done: what the answer says was done.
        sheets: the states in which its sheet must be.
        lines: the states in which the line itself must be.
        becomes: its state afterwards.
    """

    word: str
    done: str
    sheets: tuple[str, ...]
    lines: tuple[str, ...]
    becomes: str

    def objection(self, world: World, line: Record) -> str:
        """Say why a line cannot take this step; nothing if it can."""
        state = _sheet_state(world, line)
        if state not in self.sheets:
            return f"is on a sheet that is {SHEET_STATES[state].lower()}"
        if line["status"] not in self.lines:
            return f"is {LINE_STATES[line['status']].lower()}"
        return ""

    def check(self, world: World, line: Record) -> None:
        """Refuse the step to a line that cannot take it."""
        objection = self.objection(world, line)
        if objection:
            raise RefusalError(f"expense line {line.key} {objection}")


_SUBMIT = _Step(
    "submit",
    "set to submitted",
    (*_OPEN, SUBMITTED),
    (UNSUBMITTED, REJECTED),
    SUBMITTED,
)
_APPROVE = _Step("approve", "approved", (SUBMITTED,), (SUBMITTED, HELD), APPROVED)
_HOLD = _Step("hold", "held", (SUBMITTED,), (SUBMITTED,), HELD)
_QUERY = _Step("query", "queried", (SUBMITTED, PROCESSED), (SUBMITTED, HELD, APPROVED), QUERIED)
_REJECT = _Step("reject", "rejected", (SUBMITTED,), (SUBMITTED, HELD), REJECTED)
_RESUBMIT = _Step("resubmit", "re-submitted", (PROCESSED,), (QUERIED,), SUBMITTED)
_STEPS = (_SUBMIT, _APPROVE, _HOLD, _QUERY, _REJECT)


def _sheet_state(world: World, line: Record) -> str:
    return str(world.find(SHEET, line["expenselineSheetInternal"])["status"])


def _step_calls() -> dict[tuple[str, str], CarryOut]:
    calls = {f"expenseline{step.word}": _one(step) for step in _STEPS}
    # It sounds like a question, and submits all the same.
    calls["expenselinesubmittable"] = _one(_SUBMIT)
    return {("expenselines", word): call for word, call in calls.items()}


def _one(step: _Step) -> CarryOut:
    def carry_out(world: World, ask: Ask) -> Said:
        reason = ask.text("queryrejectreason")

        def take(line: Record) -> None:
            step.check(world, line)
            notes = {"notes": reason} if reason else {}
            world.change(line, {"status": step.becomes, **notes})

        return do_one(world, ask, LINE_WORDS, take, step.done)

    return carry_out


def _resubmit(world: World, ask: Ask) -> Said:
    """Move a queried line to a sheet of its own, on which it is submitted again."""
    line = meant(world, ask, LINE_WORDS)
    _RESUBMIT.check(world, line)
    sheet = _sheet_like(world, line, SUBMITTED)
    moved = {
        "expenselineSheetInternal": sheet.key,
        "status": SUBMITTED,
        "expenselineSubmittersNotes": ask.text("resubmitreason"),
    }
    world.change(line, moved)
    row = {"expensesheetInternalRef": sheet.key, "expensesheetUuid": sheet.uuid}
    return Done("Expense line re-submitted.", [row])


def _sheet_like(world: World, line: Record, state: str) -> Record:
    """Make a new sheet for the claimant of a line."""
    names = ("expensesheetSupplierCode", "expensesheetCompany", "expensesheetDescription")
    old = world.find(SHEET, line["expenselineSheetInternal"])
    return add_sheet(world, {name: old[name] for name in names}, state)


def _copy(world: World, ask: Ask) -> Said:
    """Copy a line: onto its sheet while that is open, else onto a new one."""
    line = meant(world, ask, LINE_WORDS)
    sheet = world.find(SHEET, line["expenselineSheetInternal"])
    if sheet["status"] not in _OPEN:
        sheet = _sheet_like(world, line, UNSUBMITTED)
    copied = copy_line(world, line, sheet)
    row = {"expenselineSheetInternal": sheet.key, LINES.key: copied.key}
    told = {**row, "expenselineUuid": copied.uuid}
    return Done(f"Expense line {copied.key} created.", [told])


def _objection_to_change(world: World, line: Record) -> str:
    """Say why a line cannot be changed; nothing if it can."""
    state = _sheet_state(world, line)
    if state in _OPEN:
        return "is approved" if line["status"] == APPROVED else ""
    may = _Step("", "", (SUBMITTED, PROCESSED), (UNSUBMITTED, QUERIED, REJECTED), "")
    return may.objection(world, line)


def _check_change(world: World, line: Record) -> None:
    objection = _objection_to_change(world, line)
    if objection:
        raise RefusalError(f"expense line {line.key} {objection}")


def _deleting(world: World) -> Callable[[Record], None]:
    def delete(line: Record) -> None:
        _check_change(world, line)
        world.drop(line)

    return delete


def _delete(world: World, ask: Ask) -> Said:
    return do_one(world, ask, LINE_WORDS, _deleting(world), "deleted")


def _delete_several(world: World, ask: Ask) -> Said:
    return do_several(world, ask, LINE_WORDS, _deleting(world), "deleted")


def _create(world: World, ask: Ask) -> Said:
    return each(ask.items, lambda item: _create_one(world, item))


def _create_one(world: World, item: Row) -> Item:
    values = values_of(world, LINES, item)
    data = {"expenselineDate": world.today, **values.data}
    sheet = check_line(world, data)
    line = world.add(
        LINE,
        {**data, **amounts(world, data), "status": UNSUBMITTED},
        company=sheet.company,
    )
    told = {
        "expenselineRate": line["expenselineRate"],
        "expenselineCurrencyRate": 0,
        "expenselineCurrencyTotal": line["expenselineTotal"],
        "expenselineTaxCode": line["expenselineTaxCode"],
        "expenselineTaxAmount": line["expenselineTaxAmount"],
        "expenselineDescription": line["expenselineDescription"] or "",
    }
    return Item({**told, **LINES.named(line)}, ignored(values))


def amounts(world: World, data: Mapping[str, Any]) -> Row:
    """Work out total and tax: miles by their rate, and the tax that is in the total."""
    supply_type = world.find(SUPPLY_TYPE, data["expenselineSupplyType"])
    rate = supply_type["supplytypesRate"] or data.get("expenselineRate", 0)
    quantity = data.get("expenselineQuantity", 0)
    total = data.get("expenselineTotal", 0)
    if rate and quantity:
        total = rounded(rate * quantity)
    if total <= 0:
        raise RefusalError("expenselineTotal is missing")
    code = data.get("expenselineTaxCode", supply_type["supplytypesVatcode"])
    if code not in TAX_RATES:
        raise RefusalError(f"invalid expenselineTaxCode {code}")
    percent = TAX_RATES[code]
    return {
        "expenselineRate": rate,
        "expenselineQuantity": quantity or 1,
        "expenselineTotal": total,
        "expenselineTaxCode": code,
        "expenselineTaxAmount": rounded(total * percent / (_ALL + percent)),
    }


def _update(world: World, ask: Ask) -> Said:
    """Change lines, or add a receipt to them: the document has one action for both."""
    if any(map(is_receipt, ask.items)):
        return each(ask.items, lambda item: upload(world, item))
    done = each(ask.items, lambda item: _update_one(world, item))
    return Done(WRITTEN, warning=done.warning)


def _update_one(world: World, item: Row) -> Item:
    line = named(world, LINES, item)
    _check_change(world, line)
    values = values_of(world, LINES, item)
    data = {**line.data, **values.data}
    if data["expenselineSheetInternal"] != line["expenselineSheetInternal"]:
        raise RefusalError("expenselineSheetInternal stays as it is")
    usable_phase(world, data["expenselineJobAndPhase"])
    # A total that is given is meant as it is, whatever the rate was.
    if "expenselineTotal" in values.data:
        data["expenselineQuantity"] = values.data.get("expenselineQuantity", 0)
    if "expenselineSupplyType" in values.data and "expenselineTaxCode" not in values.data:
        del data["expenselineTaxCode"]
    return Item(LINES.named(world.change(line, {**data, **amounts(world, data)})), ignored(values))


def _get(world: World, ask: Ask) -> Said:
    return Rows([line_row(world, meant(world, ask, LINE_WORDS))])


def line_row(world: World, line: Record) -> Row:
    """Show a line as the screen for its sheet does: also what may be done with it."""
    supply_type = world.find(SUPPLY_TYPE, line["expenselineSupplyType"])
    may_change = not _objection_to_change(world, line)
    named_fields = LINES.whole(world, line)
    copied = ("Internal", "Date", "Description", "JobAndPhase", "SupplyType", "Total", "TaxAmount")
    more = ("Quantity", "Rate", "TaxCode", "StatusCode", "SubmittersNotes", "StageCode")
    return {
        **{f"expenseline{name}": named_fields[f"expenseline{name}"] for name in (*copied, *more)},
        **_allowed(world, line),
        **_of_job(world, line),
        "expenselineApproversNotes": line["notes"] or "",
        "expenselineAttachmentDelete": may_change and line["receipt"] is not None,
        "expenselineAttachmentUpload": may_change,
        "expenselineAttachmentView": line["receipt"] is not None,
        "expenselineCopy": True,
        "expenselineDelete": may_change,
        "expenselineEdit": may_change,
        "expenselineValuesEdit": may_change,
        "expenselineHeld": line["status"] == HELD,
        "expenselineLineNumber": _number(world, line),
        "expenselineStatusDisplay": LINE_STATES[line["status"]],
        "expenselineSubmitted": line["status"] == SUBMITTED,
        "expenselineSupplytypeDesc": supply_type["supplytypesDescription"],
        "expenselineSupplyTypeMileage": supply_type["supplytypesMileage"],
    }


def _allowed(world: World, line: Record) -> Row:
    names = (("Approve", _APPROVE), ("Query", _QUERY), ("Reject", _REJECT))
    more = (("ReSubmit", _RESUBMIT), ("Submit", _SUBMIT))
    return {f"expenseline{name}": not step.objection(world, line) for name, step in (*names, *more)}


def _of_job(world: World, line: Record) -> Row:
    shown = {
        "expenselineClient": "phaseClientCode",
        "expenselineClientName": "phaseClientName",
        "expenselineJobDescription": "phaseJobDescription",
        "expenselineJobPhaseSimple": "phaseJobPhaseNumberSimple",
        "expenselineJobSimple": "phaseJobNumberSimple",
        "expenselinePhaseDescription": "phaseDescription",
    }
    stage = {"expenselineJobPhaseStage": 0, "expenselineJobPhaseStageDesc": ""}
    found = {name: phase_value(field)(world, line) for name, field in shown.items()}
    return {**found, **stage, "expenselineStageDescription": ""}


def _number(world: World, line: Record) -> int:
    """Count the lines of a sheet up to this one."""
    lines = world.where(LINE, expenselineSheetInternal=line["expenselineSheetInternal"])
    return [entry.key for entry in lines].index(line.key) + 1


LINE_CALLS: Calls = {
    ("expenselines", ""): reading(LISTING),
    ("expenselines", "create"): _create,
    ("expenselines", "update"): _update,
    ("expenselines", "expenselinecopy"): _copy,
    ("expenselines", "expenselineresubmit"): _resubmit,
    ("expenselines", "expensesheetline"): _get,
    ("expenselines", "expenselinedelete"): _delete,
    ("expenselines", "expenselinesdelete"): _delete_several,
    **_step_calls(),
    **RECEIPT_CALLS,
}
