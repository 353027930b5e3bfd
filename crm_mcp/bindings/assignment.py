"""Who goes with whom, so that all pairs together are the best. Pure.

The Hungarian method with shortest augmenting paths. SciPy has it too, at thirty megabytes.
"""

from collections.abc import Sequence

ALONE = -1


def assign(scores: Sequence[Sequence[float]], threshold: float) -> list[int]:
    """Find for each row its column, so that the sum of scores is the greatest.

    Args:
        scores: one row each, all of the same length, from 0 to 1.
        threshold: a pair below it is none; a row may also stay alone, which is worth as much.

    Returns:
        For each row the number of its column, or ALONE. The same scores give the same pairs.
    """
    rows = len(scores)
    columns = len(scores[0]) if rows else 0
    # Each row has one more column of its own, in which it stays alone.
    costs = [
        [_cost(score, threshold) for score in row]
        + [-threshold if other == number else 1.0 for other in range(rows)]
        for number, row in enumerate(scores)
    ]
    matched = _hungarian(costs) if rows else []
    return [column if column < columns else ALONE for column in matched]


def _cost(score: float, threshold: float) -> float:
    return -score if score >= threshold else 1.0


def _hungarian(costs: list[list[float]]) -> list[int]:
    """Pair each row with a column of its own at the least cost; there are columns enough."""
    width = len(costs[0])
    row_of = [ALONE] * width
    prices, rents = [0.0] * width, [0.0] * len(costs)
    for row in range(len(costs)):
        end, came_from, reached = _shortest(costs, row, row_of, prices, rents)
        least = reached[end]
        for column, distance in reached.items():
            if column != end:
                prices[column] += distance - least
                rents[row_of[column]] += least - distance
        rents[row] += least
        while end != ALONE:
            before = came_from[end]
            row_of[end] = row if before == ALONE else row_of[before]
            end = before
    column_of = {row: column for column, row in enumerate(row_of)}
    return [column_of[row] for row in range(len(costs))]


def _shortest(
    costs: list[list[float]],
    start: int,
    row_of: list[int],
    prices: list[float],
    rents: list[float],
) -> tuple[int, list[int], dict[int, float]]:
    """Walk from a row over pairs that there are to the nearest free column."""
    width = len(prices)
    distances, came_from = [float("inf")] * width, [ALONE] * width
    reached: dict[int, float] = {}
    row, before, so_far = start, ALONE, 0.0
    while True:
        line, rent = costs[row], rents[row]
        nearest = ALONE
        for column in range(width):
            if column in reached:
                continue
            distance = so_far + line[column] - rent - prices[column]
            if distance < distances[column]:
                distances[column], came_from[column] = distance, before
            if nearest == ALONE or distances[column] < distances[nearest]:
                nearest = column
        reached[nearest] = so_far = distances[nearest]
        if row_of[nearest] == ALONE:
            return nearest, came_from, reached
        row, before = row_of[nearest], nearest
