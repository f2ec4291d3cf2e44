"""The assignment problem: each row gets a column of its own so that the sum of the costs is the least there is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

Costs: TypeAlias = Sequence[Sequence[int]]
"""A row may not have fewer columns than there are rows. Whole numbers of any size, so that nothing is rounded."""


def cheapest_assignment(costs: Costs) -> list[int]:
    """The column of each row, in time of rows x rows x columns.

        cheapest_assignment([[4, 1, 3], [2, 0, 5]])     # [1, 0]

    The Hungarian method: rows enter one by one, each by the shortest way of moving the earlier ones to other columns.
    Every row and column has a price, and no cost is below the sum of its two; where they are the same, a pair is free.
    """
    columns = len(costs[0]) if costs else 0
    row_prices, column_prices = [0] * len(costs), [0] * columns
    row_of: list[int | None] = [None] * columns
    for row in range(len(costs)):
        _enter(row, costs, row_prices, column_prices, row_of)
    column_of = {row: column for column, row in enumerate(row_of) if row is not None}
    return [column_of[row] for row in range(len(costs))]


def _enter(
    new_row: int, costs: Costs, row_prices: list[int], column_prices: list[int], row_of: list[int | None]
) -> None:
    open_columns = list(range(len(column_prices)))
    distance: dict[int, int] = {}
    came_from: dict[int, int | None] = {}
    reached: list[int] = []
    row, last, travelled = new_row, None, 0
    while True:
        for column in open_columns:
            onward = travelled + costs[row][column] - row_prices[row] - column_prices[column]
            if column not in distance or onward < distance[column]:
                distance[column], came_from[column] = onward, last
        last = min(open_columns, key=distance.__getitem__)
        travelled = distance[last]
        taken_by = row_of[last]
        if taken_by is None:
            break
        open_columns.remove(last)
        reached.append(last)
        row = taken_by
    row_prices[new_row] += travelled
    for column in reached:
        slack = travelled - distance[column]
        column_prices[column] -= slack
        row_prices[_taken(row_of, column)] += slack
    _move(new_row, last, came_from, row_of)


def _move(new_row: int, free_column: int, came_from: dict[int, int | None], row_of: list[int | None]) -> None:
    """Along the way back from the free column, each column takes the row of the one before it."""
    column: int | None = free_column
    while column is not None:
        before = came_from[column]
        row_of[column] = new_row if before is None else row_of[before]
        column = before


def _taken(row_of: list[int | None], column: int) -> int:
    row = row_of[column]
    assert row is not None
    return row
