"""The soak's picture: what was sampled over its minutes, one panel a figure, as SVG and as PNG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from qualityroute.page.drawing import LOOKS, Picture, library, svg_file

PANELS: Sequence[tuple[str, tuple[str, ...]]] = (
    ("Memory, MiB", ("resident", "anonymous")),
    ("Malloc, MiB", ("heap used", "heap free", "sqlite")),
    ("Latency, ms", ("p50", "p99")),
    ("Open files, threads, tasks", ("files", "threads", "tasks")),
    ("Objects, thousands", ("objects",)),
    ("Store, MiB", ("store", "wal")),
    ("Failed requests in 100", ("failed",)),
)
COLORS = ("#2563a8", "#c2570c", "#3d7f3d")
ROOM = {"left": 12, "right": 36, "top": 8, "bottom": 8}
"""Around it all: who shows the picture has letters of other widths than those it was measured with."""
AXIS_WIDTH = 48
"""Of each panel's numbers, so that all panels begin at one minute 0."""


def write_pictures(samples: Sequence[Mapping[str, Any]], title: str, svg: Path, png: Path) -> None:
    picture = Picture(_spec(samples), title, "What a gateway's process holds, over the minutes of a soak.")
    svg.write_text(svg_file(picture))
    spec = {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "config": {
            **LOOKS,
            "background": "white",
            "axis": {**LOOKS["axis"], "labelColor": "#555", "gridColor": "#ddd"},
        },
        **picture.spec,
    }
    png.write_bytes(library().vegalite_to_png(spec, scale=1.5))


def _spec(samples: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    panels = [_panel(name, figures, samples) for name, figures in PANELS]
    return {"vconcat": panels, "spacing": 14, "padding": ROOM, "resolve": {"scale": {"color": "independent"}}}


def _panel(name: str, figures: Sequence[str], samples: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    values = [
        {"minute": sample["minute"], "value": sample[figure], "figure": figure}
        for figure in figures
        for sample in samples
        if sample.get(figure) is not None
    ]
    color = {"field": "figure", "type": "nominal", "scale": {"domain": figures, "range": COLORS[: len(figures)]}}
    return {
        "title": {"text": name, "anchor": "start", "frame": "group", "fontSize": 12, "fontWeight": "normal"},
        "width": 760,
        "height": 110,
        "data": {"values": values},
        "mark": {"type": "line", "strokeWidth": 1.2, "clip": True},
        "encoding": {
            "x": {
                "field": "minute",
                "type": "quantitative",
                "axis": {"title": "minutes", "tickCount": 12, "titleFontWeight": "normal"},
            },
            "y": {
                "field": "value",
                "type": "quantitative",
                "axis": {"title": None, "tickCount": 4, "minExtent": AXIS_WIDTH, "maxExtent": AXIS_WIDTH},
            },
            "color": {**color, "legend": {"title": None, "orient": "right"}},
        },
    }
