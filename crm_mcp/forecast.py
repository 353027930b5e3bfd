"""How many requests a write takes and about how long, as a person reads it beforehand. Pure."""

import math

from crm_mcp.guard import BoundCall
from crm_mcp.ids import lookups

FEW = 5
_MINUTE = 60
_MINUTES_FROM = 120


def forecast(call: BoundCall, looks: int, rate: float, *, asked: bool) -> str:
    """Say it in one line; empty where it would say nothing: one record, a few requests, no wait.

    Args:
        call: the write.
        looks: how many records were read to show them.
        rate: how many requests a second the account allows.
        asked: whether a person is asked; otherwise nothing is looked at again.
    """
    seen = looks + len(lookups(call.operation, call.arguments))
    checked = looks if call.operation.effect == "update" else 0
    to_come = {
        "to look again": seen if asked else 0,
        "to write": 1,
        "to check afterwards": checked if asked else 0,
    }
    requests = sum(to_come.values())
    if call.records == 1 and requests <= FEW and requests / rate <= FEW:
        return ""
    made = f"{seen} so far, to look; " if seen else ""
    after = "after a yes " if seen and asked else ""
    parts = ", ".join(f"{number} {purpose}" for purpose, number in to_come.items() if number)
    return f"{made}{after}{parts}; {_time(requests / rate)} at this account's pace"


def _time(seconds: float) -> str:
    if seconds < 1:
        return "less than a second"
    if seconds > _MINUTES_FROM:
        return f"about {math.ceil(seconds / _MINUTE)} minutes"
    whole = math.ceil(seconds)
    return f"about {whole} second" + ("s" if whole > 1 else "")
