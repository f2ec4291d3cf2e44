"""How fast a figure grows: Theil and Sen's slope, which a few wild values do not move, with its interval."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

Z95 = 1.959964


@dataclass(frozen=True)
class Slope:
    """Units of y for one of x, and a 95 % interval."""

    value: float
    low: float
    high: float

    def times(self, factor: float) -> Slope:
        return Slope(self.value * factor, self.low * factor, self.high * factor)

    def __str__(self) -> str:
        return f"{self.value:+.2f} [{self.low:+.2f} to {self.high:+.2f}]"


def slope_of(points: Sequence[tuple[float, float]]) -> Slope:
    """The median of the slopes of all pairs; the interval by Kendall's statistic, as of independent points.

    P. K. Sen (1968), "Estimates of the regression coefficient based on Kendall's tau", JASA 63, 1379-1389. Neighbouring
    measurements of one process resemble each other, so join them by `medians` first; what is left of it makes the true
    interval somewhat wider. Raises `ValueError` for fewer than three points.
    """
    if len(points) < 3:
        raise ValueError(f"a slope with an interval needs 3 points, not {len(points)}")
    slopes = sorted((y2 - y1) / (x2 - x1) for (x1, y1), (x2, y2) in combinations(points, 2) if x1 != x2)
    count = len(points)
    half = Z95 * math.sqrt(count * (count - 1) * (2 * count + 5) / 18) / 2
    middle = len(slopes) / 2
    low, high = max(0, math.floor(middle - half)), min(len(slopes) - 1, math.ceil(middle + half))
    return Slope(statistics.median(slopes), slopes[low], slopes[high])


def medians(points: Sequence[tuple[float, float]], parts: int) -> list[tuple[float, float]]:
    """The points in order, joined into so many of about the same size, each by the medians of x and of y."""
    bounds = [len(points) * part // parts for part in range(parts + 1)]
    groups = [points[start:end] for start, end in pairwise(bounds) if end > start]
    return [(statistics.median(x for x, _ in group), statistics.median(y for _, y in group)) for group in groups]
