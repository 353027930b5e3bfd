"""Looks at expense claims in the Synergist stand-in, and decides about them."""

from typing import Any

from synergist_caller import Crm, Row

POSTED, PROCESSED, RETURNED, SUBMITTED, OPEN = range(1786, 1791)
"""The sheets of the story, by state."""

QUERIED = 3398
PHASE = "1/00001001.001"
LINE: Row = {
    "expenselineTotal": 60,
    "expenselineJobAndPhase": PHASE,
    "expenselineSupplyType": "1/HOT",
    "expenselineDescription": "One more night",
}


def sheet(crm: Crm, number: int) -> Row:
    return crm.row("expensesheets", action="expensesheetlist", expensesheet=number)


def lines(crm: Crm, number: int) -> list[Row]:
    return crm.rows("expensesheets", action="expensesheetlines", expensesheet=number)


def line(crm: Crm, number: int) -> Row:
    return crm.row("expenselines", action="expensesheetline", company=1, expenseline=number)


def step(crm: Crm, word: str, number: Any) -> str:
    told = crm.write("expensesheets", action=f"expensesheet{word}", expensesheet=number)
    assert told["warningmessage"] == ""
    said: str = told["responsemessage"]
    return said


def decide(crm: Crm, word: str, number: int, **more: Any) -> Row:
    return crm.write(
        "expenselines", action=f"expenseline{word}", company=1, expenseline=number, **more
    )


def why(crm: Crm, word: str, number: int) -> str:
    words = crm.why("expensesheets", action=f"expensesheet{word}", expensesheet=number)
    return words.removeprefix(f"expense sheet {number} ")


def why_line(crm: Crm, word: str, number: int, **more: Any) -> str:
    action = f"expenseline{word}"
    words = crm.why("expenselines", action=action, company=1, expenseline=number, **more)
    return words.removeprefix(f"expense line {number} ")


def add_line(crm: Crm, number: int, **more: Any) -> Row:
    item = {**LINE, "expenselineSheetInternal": number, **more}
    return crm.written("expenselines", item, action="create")


def status(crm: Crm, number: int) -> str:
    shown: str = line(crm, number)["expenselineStatusDisplay"]
    return shown
