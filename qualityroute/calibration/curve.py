"""What quality costs: the cascade at every threshold, and how it compares with its two tiers (judging.md E)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby, pairwise
from math import inf

from qualityroute.calibration.certificate import check_score

LEAST_GAP = 0.02
"""With less between the tiers, a share of the gap between them says nothing."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One case answered by both tiers. An unknown cost is `None`.

    Where the performance tier's answer is the label, it is right by definition.
    """

    score: float
    efficiency_right: bool
    performance_right: bool
    attempt_cost: Decimal | None = None
    """The efficiency answer with its gate, paid for every request."""
    performance_cost: Decimal | None = None

    def __post_init__(self) -> None:
        check_score(self.score)


@dataclass(frozen=True, slots=True)
class Point:
    """The cascade at one threshold."""

    threshold: float
    """Infinity where nothing is accepted."""
    quality: float
    """Share of served answers that are right."""
    performance_share: float
    """Share of requests that the performance tier answers."""
    cost: Decimal | None
    """Mean per request; `None` when a cost in it is unknown."""


def quality_curve(cases: Sequence[Compared]) -> tuple[Point, ...]:
    """A point for each threshold that makes a difference, from accepting everything to accepting nothing."""
    if not cases:
        raise ValueError("no cases; right is one or more that both tiers answered")
    right, rejected = sum(case.efficiency_right for case in cases), 0
    cost: Decimal | None = Decimal(0)
    for case in cases:
        cost = _plus(cost, case.attempt_cost)
    points = []
    for threshold, group in groupby(sorted(cases, key=_score), key=_score):
        points.append(_point(threshold, right, rejected, cost, len(cases)))
        for case in group:
            right += case.performance_right - case.efficiency_right
            rejected += 1
            cost = _plus(cost, case.performance_cost)
    return (*points, _point(inf, right, rejected, cost, len(cases)))


def _point(threshold: float, right: int, rejected: int, cost: Decimal | None, cases: int) -> Point:
    return Point(threshold, right / cases, rejected / cases, None if cost is None else cost / cases)


def _plus(total: Decimal | None, cost: Decimal | None) -> Decimal | None:
    return None if total is None or cost is None else total + cost


def _score(case: Compared) -> float:
    return case.score


def pgr(quality: float, *, efficiency: float, performance: float) -> float | None:
    """Performance gap recovered: 0 is the efficiency tier alone, 1 the performance tier; `None` without a gap."""
    gap = performance - efficiency
    return (quality - efficiency) / gap if gap >= LEAST_GAP else None


def apgr(curve: Sequence[Point]) -> float | None:
    """The area under PGR over the share of performance calls, by trapezoids over all thresholds: .5 is a coin flip."""
    if not curve:
        raise ValueError("no points; right is what `quality_curve` gives")
    area = sum(
        (right.performance_share - left.performance_share) * (left.quality + right.quality) / 2
        for left, right in pairwise(curve)
    )
    return pgr(area, efficiency=curve[0].quality, performance=curve[-1].quality)
