"""The fallback rate over time, in few enough points to be looked at. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby

from qualityroute.report.facts import Point, Rate
from qualityroute.signal import wilson
from qualityroute.store import FirstAttempt, HourSummary

MOST_POINTS = 72
FEWEST_HOURS = 4
GROUPS = 20
SMALLEST_GROUP = 5
"""A rate of fewer is all or nothing, and a picture of such rates a zigzag."""


def rate_of(count: int, of: int) -> Rate:
    if not of:
        return Rate(None, None, None, 0, 0)
    interval = wilson(count, of)
    return Rate(count / of, interval.low, interval.high, count, of)


def series(hours: Sequence[HourSummary], first: Sequence[FirstAttempt]) -> tuple[Point, ...]:
    """By hours, or days where there are many hours; by groups of sessions' first attempts where there are few.

    Where groups would be as few, hours it is: they have every attempt, as the rate that is told beside them.
    """
    if len(hours) < FEWEST_HOURS <= len(first) // SMALLEST_GROUP:
        return _in_groups(first)
    if len(hours) <= MOST_POINTS:
        return tuple(Point(hour.hour, rate_of(hour.fallbacks, hour.attempts)) for hour in hours)
    return _by_days(hours)


def _by_days(hours: Sequence[HourSummary]) -> tuple[Point, ...]:
    points = []
    for day, group in groupby(hours, key=lambda hour: hour.hour.replace(hour=0)):
        found = list(group)
        rate = rate_of(sum(hour.fallbacks for hour in found), sum(hour.attempts for hour in found))
        points.append(Point(day, rate))
    return tuple(points)


def _in_groups(first: Sequence[FirstAttempt]) -> tuple[Point, ...]:
    size = max(SMALLEST_GROUP, -(-len(first) // GROUPS))
    points: list[Point] = []
    latest: datetime | None = None
    for start in range(0, len(first), size):
        group = first[start : start + size]
        # Two groups at one moment would stand on each other in a picture.
        latest = group[0].at if latest is None or group[0].at > latest else latest + timedelta(milliseconds=1)
        points.append(Point(latest, rate_of(sum(attempt.failed for attempt in group), len(group))))
    return tuple(points)
