"""Our operations and those of a vendor's document, side by side. Pure, and the same every time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from crm_mcp.bindings.assignment import ALONE, assign
from crm_mcp.bindings.comparing import Fit, fit
from crm_mcp.bindings.likeness import (
    likeness,
    our_headers,
    profile_ours,
    profile_theirs,
    shape,
    weights,
)
from crm_mcp.bindings.openapi import Described
from crm_mcp.operation import Operation

Status = Literal["matched", "differs", "missing", "new", "ambiguous"]
STATUSES: tuple[Status, ...] = ("matched", "differs", "ambiguous", "missing", "new")

THRESHOLD = 0.55
"""Two operations that are less alike are not the same."""
MARGIN = 0.04
"""Where another pairing is worse by less than this, a person must decide."""

Scores = Sequence[Sequence[float]]


@dataclass(frozen=True)
class Row:
    """What was found about one operation, ours or theirs.

    `candidates` are all of the document that an ambiguous one may be, the likeliest first.
    """

    status: Status
    operation: Operation | None = None
    described: Described | None = None
    score: float = 0.0
    fit: Fit | None = None
    candidates: tuple[Described, ...] = ()


def match(operations: Sequence[Operation], described: Sequence[Described]) -> tuple[Row, ...]:
    """Find each of our operations in the document.

    Returns:
        A row for each of ours in their order, then one for each of the document that is new.
    """
    # A websocket is no operation of such a document.
    ours = [operation for operation in operations if operation.request.method != "WS"]
    headers = our_headers(ours)
    scores = _scores(ours, described, headers)
    columns = assign(scores, THRESHOLD)
    rivals = _rivals(scores, columns)
    rows = []
    taken = set(columns)
    for number, operation in enumerate(ours):
        if rivals[number]:
            taken |= rivals[number]
            rows.append(_ambiguous(operation, scores[number], rivals[number], described))
        elif columns[number] == ALONE:
            rows.append(Row("missing", operation))
        else:
            found = described[columns[number]]
            fitting = fit(operation, found, headers)
            status: Status = "differs" if fitting.differences or fitting.blocker else "matched"
            score = scores[number][columns[number]]
            rows.append(Row(status, operation, found, round(score, 2), fitting))
    new = [Row("new", described=one) for at, one in enumerate(described) if at not in taken]
    return (*rows, *new)


def _scores(
    operations: Sequence[Operation], described: Sequence[Described], headers: frozenset[str]
) -> list[list[float]]:
    requests = frozenset((one.method, shape(one.path)) for one in described)
    ours = [profile_ours(operation, requests) for operation in operations]
    theirs = [profile_theirs(one, headers) for one in described]
    weight = weights((*ours, *theirs))
    return [[likeness(one, other, weight) for other in theirs] for one in ours]


def _rivals(scores: Scores, columns: Sequence[int]) -> list[set[int]]:
    """Collect for each row what it may be, where two pairings are too near; else nothing."""
    rivals: list[set[int]] = [set() for _ in scores]
    free = set(range(len(scores[0]) if scores else 0)) - set(columns)
    for row, column in enumerate(columns):
        if column == ALONE:
            continue
        own = scores[row][column]
        for other in free:
            if scores[row][other] >= max(THRESHOLD, own - MARGIN):
                rivals[row] |= {column, other}
        for other, its in enumerate(columns):
            if other != row and _exchangeable(scores, (row, column), (other, its)):
                rivals[row] |= {column} | ({its} - {ALONE})
                rivals[other] |= {column} | ({its} - {ALONE})
    return rivals


def _exchangeable(scores: Scores, one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Tell whether two rows could as well have each other's columns, one of which may be none."""
    (row, column), (second, its) = one, other
    crossed = scores[second][column]
    if its == ALONE:
        return crossed >= max(THRESHOLD, scores[row][column] - MARGIN)
    back = scores[row][its]
    if min(crossed, back) < THRESHOLD:
        return False
    return scores[row][column] + scores[second][its] - crossed - back < MARGIN


def _ambiguous(
    operation: Operation, scores: Sequence[float], rivals: set[int], described: Sequence[Described]
) -> Row:
    ordered = sorted(rivals, key=lambda at: (-scores[at], described[at].label))
    return Row(
        "ambiguous",
        operation,
        score=round(scores[ordered[0]], 2),
        candidates=tuple(described[at] for at in ordered),
    )
