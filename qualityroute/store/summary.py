"""The tallies added up: one summary for each task, however many decisions went in."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import reduce
from typing import Any

from qualityroute.records import Outcome, PinEffect, Reason, Route
from qualityroute.store.columns import PER_DOLLAR, from_units, moment
from qualityroute.store.statements import Connection
from qualityroute.store.summaries import CostSummary, HeadStarts, HourSummary, LatencySummary, Pairs, TaskSummary
from qualityroute.store.tallies import MEASURES, seconds_of

_JUDGED_ROUTES = (Route.CASCADE, Route.EXPLORE)
_DIMENSIONS = ("task", "route", "outcome", "reason", "failed", "session_attempt", "caught", "judged", "pin")
_SUMS = ", ".join(f"SUM({measure})" for measure in MEASURES)
_TALLIES = f"SELECT {', '.join(_DIMENSIONS)}, {_SUMS} FROM tallies WHERE {{where}} GROUP BY {', '.join(_DIMENSIONS)}"
_HOURS = """
SELECT task, hour, SUM(decisions), SUM(decisions * failed) FROM tallies
WHERE {where} AND failed >= 0 GROUP BY task, hour ORDER BY hour
"""
_LATENCIES = """
SELECT task, outcome, step, SUM(decisions) FROM latencies WHERE {where} GROUP BY task, outcome, step ORDER BY step
"""


def summarise(connection: Connection, task: str | None, since: datetime | None) -> list[TaskSummary]:
    """Of all tasks or one; `since` counts from the beginning of its hour."""
    conditions, parameters = ["TRUE"], dict[str, Any]()
    if task is not None:
        conditions.append("task = :task")
        parameters["task"] = task
    if since is not None:
        conditions.append("hour >= :hour")
        parameters["hour"] = moment(since)[:13]

    def by_task(query: str) -> defaultdict[str, list[tuple[Any, ...]]]:
        tasks: defaultdict[str, list[tuple[Any, ...]]] = defaultdict(list)
        for name, *rest in connection.execute(query.format(where=" AND ".join(conditions)), parameters):
            tasks[name].append(tuple(rest))
        return tasks

    hours, latencies = by_task(_HOURS), by_task(_LATENCIES)
    return [
        _summary(name, [_Tally(row) for row in rows], hours[name], latencies[name])
        for name, rows in sorted(by_task(_TALLIES).items())
    ]


class _Tally:
    """One row: what kind of decision, how many, and their sums."""

    def __init__(self, row: tuple[Any, ...]) -> None:
        self.route, self.outcome, self.reason = Route(row[0]), Outcome(row[1]), row[2]
        self.failed, self.session_attempt, self.caught, self.judged, self.pin = row[3:8]
        self.sums: Mapping[str, Any] = dict(zip(MEASURES, row[8:], strict=True))
        self.decisions: int = self.sums["decisions"]


def _summary(
    task: str, tallies: list[_Tally], hours: Iterable[tuple[Any, ...]], latencies: Iterable[tuple[Any, ...]]
) -> TaskSummary:
    measuring = [tally for tally in tallies if tally.route.measures]
    tallies = [tally for tally in tallies if not tally.route.measures]
    asked = [tally for tally in tallies if tally.route.served]
    tried = [tally for tally in tallies if tally.route in (*_JUDGED_ROUTES, Route.PROBE)]
    counted = [tally for tally in tallies if tally.failed >= 0]
    first = [tally for tally in counted if tally.session_attempt == 1]
    return TaskSummary(
        task=task,
        requests=_count(asked),
        outcomes=_by(asked, lambda tally: tally.outcome),
        attempts=_count(counted),
        accepted=_count(tally for tally in counted if not tally.failed),
        fallbacks=_count(tally for tally in counted if tally.failed),
        by_reason=_by(
            (tally for tally in tallies if tally.reason and tally.route in _JUDGED_ROUTES),
            lambda tally: Reason(tally.reason),
        ),
        first_attempts=_count(first),
        first_fallbacks=_count(tally for tally in first if tally.failed),
        judged=_count(tally for tally in counted if tally.judged),
        judge_catches=_count(tally for tally in counted if tally.caught),
        tried=_cost(tried, "efficiency", "attempts"),
        judging=_together(_cost(tried, "judge", "calls"), _cost(tried, "peer", "calls")),
        efficiency=_cost(tallies, "efficiency", "attempts"),
        judge=_cost(tallies, "judge", "calls"),
        performance=_cost(tallies, "performance", "attempts"),
        cut_off=_sum([*tallies, *measuring], "cut_off"),
        pairs=_pairs(asked),
        latency=_latency(latencies),
        pins_created=_with_pin(tallies, PinEffect.CREATED),
        pinned=_count(tally for tally in tallies if tally.route is Route.PINNED),
        probes=_with_pin(tallies, PinEffect.PROBE_PASSED, PinEffect.PROBE_FAILED, PinEffect.RELEASED),
        failed_probes=_with_pin(tallies, PinEffect.PROBE_FAILED),
        released=_with_pin(tallies, PinEffect.RELEASED),
        explored=_count(tally for tally in tallies if tally.route is Route.EXPLORE),
        hours=tuple(HourSummary(_hour(hour), attempts, fallbacks) for hour, attempts, fallbacks in hours),
        peers=_cost(tallies, "peer", "calls"),
        measuring=_spent_in_all(measuring),
        head_starts=_head_starts(tallies),
        likening=_cost(tallies, "likening", "calls"),
    )


def _head_starts(tallies: list[_Tally]) -> HeadStarts:
    needed = _sum(tallies, "early")
    took, saved = (sum(tally.sums[name] for tally in tallies) / 1000 for name in ("early_ms", "saved_ms"))
    return HeadStarts(
        needed=needed,
        spare=_sum(tallies, "spare"),
        seconds=took / needed if needed else 0.0,
        saved=saved,
        cost=from_units(_sum(tallies, "spare_cost")),
        unknown=_sum(tallies, "spare_unknown"),
    )


def _count(tallies: Iterable[_Tally]) -> int:
    return sum(tally.decisions for tally in tallies)


def _by(tallies: Iterable[_Tally], key: Any) -> dict[Any, int]:
    counts: Counter[Any] = Counter()
    for tally in tallies:
        counts[key(tally)] += tally.decisions
    return dict(counts.most_common())


def _with_pin(tallies: Iterable[_Tally], *effects: PinEffect) -> int:
    return _count(tally for tally in tallies if tally.pin in effects)


def _sum(tallies: Iterable[_Tally], measure: str) -> int:
    return sum(int(tally.sums[measure]) for tally in tallies)


def _cost(tallies: list[_Tally], part: str, unit: str) -> CostSummary:
    return CostSummary(
        _sum(tallies, f"{part}_{unit}"), from_units(_sum(tallies, f"{part}_cost")), _sum(tallies, f"{part}_unknown")
    )


def _together(one: CostSummary, other: CostSummary) -> CostSummary:
    return CostSummary(one.count + other.count, one.known + other.known, one.unknown + other.unknown)


def _spent_in_all(tallies: list[_Tally]) -> CostSummary:
    parts = (("efficiency", "attempts"), ("judge", "calls"), ("peer", "calls"), ("performance", "attempts"))
    return reduce(_together, (_cost(tallies, part, unit) for part, unit in parts))


def _pairs(tallies: list[_Tally]) -> Pairs:
    return Pairs(
        count=_sum(tallies, "pairs"),
        tokens=_sum(tallies, "pair_tokens"),
        cost=from_units(_sum(tallies, "pair_cost")),
        tokens_squared=sum(tally.sums["pair_tokens_squared"] for tally in tallies),
        tokens_cost=sum(tally.sums["pair_tokens_cost"] for tally in tallies) / PER_DOLLAR,
        alone=_sum(tallies, "alone"),
        alone_tokens=_sum(tallies, "alone_tokens"),
    )


def _hour(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}:00").replace(tzinfo=UTC)


def _latency(rows: Iterable[tuple[Any, ...]]) -> dict[Outcome, LatencySummary]:
    steps: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
    for outcome, step, decisions in rows:
        steps[outcome].append((step, decisions))
    return {Outcome(outcome): _quantiles(found) for outcome, found in steps.items()}


def _quantiles(steps: list[tuple[int, int]]) -> LatencySummary:
    count = sum(decisions for _, decisions in steps)
    return LatencySummary(count, _at_rank(steps, 0.50 * count), _at_rank(steps, 0.95 * count))


def _at_rank(steps: list[tuple[int, int]], rank: float) -> float:
    """Nearest rank: the smallest step that so many did not exceed."""
    reached = 0
    for step, decisions in steps:
        reached += decisions
        if reached >= rank:
            return seconds_of(step)
    return 0.0


def judge_errors(connection: Connection, task: str, since: datetime | None) -> dict[str, int]:
    # A cross join is done in the order written: the few verdicts first, by their own index.
    rows = connection.execute(
        """
        SELECT verdicts.details, COUNT(*)
        FROM verdicts CROSS JOIN decisions
        WHERE verdicts.reason = 'judge_error' AND decisions.id = verdicts.decision_id
          AND decisions.task = ? AND decisions.at >= ? GROUP BY verdicts.details
        """,
        (task, "" if since is None else f"{moment(since)[:13]}"),
    )
    causes: Counter[str] = Counter()
    for details, count in rows:  # the two databases have no word for JSON in common
        causes[str(json.loads(details).get("cause", "unknown"))] += count
    return dict(causes.most_common())


def pins_by_task(connection: Connection, now: datetime) -> dict[str, int]:
    rows = connection.execute(
        """
        SELECT COALESCE(decisions.task, ''), COUNT(*) FROM pins LEFT JOIN decisions ON decisions.id = pins.decision_id
        WHERE held = 1 AND until > ? GROUP BY 1
        """,
        (moment(now),),
    )
    return {str(task): int(count) for task, count in rows}
