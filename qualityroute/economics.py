"""What one request of a task costs on either way, from the ledger's sums, as `complexity` takes it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from qualityroute.complexity import Economics
from qualityroute.complexity.beta import Belief
from qualityroute.complexity.rule import DOUBT
from qualityroute.config import ResolvedTask, Routing
from qualityroute.labels import Label
from qualityroute.records import Outcome
from qualityroute.report.money import means_of
from qualityroute.store import TaskSummary

FEWEST_LABELS = 30
"""Labelled rejections of the judge before their worth is believed."""


def economics_of(
    routing: Routing, task: ResolvedTask, summary: TaskSummary | None, labels: Sequence[Label], pipeline: str
) -> Economics:
    """Means of a task; unknown where nothing was measured, or a price is missing.

    Args:
        summary: the task's ledger of late; `None`: nothing was asked.
        labels: of the task; read only where errors have a cost.
        pipeline: the key of today's, which labels must be of.
    """
    if summary is None:
        return Economics()
    means = means_of(summary)
    first, strong = _seconds(summary)
    second = float(routing.value_of_second)
    known = task.speculates and first is not None and strong is not None and means.performance is not None
    return Economics(
        efficiency=_priced(means.efficiency, first, second),
        judge=None if means.judge is None else float(means.judge),
        performance=_priced(means.performance, strong, second),
        cost_of_error=float(routing.cost_of_error),
        by_judge=min(1.0, summary.judge_catches / summary.fallbacks) if summary.fallbacks else 1.0,
        repaired=_repaired([label for label in labels if label.pipeline == pipeline]),
        head_start=second * min(first or 0.0, strong or 0.0) if known else None,
        wasted=float(means.performance or 0) if known else None,
        may_skip_judge=_may_skip_judge(task),
    )


def _priced(cost: Decimal | None, seconds: float | None, value_of_second: float) -> float | None:
    """Latency counts only where a second has a price, and then it must be known."""
    if cost is None or not value_of_second:
        return None if cost is None else float(cost)
    return None if seconds is None else float(cost) + value_of_second * seconds


def _seconds(summary: TaskSummary) -> tuple[float | None, float | None]:
    """Medians: of an efficiency answer with its judge, and of a performance answer; of that the mean, where it was
    begun early, since a fallback's latency then does not hold the two one after the other."""
    accepted, fallback = (summary.latency.get(one) for one in (Outcome.ACCEPTED, Outcome.FALLBACK))
    straight = summary.latency.get(Outcome.PERFORMANCE) or summary.latency.get(Outcome.PINNED)
    first = accepted.p50 if accepted is not None else None
    if straight is not None:
        return first, straight.p50
    if summary.head_starts.needed:
        return first, summary.head_starts.seconds
    if fallback is None or first is None:
        return first, None
    return first, max(0.0, fallback.p50 - first)


def _may_skip_judge(task: ResolvedTask) -> bool:
    """Only an audited task shows what is accepted wrongly once nobody judges; peers are not told from the judge."""
    accept = task.settings.accept
    return accept.audit > 0 and accept.on_uncertified == "threshold" and "agreement" not in task.gate


def _repaired(labels: Sequence[Label]) -> float:
    """At most this share of what the judge rejected was wrong, and right afterwards; 1 while nothing is known."""
    judged = [label for label in labels if not label.accepted and label.score is not None and label.bad is not None]
    if len(judged) < FEWEST_LABELS:
        return 1.0
    repaired = sum(bool(label.bad) and label.reference_right for label in judged)
    broken = sum(not label.bad and not label.reference_right for label in judged)
    good = max(0, repaired - broken)
    return Belief(good + 1, len(judged) - good + 1).quantile(1 - DOUBT)
