"""The fallback rate over time: its interval, the break-even line, and where it changed. Pure."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

from qualityroute.page.course import Course
from qualityroute.report import RateChange, TaskReport

HEIGHT = 220
WIDE, NARROW = 720, 340
ROOM_FOR_ONE = timedelta(minutes=30)
FORMATS = (
    (timedelta(days=8), "%-d %b"),
    (timedelta(days=1), "%-d %b %H:%M"),
    (timedelta(minutes=8), "%H:%M"),
    (timedelta(0), "%H:%M:%S"),
)
"""From how long a time on its moments are told so."""


def rate_spec(task: TaskReport, course: Course, width: int) -> dict[str, Any]:
    """A Vega-Lite picture `width` pixels wide; its data are numbers and times only."""
    top = top_share(task, course)
    zone, label = _break_even(task.break_even, top)
    changes = [(n, change) for n, change in enumerate(task.changes, 1) if change.at >= course.points[0].start]
    return {
        "width": width,
        "height": HEIGHT,
        # The renderer measures text without the reader's font: the last date needs some air.
        "padding": {"left": 2, "right": 10, "top": 4, "bottom": 4},
        "autosize": {"type": "fit", "contains": "padding"},
        "encoding": {"x": _time(course, changes, width), "y": _share(top)},
        "layer": [*zone, *_rate(course), *label, *_changes(course, changes)],
    }


def top_share(task: TaskReport, course: Course) -> float:
    """Up to the next fifth, so that low rates are not a line on the floor."""
    highest = max([task.break_even or 0, *(point.rate.high or 0 for point in course.points)])
    return min(1.0, max(0.2, math.ceil(highest * 5 + 0.25) / 5))


def _time(course: Course, changes: list[tuple[int, RateChange]], width: int) -> dict[str, Any]:
    moments = [*(point.start for point in course.points), *(change.at for _, change in changes)]
    times = [course.drawn_at(moment) for moment in moments]
    first, last = min(times), max(times)
    room = ROOM_FOR_ONE if first == last else (last - first) * 0.02
    first, last = first - room, last + room
    pattern = next(pattern for least, pattern in FORMATS if last - first >= least)
    axis = {"format": pattern, "grid": False, "tickCount": width // 110, "labelOverlap": True, "labelFlush": True}
    return {
        "field": "at",
        "type": "temporal",
        "scale": {"type": "utc", "nice": False, "domain": [_stamp(first), _stamp(last)]},
        "axis": {**axis, "labels": not course.brief},
    }


def _share(top: float) -> dict[str, Any]:
    axis = {"labelExpr": "format(datum.value * 100, '.0f') + ' %'", "tickCount": 5}
    return {"field": "rate", "type": "quantitative", "scale": {"domain": [0, top], "nice": False}, "axis": axis}


def _rate(course: Course) -> list[dict[str, Any]]:
    values = [
        {"at": _stamp(course.drawn_at(start)), "rate": rate.rate, "low": rate.low, "high": rate.high}
        for start, rate in ((point.start, point.rate) for point in course.points)
    ]
    size = 70 if course.few else 30 if len(course.points) < 40 else 14
    dots = {"type": "point", "filled": True, "fill": "var(--rate)", "size": size, "opacity": 1}
    line = {"type": "line", "strokeWidth": 2, "color": "var(--rate)"}
    marks = [dots] if course.few else [line, dots]
    return [{"data": {"values": values}, **layer} for layer in (_interval(course), *({"mark": mark} for mark in marks))]


def _interval(course: Course) -> dict[str, Any]:
    stroke = {"type": "rule", "strokeWidth": 6, "opacity": 0.3, "color": "var(--rate)"}
    band = {"type": "area", "opacity": 0.2, "color": "var(--rate)"}
    ends = {"y": {"field": "low", "type": "quantitative"}, "y2": {"field": "high"}}
    return {"mark": stroke if course.few else band, "encoding": ends}


def _break_even(at: float | None, top: float) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """A dashed line over a tint where trying loses money; and its name, to be drawn over the rate."""
    if at is None:
        return [], []
    data = {"values": [{"rate": max(0.0, at), "top": top}]}
    across = {"x": {"value": 0}, "x2": {"value": "width"}}
    tint = {"type": "rect", "color": "var(--loss)", "opacity": 0.09}
    rule = {"type": "rule", "color": "var(--loss)", "strokeDash": [6, 4], "strokeWidth": 1.5}
    text = {"type": "text", "align": "right", "dx": -4, "dy": -8 if at < top * 0.9 else 10, "fontWeight": 600}
    named = {"text": {"value": f"break-even {100 * at:.0f} %"}, "x": {"value": "width"}}
    zone = [
        {"data": data, "mark": tint, "encoding": {**across, "y2": {"field": "top"}}},
        {"data": data, "mark": rule, "encoding": across},
    ]
    return zone, [{"data": data, "mark": {**text, "color": "var(--loss)"}, "encoding": named}]


def _changes(course: Course, changes: list[tuple[int, RateChange]]) -> list[dict[str, Any]]:
    """Numbered, because two names side by side would stand on each other; the list below the picture tells them."""
    if not changes:
        return []
    values = [{"at": _stamp(course.drawn_at(change.at)), "number": str(n)} for n, change in changes]
    ends = {"y": {"value": 0}, "y2": {"value": "height"}}
    rule = {"type": "rule", "color": "var(--change)", "strokeDash": [2, 3], "strokeWidth": 2}
    plate = {"type": "point", "shape": "circle", "filled": True, "size": 340, "color": "var(--change)", "opacity": 1}
    number = {"type": "text", "fontWeight": 700, "color": "var(--surface)"}
    at_top = {"y": {"value": 12}}
    return [
        {"data": {"values": values}, "mark": rule, "encoding": ends},
        {"data": {"values": values}, "mark": plate, "encoding": at_top},
        {"data": {"values": values}, "mark": number, "encoding": {**at_top, "text": {"field": "number"}}},
    ]


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")
