"""Horizontal bars, each under its own words, so that long names fit a phone. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from qualityroute.render.safe import visible

WIDTH = 340
ROW = 42
WORDS, BAR_TOP, BAR_BOTTOM = 9, 20, 32
"""Pixels below a row's upper edge."""
MOST_OF_A_LABEL = 38


@dataclass(frozen=True, slots=True)
class Row:
    """A bar from `start` to `end`, its name, and its amount in words."""

    label: str
    amount: str
    start: float
    end: float
    color: str
    estimated: bool = False
    """Drawn as an outline: it did not happen."""
    ranged: bool = False
    """From a median (a dot) to a high end (a stroke)."""


def rows_spec(rows: Sequence[Row], whole: float | None = None) -> dict[str, Any]:
    """A Vega-Lite picture. Labels stand in its data, never in an expression.

    A bar as long as `whole` fills its track; without it, the longest does.
    """
    # The dot and the stroke at a range's end need room.
    most = whole or max((row.end * (1.03 if row.ranged else 1) for row in rows), default=0) or 1
    return {
        "width": WIDTH,
        "height": ROW * len(rows) - ROW + BAR_BOTTOM,
        "padding": 1,
        "autosize": "none",
        "data": {"values": [_values(row, place * ROW, most) for place, row in enumerate(rows)]},
        "layer": [*_words(), _track(most), *_bars(), *_ranges()],
    }


def _values(row: Row, top: int, most: float) -> dict[str, Any]:
    return {
        "label": visible(row.label, MOST_OF_A_LABEL),
        "amount": visible(row.amount, MOST_OF_A_LABEL),
        "start": row.start,
        # A bar too thin to be seen would be a lie the other way.
        "end": max(row.end, row.start + most * 0.004) if row.end > row.start else row.end,
        "color": row.color,
        "kind": "range" if row.ranged else "estimate" if row.estimated else "bar",
        "words": top + WORDS,
        "top": top + BAR_TOP,
        "bottom": top + BAR_BOTTOM,
        "middle": top + (BAR_TOP + BAR_BOTTOM) / 2,
    }


def _pixels(field: str) -> dict[str, Any]:
    return {"field": field, "type": "quantitative", "scale": None, "axis": None}


def _amount(field: str) -> dict[str, Any]:
    return {"field": field, "type": "quantitative", "axis": None}


def _words() -> list[dict[str, Any]]:
    label = {"type": "text", "align": "left", "baseline": "middle"}
    amount = {"type": "text", "align": "right", "baseline": "middle", "fontWeight": 600}
    return [
        {"mark": label, "encoding": {"x": {"value": 0}, "y": _pixels("words"), "text": {"field": "label"}}},
        {"mark": amount, "encoding": {"x": {"value": "width"}, "y": _pixels("words"), "text": {"field": "amount"}}},
    ]


def _track(most: float) -> dict[str, Any]:
    scale = {"domain": [0, most], "nice": False, "zero": True}
    whole = {"x": {"datum": 0, "type": "quantitative", "scale": scale, "axis": None}, "x2": {"datum": most}}
    mark = {"type": "rect", "color": "var(--track)", "cornerRadius": 3}
    return {"mark": mark, "encoding": {**whole, "y": _pixels("top"), "y2": {"field": "bottom"}}}


def _bars() -> list[dict[str, Any]]:
    span = {"x": _amount("start"), "x2": {"field": "end"}, "y": _pixels("top"), "y2": {"field": "bottom"}}
    fill = {"fill": {"field": "color", "type": "nominal", "scale": None}}
    outline = {"stroke": {"field": "color", "type": "nominal", "scale": None}}
    dashed = {"type": "rect", "cornerRadius": 3, "fillOpacity": 0, "strokeDash": [4, 3], "strokeWidth": 1.5}
    return [
        {"transform": _only("bar"), "mark": {"type": "rect", "cornerRadius": 3}, "encoding": {**span, **fill}},
        {"transform": _only("estimate"), "mark": dashed, "encoding": {**span, **outline}},
    ]


def _ranges() -> list[dict[str, Any]]:
    color = {"color": {"field": "color", "type": "nominal", "scale": None}}
    span = {"x": _amount("start"), "x2": {"field": "end"}, "y": _pixels("middle")}
    dot = {"x": _amount("start"), "y": _pixels("middle")}
    end = {"x": _amount("end"), "y": _pixels("top"), "y2": {"field": "bottom"}}
    return [
        {"transform": _only("range"), "mark": {"type": "rule", "strokeWidth": 4}, "encoding": {**span, **color}},
        {"transform": _only("range"), "mark": {"type": "rule", "strokeWidth": 3}, "encoding": {**end, **color}},
        {
            "transform": _only("range"),
            "mark": {"type": "point", "filled": True, "size": 90, "opacity": 1},
            "encoding": {**dot, **color},
        },
    ]


def _only(kind: str) -> list[dict[str, Any]]:
    return [{"filter": {"field": "kind", "equal": kind}}]
