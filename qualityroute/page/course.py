"""The points of a rate's course as they are drawn: none of too few attempts, none on top of another. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from qualityroute.report import Point
from qualityroute.report.series import rate_of

FEWEST_ATTEMPTS = 5
"""A point of one attempt is 0 % or 100 %: a line through such points tells nothing."""
FEW = 4
BRIEF = timedelta(minutes=1)
NEAR = 0.01
"""Of the whole time: points nearer to each other look like one with two rates."""


@dataclass(frozen=True, slots=True)
class Course:
    points: tuple[Point, ...]

    @classmethod
    def of(cls, series: Sequence[Point]) -> Course:
        """Neighbours are joined until each point has some attempts and some room; what is left over joins the last."""
        groups: list[list[Point]] = [[]]
        room = _room(series)
        for point in series:
            if _attempts(groups[-1]) >= FEWEST_ATTEMPTS and point.start - groups[-1][0].start >= room:
                groups.append([])
            groups[-1].append(point)
        if len(groups) > 1 and _attempts(groups[-1]) < FEWEST_ATTEMPTS:
            groups[-2:] = [groups[-2] + groups[-1]]
        return cls(tuple(_joined(group) for group in groups if _attempts(group)))

    @property
    def few(self) -> bool:
        """Too few to join by a line, which would tell of times at which nothing was tried."""
        return len(self.points) <= FEW

    @property
    def brief(self) -> bool:
        """All within a minute, as in a demonstration: drawn in their order, since their times say nothing."""
        return len(self.points) > 1 and self.points[-1].start - self.points[0].start < BRIEF

    def drawn_at(self, moment: datetime) -> datetime:
        if not self.brief:
            return moment
        place = bisect_left(self.points, moment, key=lambda point: point.start)
        return self.points[0].start + place * BRIEF


def _room(series: Sequence[Point]) -> timedelta:
    """Between two points; none in a time so brief that they are drawn in their order."""
    whole = series[-1].start - series[0].start if series else timedelta(0)
    return timedelta(0) if whole < BRIEF else whole * NEAR


def _attempts(points: Sequence[Point]) -> int:
    return sum(point.rate.of for point in points)


def _joined(points: Sequence[Point]) -> Point:
    if len(points) == 1:
        return points[0]
    return Point(points[0].start, rate_of(sum(point.rate.count for point in points), _attempts(points)))
