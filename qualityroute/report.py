"""The fallback report: how often each task falls back, what that cost, and what it saved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from qualityroute.config import Config
from qualityroute.records import Outcome, Reason
from qualityroute.signal import Interval, break_even, wilson
from qualityroute.store import LatencySummary, SessionStore, TaskSummary

VERSION = 1


@dataclass(frozen=True, slots=True)
class Rate:
    """A share with its 95 % Wilson interval; `None` while nothing was counted."""

    rate: float | None
    low: float | None
    high: float | None
    count: int
    of: int


@dataclass(frozen=True, slots=True)
class Cost:
    """USD; `None` is unknown."""

    efficiency: Decimal | None
    judge: Decimal | None
    performance: Decimal | None
    audit: Decimal | None
    total: Decimal | None


@dataclass(frozen=True, slots=True)
class Saved:
    """Against sending every request to the performance tier at its mean cost here: an estimate."""

    against: Decimal | None
    """What all-performance would have cost, USD."""
    amount: Decimal | None
    share: float | None


@dataclass(frozen=True, slots=True)
class TaskReport:
    task: str
    tier: str
    requests: int
    attempts: int
    """Unpinned efficiency attempts that the gate could judge."""
    accepted: int
    fallbacks: int
    by_reason: Mapping[Reason, int]
    outcomes: Mapping[Outcome, int]
    fallback_rate: Rate
    difficulty: Rate
    """The same of the first attempt of each session."""
    break_even: float | None
    """The fallback rate at which trying efficiency first stops paying."""
    cost: Cost
    saved: Saved
    judged: int
    judge_catches: int
    pins_created: int
    pin_share: float | None
    """Share of requests that a pin sent to performance."""
    latency: Mapping[Outcome, LatencySummary]


@dataclass(frozen=True, slots=True)
class Report:
    tasks: Mapping[str, TaskReport]
    pins_active: int
    since: datetime | None

    def to_json(self) -> dict[str, Any]:
        """The report with documented, versioned keys; money as text, so that no digit is lost."""
        return {
            "version": VERSION,
            "since": self.since.isoformat() if self.since else None,
            "pins_active": self.pins_active,
            "tasks": {name: _task_json(task) for name, task in self.tasks.items()},
        }


async def build_report(
    store: SessionStore, config: Config, *, now: datetime, task: str | None = None, since: datetime | None = None
) -> Report:
    """Add up the ledger. Raises `StoreError`."""
    summaries = await store.summaries(task=task, since=since)
    tasks = {summary.task: _task_report(summary, config) for summary in summaries}
    return Report(tasks, await store.pins_active(now), since)


def _task_report(summary: TaskSummary, config: Config) -> TaskReport:
    settings = config.tasks.get(summary.task)
    cost = _cost(summary)
    return TaskReport(
        task=summary.task,
        tier=settings.tier if settings else "unknown",
        requests=summary.requests,
        attempts=summary.attempts,
        accepted=summary.accepted,
        fallbacks=summary.fallbacks,
        by_reason=summary.by_reason,
        outcomes=summary.outcomes,
        fallback_rate=_rate(summary.fallbacks, summary.attempts),
        difficulty=_rate(summary.first_fallbacks, summary.first_attempts),
        break_even=_break_even(summary),
        cost=cost,
        saved=_saved(summary, cost),
        judged=summary.judged,
        judge_catches=summary.judge_catches,
        pins_created=summary.pins_created,
        pin_share=summary.pinned / summary.requests if summary.requests else None,
        latency=summary.latency,
    )


def _rate(count: int, of: int) -> Rate:
    if not of:
        return Rate(None, None, None, 0, 0)
    interval: Interval = wilson(count, of)
    return Rate(count / of, interval.low, interval.high, count, of)


def _break_even(summary: TaskSummary) -> float | None:
    if not summary.attempts:
        return None
    return break_even(
        efficiency=summary.efficiency.mean,
        judge=summary.judge.mean,
        performance=summary.performance.mean,
        judged=summary.judge.calls / summary.attempts,
    )


def _cost(summary: TaskSummary) -> Cost:
    parts = (summary.efficiency.total, summary.judge.total, summary.performance.total)
    known = [part for part in parts if part is not None]
    return Cost(*parts, audit=Decimal(0), total=sum(known, Decimal(0)) if len(known) == len(parts) else None)


def _saved(summary: TaskSummary, cost: Cost) -> Saved:
    mean = summary.performance.mean
    if mean is None or cost.total is None:
        return Saved(None, None, None)
    against = mean * summary.requests
    amount = against - cost.total
    return Saved(against, amount, float(amount / against) if against else None)


def _task_json(task: TaskReport) -> dict[str, Any]:
    return {
        "tier": task.tier,
        "requests": task.requests,
        "attempts": task.attempts,
        "accepted": task.accepted,
        "fallbacks": task.fallbacks,
        "by_reason": dict(task.by_reason),
        "outcomes": dict(task.outcomes),
        "fallback_rate": _rate_json(task.fallback_rate),
        "difficulty": _rate_json(task.difficulty),
        "break_even": task.break_even,
        "cost": {name: _money(getattr(task.cost, name)) for name in Cost.__dataclass_fields__},
        "saved": {
            "against_all_performance": _money(task.saved.against),
            "amount": _money(task.saved.amount),
            "share": task.saved.share,
            "estimated": True,
        },
        "judge": {"judged": task.judged, "catches": task.judge_catches},
        "pins_created": task.pins_created,
        "pin_share": task.pin_share,
        "latency": {
            outcome: {"count": latency.count, "p50": latency.p50, "p95": latency.p95}
            for outcome, latency in task.latency.items()
        },
    }


def _rate_json(rate: Rate) -> dict[str, Any]:
    return {"rate": rate.rate, "low": rate.low, "high": rate.high, "count": rate.count, "of": rate.of}


def _money(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{amount:f}"


__all__ = ["Cost", "Rate", "Report", "Saved", "TaskReport", "build_report"]
