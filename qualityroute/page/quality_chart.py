"""What quality costs, as a picture: the curve over thresholds, both tiers, the coin flip, what is in use. Pure."""

from __future__ import annotations

from typing import Any

from qualityroute.page.drawing import Picture
from qualityroute.render.quality_figure import Mark, QualityFigure, Sign
from qualityroute.render.safe import visible
from qualityroute.render.words import percent

WIDTH, HEIGHT = 720, 360
KEY_LETTER, KEY_GAP = 6.9, 28.0
"""Pixels, about: of a letter in the key, and of a shape with the space around it. Four names have room side by side."""
ABOVE = -16
"""Where the key stands, from the picture's upper edge."""
COLORS = {
    Sign.EFFICIENCY: "var(--rate)",
    Sign.PERFORMANCE: "var(--change)",
    Sign.IN_USE: "var(--ink)",
    Sign.CERTIFIED: "var(--good)",
}
SHAPES = {Sign.IN_USE: "circle", Sign.CERTIFIED: "diamond"}


def quality_picture(figure: QualityFigure, task: str) -> Picture:
    """With the words that stand for it."""
    marks = "; ".join(
        f"{mark.name}: {percent(mark.at[1])} right at {figure.x_text(mark.at[0])}" for mark in figure.marks
    )
    return Picture(quality_spec(figure), f"Right answers against {figure.x_name}, task {visible(task, 60)}", marks)


def quality_spec(figure: QualityFigure) -> dict[str, Any]:
    """A Vega-Lite picture; its data are numbers and our own words only."""
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "padding": {"left": 4, "right": 12, "top": 8 - ABOVE, "bottom": 4},
        "autosize": {"type": "fit", "contains": "padding"},
        "encoding": {"x": _x(figure), "y": _y(figure)},
        "layer": [_flip(figure), *_curve(figure), *map(_mark, figure.marks), *_key(figure)],
    }


def _x(figure: QualityFigure) -> dict[str, Any]:
    shown = "format(datum.value, '$.3~r')" if figure.by_cost else "format(datum.value * 100, '.0f') + ' %'"
    axis = {"labelExpr": shown, "tickCount": 6, "grid": False, "title": figure.x_name, **_TITLE}
    return {"field": "x", "type": "quantitative", "scale": _scale(figure.x_range), "axis": axis}


def _y(figure: QualityFigure) -> dict[str, Any]:
    shown = "format(datum.value * 100, '.3~r') + ' %'"
    axis = {"labelExpr": shown, "tickCount": 6, "title": "right answers", **_TITLE}
    return {"field": "y", "type": "quantitative", "scale": _scale(figure.y_range), "axis": axis}


_TITLE = {"titleColor": "var(--quiet)", "titleFontSize": 12, "titleFontWeight": "normal", "titlePadding": 8}


def _scale(span: tuple[float, float]) -> dict[str, Any]:
    return {"domain": list(span), "nice": False, "zero": False}


def _flip(figure: QualityFigure) -> dict[str, Any]:
    mark = {"type": "line", "color": "var(--quiet)", "strokeDash": [3, 4], "strokeWidth": 1.5}
    return {"data": _data(figure.flip), "mark": mark}


def _curve(figure: QualityFigure) -> list[dict[str, Any]]:
    line = {"type": "line", "color": "var(--rate)", "strokeWidth": 2}
    dots = {"type": "point", "filled": True, "fill": "var(--rate)", "size": 14, "opacity": 1}
    in_order = {"order": {"field": "n", "type": "quantitative"}}
    return [{"data": _data(figure.curve), "mark": mark, "encoding": in_order} for mark in (line, dots)]


def _mark(mark: Mark) -> dict[str, Any]:
    return {"data": _data([mark.at]), "mark": _shape(mark)}


def _key(figure: QualityFigure) -> list[dict[str, Any]]:
    """What each shape means, in a row above the picture: beside the shapes, names would stand on the curve."""
    nowhere = {"values": [{"n": 0}]}
    layers: list[dict[str, Any]] = []
    x = 8.0
    for mark in figure.marks:
        name = {"text": {"value": mark.name}}
        text = {**_KEY_TEXT, "color": COLORS[mark.sign]}
        layers += [
            {"data": nowhere, "mark": _shape(mark), "encoding": {"x": {"value": x}, "y": {"value": ABOVE}}},
            {"data": nowhere, "mark": text, "encoding": {"x": {"value": x + 10}, "y": {"value": ABOVE}, **name}},
        ]
        x += KEY_GAP + len(mark.name) * KEY_LETTER
    return layers


_KEY_TEXT = {"type": "text", "align": "left", "baseline": "middle", "fontWeight": 600, "fontSize": 11}


def _shape(mark: Mark) -> dict[str, Any]:
    shape = SHAPES.get(mark.sign, "square")
    return {"type": "point", "filled": True, "opacity": 1, "size": 110, "shape": shape, "color": COLORS[mark.sign]}


def _data(places: Any) -> dict[str, Any]:
    return {"values": [{"x": x, "y": y, "n": n} for n, (x, y) in enumerate(places)]}
