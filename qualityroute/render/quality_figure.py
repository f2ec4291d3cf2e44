"""What quality costs, as points to draw: the curve over thresholds, both tiers, and what is in use. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias

from qualityroute.render.words import dollars, percent
from qualityroute.tier_comparison import TierComparison

Place: TypeAlias = tuple[float, float]
"""Cost, or the share of performance calls where costs are unknown; and the share of right answers."""
_AIR = 0.06
"""Of a range, left free at its ends."""


class Sign(StrEnum):
    """What a mark says, by a letter that every terminal has."""

    EFFICIENCY = "E"
    PERFORMANCE = "P"
    IN_USE = "o"
    CERTIFIED = "C"


@dataclass(frozen=True, slots=True)
class Mark:
    sign: Sign
    name: str
    at: Place


@dataclass(frozen=True, slots=True)
class QualityFigure:
    curve: tuple[Place, ...]
    marks: tuple[Mark, ...]
    """The tiers first, then what is in use."""
    by_cost: bool
    """Is the x axis mean USD per request? Else it is the share of requests that performance answers."""

    @property
    def flip(self) -> tuple[Place, Place]:
        """A coin flipped for each request, from all efficiency to all performance."""
        return self.marks[0].at, self.marks[1].at

    @property
    def x_range(self) -> Place:
        most = max(x for x, _ in self._places)
        return 0.0, (most * (1 + _AIR) or 1.0) if self.by_cost else 1.0

    @property
    def y_range(self) -> Place:
        found = [y for _, y in self._places]
        air = max((max(found) - min(found)) * _AIR, 0.01)
        return max(0.0, min(found) - air), min(1.0, max(found) + air)

    @property
    def x_name(self) -> str:
        return "USD per request" if self.by_cost else "share answered by performance"

    def x_text(self, x: float) -> str:
        return dollars(Decimal(repr(x))) if self.by_cost else percent(x)

    @property
    def _places(self) -> Sequence[Place]:
        return (*self.curve, *(mark.at for mark in self.marks))


def quality_figure(
    comparison: TierComparison, *, in_use: float | None = None, certified: float | None = None
) -> QualityFigure | None:
    """`None` without a case.

    Args:
        in_use: the threshold that the gate accepts at; left out, what the gate did is marked itself.
        certified: the threshold that is proven, if one is.
    """
    if not comparison.cases:
        return None
    first, last = comparison.curve[0], comparison.curve[-1]
    by_cost = first.cost is not None and last.cost is not None
    curve = tuple(
        (float(point.cost) if by_cost and point.cost is not None else point.performance_share, point.quality)
        for point in comparison.curve
    )
    # The last point of the curve pays for the attempts as well; who asks performance at once does not.
    whole = curve[-1][0] - curve[0][0] if by_cost else 1.0
    tiers = (
        Mark(Sign.EFFICIENCY, "all efficiency", curve[0]),
        Mark(Sign.PERFORMANCE, "all performance", (whole, curve[-1][1])),
    )
    marks = _in_use(comparison, curve, in_use, certified, by_cost=by_cost)
    return QualityFigure(curve, (*tiers, *marks), by_cost)


def _in_use(
    comparison: TierComparison,
    curve: Sequence[Place],
    in_use: float | None,
    certified: float | None,
    *,
    by_cost: bool,
) -> Sequence[Mark]:
    if in_use is None:
        return [Mark(Sign.IN_USE, "the gate as it is", _as_it_is(comparison, by_cost=by_cost))]
    named = [(Sign.IN_USE, "threshold in use", in_use)] if in_use != certified else []
    if certified is not None:
        named.append((Sign.CERTIFIED, "certified threshold" + ("" if named else ", in use"), certified))
    marks = []
    for sign, name, threshold in named:
        point = comparison.at(threshold)
        assert point is not None  # the last one stands for every threshold above the scores
        marks.append(Mark(sign, f"{name}, {threshold:.3g}", curve[comparison.curve.index(point)]))
    return marks


def _as_it_is(comparison: TierComparison, *, by_cost: bool) -> Place:
    quality, cost, coverage = comparison.cascade_quality, comparison.spending.cascade, comparison.confusion.coverage
    assert quality is not None
    assert coverage is not None
    return (float(cost) if by_cost and cost is not None else 1 - coverage, quality)
