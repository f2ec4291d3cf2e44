"""The ledger added up by SQLite: one row comes out for each task, however many decisions went in."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeAlias

from qualityroute.pins import PinEffect
from qualityroute.records import Outcome, Reason, Role, Route, Tier
from qualityroute.store.columns import PER_DOLLAR, from_units, moment
from qualityroute.store.interface import CostSummary, LatencySummary, TaskSummary

Rows: TypeAlias = list[tuple[Any, ...]]
Parameters: TypeAlias = Mapping[str, Any]

_NOTHING_SPENT = CostSummary()

# `failed` is set on unpinned efficiency attempts the gate could judge: the denominator of the fallback rate.
_COUNTS = f"""
SELECT task, COUNT(*), COUNT(failed), COUNT(failed) - TOTAL(failed), TOTAL(failed),
    TOTAL(session_attempt = 1), TOTAL(session_attempt = 1 AND failed = 1), TOTAL(cost IS NULL),
    TOTAL(pin = '{PinEffect.CREATED}'), TOTAL(route = '{Route.PINNED}')
FROM decisions {{where}} GROUP BY task ORDER BY task
"""

# Nearest rank: the smallest latency that at least 50 (95) in 100 requests did not exceed.
_LATENCY = """
WITH ranked AS (
    SELECT task, outcome, latency_ms,
        ROW_NUMBER() OVER (PARTITION BY task, outcome ORDER BY latency_ms) AS place,
        COUNT(*) OVER (PARTITION BY task, outcome) AS size
    FROM decisions {where}
)
SELECT task, outcome, size,
    MIN(CASE WHEN place * 100 >= size * 50 THEN latency_ms END),
    MIN(CASE WHEN place * 100 >= size * 95 THEN latency_ms END)
FROM ranked GROUP BY task, outcome, size ORDER BY task, outcome
"""

_REASONS = f"""
SELECT decisions.task, attempts.reason, COUNT(*)
FROM decisions CROSS JOIN attempts ON attempts.decision_id = decisions.id
{{where}} AND attempts.tier = '{Tier.EFFICIENCY}' AND attempts.ruling <> 'accepted' AND attempts.reason IS NOT NULL
GROUP BY decisions.task, attempts.reason ORDER BY COUNT(*) DESC, attempts.reason
"""

_JUDGED = """
SELECT decisions.task, COUNT(*), TOTAL(verdicts.ruling = 'rejected')
FROM decisions CROSS JOIN verdicts ON verdicts.decision_id = decisions.id
{where} AND decisions.failed IS NOT NULL AND verdicts.attempt = 0 AND verdicts."check" = 'judge'
GROUP BY decisions.task
"""

_COSTS = f"""
SELECT decisions.task, calls.role, calls.tier, COUNT(*),
    SUM(CAST(ROUND(calls.cost * {PER_DOLLAR}) AS INTEGER)), TOTAL(calls.cost IS NULL)
FROM decisions CROSS JOIN calls ON calls.decision_id = decisions.id
{{where}} GROUP BY decisions.task, calls.role, calls.tier
"""


def summarise(connection: sqlite3.Connection, task: str | None, since: datetime | None) -> list[TaskSummary]:
    """Inside one read transaction, so that the figures belong together."""
    where, parameters = _where(task, since)

    def rows(query: str) -> Rows:
        return connection.execute(query.format(where=where), parameters).fetchall()

    latency = _latencies(rows(_LATENCY))
    reasons = _by_task(rows(_REASONS))
    judged = {row[0]: row[1:] for row in rows(_JUDGED)}
    costs = _by_task(rows(_COSTS))
    return [
        _summary(row, latency[row[0]], reasons[row[0]], judged.get(row[0], (0, 0)), costs[row[0]])
        for row in rows(_COUNTS)
    ]


def _where(task: str | None, since: datetime | None) -> tuple[str, Parameters]:
    # Only the conditions asked for: an "or is null" would keep SQLite from using the index.
    conditions = ["1"]
    parameters: dict[str, Any] = {}
    if task is not None:
        conditions.append("decisions.task = :task")
        parameters["task"] = task
    if since is not None:
        conditions.append("decisions.at >= :since")
        parameters["since"] = moment(since)
    return f"WHERE {' AND '.join(conditions)}", parameters


def _by_task(rows: Rows) -> defaultdict[str, Rows]:
    tasks: defaultdict[str, Rows] = defaultdict(list)
    for task, *rest in rows:
        tasks[task].append(tuple(rest))
    return tasks


def _latencies(rows: Rows) -> defaultdict[str, dict[Outcome, LatencySummary]]:
    tasks: defaultdict[str, dict[Outcome, LatencySummary]] = defaultdict(dict)
    for task, outcome, size, median, high in rows:
        tasks[task][Outcome(outcome)] = LatencySummary(size, median / 1000, high / 1000)
    return tasks


def _summary(
    counts: tuple[Any, ...],
    latency: Mapping[Outcome, LatencySummary],
    reasons: Rows,
    judged: tuple[Any, ...],
    costs: Rows,
) -> TaskSummary:
    requests, attempts, accepted, fallbacks, first, first_failed, unknown, created, pinned = map(int, counts[1:])
    spent = {
        (role, tier): CostSummary(calls, from_units(units or 0), int(none)) for role, tier, calls, units, none in costs
    }
    return TaskSummary(
        task=counts[0],
        requests=requests,
        outcomes={outcome: summary.count for outcome, summary in latency.items()},
        attempts=attempts,
        accepted=accepted,
        fallbacks=fallbacks,
        by_reason={Reason(reason): count for reason, count in reasons},
        first_attempts=first,
        first_fallbacks=first_failed,
        judged=int(judged[0]),
        judge_catches=int(judged[1]),
        efficiency=spent.get((Role.ANSWER, Tier.EFFICIENCY), _NOTHING_SPENT),
        judge=_together([cost for (role, _), cost in spent.items() if role == Role.JUDGE]),
        performance=spent.get((Role.ANSWER, Tier.PERFORMANCE), _NOTHING_SPENT),
        cost_unknown=unknown,
        latency=latency,
        pins_created=created,
        pinned=pinned,
    )


def _together(costs: list[CostSummary]) -> CostSummary:
    return CostSummary(
        sum(cost.calls for cost in costs),
        sum((cost.known for cost in costs), _NOTHING_SPENT.known),
        sum(cost.unknown for cost in costs),
    )
