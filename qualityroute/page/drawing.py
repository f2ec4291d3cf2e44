"""The one door to the plot library: a Vega-Lite picture in, a small static SVG out."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from types import ModuleType
from typing import Any

from qualityroute.errors import ConfigError
from qualityroute.page.markup import Markup, tag

ELEMENTS = frozenset({"g", "path", "line", "rect", "text"})
ATTRIBUTES = (
    *("d", "x", "y", "x1", "x2", "y1", "y2", "width", "height", "transform"),
    *("fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "opacity"),
    *("font-size", "font-weight", "text-anchor"),
)
"""What a picture is made of. Links, scripts, styles and handlers are not on the lists, and so on no page."""
ALREADY_SO = {("opacity", "1"), ("stroke-width", "0"), ("font-size", "12px"), ("text-anchor", "start")}
LONG_NUMBER = re.compile(r"-?\d+\.\d{3,}")
FONT = "system-ui, sans-serif"
SVG = "http://www.w3.org/2000/svg"
VARIABLE = re.compile(r"--(\w+): (#\w+)")
VARIABLE_USED = re.compile(r"var\(--(\w+)\)")

LOOKS: dict[str, Any] = {
    "background": None,
    "font": FONT,
    "padding": 2,
    "view": {"stroke": None},
    "text": {"fontSize": 12, "fill": "var(--ink)"},
    "axis": {
        "labelFontSize": 12,
        "labelColor": "var(--quiet)",
        "labelPadding": 6,
        "title": None,
        "domain": False,
        "ticks": False,
        "gridColor": "var(--grid)",
    },
}
"""Colours are the page's own variables, so that one picture serves light, dark and paper."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A Vega-Lite specification with the words that stand for it."""

    spec: Mapping[str, Any]
    title: str
    description: str


def library() -> ModuleType:
    """The renderer. Raises `ConfigError` where the extra is not installed."""
    try:
        import vl_convert  # noqa: PLC0415  (an optional extra of 84 MB)
    except ImportError:
        raise ConfigError(
            "vl-convert-python is not installed: drawing needs the extra 'html': pip install 'qualityroute[html]'"
        ) from None
    return vl_convert


def drawn(picture: Picture, name: str, *, shown: str = "") -> Markup:
    """The picture as inline SVG. `name` is unique on the page; `shown` is the class that says on which screens."""
    root = _still(picture)
    return tag(
        "svg",
        tag("title", picture.title, id=f"{name}-title"),
        tag("desc", picture.description, id=f"{name}-desc"),
        *_kept_children(root),
        viewBox=root.get("viewBox"),
        role="img",
        aria_labelledby=f"{name}-title",
        aria_describedby=f"{name}-desc",
        class_=f"picture {shown}".strip(),
    )


def svg_file(picture: Picture) -> str:
    """The picture as a file of its own, in the page's light colours: not every viewer of SVG knows variables."""
    root = _still(picture)
    drawing = tag(
        "svg",
        tag("title", picture.title),
        tag("desc", picture.description),
        tag("metadata", "qualityroute"),
        tag("rect", width="100%", height="100%", fill="var(--surface)"),
        *_kept_children(root),
        xmlns=SVG,
        viewBox=root.get("viewBox"),
        width=root.get("width"),
        height=root.get("height"),
        font_family=FONT,
    )
    colors = dict(reversed(VARIABLE.findall(style())))  # the light ones stand first
    return VARIABLE_USED.sub(lambda used: colors[used[1]], drawing.html) + "\n"


def style() -> str:
    """The page's style sheet."""
    return resources.files("qualityroute.page").joinpath("style.css").read_text(encoding="utf-8")


def _still(picture: Picture) -> ElementTree.Element:
    spec = {"$schema": "https://vega.github.io/schema/vega-lite/v6.json", "config": LOOKS, **picture.spec}
    found = library().vegalite_to_svg(spec, allowed_base_urls=[], show_warnings=False)
    return ElementTree.fromstring(found)  # noqa: S314  (the library's own output, which has no entities)


def _kept_children(parent: ElementTree.Element) -> Iterator[Markup]:
    for child in parent:
        kept = _kept(child)
        if kept is not None:
            yield kept


def _kept(element: ElementTree.Element) -> Markup | None:
    """The element without what a still picture does not need; `None` when nothing of it can be seen."""
    name = element.tag.rpartition("}")[2]
    if name not in ELEMENTS or element.get("class") == "background":
        return None
    children = list(_kept_children(element))
    attributes = {key: value for key, value in _attributes(element) if (key, value) not in ALREADY_SO}
    if name == "g" and not any(child.html for child in children):
        return None
    if name == "path" and not attributes.get("d"):
        return None
    if name == "g" and not attributes:
        return Markup("".join(child.html for child in children))
    return tag(name, element.text, *children, **attributes)


def _attributes(element: ElementTree.Element) -> Sequence[tuple[str, str]]:
    found = ((key, element.get(key)) for key in ATTRIBUTES)
    return [(key, LONG_NUMBER.sub(_rounded, value)) for key, value in found if value is not None]


def _rounded(match: re.Match[str]) -> str:
    return f"{float(match[0]):.2f}".rstrip("0").rstrip(".")
