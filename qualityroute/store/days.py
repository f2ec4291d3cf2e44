"""What was spent day by day, from the tallies."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime
from typing import Any

from qualityroute.records import Route
from qualityroute.store.columns import from_units, moment
from qualityroute.store.statements import Connection
from qualityroute.store.summaries import CostSummary, DaySpending

_PARTS = (
    ("efficiency_attempts", "efficiency_cost", "efficiency_unknown"),
    ("judge_calls", "judge_cost + likening_cost", "judge_unknown + likening_unknown"),
    ("peer_calls", "peer_cost", "peer_unknown"),
    ("performance_attempts", "performance_cost + spare_cost", "performance_unknown"),
)
"""The answers of each part, what was spent on it, and how many have no known cost: on the judge also looks for earlier
answers, on performance what was begun early and not needed."""
_MEASURING = tuple(route.value for route in Route if route.measures)
_SUMS = ", ".join(f"SUM({measure})" for part in _PARTS for measure in part)
_DAYS = f"""
SELECT substr(hour, 1, 10) AS day, task,
  CASE WHEN route IN ({", ".join("?" * len(_MEASURING))}) THEN 1 ELSE 0 END AS measuring, {_SUMS}
FROM tallies WHERE hour >= ? GROUP BY 1, 2, 3 ORDER BY 1 DESC, 2
"""


def spending_by_day(connection: Connection, since: datetime | None) -> list[DaySpending]:
    """The newest day first; `since` counts from the beginning of its hour."""
    hour = "" if since is None else moment(since)[:13]
    found: defaultdict[tuple[str, str], dict[int, list[CostSummary]]] = defaultdict(dict)
    for day, task, measuring, *sums in connection.execute(_DAYS, (*_MEASURING, hour)):
        found[day, task][measuring] = [_cost(sums[place : place + 3]) for place in range(0, len(sums), 3)]
    return [_day(day, task, parts) for (day, task), parts in found.items()]


def _cost(sums: list[Any]) -> CostSummary:
    count, cost, unknown = sums
    return CostSummary(int(count), from_units(int(cost)), int(unknown))


def _day(day: str, task: str, parts: dict[int, list[CostSummary]]) -> DaySpending:
    none = [CostSummary()] * len(_PARTS)
    efficiency, judge, peers, performance = parts.get(0, none)
    return DaySpending(
        date.fromisoformat(day), task, efficiency, judge, peers, performance, sum_of(*parts.get(1, none))
    )


def sum_of(*costs: CostSummary) -> CostSummary:
    return CostSummary(
        sum(cost.count for cost in costs),
        sum((cost.known for cost in costs), CostSummary().known),
        sum(cost.unknown for cost in costs),
    )
