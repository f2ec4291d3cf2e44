"""Small pictures that cost nothing to draw: a rate over time, and amounts as bars.

They stretch to any width, so their words stand beside them in HTML. `drawing.py` has the pictures with axes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from qualityroute.page.course import Course
from qualityroute.page.markup import Markup, tag
from qualityroute.page.rate_chart import top_share
from qualityroute.render.words import percent
from qualityroute.report import Point, TaskReport

WIDTH, HEIGHT = 1000.0, 100.0
BAR_HEIGHT = 10
LONG = timedelta(days=3)
"""From how long a time on the hours of its ends do not matter."""
THINNEST = 4.0
"""Of a width of 1000: a bar too thin to be seen would be a lie."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a bar: its length as a share of the bar's whole, and its colour."""

    share: float
    color: str
    outlined: bool = False
    """It did not happen: an estimate."""


def bar(parts: Sequence[Part], says: str) -> Markup:
    """Parts end to end on a track; `says` is what the picture tells in words."""
    drawn, reached = [tag("rect", class_="track", width=WIDTH, height=BAR_HEIGHT)], 0.0
    for part in parts:
        width = min(max(part.share * WIDTH, THINNEST if part.share > 0 else 0), WIDTH - reached)
        paint = {"class_": "estimate", "stroke": part.color} if part.outlined else {"fill": part.color}
        drawn.append(tag("rect", x=_number(reached), width=_number(width), height=BAR_HEIGHT, **paint))
        reached += width
    return _picture("bar", f"0 0 {WIDTH:.0f} {BAR_HEIGHT}", says, drawn)


def rate_strip(task: TaskReport) -> Markup | None:
    """The fallback rate with its interval, break-even and changes; `None` before anything was judged."""
    course = Course.of(task.series)
    if not course.points:
        return None
    first, last = course.points[0].start, course.points[-1].start
    top = top_share(task, course)
    place = _Place(course, top)
    says = (
        f"Fallback rate over time: {percent(course.points[0].rate.rate)} at first, "
        f"{percent(course.points[-1].rate.rate)} in the end; break-even {percent(task.break_even)}."
    )
    picture = _picture("strip", f"0 0 {WIDTH:.0f} {HEIGHT:.0f}", says, list(_strip(task, course, place)))
    scale = tag("span", tag("span", percent(top)), tag("span", "0 %"), class_="scale", aria_hidden="true")
    ends = [first] if first == last else [first, last]
    hours = " %H:%M" if last - first < LONG else ""
    times = tag("span", [tag("span", f"{at.day} {at:%b{hours}}") for at in ends], class_="times", aria_hidden="true")
    return tag("div", scale, picture, times, class_="plot")


class _Place:
    """Where a moment and a share stand in the picture."""

    def __init__(self, course: Course, top: float) -> None:
        self._course, self._top = course, top
        self._first = course.drawn_at(course.points[0].start)
        self._span = (course.drawn_at(course.points[-1].start) - self._first).total_seconds()

    def x(self, moment: datetime) -> str:
        if not self._span:
            return _number(WIDTH / 2)
        away = (self._course.drawn_at(moment) - self._first).total_seconds()
        return _number(10 + (WIDTH - 20) * min(max(away / self._span, 0), 1))

    def y(self, share: float | None) -> str:
        return _number(HEIGHT * (1 - min(max(share or 0, 0), self._top) / self._top))


def _strip(task: TaskReport, course: Course, place: _Place) -> Iterator[Markup]:
    if task.break_even is not None:
        at = place.y(task.break_even)
        yield tag("rect", class_="losing", width=WIDTH, height=at)
        yield tag("path", class_="even-line", d=f"M0 {at}H{WIDTH:.0f}")
    for change in task.changes:
        if change.at >= course.points[0].start:
            yield tag("path", class_="change-line", d=f"M{place.x(change.at)} 0V{HEIGHT:.0f}")
    yield from _points(course.points, place) if course.few else _line(course.points, place)


def _line(points: Sequence[Point], place: _Place) -> Iterator[Markup]:
    upper = [f"{place.x(point.start)} {place.y(point.rate.high)}" for point in points]
    lower = [f"{place.x(point.start)} {place.y(point.rate.low)}" for point in reversed(points)]
    yield tag("path", class_="band", d=f"M{'L'.join(upper + lower)}Z")
    middle = "L".join(f"{place.x(point.start)} {place.y(point.rate.rate)}" for point in points)
    yield tag("path", class_="line", d=f"M{middle}")


def _points(points: Sequence[Point], place: _Place) -> Iterator[Markup]:
    """Strokes and dots; a stroke of no length with round ends is a dot however the picture is stretched."""
    for point in points:
        x = place.x(point.start)
        yield tag("path", class_="reach", d=f"M{x} {place.y(point.rate.low)}V{place.y(point.rate.high)}")
        yield tag("path", class_="dot", d=f"M{x} {place.y(point.rate.rate)}h0")


def _picture(kind: str, box: str, says: str, drawn: Sequence[Markup]) -> Markup:
    return tag("svg", drawn, viewBox=box, preserveAspectRatio="none", role="img", aria_label=says, class_=kind)


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
